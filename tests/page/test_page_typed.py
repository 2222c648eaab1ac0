"""Numbers that were typed by hand: those of the record, those that contradict it, and others."""

import time
from pathlib import Path

import page_cases
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipe_kit.errors import SpecError
from recipe_kit.page.publish import check_finished, notes
from recipe_kit.page.sentences import typed_numbers
from recipe_kit.page.typed import typed_problems
from recipe_kit.record.schemas import Metric, Record
from recipe_kit.spec.document import parse_document, read_document
from recipe_kit.spec.drafts import placeholders
from recipe_kit.spec.problems import Document
from recipe_kit.spec.starters import starters


@pytest.fixture(scope="module")
def record(tuned: Record) -> Record:
    """Round headline numbers: 71.7% → 97.1% on cracks (+25.4 points), recall 66.1% → 88.2%."""
    evaluations = []
    for one, accuracy, recall in zip(
        tuned.evaluations, (0.717, 0.971), (0.661, 0.882), strict=True
    ):
        scores = one.tasks["cracked"]
        metrics = {
            **scores.metrics,
            "accuracy": Metric(value=accuracy, n=240, low=accuracy - 0.06, high=accuracy + 0.02),
            "recall": Metric(value=recall, n=120, low=recall - 0.06, high=recall + 0.06),
        }
        slices = {**scores.slices, "category": {
            "ambiguous": {"accuracy": Metric(value=0.581, n=80)},
            "hazard": {"accuracy": Metric(value=0.733, n=80)},
        }}
        scores = scores.model_copy(update={"metrics": metrics, "slices": slices})
        tasks = {"cracked": scores}
        evaluations.append(one.model_copy(update={"tasks": tasks}))
    (comparison,) = tuned.comparisons
    compared = comparison.tasks["cracked"]
    difference = compared.differences["accuracy"].model_copy(
        update={"before": 0.717, "after": 0.971, "difference": 0.254, "low": 0.19, "high": 0.31}
    )
    compared = compared.model_copy(
        update={"differences": {"accuracy": difference}, "slices": {}, "mcnemar_p": 0.0213}
    )
    return tuned.model_copy(update={
        "evaluations": tuple(evaluations),
        "comparisons": (comparison.model_copy(update={"tasks": {"cracked": compared}}),),
        "benchmarks": {"floor": tuned.benchmarks["floor"].model_copy(
            update={"tasks": ("cracked",)}
        )},
    })


def told(record: Record, text: str) -> list[str]:
    document = Document("x.yaml", (), {"prose": {"overview": text}}, {})
    return [f"{one.what} / {one.fix}" for one in typed_problems(record, document)]


def same(typed: str, name: str, filter_: str = "pct") -> str:
    return f"'{typed}' is typed by hand: it is {name} / Write {{{{ {name} | {filter_} }}}}."


def other(typed: str, has: str, name: str, filter_: str = "pct") -> str:
    return (
        f"'{typed}' is typed by hand: the record has {has} for {name} / "
        f"Write {{{{ {name} | {filter_} }}}}, or {{{{ '{typed}' }}}} if it is no number of this "
        "run."
    )


BASE, TUNED, CHANGE = "floor.base.accuracy", "floor.tuned.accuracy", "floor.change.accuracy"


@pytest.mark.parametrize(("text", "expected"), [
    ("The fine-tuned model reaches 97.1% accuracy.", [same("97.1%", TUNED)]),
    ("It is right in 0.971 of all cases.", [same("0.971", TUNED)]),
    ("An accuracy of 0.97 after fine-tuning.", [same("0.97", TUNED, "pct(0)")]),
    ("97.1 percent are correct.", [same("97.1 percent", TUNED)]),
    ("It went from 72% to 97%.", [same("72%", BASE, "pct(0)"), same("97%", TUNED, "pct(0)")]),
    ("The gain is 25.4 points.", [same("25.4 points", CHANGE, "points")]),
    ("Accuracy: +25 percentage points.", [same("+25 percentage points", CHANGE, "points(0)")]),
    ("Accuracy rose by 25.4%.", [same("25.4%", CHANGE, "points")]),
    ("This is significant (p = 0.021).", [same("0.021", "floor.change.mcnemar_p", "p")]),
    ("On `ambiguous` pictures the base model has 58.1%.",
     [same("58.1%", "floor.base.category.ambiguous.accuracy")]),
    ("The recall of the base model is 66.1%.", [same("66.1%", "floor.base.recall")]),
    ("The accuracy was 71.7% (95% interval 65.7–73.7%).", [
        same("71.7%", BASE),
        f"'65.7' is typed by hand: it begins the interval of {BASE} / "
        f"Write {{{{ {BASE} | ci }}}}.",
    ]),
    ("The gain is clear: +19.0 to +31.0 points.", [
        f"'+19.0' is typed by hand: it begins the interval of {CHANGE} / "
        f"Write {{{{ {CHANGE} | ci }}}}.",
    ]),
    ("Guessing would score 50%.", [same("50%", "floor.base.chance", "pct(0)")]),
])
def test_a_number_of_the_record(record: Record, text: str, expected: list[str]) -> None:
    assert told(record, text) == expected


