import base64
import csv
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipe_kit.data.exchange.formats import FORMATS
from recipe_kit.data.exchange.hub import read_dataset, write_dataset
from recipe_kit.data.exchange.llava import read_llava, write_llava
from recipe_kit.data.exchange.question import ExchangeQuestion
from recipe_kit.data.exchange.triples import read_triples, write_triples
from recipe_kit.data.exchange.tsv import read_tsv, write_tsv
from recipe_kit.errors import DataError, MissingPackageError

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
SIDE = ExchangeQuestion(
    id="0", image_path="images/0.png", question="Where is the orange?",
    options={"A": "left", "B": "right"}, answer="A",
)  # fmt: skip
OPEN = ExchangeQuestion(id="7", image_path="7.png", question="What is it?", answer="A crack.")

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.lists(
        st.sampled_from(["\t", "\n", "\r", '"', "'", ",", "<image>", "<video>", "A. ", "é", "𝄞",
                         "\u2028", "\x00", "\ufeff", "[", "null", "nan", "1", " "]),
        max_size=5,
    ).map("".join),
)  # fmt: skip
SOME = TEXTS.filter(bool)
NAMES = st.one_of(
    TEXTS.filter(lambda name: "\0" not in name),
    st.sampled_from(["index", "id", "prompt", "target", "image", "extra:id", "K", "a:json", "hint",
                     "conversations", "turn_of", "options", "video", "extra:", ":json"]),
)  # fmt: skip
VALUES = st.one_of(
    TEXTS,
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
        | TEXTS,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
        max_leaves=3,
    ),
)
OPTIONS = st.just({}) | st.lists(SOME, min_size=2, max_size=10).map(
    lambda texts: dict(zip("ABCDEFGHIJ", texts, strict=False))
)
QUESTIONS = st.lists(
    st.builds(
        ExchangeQuestion, id=SOME, question=SOME, image_path=TEXTS, video_path=TEXTS,
        picture=st.just(b"") | st.binary(min_size=49, max_size=60), hint=TEXTS, options=OPTIONS,
        answer=TEXTS, category=TEXTS, l2_category=TEXTS, split=TEXTS,
        extra=st.dictionaries(NAMES, VALUES, max_size=3),
    ),
    min_size=1, max_size=3, unique_by=lambda question: question.id,
)  # fmt: skip
NAME = {"vlmevalkit": "q.tsv", "llava": "q.json", "triples": "q.jsonl", "datasets": "folder"}


@pytest.mark.parametrize("name", ["vlmevalkit", "llava", "triples"])
@given(QUESTIONS)
@settings(deadline=None)
def test_a_round_trip_loses_nothing(
    tmp_path_factory: pytest.TempPathFactory, name: str, questions: list[ExchangeQuestion]
) -> None:
    path = tmp_path_factory.getbasetemp() / NAME[name]
    FORMATS[name].write(path, questions)
    assert FORMATS[name].read(path) == questions


@given(QUESTIONS)
@settings(max_examples=15, deadline=None)
def test_a_round_trip_through_a_dataset_loses_nothing(
    tmp_path_factory: pytest.TempPathFactory, questions: list[ExchangeQuestion]
) -> None:
    pytest.importorskip("datasets", reason="needs the package datasets")
    folder = tmp_path_factory.mktemp("dataset")
    write_dataset(folder, questions)
    assert read_dataset(folder) == questions


def test_a_table_is_vlmevalkits(tmp_path: Path) -> None:
    path = tmp_path / "q.tsv"
    write_tsv(path, [SIDE.model_copy(update={"picture": PNG, "image_path": "", "hint": "a\tb"})])
    with path.open(newline="") as file:
        assert list(csv.reader(file, delimiter="\t")) == [
            ["index", "image", "question", "hint", "A", "B", "answer"],
            ["0", base64.b64encode(PNG).decode(), "Where is the orange?", "a\tb", "left", "right",
             "A"],
        ]  # fmt: skip


def test_a_foreign_table_is_read(tmp_path: Path) -> None:
    path = tmp_path / "q.tsv"
    image = base64.b64encode(PNG).decode()
    path.write_text(
        "\ufeffindex\timage\tquestion\tA\tB\tC\tanswer\tcategory\tl2-category\tsplit\tcomment\n"
        f'1\t{image}\t"Is ""it""\nred?"\tyes\tno\t\tA\tcolor\tattribute\tdev\tnan\n'
        "\n"
        "2\t1\tAnd now?\t\t\t\tblue\t\t\tdev\t\n",
        encoding="utf-8",
    )
    assert read_tsv(path) == [
        ExchangeQuestion(
            id="1", picture=PNG, question='Is "it"\nred?', options={"A": "yes", "B": "no"},
            answer="A", category="color", l2_category="attribute", split="dev",
            extra={"comment": "nan"},
        ),
        # A short picture cell names the row that has the picture.
        ExchangeQuestion(id="2", picture=PNG, question="And now?", answer="blue", split="dev"),
    ]  # fmt: skip


