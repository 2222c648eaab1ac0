"""Annotated videos: what is read, what is said of what cannot be, and what is drawn for them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_cases import recipe
from hypothesis import given, settings
from hypothesis import strategies as st

from recipe_kit.data.annotations import (
    Annotated,
    annotation_of,
    flat,
    lesson,
    read_part,
    write_part,
)
from recipe_kit.data.audit import audit
from recipe_kit.data.facts import measure
from recipe_kit.data.rows import RowError
from recipe_kit.data.sources import load_samples, media_roots
from recipe_kit.data.splits import assign
from recipe_kit.data.worlds import draw_clip
from recipe_kit.data.worlds.driving.clip import write_clip
from recipe_kit.errors import DataError
from recipe_kit.record.schemas import Sample
from recipe_kit.spec.worlds import ANNOTATION_FORMATS, DrivingKnobs

CAPTION = {"type": "caption", "prompt": "Describe the drive.", "label": "safety_analysis"}
HUMAN: dict[str, Any] = {
    "weather": "Clear", "additional_map_rules": None, "driving_difficulty": 2,
    "interactive_expanded_metaaction": ["Vehicle following", "Turn left"],
    "safety_analysis": "The ego vehicle follows a gray SUV.",
    "critical_object": [{"box": {"x1": 1.5}, "object_type": "Vehicles - Light trucks & SUVs"}],
}
CV: dict[str, Any] = {
    "event_start_frame": 40, "final_content": {"ego_behavior_schema": {
        "ego_behavior_reasoning": "A light is red.", "effect_on_ego_behavior": "Stopping.",
        "difficulty_score": 3.0}},
}
REASONING: dict[str, Any] = {
    "response": {"description": "I stop.", "notice": [{"Between 1s and 2s": "A light."}]},
    "target": "<think>\nIt is red.\n</think>\n\nI stop.",
}
SOURCE: dict[str, Any] = {"kind": "annotations", "path": "av", "subdirectories": ["people"]}


def lay_out(root: Path, parts: dict[str, tuple[str, dict[str, dict[str, Any]]]]) -> None:
    """Writes subdirectories as the seed's: from the name to its format and annotations by id."""
    for number, (part, (kind, annotations)) in enumerate(parts.items()):
        write_part(root / part, kind, annotations)
        (root / part / "videos").mkdir()
        for at, name in enumerate(annotations):
            frames = np.random.default_rng([number, at]).integers(0, 256, (4, 32, 48, 3), np.uint8)
            write_clip(root / part / "videos" / f"{name}.mp4", frames, fps=2)


def load(tmp_path: Path, source: dict[str, Any], **more: Any) -> tuple[Sample, ...]:
    spec = recipe({"av": source}, tasks={"caption": CAPTION}, **more)
    return load_samples(spec, recipe_dir=tmp_path, cache=tmp_path / "cache")


def test_a_folder_in_the_three_formats(tmp_path: Path) -> None:
    lay_out(tmp_path / "av", {
        "people": ("human", {"a": HUMAN, "b": HUMAN}), "machine": ("cv", {"a": CV}),
        "thoughts": ("reasoning", {"c": REASONING}),
    })
    samples = load(tmp_path, {
        **SOURCE, "subdirectories": ["people", "machine", "thoughts"], "exclude": ["people/b"],
        "prompts": {"cv": "What happens?"},
        "targets": {"human": "safety_analysis", "reasoning": "target"},
    })
    assert [(one.id, one.media, one.media_type, one.group, one.part) for one in samples] == [
        ("av/people/a", "people/videos/a.mp4", "video", "av/a", "people"),
        ("av/machine/a", "machine/videos/a.mp4", "video", "av/a", "machine"),
        ("av/thoughts/c", "thoughts/videos/c.mp4", "video", "av/c", "thoughts"),
    ]
    assert [one.labels for one in samples] == [
        {"weather": "Clear", "driving_difficulty": 2,
         "interactive_expanded_metaaction": "Vehicle following, Turn left",
         "safety_analysis": "The ego vehicle follows a gray SUV."},
        {"event_start_frame": 40,
         "final_content.ego_behavior_schema.ego_behavior_reasoning": "A light is red.",
         "final_content.ego_behavior_schema.effect_on_ego_behavior": "Stopping.",
         "final_content.ego_behavior_schema.difficulty_score": 3},
        {"response.description": "I stop.", "target": "<think>\nIt is red.\n</think>\n\nI stop."},
    ]
    assert [(one.prompt, one.target) for one in samples] == [
        ("Describe the drive.", "The ego vehicle follows a gray SUV."),
        ("What happens?", json.dumps(CV, separators=(",", ":"))),
        ("Describe the drive. Think about what explains it first.",
         "<think>\nIt is red.\n</think>\n\nI stop."),
    ]
    assert all(one.sha256 and (one.width, one.height) == (48, 32) for one in samples)


