import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_cases import CRACKED, recipe
from PIL import Image

from recipe_kit.data import worlds
from recipe_kit.data.drawn import CHUNK, CLIP_CHUNK, draw_world, world_folder
from recipe_kit.data.media import read_media
from recipe_kit.data.sources import load_samples, media_roots
from recipe_kit.data.world_code import modules_of, world_code
from recipe_kit.errors import DataError, StorageError
from recipe_kit.spec.data import WorldSource
from recipe_kit.spec.worlds import DrivingKnobs, FloorsKnobs

TASK = {**CRACKED, "answers": {"cracked": "Yes", "not cracked": "No"}}


def floors(count: int, **more: int) -> WorldSource:
    return WorldSource.model_validate(
        {"kind": "world", "world": "floors", "count": count, "width": 32, "height": 32, **more})


def contents(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted(folder.rglob("*")) if file.is_file()}


def test_samples_of_a_world(tmp_path: Path) -> None:
    spec = recipe({"synthetic": floors(60, seed=3).model_dump()}, tasks={"crack": TASK})
    samples = load_samples(spec, recipe_dir=tmp_path, cache=tmp_path)
    root = media_roots(spec, recipe_dir=tmp_path, cache=tmp_path)["synthetic"]
    assert [one.id for one in samples[:2]] == ["synthetic/0000000", "synthetic/0000001"]
    assert (len(samples), len({one.sha256 for one in samples})) == (60, 60)
    drawing = worlds.draw("floors", seed=3, index=55, width=32, height=32, knobs=FloorsKnobs())
    one = samples[55]
    assert np.array_equal(np.asarray(Image.open(root / one.media)), drawing.image)
    assert (one.labels["cracked"], one.category, one.labels["joints"], one.width) == (
        drawing.labels["cracked"], drawing.labels["category"],
        "true" if drawing.labels["joints"] else "false", 32)


def test_a_value_that_no_answer_is_given_for(tmp_path: Path) -> None:
    spec = recipe({"synthetic": floors(50).model_dump()}, tasks={"crack": CRACKED})
    with pytest.raises(DataError) as caught:
        load_samples(spec, recipe_dir=tmp_path, cache=tmp_path)
    assert (caught.value.where, caught.value.what) == (
        "data.sources.synthetic (the world 'floors')",
        "the label 'cracked' is 'not cracked', which the task 'crack' has no answer for; "
        "did you mean 'cracked'? known: 'cracked', 'intact'")


def test_a_larger_count_draws_only_what_is_missing(tmp_path: Path) -> None:
    first = draw_world(floors(CHUNK), tmp_path)
    folder = world_folder(floors(CHUNK), tmp_path)
    times = {file: file.stat().st_mtime_ns for file in folder.rglob("*.png")}
    more = draw_world(floors(CHUNK + 1), tmp_path)
    assert (len(first), len(more)) == (CHUNK, CHUNK + 1)
    assert more[:CHUNK] == first
    assert all(file.stat().st_mtime_ns == changed for file, changed in times.items())


def test_another_seed_or_size_is_another_folder(tmp_path: Path) -> None:
    folders = {world_folder(floors(9, **more), tmp_path)
               for more in ({}, {"seed": 1}, {"width": 64})}
    assert len(folders) == 3


CODE = {
    "__init__": "from recipe_kit.data.worlds.floors import draw_floor",
    "canvas": "import math",
    "floors": "from recipe_kit.data.worlds import marks\nfrom recipe_kit.spec.worlds import Knobs",
    "marks": "import recipe_kit.data.worlds.canvas\nfrom recipe_kit.data.worlds.floors import x",
    "tabletop": "from recipe_kit.data.worlds.canvas import Mask\nimport floors",
}


@pytest.mark.parametrize(
    ("world", "modules"),
    [("floors", ("canvas", "floors", "marks")), ("tabletop", ("canvas", "tabletop")), ("moon", ())],
)
def test_a_world_is_drawn_by_what_it_imports(world: str, modules: tuple[str, ...]) -> None:
    assert modules_of(world, CODE) == modules


def test_only_a_worlds_own_modules_are_in_its_key() -> None:
    code = world_code()
    assert modules_of("floors", code) == (
        "canvas", "cracks", "drawing", "floors", "marks", "surfaces")
    assert modules_of("primer", code) == ("canvas", "drawing", "primer")
    assert modules_of("tabletop", code) == (
        "arrangement", "canvas", "drawing", "primer", "tables", "tabletop", "things")
    driving = set(modules_of("driving", code))
    assert driving >= {"canvas", "drawing", "driving", "driving.clip", "driving.plan",
                       "driving.annotations", "driving.painter"}
    assert {name for name in driving if "." not in name} == {"canvas", "drawing", "driving"}


