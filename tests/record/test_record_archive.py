"""Questions and answers in one file."""

import gzip
import random
from pathlib import Path

import pytest

from recipe_kit.errors import RecordError
from recipe_kit.record.archive import MAX_BYTES, Archive, read_archive, write_archive
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
ARCHIVE = Archive(
    questions={"b": (QUESTION,), "c": ()},
    predictions={("base", "b"): (ANSWER,), ("base", "c"): (), ("tuned", "b"): (ANSWER,)},
    blind={("base", "b"): (ANSWER,)},
)


def test_an_archive_is_read_back(tmp_path: Path) -> None:
    write_archive(tmp_path / "one.gz", ARCHIVE)
    assert read_archive(tmp_path / "one.gz") == ARCHIVE
    write_archive(tmp_path / "two.gz", read_archive(tmp_path / "one.gz"))
    assert (tmp_path / "two.gz").read_bytes() == (tmp_path / "one.gz").read_bytes()
    lines = gzip.decompress((tmp_path / "one.gz").read_bytes()).decode().splitlines()
    assert lines[:2] == ['{"format":2}', '{"benchmark":"b","rows":1}']


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "{path}: is missing"),
        (b"text", "{path}: is damaged: Not a gzipped file (b'te')"),
        (gzip.compress(b"x" * 99)[:-9], "{path}: is damaged: Compressed file ended before"),
        (gzip.compress(b"\xff\n"), "{path}: is damaged: 'utf-8' codec"),
        (gzip.compress(b""), "{path}: ends too early"),
        (gzip.compress(b'{"format":3}\n'), "{path}: is in a newer format"),
        (gzip.compress(b'{"format":1}\n{"benchmark":"b","rows":2}\n'), "{path}: ends too early"),
        (gzip.compress(b'{"format":1}\n{"benchmark":"b","rows":1}\n{}\n'),
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
        read_archive(path)
    assert str(caught.value).startswith(message.format(path=path))


def test_answers_that_are_too_large_for_a_page(tmp_path: Path) -> None:
    noise = random.Random(0).randbytes(MAX_BYTES).hex()
    long = ANSWER.model_copy(update={"reasoning": noise})
    path = tmp_path / "predictions.jsonl.gz"
    with pytest.raises(RecordError) as caught:
        write_archive(path, Archive({"b": (QUESTION,)}, {("base", "b"): (long,)}))
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
    write_archive(path, Archive({"b": questions}, roles, roles))
    assert path.stat().st_size < 5_000_000
