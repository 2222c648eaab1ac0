"""What a profile asks its author for, and the rules about prose below prose."""

import re
from collections.abc import Callable
from typing import get_args

import pytest

from recipe_kit.spec.profiles import PROFILES, help_for, needs
from recipe_kit.spec.prose import REQUIRED_PROSE, Prose
from recipe_kit.spec.recipe import Recipe

Problems = Callable[..., str]

PROSE = """\
prose:
  overview: |
    Robots should not drive over cracks.
    The model is right in {{ floor.base.cracked.accuracy | pct }} of the cases.
  dataset: Drawn.
  why_not_fine_tuned: Enough.
  why_it_matters: Safer.
  conclusion: Done.
"""
FULL = {
    "post-training": (
        "prose: {overview: a, problem: b, methodology: c, curation: d, conclusion: e, "
        "next_steps: [f]}\n"
    ),
    "capability": (
        "prose: {overview: a, benchmark: b, baseline: c, problem: d, sourcing: e, curation: f, "
        "methodology: g, achievements: [h], lessons: [i], next_steps: [j]}\n"
    ),
}


def profile(name: str, prose: str) -> tuple[tuple[str, str], ...]:
    return (("title: Floors\n", f"title: Floors\nprofile: {name}\n"), (PROSE, prose))


@pytest.mark.parametrize("name", FULL)
def test_the_required_parts_are_enough(problems: Problems, name: str) -> None:
    assert problems(*profile(name, FULL[name])) == "valid"


@pytest.mark.parametrize("name", FULL)
def test_each_required_part_is_asked_for_with_its_heading_and_help(
    problems: Problems, name: str
) -> None:
    said = problems(*profile(name, "resources: []\n"))
    for need in PROFILES[name]:
        told = f"'{need.part}' (heading \"{need.heading}\")\n" in said
        assert told == need.required
        assert (f"\n  Write: {need.help}" in said) == need.required or not need.required
    assert said.count(": the page needs the ") == len(REQUIRED_PROSE[name])


def test_a_missing_text_and_an_empty_list(problems: Problems) -> None:
    prose = FULL["post-training"].replace("problem: b, ", "").replace("[f]", "['  ']")
    line = (
        "  48 | prose: {overview: a, methodology: c, curation: d, conclusion: e, "
        "next_steps: ['  ']}\n     | "
    )
    assert problems(*profile("post-training", prose)) == (
        "floor.yaml:48:1: the page needs the text 'problem' (heading \"## Problem\")\n"
        f"{line}^\n"
        "  Write: Describe the specific problem or task you're addressing. What are the target "
        "benchmarks? What makes this challenging for the base model?\n"
        "\n"
        "floor.yaml:48:66: the page needs the list 'next_steps' (heading \"## Conclusion\")\n"
        f"{line}{' ' * 65}^\n"
        "  Write: Suggestions for what comes next, such as `- Scale up training data`.\n"
        "\n"
        "floor.yaml:48:79: this text is empty\n"
        f"{line}{' ' * 78}^\n"
        "  Write it, or remove it.\n"
        "\n"
        "3 problems in floor.yaml"
    )


@pytest.mark.parametrize(("old", "new", "expected"), [
    ("  dataset: Drawn.\n", "  dataset: Drawn.\n  parameters: {learning_rat: Why}\n",
     "floor.yaml:52:16: there is no setting of 'train' 'learning_rat'\n"
     "  Did you mean 'learning_rate'?"),
    ("  dataset: Drawn.\n", "  dataset: Drawn.\n  parameters: {lora.rank: Why, validate: Why}\n",
     "valid"),
    ("  dataset: Drawn.\n", "  dataset: Drawn.\n  lessons:\n    - good\n    - |\n      one\n"
     "      {{ two\n",
     "floor.yaml:56:7: 'lessons.1' is no Jinja template: unexpected end of template, expected "
     "'end of print statement'.\n"
     "  Numbers are written like {{ floor.base.cracked.accuracy | pct }}."),
    ("  dataset: Drawn.\n",
     "  dataset: Drawn.\n  common_issues: [{issue: slow, solution: '{% if %}'}]\n",
     "floor.yaml:52:43: 'common_issues.0.solution' is no Jinja template: Expected an expression, "
     "got 'end of statement block'\n"
     "  Numbers are written like {{ floor.base.cracked.accuracy | pct }}."),
    ("  dataset: Drawn.\n", "  dataset: Drawn.\n  gaps:\n    category.near: '{{ }}'\n",
     "floor.yaml:53:20: 'gaps.category.near' is no Jinja template: Expected an expression, got "
     "'end of print statement'\n"
     "  Numbers are written like {{ floor.base.cracked.accuracy | pct }}."),
    ("  dataset: Drawn.\n", "  dataset: Drawn.\n  gaps: {category.near: ''}\n",
     "floor.yaml:52:25: this text is empty\n  Write it, or remove it."),
])
def test_prose_below_prose(problems: Problems, old: str, new: str, expected: str) -> None:
    said = problems((old, new))
    lines = said.split("\n\n")[0].splitlines()
    assert "\n".join(line for line in lines if not re.match(r" *\d* +\| ", line)) == expected


