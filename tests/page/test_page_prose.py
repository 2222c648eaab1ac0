import re
from pathlib import Path

import page_cases
import pytest

from recipe_kit.errors import PageError
from recipe_kit.page.names import names, tree
from recipe_kit.page.prose import (
    below,
    fill_prose,
    items,
    pairs,
    render_prose,
    setup_page,
    yaml_lines,
)
from recipe_kit.record.schemas import Record
from recipe_kit.spec.prose import Prose


def fill(record: Record, words: str, path: Path | None = None) -> str:
    done = render_prose(
        Prose(overview=words), ("overview",), tree(record), names(record),
        recipe=str(path or "x.yaml"), line_of=yaml_lines(path),
    )
    return done["overview"]


@pytest.fixture
def plain(tuned: Record) -> Record:
    """A record whose headline numbers are round."""
    base, *others = tuned.evaluations
    accuracy = base.tasks["cracked"].metrics["accuracy"].model_copy(
        update={"value": 0.852, "n": 250, "low": 0.81, "high": 0.886}
    )
    scores = base.tasks["cracked"]
    scores = scores.model_copy(update={"metrics": {**scores.metrics, "accuracy": accuracy}})
    base = base.model_copy(update={"tasks": {**base.tasks, "cracked": scores}})
    return tuned.model_copy(update={"evaluations": (base, *others)})


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("{{ floor.base.cracked.accuracy | pct }}", "85.2%"),
        ("{{ floor.base.accuracy | pct }}", "85.2%"),
        ("{{ floor.base.accuracy | pct(0) }}", "85%"),
        ("{{ floor.base.accuracy }}", "85.2%"),
        ("{{ floor.base.accuracy.value | num }}", "0.85"),
        ("{{ floor.base.accuracy.n }}", "250"),
        ("{{ floor.base.accuracy | ci }}", "81.0–88.6%"),
        ("{{ floor.base.accuracy.low | pct }}", "81.0%"),
        ("{{ data.test }}", "240"),
        ("{{ data.sources.synthetic.samples }}", "2,000"),
        ("{{ training.best_step }}", "156"),
        ("{{ training.best_val_accuracy | pct }}", "89.3%"),
        ("{{ gate.cracked.accuracy.threshold | pct(0) }}", "90%"),
        ("{% if fine_tuned %}tuned{% else %}not{% endif %}", "tuned"),
        ("{% if gate.enough %}a{% else %}b{% endif %}", "b"),
        ("{{ model.title }}", "recipe_kit tiny"),
        ("{{ 0.0001 | p }}", "p &lt; 0.001"),
        ("{{ 0.0512 | points }}", "+5.1 points"),
        ("{{ 'about ' ~ floor.base.accuracy }}", "about 85.2%"),
        ("**as it is** <b>too</b>", "**as it is** <b>too</b>"),
    ],
)
def test_filled(plain: Record, words: str, expected: str) -> None:
    assert fill(plain, words) == expected


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (
            "{{ floor.base.cracked.acuracy | pct }}",
            "the record has no 'floor.base.cracked.acuracy'; "
            "did you mean 'floor.base.cracked.accuracy'?",
        ),
        (
            "{{ flor.base.accuracy }}",
            "the record has no 'flor.base.accuracy'; did you mean 'floor.base.accuracy'?",
        ),
        ("{{ floor.base | pct }}", "'floor.base' is not a number; it has "),
        ("{{ model.title | pct }}", "'recipe_kit tiny' is not a number"),
        ("{{ data.test | ci }}", "'ci' wants a metric, not a single number"),
        ("{{ data.test | precent }}", "No filter named 'precent'."),
        ("{{ data.test ", "unexpected end of template, expected 'end of print statement'."),
        ("{{ 2.0 ** 100000 }}", "(34, 'Numerical result out of range')"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "maximum recursion depth exceeded"),
        ("{{ 'about ' ~ floor.base }}", "'floor.base' is not a number"),
        (
            "{{ floor.base.accuracy > 0.9 }}",
            "'>' not supported between instances of 'Node' and 'float'; to calculate with a "
            "number, write `.value` behind its name",
        ),
        ("{{ data.__class__ }}", "the record has no 'data.__class__'"),
    ],
)
def test_wrong_names_and_syntax(tuned: Record, words: str, problem: str) -> None:
    with pytest.raises(PageError) as caught:
        fill(tuned, words)
    assert f"x.yaml (line 1 of it): prose.overview: {problem}" in str(caught.value)


