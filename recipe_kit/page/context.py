"""Everything the template of a profile can show, made from a record and its recipe."""

from collections.abc import Mapping
from typing import Any

from recipe_kit.page import (
    about_change,
    about_data,
    about_run,
    about_scores,
    about_training,
    numbers,
    words,
)
from recipe_kit.page.figures import Figure, main_scores
from recipe_kit.page.markdown import Md, code, image, text
from recipe_kit.record.schemas import Record
from recipe_kit.spec.prose import Prose
from recipe_kit.spec.recipe import Recipe


def context(
    record: Record, recipe: Recipe, prose: Mapping[str, Md], figures: Mapping[str, Figure]
) -> dict[str, Any]:
    """The variables of the template `test-finetune-test`."""
    tuned = bool(record.training)
    model = record.model
    size = f"({numbers.count(model.parameters)} parameters)" if model.parameters else ""
    filled: dict[str, Md | None] = dict.fromkeys(Prose.model_fields)
    return {
        "title": recipe.title,
        "authors": about_run.authors(recipe),
        "overview_table": about_run.overview(record, recipe),
        "embedded": model.embedded,
        "model_name": model.name,
        "model_size": size,
        "model_about": words.about_model(model),
        "model_note": words.embedded_note(model),
        "prose": {**filled, **prose},
        "tuned": tuned,
        "enough": record.gate.enough,
        "test_samples": numbers.num(max(f.samples for f in record.benchmarks.values())),
        "overridden": bool(record.overrides),
        "known_leakage": bool(record.data.audit.allowed_leakage),
        "on_validation": about_scores.on_validation(record),
        "verdict": about_change.verdict(record),
        "headline": about_change.headline(record),
        "regressions": about_change.regressions(record),
        **_of_data(record),
        "tasks": _tasks(record),
        "run_command": about_run.run_command(record),
        "asked_base": about_scores.asked(record, "base"),
        "asked_tuned": about_scores.asked(record, "tuned"),
        "log_base": about_scores.log_entry(record, "base"),
        "log_tuned": about_scores.log_entry(record, "tuned"),
        "accuracy_formula": about_scores.accuracy_formula(record),
        "scored": [_scored(record, *which, figures) for which in about_scores.every_task(record)],
        "gate": about_scores.gate(record),
        "gate_sentence": about_scores.gate_sentence(record),
        "missed": _missed(record),
        **_of_training(record, figures),
        "compared": _compared(record, figures),
        "ablations": about_change.ablations(record),
        "ablation_regressions": [
            {"name": code(name), "listed": listed}
            for name, listed in about_change.ablation_regressions(record)
        ],
        "galleries": [
            {"title": title, "what": what, "pictures": pictures}
            for title, what, pictures in about_change.galleries(record)
        ],
        "provenance": about_run.provenance(record),
        "stages": about_run.stages(record),
        "reproduce": about_run.reproduce(record),
        "resources": about_run.resources(record, recipe),
    }


def _of_data(record: Record) -> dict[str, Md]:
    return {
        "dataset_rows": about_data.dataset_rows(record),
        "sources": about_data.sources(record),
        "credits": about_data.credits_of(record),
        "balance": about_data.balance(record),
        "audit": about_data.audit(record),
        "audit_notes": about_data.audit_notes(record),
        "guidelines": about_data.guidelines(record),
    }


def _of_training(record: Record, figures: Mapping[str, Figure]) -> dict[str, Md]:
    return {
        "training_sources": about_data.training_sources(record),
        "triple": about_data.triple(record),
        "layout": about_data.layout(record),
        "training_facts": about_training.facts(record),
        "configuration": about_training.configuration(record),
        "knobs": about_data.knobs(record),
        "validations": about_training.validations(record),
        "stop_sentence": about_training.stop_sentence(record),
        "training_plot": _plots(figures, "training.loss", "training.accuracy"),
    }


def _tasks(record: Record) -> list[dict[str, Any]]:
    asked = {task for facts in record.benchmarks.values() for task in facts.tasks}
    found: list[dict[str, Any]] = []
    seen: set[str] = set()
    for name, task in words.tasks(record).items():
        if name not in asked:
            continue
        found.append(
            {
                "title": task.title,
                "again": task.title in seen,
                "name": name,
                "prompt": task.prompt,
                "choices": Md(", ".join(text(choice) for choice in task.choices)),
                "label": code(task.label),
                "hazard": task.hazard,
            }
        )
        seen.add(task.title)
    return found


def _scored(
    record: Record, benchmark: str, task: str, figures: Mapping[str, Figure]
) -> dict[str, Md]:
    key = f"{benchmark}.{task}"
    return {
        "caption": about_scores.caption(record, benchmark, task),
        "metrics": about_scores.metrics(record, benchmark, task, "base"),
        "confusion": _plots(figures, f"confusion.base.{key}"),
        "uncertainty": Md("")
        if record.training
        else _plots(figures, f"reliability.{key}", f"coverage.{key}"),
        "slices": about_scores.slices(record, benchmark, task),
        "slice_plots": _plots(figures, f"category.{key}", f"source.{key}"),
    }


def _compared(record: Record, figures: Mapping[str, Figure]) -> list[dict[str, Md]]:
    found = []
    for benchmark, comparison in about_change.main_comparisons(record).items():
        for task in comparison.tasks:
            key = f"{benchmark}.{task}"
            roles = main_scores(record, benchmark, task)
            found.append(
                {
                    "caption": about_scores.caption(record, benchmark, task),
                    "differences": about_change.differences(record, benchmark, task),
                    "flips": about_change.flips(record, benchmark, task),
                    "slices": about_change.slice_changes(record, benchmark, task),
                    "plots": _plots(
                        figures,
                        *(f"confusion.{role}.{key}" for role in roles),
                        f"category.{key}", f"source.{key}",
                        f"reliability.{key}", f"coverage.{key}",
                    ),
                }
            )
    return found


def _plots(figures: Mapping[str, Figure], *keys: str) -> Md:
    """Plots side by side where there is room."""
    shown = [figures[key] for key in keys if key in figures]
    return Md("\n".join(image(plot.file, plot.alt, plot.width) for plot in shown))


def _missed(record: Record) -> Md:
    """The targets that the base model did not meet, in words."""
    parts = []
    for target in record.gate.targets:
        if target.met:
            continue
        name, score, least = target.metric, target.score, target.comparison == "at least"
        compared, of = score.value, ""
        if record.gate.decide_by == "interval":
            compared = score.low if least else score.high
            of = f" (the {'lower' if least else 'upper'} end of its 95% interval)"
        parts.append(
            f"{numbers.in_a_sentence(name)} on {code(target.task)} was "
            f"{numbers.short_of(name, compared, target.threshold)}{of}, and {target.comparison} "
            f"{numbers.threshold(name, target.threshold)} was asked for"
        )
    return Md("; ".join(parts))
