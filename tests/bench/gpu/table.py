"""The page of the figures: from the JSON files of the parts to `docs/reference/benchmarks.md`."""

import json
from pathlib import Path
from typing import Any

TITLES = {
    "evaluation": "Evaluation", "training": "Training", "decode": "Decoding",
    "parallel": "Several GPUs", "profile": "Where the time goes",
}  # fmt: skip
HEAD = """# Benchmarks on a GPU

Measured with `nox -s bench -- gpu` (`tests/bench/gpu/`), which anyone with such a GPU can repeat.
The models are Qwen3-VL at its real sizes with random weights, so nothing is downloaded and no
answer means anything; speed and memory are those of real weights. The work is that of the example
in the tests: videos of 16 frames of 448 × 736 pixels (a grid of 8 × 28 × 46 patches, 2,576 visual
tokens), 11 questions with four options about each of 455 videos.

Baselines are measured in the same process and on the same GPU, with transformers as it is
(`sdpa`), and are given their inputs ready on the GPU. Ours begins at decoded frames on disk and
ends at predictions, or at a step of the optimizer. Shares are of the matrix product measured in the
same run. Operations are those the work needs (`recipe_kit/model/flops.py`): nothing twice and no
padding, but in training with what checkpointing computes again. A part that was run more than once
stands here as often, the latest run last.
"""


def table(folder: Path) -> str:
    """The whole page.

    Args:
        folder: JSON files, one for each run of a part, or one file that holds all of them.
    """
    parts = load(folder)
    lines = [HEAD]
    for name, title in TITLES.items():
        mine = [part for part in parts if part["part"] == name]
        if not mine:
            lines += [f"## {title}\n", "Not run.\n"]
        for number, part in enumerate(mine, start=1):
            same = [one for one in mine if one["size"] == part["size"]]
            again = f" (run {number} of {len(same)})" if len(same) > 1 else ""
            lines += _part(f"{title}, {part['size'].upper()}{again}", part)
    return "\n".join(lines).rstrip()


def load(folder: Path) -> list[dict[str, Any]]:
    """The parts, in the order of the page."""
    if folder.is_file():
        return list(json.loads(folder.read_text("utf-8")))
    found = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*-*.json"))]
    sizes = ["8b", "2b", "tiny"]
    order = list(TITLES)
    return sorted(found, key=lambda one: (order.index(one["part"]), sizes.index(one["size"])))


def _part(title: str, part: dict[str, Any]) -> list[str]:
    machine = dict(part["machine"])
    device, date = machine.pop("device"), machine.pop("date")
    versions = ", ".join(f"{name} {value}" for name, value in machine.items())
    lines = [f"## {title}\n", f"{device}; {versions}; {date}.\n"]
    lines += ["| what | bar | measured |", "| --- | --- | --- |"]
    lines += [
        f"| {row['what']} | {row['bar'] or '–'} | {row['measured']} |" for row in part["rows"]
    ]
    lines += [f"| {name} | – | not measured: {_short(why)} |"
              for name, why in part["left_out"].items()]
    lines.append("")
    if part["facts"]:
        lines += [_facts(part["facts"]) + "\n"]
    for row in part["rows"]:
        lines += _others(row)
    return lines


def _facts(facts: dict[str, Any]) -> str:
    said = {
        name: ", ".join(map(str, value)) if isinstance(value, list) else value
        for name, value in facts.items()
    }
    return "; ".join(f"{name.replace('_', ' ')}: {value}" for name, value in said.items()) + "."


def _others(row: dict[str, Any]) -> list[str]:
    """Every answer that is not the reference's, and how near a tie it was."""
    others = row["numbers"].get("others")
    if not others:
        return []
    lines = [f"{row['what']}: answers that differ, and the gap between the two probabilities.\n",
             "| question | reference | ours | gap |", "| --- | --- | --- | ---: |"]
    lines += [f"| {one['question']} | {one['theirs']} | {one['ours']} | {one['gap']:.4f} |"
              for one in others]
    return [*lines, ""]


def _short(why: str) -> str:
    return " ".join(why.split()).replace("|", "/")[:200]
