import random
from typing import Any

import numpy as np
import pytest
from sacrebleu.metrics.bleu import BLEU

from recipe_kit.errors import CompareError, RecordError
from recipe_kit.record.schemas import Prediction, Question
from recipe_kit.score.answers import align
from recipe_kit.score.bleu import bleu, corpora, sentences
from recipe_kit.score.compare import compare
from recipe_kit.score.examples import choose
from recipe_kit.score.gaps import find_gaps
from recipe_kit.score.metrics import score

WORDS = ("the", "ego", "vehicle", "slows", "down", ",", "turns", "left", "at", "a", "wet", "road")


def text(rng: random.Random, most: int = 14) -> str:
    return " ".join(rng.choices(WORDS, k=rng.randint(0, most)))


def case(
    n: int, seed: int, *, task_type: Any = "caption", most_references: int = 1, **more: Any
) -> tuple[list[Question], list[Prediction]]:
    rng = random.Random(seed)
    pairs = [
        ask(
            i, text(rng), [text(rng) + " ." for _ in range(1 + rng.randrange(most_references))],
            task_type=task_type, judged=rng.uniform(-3, 3), **more,
        )
        for i in range(n)
    ]
    return [question for question, _ in pairs], [prediction for _, prediction in pairs]


def ask(
    i: int, said: str, references: list[str], *, task_type: Any = "caption",
    judged: float | None = None, group: str = "", category: str = "", sample: str = "",
    bleu: Any = "corpus", judge: str = "tiny@1",
) -> tuple[Question, Prediction]:
    is_open = task_type == "open"
    question = Question(
        id=f"clips/text/{i:04d}", benchmark="clips", task="text", task_type=task_type,
        sample=sample or f"{i}", media=f"{sample or i}.mp4", media_sha256="", prompt="Describe it.",
        choices=(), reference=references[0], more_references=tuple(references[1:]), group=group,
        max_new_tokens=32, bare="What happens?" if is_open else "", category=category, bleu=bleu,
    )
    return question, Prediction(
        question=question.id, text=said, answer=said.strip(), probabilities={}, mass=0.0,
        confidence=0.0, prompt="<prompt>", model="tiny", revision="r1",
        timestamp="2026-01-01T00:00:00Z", latency_s=0.01, digest=question.id,
        judged=judged if is_open else None, judge=judge if is_open else "",
    )


def streams(questions: list[Question]) -> list[list[str | None]]:
    """References as sacrebleu wants them: one list for each of the references."""
    every = [(q.reference, *q.more_references) for q in questions]
    return [[one[at] if at < len(one) else None for one in every]
            for at in range(max(map(len, every)))]


@pytest.mark.parametrize("most_references", [1, 3])
@pytest.mark.parametrize("seed", range(3))
def test_bleu_is_sacrebleus(seed: int, most_references: int) -> None:
    questions, predictions = case(40, seed, most_references=most_references)
    found = score(questions, predictions, bootstrap=100, seed=0)["text"]
    metric = BLEU()
    right = metric.corpus_score([p.text for p in predictions], streams(questions))
    assert found.metrics["bleu"].value == pytest.approx(right.score / 100, rel=1e-12)
    assert found.signature == str(metric.get_signature())
    assert found.metrics["bleu"].n == 40


def test_the_mean_of_sentences_is_sacrebleus() -> None:
    questions, predictions = case(30, 1, most_references=2, bleu="sentence")
    found = score(questions, predictions, bootstrap=100, seed=0)["text"]
    metric = BLEU(effective_order=True)
    each = [metric.sentence_score(p.text, [q.reference, *q.more_references]).score / 100
            for q, p in zip(questions, predictions, strict=True)]
    assert found.metrics["bleu"].value == pytest.approx(np.mean(each), rel=1e-12)
    assert "|eff:yes|" in found.signature
    (answers,) = align(questions, predictions).values()
    assert sentences(answers) == pytest.approx(each)


