"""What the page says about how the model was trained: approach, parameters, log, checkpoints."""

from collections.abc import Mapping
from typing import Any

from recipe_kit.page import numbers
from recipe_kit.page.about_gaps import in_item
from recipe_kit.page.about_training import main, recommended
from recipe_kit.page.markdown import Md, fence, text
from recipe_kit.record.schemas import Record, Validation

_LOG_LINES = 12  # of the training curve


def approach(record: Record) -> Md:
    """How the model was trained, in a sentence."""
    training = main(record)
    if training is None:
        return Md("")
    spec = record.spec["train"]
    share = training.trainable_parameters / max(training.parameters, 1)
    trained = (
        f"{numbers.num(training.trainable_parameters)} of "
        f"{numbers.num(training.parameters)} parameters ({numbers.pct(share)}) are trained"
    )
    if spec["method"] == "lora":
        where = "the vision tower included" if spec["lora"]["vision"] else "the language model only"
        how = f"LoRA adapters of rank {spec['lora']['rank']} ({where})"
    else:
        frozen = ", the vision tower frozen" if spec["freeze_vision"] else ""
        how = f"full fine-tuning of the weights{frozen}"
    return Md(f"Supervised fine-tuning (SFT) with {how}; {trained}.")


def parameters(record: Record, said: Mapping[str, Md]) -> Md:
    """The key parameters, each with its value and why it has it.

    Args:
        record: The record.
        said: The author's rationales, by the setting's name.
    """
    training, spec = main(record), record.spec["train"]
    steps = (
        f"; {numbers.num(training.steps)} of {numbers.num(training.planned_steps)} planned "
        "optimizer steps were done"
        if training
        else ""
    )
    batches = f" × {spec['accumulate']} accumulated" if spec["accumulate"] > 1 else ""
    rows: list[tuple[str, str, tuple[str, ...]]] = [
        (
            "Learning Rate",
            f"{spec['learning_rate']:g} (AdamW; {numbers.pct(spec['warmup'], 0)} warm-up, then a "
            f"cosine down to {numbers.pct(spec['final_learning_rate'], 0)} of it)",
            ("learning_rate", "warmup", "final_learning_rate"),
        ),
        (
            "Batch Size",
            f"{numbers.counted(spec['batch_size'], 'sample')}{batches}, each with all its "
            "questions",
            ("batch_size", "accumulate"),
        ),
        ("Epochs/Steps", f"{numbers.epochs(spec['epochs'])}{steps}", ("epochs", "max_samples")),
    ]
    shown = {key for _, _, keys in rows for key in keys}
    own = {key: words for key, words in said.items() if key not in shown}
    for key, words in own.items():
        value = _value(spec, key)
        rows.append((key, "" if value is None else _plain(value), (key,)))
        said = {**said, key: words}
    lines = [_parameter(title, value, keys, said) for title, value, keys in rows]
    lines.append(f"- **Other Parameters:** {_others(spec, {*shown, *own})}\n")
    return Md("".join(lines))


def _parameter(
    title: str, value: str, keys: tuple[str, ...], said: Mapping[str, Md]
) -> str:
    why = " ".join(in_item(said[key]) for key in keys if key in said)
    named = f"`{title}`" if title in said else title
    return f"- **{named}:** {text(value)}{' — ' if why and value else ''}{why}\n"


def _others(spec: dict[str, Any], told: set[str]) -> str:
    found = []
    if spec["method"] == "lora" and "lora" not in told:
        named = [
            f"{key} {spec['lora'][key]:g}" for key in ("rank", "alpha", "dropout")
            if f"lora.{key}" not in told
        ]
        found += [f"LoRA {', '.join(named)}"] if named else []
    if spec["augment"] and "augment" not in told:
        changes = [key for key, value in spec["augment"].items() if value]
        found.append(f"augmentation: {', '.join(changes)}" if changes else "no augmentation")
    for key, name in (("weight_decay", "weight decay"), ("clip", "gradient clipped at"),
                      ("seed", "seed")):
        if key not in told:
            found.append(f"{name} {spec[key]:g}")
    validate = spec["validate"]
    if "validate" not in told:
        every = validate["every"]
        often = "each epoch" if every == "epoch" else f"every {every} steps"
        found.append(
            f"validation after {often}, with a patience of {validate['patience']}"
        )
    return text("; ".join(found))


def _value(spec: dict[str, Any], key: str) -> Any:
    found: Any = spec
    for part in key.split("."):
        if not isinstance(found, dict) or part not in found:
            return None
        found = found[part]
    return found


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def log_sample(record: Record) -> Md:
    """Lines of the training log: some of the curve, and every validation, in order."""
    training = main(record)
    if training is None:
        return Md("")
    width = len(str(training.steps))
    curve = training.curve
    every = max(1, -(-len(curve) // _LOG_LINES))
    kept = {point.step: point for point in (*curve[::every], *curve[-1:])}
    lines = [
        (
            point.step, 0,
            f"step {point.step:>{width}}/{training.planned_steps}  loss {point.loss:.4f}  "
            f"learning rate {point.learning_rate:.2e}",
        )
        for point in kept.values()
    ]
    lines += [
        (
            line.step, 1,
            f"step {line.step:>{width}}/{training.planned_steps}  validation: loss "
            f"{line.val_loss:.4f}  {_accuracy(line)}{'  best' if line.best else ''}".rstrip(),
        )
        for line in training.validations
    ]
    shown = "\n".join(line for _, _, line in sorted(lines))
    return fence(shown, "text") if shown else Md("")


def _accuracy(line: Validation) -> str:
    if not line.val_n:
        return ""
    return f"accuracy {numbers.pct(line.val_accuracy)} (n = {numbers.num(line.val_n)})"


def checkpoints(record: Record) -> Md:
    """What is saved, how to go on, and how many checkpoints the result was chosen among."""
    training = main(record)
    if training is None:
        return Md("")
    spec = record.spec["train"]
    every = spec["validate"]["every"]
    often = "after each epoch" if every == "epoch" else f"every {every} steps"
    if spec["checkpoint_every"]:
        often += f", and every {spec['checkpoint_every']} steps"
    tried = len(training.validations)
    best = next((line for line in training.validations if line.best), None)
    said = (
        f"**Checkpointing:** The state of training is saved {often}. A run that was stopped goes "
        "on from there when the same command is given again."
    )
    if record.recommendation:
        said += f" {recommended(record.recommendation)}"
    elif best is not None:
        among = (
            f"{numbers.num(tried)} checkpoints were tried; that of step {numbers.num(best.step)} "
            if tried > 1
            else f"One checkpoint was made, at step {numbers.num(best.step)}; it "
        )
        by = (
            f"accuracy on {numbers.num(best.val_n)} validation samples" if best.val_n
            else "validation loss"
        )
        said += f" {among}was chosen by its {by}."
    return Md(said)
