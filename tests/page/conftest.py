from pathlib import Path

import page_cases
import pytest

from recipe_kit.page.render import render
from recipe_kit.record.schemas import Record


@pytest.fixture(scope="session")
def tuned() -> Record:
    """Fine-tuned: better overall, worse on ambiguous pictures."""
    return page_cases.make_record(page_cases.recipe(), {"base": "base", "tuned": "tuned"})


@pytest.fixture(scope="session")
def enough() -> Record:
    """The base model reached its targets."""
    return page_cases.make_record(page_cases.recipe(), {"base": "good"})


@pytest.fixture(scope="session")
def real() -> Record:
    """Fine-tuned, with an ablation, on two sources."""
    roles = {"base": "base", "tuned": "tuned", "synthetic_only": "synthetic_only"}
    return page_cases.make_record(page_cases.recipe("floor-crack-real"), roles)


@pytest.fixture(scope="session")
def spatial() -> Record:
    """Multiple choice, post-trained, asked with the picture blanked as well."""
    roles = {"base": "coin", "tuned": "taught"}
    return page_cases.make_record(page_cases.spatial(), roles, blind="blind")


@pytest.fixture(scope="session")
def spatial_enough() -> Record:
    """Multiple choice, where the base model reached its target."""
    return page_cases.make_record(page_cases.spatial(), {"base": "taught"}, blind="blind")


@pytest.fixture(scope="session")
def media(
    tuned: Record, enough: Record, real: Record, spatial: Record, spatial_enough: Record,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Pictures of all records' examples."""
    folder = tmp_path_factory.mktemp("media")
    for record in (tuned, enough, real, spatial, spatial_enough):
        page_cases.draw_media(record, folder)
    return folder


@pytest.fixture(scope="session")
def pages(
    tuned: Record, enough: Record, real: Record, spatial: Record, spatial_enough: Record,
    media: Path, tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Pages of every profile and ending, each in a folder of its own."""
    out = tmp_path_factory.mktemp("docs") / "recipes"
    render(tuned, page_cases.recipe(), media=media, out=out / "tuned")
    render(enough, page_cases.recipe(), media=media, out=out / "enough")
    render(real, page_cases.recipe("floor-crack-real"), media=media, out=out / "real")
    for profile, record, name in (
        ("capability", spatial, "capability"),
        ("capability", spatial_enough, "capability-enough"),
        ("post-training", spatial, "post-training"),
        ("post-training", spatial_enough, "post-training-enough"),
        ("test-finetune-test", spatial, "choice"),
    ):
        made = record.model_copy(update={"spec": {**record.spec, "profile": profile}})
        render(made, page_cases.spatial(profile), media=media, out=out / name)
    return out
