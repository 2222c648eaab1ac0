"""What a curve over checkpoints says, in sentences: peak, range, dynamics, over-fitting."""

from recipe_kit.page import numbers
from recipe_kit.page.about_change import main_comparisons
from recipe_kit.page.curves import by_step, checkpoint_name, metric_by_step
from recipe_kit.page.markdown import Md, text
from recipe_kit.page.study.places import Place, joined
from recipe_kit.record.schemas import BestCheckpoint, Difference, Metric, Record


def trained_steps(record: Record) -> list[int]:
    """Steps of the checkpoints that were asked; without the base model."""
    return [one.step for one in record.checkpoints if one.step]


def best_of(record: Record, one: Place) -> BestCheckpoint | None:
    """The best checkpoint of a place."""
    return next(
        (best for best in record.best
         if (best.benchmark, best.task, best.metric) == (one.benchmark, one.task, one.metric)),
        None,
    )


def change_at(record: Record, one: Place, step: int) -> Difference | None:
    """A checkpoint's difference from the base model.

    The recommended one was chosen without these questions, so its p-value is that of one look,
    as everywhere else on the page; the others' are corrected for their number.
    """
    chosen = record.recommendation
    if chosen is not None and chosen.step == step:
        return change_of(record, one)
    found = by_step(record, one.benchmark, one.task).get(step)
    return found.against_base.get(one.metric) if found else None


def peak_change(record: Record, one: Place, best: BestCheckpoint) -> Difference:
    """What the best checkpoint's difference from the base model is worth."""
    chosen = record.recommendation
    if chosen is None or not chosen.step or chosen.step not in best.steps:
        return best.difference
    return change_at(record, one, chosen.step) or best.difference


def change_of(record: Record, one: Place) -> Difference | None:
    """Base model against the fine-tuned one."""
    compared = main_comparisons(record).get(one.benchmark)
    if compared is None or one.task not in compared.tasks:
        return None
    return compared.tasks[one.task].differences.get(one.metric)


def names(steps: tuple[int, ...] | list[int]) -> str:
    """`ckpt-200 and ckpt-350`."""
    return str(joined([checkpoint_name(step) for step in steps]))


def gain(found: Difference) -> str:
    """A change and what it is worth: `+0.029 (95% interval ...), beyond noise`."""
    shown = numbers.interval_of_change(found.metric, found.low, found.high)
    worth = "within noise" if found.better is None else "beyond noise"
    told = f", 95% interval {shown}" if found.low is not None else ""
    return f"{numbers.change(found)}{told}{_p(found)}, {worth}"


def peak(record: Record, one: Place) -> Md:
    """Which checkpoint is the best, and whether that is better than the base model."""
    best, found = best_of(record, one), metric_by_step(record, one.benchmark, one.task, one.metric)
    if best is None:
        return Md("")
    value, metric = numbers.value(one.metric, best.value), numbers.in_a_sentence(one.metric)
    trained = [step for step in best.steps if step]
    if 0 in best.steps:
        level = f"; {names(trained)} {_verb(trained, 'equal')} it" if trained else ""
        return Md(
            f"**Peak Performance**: No checkpoint exceeds the zero-shot baseline, {value} "
            f"{metric}{level}."
        )
    base = numbers.value(one.metric, best.base)
    change = peak_change(record, one, best)
    told = (
        f"**Peak Performance**: {names(trained)} {_verb(trained, 'achieve')} the highest {metric} "
        f"({value})"
    )
    among = sum(1 for step in found if step)
    looked = record.recommendation is None or record.recommendation.split == "test"
    adjusted = change.p_adjusted is not None and (looked or change is best.difference)
    if change.better is not True:
        tries = f"; p is corrected for {among} checkpoints" if adjusted else ""
        return Md(
            f"{told}. Against the zero-shot baseline ({base}) this is {gain(change)}{tries}: **no "
            "improvement to count on**."
        )
    relative = numbers.relative(best.base, best.value)
    ratio = f"{relative}; " if one.metric == "bleu" and best.base else ""
    shown = numbers.interval_of_change(one.metric, change.low, change.high)
    size = numbers.change_of(one.metric, abs(change.difference or 0.0)).removeprefix("+")
    it_is = "They are" if len(trained) > 1 else "It is"
    tried = f" {it_is} the best of {among} checkpoints on these questions" if among > 1 else ""
    if tried:
        tried += "; p is corrected for all of them." if adjusted else "."
    return Md(
        f"{told}, **an improvement of {size}** ({ratio}95% interval {shown}{_p(change)}) over the "
        f"zero-shot baseline ({base}).{tried}"
    )


def interval_of_loss(found: Difference) -> str:
    """The interval of a difference that is told as a loss, with the loss counted up."""
    low, high = (None if end is None else -end for end in (found.high, found.low))
    return numbers.interval_of_change(found.metric, low, high)


def _verb(steps: list[int], verb: str) -> str:
    return verb if len(steps) > 1 else f"{verb}s"


