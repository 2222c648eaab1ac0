"""Questions with options: which are shown, in which order, and which is right."""

from collections import Counter
from itertools import pairwise

import pytest
from choice_cases import ASKED, LABELS, SIDE, WHO, choice, recipe, sample
from hypothesis import assume, given
from hypothesis import strategies as st

from recipe_kit.benchmark.choices import orders, rotations
from recipe_kit.benchmark.prompts import fill
from recipe_kit.benchmark.questions import build, digest, pose, question_digest
from recipe_kit.errors import DataError
from recipe_kit.record.schemas import LabelValue
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import BinaryTask, labels_in


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{name} is {name}", "cup is cup"),
        ("{truth}, {count}, {share}, {l2-category}", "true, 3, 2.5, x"),
        ("{} { name } {1} {name: 1} {{name}}", "{} { name } {1} {name: 1} {name}"),
    ("{{name} {name}} {{{name}}} {{a b}}", "{cup cup} {{name}} {{a b}}"),
        ("{nested}", "{name}"),
        ("no label", "no label"),
    ],
)
def test_labels_are_filled_in(template: str, text: str) -> None:
    labels: dict[str, LabelValue] = {
        "name": "cup", "truth": True, "count": 3.0, "share": 2.5, "l2-category": "x",
        "nested": "{name}",
    }
    assert fill(template, labels) == text


@given(st.text("{}a b_-1"))
def test_only_labels_are_replaced(text: str) -> None:
    assume("{{" not in text)  # stands for a brace
    names = labels_in(text)
    filled = fill(text, dict.fromkeys(names, "x"))
    for name in names:
        text = text.replace(f"{{{name}}}", "x")
    assert filled == text


def test_one_question_in_full() -> None:
    (question,) = build("table", recipe(), [sample(**LABELS)])
    assert question.model_dump() == {
        "id": "table/side/drawn/1", "benchmark": "table", "task": "side", "task_type": "choice",
        "sample": "drawn/1", "media": "1.png", "media_sha256": "ab" * 32,
        "prompt": "Is the cup left or right of the red ball?\nA. left\nB. right",
        "choices": ("A", "B"), "reference": "A", "hazard": None, "category": "",
        "source": "drawn", "group": "drawn/1", "slices": {},
        "options": {"A": "left", "B": "right"}, "parser": "strict", "answer_by": "both",
        "rotation": 0, "rotation_of": "", "more_references": (), "max_new_tokens": 0, "bare": "",
        "bleu": "corpus", "pool": "",
    }


def test_how_an_answer_is_read_is_in_the_question() -> None:
    (question,) = build(
        "table", recipe(parser="vlmevalkit", answer_by="generation"), [sample(**LABELS)]
    )
    assert (question.parser, question.answer_by) == ("vlmevalkit", "generation")


# Must not be changed: the questions of people's runs were asked in these orders.
def test_the_orders_are_pinned() -> None:
    task = choice(SIDE, options=["a", "b", "c", "d"])
    assert [orders("side", task, sample(n), 4, 1) for n in range(4)] == [
        [(1, 2, 0, 3)], [(0, 3, 1, 2)], [(3, 0, 2, 1)], [(0, 1, 2, 3)],
    ]
    assert orders("side", task, sample(0), 4, 3) == [(1, 2, 0, 3), (2, 1, 0, 3), (3, 1, 0, 2)]


def test_the_order_is_of_the_seed_the_task_and_the_sample() -> None:
    size = 7
    task = choice(SIDE, options=list("abcdefg"))
    found = {
        orders("side", task, sample(1), size, 1)[0],
        orders("side", task, sample(2), size, 1)[0],
        orders("other", task, sample(1), size, 1)[0],
        orders("side", choice(SIDE, seed=1), sample(1), size, 1)[0],
    }
    assert len(found) == 4
    # Of nothing else: not of the labels, the benchmark or the other samples.
    alone = build("table", recipe(), [sample(5, **LABELS)])
    among = build("table", recipe(), [sample(n, **LABELS) for n in range(9)])
    assert among[5] == alone[0]


