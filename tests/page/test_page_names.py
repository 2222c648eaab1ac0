"""The names that prose quotes: what each stands for, how it is spelled, how it is found."""

import page_cases
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipe_kit.errors import PageError
from recipe_kit.page.named import Number, identifier, identifiers
from recipe_kit.page.names import RESERVED, chosen, names, tree
from recipe_kit.record.schemas import CriterionResult, Difference, Gap, Metric, Reading, Record
from recipe_kit.spec.rules.data import PAGE_WORDS


@pytest.fixture(scope="module")
def record(tuned: Record) -> Record:
    """A record with everything that can have a name."""
    half = Metric(value=0.5, n=240, low=0.44, high=0.56)
    better = Metric(value=0.9, n=80, low=0.82, high=0.95)
    evaluations = []
    for one in tuned.evaluations:
        scores = one.tasks["cracked"].model_copy(update={
            "baselines": {"chance": half, "majority": half, "always_first": half, "blind": half},
            "answerable_blind": False,
            "readings": {"vlmevalkit": Reading(accuracy=half, differs=3)},
            "positions": {"A": 60, "B": 180},
            "reference_positions": {"A": 120, "B": 120},
            "slices": {"gap": {
                "0.08–0.15": {"accuracy": half}, "not near": {"accuracy": half},
                "not-near": {"accuracy": better},
            }},
        })
        evaluations.append(one.model_copy(update={"tasks": {**one.tasks, "cracked": scores}}))
    (comparison,) = tuned.comparisons
    change = Difference(
        metric="accuracy", before=0.5, after=0.75, difference=0.25, low=0.2, high=0.3, n=240,
        better=True, p=0.01, p_adjusted=0.03,
    )
    compared = comparison.tasks["cracked"].model_copy(update={"differences": {"accuracy": change}})
    comparison = comparison.model_copy(
        update={"tasks": {"cracked": compared}, "checkpoints": 3, "chosen_here": True}
    )
    gap = Gap(
        benchmark="floor", task="cracked", dimension="category", value="not near", metric=half,
        bar="target", threshold=0.9, shortfall=0.4, sure=True, after=better, closed=True,
    )
    met = CriterionResult(
        name="finds", benchmark="floor", task="cracked", metric="recall", comparison="at least",
        threshold=0.85, before=half, after=better, verdict="undecided",
    )
    return tuned.model_copy(update={
        "evaluations": tuple(evaluations), "comparisons": (comparison,), "gaps": (gap,),
        "criteria": (met,),
    })


@pytest.mark.parametrize(("name", "value", "definition"), [
    ("floor.base.cracked.chance", "50.0%",
     "accuracy of guessing, beside cracked by the base model"),
    ("floor.base.chance.high", 0.56, "high end of the 95% interval: accuracy of guessing, beside "
     "cracked by the base model"),
    ("floor.tuned.blind", "50.0%",
     "accuracy with the pictures blanked, beside cracked by the tuned model"),
    ("floor.base.majority.n", 240, "answers that it is computed from: accuracy of always giving "
     "the commonest answer, beside cracked by the base model"),
    ("floor.base.always_first", "50.0%",
     "accuracy of always giving the first option, beside cracked by the base model"),
    ("floor.base.cracked.answerable_blind", False,
     "whether the questions can be answered without looking: cracked by the base model"),
    ("floor.base.cracked.vlmevalkit", "50.0%",
     "accuracy of cracked by the base model, read by the parser 'vlmevalkit'"),
    ("floor.base.cracked.vlmevalkit.differs", 3,
     "answers of cracked by the base model that are another when read by the parser 'vlmevalkit'"),
    ("floor.base.positions.B", 180, "answers 'B': cracked by the base model"),
    ("floor.base.positions.B.share", 0.75, "share of the answers that are 'B': cracked by the base "
     "model"),
    ("floor.base.reference_positions.A", 120,
     "questions whose right answer is 'A': cracked by the base model"),
    ("floor.base.gap._0_08_0_15.accuracy", "50.0%",
     "Accuracy of cracked by the base model, gap 0.08–0.15"),
    ("floor.base.gap.not_near.accuracy", "50.0%",
     "Accuracy of cracked by the base model, gap not near"),
    ("floor.base.gap.not_near_2.accuracy", "90.0%",
     "Accuracy of cracked by the base model, gap not-near"),
    ("floor.change.accuracy", "+25.0 points", "change of Accuracy of cracked"),
    ("floor.change.accuracy.relative", 0.5, "relative to before: change of Accuracy of cracked"),
    ("floor.change.accuracy.p", 0.01, "p-value: change of Accuracy of cracked"),
    ("floor.change.accuracy.p_adjusted", 0.03,
     "p-value, adjusted for the number of comparisons: change of Accuracy of cracked"),
    ("floor.change.accuracy.better", True,
     "whether it got better, beyond noise: change of Accuracy of cracked"),
    ("floor.change.checkpoints", 3, "checkpoints among which the compared one was chosen"),
    ("floor.change.chosen_here", True, "whether it was chosen on the same questions"),
    ("gaps", 1, "gaps of the base model"),
    ("gaps.floor.cracked.category.not_near.accuracy", "50.0%",
     "accuracy of the base model, cracked, category not near"),
    ("gaps.floor.cracked.category.not_near.threshold", 0.9,
     "target that it lies below: cracked, category not near"),
    ("gaps.floor.cracked.category.not_near.shortfall", 0.4,
     "how far below the target: cracked, category not near"),
    ("gaps.floor.cracked.category.not_near.after", "90.0%",
     "accuracy of the fine-tuned model, cracked, category not near"),
    ("gaps.floor.cracked.category.not_near.closed", True,
     "whether fine-tuning closed the gap: cracked, category not near"),
    ("success.finds.verdict", "undecided", "met, not met or undecided: recall of cracked"),
    ("success.finds.threshold", 0.85, "goal, at least: recall of cracked"),
    ("success.finds.before", "50.0%", "base model's recall of cracked"),
    ("success.finds.after.low", 0.82,
     "low end of the 95% interval: fine-tuned model's recall of cracked"),
    ("training.checkpoints", 3, "checkpoints that were validated"),
])
def test_a_name(record: Record, name: str, value: object, definition: str) -> None:
    found, told = names(record)[name]
    assert (str(found) if isinstance(found, Number) else found, told) == (value, definition)