def test_files_that_the_list_names(tmp_path: Path) -> None:
    lay_out(tmp_path / "av", {"people": ("human", {"a": HUMAN})})
    folder = tmp_path / "av" / "people"
    (folder / "clips").mkdir()
    (folder / "videos" / "a.mp4").rename(folder / "clips" / "x.mp4")
    (folder / "annotations" / "a.json").rename(folder / "x.json")
    (folder / "list.json").write_text(json.dumps({"format": "human", "samples": [
        {"id": 7, "video": "clips\\x.mp4", "annotation": "./x.json", "note": "not read"}]}))
    (sample,) = load(tmp_path, {**SOURCE, "meta_file": "list.json"})
    assert (sample.id, sample.media) == ("av/people/7", "people/clips/x.mp4")
    found = annotation_of(tmp_path / "av", sample.media, "people", "list.json")
    assert (found.format, found.annotation) == ("human", HUMAN)


def meta(**entry: Any) -> str:
    return json.dumps({"format": "human", "samples": [{"id": "a"}, {"id": "b", **entry}]})


@pytest.mark.parametrize(
    ("file", "content", "where", "what"),
    [
        ("people/meta.json", None, "people/meta.json", "there is no such list"),
        ("people/meta.json", "[1", "people/meta.json:1:3", "is not JSON: Expecting ',' delimiter"),
        ("people/meta.json", "[]", "people/meta.json", "is no object {...} but []"),
        ("people/meta.json", "{}", "people/meta.json",
         "the format is null; known: 'human', 'cv', 'reasoning'"),
        ("people/meta.json", '{"format": "humans"}', "people/meta.json",
         "the format is \"humans\"; did you mean 'human'? known: 'human', 'cv', 'reasoning'"),
        ("people/meta.json", '{"format": "cv", "samples": []}', "people/meta.json",
         'holds no list of "samples"'),
        ("people/meta.json", meta(id="a"), "people/meta.json (sample 2)",
         "the id 'a' stands twice"),
        ("people/meta.json", meta(id=None), "people/meta.json (sample 2)", "has no id"),
        ("people/meta.json", meta(id=True), "people/meta.json (sample 2)", "has no id"),
        ("people/meta.json", meta(video="../../x.mp4"), "people/meta.json (sample 2)",
         "the video '../../x.mp4' leaves the media folder"),
        ("people/meta.json", meta(video=3), "people/meta.json (sample 2)",
         "its video is no path but 3"),
        ("people/meta.json", meta(annotation="/etc/passwd"), "people/meta.json (sample 2)",
         "the annotation '/etc/passwd' is absolute; media paths are relative to the media folder"),
        ("people/annotations/b.json", None, "people/meta.json (sample 2)",
         "there is no annotation people/annotations/b.json"),
        ("people/annotations/b.json", "{'a': 1}", "people/meta.json (sample 2)",
         "the annotation AV/people/annotations/b.json:1:2 is not JSON: Expecting property name "
         "enclosed in double quotes"),
        ("people/annotations/b.json", '{"a": NaN}', "people/meta.json (sample 2)",
         "the annotation AV/people/annotations/b.json is not JSON that can be read: NaN is no JSON "
         "number"),
        ("people/annotations/b.json", "[" * 100_000, "people/meta.json (sample 2)",
         "the annotation AV/people/annotations/b.json is not JSON that can be read: maximum "
         "recursion depth exceeded while decoding a JSON array from a unicode string"),
        ("people/annotations/b.json", "3", "people/meta.json (sample 2)",
         "the annotation AV/people/annotations/b.json is no object {...} but 3"),
        ("people/annotations/b.json", "{}", "people/annotations/b.json",
         "the annotation is empty"),
    ],
)
def test_what_is_said_of_a_bad_file(
    tmp_path: Path, file: str, content: str | None, where: str, what: str
) -> None:
    root = tmp_path / "av"
    lay_out(root, {"people": ("human", {"a": HUMAN, "b": HUMAN})})
    if content is None:
        (root / file).unlink()
    else:
        (root / file).write_text(content)
    with pytest.raises(DataError) as caught:
        load(tmp_path, SOURCE)
    assert caught.value.where == f"{root}/{where}"
    assert caught.value.what.replace(str(root), "AV") == what


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    lay_out(tmp_path / "av", {"people": ("human", dict.fromkeys("abc", HUMAN))})
    for name in "ac":
        (tmp_path / "av" / "people" / "annotations" / f"{name}.json").unlink()
    with pytest.raises(DataError) as caught:
        load(tmp_path, SOURCE)
    assert str(caught.value).replace(f"{tmp_path}/", "").splitlines() == [
        "av/people/meta.json (sample 1): there is no annotation people/annotations/a.json",
        "  av/people/meta.json (sample 3): there is no annotation people/annotations/c.json",
        "  To mend it: correct these samples, or take them out of the list",
    ]


