"""Annotated videos: a folder with subdirectories, each with a list, annotations and videos.

    ROOT/human_annotated/meta.json              {"format": "human", "samples": [{"id": "a1"}]}
    ROOT/human_annotated/annotations/a1.json
    ROOT/human_annotated/videos/a1.mp4

A sample of the list may name its files itself: `"video": "clips/a1.mp4", "annotation": "a1.json"`.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast, get_args

from recipe_kit.data.labels import plain, unknown_answer
from recipe_kit.data.places import media_name, nearest
from recipe_kit.data.rows import Problem, RowError, raise_problems
from recipe_kit.data.text import read_object
from recipe_kit.errors import DataError
from recipe_kit.record.schemas import LabelValue, Sample
from recipe_kit.spec.data import AnnotationsSource
from recipe_kit.spec.recipe import Recipe

Format = Literal["human", "cv", "reasoning"]
FORMATS: tuple[Format, ...] = get_args(Format)
META = "meta.json"
ANNOTATIONS, VIDEOS = "annotations", "videos"

PROMPTS: dict[str, str] = {
    "human": "Describe the drive.",
    "cv": "What does the ego vehicle do, and what does it pay attention to?",
    "reasoning": "Describe the drive. Think about what explains it first.",
}
"""What is asked in training where one field of the annotation is answered, by format."""

JSON_PROMPTS: dict[str, str] = {
    "human": "Annotate the drive as JSON: conditions, traffic rules, road, maneuvers, a safety "
             "analysis, and critical objects.",
    "cv": "Annotate the main event of the drive as JSON: when it starts, the reasoning behind the "
          "ego vehicle's behavior, and the effect on it.",
    "reasoning": "Annotate the drive as JSON: a description, what makes driving difficult, and "
                 "notable events with their times.",
}
"""What is asked in training where the whole annotation is answered, by format."""


class Annotated(NamedTuple):
    """One video with its annotation."""

    id: str
    part: str
    """The subdirectory."""
    format: Format
    video: str
    """Path relative to the root."""
    annotation: dict[str, Any]
    where: str
    """The annotation's file."""


def read_part(root: Path, part: str, meta_file: str = META) -> list[Annotated]:
    """Read one subdirectory.

    Args:
        root: The folder with the subdirectories.
        part: The subdirectory's name.
        meta_file: Name of its list.

    Raises:
        DataError: The list or an annotation is missing or wrong; all that is wrong is told at
            once. Videos are looked at later, with those of other sources.
    """
    meta = root / part / meta_file
    kind, entries = _read_meta(meta)
    if not isinstance(entries, list) or not entries:
        raise DataError('holds no list of "samples"', where=str(meta),
                        fix='write "samples": [{"id": ...}, ...]')
    found_ones, problems, known = [], [], set[str]()
    for number, entry in enumerate(entries, start=1):
        where = f"{meta} (sample {number})"
        try:
            one = _read_entry(root, part, kind, entry)
            if one.id in known:
                raise RowError(f"the id {one.id!r} stands twice")
        except RowError as error:
            problems.append(Problem(where, str(error)))
            continue
        known.add(one.id)
        found_ones.append(one)
    raise_problems(problems, "correct these samples, or take them out of the list")
    return found_ones


def format_of(root: Path, part: str, meta_file: str = META) -> Format:
    """The format of a subdirectory's annotations.

    Raises:
        DataError: The list is missing, is not JSON, or names no format that there is.
    """
    return _read_meta(root / part / meta_file)[0]


def annotation_of(root: Path, video: str, part: str, meta_file: str = META) -> Annotated:
    """The annotation of one video.

    Args:
        root: The source's media folder.
        video: The video's path relative to it; those of worlds lie in one more folder.
        part: The subdirectory.
        meta_file: Name of its list.

    Raises:
        DataError: The list or the annotation is wrong, or no longer names the video.
    """
    chunk = Path(video).parts[0]
    if chunk != part:
        root, video = root / chunk, video.removeprefix(f"{chunk}/")
    kind, entries = _read_meta(root / part / meta_file)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and _video(part, entry) == video:
            return _read_entry(root, part, kind, entry)
    raise DataError(f"does not name {video}", where=str(root / part / meta_file),
                    fix="run `recipe run` again, which reads it anew")


def _read_meta(meta: Path) -> tuple[Format, object]:
    """The format, and what should be the list of samples."""
    if not meta.is_file():
        folders = meta.parents[1].iterdir() if meta.parents[1].is_dir() else ()
        found = sorted(one.name for one in folders if (one / meta.name).is_file())
        raise DataError("there is no such list", where=str(meta),
                        fix=f"correct the subdirectory's name; {nearest(meta.parent.name, found)}"
                        if found else f"write a {meta.name} into each subdirectory")
    listed = read_object(meta)
    kind = listed.get("format")
    if kind not in FORMATS:
        raise DataError(f"the format is {json.dumps(kind)[:40]}; {nearest(str(kind), FORMATS)}",
                        where=str(meta), fix='write "format": "human", "cv" or "reasoning"')
    return cast(Format, kind), listed.get("samples")