def test_every_order_is_as_frequent() -> None:
    task = choice(SIDE, options=["a", "b", "c"])
    counts = Counter(orders("side", task, sample(n), 3, 1)[0] for n in range(1200))
    assert len(counts) == 6
    assert all(160 < count < 240 for count in counts.values())


def test_without_shuffling_the_options_stand_as_listed() -> None:
    questions = build("table", recipe(shuffle=False), [sample(n, **LABELS) for n in range(9)])
    assert {q.prompt.partition("\n")[2] for q in questions} == {"A. left\nB. right"}
    assert {q.reference for q in questions} == {"A"}


@given(st.integers(2, 5), st.integers(1, 10), st.integers(0, 9), st.booleans())
def test_several_orders_are_different_ones(size: int, count: int, seed: int, shuffle: bool) -> None:
    task = choice(SIDE, options=list("abcde")[:size], seed=seed, shuffle=shuffle)
    found = orders("side", task, sample(), size, count)
    assert len(found) == len(set(found)) == min(count, [2, 6, 24, 120][size - 2])
    assert found[:1] == orders("side", task, sample(), size, 1)
    assert {tuple(sorted(order)) for order in found} == {tuple(range(size))}


def test_rotations_are_further_questions() -> None:
    task = {"options": ["left", "right", "behind"], "circular": True}
    questions = build("table", recipe(**task), [sample(**LABELS)])
    assert [(q.id, q.rotation, q.rotation_of, q.reference) for q in questions] == [
        ("table/side/drawn/1", 0, "", "A"),
        ("table/side/drawn/1#1", 1, "table/side/drawn/1", "C"),
        ("table/side/drawn/1#2", 2, "table/side/drawn/1", "B"),
    ]
    assert [list(q.options.values()) for q in questions] == [
        ["left", "right", "behind"], ["right", "behind", "left"], ["behind", "left", "right"],
    ]
    assert questions[:1] == build("table", recipe(options=task["options"]), [sample(**LABELS)])


@given(st.permutations(range(5)))
def test_in_the_rotations_every_option_stands_everywhere_once(order: list[int]) -> None:
    turned = rotations(tuple(order))
    assert all(set(column) == set(range(5)) for column in zip(*turned, strict=True))
    assert all(second == first[1:] + first[:1] for first, second in pairwise(turned))


@pytest.mark.parametrize(
    ("task", "labels", "options", "reference"),
    [
        # A letter as listed, and an option that the sample has no label for
        (WHO, ASKED, {"A": "a dog", "B": "nobody", "C": "a cat"}, "C"),
        # The letter is that of the list, whatever is left out before it
        (WHO, ASKED | {"A": ""}, {"A": "nobody", "B": "a cat"}, "B"),
        # Options that are letters: the text goes before the letter, where the spec writes it
        (SIDE | {"shuffle": False, "options": ["B", "A"]}, LABELS | {"relation": "A"},
         {"A": "B", "B": "A"}, "B"),
        (WHO, ASKED | {"A": "A", "answer": "A"}, {"A": "A", "B": "nobody", "C": "a cat"}, "A"),
        # and the letter before the text in questions of others
        (WHO, ASKED | {"A": "C"}, {"A": "C", "B": "nobody", "C": "a cat"}, "C"),
        (WHO | {"options": ["{x}", "{y}"], "answers": {"A": "{x}"}},
         {"question": "Which?", "x": "B", "y": "A", "answer": "A"}, {"A": "B", "B": "A"}, "A"),
        (WHO, ASKED | {"answer": "nobody"}, {"A": "a dog", "B": "nobody", "C": "a cat"}, "B"),
        (WHO, ASKED | {"answer": " a cat ", "C": "a cat "},
         {"A": "a dog", "B": "nobody", "C": "a cat"}, "C"),
        # Numbers and truth values
        (WHO, {"question": "How many?", "A": 2, "B": 3.0, "answer": 3}, {"A": "2", "B": "3"}, "B"),
        (WHO, {"question": "Is it?", "A": True, "B": False, "answer": False},
         {"A": "true", "B": "false"}, "B"),
        # Answers say what a value means: a text, a letter, or the option as it is listed
        (SIDE | {"shuffle": False, "answers": {"west": "left", "east": "B"}},
         LABELS | {"relation": "east"}, {"A": "left", "B": "right"}, "B"),
        (SIDE | {"shuffle": False, "answers": {"west": "left", "east": "B"}},
         LABELS | {"relation": "west"}, {"A": "left", "B": "right"}, "A"),
        (SIDE | {"shuffle": False, "options": ["the {subject}", "the {object}"],
                 "answers": {"left": "the {object}"}},
         LABELS, {"A": "the cup", "B": "the red ball"}, "B"),
    ],
)
def test_the_options_and_the_right_one(
    task: dict[str, object], labels: dict[str, LabelValue], options: dict[str, str], reference: str
) -> None:
    (posed,) = pose("who", choice(task), sample(**labels))
    assert (posed.options, posed.reference) == (options, reference)
    assert posed.choices == tuple(options)
    assert posed.prompt.splitlines()[1:] == [f"{key}. {text}" for key, text in options.items()]