def test_every_profile_and_every_part_has_its_place() -> None:
    annotation = Recipe.model_fields["profile"].annotation
    assert tuple(PROFILES) == get_args(annotation)
    for name, places in PROFILES.items():
        parts = [need.part for need in places]
        assert set(parts) <= set(Prose.model_fields)
        assert len(parts) == len(set(parts))
        assert all(need.help.endswith(".") or need.help.endswith("?") for need in places), name


@pytest.mark.parametrize(("tuned", "enough", "here", "away"), [
    (True, False, "methodology", "why_not_fine_tuned"),
    (False, True, "why_not_fine_tuned", "methodology"),
    (True, True, "why_not_fine_tuned", ""),
    (False, False, "conclusion", "why_not_fine_tuned"),
])
def test_each_ending_has_its_words(tuned: bool, enough: bool, here: str, away: str) -> None:
    for name in PROFILES:
        shown = [need.part for need in needs(name, tuned=tuned, enough=enough)]
        parts = [need.part for need in PROFILES[name]]
        assert here in shown or here not in parts
        assert away not in shown
        assert "overview" in shown


@pytest.mark.parametrize(("profile", "part", "instruction"), [
    ("post-training", "overview", "Describe the challenge, why post-training is needed, and your "
     "approach (e.g., LoRA, full fine-tuning, RL)."),
    ("post-training", "problem", "Describe the specific problem or task you're addressing. What "
     "are the target benchmarks? What makes this challenging for the base model?"),
    ("post-training", "baseline",
     "This helps readers understand the starting point and the gaps you identified."),
    ("post-training", "methodology", "Explain your training approach (e.g., Supervised "
     "Fine-Tuning, Reinforcement Learning) and why it suits this use case. Include key benefits "
     "and trade-offs."),
    ("post-training", "curation", "Describe training data sources, preprocessing steps, and "
     "expected format. If possible, explain how your data addresses the specific gaps identified "
     "in the baseline evaluation."),
    ("post-training", "monitoring",
     "Include monitoring, checkpointing, and debugging information"),
    ("post-training", "comparison",
     "Describe evaluation methodology, metrics, and qualitative analysis."),
    ("post-training", "conclusion", "Key achievements and lessons learned"),
    ("capability", "overview", "Describe the capability, the challenge, why post-training is "
     "needed, and your approach (e.g., LoRA, full fine-tuning, RL)."),
    ("capability", "benchmark", "Describe the benchmark you've selected and why it's relevant for "
     "your use case. The benchmark can be existing or self-built, and it can be internal or "
     "external. When adopting a self-built benchmark, please actively seek review and feedback "
     "from other domain experts to avoid the pitfall of making the mission too easy to "
     "accomplish. Our goal is to build something meaningful for the Cosmos models in the long "
     "run."),
    ("capability", "inference", "If using customized scripts, preferably also include the script"),
    ("capability", "baseline", "Document the key findings from your zero-shot evaluation. What "
     "are the specific gaps or weaknesses you identified?"),
    ("capability", "problem", "Describe the specific problem or task you're addressing."),
    ("capability", "sourcing", "Describe the main source of the data for the post-training, and "
     "major challenges encountered."),
    ("capability", "curation", "Describe the data curation pipeline, which tool used to set that "
     "up, and the end results of the curation."),
    ("capability", "sample_contents", "Describe representative samples"),
    ("capability", "methodology", "Why this method; what did you instruct the model to learn?"),
])
def test_the_seeds_instruction_is_the_help(profile: str, part: str, instruction: str) -> None:
    assert instruction in help_for(profile, part)


def test_help_for_a_part() -> None:
    assert help_for("capability", "methodology") == (
        "Why this method; what did you instruct the model to learn?"
    )
    assert help_for("capability", "nothing") == ""
    assert help_for("nothing", "overview") == ""
