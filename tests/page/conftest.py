from pathlib import Path

import page_cases
import pytest

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
def media(tuned: Record, enough: Record, real: Record, tmp_path_factory) -> Path:
    """Pictures of all three records' examples."""
    folder = tmp_path_factory.mktemp("media")
    for record in (tuned, enough, real):
        page_cases.draw_media(record, folder)
    return folder