def test_a_subdirectory_that_is_not_there(tmp_path: Path) -> None:
    lay_out(tmp_path / "av", {"people": ("human", {"a": HUMAN})})
    with pytest.raises(DataError) as caught:
        load(tmp_path, {**SOURCE, "subdirectories": ["poeple"]})
    assert caught.value.fix == (
        "correct the subdirectory's name; did you mean 'people'? known: 'people'")


@pytest.mark.parametrize(("rule", "ids"), [("stop", None), ("skip", ["av/people/a"])])
def test_a_missing_video_stops_the_run_or_is_listed(
    tmp_path: Path, rule: str, ids: list[str] | None
) -> None:
    lay_out(tmp_path / "av", {"people": ("human", {"a": HUMAN, "b": HUMAN})})
    (tmp_path / "av" / "people" / "videos" / "b.mp4").unlink()
    if ids is None:
        with pytest.raises(DataError, match=r"1 file cannot be read\n.*b\.mp4: there is no such"):
            load(tmp_path, SOURCE, audit={"unreadable": rule})
        return
    samples = load(tmp_path, SOURCE, audit={"unreadable": rule})
    assert [one.id for one in samples if one.sha256] == ids


@pytest.mark.parametrize(
    ("changed", "where", "what"),
    [
        ({"counts": {"people": 3}}, "av", "people has 2 samples, not 3"),
        ({"exclude": ["z"]}, "data.sources.av.exclude",
         "ROOT has no video with the id 'z'; known: 'a', 'b', 'people/a', 'people/b'"),
        ({"targets": {"human": "saftey"}}, "av/people/annotations/a.json",
         "the annotation has no field 'saftey'\n"
         "  av/people/annotations/b.json: the annotation has no field 'saftey'"),
        ({"targets": {"human": "weather.now"}}, "av/people/annotations/a.json",
         "the annotation has no field 'weather.now'\n"
         "  av/people/annotations/b.json: the annotation has no field 'weather.now'"),
    ],
)
def test_what_does_not_fit_the_folder(
    tmp_path: Path, changed: dict[str, Any], where: str, what: str
) -> None:
    lay_out(tmp_path / "av", {"people": ("human", {"a": HUMAN, "b": HUMAN})})
    with pytest.raises(DataError) as caught:
        load(tmp_path, SOURCE | changed)
    assert caught.value.where.removeprefix(f"{tmp_path}/") == where
    said = caught.value.what.replace(f"{tmp_path}/av/", "av/").replace(f"{tmp_path}/av", "ROOT")
    assert said == what


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    lay_out(tmp_path / "av", {"people": ("human", {"a": HUMAN})})
    video = tmp_path / "av" / "people" / "videos" / "a.mp4"
    video.rename(tmp_path / "elsewhere.mp4")
    video.symlink_to(tmp_path / "elsewhere.mp4")
    with pytest.raises(DataError, match="is a link that leaves the media folder"):
        load(tmp_path, SOURCE)