@pytest.mark.parametrize(("text", "expected"), [
    ("The zero-shot baseline of 65.1% is low.", [other("65.1%", "71.7%", BASE)]),
    ("The baseline is 64.35%.", [other("64.35%", "71.7%", BASE, "pct(2)")]),
    ("We improve the accuracy from 55% to 98%.",
     [other("55%", "71.7%", BASE, "pct(0)"), other("98%", "97.1%", TUNED, "pct(0)")]),
    ("The fine-tuned model reaches 90% accuracy.", [other("90%", "97.1%", TUNED, "pct(0)")]),
    ("Recall of the fine-tuned model is 99.5%.", [other("99.5%", "88.2%", "floor.tuned.recall")]),
    ("Fine-tuning brought +0.67 points.", [other("+0.67 points", "+25.4 points", CHANGE,
                                                 "points(2)")]),
    ("The base model has an accuracy of 0.65.", [other("0.65", "71.7%", BASE, "pct(0)")]),
    ("The accuracy in the `ambiguous` category is 12.5%.",
     [other("12.5%", "58.1%", "floor.base.category.ambiguous.accuracy")]),
    ("The accuracy is 56.9%.", [other("56.9%", "71.7%", BASE)]),
    ("It scores 56.9% accuracy overall.", [other("56.9%", "71.7%", BASE)]),
    ("A gain of +80 points over zero-shot.", [other("+80 points", "+25.4 points", CHANGE,
                                                   "points(0)")]),
    ("The change is clear (p = 0.40).",
     [other("0.40", "p = 0.021", "floor.change.mcnemar_p", "p")]),
    ("| Metric | Baseline | Post-Trained |\n| --- | --- | --- |\n| Accuracy | 65.1% | 88.3% |",
     [other("65.1%", "71.7%", BASE), other("88.3%", "97.1%", TUNED)]),
])
def test_a_number_against_the_record(record: Record, text: str, expected: list[str]) -> None:
    assert told(record, text) == expected


@pytest.mark.parametrize("text", [
    "The fine-tuned model reaches {{ floor.tuned.accuracy | pct }} accuracy.",
    "A number from elsewhere: the base model has {{ '65.1%' }} accuracy in the paper.",
    "About half, 50% of the pictures, have a crack.",
    "The target is an accuracy of 90% for the base model.",
    "An accuracy above 95% is enough for the fine-tuned model.",
    "The accuracy of the base model has a wide 95% interval.",
    "The accuracy of the base model (95%\nconfidence interval) is wide.",
    "We used 70% of the pictures for training the fine-tuned model.",
    "On 25% of the pictures the fine-tuned model and the base model disagree.",
    "A learning rate of 0.001 and a dropout of 0.05 worked for the fine-tuned model.",
    "GPT-4 reaches 85% accuracy zero-shot.",
    "The validation accuracy is 83.3%.",
    "The accuracy is 58.1% there.",
    "The zero-shot accuracy is about 71%.",
    "Severity goes from 1 to 5. In 2024, version 2.1.0 came out, on 2024-05-01.",
    "`97.1%` is code, and so is\n\n```\naccuracy 97.1%\n```\n",
    "See [the base model](https://a.b/97.1%25-accuracy) and <img width='97.1%'>.",
    "1. first\n2. second: 240 questions, 2,000 pictures, 97 frames",
    "Shadows are in 35% of the pictures, joints in 30%.",
    "A crack covers 2.5% of the picture.",
    "Ratings may be 1 point off.",
    "The zero-shot score drops when joints cover 30% of the floor.",
    "We hold out 25% for testing the fine-tuned model's accuracy.",
    "The learning rate decays to 10%, and then the fine-tuned model reaches its best.",
    "LoRA changes 5.8% of the weights of the base model, which keeps its accuracy.",
    "The accuracy of the base model is said to be in 60–70%, or 80 to 90%, or 0.1–0.2.",
])
def test_what_is_not_told(record: Record, text: str) -> None:
    assert told(record, text) == []


