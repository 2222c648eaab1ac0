"""A model in a folder, as it comes from the hub."""

import shutil
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from small_model import small_model
from small_project import Project, make_project

from recipe_kit.run.job import Job
from recipe_kit.run.layout import layout
from recipe_kit.run.plan import make_plan
from recipe_kit.run.report import Reporter
from recipe_kit.spec.load import load_recipe


def write_model(folder: Path, seed: int = 0) -> None:
    loaded = small_model(seed)
    loaded.model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)


@pytest.fixture
def local(tmp_path: Path) -> Project:
    """A project with a model beside its recipe."""
    project = make_project(tmp_path / "project")
    project.edit("model: {", "model: {base: models/mine, ")
    write_model(project.root / "recipes" / "models" / "mine")
    return project


def test_a_model_beside_the_recipe(local: Project) -> None:
    result = local("run")
    assert result.exit_code == 0, result.output
    record = local.record()
    assert record["model"]["name"] == record["model"]["title"] == "mine"
    assert record["model"]["architecture"] == "Qwen3VLForConditionalGeneration"
    assert record["model"]["embedded"] is False
    assert record["evaluations"][0]["model"] == "models/mine"

    # The same model elsewhere: nothing is run again, and its place is not published.
    elsewhere = local.root.parent / "elsewhere" / "mine"
    elsewhere.parent.mkdir()
    (local.root / "recipes" / "models" / "mine").rename(elsewhere)
    again = local("run", "--set", f"model.base={elsewhere}")
    assert again.stderr.count("(done before)") == 6
    assert str(elsewhere.parent) not in (local.run_folder / "record.json").read_text()
    assert str(elsewhere.parent) not in (local.page / "index.md").read_text()

    # Its checkpoint does not fit another model.
    write_model(local.root / "recipes" / "models" / "mine", seed=1)
    (trained,) = local.run_folder.glob("train/*")
    plan = local.fingerprints()
    shutil.copytree(trained, trained.parent / plan["train"])
    refused = local("run")
    assert refused.exit_code == 5, refused.output
    assert "is a checkpoint of another model: revision" in refused.stderr
    assert "Use the model it was trained from, or delete its folder" in refused.stderr


def test_a_branch_that_moves_during_the_run_does_not_change_the_model(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "hub" / "models--team--mine"
    commits = ["1" * 40, "2" * 40]
    for seed, commit in enumerate(commits):
        write_model(cache / "snapshots" / commit, seed)
    branch = cache / "refs" / "main"
    branch.parent.mkdir()
    branch.write_text(commits[0])
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache.parent))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    project.edit("model: {", "model: {base: team/mine, ")
    recipe = load_recipe(project.recipe)
    places = layout(recipe, project.recipe)
    plan = make_plan(recipe, recipe_dir=project.recipe.parent, cache=places.cache)
    branch.write_text(commits[1])
    loaded = Job(recipe, places, plan, Reporter(places.run)).load()
    assert loaded.revision == plan.revision == commits[0]


def test_weights_that_are_no_numbers(local: Project) -> None:
    file = local.root / "recipes" / "models" / "mine" / "model.safetensors"
    weights = load_file(file)
    name = next(name for name in weights if name.endswith("norm.weight"))
    weights[name] = torch.full_like(weights[name], torch.nan)
    save_file(weights, file, {"format": "pt"})
    result = local("run")
    assert result.exit_code == 4, result.output
    assert result.stderr.endswith(
        "Error: models/mine: the model's output is no number\n"
        "  To mend it: Its weights are damaged, or too large for evaluation.dtype: try float32.\n"
    )


def test_weights_that_can_run_code_are_refused(local: Project) -> None:
    folder = local.root / "recipes" / "models" / "mine"
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    result = local("run")
    assert result.exit_code == 4, result.output
    assert "has its weights only in pytorch_model.bin, a format that can run code" in result.stderr
