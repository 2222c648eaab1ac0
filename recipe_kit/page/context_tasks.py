"""What a template shows of each task: its prompt, its scores, before and after."""

from collections.abc import Mapping
from typing import Any

from recipe_kit.page import (
    about_baseline,
    about_change,
    about_choice,
    about_results,
    about_scores,
    words,
)
from recipe_kit.page.figures import dimensions, main_scores
from recipe_kit.page.markdown import Md, code, image, text
from recipe_kit.page.plot_kinds import Figure
from recipe_kit.record.schemas import Record


def tasks(record: Record) -> list[dict[str, Any]]:
    """Every task that is asked, as the prompts' section shows it."""
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
                "shuffle": task.shuffle,
                "options": Md("those of each question of the pool") if task.pooled
                else Md(", ".join(f"“{text(option)}”" for option in task.options)),
                "label": code(task.label),
                "hazard": task.hazard,
            }
        )
        seen.add(task.title)
    return found


def scored(
    record: Record, benchmark: str, task: str, figures: Mapping[str, Figure]
) -> dict[str, Md]:
    """One task's zero-shot scores."""
    key = f"{benchmark}.{task}"
    return {
        "caption": about_scores.caption(record, benchmark, task),
        "metrics": about_scores.metrics(record, benchmark, task, "base"),
        "baseline": about_baseline.baseline_results(record, benchmark, task),
        **_looking(record, benchmark, task, figures),
        "confusion": plots(figures, f"confusion.base.{key}"),
        "uncertainty": Md("")
        if record.training
        else plots(figures, f"reliability.{key}", f"coverage.{key}"),
        "slices": about_scores.slices(record, benchmark, task),
        "slice_plots": plots(figures, *_slice_plots(record, benchmark, task)),
    }


def _slice_plots(record: Record, benchmark: str, task: str) -> list[str]:
    kinds = dimensions(main_scores(record, benchmark, task))
    return [f"{kind}.{benchmark}.{task}" for kind in kinds]


def _looking(
    record: Record, benchmark: str, task: str, figures: Mapping[str, Figure]
) -> dict[str, Md]:
    """What stands beside a task's scores: those without looking, other readings, positions."""
    return {
        "looking": about_choice.without_looking(record, benchmark, task),
        "looking_before": about_choice.without_looking(record, benchmark, task, ("base",)),
        "readings": about_choice.readings(record, benchmark, task),
        "positions": about_choice.positions(record, benchmark, task),
        "position_sentence": about_choice.position_sentence(record, benchmark, task),
        "position_plot": plots(figures, f"positions.{benchmark}.{task}"),
    }


def compared(record: Record, figures: Mapping[str, Figure]) -> list[dict[str, Md]]:
    """Every task before and after."""
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
                    "comparison": about_results.comparison(record, benchmark, task),
                    "outcome": about_results.outcome(record, benchmark, task),
                    "flips_told": about_results.flips(record, benchmark, task),
                    **_looking(record, benchmark, task, figures),
                    "plots": plots(
                        figures,
                        *(f"confusion.{role}.{key}" for role in roles),
                        *_slice_plots(record, benchmark, task),
                        f"reliability.{key}", f"coverage.{key}",
                    ),
                }
            )
    return found


def plots(figures: Mapping[str, Figure], *keys: str) -> Md:
    """Plots side by side where there is room."""
    shown = [figures[key] for key in keys if key in figures]
    return Md("\n".join(image(plot.file, plot.alt, plot.width) for plot in shown))
