"""Draws a page's plots as SVG: the same bytes for the same record, readable on light and dark.

An `<img>` SVG cannot follow the site's light/dark switch, so the background is transparent and
every color has about the same contrast (4:1) on white and on the dark theme's gray.
"""

import io
import math
import warnings
from typing import Any, Final

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter

from recipe_kit.page.figures import ROLES
from recipe_kit.page.markdown import clean
from recipe_kit.page.numbers import SHARES
from recipe_kit.page.plot_kinds import (
    CheckpointsPlot,
    ConfusionPlot,
    CoveragePlot,
    CurvesPlot,
    Figure,
    PositionsPlot,
    ReliabilityPlot,
    SlicesPlot,
    StepBarsPlot,
)

INK: Final = "#7b8496"
GRID: Final = "#7b849640"
ROLE_COLORS: Final = {"base": "#d9822b", "tuned": "#3f8fd9"}
# Right answers in blue, wrong ones in orange; light where there are few.
RIGHT: Final = ((224, 236, 248), (31, 95, 168))
WRONG: Final = ((250, 235, 219), (192, 98, 18))
# Checkpoints from the first to the last; both are seen on white and on dark gray.
_STEPS: Final = ((126, 190, 240), (30, 96, 168))

_STYLE: Final[dict[str, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "recipe_kit",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 11,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "lines.linewidth": 2.2,
    "lines.markersize": 6,
}


def draw(figure: Figure) -> bytes:
    """The plot as an SVG file."""
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # The browser, not this machine's font, draws the letters.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        canvas = _canvas(figure)
        target = io.BytesIO()
        canvas.savefig(
            target, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
        )
    svg = target.getvalue().replace(b"'DejaVu Sans'", b"system-ui, 'DejaVu Sans'")
    return b"\n".join(line.rstrip() for line in svg.splitlines()) + b"\n"


def draw_png(figure: Figure) -> bytes:
    """The plot as a PNG file, on white; the same bytes on every machine with these fonts."""
    with matplotlib.rc_context(_STYLE):
        target = io.BytesIO()
        _canvas(figure).savefig(
            target, format="png", dpi=160, facecolor="white", metadata={"Software": None}
        )
    return target.getvalue()


def _canvas(figure: Figure) -> Canvas:
    content = figure.content
    if isinstance(content, ConfusionPlot):
        return _confusion(content)
    if isinstance(content, ReliabilityPlot):
        return _reliability(content, figure.roles)
    if isinstance(content, CoveragePlot):
        return _coverage(content, figure.roles)
    if isinstance(content, SlicesPlot):
        return _slices(content, figure.roles)
    if isinstance(content, PositionsPlot):
        return _positions(content, figure.roles)
    if isinstance(content, CheckpointsPlot):
        return _checkpoints(content)
    if isinstance(content, StepBarsPlot):
        return _step_bars(content)
    return _curves(content)


def _new(width: float, height: float) -> tuple[Canvas, Axes]:
    canvas = Canvas(figsize=(width, height), layout="constrained")
    return canvas, canvas.add_subplot()


def _short(label: str, limit: int = 18) -> str:
    plain = " ".join(clean(label).split()) or "(none)"
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"


def _mix(ends: tuple[tuple[int, ...], tuple[int, ...]], share: float) -> str:
    few, many = ends
    mixed = (round(a + (b - a) * share) for a, b in zip(few, many, strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _confusion(plot: ConfusionPlot) -> Canvas:
    counts, labels = plot.confusion.counts, plot.confusion.labels
    # A column that nobody answered (mostly "unparseable") would only take room.
    used = [
        at for at, column in enumerate(plot.confusion.columns)
        if column in labels or any(row[at] for row in counts)
    ]
    columns = [plot.confusion.columns[at] for at in used]
    canvas, axes = _new(4.0, 3.5 if len(labels) < 4 else 3.9)
    for y, row in enumerate(counts):
        total = sum(row)
        for x, at in enumerate(used):
            share = row[at] / total if total else 0.0
            ends = RIGHT if columns[x] == labels[y] else WRONG
            axes.add_patch(
                Rectangle((x + 0.03, y + 0.03), 0.94, 0.94, color=_mix(ends, share), linewidth=0)
            )
            dark = share > 0.55
            axes.text(
                x + 0.5, y + 0.5, f"{row[at]}\n{share:.0%}" if len(labels) < 4 else f"{row[at]}",
                ha="center", va="center", color="#ffffff" if dark else "#1c2a3d",
                fontsize=13 if len(labels) < 4 else 12,
            )
    axes.set(xlim=(0, len(used)), ylim=(len(labels), 0), xlabel="Answer", ylabel="Truth")
    axes.set_xticks([at + 0.5 for at in range(len(used))], [_short(name, 12) for name in columns])
    axes.set_yticks([at + 0.5 for at in range(len(labels))], [_short(name, 12) for name in labels])
    axes.set_title(plot.title)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return canvas


def _percent_axis(axes: Axes, low: float, high: float, *, upright: bool) -> None:
    axis = axes.yaxis if upright else axes.xaxis
    axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    if upright:
        axes.set_ylim(low, high)
    else:
        axes.set_xlim(low, high)


def _reliability(plot: ReliabilityPlot, titles: dict[str, str]) -> Canvas:
    canvas, axes = _new(4.4, 3.8)
    axes.plot([0, 1], [0, 1], color=INK, linewidth=1.2, linestyle="--", label="perfect")
    lowest = 1.0
    for role, bins in plot.bins.items():
        found = [b for b in bins if b.n and b.confidence is not None and b.accuracy is not None]
        total = sum(b.n for b in found) or 1
        xs = [b.confidence for b in found if b.confidence is not None]
        ys = [b.accuracy for b in found if b.accuracy is not None]
        color = ROLE_COLORS[role]
        axes.plot(xs, ys, color=color, label=titles[role])
        sizes = [18 + 240 * math.sqrt(b.n / total) for b in found]
        axes.scatter(xs, ys, s=sizes, color=color, alpha=0.55, linewidths=0)
        lowest = min([lowest, *xs])
    axes.set(xlabel="Confidence (dots: share of answers)", ylabel="Accuracy", title=plot.title)
    _percent_axis(axes, -0.04, 1.06, upright=True)
    _percent_axis(axes, max(0.0, math.floor(lowest * 10) / 10 - 0.02), 1.04, upright=False)
    axes.legend(loc="lower right")
    return canvas


def _coverage(plot: CoveragePlot, titles: dict[str, str]) -> Canvas:
    canvas, axes = _new(4.4, 3.8)
    top = 0.05
    for role, points in plot.points.items():
        axes.plot(
            [point.coverage for point in points], [point.risk for point in points],
            color=ROLE_COLORS[role], label=titles[role],
        )
        top = max([top, *(point.risk for point in points)])
    axes.set(xlabel="Coverage (most confident first)", ylabel="Error", title=plot.title)
    _percent_axis(axes, 0, min(1.0, top * 1.15), upright=True)
    _percent_axis(axes, 0, 1.02, upright=False)
    axes.legend(loc="best")
    return canvas


def _slices(plot: SlicesPlot, titles: dict[str, str]) -> Canvas:
    roles = [role for role in ROLES if any(role in found for found in plot.slices.values())]
    canvas, axes = _new(5.6, 1.5 + 0.34 * len(roles) * len(plot.slices) + 0.15 * len(plot.slices))
    step = 0.8 / len(roles)
    for order, role in enumerate(roles):
        for row, found in enumerate(plot.slices.values()):
            metric = found.get(role)
            if metric is None or metric.value is None:
                continue
            y = row - 0.4 + step * (order + 0.5)
            color = ROLE_COLORS[role]
            axes.barh(
                y, metric.value, height=step * 0.86, color=color, alpha=0.5,
                label=titles[role] if row == 0 else None,
            )
            low = metric.value if metric.low is None else metric.low
            high = metric.value if metric.high is None else metric.high
            axes.plot([low, high], [y, y], "|-", color=color, linewidth=2.4, markersize=9,
                      markeredgewidth=2.4)
            axes.text(1.03, y, f"{metric.value:.1%}", va="center", fontsize=10)
    labels = [
        f"{_short(name)}\nn = {next(iter(found.values())).n}" for name, found in plot.slices.items()
    ]
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.45, -0.55)
    _percent_axis(axes, 0, 1.0, upright=False)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.set_title(plot.title, pad=26 if len(roles) > 1 else 8)
    if len(roles) > 1:
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, borderaxespad=0.2)
    return canvas


def _positions(plot: PositionsPlot, titles: dict[str, str]) -> Canvas:
    bars = {"right": plot.right, **plot.answered}
    letters = list(dict.fromkeys(letter for counts in bars.values() for letter in counts))
    canvas, axes = _new(max(4.2, 0.9 * len(letters) + 1.4), 3.0)
    step = 0.8 / len(bars)
    total = sum(plot.right.values()) or 1
    for order, (role, counts) in enumerate(bars.items()):
        places = [at - 0.4 + step * (order + 0.5) for at in range(len(letters))]
        heights = [counts.get(letter, 0) / total for letter in letters]
        axes.bar(
            places, heights, width=step * 0.88, alpha=0.75, linewidth=0,
            color=ROLE_COLORS.get(role, INK), label=titles.get(role, "Right answer"),
        )
    axes.set_xticks(range(len(letters)), letters)
    _percent_axis(axes, 0, 1.0, upright=True)
    top = max((n / total for counts in bars.values() for n in counts.values()), default=1.0)
    axes.set_ylim(0, min(1.0, top * 1.15) or 1.0)
    axes.grid(visible=False, axis="x")
    axes.set_title(plot.title, pad=26)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, borderaxespad=0.2,
                columnspacing=1.0, handlelength=1.2)
    return canvas


