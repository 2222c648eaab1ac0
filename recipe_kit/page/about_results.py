"""Before and after in the words of the post-training profiles: tables, outcome, significance."""

from recipe_kit.page import numbers, words
from recipe_kit.page.about_change import main_comparisons, worth
from recipe_kit.page.markdown import Md, bullets, code, table, text
from recipe_kit.record.schemas import Comparison, Difference, Record
from recipe_kit.spec.tasks import LOWER_IS_BETTER


def comparison(record: Record, benchmark: str, task: str) -> Md:
    """The seed's table Metric | Baseline | Post-Trained | Improvement, and what it is worth."""
    found = main_comparisons(record)[benchmark].tasks[task]
    heads = words.columns(record)
    rows = [
        [
            numbers.title(name), numbers.value(name, one.before), numbers.value(name, one.after),
            numbers.change(one), _relative(one),
            numbers.interval_of_change(name, one.low, one.high), _verdict(one),
        ]
        for name, one in found.differences.items()
        if one.before is not None or one.after is not None
    ]
    headers = [
        "Metric", heads["base"], heads["tuned"], "Improvement", "Relative", "95% interval",
        "Verdict",
    ]
    return table(headers, rows, "lrrrrrl")


def _verdict(found: Difference) -> Md:
    value = found.p if found.p_adjusted is None else found.p_adjusted
    return Md(worth(found) + (f" ({_p(value)})" if value is not None else ""))


def _relative(found: Difference) -> str:
    return numbers.relative(found.before, found.after)


def _p(value: float) -> str:
    """A p-value that is not broken over two lines."""
    return text(numbers.p_value(value)).replace(" ", "&nbsp;")


def outcome(record: Record, benchmark: str, task: str) -> Md:
    """What became of the first score of a task, in a sentence or two."""
    metric = words.metric_of(record, task)
    found = main_comparisons(record)[benchmark].tasks[task].differences[metric]
    said = (
        f"{numbers.title(metric)} on {code(task)} went from {numbers.value(metric, found.before)} "
        f"to **{numbers.value(metric, found.after)}** ({_in_brackets(found)})"
    )
    verdict = numbers.verdict(found)
    if verdict == "better":
        gone = None
        if metric in numbers.SHARES:
            gone = numbers.error_reduction(found.before, found.after)
        errors = f", {numbers.pct(gone, 0)} fewer errors" if gone is not None else ""
        return Md(f"{said}{errors}.")
    if verdict == "worse":
        return Md(f"{said}: {words.training_word(record)} made it **worse**, beyond noise.")
    if verdict == "unchanged":
        shown = numbers.value(metric, found.after)
        return Md(f"{numbers.title(metric)} on {code(task)} is unchanged at {shown}.")
    return Md(f"{said}. **This is within noise**: it may be no change at all.")


def _in_brackets(found: Difference) -> str:
    parts = [numbers.change(found)]
    if found.low is not None:
        shown = numbers.interval_of_change(found.metric, found.low, found.high)
        parts.append(f"95% interval {shown}")
    value = found.p if found.p_adjusted is None else found.p_adjusted
    if value is not None:
        parts.append(_p(value))
    parts.append(f"n = {numbers.num(found.n)}")
    return ", ".join(parts)


def flips(record: Record, benchmark: str, task: str) -> Md:
    """How many answers became right, and how many wrong."""
    found = main_comparisons(record)[benchmark].tasks[task]
    every = found.fixed + found.broken + found.both_right + found.both_wrong
    return Md(
        f"Of {numbers.num(every)} answers, {numbers.were(found.fixed)} fixed and "
        f"{numbers.were(found.broken)} broken; {numbers.were(found.both_right)} right and "
        f"{numbers.num(found.both_wrong)} wrong both times."
    )


def outcomes(record: Record) -> Md:
    """What became of every task, one line each, good or bad."""
    return bullets(
        Md(f"**Measured:** {outcome(record, benchmark, task)}")
        for benchmark, found in main_comparisons(record).items()
        for task in found.tasks
    )


def within_noise(record: Record) -> Md:
    """The improvements that are within noise, by name; slices are counted. Empty without any."""
    named: list[str] = []
    slices = 0
    for benchmark, found in main_comparisons(record).items():
        for task, compared in found.tasks.items():
            several = f"{code(benchmark)} · " if len(record.benchmarks) > 1 else ""
            named += [
                f"{numbers.in_a_sentence(one.metric)} on {several}{code(task)} "
                f"({numbers.change(one)})"
                for one in compared.differences.values() if _only_looks_better(one)
            ]
            slices += sum(
                _only_looks_better(one)
                for values in compared.slices.values() if len(values) > 1
                for one in values.values()
            )
    if slices:
        named.append(f"{numbers.num(slices)} of the slices" if slices > 1 else "one slice")
    if not named:
        return Md("")
    return Md(f"**Within noise**, and no improvement to count on: {'; '.join(named)}.")


def _only_looks_better(found: Difference) -> bool:
    if found.difference is None or numbers.verdict(found) != "within noise":
        return False
    return found.difference < 0 if found.metric in LOWER_IS_BETTER else found.difference > 0


def method(record: Record) -> Md:
    """How the comparison was made, and what its p-values have been corrected for."""
    compared = main_comparisons(record)
    if not compared:
        return Md("")
    said = [
        "Both models answered exactly the same questions, and their answers were read and scored "
        "by the same code. The 95% intervals of changes are bootstrapped over pairs of answers, "
        f"and p is from {_test(record)}. A change of accuracy counts only if both say so; "
        "everything else is called noise."
    ]
    if any(len(v) > 1 for one in compared.values() for t in one.tasks.values()
           for v in t.slices.values()):
        said.append("Within each kind of slice, p is adjusted for their number (Holm).")
    said += list(dict.fromkeys(_tried(one) for one in compared.values()))
    return Md(" ".join(filter(None, said)))


def _test(record: Record) -> str:
    """How the p-values were found."""
    used = {
        one.p_method for compared in main_comparisons(record).values()
        for task in compared.tasks.values()
        for one in task.differences.values() if one.p is not None
    }
    named = sorted(str(text(one)) for one in used if one)
    named = [f"the {one}" for one in named]
    return " or ".join([*(["McNemar's exact test"] if "" in used or not named else []), *named])


def _tried(found: Comparison) -> str:
    if found.checkpoints < 2:
        return "One checkpoint was tried."
    if found.chosen_here:
        return (
            f"The checkpoint is the best of {found.checkpoints} **on these very questions**, so "
            f"p is adjusted for {found.checkpoints} tries (Bonferroni)."
        )
    return (
        f"The checkpoint was chosen among {found.checkpoints} on the validation split, so the "
        "test questions had no part in the choice."
    )
