"""Pages of the profile `benchmark-study`, against the published recipe that it is made from."""

import json
import re
from pathlib import Path

import pytest
import study_cases as cases
from page_reading import fences, headings, read, tables, within
from seed_headings import BENCHMARK_STUDY, LINGOQA, TRAINED_ONLY

from recipe_kit.cli import main
from recipe_kit.errors import PageError
from recipe_kit.page.render import render
from recipe_kit.page.study.curve_words import turning_points
from recipe_kit.page.study.models import how_asked, zero_shot
from recipe_kit.page.study.observations import observations, summary
from recipe_kit.page.study.places import places
from recipe_kit.page.study.results import by_checkpoint, method
from recipe_kit.page.study.training import steps_sentence
from recipe_kit.record.schemas import Difference, Prediction, Record

UNTRAINED = ("train.method=none", "evaluation.checkpoints=best")


@pytest.fixture(scope="module")
def study() -> Record:
    return cases.study_record(cases.study())


@pytest.fixture(scope="module")
def folder(study: Record, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    render(study, cases.study(), media=cases.study_media(study, out / "media"), out=out / "page")
    return out / "page"


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return read(folder)


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> str:
    out, recipe = tmp_path_factory.mktemp("untrained"), cases.study(*UNTRAINED)
    record = cases.study_record(recipe, tuned=False)
    render(record, recipe, media=cases.study_media(record, out / "media"), out=out / "page")
    return read(out / "page")


def rows_of(page: str, *columns: str) -> list[list[str]]:
    return next(rows for rows in tables(page) if within(list(columns), rows[0]))


def test_every_heading_of_the_recipe_is_there_in_order(page: str) -> None:
    assert within(BENCHMARK_STUDY, headings(page))
    assert set(LINGOQA) <= set(headings(page))
    assert [one for one in headings(page) if one.startswith("### Source")] == [
        "### Source 1: Computer Vision Auto-Captioned Data",
        "### Source 2: Human-Annotated Captions [2]",
        "### Source 3: Reasoning SFT Data",
    ]
    steps = re.findall(r"^\d\. \*\*\[(.+?)\]\(#(.+?)\)\*\*: ", page, re.MULTILINE)
    anchors = [re.sub(r"[^\w]+", "-", heading.lower()).strip("-") for heading in headings(page)]
    assert len(steps) == 6
    assert all(anchor in anchors for _, anchor in steps)


def test_a_study_without_training_ends_after_zero_shot(untrained: str) -> None:
    found = headings(untrained)
    assert not set(TRAINED_ONLY[3:]) & set(found)
    assert within(["## 2. Zero-Shot Evaluation", "### Summary", "## Conclusion"], found)
    assert "Post-Training" not in untrained.split("## 1. Benchmark")[0]
    assert "**Farthest from the reference** (`eval/clip-1`)" in untrained


@pytest.mark.parametrize(("columns", "row"), [
    (("**Model**", "**Workload**", "**Use Case**"),
     ["recipe_kit tiny (5.8 M parameters)", "Post-training",
      "AV video captioning and visual question answering"]),
    (("Category", "Scope", "In the pool", "Asked"),
     ["**Ego Vehicle Behavior**", "Maneuvers, stops, speed", "7", "180"]),
    (("Specification", "`eval`", "`lingoqa`"),
     ["**Resolution**", "1936 × 1220 &#64; 30 fps", "640 × 360 &#64; 1 fps"]),
    (("Category", "n", "recipe_kit tiny", "Small-2B"),
     ["**Overall**", "**1,200**", "**56.7% (53.9–59.5%)**", "**47.8% (44.9–50.6%)**"]),
    (("Model", "Lingo-Judge"), ["Small-2B", "**43.0% (38.7–47.3%)**"]),
    (("Data Source", "Samples", "Weight"),
     ["Human-Labeled (`human_annotated`)", "200", "50%", "180", "50.0%"]),
    (("Data Source", "Samples", "Weight"), ["**Total**", "**800**", "–", "**720**", "**100.0%**"]),
    (("Checkpoint", "BLEU", "From zero-shot"),
     ["**ckpt-60**", "**0.139 (0.130–0.148)**", "**+0.026**", "**+0.014 to +0.038**",
      "**better**", "**recommended**"]),
    (("Checkpoint", "Lingo-Judge", "From zero-shot"),
     ["ckpt-20", "43.0% (38.7–47.3%)", "+1.8 points", "−0.2 to +3.8", "within noise", ""]),
    (("Category", "Zero-shot", "ckpt-60"),
     ["Spatial &amp; Temporal", "140", "38.0%", "44.0%", "+6.0 points", "−1.0 to +13.0",
      "within noise"]),
    (("Checkpoint", "Balance", "BLEU within 1 SE"),
     ["**ckpt-60**", "**+3.40**", "**yes**", "**yes**", "**yes**", "**yes**"]),
])
def test_tables_hold_the_numbers_of_the_record(
    page: str, columns: tuple[str, ...], row: list[str]
) -> None:
    assert row in rows_of(page, *columns)


@pytest.mark.parametrize("said", [
    "> **Example Robotics:** [Ada Example](https://example.org/ada)\\*, Bo Example\\*\n>\n"
    "> **Sample Cars:** Cy Example\n>\n> \\* Equal contribution\n",
    "1. **[Benchmark Definition](#1-benchmark-definition)**: Build a benchmark from the questions "
    "that engineers ask.\n",
    "Of 1,215 question–answer pairs, both gave the same answer to 1,150 and contradicted each "
    "other in 65. Reviewers kept the answer of 30, corrected 20 and removed 15. This leaves "
    "**1,200 verified pairs**.",
    "- Total predictions: 1,200 by each model\n- Videos evaluated: 100\n- Parseable rate: 100.0%\n"
    "- Mean per-video accuracy: 56.6% (±12.6%) for recipe_kit tiny, 47.7% (±12.6%) for Small-2B\n",
    "recipe_kit tiny leads Small-2B by 8.9 points (95% interval +5.9 to +11.9: beyond noise).",
    "The zero-shot evaluation reveals capability gaps that inform the data curation, particularly "
    "in Spatial &amp; Temporal (38.0%).",
    "**Video specifications**: 5–20 seconds per clip, 17.0 MB average size, 1936 × 1220, 30 fps.",
    "**Training Data Preview** (10×10 random sample from the training dataset):\n\n"
    '<video controls width="800">\n  <source src="assets/training-grid.mp4" type="video/mp4">\n'
    "</video>\n",
    "<details>\n<summary>Click to expand annotation JSON</summary>\n\n```json\n{\n",
    "100 optimizer steps of at most 16 samples took 1,584 samples: 2.2 times the 720 samples of an "
    "epoch. 5 checkpoints were kept and evaluated, after steps 20, 40, 60, 80 and 100.",
    "<b>Fine-tuned</b> (BLEU 0.430)<br><mark>The ego vehicle drives straight on a wet road and "
    "stops behind a</mark> truck.",
    "Zero-shot: ✗ “It is parked.”<br>Fine-tuned: ✓ “The light is red.”",
    "[1] Example, A. (2024). **A Benchmark**.\n\n[2] ",
    "1. **Data Composition**: Other shares of the sources.\n",
])
def test_the_page_says(page: str, said: str) -> None:
    assert said in page


@pytest.mark.parametrize("observed", [
    "- **Peak Performance**: ckpt-40 and ckpt-80 achieve the highest BLEU (0.142), **an "
    "improvement of 0.029** (+25.7%; 95% interval +0.017 to +0.041) over the zero-shot baseline "
    "(0.113). They are the best of 5 checkpoints on these questions.",
    "- **Peak Performance**: ckpt-40 achieves the highest Lingo-Judge (44.0%). Against the "
    "zero-shot baseline (41.2%) this is +2.8 points, 95% interval −1.2 to +6.8, within noise: **no "
    "improvement to count on**.",
    "- **Stability**: The 5 checkpoints lie between 60.9% and 74.0%; all of them exceed the "
    "baseline beyond noise.",
    "- **Training Dynamics**: From the zero-shot baseline (56.7%), the score rises to ckpt-60 "
    "(74.0%), then falls to ckpt-100 (65.4%).",
    "- **Training Dynamics**: The score stays where it was: no move along the training is larger "
    "than the intervals.",
    "- **Over-fitting**: From ckpt-60 to ckpt-100 the score falls by 8.6 points (95% interval "
    "+6.6 to +10.6), beyond noise: training beyond ckpt-60 made it worse.",
    "- **Over-fitting**: The drop from ckpt-40 to ckpt-100 (1.8 points, 95% interval −2.2 to +5.8) "
    "is within noise, so it shows no over-fitting.",
    "- **Category Range**: At ckpt-60, accuracy lies between 44.0% and 85.0%, with Spatial &amp; "
    "Temporal the most challenging (baseline 38.0%, peak 44.0% at ckpt-60) and Scene Description "
    "the strongest (baseline 66.0%, peak 85.0% at ckpt-60).",
    "- **Checkpoint Divergence**: Unlike MCQ-based VQA, which peaks at ckpt-60, LingoQA peaks at "
    "ckpt-40; on the split that checkpoints are chosen on, ckpt-60 still lies within one standard "
    "error of the best score.",
    "- **Generalization**: No source of this benchmark was trained on; the change at ckpt-60 (+1.6 "
    "points) is within noise, which shows no generalization.",
    "- **Length**: captions grow shorter while training.",
    "- **Fine-Tuning Success**: At ckpt-60, 2 of 3 metrics improve over the zero-shot baseline "
    "beyond noise: BLEU (+0.026, +23.0%) and MCQ-based VQA (+17.3 points); within noise: LingoQA "
    "(+1.6 points).",
    "    - **ckpt-40 & 80**: best for BLEU (0.142)\n"
    "    - **ckpt-60**: best for MCQ-based VQA (74.0%)\n"
    "    - **ckpt-40**: best for LingoQA (44.0%; within noise of zero-shot)\n",
    "- **Category Performance**: At ckpt-60, MCQ-based VQA shows: Scene Description (strongest, "
    "85.0%) > Characters &amp; Interactions (80.0%) > Key Objects (77.0%) > Ego Vehicle Behavior "
    "(74.0%) > Actions &amp; Motion (70.0%) > Spatial &amp; Temporal (most challenging, 44.0%).",
    "- **Training Dynamics**: Performance peaks at ckpt-40 to ckpt-80, depending on the metric, "
    "with over-fitting beyond noise after that: MCQ-based VQA falls to 65.4% by ckpt-100.",
    "- **Recommended Checkpoint**: **ckpt-60**. Among the checkpoints",
])
def test_observations_are_sentences_about_the_numbers(page: str, observed: str) -> None:
    assert observed in page


def corrected(study: Record, p: float) -> Record:
    """The study with every checkpoint's difference on LingoQA corrected to within noise."""
    def worthless(found: Difference) -> Difference:
        return found.model_copy(update={"better": None, "p": p / 5, "p_adjusted": p})

    return study.model_copy(update={
        "checkpoints": tuple(
            one.model_copy(update={"test": {**one.test, "lingoqa": {
                name: task.model_copy(update={"against_base": {
                    metric: worthless(found) for metric, found in task.against_base.items()
                }}) for name, task in one.test["lingoqa"].items()
            }}}) for one in study.checkpoints
        ),
        "best": tuple(
            one.model_copy(update={"difference": worthless(one.difference)})
            if one.benchmark == "lingoqa" else one for one in study.best
        ),
        "comparisons": tuple(
            one.model_copy(update={"tasks": {
                name: task.model_copy(update={"differences": {
                    metric: found.model_copy(update={"better": True, "p": p / 5})
                    for metric, found in task.differences.items()
                }}) for name, task in one.tasks.items()
            }}) if one.benchmark == "lingoqa" else one for one in study.comparisons
        ),
    })


def test_the_recommended_checkpoint_has_one_verdict_everywhere(study: Record) -> None:
    record = corrected(study, 0.08)
    (lingo,) = (one for one in places(record) if one.benchmark == "lingoqa")
    verdicts = {
        row.split(" | ")[0].strip("|* "): row.split(" | ")[4].split(" (p")[0].strip("* ")
        for row in by_checkpoint(record, lingo).splitlines()[2:]
    }
    assert verdicts == {
        "zero-shot": "–", "ckpt-20": "within noise", "ckpt-40": "within noise",
        "ckpt-60": "better", "ckpt-80": "within noise", "ckpt-100": "within noise",
    }
    told = observations(record, lingo, {})
    assert "within noise; p is corrected for 5 checkpoints: **no improvement" in told
    assert "p = 0.080" in told
    assert "1 of them exceeds the baseline beyond noise" in told
    assert "the p-values of all others are multiplied by the number" in method(record)


def test_a_peak_that_validation_chose_is_not_said_to_be_corrected(study: Record) -> None:
    record = study.model_copy(update={"comparisons": tuple(
        one.model_copy(update={"tasks": {
            name: task.model_copy(update={"differences": {
                metric: found.model_copy(update={"p": 0.001, "p_adjusted": 0.001})
                for metric, found in task.differences.items()
            }}) for name, task in one.tasks.items()
        }}) for one in study.comparisons
    )})
    (vqa,) = (one for one in places(record) if one.benchmark == "av_vqa")
    told = observations(record, vqa, {})
    assert "It is the best of 5 checkpoints on these questions." in told
    assert "corrected" not in told


@pytest.mark.parametrize(("gone", "told"), [
    ((), "2 of 3 metrics improve over"),
    (("lingoqa",), "both metrics improve over"),
    (("av_vqa",), "1 of 2 metrics improves over"),
    (("av_caption", "lingoqa"), "the metric improves over"),
])
def test_improving_metrics_are_counted_in_words(
    study: Record, gone: tuple[str, ...], told: str
) -> None:
    record = study.model_copy(update={
        "comparisons": tuple(one for one in study.comparisons if one.benchmark not in gone),
    })
    assert f"**: At ckpt-60, {told} the zero-shot baseline beyond noise" in summary(record, [])


def test_one_checkpoint_is_no_plural(study: Record) -> None:
    record = study.model_copy(update={"checkpoints": study.checkpoints[:2]})
    assert steps_sentence(record).endswith("1 checkpoint was kept and evaluated, after step 20.")


def test_what_is_blanked_is_a_video(page: str) -> None:
    assert "With the video blanked, the base model scores" in page
    assert "the base model with the video blanked 34.0%" in page
    assert "picture blanked" not in page


def test_no_improvement_is_claimed_within_noise(page: str) -> None:
    for line in page.splitlines():
        if "within noise" in line and "| **" not in line and not line.startswith(("|", "- **Fine")):
            assert "an improvement of" not in line, line


@pytest.mark.parametrize(("values", "noise", "expected"), [
    ((0.5, 0.6, 0.7, 0.65, 0.6), 0.04, [(0, 0.5), (2, 0.7), (4, 0.6)]),
    ((0.5, 0.6, 0.7, 0.69, 0.68), 0.04, [(0, 0.5), (2, 0.7)]),
    ((0.5, 0.51, 0.49, 0.52), 0.04, [(0, 0.5)]),
    ((0.5, 0.4, 0.6, 0.5), 0.05, [(0, 0.5), (1, 0.4), (2, 0.6), (3, 0.5)]),
    ((0.5,), 0.05, [(0, 0.5)]),
])
def test_a_curve_turns_where_a_move_exceeds_the_noise(
    values: tuple[float, ...], noise: float, expected: list[tuple[int, float]]
) -> None:
    assert turning_points(list(enumerate(values)), noise) == expected


@pytest.mark.parametrize(("move", "told"), [
    ((0.113, 0.09, 0.08, 0.085, 0.07, 0.06), "**Peak Performance**: No checkpoint exceeds the "
     "zero-shot baseline, 0.113 BLEU."),
])
def test_a_training_that_helps_nothing_is_told_so(
    study: Record, tmp_path: Path, move: tuple[float, ...], told: str
) -> None:
    best = next(one for one in study.best if one.metric == "bleu")
    level = best.model_copy(update={
        "steps": (0,), "value": move[0],
        "difference": cases.difference("bleu", move[0], move[0], 100, 0.01),
    })
    record = study.model_copy(update={
        "best": tuple(level if one.metric == "bleu" else one for one in study.best)
    })
    media = cases.study_media(record, tmp_path / "media")
    render(record, cases.study(), media=media, out=tmp_path / "page")
    page = read(tmp_path / "page")
    assert told in page
    assert "    - **zero-shot**: best for BLEU (0.113)\n" in page


def test_videos_are_plain_and_code_blocks_in_their_order(page: str, folder: Path) -> None:
    assert len(re.findall(r'^<video controls width="800">$', page, re.MULTILINE)) == 4
    assert "poster" not in page
    shown = set(re.findall(r'src="assets/([^"]+)"', page))
    files = {path.name for path in (folder / "assets").iterdir()}
    assert shown == files - {"SHA256SUMS", "record.json"}
    assert within(["json", "json", "json", "toml", "bash", "bash", "bash"], fences(page))
    annotations = re.findall(r"</summary>\n\n.*?(`{3,})json\n(.*?)\n\1\n", page, re.DOTALL)
    assert json.loads(annotations[0][1]) == {
        "weather": "Rain", "driving_difficulty": 2, "interesting": None,
    }


def test_words_on_a_category_that_there_is_not(study: Record, tmp_path: Path) -> None:
    recipe = cases.study("prose.requirements={Scene Descripton: x}")
    with pytest.raises(PageError) as caught:
        render(study, recipe, media=cases.study_media(study, tmp_path / "m"), out=tmp_path / "p")
    assert str(caught.value) == (
        "study.yaml (prose.requirements): there is no category 'Scene Descripton'\n"
        "  To mend it: Did you mean 'Scene Description'?"
    )


def test_the_commands_of_the_page_are_commands(page: str) -> None:
    shown = re.findall(r"^```bash[^\n]*\n(recipe .*?)\n```$", page, re.MULTILINE | re.DOTALL)
    asked = [line for block in shown for line in block.replace("\\\n", "").splitlines()]
    known = {name: {one for parameter in command.params for one in parameter.opts}
             for name, command in main.commands.items()}
    used = {name: set(re.findall(r" (--[\w-]+)", line)) for line in asked
            for name in [line.split()[1]] if line.startswith("recipe ")}
    assert set(used) == {"run", "infer", "plot", "validate", "verify"}
    assert all(options <= known[name] for name, options in used.items())
    listed = set(re.findall(r"^- `(--[\w-]+)`: ", page, re.MULTILINE))
    assert listed <= known["infer"] | known["plot"]
    assert listed >= {"--model", "--checkpoint", "--benchmark", "--metric", "--outputs-dir"}


def test_models_behind_servers_take_the_frames_themselves(study: Record) -> None:
    endpoint = {"url": "http://localhost", "video": "video"}
    spec = json.loads(json.dumps(study.spec))
    spec["model"]["compare"]["small"]["endpoint"] = endpoint
    told = how_asked(study.model_copy(update={"spec": spec}))
    assert told.endswith(
        "A model that is loaded here sees 8 frames of each video, of 3,136 to 16,384 pixels each. "
        "[Small-2B](https://huggingface.co/example/small-2b) gets the file of each video, and the "
        "server takes its frames."
    )
    spec["model"]["compare"]["small"]["endpoint"] = endpoint | {"video": "frames"}
    told = how_asked(study.model_copy(update={"spec": spec}))
    assert told.endswith("Each model sees 8 frames of each video, of 3,136 to 16,384 pixels each.")


@pytest.mark.parametrize(("source", "said"), [
    ("text", "the answer that was read in the text, because the server reports no probabilities"),
    ("top_logprobs", "the likeliest tokens that the server reports where the answer begins"),
])
def test_where_probabilities_come_from_is_said(study: Record, source: str, said: str) -> None:
    line = Prediction(
        question="q", text="A", answer="A", probabilities={"A": 1.0}, mass=0.0, confidence=1.0,
        prompt="", model="small", revision="", timestamp="", latency_s=0.1, digest="",
        probabilities_from=source,
    )
    evaluations = tuple(
        one.model_copy(update={"log_line": line}) if one.role == "compare-small" else one
        for one in study.evaluations
    )
    found = zero_shot(study.model_copy(update={"evaluations": evaluations}))
    assert f"Probabilities of Small-2B: {said}" in found[0]["details"]
    assert "Probabilities of" not in zero_shot(study)[0]["details"]
