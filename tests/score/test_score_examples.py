import random

from score_cases import ask, make, split

from recipe_kit.score.examples import choose, media_name, samples

REFERENCES = ["Yes"] * 10
BEFORE = ["No", "No", "No", "Yes", "No", "Yes", None, "Yes", "Yes", "No"]
AFTER = ["Yes", "Yes", "Yes", "No", "No", "Yes", None, "Yes", "Yes", "Yes"]
SURE = [0.7, 0.9, 0.8, 0.6, 0.7, 0.55, 0.5, 0.95, 0.96, 0.99]
CATEGORIES = ["a", "a", "b", "b", "b", "a", "a", "b", "a", "a"]


def case():
    questions, before = make(REFERENCES, BEFORE, categories=CATEGORIES)
    after = make(REFERENCES, AFTER, categories=CATEGORIES, confidences=SURE)[1]
    return questions, before, after


def numbers(examples, kind: str) -> list[int]:
    return [int(e.question[-4:]) for e in examples if e.kind == kind]


def test_kinds_take_from_each_category_in_turn() -> None:
    found = choose(*case(), per_kind=3)
    assert numbers(found, "fixed") == [9, 2, 1]
    assert numbers(found, "broken") == [3]
    assert numbers(found, "wrong in both") == [6, 4]
    # 6, 3 and 4 are shown above.
    assert numbers(found, "least confident") == [5, 7, 0]
    assert len({e.media for e in found}) == len(found)


def test_an_example_holds_both_answers() -> None:
    example = choose(*case(), per_kind=1)[2]
    assert example.model_dump() == {
        "kind": "wrong in both", "question": "floor/cracked/floors/0006",
        "media": "0000000000000006.jpg", "prompt": "Is this floor cracked? Yes or No.",
        "reference": "Yes", "category": "a", "source": "floors",
        "before": "It depends.", "before_answer": None, "before_confidence": 0.9,
        "after": "It depends.", "after_answer": None, "after_confidence": 0.5,
        "before_reasoning": "", "after_reasoning": "", "video": "",
        "before_score": None, "after_score": None, "references": (),
    }


def test_without_tuning_the_base_models_mistakes_are_shown() -> None:
    questions, before, _ = case()
    found = choose(questions, before, None, per_kind=2)
    assert {e.kind for e in found} == {"wrong in both", "least confident"}
    assert numbers(found, "wrong in both") == [0, 2]
    assert all(e.after is None and e.after_confidence is None for e in found)


def test_the_order_of_predictions_does_not_matter() -> None:
    questions, before, after = case()
    expected = choose(questions, before, after)
    for seed in range(5):
        random.Random(seed).shuffle(before)
        random.Random(seed).shuffle(after)
        assert choose(questions, before, after) == expected


def test_the_primary_task_comes_first_and_others_fill_up() -> None:
    first, wrong = make(["Yes", "Yes"], ["No", "Yes"])
    second, missed = make(["3", "3", "3"], ["1", "1", "1"], task="severity")
    found = choose([*first, *second], [*wrong, *missed], None, per_kind=3)
    assert [e.question for e in found if e.kind == "wrong in both"] == [
        "floor/cracked/floors/0000", "floor/severity/floors/0001", "floor/severity/floors/0002"
    ]


def test_the_primary_task_may_be_named() -> None:
    first, wrong = make(["Yes"], ["No"])
    second, missed = make(["3", "3"], ["1", "1"], task="severity")
    questions = [*first, *second]
    found = choose(questions, [*wrong, *missed], None, per_kind=1, primary="severity")
    assert found[0].question == "floor/severity/floors/0000"
    assert {e.prompt for e in samples(questions, primary="severity")} == {second[0].prompt}
    assert len(samples(questions)) == 1


def test_samples_of_each_category_alternate_references_and_hold_no_answers() -> None:
    questions, _ = make(
        ["Yes", "Yes", "No", "Yes", "No"], ["Yes"] * 5, categories=["b", "b", "b", "a", "a"]
    )
    found = samples(questions)
    assert [(e.category, e.question[-4:], e.reference) for e in found] == [
        ("a", "0004", "No"), ("a", "0003", "Yes"), ("b", "0002", "No"), ("b", "0000", "Yes")
    ]
    assert {(e.kind, e.before, e.after) for e in found} == {("sample", None, None)}


def test_a_picture_without_a_digest_still_gets_a_safe_name() -> None:
    (question,), _ = make(["Yes"], ["Yes"])
    odd = question.model_copy(update={"media_sha256": "", "media": "../a b/<x>.png"})
    assert media_name(odd) == "b1a6488ab99c21b6.jpg"


def test_rotations_are_no_examples() -> None:
    sides = ("left", "right")
    questions, before = split([
        # First in the list, and doubtful or wrong in every way.
        ask("1", sides[::-1], "B", "A", turned=1, probabilities=[0.5, 0.5]),
        ask("1", sides, "A", "A"),
        ask("2", sides, "A", "B", prompt="Which side?\nA. left\nB. right"),
    ])
    found = choose(questions, before, None, per_kind=4)
    assert [(e.kind, e.question) for e in found] == [
        ("wrong in both", "tabletop/side/2"), ("least confident", "tabletop/side/1")
    ]
    assert (found[0].prompt, found[0].reference, found[0].before_answer) == (
        "Which side?\nA. left\nB. right", "A", "B"
    )
    alone = [q for q in questions if q.id != "tabletop/side/1"]
    assert [e.question for e in samples(alone)] == ["tabletop/side/2"]
    assert {e.question for e in samples(questions)} == {"tabletop/side/1", "tabletop/side/2"}


def test_samples_of_a_choice_task_alternate_the_right_texts() -> None:
    # By letter all are A; by text the first three say left.
    questions, _ = split([
        ask(str(i), ("right", "left") if i == 3 else ("left", "right"), "A", "A", media_sha256=sha)
        for i, sha in enumerate("1234")
    ])
    assert [e.question[-1] for e in samples(questions)] == ["0", "3"]
