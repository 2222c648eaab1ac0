"""The training as a configuration of cosmos-rl: TOML that parses, and says what ran.

What recipe_kit has no counterpart for (parallelism over tensors, pipelines or contexts, compiling,
other loggers) is left out. Every value is the resolved spec's, or stands for the one thing that
recipe_kit does (`type = "sft"`, `resume = true`, a cosine).
"""

import json
from collections.abc import Mapping
from typing import Any

from recipe_kit.page import numbers
from recipe_kit.page.markdown import Md, fold
from recipe_kit.record.schemas import Record

Line = tuple[str, Any, str]
"""Key, value, and what to say of it."""


def configuration(record: Record) -> Md:
    """The configuration in an unfolded block."""
    return fold(f"Training Configuration: {record.slug}.toml", toml(record), "toml")


def toml(record: Record) -> str:
    """The configuration of the main training, section by section."""
    shown = []
    for name, comment, lines in _sections(record.spec, record.slug):
        kept = [line for line in lines if line[1] is not None]
        if not kept:
            continue
        said = [(f"{key} = {written(value)}", what) for key, value, what in kept]
        width = max((len(line) for line, what in said if _beside(what)), default=0)
        body = [f"[{name}]", *(f"# {one}" for one in comment)]
        for line, what in said:
            if what and not _beside(what):
                body += ["", f"# {what}", line]
            else:
                body.append(f"{line:<{width}}  # {what}" if what else line)
        shown.append("\n".join(body))
    return "\n\n".join(shown) + "\n"


def _beside(what: str) -> bool:
    """Whether a comment is short enough to stand beside its value."""
    return 0 < len(what) <= 48


def written(value: Any) -> str:
    """A value in TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)  # a number with a point or an exponent: a float in TOML as well
    if isinstance(value, list | tuple):
        return f"[{', '.join(written(one) for one in value)}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _sections(
    spec: Mapping[str, Any], slug: str
) -> list[tuple[str, list[str], list[Line]]]:
    train, model = spec["train"], spec["model"]
    lora = train["lora"] if train["method"] == "lora" else {}
    return [
        _dataset(spec),
        _vision(model),
        ("train", [], [
            ("output_dir", f"runs/{slug}", ""),
            ("resume", True, "a run that was stopped goes on where it was"),
            ("epoch", _whole(train["epochs"]), _epochs(train)),
            ("train_batch_per_replica", train["batch_size"] * train["accumulate"],
             "samples of an optimizer step, on each GPU"),
            ("optm_name", "AdamW", ""),
            ("optm_lr", float(train["learning_rate"]), ""),
            ("optm_weight_decay", float(train["weight_decay"]), ""),
            ("optm_betas", [float(one) for one in train["betas"]], ""),
            ("optm_warmup_steps", float(train["warmup"]), "share of all steps"),
            ("optm_decay_type", "cosine", ""),
            ("optm_min_lr_factor", float(train["final_learning_rate"]),
             "the cosine ends at this share of it"),
            ("optm_grad_norm_clip", float(train["clip"]), ""),
            ("seed", train["seed"], ""),
        ]),
        ("policy", [], [
            ("model_name_or_path", model["base"], ""),
            ("model_revision", model["revision"], ""),
            ("model_max_length", train["max_length"], "tokens; a longer example is an error"),
            ("model_gradient_checkpointing", train["gradient_checkpointing"], ""),
        ]),
        ("policy.lora", [], [
            ("r", lora.get("rank"), ""),
            ("lora_alpha", lora.get("alpha"), ""),
            ("lora_dropout", lora.get("dropout"), ""),
            ("target_modules", list(lora.get("targets", ())) or None, ""),
        ]),
        ("logging", [], [("logger", ["console"], ""), ("experiment_name", slug, "")]),
        ("train.train_policy", [], [
            ("type", "sft", ""),
            ("mini_batch", train["batch_size"], "samples of a forward pass, on each GPU"),
            ("loss_per", None if train["loss_per"] == "token" else train["loss_per"],
             "recipe_kit's own: what the mean loss is over"),
        ]),
        ("train.ckpt", [], _checkpoints(train)),
        ("policy.parallelism", ["The data is shared over GPUs; nothing else is."],
         [("dp_shard_size", train["devices"], "GPUs")]),
    ]


def _whole(number: float) -> float | int:
    return int(number) if float(number).is_integer() else float(number)


def _epochs(train: Mapping[str, Any]) -> str:
    few = train["max_samples"]
    return numbers.epochs(train["epochs"]) + (f" of {few} samples" if few else "")


def _dataset(spec: Mapping[str, Any]) -> tuple[str, list[str], list[Line]]:
    """The first source of training clips that has subdirectories, or all training sources."""
    trained = list(spec["data"]["splits"]["train"])
    for name in trained:
        source = spec["data"]["sources"][name]
        parts = source.get("subdirectories")
        if parts:
            weights = list(source["weights"]) or [1.0] * len(parts)
            shares = ", ".join(
                f"{numbers.pct(one / sum(weights), 0)} {part}"
                for part, one in zip(parts, weights, strict=True)
            )
            return "custom.dataset", [], [
                ("dataset_root", source.get("path") or name,
                 "below the data root" if source.get("path") else "drawn by the run"),
                ("subdirectories", list(parts), ""),
                ("weights", [float(one) for one in weights],
                 f"Sampling weights, in the order of the subdirectories; normalized: {shares}."),
                ("meta_file", source.get("meta_file"), ""),
            ]
    blend = spec["train"]["blend"]
    return "custom.dataset", [], [
        ("sources", trained, ""),
        ("weights", [float(blend[name]) for name in trained if name in blend] or None, ""),
    ]


def _vision(model: Mapping[str, Any]) -> tuple[str, list[str], list[Line]]:
    video = model["video"]
    fixed = video["nframes"] or (None if video["fps"] else 8)
    return "custom.vision", [], [
        ("min_pixels", video["min_pixels"] or model["min_pixels"], "of a frame"),
        ("max_pixels", video["max_pixels"] or model["max_pixels"], "of a frame"),
        ("nframes", fixed, "frames of every video"),
        ("fps", video["fps"], "frames of each second"),
        ("min_frames", video["min_frames"] if video["fps"] else None, ""),
        ("max_frames", video["max_frames"] if video["fps"] else None, ""),
    ]


def _checkpoints(train: Mapping[str, Any]) -> list[Line]:
    every = train["checkpoint_every"]
    validated = train["validate"]["every"]
    if every is None and isinstance(validated, int):
        every = validated
    return [
        ("enable_checkpoint", True, ""),
        ("save_freq", every, "optimizer steps"),
        ("save_freq_in_epoch", 1 if every is None else None, "epochs"),
    ]