def test_names_of_one_ending_only(record: Record, enough: Record) -> None:
    known = names(enough)
    assert not any(".tuned" in name or ".change" in name for name in known)
    one = record.criteria[0].model_copy(update={"after": None})
    untrained = record.model_copy(update={"criteria": (one,)})
    assert "success.finds.after" not in names(untrained)


def test_every_name_is_one_of_jinja_and_leads_to_its_value(record: Record) -> None:
    root = tree(record)
    for name, (value, _) in names(record).items():
        node = root
        for part in name.split("."):
            assert part.isidentifier(), name
            node = node.children[part]
        found = node.children[""] if hasattr(node, "children") else node
        assert found == value, name


def test_a_choice_record_names_every_slice_and_baseline() -> None:
    roles = {"base": "coin", "tuned": "taught"}
    known = names(page_cases.make_record(page_cases.spatial(), roles, blind="blind"))
    for name in (
        "spatial.base.left_right.accuracy", "spatial.base.chance", "spatial.base.blind",
        "spatial.base.category.near.accuracy", "spatial.base.position.A.accuracy",
        "spatial.tuned.positions.A", "spatial.change.category.near.accuracy.p_adjusted",
        "spatial.base.probability", "gaps",
    ):
        assert name in known


@pytest.mark.parametrize(("value", "expected"), [
    ("near", "near"), ("not cracked", "not_cracked"), ("0.08–0.15", "_0_08_0_15"), ("?", "_"),
    ("naïve", "naïve"), ("  a--b  ", "a_b"), ("", "_"), ("3", "_3"),
    ("4 m²", "_4_m"),
])
def test_identifier(value: str, expected: str) -> None:
    assert identifier(value) == expected


def test_identifiers_that_would_be_the_same() -> None:
    assert identifiers(["a b", "a-b", "a_b_2", "a/b"]) == {
        "a b": "a_b", "a-b": "a_b_2", "a_b_2": "a_b_2_2", "a/b": "a_b_3",
    }


@given(st.lists(st.text(), unique=True))
def test_identifiers_are_different(values: list[str]) -> None:
    found = identifiers(values)
    assert len(set(found.values())) == len(values)
    assert all(part.isidentifier() for part in found.values())


def test_names_are_chosen_by_how_they_begin(record: Record) -> None:
    known = names(record)
    assert list(chosen(known, "success.finds.th")) == ["success.finds.threshold"]
    assert chosen(known, "") == known
    assert list(chosen(known, "MCNEMAR")) == [name for name in known if "mcnemar_p" in name]
    with pytest.raises(PageError) as caught:
        chosen(known, "flor")
    assert str(caught.value) == (
        "no name holds 'flor'\n  To mend it: Did you mean 'floor'?"
    )


def test_words_of_the_page_are_refused_in_the_spec_too() -> None:
    assert set(RESERVED) == set(PAGE_WORDS["benchmarks"])