def test_many_pictures_are_drawn_by_several_processes_and_are_the_same(tmp_path: Path) -> None:
    many = floors(6 * CHUNK, seed=5)
    draw_world(many, tmp_path / "parallel")
    for count in range(CHUNK, 6 * CHUNK + 1, CHUNK):  # one chunk at a time: in this process
        draw_world(floors(count, seed=5), tmp_path / "single")
    parallel = contents(world_folder(many, tmp_path / "parallel"))
    assert len(parallel) == 6 * (CHUNK + 1)
    assert parallel == contents(world_folder(many, tmp_path / "single"))


def test_a_killed_drawing_goes_on(tmp_path: Path) -> None:
    source = floors(5 * CHUNK, seed=9)
    folder = world_folder(source, tmp_path / "killed")
    script = (
        "import sys; from pathlib import Path; from recipe_kit.data.drawn import draw_world; "
        "from recipe_kit.spec.data import WorldSource; "
        "draw_world(WorldSource.model_validate_json(sys.argv[1]), Path(sys.argv[2]))"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script, source.model_dump_json(), str(tmp_path / "killed")])
    while not (folder / "000000").exists() and child.poll() is None:
        time.sleep(0.005)
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    # Each chunk that is there is there in full.
    assert all(len(list(chunk.iterdir())) == CHUNK + 1 for chunk in folder.glob("[0-9]*"))
    draw_world(source, tmp_path / "killed")
    draw_world(source, tmp_path / "whole")
    whole = contents(world_folder(source, tmp_path / "whole"))
    after = {name: digest for name, digest in contents(folder).items() if "partial-" not in name}
    assert after == whole


def test_what_a_killed_drawing_left_is_swept_away(tmp_path: Path) -> None:
    folder = world_folder(floors(1), tmp_path)
    for name, age in (("partial-old", 7200), ("partial-new", 0)):
        (folder / name).mkdir(parents=True)
        os.utime(folder / name, (time.time() - age,) * 2)
    draw_world(floors(1), tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == ["000000", "partial-new"]


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "worlds").write_text("a file where a folder should be")
    with pytest.raises(StorageError, match=r"worlds/\w+: cannot write pictures: Not a directory"):
        draw_world(floors(1), tmp_path)


def test_a_damaged_cache(tmp_path: Path) -> None:
    draw_world(floors(1), tmp_path)
    folder = world_folder(floors(1), tmp_path)
    (folder / "000000" / "labels.jsonl").write_text("{")
    with pytest.raises(StorageError) as caught:
        draw_world(floors(1), tmp_path)
    assert (caught.value.where, caught.value.fix) == (
        str(folder), "remove this folder; its pictures are then drawn again")


