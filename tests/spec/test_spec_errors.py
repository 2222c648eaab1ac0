"""The text of every kind of error about types, keys and YAML, exact."""

import inspect
from collections.abc import Callable

import pytest

Problems = Callable[..., str]


def test_the_recipe_that_the_other_tests_edit_is_valid(problems: Problems) -> None:
    assert problems() == "valid"


@pytest.mark.parametrize(("old", "new", "expected"), [
    ("  epochs: 1\n", "  epoch: 1\n", """
        floor.yaml:43:3: unknown key 'epoch' in 'train'
          43 |   epoch: 1
             |   ^
          Did you mean 'epochs'?
    """),
    ("  base: tiny\n", "  base: tiny\n  zoom: 2\n", """
        floor.yaml:9:3: unknown key 'zoom' in 'model'
           9 |   zoom: 2
             |   ^
          Known keys: base, revision, title, remote_code, endpoint, min_pixels, max_pixels, \
video, compare.
    """),
    ("title: Floors\n", "", """
        floor.yaml:1:1: the key 'title' is missing
           1 | schema: 1
             | ^
          Title of the page. It is text that is not empty.
    """),
    ("  epochs: 1\n", "  epochs: 1\n  seed: 4294967296\n", """
        floor.yaml:44:9: 'train.seed' must be a whole number from 0 to 4,294,967,295, but is \
4294967296
          44 |   seed: 4294967296
             |         ^
    """),
    # One problem, not a list that is too short as well.
    ("  - name: Ada\n", '  - name: ""\n', """
        floor.yaml:4:11: 'authors.0.name' must be text that is not empty, but is empty
           4 |   - name: ""
             |           ^
    """),
    # One problem, not an unknown key and a missing one.
    ("title: Floors\n", "titel: Floors\n", """
        floor.yaml:2:1: unknown key 'titel'
           2 | titel: Floors
             | ^
          Did you mean 'title'?
    """),
    ("world: floors, count: 100", "world: floors", """
        floor.yaml:11:5: the key 'count' is missing in 'data.sources.drawn'
          11 |     drawn: {kind: world, world: floors}
             |     ^
          Number of pictures to draw. It is a whole number above 0 and at most 10,000,000.
    """),
    ("count: 100", "count: many", """
        floor.yaml:11:48: 'data.sources.drawn.count' must be a whole number above 0 and at most \
10,000,000, but is 'many'
          11 |     drawn: {kind: world, world: floors, count: many}
             |                                                ^
    """),
    ("count: 100", 'count: "100"', """
        floor.yaml:11:48: 'data.sources.drawn.count' must be a whole number above 0 and at most \
10,000,000, but is '100'
          11 |     drawn: {kind: world, world: floors, count: "100"}
             |                                                ^
          Write it without quotes.
    """),
    ("kind: world", "kind: wrld", """
        floor.yaml:11:19: 'data.sources.drawn.kind' must be 'table', 'world', 'triples', \
'questions' or 'annotations', but is 'wrld'
          11 |     drawn: {kind: wrld, world: floors, count: 100}
             |                   ^
          Did you mean 'world'?
    """),
    ("kind: world, ", "", """
        floor.yaml:11:5: the key 'kind' is missing in 'data.sources.drawn'
          11 |     drawn: {world: floors, count: 100}
             |     ^
          It is 'table', 'world', 'triples', 'questions' or 'annotations'.
    """),
    # A value is held against the member of a union that is meant, not against all of them.
    ("{rows: test}", "{row: test}", """
        floor.yaml:23:31: unknown key 'row' in 'data.splits.test.real'
          23 |     test: {drawn: 0.1, real: {row: test}}
             |                               ^
          Did you mean 'rows'?
    """),
    ("cracked: label\n", "cracked: [label]\n", """
        floor.yaml:17:18: 'data.sources.real.labels.cracked' must be text or a mapping, but is a \
list of 1
          17 |         cracked: [label]
             |                  ^
    """),
    ("count: 100", "count: 100, randomize: {shadw: 0.1}", """
        floor.yaml:11:65: unknown key 'shadw' in 'data.sources.drawn.randomize'
          11 |     drawn: {kind: world, world: floors, count: 100, randomize: {shadw: 0.1}}
             |                                                                 ^
          Did you mean 'shadow'?
    """),
    ("count: 100", "count: 100, randomize: {shadow: 3}", """
        floor.yaml:11:73: 'data.sources.drawn.randomize.shadow' must be a number from 0 to 1, but \
is 3
          11 |     drawn: {kind: world, world: floors, count: 100, randomize: {shadow: 3}}
             |                                                                         ^
    """),
    ("organization: Example", "organization: 2024", """
        floor.yaml:5:15: 'organization' must be text that is not empty, but is 2024
           5 | organization: 2024
             |               ^
          Put it in quotes.
    """),
    ("  epochs: 1\n", "  epochs: true\n", """
        floor.yaml:43:11: 'train.epochs' must be a number above 0, but is true
          43 |   epochs: true
             |           ^
    """),
    ("  epochs: 1\n", "  epochs: .nan\n", """
        floor.yaml:43:11: 'train.epochs' must be a number above 0, but is nan
          43 |   epochs: .nan
             |           ^
    """),
    ("  epochs: 1\n", "  validate: {every: epoc}\n", """
        floor.yaml:43:21: 'train.validate.every' must be 'epoch' or a whole number above 0, but is \
'epoc'
          43 |   validate: {every: epoc}
             |                     ^
          Did you mean 'epoch'?
    """),
    ("  epochs: 1\n", "  betas: [0.9]\n", """
        floor.yaml:43:10: 'train.betas' must be a list of 2 numbers, but is a list of 1
          43 |   betas: [0.9]
             |          ^
    """),
    ("  epochs: 1\n", "  lora:\n", """
        floor.yaml:43:3: 'train.lora' must be a mapping, but is empty
          43 |   lora:
             |   ^
    """),
    ("authors:\n  - name: Ada\n", "authors: Ada\n", """
        floor.yaml:3:10: 'authors' must be a list of mappings, at least one, but is 'Ada'
           3 | authors: Ada
             |          ^
    """),
    ("schema: 1", "schema: 2", """
        floor.yaml:1:9: 'schema' must be 1, but is 2
           1 | schema: 2
             |         ^
    """),
    ("title: Floors\n", "title: Floors\nslug: My Floors\n", """
        floor.yaml:3:7: 'slug' must be lowercase letters, digits and single hyphens, but is 'My \
Floors'
           3 | slug: My Floors
             |       ^
    """),
    ("title: Floors\n", "title: Floors\nprofile: test-tune\n", """
        floor.yaml:3:10: 'profile' must be 'test-finetune-test', 'post-training', 'capability' \
or 'benchmark-study', but is 'test-tune'
           3 | profile: test-tune
             |          ^
          Did you mean 'test-finetune-test'?
    """),
    ("  epochs: 1\n", "  epochs: 1\n  epochs: 2\n", """
        floor.yaml:44:3: the key 'epochs' stands here twice (first in line 43)
          44 |   epochs: 2
             |   ^
          Remove one of them.
    """),
    ("title: Floors", "title: !!python/name:os.system Floors", """
        floor.yaml:2:8: the tag '!!python/name:os.system' is not allowed
           2 | title: !!python/name:os.system Floors
             |        ^
          Remove it.
    """),
    ("model:\n  base: tiny", "model: !mine {base: tiny}", """
        floor.yaml:7:8: the tag '!mine' is not allowed
           7 | model: !mine {base: tiny}
             |        ^
          Remove it.
    """),
    ("  epochs: 1\n", "  <<: {epochs: 1}\n", """
        floor.yaml:43:3: merging ('<<') is not allowed
          43 |   <<: {epochs: 1}
             |   ^
          Write the keys out.
    """),
    ("dataset: Drawn.", 'dataset: "\\ud800"', """
        floor.yaml:51:12: half of a character (a lone surrogate)
          51 |   dataset: "\\ud800"
             |            ^
          Remove it.
    """),
    # YAML itself.
    ("  epochs: 1\n", "\tepochs: 1\n", """
        floor.yaml:43:1: this is not YAML: while scanning for the next token, found character \
'\\t' that cannot start any token
          43 |  epochs: 1
             | ^
          Indent with spaces; YAML does not allow tabs there.
    """),
    ("title: Floors", "title: Floors: a story", """
        floor.yaml:2:14: this is not YAML: mapping values are not allowed here
           2 | title: Floors: a story
             |              ^
          Put text that holds ': ' in quotes.
    """),
    ("title: Floors", "title: *Floors*", """
        floor.yaml:2:8: this is not YAML: found undefined alias 'Floors*'
           2 | title: *Floors*
             |        ^
          Put text that begins with '*' in quotes.
    """),
    ("title: Floors", "title: 'Floors", """
        floor.yaml:2:8: this is not YAML: while scanning a quoted scalar, found unexpected end of \
stream
           2 | title: 'Floors
             |        ^
          Close the quote that was opened before.
    """),
    ("title: Floors", "title: \x1b[31mFloors", """
        floor.yaml:2:8: the character U+001B is not allowed
           2 | title: \N{REPLACEMENT CHARACTER}[31mFloors
             |        ^
          Remove it.
    """),
])
def test_error_text(problems: Problems, old: str, new: str, expected: str) -> None:
    said = problems((old, new))
    for_one = said.removesuffix("\n\n1 problem in floor.yaml")
    assert for_one == inspect.cleandoc(expected)


def test_all_problems_are_told_at_once_sorted_by_line(problems: Problems) -> None:
    said = problems(("  epochs: 1\n", "  epoch: 1\n"), ("benchmark: floor", "benchmark: flor"),
                    ("count: 100", "count: 0"), ("conclusion: Done.", "conclusion: '{{ x'"))
    assert [line for line in said.splitlines() if line.startswith("floor.yaml")] == [
        "floor.yaml:11:48: 'data.sources.drawn.count' must be a whole number above 0 and at most "
        "10,000,000, but is 0",
        "floor.yaml:38:14: there is no benchmark 'flor'",
        "floor.yaml:43:3: unknown key 'epoch' in 'train'",
        "floor.yaml:54:15: 'conclusion' is no Jinja template: unexpected end of template, expected "
        "'end of print statement'.",
    ]
    assert said.endswith("\n\n4 problems in floor.yaml")


def test_a_long_line_is_shown_around_the_place(problems: Problems) -> None:
    said = problems(("use_case: Cracks", f"use_case: [{'x, ' * 60}y, !no z]"))
    shown, pointer = said.split("\n\n")[1].splitlines()[1:3]
    assert len(shown) < 110
    assert shown[pointer.index("^") :].startswith("!no z]")
