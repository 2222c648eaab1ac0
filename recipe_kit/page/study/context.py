"""Everything the template of `benchmark-study` can show."""

from collections.abc import Mapping
from typing import Any

from recipe_kit.page import (
    about_change,
    about_choice,
    about_criteria,
    about_examples,
    about_gaps,
    about_results,
    about_run,
    about_scores,
    about_settings,
    about_training,
)
from recipe_kit.page.context_tasks import plots
from recipe_kit.page.markdown import Md
from recipe_kit.page.plot_kinds import Figure
from recipe_kit.page.prose import below, items
from recipe_kit.page.shared import shared
from recipe_kit.page.study import (
    benchmark,
    captions,
    data,
    intro,
    models,
    observations,
    results,
    toml,
    training,
)
from recipe_kit.record.schemas import Record
from recipe_kit.spec.recipe import Recipe


def context(
    record: Record, recipe: Recipe, prose: Mapping[str, Md], figures: Mapping[str, Figure]
) -> dict[str, Any]:
    """The variables of the template."""
    return {
        **shared(record, recipe, prose),
        "authors": intro.authors(recipe),
        "overview_table": intro.overview_table(record, recipe),
        "curated": intro.has_curation(record),
        "workflow": intro.workflow(record, below(prose, "workflow")),
        **_of_benchmark(record, prose),
        **_of_zero_shot(record, prose),
        **_of_data(record, prose),
        **_of_training(record, prose, figures),
        **_of_results(record, prose, figures),
        **_of_ending(record, recipe, prose),
    }


def _of_benchmark(record: Record, prose: Mapping[str, Md]) -> dict[str, Any]:
    return {
        "requirements_sentence": benchmark.requirements_sentence(record),
        "requirements": benchmark.requirements(record, below(prose, "requirements")),
        "dataset": benchmark.dataset(record, below(prose, "dataset_facts")),
        "methods": benchmark.methods(record, below(prose, "methods")),
        "intervals": benchmark.intervals(record),
    }


def _of_zero_shot(record: Record, prose: Mapping[str, Md]) -> dict[str, Any]:
    return {
        "how_asked": models.how_asked(record),
        "zero_shot": models.zero_shot(record),
        "selection": models.selection(record),
        "gap_sentence": models.gap_sentence(record),
        "gaps": about_gaps.gaps(record, below(prose, "gaps")) if record.gaps else Md(""),
        "gate": about_scores.gate(record),
        "gate_sentence": about_scores.gate_sentence(record),
        "called_out": about_choice.called_out(record),
    }


def _of_data(record: Record, prose: Mapping[str, Md]) -> dict[str, Any]:
    return {
        "source_count": data.count_sentence(record),
        "sources": data.sources(record, below(prose, "sources")),
        "annotations": data.annotations(record),
        "dataset_summary": data.summary(record),
        "specification": data.specification(record),
        "weights": data.weights_sentence(record),
        "grid": data.grid(record),
    }


def _of_training(
    record: Record, prose: Mapping[str, Md], figures: Mapping[str, Figure]
) -> dict[str, Any]:
    said = below(prose, "parameters")
    return {
        "approach": about_settings.approach(record),
        "setup": training.setup(record),
        "code_structure": training.code_structure(record, below(prose, "code_structure")),
        "configuration": toml.configuration(record) if record.training else Md(""),
        "rationales": about_settings.parameters(record, said) if said else Md(""),
        "run_command": about_run.run_command(record),
        "training_facts": about_training.facts(record),
        "steps_sentence": training.steps_sentence(record),
        "stop_sentence": training.stopped(record),
        "training_plot": plots(figures, "training.loss", "training.accuracy"),
    }


def _of_results(
    record: Record, prose: Mapping[str, Md], figures: Mapping[str, Figure]
) -> dict[str, Any]:
    said = below(prose, "examples")
    shown = tuple(one for one in record.examples if captions.is_caption(record, one))
    return {
        "inference_command": training.inference_command(record),
        "inference_arguments": training.inference_arguments(record),
        "plot_command": training.plot_command(record),
        "plot_arguments": training.plot_arguments(record),
        "method": results.method(record),
        "results": results.results(record, prose, figures),
        "summary": observations.summary(record, items(prose, "summary")),
        "candidates": results.candidates(record),
        "candidates_note": results.candidates_note(record),
        "captions": captions.captions(record, said),
        "galleries": [
            {"title": title, "what": what.replace("pictures", "videos"), "pictures": pictures}
            for title, what, pictures in about_examples.galleries(record, shown)
        ],
        "regressions": about_change.regressions(record),
        "verdicts": about_criteria.verdicts(record),
    }


def _of_ending(record: Record, recipe: Recipe, prose: Mapping[str, Md]) -> dict[str, Any]:
    titled = below(prose, "future_directions")
    return {
        "outcomes": about_results.outcomes(record),
        "future_directions": Md("".join(
            f"{at + 1}. **{about_gaps.in_item(titled[f'{at}.title'])}**: "
            f"{about_gaps.in_item(titled[f'{at}.text'])}\n\n"
            for at in range(len(recipe.prose.future_directions))
            if f"{at}.title" in titled and f"{at}.text" in titled
        )),
        "references": Md("".join(
            f"[{at}] {about_gaps.in_item(one)}\n\n"
            for at, one in enumerate(items(prose, "references"), start=1)
        )),
        "provenance": about_run.provenance(record),
        "stages": about_run.stages(record),
        "reproduce": about_run.reproduce(record),
        "resources": about_run.resources(record, recipe),
    }
