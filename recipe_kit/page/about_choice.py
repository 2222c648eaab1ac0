"""What the page says about scores without looking, readings of answers, and positions."""

from typing import Final

from recipe_kit.page import numbers, words
from recipe_kit.page.figures import ROLES, main_scores
from recipe_kit.page.markdown import Md, code, table, text
from recipe_kit.record.schemas import Metric, Record, TaskScores

# Baseline → (name, what it is).
BASELINES: Final = {
    "chance": ("Chance", "Guessing; 95% of guessers land in the interval"),
    "majority": ("Majority", "Always the commonest right answer"),
    "always_first": ("Always first", "Always the first option"),
    "blind": ("Blind", "The model asked the same questions with the picture blanked"),
}
_READINGS: Final = {
    "strict": "The text, read strictly",
    "vlmevalkit": "The text, read as VLMEvalKit's `can_infer` does",
    "probability": "The likeliest letter, whatever the text says",
}


def without_looking(
    record: Record, benchmark: str, task: str, roles: tuple[str, ...] = ROLES
) -> Md:
    """The model's accuracy beside the scores that need no picture; empty where there are none."""
    every_role = main_scores(record, benchmark, task)
    scores = {role: every_role[role] for role in roles if role in every_role}
    every = {name for found in scores.values() for name in found.baselines}
    if not every:
        return Md("")
    accuracies: dict[str, Metric | None] = {
        role: found.metrics.get("accuracy") for role, found in scores.items()
    }
    rows = [
        [Md("**Looking**"), "The model, with the picture", *map(_shown, accuracies.values())],
        *(
            [name, what, *(_shown(found.baselines.get(key)) for found in scores.values())]
            for key, (name, what) in BASELINES.items()
            if key in every
        ),
    ]
    heads = words.columns(record)
    headers = ["Accuracy", "What it is", *(heads[role] for role in scores)]
    return table(headers, rows, "ll" + "r" * len(scores))


def _shown(metric: Metric | None) -> str:
    return "–" if metric is None else numbers.with_interval("accuracy", metric)


def called_out(record: Record) -> Md:
    """Names every task that can be answered without looking; empty when none can."""
    said = []
    for benchmark, facts in record.benchmarks.items():
        for task in facts.tasks:
            scores = main_scores(record, benchmark, task)
            if any(found.answerable_blind for found in scores.values()):
                said.append(_called_out(record, benchmark, task, scores))
    return Md("\n".join(said))


def _called_out(
    record: Record, benchmark: str, task: str, scores: dict[str, TaskScores]
) -> str:
    place = f"{code(benchmark)} · {code(task)}" if len(record.benchmarks) > 1 else code(task)
    told = _above(record, benchmark, scores)
    chance = scores["base"].baselines.get("chance")
    if chance is not None:
        told.append(
            f"guessing gets {numbers.pct(chance.value)} (95% of guessers: "
            f"{numbers.metric_interval('accuracy', chance)})"
        )
    joined = "; ".join(told)
    said = f" {joined[0].upper()}{joined[1:]}." if told else ""
    return (
        f"> **Can be answered without looking:** {place}.{said} A score there tells less about "
        "what the model sees than it seems to.\n"
    )


def _above(record: Record, benchmark: str, scores: dict[str, TaskScores]) -> list[str]:
    """The scores without looking that lie above the interval of chance, in words."""
    said = []
    base = scores["base"]
    if base.task_type == "choice":
        # Binary tasks and scales are as unbalanced as the world that they are about.
        for name, what in (("always_first", "taking the first option"),
                           ("majority", "giving the commonest right answer")):
            if _beats_guessing(base, name):
                said.append(f"always {what} scores {numbers.pct(base.baselines[name].value)}")
    called = {"base": "base model", "tuned": words.trained_model(record)}
    blind = [
        f"the {called[role]} scores {numbers.pct(found.baselines['blind'].value)}"
        for role, found in scores.items() if _beats_guessing(found, "blind")
    ]
    if blind:
        what = words.medium(record, benchmark)
        said.append(f"with the {what} blanked, {' and '.join(blind)}")
    return said


def _beats_guessing(scores: TaskScores, name: str) -> bool:
    chance, found = scores.baselines.get("chance"), scores.baselines.get(name)
    if chance is None or chance.high is None or found is None or found.value is None:
        return False
    return found.value > chance.high


def readings(record: Record, benchmark: str, task: str) -> Md:
    """The same answers read in each way, and how often the readings disagree."""
    scores = {
        role: found for role, found in main_scores(record, benchmark, task).items()
        if found.readings
    }
    if not scores:
        return Md("")
    heads = words.columns(record)
    used = headline_reading(record, task)
    rows = []
    for name in dict.fromkeys(n for found in scores.values() for n in found.readings):
        cells: list[object] = [
            Md(f"{code(name)}{' (used here)' if name == used else ''}"),
            Md(_READINGS.get(name, "")),
        ]
        for found in scores.values():
            reading = found.readings.get(name)
            cells.append(
                f"{numbers.pct(reading.accuracy.value)} ({numbers.num(reading.differs)})"
                if reading
                else "–"
            )
        rows.append(cells)
    headers = ["Reading", "What is read", *(heads[role] for role in scores)]
    return table(headers, rows, "ll" + "r" * len(scores))


def headline_reading(record: Record, task: str) -> str:
    """The reading that the page's scores stand on."""
    found = words.tasks(record)[task]
    return "probability" if found.answer_by == "probability" else found.parser


def positions(record: Record, benchmark: str, task: str) -> Md:
    """How often each letter was right, and how often it was answered before and after."""
    scores = {
        role: found for role, found in main_scores(record, benchmark, task).items()
        if found.positions
    }
    if not scores:
        return Md("")
    first = next(iter(scores.values()))
    letters = list(dict.fromkeys(
        [*first.reference_positions, *(one for found in scores.values() for one in found.positions)]
    ))
    rows = [
        [
            Md(f"**{text(letter)}**"), _count(first.reference_positions, letter),
            *(_count(found.positions, letter) for found in scores.values()),
        ]
        for letter in letters
    ]
    heads = words.columns(record)
    headers = ["Answer", "Right answer", *(heads[role] for role in scores)]
    return table(headers, rows, "l" + "r" * (1 + len(scores)))


def _count(counts: dict[str, int], letter: str) -> str:
    total = sum(counts.values()) or 1
    found = counts.get(letter, 0)
    return f"{numbers.num(found)} ({numbers.pct(found / total)})"


def position_sentence(record: Record, benchmark: str, task: str) -> Md:
    """Which letter each model gives too often, most of all."""
    said = []
    if words.tasks(record)[task].circular:
        said.append("Every rotation counts.")
    for role, found in main_scores(record, benchmark, task).items():
        if not found.positions:
            continue
        right = found.reference_positions
        surplus = {
            one: given - right.get(one, 0)
            for one, given in found.positions.items() if one in found.confusion.labels
        }
        most = max(surplus, key=lambda one: surplus[one])
        model = "base model" if role == "base" else words.trained_model(record)
        if surplus[most] <= 0:
            said.append(f"The {model} gives no letter more often than it is right.")
            continue
        said.append(
            f"The {model} gives {text(most)} {numbers.num(found.positions[most])} times; it is "
            f"the right answer {numbers.num(right.get(most, 0))} times."
        )
    return Md(" ".join(said))
