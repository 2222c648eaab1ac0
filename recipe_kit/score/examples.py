"""The pictures of a page, chosen the same way every time.

Primary task first, spread over categories, and no picture twice: a kind takes from each category
in turn, the most confident mistake first (the least confident answer, for "least confident").
Questions are shown in the first order of their options only, never as a rotation. A caption is
neither right nor wrong: those whose BLEU rose or fell most are shown, or the lowest where there is
only one answer.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import zip_longest
from typing import Literal

from recipe_kit.record.schemas import Example, Prediction, Question
from recipe_kit.score.answers import truth
from recipe_kit.score.bleu import references, sentence
from recipe_kit.spec.tasks import TEXT_TASKS

Kind = Literal[
    "fixed", "broken", "wrong in both", "least confident", "sample", "higher", "lower", "lowest"
]


def choose(
    questions: Sequence[Question],
    before: Sequence[Prediction],
    after: Sequence[Prediction] | None,
    *,
    per_kind: int = 4,
    primary: str = "",
) -> tuple[Example, ...]:
    """Fixed, broken, wrong in both, least confident, higher, lower and lowest examples.

    The last three are of captions only, the first four of everything else; of open answers, which
    have no confidence, there is no fourth.

    Args:
        questions: The benchmark.
        before: The base model's predictions, one for each question.
        after: The tuned model's; None when there is none, and then "wrong in both" are the base
            model's mistakes and nothing is fixed or broken.
        per_kind: Most examples of one kind.
        primary: The task that is shown first; the first question's when empty.
    """
    questions = [q for q in questions if not q.rotation_of]
    first = primary or questions[0].task
    captions = [q for q in questions if q.task_type == "caption"]
    decidable = [q for q in questions if q.task_type != "caption"]
    befores = {p.question: p for p in before}
    afters = {p.question: p for p in after} if after is not None else befores

    def right(question: Question, predictions: dict[str, Prediction]) -> bool:
        found = predictions[question.id]
        if question.task_type == "open":
            return found.judged is not None and found.judged > 0
        return found.answer == question.reference

    def confidence(question: Question) -> float:
        return afters[question.id].confidence

    def surest(question: Question) -> float:
        return -confidence(question)

    def flipped(was: bool, now: bool) -> list[Question]:
        return [q for q in decidable if (right(q, befores), right(q, afters)) == (was, now)]

    def score(question: Question) -> float:
        return sentence(question, befores[question.id].answer or "")

    def rise(question: Question) -> float:
        return sentence(question, afters[question.id].answer or "") - score(question)

    def fall(question: Question) -> float:
        return -rise(question)

    kinds: list[tuple[Kind, Sequence[Question], Callable[[Question], float]]] = [
        ("fixed", flipped(False, True), surest),
        ("broken", flipped(True, False), surest),
        ("wrong in both", flipped(False, False), surest),
        ("least confident", [q for q in decidable if q.choices], confidence),
    ]
    if after is None:
        kinds.append(("lowest", captions, score))
    else:
        kinds.append(("higher", [q for q in captions if rise(q) > 0], fall))
        kinds.append(("lower", [q for q in captions if rise(q) < 0], rise))
    chosen: list[Example] = []
    shown: set[str] = set()
    for kind, candidates, rank in kinds:
        for question in _pick(candidates, first, rank, shown, per_kind):
            after_one = afters[question.id] if after is not None else None
            chosen.append(_example(kind, question, befores[question.id], after_one))
    return tuple(chosen)


def samples(
    questions: Sequence[Question], *, per_category: int = 2, primary: str = ""
) -> tuple[Example, ...]:
    """A few pictures of each category for the section on the data, without any answers.

    Within a category, right answers and sources take turns; which picture of them is shown depends
    on its content only.
    """
    task = primary or questions[0].task
    asked = [q for q in questions if q.task == task and not q.rotation_of]
    chosen: list[Example] = []
    for category in sorted({q.category for q in asked}):
        ordered = sorted(
            (q for q in asked if q.category == category),
            key=lambda q: (media_name(q), q.id),
        )
        turns = _in_turns(ordered, lambda q: (q.source, truth(q)))
        chosen += [_example("sample", question) for question in turns[:per_category]]
    return tuple(chosen)


def media_name(question: Question) -> str:
    """File name of a question's picture on the page: from its content, so safe and unique."""
    content = question.media_sha256
    if not content:
        content = hashlib.sha256(f"{question.source}/{question.media}".encode()).hexdigest()
    return f"{content[:16]}.jpg"


def with_videos(chosen: Iterable[Example], files: Collection[str]) -> tuple[Example, ...]:
    """Name the clip beside each example's picture, where the page's files hold one."""
    named = [(one, f"{one.media.rpartition('.')[0]}.mp4") for one in chosen]
    return tuple(
        one.model_copy(update={"video": name}) if name in files and one.kind != "sample" else one
        for one, name in named
    )


def _pick(
    candidates: Sequence[Question],
    primary: str,
    rank: Callable[[Question], float],
    shown: set[str],
    limit: int,
) -> list[Question]:
    """At most `limit` questions whose pictures are not in `shown`, which they are added to."""
    picked: list[Question] = []
    for is_primary in (True, False):
        # Left out before turns are taken, lest a category lose its turn to a picture shown above.
        fresh = (
            q for q in candidates
            if (q.task == primary) is is_primary and media_name(q) not in shown
        )
        ordered = sorted(fresh, key=lambda q: (rank(q), q.id))
        for question in _in_turns(ordered, lambda q: (q.category,)):
            if len(picked) < limit and media_name(question) not in shown:
                picked.append(question)
                shown.add(media_name(question))
    return picked


def _in_turns(
    ordered: Sequence[Question], key: Callable[[Question], tuple[str, ...]]
) -> list[Question]:
    """One question of each key in turn, each key's own order kept."""
    queues: dict[tuple[str, ...], list[Question]] = {}
    for question in ordered:
        queues.setdefault(key(question), []).append(question)
    turns: Iterable[tuple[Question | None, ...]] = zip_longest(
        *(queues[name] for name in sorted(queues))
    )
    return [question for turn in turns for question in turn if question is not None]


def _example(
    kind: Kind,
    question: Question,
    before: Prediction | None = None,
    after: Prediction | None = None,
) -> Example:
    return Example(
        kind=kind,
        question=question.id,
        media=media_name(question),
        prompt=question.prompt,
        reference=question.reference,
        category=question.category,
        source=question.source,
        before=before.text if before else None,
        before_answer=before.answer if before else None,
        before_confidence=before.confidence if before else None,
        before_reasoning=before.reasoning if before else "",
        after=after.text if after else None,
        after_answer=after.answer if after else None,
        after_confidence=after.confidence if after else None,
        after_reasoning=after.reasoning if after else "",
        before_score=_score(question, before),
        after_score=_score(question, after),
        references=references(question) if question.task_type in TEXT_TASKS else (),
    )


def _score(question: Question, prediction: Prediction | None) -> float | None:
    """BLEU of an answer by itself, if it is a text."""
    if prediction is None or question.task_type not in TEXT_TASKS:
        return None
    return sentence(question, prediction.answer or "")
