"""What models answered to a pool's questions, where that contradicts, and what people decided.

A label answers a question from the annotations, or a model that reads them; another model answers
from the video. Where both say the same, the question is verified; the others are for people.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from recipe_kit.benchmark.pool import Drawn, answered
from recipe_kit.benchmark.questions import pool_questions, question_about
from recipe_kit.benchmark.review import Decision, decisions_digest, same_question
from recipe_kit.record.files import digest
from recipe_kit.record.schemas import Construction, Prediction, Question, Sample
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import LETTERS, ChoiceTask, Pool

LABELS = "labels"
"""Who answered from the annotations where no model was asked."""

_TOLD = """\
These are the annotations of a {medium}, as JSON:

{annotations}

Answer from the annotations alone.

{question}"""

Standing = Literal["agreed", "kept", "corrected", "removed", "undecided"]

_STANDINGS: dict[str, Standing] = {"keep": "kept", "correct": "corrected", "remove": "removed"}


@dataclass(frozen=True)
class Pair:
    """A question of one sample, with what was answered from its annotations and from its media."""

    id: str
    """Of the question."""
    sample: Sample
    drawn: Drawn
    text_answer: str = ""
    """The option that the annotations say; empty where nobody could tell."""
    vision_answer: str = ""
    """The option that the model which sees the medium says; empty where it said none."""
    standing: Standing = "undecided"
    decision: Decision | None = None
    """What a person decided about just this question."""
    outdated: Decision | None = None
    """What a person decided before the question changed."""

    @property
    def texts(self) -> tuple[str, ...]:
        """The options as they are shown, and then all others that the question has."""
        more = [text for text in self.drawn.question.texts if text not in self.drawn.options]
        return (*self.drawn.options, *more)

    @property
    def right(self) -> str:
        """The answer that counts; empty where there is none."""
        if self.standing in ("removed", "undecided"):
            return ""
        if self.decision and self.decision.decision == "correct":
            return self.decision.answer
        return self.text_answer


def to_ask(
    name: str, recipe: Recipe, drawn: Iterable[tuple[Sample, Drawn]]
) -> tuple[Question, ...]:
    """The questions as an answerer is asked them: with every option, and with no reference."""
    task_name = recipe.benchmarks[name].tasks[0]
    task = recipe.tasks[task_name]
    assert isinstance(task, ChoiceTask)
    wide = task.model_copy(update={
        "options": tuple(f"{{{letter}}}" for letter in LETTERS), "circular": False,
    })
    found = []
    for sample, one in drawn:
        # Any option, where nobody knows the right one yet: it is taken out again.
        posed = one if one.right else one._replace(right=one.options[0])
        (question,) = question_about(name, task_name, wide, sample, posed, {})
        found.append(question.model_copy(update={"reference": ""}))
    return tuple(found)


def from_annotations(question: Question, sample: Sample) -> Question:
    """A question as the model is asked it that sees the annotations only."""
    annotations = json.dumps(sample.labels, ensure_ascii=False, indent=1)
    medium = "video" if sample.media_type == "video" else "picture"
    prompt = _TOLD.format(medium=medium, annotations=annotations, question=question.prompt)
    return question.model_copy(update={"prompt": prompt})


def compare_answers(
    pool: Pool,
    drawn: Sequence[tuple[Sample, Drawn]],
    questions: Sequence[Question],
    text: Mapping[str, Prediction],
    vision: Mapping[str, Prediction],
    decisions: Sequence[Decision],
) -> tuple[Pair, ...]:
    """Every pair, with its answers and how it stands.

    Args:
        pool: The pool.
        drawn: The samples and what each is asked.
        questions: The same as they were asked.
        text: Answers from the annotations, by question.
        vision: Answers from the media, by question.
        decisions: What people decided.
    """
    made: dict[str, list[Decision]] = {}
    for decision in decisions:
        if decision.decision:
            made.setdefault(decision.question, []).append(decision)
    pairs = []
    for (sample, one), question in zip(drawn, questions, strict=True):
        said, seen = one.right or _said(question, text), _said(question, vision)
        pair = Pair(question.id, sample, one, said, seen)
        theirs = made.get(question.id, [])
        mine = [decision for decision in theirs if same_question(decision, undecided(pair))]
        pairs.append(replace(
            pair,
            standing=_standing(pool, pair, mine),
            decision=mine[-1] if mine else None,
            outdated=theirs[-1] if theirs and not mine else None,
        ))
    return tuple(pairs)


def undecided(pair: Pair) -> Decision:
    """A contradiction as it is written into the review file, to be decided."""
    return Decision(
        question=pair.id,
        sample=pair.sample.id,
        asked=pair.drawn.question.question,
        options=pair.texts,
        text_answer=pair.text_answer,
        vision_answer=pair.vision_answer,
    )


def freeze(
    name: str, recipe: Recipe, samples: Sequence[Sample], pairs: Iterable[Pair]
) -> tuple[Question, ...]:
    """The benchmark's questions: those whose answer is known."""
    benchmark = recipe.benchmarks[name]
    pool, size = benchmark.pool, len(recipe.tasks[benchmark.tasks[0]].choices)
    assert pool is not None
    known = [
        (pair.sample, answered(pool, pair.sample, pair.drawn, pair.right, size))
        for pair in pairs if pair.right
    ]
    return pool_questions(name, recipe, samples, known)


def construction(
    pool: Pool, pairs: Sequence[Pair], questions: Sequence[Question], *, text: str, vision: str
) -> Construction:
    """How a benchmark was made, in numbers.

    Args:
        pool: The pool.
        pairs: Every pair that was drawn.
        questions: What is asked in the end.
        text: Who answered from the annotations.
        vision: Who answered from the media; empty if nobody.
    """
    counts = Counter(pair.standing for pair in pairs)
    return Construction(
        pool=pool.path,
        pool_digest=digest([one.model_dump(mode="json") for one in pool.questions]),
        categories=Counter(one.category for one in pool.questions),
        required=sum(one.required for one in pool.questions),
        sampled=pool.sampled,
        seed=pool.seed,
        videos=len({pair.sample.id for pair in pairs}),
        drawn=len(pairs),
        text=text,
        vision=vision,
        agreed=counts["agreed"] if vision else 0,
        contradictions=len(pairs) - counts["agreed"],
        kept=counts["kept"],
        corrected=counts["corrected"],
        removed=counts["removed"],
        undecided=counts["undecided"],
        questions=sum(not question.rotation for question in questions),
        review_digest=decisions_digest(one.decision for one in pairs if one.decision),
    )


def _said(question: Question, answers: Mapping[str, Prediction]) -> str:
    found = answers.get(question.id)
    return question.options[found.answer] if found and found.answer else ""


def _standing(pool: Pool, pair: Pair, decisions: Sequence[Decision]) -> Standing:
    if decisions:
        return _STANDINGS[decisions[-1].decision]
    same = pool.vision is None or pair.text_answer == pair.vision_answer
    return "agreed" if pair.text_answer and same else "undecided"
