"""What the page says about fine-tuning: settings, validation, why it stopped."""

import io
from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.representer import RoundTripRepresenter

from recipe_kit.page import numbers
from recipe_kit.page.markdown import Md, code, fold, table, text
from recipe_kit.record.schemas import Recommendation, Record, TrainingResult, Validation
from recipe_kit.spec.train import Train

_COLUMN = 34  # where the comments of the configuration begin


class _Representer(RoundTripRepresenter):
    """Writes an absent value as `null`, where ruamel would leave the place empty."""


_Representer.add_representer(
    type(None), lambda self, _: self.represent_scalar("tag:yaml.org,2002:null", "null")
)


def main(record: Record) -> TrainingResult | None:
    """The training that the page is about; the others are ablations."""
    return next((one for one in record.training if one.role == "tuned"), None)


def configuration(record: Record) -> Md:
    """The whole configuration with every default, each key explained."""
    yaml = YAML()
    yaml.Representer = _Representer
    yaml.width = 200
    target = io.StringIO()
    yaml.dump(CommentedMap({"train": _explained(record.spec["train"], Train, 2)}), target)
    name = PurePosixPath(record.recipe).name
    return fold(f"Training configuration: {name}", target.getvalue(), "yaml")


def _explained(values: dict[str, Any], part: type[BaseModel], indent: int) -> CommentedMap:
    found = CommentedMap()
    fields: dict[str, FieldInfo] = {
        field.alias or name: field for name, field in part.model_fields.items()
    }
    for name, value in values.items():
        field = fields.get(name) or fields.get(name.rstrip("_"))
        below = field.annotation if field else None
        if isinstance(value, dict) and isinstance(below, type) and issubclass(below, BaseModel):
            found[name] = _explained(value, below, indent + 2)
        else:
            found[name] = _flow(value)
            if field and field.description:
                found.yaml_add_eol_comment(" ".join(field.description.split()), name, _COLUMN)
    return found


def _flow(value: Any) -> Any:
    """Lists and plain mappings on one line, so that their comment stands beside them."""
    if isinstance(value, dict):
        inner = CommentedMap({key: _flow(below) for key, below in value.items()})
        inner.fa.set_flow_style()
        return inner
    if isinstance(value, list | tuple):
        row = CommentedSeq(value)
        row.fa.set_flow_style()
        return row
    return value


def facts(record: Record) -> Md:
    """What the training did, in a table."""
    training = main(record)
    if training is None:
        return Md("")
    method = {"lora": "LoRA adapters (PEFT)", "full": "all weights"}.get(
        training.method, training.method
    )
    share = training.trainable_parameters / max(training.parameters, 1)
    rows: list[list[object]] = [
        ["Method", f"Supervised fine-tuning, {method}"],
        [
            "Trained parameters",
            f"{numbers.num(training.trainable_parameters)} of "
            f"{numbers.num(training.parameters)} ({numbers.pct(share)})",
        ],
        ["Training questions per epoch", numbers.num(training.questions)],
        [
            "Optimizer steps",
            f"{numbers.num(training.steps)} of {numbers.num(training.planned_steps)} planned "
            f"({numbers.epochs(training.epochs)})",
        ],
        ["Time", f"{numbers.duration(training.seconds)} on {record.provenance.device}"],
    ]
    if training.peak_memory_bytes:
        rows.append(["Peak memory", numbers.size(training.peak_memory_bytes)])
    return table(["Training", "Value"], rows)


def validations(record: Record) -> Md:
    """The seed's validation table; the chosen checkpoint in bold."""
    training = main(record)
    if training is None:
        return Md("")
    rows = []
    for line in training.validations:
        cells: list[object] = [
            f"{line.epoch:.3g}", numbers.num(line.step), f"{line.train_loss:.3f}",
            f"{line.val_loss:.3f}", numbers.pct(line.val_accuracy) if line.val_n else "–",
        ]
        if line.best:
            cells = [Md(f"**{text(cell)}**") for cell in cells]
            rows.append([*cells, Md("**best**" if record.recommendation else "**best, chosen**")])
        else:
            rows.append([*cells, ""])
    headers = ["Epoch", "Step", "Train Loss", "Val Loss", "Val Accuracy", ""]
    return table(headers, rows, "rrrrrl")


def stop_sentence(record: Record) -> Md:
    """Why training ended, and which checkpoint was taken."""
    training = main(record)
    if training is None:
        return Md("")
    best = next((line for line in training.validations if line.best), None)
    chosen = (
        f" The checkpoint of step {numbers.num(best.step)} was chosen on validation "
        f"({_by(best)}), never on test."
        if best
        else ""
    )
    if record.recommendation:
        chosen = f" {recommended(record.recommendation)}"
    stopped = text(training.stopped).rstrip(".")
    return Md(f"**Why it stopped:** {stopped}.{chosen}")


def recommended(found: Recommendation) -> str:
    """Which of all checkpoints is the result, and on what it was chosen."""
    on = (
        "the validation samples, never on test" if found.split == "val"
        else "the test samples, for want of validation samples"
    )
    return (
        f"Each of the {numbers.counted(len(found.candidates), 'saved checkpoint')} was asked "
        f"everything; that of step {numbers.num(found.step)} is recommended by a rule on {on}."
    )


def _by(best: Validation) -> str:
    """What a checkpoint was chosen by; where only texts are learned, nothing is right or wrong."""
    if not best.val_n:
        return f"loss {best.val_loss:.3f}"
    return f"accuracy {numbers.pct(best.val_accuracy)}, n = {numbers.num(best.val_n)}"


def ablation_blends(record: Record) -> dict[str, Md]:
    """What each training was trained on, by role: shares of what was drawn."""
    return {
        training.role: Md(
            ", ".join(f"{numbers.pct(share, 0)} {code(name)}" for name, share in
                      training.drawn.items())
        )
        for training in record.training
    }
