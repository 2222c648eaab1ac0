"""Rules of worlds of clips and of annotated subdirectories: what is said, and where."""

from collections.abc import Callable

import pytest

Problems = Callable[..., str]
WORLD = "{kind: world, world: floors, count: 100}"


def said(text: str) -> list[str]:
    """Each problem on one line: LINE:COLUMN cause / advice."""
    lines = [block.splitlines() for block in text.split("\n\n")[:-1]]
    return [one[0].removeprefix("floor.yaml:") + (f" / {one[3].strip()}" if len(one) > 3 else "")
            for one in lines]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{kind: world, world: floors, count: 9, seconds: 2}",
         "11:51: 'seconds' is for clips, and 'floors' draws pictures / Remove the key."),
        ("{kind: world, world: floors, count: 9, weights: []}",
         "11:51: 'weights' is for clips, and 'floors' draws pictures / Remove the key."),
        ("{kind: world, world: driving, count: 9, width: 97}",
         "11:59: a video's width is even, and 97 is odd / Write 98."),
        ("{kind: world, world: driving, count: 9, seconds: 1.5}",
         "11:61: 1.5 s are too short for anything to happen / Write 2 or more."),
        ("{kind: world, world: driving, count: 9, subdirectories: [human_anotated]}",
         "11:69: there is no format of annotations 'human_anotated' / Did you mean "
         "'human_annotated'?"),
        ("{kind: world, world: driving, count: 9, subdirectories: [cv_annotated], weights: [1, 2]}",
         "11:93: 2 weights for 1 subdirectory / Give one weight for each subdirectory, in their "
         "order, or none."),
        ("{kind: world, world: driving, count: 9, weights: [1]}",
         "11:61: 1 weight for 0 subdirectories / Give one weight for each subdirectory, in their "
         "order, or none."),
        ("{kind: annotations, path: av, subdirectories: [a, b], weights: [1]}",
         "11:75: 1 weight for 2 subdirectories / Give one weight for each subdirectory, in their "
         "order, or none."),
        ("{kind: annotations, path: av, subdirectories: [a, b, a]}",
         "11:65: the subdirectory 'a' is named twice / Name it once; give it more weight to draw "
         "it more often."),
        ("{kind: annotations, path: av, subdirectories: [people], counts: {poeple: 3}}",
         "11:77: there is no subdirectory 'poeple' / Did you mean 'people'?"),
        ("{kind: annotations, path: av, subdirectories: [a], prompts: {humans: x}}",
         "11:73: there is no format of annotations 'humans' / Did you mean 'human'?"),
        ("{kind: annotations, path: av, subdirectories: [a], targets: {x: y}}",
         "11:73: there is no format of annotations 'x' / Known: human, cv, reasoning."),
    ],
)
def test_what_is_wrong_with_clips(problems: Problems, source: str, expected: str) -> None:
    assert expected in said(problems((WORLD, source)))


@pytest.mark.parametrize("source", [
    "{kind: world, world: driving, count: 9, subdirectories: [cv_annotated, reason1_sft], "
    "weights: [1, 2]}",
    "{kind: world, world: driving, count: 9, subdirectories: [cv_annotated]}",
    "{kind: annotations, path: av, subdirectories: [a, b], weights: [0.3, 5], counts: {a: 3}, "
    "prompts: {cv: What?}, targets: {human: safety_analysis}}",
])
def test_what_is_right_with_clips(problems: Problems, source: str) -> None:
    # Labels of the valid recipe are not those of clips; nothing else is said.
    found = said(problems((WORLD, source)))
    assert not [one for one in found if one.startswith("11:")]


@pytest.mark.parametrize("weight", ["0", "-1", ".nan", ".inf", "x"])
def test_a_weight_is_a_positive_number(problems: Problems, weight: str) -> None:
    source = "{kind: annotations, path: av, subdirectories: [a], weights: [" + weight + "]}"
    assert any(one.startswith("11:73: ") for one in said(problems((WORLD, source))))