def test_an_unknown_world(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        draw_world(WorldSource(kind="world", world="flors", count=1), tmp_path)
    assert caught.value.what == (
        "there is no world 'flors'; did you mean 'floors'? known: 'driving', 'floors', "
        "'primer', 'tabletop'")


DRIVING = {"kind": "world", "world": "driving", "count": 5, "seed": 3, "width": 48, "height": 32,
           "fps": 1.0}
PARTS = ("human_annotated", "cv_annotated")


def test_clips_of_a_world(tmp_path: Path) -> None:
    caption = {"type": "caption", "prompt": "Describe the drive.", "label": "caption"}
    spec = recipe({"drive": DRIVING}, tasks={"caption": caption})
    samples = load_samples(spec, recipe_dir=tmp_path, cache=tmp_path)
    assert [one.media for one in samples] == [f"000000/{n:07d}.mp4" for n in range(5)]
    drawing = worlds.draw_clip("driving", seed=3, index=4, width=48, height=32, seconds=4, fps=1,
                               knobs=DrivingKnobs())
    one = samples[4]
    assert (one.id, one.media_type, one.labels, one.prompt, one.part) == (
        "drive/0000004", "video", drawing.labels, None, "")
    root = media_roots(spec, recipe_dir=tmp_path, cache=tmp_path)["drive"]
    clip = read_media(root / one.media, "video")
    assert (clip.frames_THWC.shape, clip.seconds_T) == ((4, 32, 48, 3), (0.0, 1.0, 2.0, 3.0))
    # H.264 loses a little.
    apart = clip.frames_THWC.astype(int) - drawing.frames
    assert np.abs(apart).mean() < 8


def test_annotated_clips_lie_in_subdirectories_in_turns(tmp_path: Path) -> None:
    annotated = {**DRIVING, "subdirectories": PARTS, "weights": (1.0, 2.0)}
    drawn = draw_world(WorldSource.model_validate(annotated), tmp_path)
    assert [one.media for one in drawn] == [
        f"000000/{PARTS[n % 2]}/videos/{n:07d}.mp4" for n in range(5)]
    for number, one in enumerate(drawn):
        drawing = worlds.draw_clip("driving", seed=3, index=number, width=48, height=32, seconds=4,
                                   fps=1, knobs=DrivingKnobs())
        assert one.annotated is not None
        assert one.annotated.annotation == drawing.annotations[("human", "cv")[number % 2]]
        assert one.labels == drawing.labels
    # The folder of a chunk can be read as an annotated source, too.
    folder = world_folder(WorldSource.model_validate(annotated), tmp_path) / "000000"
    source = {"kind": "annotations", "path": str(folder), "subdirectories": PARTS}
    caption = {"type": "caption", "prompt": "Describe.", "label": "safety_analysis"}
    spec = recipe({"av": source}, tasks={"caption": caption})
    read = load_samples(spec, recipe_dir=tmp_path, cache=tmp_path)
    assert len(read) == CLIP_CHUNK
    captions = {one.id: one.labels.get("safety_analysis") for one in read}
    assert [captions[f"av/human_annotated/{n:07d}"] for n in (0, 2, 4)] == [
        one.labels["caption"] for one in drawn[::2]]


def test_a_label_of_the_world_goes_before_one_of_the_annotation(tmp_path: Path) -> None:
    spec = recipe({"drive": {**DRIVING, "subdirectories": PARTS}}, tasks={
        "caption": {"type": "caption", "prompt": "Describe the drive.", "label": "caption"}})
    first, second, *_ = load_samples(spec, recipe_dir=tmp_path, cache=tmp_path)
    assert first.labels["weather"] in ("clear", "rain", "fog", "snow")
    assert "lighting" in first.labels
    assert (first.part, first.prompt, first.target) == (
        "human_annotated", "Describe the drive.", first.labels["caption"])
    assert "lighting" not in second.labels
    assert second.target == second.labels[
        "final_content.ego_behavior_schema.effect_on_ego_behavior"]


def test_weights_and_count_leave_clips_where_they_are(tmp_path: Path) -> None:
    def folder(**changed: object) -> Path:
        return world_folder(WorldSource.model_validate(DRIVING | changed), tmp_path)

    plain, annotated = folder(), folder(subdirectories=PARTS)
    assert folder(count=9) == plain
    assert folder(subdirectories=PARTS, weights=(1.0, 3.0)) == annotated
    assert len({plain, annotated, folder(fps=2.0), folder(seconds=5.0)}) == 4


def test_clips_drawn_by_several_processes_are_the_same(tmp_path: Path) -> None:
    many = WorldSource.model_validate(
        {**DRIVING, "width": 32, "fps": 0.5, "count": 3 * CLIP_CHUNK, "subdirectories": PARTS})
    draw_world(many, tmp_path / "parallel")
    for count in range(CLIP_CHUNK, 3 * CLIP_CHUNK + 1, CLIP_CHUNK):
        draw_world(many.model_copy(update={"count": count}), tmp_path / "single")
    parallel = contents(world_folder(many, tmp_path / "parallel"))
    assert len(parallel) == 3 * (2 * CLIP_CHUNK + len(PARTS) + 1)
    assert parallel == contents(world_folder(many, tmp_path / "single"))


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"world": "floors"}, "there is no such world"),
        ({"width": 33}, "cannot write a video of 33 x 32 pixels"),
        ({"height": 2000}, "cannot draw a picture of 48 x 2000 pixels"),
        ({"seconds": 1.9}, "cannot draw 1.9 s at 1 frames per second"),
        ({"fps": 0.0}, "cannot draw 4 s at 0 frames per second"),
        ({"knobs": FloorsKnobs()}, "FloorsKnobs are not its knobs"),
        ({"index": -1}, "seed and index start at 0"),
    ],
)
def test_what_cannot_be_drawn_as_a_clip(changed: dict[str, Any], what: str) -> None:
    wanted: dict[str, Any] = {"world": "driving", "seed": 0, "index": 0, "width": 48, "height": 32,
                              "seconds": 4.0, "fps": 1.0, "knobs": DrivingKnobs()}
    with pytest.raises(DataError) as caught:
        worlds.draw_clip(**(wanted | changed))
    assert caught.value.what == what


def test_a_world_of_clips_draws_no_pictures() -> None:
    with pytest.raises(DataError, match="use one of: floors, primer, tabletop"):
        worlds.draw("driving", seed=0, index=0, width=64, height=64, knobs=DrivingKnobs())
