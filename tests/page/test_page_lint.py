from pathlib import Path

import pytest

from recipe_kit.page.lint import lint, lint_files


@pytest.mark.parametrize(
    ("page", "line", "what"),
    [
        ("---\ntitle: x\n---\n", 1, "front matter"),
        ("text\n\n!!! note\n    x", 3, "an admonition (`!!!`)"),
        ('=== "Tab"\n    x', 1, "content tabs (`===`)"),
        ("# Title {#anchor}", 1, "an attribute list"),
        ("![x](https://a.b/c.png){: .wide }", 1, "an attribute list"),
        ("see[^1]", 1, "a footnote"),
        ('--8<-- "x.md"', 1, "a snippet (`--8<--`)"),
        ("```mermaid\ngraph\n```", 1, "a mermaid diagram"),
        ("??? note\n    x", 1, "a fold other than `???+ code`"),
        ('???+ note "x"\n    x', 1, "a fold other than `???+ code`"),
        ("write {{ x }}", 1, "Jinja (`{{` or `{%`)"),
        ("<script>x</script>", 1, "the HTML element <script>"),
        ('<img src="https://a.b/c.png" onload="x()">', 1, "the HTML attribute onload"),
        ("[x](javascript:alert(1))", 1, "a link to 'javascript:alert(1)'"),
        ("[x](missing.md)", 1, "a link to the missing file 'missing.md'"),
        ("![x](assets/missing.svg)", 1, "a link to the missing file 'assets/missing.svg'"),
        ('<img src="assets/missing.svg">', 1, "a link to the missing file 'assets/missing.svg'"),
        ('<source src="missing.mp4">', 1, "a link to the missing file 'missing.mp4'"),
        ("[x](/there.md)", 1, "the absolute link '/there.md'"),
        ("[a ![b](c.png)](there.md)", 1, "a link to the missing file 'c.png'"),
    ],
)
def test_faults(page: str, line: int, what: str, tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("x")
    faults = lint(page, tmp_path)
    assert (line, what) in [(fault.line, fault.what) for fault in faults]


@pytest.mark.parametrize(
    "page",
    [
        "# Title\n\n| A | B |\n| --- | ---: |\n| 1 | 2 |\n",
        '???+ code "Title"\n\n    ```yaml\n    a: {b: 1}\n    ```\n',
        '```python title="x.py"\n!!! {{ x }} [^1] {#x}\n```\n',
        "write `{{ x }}` and `!!!`",
        "<!-- {% raw %} -->\n\n```\n{{ x }}\n```\n\n<!-- {% endraw %} -->\n",
        '<details>\n<summary>More</summary>\n\ntext\n\n</details>\n',
        '<video controls width="800">\n  <source src="there.md" type="video/mp4">\n</video>',
        "[x](https://a.b/c_(d)) <https://a.b> [y](there.md#part) [z](#part) [m](mailto:a@b.c)",
        "a {curly} remark",
    ],
)
def test_what_the_cookbook_renders(page: str, tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("x")
    assert lint(page, tmp_path) == []


def test_large_files(tmp_path: Path) -> None:
    (tmp_path / "small.svg").write_bytes(b"x")
    with (tmp_path / "large.mp4").open("wb") as file:
        file.truncate(10_000_000)
    assert [str(fault) for fault in lint_files(tmp_path)] == [
        "line 0: large.mp4 has 10,000,000 bytes; keep files under 10 MB"
    ]