@pytest.mark.parametrize("seed", range(3))
def test_a_resample_of_counts_is_a_resample_of_texts(seed: int) -> None:
    questions, predictions = case(12, seed, most_references=3)
    (answers,) = align(questions, predictions).values()
    counts = np.random.default_rng(seed).multinomial(12, [1 / 12] * 12, size=20)
    resampled = bleu(answers).statistic(counts.astype(float))
    for found, one in zip(resampled, counts, strict=True):
        drawn = [i for i, count in enumerate(one) for _ in range(count)]
        right = BLEU().corpus_score(
            [predictions[i].text for i in drawn], streams([questions[i] for i in drawn])
        )
        assert found == pytest.approx(right.score / 100, abs=1e-12)


@pytest.mark.parametrize(
    ("matched", "possible", "answer", "reference"),
    [
        ([5, 4, 3, 2], [6, 5, 4, 3], 6, 6),
        ([5, 2, 0, 0], [6, 5, 4, 3], 6, 9),  # two orders are smoothed
        ([0, 0, 0, 0], [6, 5, 4, 3], 6, 6),
        ([2, 1, 0, 0], [3, 2, 1, 0], 3, 3),  # too short for an order: 0
        ([0, 0, 0, 0], [0, 0, 0, 0], 0, 5),
        ([0, 2, 0, 1], [6, 5, 4, 3], 6, 2),
    ],
)
def test_bleu_from_counts(
    matched: list[int], possible: list[int], answer: int, reference: int
) -> None:
    right = BLEU.compute_bleu(
        list(matched), list(possible), answer, reference, smooth_method="exp"
    )
    sums = np.array([[answer, reference, *matched, *possible]], dtype=float)
    assert corpora(sums)[0] == pytest.approx(right.score / 100, rel=1e-12)


def test_a_caption_as_its_reference_has_a_bleu_of_one_and_nothing_said_of_zero() -> None:
    said = "the ego vehicle turns left at a wet junction"
    pairs = [ask(0, said, [said]), ask(1, said, [said])]
    questions, predictions = [q for q, _ in pairs], [p for _, p in pairs]
    assert score(questions, predictions, bootstrap=100, seed=0)["text"].metrics["bleu"].value == 1
    silent = [p.model_copy(update={"text": "", "answer": ""}) for p in predictions]
    assert score(questions, silent, bootstrap=100, seed=0)["text"].metrics["bleu"].value == 0


def test_captions_have_no_right_and_wrong() -> None:
    questions, predictions = case(20, 0)
    found = score(questions, predictions, bootstrap=100, seed=0)["text"]
    assert list(found.metrics) == ["bleu"]
    assert found.metrics["bleu"].method == "bootstrap"
    assert (found.confusion.labels, found.baselines, found.per_video) == ((), {}, None)
    assert found.slices["source"] == {}
    assert "label" not in found.slices
    assert not find_gaps("clips", {"text": found}, None, {})


def test_open_answers_are_right_where_the_judge_says_so() -> None:
    pairs = [
        ask(i, "a van", ["a van", "one van"], task_type="open", judged=judged, group=f"g{i % 2}",
            category="cars" if i < 3 else "people")
        for i, judged in enumerate([1.5, -0.1, 0.0, 2.0])
    ]
    questions, predictions = [q for q, _ in pairs], [p for _, p in pairs]
    found = score(questions, predictions, bootstrap=100, seed=0)["text"]
    assert found.metrics["lingo_judge"].value == 0.5  # 0 is not above 0
    assert found.metrics["lingo_judge"].method == "bootstrap by group"
    assert found.metrics["bleu"].value is not None
    assert found.slices["category"]["cars"]["lingo_judge"].value == pytest.approx(1 / 3)
    assert found.judge == "tiny@1"
    assert found.signature.startswith("nrefs:2|")


