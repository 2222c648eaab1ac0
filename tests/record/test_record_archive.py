"""Questions and answers in one file."""

import gzip
import random
from pathlib import Path

import pytest

from recipe_kit.errors import RecordError
from recipe_kit.record.archive import (
    MAX_BYTES,
    Archive,
    archive_files,
    read_archive,
    write_archive,
)
from recipe_kit.record.schemas import Prediction, Question

QUESTION = Question(
    id="b/t/1", benchmark="b", task="t", task_type="choice", sample="1", media="1.png",
    media_sha256="aa" * 32, prompt="Where?", choices=("A", "B"), reference="A",
    options={"A": "left", "B": "right"}, slices={"scene": "sparse\n“dense”"},
)
ANSWER = Prediction(
    question="b/t/1", text="A.\n", reasoning="So …", answer="A",
    probabilities={"A": 0.1 + 0.2, "B": 0.7}, mass=0.99, confidence=0.1 + 0.2, prompt="Where?",
    model="m", revision="r", timestamp="2026-01-02T03:04:05.678+00:00", latency_s=0.001,
    digest="bb" * 32,
)
VALIDATION = QUESTION.model_copy(update={"id": "b/t/2"})
VALIDATED = ANSWER.model_copy(update={"question": "b/t/2"})
ARCHIVE = Archive(
    questions={"b": (QUESTION,), "c": ()},
    predictions={("base", "b"): (ANSWER,), ("base", "c"): (), ("tuned", "b"): (ANSWER,)},
    blind={("base", "b"): (ANSWER,)},
    steps={(20, "b"): (ANSWER,), (40, "b"): (ANSWER,)},
    validation_questions={"b": (VALIDATION,)},
    validation={(0, "b"): (VALIDATED,), (20, "b"): (VALIDATED,)},
)


def test_an_archive_is_read_back(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    write_archive(one, ARCHIVE)
    assert read_archive(one) == ARCHIVE
    write_archive(two, read_archive(one))
    assert archive_files(one) == archive_files(two) == ("predictions.jsonl.gz",)
    path = one / "predictions.jsonl.gz"
    assert (two / path.name).read_bytes() == path.read_bytes()
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    assert lines[:2] == ['{"format":2}', '{"benchmark":"b","rows":1}']
    # What the first answer to a question says is not said again.
    assert [line.count('"prompt"') for line in lines if line.startswith('{"question"')] == [
        1, 0, 0, 0, 0, 1, 0,
    ]


def noisy(name: str, size: int, step: int) -> Prediction:
    noise = random.Random(step).randbytes(size // 2).hex()
    return ANSWER.model_copy(update={"question": name, "reasoning": noise})


def test_what_does_not_fit_into_one_file_goes_on_in_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recipe_kit.record.archive.MAX_BYTES", 8000)
    steps = {(step, "b"): (noisy("b/t/1", 4800, step),) for step in range(1, 8)}
    large = Archive({"b": (QUESTION,)}, {("base", "b"): (ANSWER,)}, steps=steps)
    write_archive(tmp_path, large)
    names = archive_files(tmp_path)
    assert names == (
        "predictions.jsonl.gz", "predictions-2.jsonl.gz", "predictions-3.jsonl.gz",
        "predictions-4.jsonl.gz",
    )
    assert all((tmp_path / name).stat().st_size < 8000 for name in names)
    assert read_archive(tmp_path) == large
    (tmp_path / names[2]).rename(tmp_path / "kept")
    with pytest.raises(RecordError, match=r"predictions-3\.jsonl\.gz: is missing"):
        read_archive(tmp_path)
    (tmp_path / names[1]).replace(tmp_path / names[2])
    (tmp_path / "kept").replace(tmp_path / names[1])
    with pytest.raises(RecordError, match=r"predictions-2\.jsonl\.gz: says it is file 3 of 4"):
        read_archive(tmp_path)
    # Files of an earlier, larger archive do not stay.
    write_archive(tmp_path, ARCHIVE)
    assert archive_files(tmp_path) == names[:1]
    assert read_archive(tmp_path) == ARCHIVE


def _zipped(content: bytes) -> bytes:
    """The same bytes at any time, since these tests are named after them."""
    return gzip.compress(content, mtime=0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "{path}: is missing"),
        (b"text", "{path}: is damaged: Not a gzipped file (b'te')"),
        (_zipped(b"x" * 99)[:-9], "{path}: is damaged: Compressed file ended before"),
        (_zipped(b"\xff\n"), "{path}: is damaged: 'utf-8' codec"),
        (_zipped(b""), "{path}: ends too early"),
        (_zipped(b'{"format":3}\n'), "{path}: is in a newer format"),
        (_zipped(b'{"format":1}\n{"benchmark":"b","rows":2}\n'), "{path}: ends too early"),
        (_zipped(b'{"format":1}\n{"benchmark":"b","rows":1}\n{}\n'),
         "{path}, line 3 of its content: is damaged: id Field required"),
    ],
)
def test_an_archive_that_cannot_be_read(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "predictions.jsonl.gz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecordError) as caught:
        read_archive(tmp_path)
    assert str(caught.value).startswith(message.format(path=path))


def test_answers_that_are_too_large_for_a_page(tmp_path: Path) -> None:
    noise = random.Random(0).randbytes(MAX_BYTES).hex()
    long = ANSWER.model_copy(update={"reasoning": noise})
    path = tmp_path / "predictions.jsonl.gz"
    with pytest.raises(RecordError) as caught:
        write_archive(tmp_path, Archive({"b": (QUESTION,)}, {("base", "b"): (long,)}))
    assert "MB, and a page's files have to stay under 10 MB" in caught.value.what
    assert not path.exists()


def test_five_thousand_questions_and_three_models_stay_small(tmp_path: Path) -> None:
    """Digests, probabilities and times are what cannot be compressed."""
    rng = random.Random(0)
    questions, answers = [], []
    for number in range(5000):
        name = f"b/t/{number}"
        questions.append(QUESTION.model_copy(
            update={"id": name, "media_sha256": rng.randbytes(32).hex()}
        ))
        share = rng.random()
        answers.append(ANSWER.model_copy(update={
            "question": name, "digest": rng.randbytes(32).hex(), "mass": rng.random(),
            "probabilities": {"A": share, "B": 1 - share}, "confidence": share,
            "latency_s": round(rng.random(), 6),
        }))
    path = tmp_path / "predictions.jsonl.gz"
    roles = {(role, "b"): answers for role in ("base", "tuned", "half")}
    write_archive(tmp_path, Archive({"b": questions}, roles, roles))
    assert path.stat().st_size < 5_000_000
