"""Where the base model stands among the models that were asked, and why it was taken."""

from collections.abc import Mapping, Sequence

from recipe_kit.record.schemas import Difference, ModelChoice, Question
from recipe_kit.score.answers import Answers, align
from recipe_kit.score.asked import Asked
from recipe_kit.score.compare import ROUNDING, headline_difference
from recipe_kit.score.metrics import headline_measure
from recipe_kit.spec.model import COMPARE
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import headline

_IN_WORDS = {"accuracy": "accuracy", "bleu": "BLEU", "lingo_judge": "Lingo-Judge"}


def choice_of_model(
    recipe: Recipe,
    questions: Mapping[str, Sequence[Question]],
    asked: Mapping[str, Mapping[str, Asked]],
) -> ModelChoice | None:
    """Compares the base model with the others; None where there is no other.

    Args:
        recipe: The recipe.
        questions: From the benchmark's name to its questions.
        asked: From the role to what it answered to each benchmark; the base model is `base`.

    Raises:
        RecordError: Questions and answers do not belong together.
    """
    roles = ["base", *(role for role in asked if role.startswith(COMPARE))]
    if len(roles) == 1:
        return None
    names = {"base": recipe.model.shown} | {
        f"{COMPARE}{name}": other.shown for name, other in recipe.model.compare.items()
    }
    ranking: dict[str, tuple[str, ...]] = {}
    differences: dict[str, dict[str, Difference]] = {}
    reasons: list[str] = []
    for benchmark, rows in questions.items():
        each = {
            role: align(rows, asked[role][benchmark].predictions, where=f"answers of '{role}'")
            for role in roles
        }
        for task in each["base"]:
            answers = {role: each[role][task] for role in roles}
            values = {role: _value(one) for role, one in answers.items()}
            key = f"{benchmark}.{task}.{headline(answers['base'].task_type)}"
            # `sorted` keeps the order of equals: the base model, then as the spec lists them.
            ranking[key] = tuple(sorted(roles, key=lambda role: -values[role]))
            differences[key] = {
                role: headline_difference(
                    answers[role], answers["base"], bootstrap=recipe.evaluation.bootstrap,
                    seed=recipe.evaluation.seed, tries=len(roles) - 1,
                )
                for role in roles[1:]
            }
            where = benchmark if len(each["base"]) == 1 else f"{task} of {benchmark}"
            reasons.append(sentence(where, names, ranking[key], differences[key]))
    return ModelChoice(
        chosen="base", ranking=ranking, differences=differences, reasons=tuple(reasons)
    )


def sentence(
    where: str,
    names: Mapping[str, str],
    ranking: Sequence[str],
    differences: Mapping[str, Difference],
) -> str:
    """Where the base model stands in one metric, as a person would write it.

    Args:
        where: The benchmark, or the task of one.
        names: From the role to the model's name.
        ranking: The roles, best first.
        differences: From another role to the base model minus that one.
    """
    place, count = ranking.index("base"), f"{len(ranking)} models"
    rival = ranking[1] if place == 0 else ranking[0]
    found = differences[rival]
    metric, other = found.metric, names[rival]
    head = f"By {_IN_WORDS[metric]} on {where}, {names['base']}"
    if abs(found.difference or 0.0) < ROUNDING:
        return f"{head} and {other} are level: {_number(metric, found.after)}."
    scores = f"{_number(metric, found.after)} against {_number(metric, found.before)} for {other}"
    if place == 0:
        told, gap = f"{head} is the best of the {count}: {scores}", f"lead {_gap(found, 1)}"
        return told + (
            f"; the {gap} is more than chance." if found.better
            else f"; chance can explain the {gap}."
        )
    told, gap = f"{head} is {ordinal(place + 1)} of the {count}: {scores}", f"gap {_gap(found, -1)}"
    return told + (
        f"; the {gap} is more than chance." if found.better is False
        else f"; chance can explain the {gap}."
    )


def ordinal(place: int) -> str:
    """`2nd`, `3rd`, `4th`, `11th`."""
    tail = "th" if 10 < place % 100 < 20 else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{tail}"


def _value(answers: Answers) -> float:
    (measure,) = headline_measure(answers).values()
    return measure.value or 0.0


def _number(metric: str, value: float | None) -> str:
    return f"{value or 0.0:.3f}" if metric == "bleu" else f"{value or 0.0:.1%}"


def _gap(found: Difference, sign: int) -> str:
    """The size of a difference with its interval, seen from the better model."""
    scale, digits, unit = (1, 3, "") if found.metric == "bleu" else (100, 1, " points")
    told = f"of {sign * scale * (found.difference or 0.0):.{digits}f}{unit}"
    if found.low is None or found.high is None:
        return told
    ends = sorted(sign * scale * end for end in (found.low, found.high))
    low, high = (f"{end:.{digits}f}".replace("-", "\N{MINUS SIGN}") for end in ends)
    return f"{told} (95% interval {low} to {high})"
