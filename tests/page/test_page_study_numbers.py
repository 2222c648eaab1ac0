"""Numbers of a study in the author's words: by name, and pointed out where they are typed."""

import pytest
import study_cases as cases

from recipe_kit.page.names import names
from recipe_kit.page.typed import typed_problems
from recipe_kit.record.schemas import Record
from recipe_kit.spec.problems import Document


@pytest.fixture(scope="module")
def study() -> Record:
    return cases.study_record(cases.study())


@pytest.mark.parametrize(("text", "advice"), [
    ("ckpt-60 reaches an accuracy of 74.0% on av_vqa.", "av_vqa.ckpt_60.accuracy | pct"),
    ("The highest BLEU is 0.142, at checkpoint 40.", "av_caption.ckpt_40.bleu | num(3)"),
    ("BLEU at ckpt-80 is 0.150.", "av_caption.ckpt_80.bleu | num(3)"),
    ("At ckpt-20 the accuracy is 65.0%.", "av_vqa.ckpt_20.accuracy | pct"),
    ("Small-2B scores an accuracy of 50.1%.", "av_vqa.compare_small.accuracy | pct"),
    ("The Lingo-Judge score of the base model is 41.2%.", "lingoqa.base.lingo_judge | pct"),
    ("The fine-tuned model gains 17.3 points.", "av_vqa.change.accuracy | points"),
    ("Weights are 30%, 50% and 20%.", ""),
    ("It has a Spearman correlation of 0.95 with people.", ""),
    ("Another model scores 60.9% elsewhere.", ""),  # which is ckpt-20's, by chance
])
def test_numbers_of_a_study_that_were_typed_by_hand(
    study: Record, text: str, advice: str
) -> None:
    document = Document("x.yaml", (), {"prose": {"observations": {"av_vqa": [text]}}}, {})
    found = [one.fix for one in typed_problems(study, document)]
    assert len(found) == bool(advice)
    assert all(f"Write {{{{ {advice} }}}}" in one for one in found)


@pytest.mark.parametrize(("name", "value"), [
    ("recommended.step", 60), ("checkpoints", 5), ("best.av_caption.caption.bleu.step", 40),
    ("av_vqa.pool.corrected", 20), ("av_vqa.pool.questions", 50),
    ("av_vqa.base.per_video.videos", 100), ("av_vqa.base.vqa.per_video.sd", 0.126),
])
def test_names_of_a_study(study: Record, name: str, value: float) -> None:
    assert names(study)[name][0] == value