def test_a_large_picture_fits_in_a_cell(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    large = [SIDE.model_copy(update={"picture": PNG * 4000})]
    write_tsv(tmp_path / "q.tsv", large)
    assert read_tsv(tmp_path / "q.tsv") == large
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "is empty\n  To mend it: write a header and one line a question"),
        ("id\tquestion\n", "has no column 'index'; its columns: id, question\n"
         "  To mend it: write index, question, A, B, ..., answer in the header"),
        ("index\tquestion\tA\tA\n", "the column 'A' stands twice\n"
         "  To mend it: give each column its own name"),
        ("index\tquestion\n1\tWhat?\tx\n", "2: the row has 3 cells, the header 2\n"
         '  To mend it: put cells with tabs or line ends in "..."'),
        ('index\tquestion\n1\t"What?"x\n', "2: is no well-formed row: '\t' expected after '\"'\n"
         "  To mend it: mend the quotes of this row"),
        ("index\tquestion\tA\tB\n1\tWhat?\tyes\t\n", "2: is no question: options are none, or two "
         "to ten that are lettered from A on without a gap, not A\n"
         "  To mend it: correct this question in the file"),
        ("index\tquestion\n\tWhat?\n", "2: is no question: id: String should have at least 1 "
         "character\n  To mend it: correct this question in the file"),
        ("index\tquestion\timage\n1\tWhat?\t9\n", "2: the picture is that of row '9', which has "
         "none\n  To mend it: write the picture in base64, or mend the index"),
        ("index\tquestion\timage\n1\tWhat?\t" + "?" * 65, "2: the picture is not base64: "
         "'????????????????????'...\n"
         "  To mend it: write the encoded file (PNG, JPEG) in base64, or name it by its path"),
        ("index\tquestion\timage\n1\tWhat?\t['" + "A" * 65 + "']", "2: has several pictures, and a "
         "question has one here\n"
         "  To mend it: join them into one, or leave the question out"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_table(tmp_path: Path, table: str, message: str) -> None:
    path = tmp_path / "q.tsv"
    path.write_text(table)
    with pytest.raises(DataError) as caught:
        read_tsv(path)
    place = ":" if message[0].isdigit() else ": "
    assert str(caught.value) == f"{path}{place}{message}"


def test_a_table_needs_each_index_once_and_whole_pictures(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="question '0': stands twice"):
        write_tsv(tmp_path / "q.tsv", [SIDE, SIDE])
    with pytest.raises(DataError, match="a picture of 3 bytes is none"):
        write_tsv(tmp_path / "q.tsv", [SIDE.model_copy(update={"picture": b"PNG"})])


def test_a_file_that_is_absent_or_not_utf8(tmp_path: Path) -> None:
    for read in (read_tsv, read_llava, read_triples):
        with pytest.raises(DataError, match="cannot be read: No such file or directory"):
            read(tmp_path / "none.json")
    (tmp_path / "q.tsv").write_bytes(b"index\tquestion\n1\t\xff\n")
    with pytest.raises(DataError, match=r"q.tsv:2: is not UTF-8"):
        read_tsv(tmp_path / "q.tsv")


def test_a_conversation_is_llavas(tmp_path: Path) -> None:
    path = tmp_path / "q.json"
    video = ExchangeQuestion(id="1", video_path="1.mp4", question="What happens?", answer="Rain.")
    write_llava(path, [OPEN, video, SIDE])
    assert json.loads(path.read_text()) == [
        {"id": "7", "image": "7.png", "conversations": [
            {"from": "human", "value": "<image>\nWhat is it?"},
            {"from": "gpt", "value": "A crack."},
        ]},
        {"id": "1", "video": "1.mp4", "conversations": [
            {"from": "human", "value": "<video>\nWhat happens?"},
            {"from": "gpt", "value": "Rain."},
        ]},
        {"id": "0", "image": "images/0.png", "conversations": [
            {"from": "human", "value": "<image>\nWhere is the orange?\nA. left\nB. right"},
            {"from": "gpt", "value": "A"},
        ], "question": "Where is the orange?", "options": {"A": "left", "B": "right"}},
    ]  # fmt: skip


FOREIGN: list[dict[str, Any]] = [
    {"id": "a", "image": "a.jpg", "conversations": [
        {"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": "A cat."},
        {"from": "human", "value": "Where?"}, {"from": "gpt", "value": "On a mat."},
        {"from": "human", "value": "Why?"},
    ], "width": 640, "category": "pets"},
    {"id": "a", "image": "b.jpg", "conversations": [
        {"from": "human", "value": "What is it?\n<image>"}, {"from": "gpt", "value": ""},
    ], "options": ["kept", "as", "it", "was"]},
    {"id": "c", "conversations": [{"from": "human", "value": "Hello?"}]},
]  # fmt: skip


def test_a_foreign_conversation_is_read_and_written_again(tmp_path: Path) -> None:
    path = tmp_path / "q.json"
    path.write_text(json.dumps(FOREIGN))
    questions = read_llava(path)
    assert [(q.id, q.question, q.answer) for q in questions] == [
        ("a", "What is it?", "A cat."), ("a#2", "Where?", "On a mat."), ("a#3", "Why?", ""),
        ("a", "What is it?\n<image>", ""), ("c", "Hello?", ""),
    ]  # fmt: skip
    assert questions[0].extra == {"width": 640}
    assert questions[1].extra == {"turn_of": "a"}
    assert {q.category for q in questions[:3]} == {"pets"}
    write_llava(path, questions)
    written = json.loads(path.read_text())
    assert written[0] == FOREIGN[0]
    assert written[1]["extra:options"] == ["kept", "as", "it", "was"]
    assert read_llava(path) == questions


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", ": holds no list"),
        ("[1]", " (item 1): is no object {...} but 1"),
        ("[{]", ":1:3: is not JSON: Expecting property name enclosed in double quotes"),
        ("[NaN]", ": is not JSON that can be read: NaN is no JSON number"),
        ("[{}]", " (item 1): has no list 'conversations'"),
        ('[{"conversations": [{"from": "gpt", "value": "Hi"}]}]',
         ' (item 1): turn 1 is {"from": "gpt", "value": "Hi"}'),
        ('[{"image": ["a", "b"], "conversations": [{"from": "human", "value": "Hi"}]}]',
         " (item 1): 'image' is no text but [\"a\", \"b\"]"),
        ('[{"conversations": [{"from": "human", "value": "Hi"}], "question": "Ho"}]',
         " (item 1): 'question', 'hint' and 'options' make 'Ho', and the text asks 'Hi'"),
        ('[{"conversations": [{"from": "human", "value": "Hi"}], "question": "Hi", "options": 1}]',
         " (item 1): 'options' is no object"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_conversations(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "q.json"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        read_llava(path)
    assert str(caught.value).startswith(f"{path}{message}")
    assert caught.value.fix


def test_a_triple_is_the_seeds(tmp_path: Path) -> None:
    path = tmp_path / "q.json"
    write_triples(path, [OPEN, SIDE])
    assert json.loads(path.read_text()) == [
        {"image_path": "7.png", "prompt": "What is it?", "target": "A crack.", "id": "7"},
        {"image_path": "images/0.png", "prompt": "Where is the orange?\nA. left\nB. right",
         "target": "A", "id": "0", "question": "Where is the orange?",
         "options": {"A": "left", "B": "right"}},
    ]  # fmt: skip


def test_a_foreign_triple_is_read(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text('{"image_path": "a.png", "prompt": "What?", "target": "A cat.", "by": 3}\n\n')
    assert read_triples(path) == [ExchangeQuestion(
        id="1", image_path="a.png", question="What?", answer="A cat.", extra={"by": 3}
    )]
    path.write_text('{"image_path": "a.png", "prompt": "What?"}\n')
    with pytest.raises(DataError, match=r"q.jsonl:1: has no 'target'"):
        read_triples(path)


def test_a_foreign_dataset_is_read(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="needs the package datasets")
    features = datasets.Features({
        "image": datasets.Image(), "question": datasets.Value("string"),
        "answer": datasets.ClassLabel(names=["no", "yes"]),
        "boxes": datasets.Sequence(datasets.Value("int64")),
    })  # fmt: skip
    rows = {"image": [{"bytes": PNG, "path": None}], "question": ["Is it red?"], "answer": [1],
            "boxes": [[1, 2]]}  # fmt: skip
    part = datasets.Dataset.from_dict(rows, features=features)
    datasets.DatasetDict({"train": part, "test": part}).save_to_disk(str(tmp_path / "d"))
    assert read_dataset(tmp_path / "d") == [
        ExchangeQuestion(id="1", picture=PNG, question="Is it red?", answer="yes", split=split,
                         extra={"boxes": [1, 2]})
        for split in ("train", "test")
    ]
    with pytest.raises(DataError, match="is no dataset on disk"):
        read_dataset(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [("a\0", "x", "NUL"), ("a", ["\ud800"], "half of a character"), ("a", 1e999, "finite")],
)
def test_what_no_file_can_hold_is_no_question(name: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ExchangeQuestion(id="1", question="What?", extra={name: value})


def test_without_the_library_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingPackageError) as caught:
        read_dataset(tmp_path)
    assert str(caught.value) == (
        "Hugging Face datasets need the package datasets\n  To mend it: pip install datasets"
    )
