"""The judge against a literal reimplementation of its authors' code, on a tiny classifier."""

from pathlib import Path
from typing import Any

import pytest
import torch
from judges import save_judge
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    PreTrainedTokenizerFast,
)

from recipe_kit.engine.judge import Judge
from recipe_kit.errors import ModelError
from recipe_kit.model.judges import find_judge, judge_revision

ASKED = [
    ("What is it?", ["A van.", "a van"], "  A VAN. \n"),
    ("Is it Yes?", ["no", "yes it is", "two"], "Yes"),
    ("What?", ["two"], ""),
    ("What is it? " * 60, ["no", "a van"], "no"),  # longer than 128 tokens
]


def as_its_authors(folder: Path, question: str, references: list[str], student: str) -> float:
    tokenizer: Any = PreTrainedTokenizerFast.from_pretrained(folder)
    model = BertForSequenceClassification.from_pretrained(folder).eval()
    scores = []
    for reference in references:
        text = (
            "[CLS]\nQuestion: " + question + "\nAnswer: " + reference.lower().strip()
            + "\nStudent: " + student.lower().strip()
        )
        ids = tokenizer.encode(text)
        if len(ids) > 128:
            ids = [*ids[:127], 3]
        with torch.no_grad():
            scores.append(model(input_ids=torch.tensor([ids])).logits.squeeze().item())
    return max(scores)


@pytest.mark.parametrize("pickled", [False, True])
def test_logits_are_those_of_its_authors_code(tmp_path: Path, pickled: bool) -> None:
    folder = save_judge(tmp_path / "judge", pickled=pickled)
    judge = Judge(find_judge("judge", recipe_dir=tmp_path))
    found = judge.logits(*(list(column) for column in zip(*ASKED, strict=True)))
    plain = save_judge(tmp_path / "plain")
    expected = [as_its_authors(plain, *one) for one in ASKED]
    assert found == pytest.approx(expected, abs=1e-5)
    assert len({round(one, 4) for one in found}) == len(ASKED)
    assert folder.name == "judge"


def test_only_answers_are_lower_cased(tmp_path: Path) -> None:
    save_judge(tmp_path / "judge")
    judge = Judge(find_judge("judge", recipe_dir=tmp_path))
    one, same, other = judge.logits(
        ["What?", "What?", "what?"], [["yes"], ["YES "], ["yes"]], ["no", " NO", "no"]
    )
    assert one == same
    assert one != other


def test_a_judge_is_named_by_what_is_in_it(tmp_path: Path) -> None:
    save_judge(tmp_path / "judge")
    save_judge(tmp_path / "other", seed=1)
    judge, other = (find_judge(name, recipe_dir=tmp_path) for name in ("judge", "other"))
    assert judge_revision(judge) != judge_revision(other)
    assert Judge(judge).title == f"judge@{judge_revision(judge)[:12]}"


def test_a_classifier_with_several_outputs_is_no_judge(tmp_path: Path) -> None:
    save_judge(tmp_path / "judge", labels=3)
    with pytest.raises(ModelError, match="a classifier with 3 outputs; a judge has one"):
        Judge(find_judge("judge", recipe_dir=tmp_path))


def test_a_model_without_a_classifier_is_no_judge(tmp_path: Path) -> None:
    folder = save_judge(tmp_path / "judge")
    BertModel(BertConfig.from_pretrained(folder)).save_pretrained(folder)
    with pytest.raises(ModelError, match="lacks 2 weights of a sequence classifier"):
        Judge(find_judge("judge", recipe_dir=tmp_path))


def test_there_is_no_such_judge(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no such folder"):
        find_judge("nobody", recipe_dir=tmp_path)


def test_a_judge_runs_no_code(tmp_path: Path) -> None:
    folder = save_judge(tmp_path / "judge", pickled=True)
    touched = tmp_path / "touched"
    code = f"cbuiltins\nexec\n(Vopen({str(touched)!r}, 'w')\ntR."
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x02" + code.encode())
    with pytest.raises(ModelError, match="its weights hold more than numbers"):
        Judge(find_judge("judge", recipe_dir=tmp_path))
    assert not touched.exists()