def _curves(plot: CurvesPlot) -> Canvas:
    canvas, axes = _new(4.4, 3.6)
    steps = [line.step for line in plot.validations]
    blue = ROLE_COLORS["tuned"]
    if plot.what == "loss":
        axes.plot(
            [point.step for point in plot.curve], [point.loss for point in plot.curve],
            color=ROLE_COLORS["base"], linewidth=1.4, label="training",
        )
        axes.plot(steps, [line.val_loss for line in plot.validations], "o-", color=blue,
                  label="validation")
        axes.set_ylim(bottom=0)
        axes.legend(loc="best")
    else:
        values = [line.val_accuracy for line in plot.validations]
        axes.plot(steps, values, "o-", color=blue)
        for line in plot.validations:
            if line.best:
                axes.plot(
                    [line.step], [line.val_accuracy], "o", markersize=13, markerfacecolor="none",
                    markeredgewidth=2, color=ROLE_COLORS["base"], label="best", linestyle="none",
                )
                axes.legend(loc="lower right")
        low, high = min(values, default=0.0), max(values, default=1.0)
        _percent_axis(axes, max(0.0, low - 0.08), min(1.02, high + 0.06), upright=True)
    axes.set(xlabel="Step", title=plot.title)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    return canvas


def _checkpoints(plot: CheckpointsPlot) -> Canvas:
    canvas, axes = _new(6.4, 3.8)
    blue, orange = ROLE_COLORS["tuned"], ROLE_COLORS["base"]
    found = {step: one for step, one in plot.points.items() if one.value is not None}
    steps, values = list(found), [one.value or 0.0 for one in found.values()]
    ends = [(one.low, one.high) for one in found.values()]
    every = [*values, *(end for pair in ends for end in pair if end is not None)]
    if plot.base is not None and plot.base.value is not None:
        axes.axhline(plot.base.value, color=orange, linestyle="--", linewidth=1.6,
                     label="zero-shot")
        every.append(plot.base.value)
        if plot.base.low is not None and plot.base.high is not None:
            axes.axhspan(plot.base.low, plot.base.high, color=orange, alpha=0.12, linewidth=0)
            every += [plot.base.low, plot.base.high]
    below = [value if low is None else low for value, (low, _) in zip(values, ends, strict=True)]
    above = [value if high is None else high for value, (_, high) in zip(values, ends, strict=True)]
    axes.vlines(steps, below, above, color=blue, alpha=0.55, linewidth=2.6)
    axes.plot(steps, values, "o-", color=blue, label="checkpoint, 95% interval")
    if plot.chosen is not None and plot.chosen in found:
        axes.plot(
            [plot.chosen], [values[steps.index(plot.chosen)]], "o", markersize=14, color=orange,
            markerfacecolor="none", markeredgewidth=2, linestyle="none", label="recommended",
        )
    room = 0.08 * ((max(every) - min(every)) or 0.1)
    low, high = max(0.0, min(every) - room), min(1.02, max(every) + room)
    if plot.metric in SHARES:
        _percent_axis(axes, low, high, upright=True)
    else:
        axes.set_ylim(low, high)
    axes.set_xlabel("Checkpoint (step)")
    axes.set_title(plot.title, pad=26)
    axes.set_xticks(steps if len(steps) < 13 else steps[:: -(-len(steps) // 12)])
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, borderaxespad=0.2,
                columnspacing=1.2, handlelength=1.6)
    return canvas


def _step_bars(plot: StepBarsPlot) -> Canvas:
    steps = sorted({step for found in plot.categories.values() for step in found})
    trained = [step for step in steps if step]
    canvas, axes = _new(max(6.4, 1.5 * len(plot.categories) + 0.6), 4.0)
    width = 0.84 / len(steps)
    for order, step in enumerate(steps):
        share = trained.index(step) / max(1, len(trained) - 1) if step else 0.0
        color = _mix(_STEPS, share) if step else ROLE_COLORS["base"]
        for at, found in enumerate(plot.categories.values()):
            metric = found.get(step)
            if metric is None or metric.value is None:
                continue
            x = at - 0.42 + width * (order + 0.5)
            label = ("zero-shot" if not step else f"{step}{'*' * (step == plot.chosen)}")
            axes.bar(x, metric.value, width=width * 0.9, color=color, linewidth=0,
                     label=label if at == 0 else None)
            if metric.low is not None and metric.high is not None:
                axes.vlines(x, metric.low, metric.high, color=INK, linewidth=1.0)
    labels = [
        f"{_wrapped(name)}\nn = {next(iter(found.values())).n}"
        for name, found in plot.categories.items()
    ]
    axes.set_xticks(range(len(labels)), labels, fontsize=9)
    _percent_axis(axes, 0, 1.02, upright=True)
    axes.grid(visible=False, axis="x")
    axes.tick_params(axis="x", length=0)
    axes.set_title(plot.title, pad=26 if len(steps) < 9 else 42)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=8, borderaxespad=0.2,
                columnspacing=0.9, handlelength=1.0, handletextpad=0.4)
    return canvas


def _wrapped(label: str) -> str:
    """A label on two lines, broken at the space nearest to its middle."""
    plain = _short(label, 30)
    spaces = [at for at, one in enumerate(plain) if one == " "]
    if len(plain) < 13 or not spaces:
        return plain
    middle = min(spaces, key=lambda at: abs(at - len(plain) / 2))
    return f"{plain[:middle]}\n{plain[middle + 1:]}"