@pytest.mark.parametrize(
    ("task", "labels", "message"),
    [
        (WHO, {"question": "Who?", "A": "a dog", "B": " ", "answer": "A"},
         "sample 'drawn/1': the task 'who' has only one option for it, the labels of the others "
         "are missing or empty\n  To mend it: give the sample the labels that tasks.who.options "
         "names"),
        (WHO, {"question": "Who?", "answer": "A"},
         "sample 'drawn/1': the task 'who' has no option for it, the labels of the others are "
         "missing or empty\n  To mend it: give the sample the labels that tasks.who.options "
         "names"),
        (WHO, ASKED | {"B": "a dog"},
         "sample 'drawn/1': two options of the task 'who' are both 'a dog'\n  To mend it: correct "
         "the sample's labels, or tasks.who.options"),
        # The right option is one that was left out
        (WHO, ASKED | {"answer": "D"},
         "sample 'drawn/1': label 'answer' is 'D', and is none of the options of the task 'who': "
         "A. a dog, B. nobody, C. a cat\n  To mend it: correct the label, or add the value to "
         "tasks.who.answers"),
        (WHO, ASKED | {"answer": "Nobody"},
         "sample 'drawn/1': label 'answer' is 'Nobody', and is none of the options of the task "
         "'who': A. a dog, B. nobody, C. a cat; did you mean 'nobody'?\n  To mend it: correct the "
         "label, or add the value to tasks.who.answers"),
        (WHO | {"options": ["{x}", "{y}"]},
         {"question": "Which?", "x": "B", "y": "A", "answer": "A"},
         "sample 'drawn/1': label 'answer' is 'A', which is the letter of one option of the task "
         "'who' and the text of another\n  To mend it: say what it means in tasks.who.answers, "
         "like `{A: \"{x}\"}`"),
        (WHO | {"answers": {"x": "a cow"}}, ASKED | {"answer": "x"},
         "sample 'drawn/1': label 'answer' is 'x', which is answered 'a cow', and is none of the "
         "options of the task 'who': A. a dog, B. nobody, C. a cat; did you mean 'a dog'?\n  To "
         "mend it: correct the label, or add the value to tasks.who.answers"),
        (SIDE, {"subject": "cup", "relation": "left"},
         "sample 'drawn/1': the prompt of the task 'who' names the label 'object', which this "
         "sample lacks\n  To mend it: give the sample the label 'object', or take {object} out of "
         "tasks.who.prompt"),
    ],
)
def test_what_cannot_be_asked(
    task: dict[str, object], labels: dict[str, LabelValue], message: str
) -> None:
    with pytest.raises(DataError) as caught:
        pose("who", choice(task), sample(**labels))
    assert str(caught.value) == message


