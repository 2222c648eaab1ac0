"""Recipes and pictures that the tests of `recipe_kit.data` share."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from recipe_kit.data.inspection import look_of
from recipe_kit.data.media import MediaFacts
from recipe_kit.data.memory import Inspection
from recipe_kit.record.schemas import Sample
from recipe_kit.spec.recipe import Recipe

REAL = Path(os.environ.get("RECIPE_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))
needs_real_data = pytest.mark.skipif(
    not REAL.is_dir(), reason="the real data is absent (RECIPE_DATA, or ../shared/data)"
)

CRACKED = {
    "type": "binary", "prompt": "Is this floor cracked? Yes or No.", "label": "cracked",
    "answers": {"cracked": "Yes", "intact": "No"},
}
SEVERITY = {"type": "scale", "prompt": "How severe, 1 to 5?", "label": "severity"}
TABLE = {"kind": "table", "path": "labels.csv", "labels": {"cracked": "label"}}


def recipe(sources: dict[str, Any], splits: dict[str, Any] | None = None, *,
           tasks: dict[str, Any] | None = None, **data: Any) -> Recipe:
    """Make a recipe of the given sources; all of the first one is the test split by default."""
    splits = splits or {"test": {next(iter(sources)): 1.0}}
    return Recipe.model_validate({
        "schema": 1, "title": "Test", "authors": [{"name": "A"}], "organization": "O",
        "use_case": "U", "data": {"sources": sources, "splits": splits, **data},
        "tasks": tasks or {"crack": CRACKED},
        "benchmarks": {"floor": {"tasks": [next(iter(tasks or {"crack": CRACKED}))]}},
        "gate": {"benchmark": "floor", "targets": [
            {"task": next(iter(tasks or {"crack": CRACKED})), "metric": "accuracy",
             "at_least": 0.9}]},
    })


def noise(seed: int, *, side: int = 48) -> Image.Image:
    """Draw a picture that no other seed's picture resembles."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (side // 4, side // 4, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((side, side), Image.Resampling.BILINEAR)


def folder_of(tmp_path: Path, rows: dict[str, str], *, header: str = "image,label") -> Path:
    """Write `labels.csv` and its pictures; `rows` is from picture to the other cells."""
    lines = [header]
    for number, (name, cells) in enumerate(rows.items()):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        noise(number).save(tmp_path / name)
        lines.append(f"{name},{cells}")
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def sample(name: str, *, source: str = "floor", group: str = "", declared: str = "",
           split: str = "", sha256: str = "x", **labels: Any) -> Sample:
    """Make a sample without a file."""
    return Sample.model_validate({
        "id": f"{source}/{name}", "source": source, "media": f"{name}.png", "sha256": sha256,
        "labels": labels, "group": f"{source}/{group or name}", "declared_split": declared,
        "split": split,
    })


def look(picture: Image.Image, sha256: str) -> Inspection:
    """Look at a picture in memory."""
    facts = MediaFacts("image", picture.width, picture.height, "PNG", 1)
    return Inspection(sha256, facts, *look_of(np.asarray(picture.convert("RGB"))))