def test_an_open_answer_that_nobody_judged() -> None:
    questions, predictions = case(2, 0, task_type="open")
    predictions[1] = predictions[1].model_copy(update={"judged": None})
    with pytest.raises(RecordError, match="the answer to 'clips/text/0001' was not judged"):
        score(questions, predictions, bootstrap=100, seed=0)


def test_blind_answers_to_open_questions() -> None:
    questions, predictions = case(30, 0, task_type="open")
    found = score(questions, predictions, blind=predictions, bootstrap=100, seed=0)["text"]
    assert found.baselines == {"blind": found.metrics["lingo_judge"]}


def test_captions_before_and_after() -> None:
    questions, before = case(40, 3)
    after = [
        p.model_copy(update={"text": q.reference, "answer": q.reference})
        for q, p in zip(questions, before, strict=True)
    ]
    compared = compare("clips", questions, before, after, before_role="base", after_role="tuned",
                       bootstrap=400, seed=0)
    task = compared.tasks["text"]
    change = task.differences["bleu"]
    assert (change.after, change.better, change.method) == (1.0, True, "paired bootstrap")
    assert change.p == pytest.approx(1 / 401)
    assert change.p_method == "paired bootstrap"
    assert (task.fixed, task.broken, task.both_right, task.both_wrong) == (0, 0, 0, 0)
    back = compare("clips", questions, after, before, before_role="base", after_role="tuned",
                   bootstrap=400, seed=0)
    assert [r.metric for r in back.regressions] == ["bleu"]


def test_the_same_captions_differ_in_nothing() -> None:
    questions, before = case(10, 3)
    compared = compare("clips", questions, before, before, before_role="base", after_role="tuned",
                       bootstrap=200, seed=0)
    change = compared.tasks["text"].differences["bleu"]
    assert (change.difference, change.better, change.p) == (0.0, None, 1.0)


def test_two_judges_cannot_be_compared() -> None:
    questions, before = case(4, 0, task_type="open")
    after = [p.model_copy(update={"judge": "other@2"}) for p in before]
    with pytest.raises(CompareError, match="were judged by other@2 and tiny@1"):
        compare("clips", questions, before, after, before_role="base", after_role="tuned",
                bootstrap=100, seed=0)


def test_examples_of_captions_are_those_that_changed_most() -> None:
    good, bad = "the ego vehicle turns left at a wet junction", "nothing moves"
    pairs = [ask(i, bad if i < 2 else good, [good, "two"], category=f"c{i}") for i in range(4)]
    questions, before = [q for q, _ in pairs], [p for _, p in pairs]
    said = [good, bad, good, bad]
    after = [p.model_copy(update={"text": s, "answer": s})
             for p, s in zip(before, said, strict=True)]
    shown = choose(questions, before, after)
    assert [(e.kind, e.question[-1]) for e in shown] == [("higher", "0"), ("lower", "3")]
    assert shown[0].after_score == pytest.approx(1.0)
    assert shown[0].before_score == pytest.approx(0.0)
    assert shown[0].references == (good, "two")
    assert [(e.kind, e.question[-1]) for e in choose(questions, before, None, per_kind=2)] == [
        ("lowest", "0"), ("lowest", "1"),
    ]


def test_examples_of_open_questions_are_fixed_and_broken() -> None:
    pairs = [ask(i, "a van", ["a van"], task_type="open", judged=judged, category=f"c{i}")
             for i, judged in enumerate([-1.0, 1.0, -1.0])]
    questions, before = [q for q, _ in pairs], [p for _, p in pairs]
    after = [p.model_copy(update={"judged": judged})
             for p, judged in zip(before, [1.0, -1.0, -2.0], strict=True)]
    shown = choose(questions, before, after)
    assert [(e.kind, e.question[-1]) for e in shown] == [
        ("fixed", "0"), ("broken", "1"), ("wrong in both", "2"),
    ]
