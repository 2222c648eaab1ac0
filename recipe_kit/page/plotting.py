"""A single plot of a metric over checkpoints, for `recipe plot`."""

from pathlib import Path

from recipe_kit.errors import PageError
from recipe_kit.page import numbers
from recipe_kit.page.curves import checkpoint_curve, checkpoint_name
from recipe_kit.page.plot_kinds import CheckpointsPlot, Figure
from recipe_kit.record.files import write_atomic
from recipe_kit.record.schemas import Metric, Record
from recipe_kit.spec.problems import suggest

METRICS = {"vqa_accuracy": "accuracy", "lingoqa": "lingo_judge"}
"""Other names of metrics."""


def curve_of_record(record: Record, metric: str, benchmark: str | None) -> Figure:
    """A metric over the checkpoints of a run.

    Args:
        record: The record of the run.
        metric: The metric.
        benchmark: The benchmark; the first that has this metric when not given.

    Raises:
        PageError: There is no such benchmark, or no checkpoint has this metric.
    """
    if not record.checkpoints:
        raise PageError(
            "only one checkpoint was asked, so there is nothing to plot over steps",
            where="record.json (checkpoints)",
            fix="Set `evaluation: {checkpoints: all}` in the recipe, and run it.",
        )
    if benchmark is not None and benchmark not in record.benchmarks:
        raise PageError(
            f"there is no benchmark '{benchmark}'", where="--benchmark",
            fix=suggest(benchmark, list(record.benchmarks)),
        )
    last = record.checkpoints[-1].test
    known: dict[str, None] = {}
    for name in [benchmark] if benchmark else record.benchmarks:
        for task, found in last.get(name, {}).items():
            known |= dict.fromkeys(found.metrics)
            if metric in found.metrics:
                return checkpoint_curve(record, name, task, metric)
    raise PageError(
        f"no checkpoint was scored by '{metric}'", where="--metric",
        fix=suggest(metric, list(known)),
    )


def curve_of_points(
    model: str, benchmark: str, metric: str, base: Metric | None, points: dict[int, Metric]
) -> Figure:
    """A metric over steps, whoever computed it."""
    title = f"{numbers.title(metric)} of {model} on {benchmark}"
    every = {0: base, **points} if base else points
    told = "; ".join(
        f"{checkpoint_name(step)} {numbers.with_interval(metric, one)}"
        for step, one in every.items()
    )
    return Figure(
        "curve.svg", f"{title} over the steps of training, with 95% intervals: {told}.", 560,
        CheckpointsPlot(title, metric, base, points, None),
    )


def write_figure(figure: Figure, out: Path) -> None:
    """Draws a figure into an SVG or PNG file.

    Raises:
        PageError: The file's name ends in neither.
        StorageError: It cannot be written.
    """
    kind = out.suffix.lower().removeprefix(".")
    if kind not in ("svg", "png"):
        raise PageError(
            f"plots are SVG or PNG files, not '{out.suffix}'", where=str(out),
            fix="Let --out end in .svg or .png.",
        )
    # matplotlib takes half a second to import: only when something is drawn.
    from recipe_kit.page.plots import draw, draw_png

    write_atomic(out, draw(figure) if kind == "svg" else draw_png(figure))