def test_prompts_of_other_tasks_name_labels_too() -> None:
    task = BinaryTask(type="binary", prompt="Is the {subject} red?", label="red")
    (posed,) = pose("red", task, sample(subject="cup", red="No"))
    assert posed == ("Is the cup red?", ("Yes", "No"), "No", {})
    with pytest.raises(DataError, match="names the label 'subject', which this sample lacks"):
        pose("red", task, sample(red="No"))


@pytest.mark.parametrize(("prompt", "labels", "asked"), [
    ("{hint}\n{question}", {}, "Who is it?"),
    ("{hint}\n{question}", {"hint": ""}, "Who is it?"),
    ("{hint}\n{question}", {"hint": "Look."}, "Look.\nWho is it?"),
    ("{question}\n {hint}", {}, "Who is it?"),
    ("{question} {hint}", {}, "Who is it?"),
    ("Hint: {hint}\n{question}", {}, "Hint: \nWho is it?"),
])
def test_a_question_may_lack_a_hint(prompt: str, labels: dict[str, str], asked: str) -> None:
    (posed,) = pose("who", choice(WHO, prompt=prompt), sample(**ASKED, **labels))
    assert posed.prompt == f"{asked}\n" + "\n".join(f"{k}. {v}" for k, v in posed.options.items())


def test_a_sample_without_the_label_is_not_asked() -> None:
    found = build("table", recipe(), [sample(1, **LABELS), sample(2, subject="cup")])
    assert [question.sample for question in found] == ["drawn/1"]


@pytest.mark.parametrize(("category", "hint"), [
    ("nearr", "did you mean 'near'?"), ("behind", "known: far, near"),
])
def test_a_criterion_of_a_category_that_nothing_has_is_refused_before_anything_is_asked(
    category: str, hint: str
) -> None:
    samples = [
        sample(n, **LABELS).model_copy(update={"category": one})
        for n, one in enumerate(("near", "far", ""))
    ]
    goal = {"side": {"metric": "accuracy", "at_least": 0.5, "category": "near"}}
    good = recipe().model_dump(by_alias=True) | {"success": goal}
    assert len(build("table", Recipe.model_validate(good), samples)) == 3
    goal["side"]["category"] = category
    with pytest.raises(DataError) as caught:
        build("table", Recipe.model_validate(good), samples)
    assert str(caught.value) == (
        f"success.side.category: no question of task 'side' has the category '{category}'; {hint}"
        "\n  To mend it: name a category of the samples that benchmarks.table asks about"
    )


# Must not be changed: runs on people's disks are recognized by these digests.
def test_the_digests_of_choice_questions_are_pinned() -> None:
    task = {"circular": True, "parser": "vlmevalkit"}
    questions = build("table", recipe(slices=("object",), **task), [sample(**LABELS)])
    assert digest(questions) == (
        "b4eb8aa754303f6c90c9a25038189cb2399e5aef5fbf6eb79fc326be2621a08a"
    )
    assert question_digest(questions[0], "p", "d") == (
        "41e302175ff1d74e3174ec26c74d6486e99369b6176acda8d2d5c74ada2e1346"
    )


@pytest.mark.parametrize(
    ("change", "asked"),
    [
        ({"options": {"A": "left", "B": "up"}}, True),
        ({"parser": "vlmevalkit"}, True),
        ({"answer_by": "probability"}, True),
        ({"slices": {"object": "cup"}}, False),
        ({"rotation": 1}, False),
        ({"rotation_of": "x"}, False),
    ],
)
def test_what_changes_the_digests(change: dict[str, object], asked: bool) -> None:
    (question,) = build("table", recipe(), [sample(**LABELS)])
    other = question.model_copy(update=change)
    assert digest([other]) != digest([question])
    assert (question_digest(other, "p", "d") != question_digest(question, "p", "d")) is asked