def test_facts_of_an_annotated_source(tmp_path: Path) -> None:
    lay_out(tmp_path / "av", {
        "people": ("human", {"a": HUMAN, "b": HUMAN}), "machine": ("cv", {"c": CV})})
    spec = recipe({"av": {**SOURCE, "subdirectories": ["people", "machine"], "weights": [3, 1]}},
                  tasks={"caption": CAPTION})
    samples = assign(load_samples(spec, recipe_dir=tmp_path, cache=tmp_path / "cache"), spec)
    roots = media_roots(spec, recipe_dir=tmp_path, cache=tmp_path / "cache")
    facts = measure(samples, roots, audit(samples, roots, spec), spec).sources["av"]
    assert (facts.kind, facts.media_type, facts.fps, facts.seconds) == (
        "annotations", "video", {"2": 3}, (2.0, 2.0, 2.0))
    assert (facts.parts, facts.weights, facts.formats) == (
        {"people": 2, "machine": 1}, {"people": 0.75, "machine": 0.25},
        {"people": "human", "machine": "cv"})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False,
                                                               allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner,
                                                                max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(), JSON, min_size=1))
def test_any_annotation_is_read_back_and_taught(
    tmp_path_factory: pytest.TempPathFactory, annotation: dict[str, Any]
) -> None:
    root = tmp_path_factory.mktemp("av")
    write_part(root / "people", "human", {"a": annotation})
    (one,) = read_part(root, "people")
    assert one == Annotated("a", "people", "human", "people/videos/a.mp4", annotation,
                            str(root / "people" / "annotations" / "a.json"))
    Sample(id="a", source="av", media="a", labels=dict(flat(annotation)))
    prompt, target = lesson(one, {}, {})
    assert prompt and json.loads(target) == annotation
    for name, value in annotation.items():
        if "." in name or not name:
            continue
        try:
            _, target = lesson(one, {}, {"human": name})
        except RowError:
            assert value in (None, "", [], {})
        else:
            assert target == value if isinstance(value, str) else json.loads(target) == value


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), index=st.integers(0, 10_000))
def test_any_scene_in_its_three_formats_is_read_back_as_the_same_sample(
    tmp_path_factory: pytest.TempPathFactory, seed: int, index: int
) -> None:
    root = tmp_path_factory.mktemp("drawn")
    drawing = draw_clip("driving", seed=seed, index=index, width=32, height=32, seconds=4.0,
                        fps=0.5, knobs=DrivingKnobs())
    targets = {"human": "safety_analysis", "reasoning": "target",
               "cv": "final_content.ego_behavior_schema.effect_on_ego_behavior"}
    for part, kind in ANNOTATION_FORMATS.items():
        write_part(root / part, kind, {"clip": drawing.annotations[kind]})
    read = {part: read_part(root, part) for part in ANNOTATION_FORMATS}
    for part, kind in ANNOTATION_FORMATS.items():
        (one,) = read[part]
        assert (one.id, one.part, one.format, one.annotation) == (
            "clip", part, kind, drawing.annotations[kind])
        assert dict(flat(one.annotation)) == dict(flat(drawing.annotations[kind]))
    answers = {kind: lesson(read[part][0], {}, targets)[1]
               for part, kind in ANNOTATION_FORMATS.items()}
    assert answers["human"] == drawing.labels["caption"]
    assert answers["reasoning"].startswith("<think>\n")
    assert answers["reasoning"].endswith(
        f"</think>\n\n{drawing.annotations['reasoning']['response']['description']}")
    assert answers["cv"] in json.dumps(drawing.annotations["cv"], ensure_ascii=False)