def _p(found: Difference) -> str:
    value = found.p if found.p_adjusted is None else found.p_adjusted
    return "" if value is None else f", {text(numbers.p_value(value))!s}"


def spread(record: Record, one: Place) -> Md:
    """Between what the checkpoints lie, and how many of them beat the base model."""
    found = metric_by_step(record, one.benchmark, one.task, one.metric)
    trained = {step: metric for step, metric in found.items() if step}
    if len(trained) < 2:
        return Md("")
    values = [metric.value or 0.0 for metric in trained.values()]
    low, high = (numbers.value(one.metric, end) for end in (min(values), max(values)))
    differences = [
        change for step in trained if (change := change_at(record, one, step)) is not None
    ]
    better = sum(change.better is True for change in differences)
    worse = sum(change.better is False for change in differences)
    count = len(differences)
    told = (
        f"{'both' if count == 2 else 'all'} of them exceed the baseline beyond noise"
        if better == count
        else f"{better or 'none'} of them "
        f"{'exceeds' if better == 1 else 'exceed'} the baseline beyond noise"
    ) if count else ""
    if worse:
        told += f", and {worse} {'lies' if worse == 1 else 'lie'} below it, beyond noise"
    return Md(
        f"**Stability**: The {len(trained)} checkpoints lie between {low} and {high}"
        + (f"; {told}." if told else ".")
    )


def dynamics(record: Record, one: Place) -> Md:
    """The way of the score through training; only moves that exceed the intervals are told."""
    found = metric_by_step(record, one.benchmark, one.task, one.metric)
    points = [(step, metric.value or 0.0) for step, metric in found.items()]
    if len(points) < 3:
        return Md("")
    turns = turning_points(points, _noise(found))
    if len(turns) < 2:
        return Md(
            "**Training Dynamics**: The score stays where it was: no move along the training is "
            "larger than the intervals."
        )
    told: list[str] = []
    for (step, value), (_, before) in zip(turns[1:], turns, strict=False):
        rises = value > before
        verb = ("rises" if rises else "falls") if not told else (
            "recovers" if rises else "falls")
        told.append(f"{verb} to {checkpoint_name(step)} ({numbers.value(one.metric, value)})")
    first_step, first = turns[0]
    start = "the zero-shot baseline" if not first_step else checkpoint_name(first_step)
    way = f"{', '.join(told[:-1])}, then {told[-1]}" if told[1:] else told[0]
    last = points[-1]
    rest = "" if turns[-1][0] == last[0] else (
        f"; from there on it stays within noise, up to {checkpoint_name(last[0])} "
        f"({numbers.value(one.metric, last[1])})"
    )
    return Md(
        f"**Training Dynamics**: From {start} ({numbers.value(one.metric, first)}), the score "
        f"{way}{rest}."
    )


def turning_points(points: list[tuple[int, float]], noise: float) -> list[tuple[int, float]]:
    """Where a curve turns, counting only moves larger than the noise; the first point included.

    Args:
        points: Step and value, in order.
        noise: Smallest move that counts.
    """
    turns = [points[0]]
    extreme = points[0]
    direction = 0
    for point in points[1:]:
        if direction == 0:
            if abs(point[1] - turns[0][1]) > noise:
                direction = 1 if point[1] > turns[0][1] else -1
                extreme = point
        elif (point[1] - extreme[1]) * direction > 0:
            extreme = point
        elif (extreme[1] - point[1]) * direction > noise:
            turns.append(extreme)
            extreme, direction = point, -direction
    return [*turns, extreme] if direction else turns


def _noise(found: dict[int, Metric]) -> float:
    """Half the width of a typical interval."""
    halves = [
        (metric.high - metric.low) / 2 for metric in found.values()
        if metric.low is not None and metric.high is not None
    ]
    return sum(halves) / len(halves) if halves else 0.0


def overfitting(record: Record, one: Place) -> Md:
    """Whether the last checkpoint is worse than the best one."""
    told = []
    for found in record.overfitting:
        if (found.benchmark, found.task, found.metric) != (one.benchmark, one.task, one.metric):
            continue
        best, last = checkpoint_name(found.best_step), checkpoint_name(found.last_step)
        where = " on the validation split" if found.split == "val" else ""
        shown = interval_of_loss(found.difference)
        lost = numbers.change_of(one.metric, abs(found.difference.difference or 0)).lstrip("+")
        if found.significant:
            told.append(
                f"from {best} to {last}{where} the score falls by {lost} (95% interval {shown}), "
                f"beyond noise: training beyond {best} made it worse"
            )
        else:
            told.append(
                f"the drop from {best} to {last}{where} ({lost}, 95% interval {shown}) is within "
                "noise, so it shows no over-fitting"
            )
    if not told:
        return Md("")
    joint = "; ".join(told)
    return Md(f"**Over-fitting**: {joint[0].upper()}{joint[1:]}.")