def test_every_error_tells_its_line_of_the_recipe(tuned: Record, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(
        "title: x\nprose:\n  overview: |\n    one\n    two {{ data.tset }}\n"
        '  dataset: "{{ nothing }}"\n'
    )
    prose = Prose(overview="one\ntwo {{ data.tset }}\n", dataset="{{ nothing }}")
    with pytest.raises(PageError) as caught:
        render_prose(
            prose, ("overview", "dataset"), tree(tuned), names(tuned),
            recipe="x.yaml", line_of=yaml_lines(path),
        )
    assert str(caught.value) == (
        "the prose cannot be filled:\n"
        "  x.yaml:5: prose.overview: the record has no 'data.tset'; did you mean 'data.test'?\n"
        "  x.yaml:6: prose.dataset: the record has no 'nothing'\n"
        "  To mend it: correct those lines of the recipe."
    )


NESTED = Prose(
    overview="One",
    lessons=("{% if fine_tuned %}Tuned{% endif %}", " ", "{{ data.test }} samples"),
    gaps={"category.ambiguous": "Shadows, {{ data.test }}"},
    common_issues=(
        {"issue": "Slow", "solution": "Wait {{ data.test }} s"},
        {"issue": "{% if not fine_tuned %}x{% endif %}", "solution": "y"},
    ),
    parameters={"learning_rate": "Low", "lora.rank": "Small"},
    examples={"floor/cracked/synthetic/00001.png": "A shadow."},
    next_steps=("More",),
)


def test_prose_below_prose_has_flat_keys(tuned: Record, enough: Record) -> None:
    used = ("overview", "lessons", "gaps", "common_issues", "parameters", "examples")

    def filled(record: Record) -> dict[str, str]:
        return render_prose(
            NESTED, used, tree(record), names(record), recipe="x", line_of=yaml_lines(None)
        )

    done = filled(tuned)
    assert done == {
        "overview": "One", "lessons.0": "Tuned", "lessons.2": "240 samples",
        "gaps.category.ambiguous": "Shadows, 240",
        "common_issues.0.issue": "Slow", "common_issues.0.solution": "Wait 240 s",
        "common_issues.1.solution": "y",
        "parameters.learning_rate": "Low", "parameters.lora.rank": "Small",
        "examples.floor/cracked/synthetic/00001.png": "A shadow.",
    }
    assert items(done, "lessons") == ["Tuned", "240 samples"]
    assert items(filled(enough), "lessons") == ["240 samples"]
    assert pairs(done, "common_issues") == [("Slow", "Wait 240 s")]
    assert below(done, "parameters") == {"learning_rate": "Low", "lora.rank": "Small"}
    assert below(done, "gaps") == {"category.ambiguous": "Shadows, 240"}
    assert items(done, "achievements") == []


def test_errors_in_prose_below_prose_tell_their_lines(tuned: Record, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(
        "prose:\n  lessons:\n    - |\n      one\n      {{ data.tset }}\n    - '{{ nothing }}'\n"
        "  common_issues:\n    - issue: x\n      solution: |\n        {{ zzz }}\n"
    )
    prose = Prose(
        lessons=("one\n{{ data.tset }}\n", "{{ nothing }}"),
        common_issues=({"issue": "x", "solution": "{{ zzz }}\n"},),
    )
    with pytest.raises(PageError) as caught:
        render_prose(
            prose, ("lessons", "common_issues"), tree(tuned), names(tuned),
            recipe="x.yaml", line_of=yaml_lines(path),
        )
    assert str(caught.value) == (
        "the prose cannot be filled:\n"
        "  x.yaml:5: prose.lessons.0: the record has no 'data.tset'; did you mean 'data.test'?\n"
        "  x.yaml:6: prose.lessons.1: the record has no 'nothing'\n"
        "  x.yaml:10: prose.common_issues.0.solution: the record has no 'zzz'\n"
        "  To mend it: correct those lines of the recipe."
    )


def test_words_on_a_gap_that_was_not_measured(tuned: Record, tmp_path: Path) -> None:
    recipe = page_cases.recipe()
    prose = recipe.prose.model_copy(update={"gaps": {"category.ambigous": "x"}})
    with pytest.raises(PageError) as caught:
        fill_prose(tuned, recipe.model_copy(update={"prose": prose}), None)
    assert str(caught.value) == (
        "prose on gaps that the record does not know:\n"
        "  floor-crack.yaml: prose.gaps.category.ambigous: there is no slice 'category.ambigous'. "
        "Did you mean 'category.ambiguous'?\n"
        "  To mend it: name a slice as the page lists it."
    )


@pytest.mark.parametrize(("profile", "missing"), [
    ("post-training", "prose.problem, prose.methodology, prose.curation, prose.next_steps"),
    ("capability", "prose.benchmark, prose.problem, prose.sourcing, prose.curation, "
     "prose.methodology, prose.achievements, prose.lessons, prose.next_steps"),
])
def test_a_page_needs_the_words_of_its_profile(
    tuned: Record, enough: Record, profile: str, missing: str
) -> None:
    recipe = page_cases.recipe().model_copy(update={"profile": profile})
    for record, wanted in (
        (tuned, missing), (enough, missing.replace(" prose.methodology,", "")),
    ):
        with pytest.raises(PageError) as caught:
            fill_prose(record, recipe, None)
        assert str(caught.value) == (
            "floor-crack.yaml: the page needs prose that the recipe does not have: "
            f"{wanted}\n  To mend it: write it in the recipe's YAML file."
        )


def test_setup_is_a_page_of_its_own(tuned: Record) -> None:
    recipe = page_cases.recipe()
    assert setup_page(fill_prose(tuned, recipe, None)) is None
    prose = recipe.prose.model_copy(update={"setup": "A GPU for {{ data.train }} samples.\n"})
    done = fill_prose(tuned, recipe.model_copy(update={"prose": prose}), None)
    assert setup_page(done) == (
        "# Setup and System Requirements\n\nA GPU for 1,700 samples.\n"
    )


def test_a_literal_is_a_number_from_elsewhere(tuned: Record) -> None:
    assert fill(tuned, "{{ '65.1%' }}") == "65.1%"


def test_every_name_can_be_written(real: Record) -> None:
    every = names(real)
    lines = fill(real, "\n".join(f"{name} is {{{{ {name} }}}}" for name in every)).splitlines()
    assert len(lines) == len(every) > 200
    assert all(re.fullmatch(r"[\w.]+ is .+", line) for line in lines)


def test_text_of_the_record_is_escaped(tuned: Record) -> None:
    model = tuned.model.model_copy(update={"title": "<script>*x*"})
    record = tuned.model_copy(update={"model": model})
    assert fill(record, "{{ model.title }}") == "&lt;script&gt;&#42;x&#42;"


def test_a_benchmark_cannot_take_a_name_of_the_page(tuned: Record) -> None:
    record = tuned.model_copy(update={"benchmarks": {"data": tuned.benchmarks["floor"]}})
    with pytest.raises(PageError, match="the benchmark 'data' has a name that the page uses"):
        names(record)


def test_regressions_and_changes_have_names(tuned: Record) -> None:
    found = names(tuned)
    change = tuned.comparisons[0].tasks["cracked"]
    assert found["floor.change.cracked.fixed"][0] == change.fixed
    assert found["floor.change.mcnemar_p"][0] == change.mcnemar_p
    assert found["regressions"][0] == len(tuned.comparisons[0].regressions)
    assert found["floor.change.category.ambiguous.accuracy.value"][0] < 0


def test_the_projects_recipes_are_filled(tuned: Record, enough: Record, real: Record) -> None:
    for record, name, used in (
        (tuned, "floor-crack", ("baseline", "comparison", "why_it_matters", "conclusion")),
        (enough, "floor-crack", ("baseline", "why_not_fine_tuned", "conclusion")),
        (real, "floor-crack-real", ("baseline", "comparison", "why_it_matters", "conclusion")),
    ):
        done = render_prose(
            page_cases.recipe(name).prose, used, tree(record), names(record),
            recipe=name, line_of=yaml_lines(None),
        )
        assert all("{{" not in words and "%" in words for words in done.values())