def _read_entry(root: Path, part: str, kind: Format, entry: object) -> Annotated:
    if not isinstance(entry, dict):
        raise RowError(f"is no object {{...}} but {json.dumps(entry)[:40]}")
    name = entry.get("id")
    if not isinstance(name, str | int) or isinstance(name, bool) or not str(name).strip():
        raise RowError("has no id")
    video = _video(part, entry)
    file = root / _path(part, entry.get("annotation", f"{ANNOTATIONS}/{name}.json"), "annotation")
    if not file.is_file():
        raise RowError(f"there is no annotation {file.relative_to(root)}")
    try:
        annotation = read_object(file)
    except DataError as error:
        raise RowError(f"the annotation {error.where} {error.what}") from error
    return Annotated(str(name), part, kind, video, annotation, str(file))


def _video(part: str, entry: Mapping[str, Any]) -> str:
    return _path(part, entry.get("video", f"{VIDEOS}/{entry.get('id')}.mp4"), "video")


def _path(part: str, value: object, what: str) -> str:
    if not isinstance(value, str):
        raise RowError(f"its {what} is no path but {json.dumps(value)[:40]}")
    try:
        return f"{part}/{media_name(value)}"
    except ValueError as error:
        raise RowError(f"the {what} {value!r} {error}") from error


def write_part(folder: Path, kind: str, annotations: Mapping[str, dict[str, Any]]) -> None:
    """Write a subdirectory's list and annotations, by id; its videos are written beside them."""
    (folder / ANNOTATIONS).mkdir(parents=True, exist_ok=True)
    for name, annotation in annotations.items():
        text = json.dumps(annotation, indent=4, ensure_ascii=False)
        (folder / ANNOTATIONS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    samples = [{"id": name, "video": f"{VIDEOS}/{name}.mp4",
                "annotation": f"{ANNOTATIONS}/{name}.json"} for name in annotations]
    meta = json.dumps({"format": kind, "samples": samples}, indent=1, ensure_ascii=False)
    (folder / META).write_text(meta + "\n", encoding="utf-8")


def flat(annotation: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, LabelValue]]:
    """Every value of an annotation as a label: `final_content.ego_behavior_schema.effect`.

    A list of plain values is one text; lists of objects, and what is null or empty, are none.
    """
    for name, value in annotation.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            if value and not any(isinstance(one, dict | list) or one is None for one in value):
                yield f"{prefix}{name}", ", ".join(str(plain(one)) for one in value)
        elif value is not None and value != "":
            yield f"{prefix}{name}", plain(value)


def lesson(one: Annotated, prompts: Mapping[str, str],
           targets: Mapping[str, str]) -> tuple[str, str]:
    """What is asked of a video in training, and the answer: a field, or the whole annotation.

    A text is answered as it stands, its `<think>` included; anything else as compact JSON.

    Raises:
        RowError: The annotation has not the field, or it is empty.
    """
    field = targets.get(one.format, "")
    value: Any = one.annotation
    for name in field.split(".") if field else ():
        value = value.get(name) if isinstance(value, dict) else None
    if value in (None, "", [], {}):
        raise RowError(f"the annotation has no field {field!r}" if field
                       else "the annotation is empty")
    prompt = prompts.get(one.format) or (PROMPTS if field else JSON_PROMPTS)[one.format]
    if isinstance(value, str):
        return prompt, value
    return prompt, json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def samples_of_annotations(name: str, source: AnnotationsSource, root: Path,
                           recipe: Recipe) -> list[Sample]:
    """Read annotated videos as samples; those with one id form a group over the subdirectories.

    Args:
        name: The source's name.
        source: What the spec says of it.
        root: The folder with the subdirectories.
        recipe: The recipe, whose tasks' answers the labels must be among.

    Raises:
        DataError: A list or an annotation is wrong, or a subdirectory has not its known size.
    """
    samples, problems = [], []
    listed = [one for part in source.subdirectories
              for one in read_part(root, part, source.meta_file)]
    for part, count in source.counts.items():
        found = sum(one.part == part for one in listed)
        if found != count:
            raise DataError(f"{part} has {found:,} samples, not {count:,}", where=str(root),
                            fix=f"correct data.sources.{name}.counts, or complete the folder")
    excluded = _excluded(name, source.exclude, listed, root)
    for one in listed:
        if one.id in excluded or f"{one.part}/{one.id}" in excluded:
            continue
        try:
            samples.append(_sample(name, source, one, recipe))
        except RowError as error:
            problems.append(Problem(one.where, str(error)))
    raise_problems(problems, f"correct these annotations, or data.sources.{name}")
    return samples


def _sample(name: str, source: AnnotationsSource, one: Annotated, recipe: Recipe) -> Sample:
    prompt, target = lesson(one, source.prompts, source.targets)
    labels = dict(flat(one.annotation))
    unknown = unknown_answer(labels, recipe.tasks)
    if unknown:
        raise RowError(unknown)
    return Sample(
        id=f"{name}/{one.part}/{one.id}", source=name, media=one.video, media_type="video",
        labels=labels, group=f"{name}/{one.id}", prompt=prompt, target=target, part=one.part,
    )


def _excluded(name: str, exclude: Collection[str], listed: Sequence[Annotated],
              root: Path) -> set[str]:
    known = {one.id for one in listed} | {f"{one.part}/{one.id}" for one in listed}
    for one_id in exclude:
        if one_id not in known:
            raise DataError(f"{root} has no video with the id {one_id!r}; "
                            f"{nearest(one_id, sorted(known))}",
                            where=f"data.sources.{name}.exclude", fix="name a video of it")
    return set(exclude)
