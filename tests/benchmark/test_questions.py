import pytest

from recipe_kit.benchmark.prompts import label_text
from recipe_kit.benchmark.questions import build, digest, question_digest
from recipe_kit.errors import DataError
from recipe_kit.record.schemas import Question, Sample
from recipe_kit.spec.recipe import Recipe

RECIPE = Recipe.model_validate(
    {
        "schema": 1, "title": "Floors", "use_case": "Floors", "organization": "Us",
        "authors": [{"name": "A"}],
        "data": {
            "sources": {
                "real": {
                    "kind": "table", "path": "t.csv", "labels": {"cracked": "c", "hazard": "h"}
                },
                "other": {"kind": "table", "path": "o.csv", "labels": {"cracked": "c"}},
            },
            "splits": {"test": {"real": 1.0, "other": 0.5}, "train": {"other": 0.5}},
        },
        "tasks": {
            "severity": {"type": "scale", "prompt": "How bad?", "label": "hazard"},
            "cracked": {
                "type": "binary", "prompt": "Cracked?", "label": "cracked",
                "answers": {"cracked": "Yes", "intact": "No"},
            },
            "safe": {
                "type": "binary", "prompt": "Safe?", "label": "safe", "hazard": "No",
                "answers": {"true": "Yes", "false": "No"},
            },
        },
        "benchmarks": {
            "floor": {"tasks": ["cracked", "severity"]},
            "real": {"tasks": ["cracked"], "sources": ["real"]},
            "safety": {"tasks": ["safe"]},
        },
        "gate": {
            "benchmark": "floor",
            "targets": [{"task": "cracked", "metric": "accuracy", "at_least": 0.9}],
        },
    }
)


def sample(name: str, split: str = "test", **labels: object) -> Sample:
    return Sample(
        id=name, source=name.split("/")[0], media=f"{name.split('/')[1]}.jpg", sha256="ab" * 32,
        labels=labels, category="hazard", group="", split=split,
    )


SAMPLES = [
    sample("real/2", cracked="intact"),
    sample("other/9", cracked="cracked"),
    sample("real/1", cracked="cracked", hazard=4),
    sample("other/8", cracked="nonsense", split="train"),
]


def test_questions_are_ordered_by_sample_then_task() -> None:
    found = build("floor", RECIPE, SAMPLES)
    assert [(q.id, q.reference) for q in found] == [
        ("floor/cracked/other/9", "Yes"),
        ("floor/cracked/real/1", "Yes"),
        ("floor/severity/real/1", "4"),
        ("floor/cracked/real/2", "No"),
    ]
    assert build("floor", RECIPE, reversed(SAMPLES)) == found


def test_one_question_in_full() -> None:
    question = build("real", RECIPE, SAMPLES)[0]
    assert question.model_dump() == {
        "id": "real/cracked/real/1", "benchmark": "real", "task": "cracked",
        "task_type": "binary", "sample": "real/1", "media": "1.jpg", "media_sha256": "ab" * 32,
        "prompt": "Cracked?", "choices": ("Yes", "No"), "reference": "Yes", "hazard": "Yes",
        "category": "hazard", "source": "real", "group": "real/1", "slices": {}, "options": {},
        "parser": "strict", "answer_by": "both", "rotation": 0, "rotation_of": "",
        "more_references": (), "max_new_tokens": 0, "bare": "", "bleu": "corpus", "pool": "",
    }


def test_only_the_benchmarks_sources_are_asked() -> None:
    assert {q.source for q in build("real", RECIPE, SAMPLES)} == {"real"}


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (False, "false"), (3, "3"), (3.0, "3"), (2.5, "2.5"), ("cracked", "cracked")],
)
def test_labels_as_a_spec_writes_them(value: str | float, text: str) -> None:
    assert label_text(value) == text


def test_a_yes_or_no_label_may_be_a_truth_value() -> None:
    (question,) = build("safety", RECIPE, [sample("real/1", safe=False)])
    assert (question.reference, question.hazard) == ("No", "No")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"cracked": "Craked"},
         "sample 'real/1': label 'cracked' is 'Craked', which task 'cracked' does not know; known: "
         "cracked, intact; did you mean 'cracked'?\n  To mend it: correct the label, or add the "
         "value to tasks.cracked.answers"),
        ({"cracked": 7},
         "sample 'real/1': label 'cracked' is '7', which task 'cracked' does not know; known: "
         "cracked, intact\n  To mend it: correct the label, or add the value to "
         "tasks.cracked.answers"),
        ({"cracked": "intact", "hazard": 6},
         "sample 'real/1': label 'hazard' is '6', which task 'severity' does not know; known: 1, "
         "2, 3, 4, 5\n  To mend it: correct the label, or add the value to tasks.severity.low and "
         ".high"),
    ],
)
def test_an_unknown_label(labels: dict[str, object], message: str) -> None:
    with pytest.raises(DataError) as caught:
        build("floor", RECIPE, [sample("real/1", **labels)])
    assert str(caught.value) == message


def test_a_benchmark_without_questions() -> None:
    with pytest.raises(DataError) as caught:
        build("floor", RECIPE, [sample("real/1", cracked="intact")])
    assert str(caught.value) == (
        "benchmarks.floor: the benchmark is empty for task 'severity': none of the 1 samples of "
        "split 'test' in real, other has the label 'hazard'\n  To mend it: give data.splits.test "
        "a source with the label 'hazard', or take the task out of benchmarks.floor.tasks"
    )


QUESTION = Question(
    id="floor/cracked/real/1", benchmark="floor", task="cracked", task_type="binary",
    sample="real/1", media="a/1.jpg", media_sha256="ab" * 32, prompt="Is it cracked? – Yes or No.",
    choices=("Yes", "No"), reference="Yes", hazard="Yes", category="hazard", source="real",
    group="scene 1",
)


# Must not be changed: runs on people's disks are recognized by these digests.
def test_the_digests_are_pinned() -> None:
    assert digest([QUESTION]) == (
        "87a0ade5250d1da5ccd6f54118d3564fcfe29c2a1069d9fe55b4b3b37180ac34"
    )
    assert question_digest(QUESTION, "<|im_start|>user", "0" * 64) == (
        "74e4f27f1933868eabb5c121a58587042c7cc547de0cdc6de668ab712c3def17"
    )


def test_a_moved_folder_changes_no_digest() -> None:
    moved = QUESTION.model_copy(update={"media": "b/1.jpg"})
    assert digest([moved]) == digest([QUESTION])
    assert question_digest(moved, "p", "d") == question_digest(QUESTION, "p", "d")


@pytest.mark.parametrize("field", ["prompt", "reference", "media_sha256", "id"])
def test_what_is_asked_changes_both_digests(field: str) -> None:
    other = QUESTION.model_copy(update={field: "No"})
    assert digest([other]) != digest([QUESTION])
    assert question_digest(other, "p", "d") != question_digest(QUESTION, "p", "d")


def test_prompt_preprocessing_and_order_change_the_digest() -> None:
    digests = {
        question_digest(QUESTION, "p", "d"), question_digest(QUESTION, "q", "d"),
        question_digest(QUESTION, "p", "e"), question_digest(QUESTION, "pd", ""),
    }
    assert len(digests) == 4
    second = QUESTION.model_copy(update={"id": "floor/cracked/real/2"})
    assert digest([QUESTION, second]) != digest([second, QUESTION])
