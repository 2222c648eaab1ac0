"""The author's words in a record."""

import pytest
from small_project import Project

from recipe_kit.errors import RecordError
from recipe_kit.record.store import read_record
from recipe_kit.record.words import recipe_of, spec_digest, worded
from recipe_kit.spec.load import load_recipe


def test_a_record_holds_its_recipe(finished: Project) -> None:
    record = read_record(finished.run_folder / "record.json")
    recipe = load_recipe(finished.recipe)
    assert recipe_of(record) == recipe
    assert spec_digest(record.spec) == record.spec_digest
    assert worded(record, recipe) == record


def test_words_change_and_numbers_do_not(finished: Project) -> None:
    record = read_record(finished.run_folder / "record.json")
    changes = ("prose.overview=New words.", "title=New", "use_case=New", "train.epochs=9")
    new = worded(record, load_recipe(finished.recipe, changes))
    assert (new.title, new.spec["title"], new.spec["use_case"]) == ("New", "New", "New")
    assert new.spec["prose"]["overview"] == "New words."
    assert new.spec["train"] == record.spec["train"]
    assert spec_digest(new.spec) == record.spec_digest


def test_a_spec_of_another_version(finished: Project) -> None:
    record = read_record(finished.run_folder / "record.json")
    spec = {**record.spec, "train": {**record.spec["train"], "epochs": "many"}}
    with pytest.raises(RecordError) as caught:
        recipe_of(record.model_copy(update={"spec": spec}))
    assert str(caught.value).startswith(
        "record.json: holds a spec that this version does not know: spec.train.epochs: Input"
    )