@pytest.mark.parametrize("name", ["floor-crack", "floor-crack-real"])
def test_the_projects_prose_is_silent(
    record: Record, real: Record, enough: Record, name: str
) -> None:
    document = read_document(page_cases.ROOT / "recipes" / f"{name}.yaml")
    for one in (record, real, enough):
        assert typed_problems(one, document) == []


@pytest.mark.parametrize("name", starters())
def test_a_starters_prose_is_silent(record: Record, name: str) -> None:
    assert typed_problems(record, read_document(starters()[name])) == []


def test_each_number_has_its_place(record: Record) -> None:
    document = parse_document(
        "prose:\n  overview: |\n    One.\n    The tuned model reaches 97.1% accuracy.\n"
        "  lessons:\n    - The zero-shot\n      accuracy is 12.3%.\n",
        "x.yaml",
    )
    places = [one.mark for one in typed_problems(record, document)]
    assert [(one.line + 1, one.column + 1) for one in places if one] == [(4, 29), (7, 19)]


def edited(tmp_path: Path) -> Path:
    path = tmp_path / "x.yaml"
    text = (page_cases.ROOT / "recipes" / "floor-crack.yaml").read_text(encoding="utf-8")
    conclusion = "  conclusion: |\n    It reaches 97.1% accuracy.\n"
    path.write_text(text.replace("  conclusion: |\n", conclusion), encoding="utf-8")
    return path


def test_a_number_typed_by_hand_is_a_note_and_keeps_from_publishing(
    record: Record, tmp_path: Path
) -> None:
    path = edited(tmp_path)
    line = path.read_text(encoding="utf-8").splitlines().index("    It reaches 97.1% accuracy.") + 1
    assert notes(path, (), record) == [
        f"{path}:{line}: '97.1%' is typed by hand: it is {TUNED}. Write {{{{ {TUNED} | pct }}}}."
    ]
    check_finished(path, (), None)
    with pytest.raises(SpecError) as caught:
        check_finished(path, (), record)
    assert str(caught.value) == (
        f"{path}:{line}:16: '97.1%' is typed by hand: it is {TUNED}\n"
        f" {line} |     It reaches 97.1% accuracy.\n"
        "     |                ^\n"
        f"  Write {{{{ {TUNED} | pct }}}}.\n"
        "\n"
        f"1 place keeps {path} from being published"
    )


def test_notes_on_drafts_and_on_examples_that_are_gone(record: Record, tmp_path: Path) -> None:
    path = edited(tmp_path)
    here = record.examples[0].question
    text = path.read_text(encoding="utf-8").replace("It reaches 97.1% accuracy.", "TBD")
    words = f"  examples:\n    {here}: seen\n    floor/cracked/gone.png: not seen\n"
    path.write_text(text.replace("prose:\n", "prose:\n" + words), encoding="utf-8")
    line = path.read_text(encoding="utf-8").splitlines().index(words.splitlines()[2]) + 1
    assert notes(path, (), record) == [
        f"{path}:{line}: 'floor/cracked/gone.png' is no example of this page, so its words are "
        "not shown",
        "the page is a draft: 1 place is left to write "
        f"(`recipe validate --publish {path}`)",
    ]


@given(st.text(alphabet="0123456789.%+-, |\nab`{}[]()p=from to points accuracy") | st.text())
def test_any_text_can_be_read(text: str) -> None:
    for one in typed_numbers(text):
        assert text[one.start :].startswith(one.text)
        assert one.sentence[one.at :].startswith(one.text)


def test_a_long_text_is_read_in_a_moment(record: Record) -> None:
    started = time.monotonic()
    told(record, "The accuracy of the base model is 12.3% or " * 500)
    told(record, "| 12.3% " * 500 + "\n" + "| 0.123 |\n" * 500)
    placeholders({"prose": {"overview": "[" + "[a](b)" * 5000 + "`" * 5000 + "{{" * 5000}})
    assert time.monotonic() - started < 20
