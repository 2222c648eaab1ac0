"""Everything the template of a profile can show, made from a record and its recipe."""

from collections.abc import Mapping
from typing import Any

from recipe_kit.page import (
    about_ablations,
    about_benchmark,
    about_change,
    about_choice,
    about_criteria,
    about_curation,
    about_data,
    about_examples,
    about_gaps,
    about_results,
    about_run,
    about_scores,
    about_settings,
    about_training,
    context_tasks,
    numbers,
    words,
)
from recipe_kit.page.markdown import Md, bullets, code
from recipe_kit.page.plot_kinds import Figure
from recipe_kit.page.prose import below, items, pairs
from recipe_kit.page.shared import shared
from recipe_kit.record.schemas import Record
from recipe_kit.spec.recipe import Recipe


def context(
    record: Record, recipe: Recipe, prose: Mapping[str, Md], figures: Mapping[str, Figure]
) -> dict[str, Any]:
    """The variables of every profile's template."""
    return {
        **shared(record, recipe, prose),
        "authors": about_run.authors(recipe),
        "overview_table": about_run.overview(record, recipe),
        "model_about": words.about_model(record.model),
        "why_untrained": words.why_untrained(record),
        "test_samples": numbers.num(max(f.samples for f in record.benchmarks.values())),
        "known_leakage": bool(record.data.audit.allowed_leakage),
        "on_validation": about_scores.on_validation(record),
        "verdict": about_change.verdict(record),
        "headline": about_change.headline(record),
        "regressions": about_change.regressions(record),
        **_of_data(record),
        "tasks": context_tasks.tasks(record),
        **_of_benchmark(record, recipe),
        **_of_analysis(record, prose),
        **_of_curation(record, prose),
        **_of_settings(record, prose),
        **_of_results(record, prose),
        "run_command": about_run.run_command(record),
        "asked_base": about_scores.asked(record, "base"),
        "asked_tuned": about_scores.asked(record, "tuned"),
        "log_base": about_scores.log_entry(record, "base"),
        "log_tuned": about_scores.log_entry(record, "tuned"),
        "accuracy_formula": about_scores.accuracy_formula(record),
        "scored": [
            context_tasks.scored(record, *which, figures)
            for which in about_scores.every_task(record)
        ],
        "gate": about_scores.gate(record),
        "gate_sentence": about_scores.gate_sentence(record),
        "missed": about_scores.missed(record),
        "called_out": about_choice.called_out(record),
        **_of_training(record, figures),
        "compared": context_tasks.compared(record, figures),
        "ablations": about_ablations.ablations(record),
        "ablation_regressions": [
            {"name": code(name), "listed": listed}
            for name, listed in about_ablations.ablation_regressions(record)
        ],
        "galleries": [
            {"title": title, "what": what, "pictures": pictures}
            for title, what, pictures in about_examples.galleries(record)
        ],
        "provenance": about_run.provenance(record),
        "stages": about_run.stages(record),
        "reproduce": about_run.reproduce(record),
        "resources": about_run.resources(record, recipe),
    }


# The steps that a profile's page leads through: name and anchor.
_JOURNEYS: dict[str, tuple[tuple[str, str], ...]] = {
    "post-training": (
        ("Problem Statement & Benchmarks", "problem"),
        ("Zero-shot Evaluation", "problem"),
        ("Data Sourcing & Curation", "data-preparation"),
        ("Post-Training", "training"),
        ("Re-evaluation", "results"),
    ),
    "capability": (
        ("Benchmark Selection", "step-1-benchmark-selection"),
        ("Zero-shot Evaluation", "step-2-zero-shot-evaluation"),
        ("Problem Analysis", "step-3-problem-analysis"),
        ("Data Curation", "step-4-data-curation"),
        ("Post-Training", "step-5-post-training"),
        ("Re-evaluation", "step-6-re-evaluation"),
    ),
}


def _of_benchmark(record: Record, recipe: Recipe) -> dict[str, Md]:
    steps = _JOURNEYS.get(recipe.profile)
    return {
        "journey": about_benchmark.journey(record, steps) if steps else Md(""),
        "benchmark_facts": about_benchmark.facts(record),
        "example_questions": about_benchmark.example_questions(record),
        "how_asked": about_benchmark.how_asked(record),
        "evaluation_commands": about_run.evaluation_commands(record),
    }


def _of_analysis(record: Record, prose: Mapping[str, Md]) -> dict[str, Md]:
    return {
        "gaps": about_gaps.gaps(record, below(prose, "gaps")),
        "addressed": about_gaps.addressed(record),
        "addressed_sentence": about_gaps.addressed_sentence(record),
        "criteria": about_criteria.criteria(record),
        "verdicts": about_criteria.verdicts(record),
    }


def _of_curation(record: Record, prose: Mapping[str, Md]) -> dict[str, Md]:
    return {
        "data_facts": about_curation.facts(record, _in_item(prose, "sample_contents")),
        "data_shares": about_curation.shares(record),
        "overlap": about_curation.overlap(record),
        "sheets": about_curation.sheets(record),
        "data_commands": about_curation.commands(record),
        "loader_sentence": about_curation.loader_sentence(record),
        "loader": about_curation.loader(),
    }


def _of_settings(record: Record, prose: Mapping[str, Md]) -> dict[str, Md]:
    return {
        "approach": about_settings.approach(record),
        "rationale": _in_item(prose, "methodology"),
        "parameters": about_settings.parameters(record, below(prose, "parameters")),
        "checkpoints": about_settings.checkpoints(record),
        "log_sample": about_settings.log_sample(record),
        "common_issues": bullets(
            Md(f"**{issue}** {about_gaps.in_item(solution)}")
            for issue, solution in pairs(prose, "common_issues")
        ),
        "troubleshooting": _listed(items(prose, "troubleshooting")),
    }


def _of_results(record: Record, prose: Mapping[str, Md]) -> dict[str, Any]:
    said = below(prose, "examples")
    return {
        "method": about_results.method(record),
        "within_noise": about_results.within_noise(record),
        "outcomes": about_results.outcomes(record),
        "examples": about_examples.examples(record, said),
        "other_galleries": [
            {"title": title, "what": what, "pictures": pictures}
            for title, what, pictures in about_examples.galleries(
                record, about_examples.told(record, said)
            )
        ],
        "achievements": _listed(items(prose, "achievements"), "Achievement"),
        "lessons": _listed(items(prose, "lessons"), "Lesson"),
        "next_steps": _listed(items(prose, "next_steps")),
    }


def _listed(said: list[Md], name: str = "") -> Md:
    """The author's points as a list, numbered under a name where there is one."""
    return bullets(
        Md((f"**{name} {at}:** " if name else "") + about_gaps.in_item(one))
        for at, one in enumerate(said, start=1)
    )


def _in_item(prose: Mapping[str, Md], part: str) -> Md:
    return Md(about_gaps.in_item(prose.get(part, Md(""))))


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
        "training_plot": context_tasks.plots(figures, "training.loss", "training.accuracy"),
    }
