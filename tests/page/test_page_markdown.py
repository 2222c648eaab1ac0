from html.parser import HTMLParser

import markdown
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipe_kit.page.markdown import Md, clean, code, fence, fold, link, table, text

EXTENSIONS = [
    "admonition", "attr_list", "md_in_html", "tables", "toc", "footnotes",
    "pymdownx.details", "pymdownx.superfences", "pymdownx.inlinehilite",
    "pymdownx.magiclink", "pymdownx.tilde", "pymdownx.caret", "pymdownx.mark",
]
NASTY = st.text(
    st.one_of(
        st.sampled_from("`*_[](){}<>|\\#+-.!&;:\"'~^$=@/%1 \n\tax"),
        st.characters(codec="utf-8"),
    ),
    max_size=40,
)


class Reader(HTMLParser):
    """What a page shows, and the elements it is made of."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.shown, self.elements = "", []
        self.feed(html)
        self.close()

    def handle_data(self, data: str) -> None:
        self.shown += data

    def handle_starttag(self, tag, attrs) -> None:
        self.elements.append(tag)


def read(source: str) -> Reader:
    return Reader(markdown.markdown(source, extensions=EXTENSIONS))


def one_line(value: str) -> str:
    return " ".join(clean(value).split())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("recipe_kit", "recipe_kit"),
        ("a|b", "a&#124;b"),
        ("<b>x</b>", "&lt;b&gt;x&lt;/b&gt;"),
        ("*x* _y_ `z`", "&#42;x&#42; &#95;y&#95; &#96;z&#96;"),
        ("{{ x }}", "&#123;&#123; x &#125;&#125;"),
        ("# no heading", "&#35; no heading"),
        ("#0", "&#35;0"),
        ("__0__", "&#95;&#95;0&#95;&#95;"),
        ("1. no list", "&#49;. no list"),
        ("0.85", "0.85"),
        ("two\nlines", "two lines"),
        ("at 12:30, n = 4", "at 12:30, n = 4"),
        ("\u202eevil", "\ufffdevil"),
    ],
)
def test_text(value: str, expected: str) -> None:
    assert text(value) == expected


@settings(max_examples=300, deadline=None)
@given(NASTY)
def test_text_appears_as_it_is_in_a_paragraph(value: str) -> None:
    read_back = read(f"before {text(value)} after")
    assert read_back.elements == ["p"]
    assert one_line(read_back.shown) == one_line(f"before {value} after")


@settings(max_examples=150, deadline=None)
@given(NASTY)
def test_text_appears_as_it_is_at_the_start_of_a_line(value: str) -> None:
    read_back = read(f"{text(value)}\n")
    assert set(read_back.elements) <= {"p"}
    assert one_line(read_back.shown) == one_line(value)


@settings(max_examples=150, deadline=None)
@given(NASTY, NASTY)
def test_cells_stay_in_their_columns(one: str, two: str) -> None:
    read_back = read(f"\n{table(['A', 'B'], [[one, code(two)]])}\n")
    assert read_back.elements.count("td") == 2
    assert set(read_back.elements) <= {"table", "thead", "tbody", "tr", "th", "td", "code"}
    shown = one_line(read_back.shown.replace("A", "", 1).replace("B", "", 1))
    assert shown.replace(" ", "") == one_line(one + two).replace(" ", "")


@settings(max_examples=150, deadline=None)
@given(NASTY)
def test_a_fence_cannot_be_left(value: str) -> None:
    read_back = read(f"{fence(value, 'text')}\n\nafter")
    assert set(read_back.elements) <= {"div", "pre", "code", "span", "p", "a"}
    assert read_back.shown.strip().endswith("after")
    for part in clean(value).split():
        assert part in read_back.shown


def test_jinja_in_a_fence_is_kept_from_macros() -> None:
    assert fence("{{ x }}", "yaml") == (
        "<!-- {% raw %} -->\n\n```yaml\n{{ x }}\n```\n\n<!-- {% endraw %} -->\n"
    )


def test_shown_code_cannot_end_the_raw_part() -> None:
    assert fence("{% endraw %}{{ x }}").count("{% endraw %}") == 1


def test_fold() -> None:
    assert fold('Title "x"', "a: 1\n\nb: 2", "yaml") == (
        '???+ code "Title x"\n\n    ```yaml\n    a: 1\n\n    b: 2\n    ```\n'
    )


def test_link_cannot_end_early() -> None:
    assert link("a]b", "https://x.org/a b)(c") == "[a&#93;b](https://x.org/a%20b%29%28c)"


def test_markdown_is_not_escaped_again() -> None:
    assert text(Md("**x**")) == "**x**"


def test_a_table_without_rows_is_nothing() -> None:
    assert table(["A"], []) == ""
