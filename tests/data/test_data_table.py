import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipe_kit.data.table import leaves, reach, read_table
from recipe_kit.errors import DataError


def write(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "image,label\na.png,cracked\n\nb.png,\n"),
        ("a.csv", "\ufeffimage,label\r\na.png, cracked \r\n\r\nb.png,\r\n"),
        ("a.csv", 'image,label\n"a.png","cracked"\n\nb.png,\n'),
        ("a.tsv", "image\tlabel\na.png\tcracked\n\nb.png\t\n"),
        ("a.jsonl", '{"image": "a.png", "label": "cracked"}\n\n{"image": "b.png", "label": null}'),
    ],
)
def test_each_format_gives_the_same_rows(tmp_path: Path, name: str, content: str) -> None:
    path = write(tmp_path, name, content)
    columns, rows = read_table(path)
    assert columns == ("image", "label")
    assert [row.cells for row in rows] == [{"image": "a.png", "label": "cracked"},
                                           {"image": "b.png"}]
    first = 1 if name.endswith("jsonl") else 2
    assert [row.where for row in rows] == [f"{path}:{first}", f"{path}:{first + 2}"]


def test_a_json_list_counts_items(tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", '[{"image": "a"},\n {"image": "b", "n": 3}]')
    columns, rows = read_table(path)
    assert columns == ("image", "n")
    assert [(row.where, row.cells) for row in rows] == [
        (f"{path} (item 1)", {"image": "a"}), (f"{path} (item 2)", {"image": "b", "n": 3})]


def test_a_line_separator_inside_a_string_ends_no_line(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", '{"prompt": "one\u2028two"}\n')
    assert read_table(path)[1][0].cells == {"prompt": "one\u2028two"}


@pytest.mark.parametrize(
    ("name", "content", "where", "what", "fix"),
    [
        ("a.csv", "", "", "the table has no rows", "fill it, or name another"),
        ("a.csv", "image,label\n", "", "the table has no rows", "fill it, or name another"),
        ("a.json", "[]", "", "the table has no rows", "fill it, or name another"),
        ("a.csv", "image,label\na.png,x\nb.png\n", ":3",
         "the row has 1 cells, the header 2",
         "quote cells that hold the delimiter, and fill missing cells with nothing"),
        ("a.csv", "image,label\na.png,x,y\n", ":2",
         "the row has 3 cells, the header 2",
         "quote cells that hold the delimiter, and fill missing cells with nothing"),
        ("a.csv", "image,image\na,b\n", ":1",
         "the column 'image' stands twice in the header", "give each column its own name"),
        ("a.csv", 'image,label\n"a.png"x,y\n', ":2",
         "is no well-formed row: ',' expected after '\"'", "mend the quotes of this row"),
        ("a.csv", b"image,label\na.png,gr\xfcn\n", ":2",
         "is not UTF-8 but another encoding", "save the file as UTF-8"),
        ("a.csv", "image,label\n".encode("utf-16"), ":1",
         "is not UTF-8 but UTF-16", "save the file as UTF-8"),
        ("a.jsonl", '{"image": "a"}\n{"image": }\n', ":2:11",
         "is not JSON: Expecting value", "mend this line"),
        ("a.jsonl", '{"image": NaN}\n', ":1",
         "is not JSON that can be read: NaN is no JSON number", "mend this line"),
        ("a.jsonl", '["a"]\n', ":1", 'is no object {...} but ["a"]',
         "write one object, with names and values"),
        ("a.json", '[\n{"image": }\n]', ":2:11", "is not JSON: Expecting value",
         "mend this line"),
        ("a.json", '{"image": "a"}', "", "holds no list",
         "write [{...}, {...}], or one object per line in a .jsonl file"),
        ("a.xlsx", "", "", "tables end in .csv, .tsv, .jsonl, .json, not in '.xlsx'",
         "convert the table, or rename it to what it is"),
    ],
)
def test_a_bad_table_says_where_and_what(
    tmp_path: Path, name: str, content: str | bytes, where: str, what: str, fix: str
) -> None:
    path = write(tmp_path, name, content)
    with pytest.raises(DataError) as caught:
        read_table(path)
    error = caught.value
    assert (error.where, error.what, error.fix) == (f"{path}{where}", what, fix)


def test_a_missing_table(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: No such file or directory"):
        read_table(tmp_path / "none.csv")


def test_a_deep_nest_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", "[" * 100_000)
    with pytest.raises(DataError, match=r"a.json: is not JSON that can be read"):
        read_table(path)


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@given(rows=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=6))
def test_what_the_csv_module_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([("image", "label"), *rows])
    path = write(tmp_path_factory.mktemp("t"), "a.csv", out.getvalue())
    expected = [
        {key: cell.strip() for key, cell in zip(("image", "label"), row, strict=True)
         if cell.strip()}
        for row in rows
    ]
    assert [row.cells for row in read_table(path)[1]] == expected


@given(content=st.binary(max_size=60), suffix=st.sampled_from(["csv", "tsv", "json", "jsonl"]))
def test_any_bytes_give_rows_or_a_data_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str
) -> None:
    path = write(tmp_path_factory.mktemp("t"), f"a.{suffix}", content)
    try:
        assert read_table(path)[1]
    except DataError as error:
        assert error.where.startswith(str(path))


@given(rows=st.lists(st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=4)),
                     min_size=1, max_size=4))
def test_jsonl_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]]
) -> None:
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    path = write(tmp_path_factory.mktemp("t"), "a.jsonl", text.encode("utf-8", "surrogatepass"))
    filled = [{key: cell for key, cell in row.items() if cell != ""} for row in rows]
    assert [row.cells for row in read_table(path)[1]] == filled


NESTED = {"image": "a.png", "options": {"A": "left", "B": "right", "more": {"C": 3}},
          "box": [0.5, {"x": 1}], "options.B": "plain", "a.b": {"c.d": "deep"}, "a": {"b": 0}}


@pytest.mark.parametrize(("name", "value"), [
    ("image", "a.png"),
    ("options.A", "left"),
    ("options.B", "plain"),
    ("options.more.C", 3),
    ("box.0", 0.5),
    ("box.1.x", 1),
    ("a.b.c.d", "deep"),
    ("options.Z", None),
    ("image.A", None),
    ("box.-1", None),
    ("box.2", None),
    ("", None),
    (".", None),
])
def test_a_name_with_dots_reaches_into_a_cell(name: str, value: object) -> None:
    assert reach(NESTED, name) == value


def test_each_value_inside_a_row_has_a_name() -> None:
    row = {"image": "a.png", "options": {"A": "left", "none": {}}, "box": [0.5, {"x": 1}]}
    assert list(leaves(row)) == ["image", "options.A", "box.0", "box.1.x"]
