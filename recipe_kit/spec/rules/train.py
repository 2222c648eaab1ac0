"""Rules about training."""

from collections.abc import Iterator

from recipe_kit.spec.problems import Keys, Plain, Problem
from recipe_kit.spec.query import find, mapping, number, sources_of, value


def blends(data: Plain) -> Iterator[Problem]:
    """Weights are of sources that training takes from, and not all are zero."""
    sources, taken = mapping(data, "data.sources"), sources_of(data, "train")
    found: list[tuple[Keys, Plain]] = [
        *find(data, "train.blend"), *find(data, "train.ablations.*.blend"),
    ]
    for keys, blend in found:
        if not isinstance(blend, dict) or not blend:
            continue
        if all(number(weight) == 0 for weight in blend.values()):
            yield Problem(keys, "all weights are 0", "Give one source a weight above 0.")
        for name in blend:
            if name in sources and name not in taken:
                yield Problem((*keys, name), f"training takes nothing from the source '{name}'",
                              "Name it in 'data.splits.train' too.", at="key")


def frozen_vision(data: Plain) -> Iterator[Problem]:
    """Adapters have a switch of their own for the vision tower."""
    if value(data, "train.freeze_vision") is True and value(data, "train.method") != "full":
        yield Problem(("train", "freeze_vision"), "'freeze_vision' is for 'method: full' only",
                      "With adapters, write 'lora: {vision: false}'.", at="key")


def only_evaluated(data: Plain) -> Iterator[Problem]:
    """What is not trained has no other blends and no checkpoints; a server trains nothing."""
    if value(data, "train.method") != "none":
        if isinstance(value(data, "model.endpoint"), dict):
            yield Problem(("model", "endpoint"), "a model at an endpoint cannot be fine-tuned",
                          "Write `method: none` in 'train'.", at="key")
        return
    if mapping(data, "train.ablations"):
        yield Problem(("train", "ablations"), "there is no training with 'method: none'",
                      "Remove it, or take 'lora' or 'full'.", at="key")
    if value(data, "evaluation.checkpoints") == "all":
        yield Problem(("evaluation", "checkpoints"), "there are no checkpoints with "
                      "'train: {method: none}'", "Remove it, or take 'lora' or 'full'.")


TRAIN_RULES = (blends, frozen_vision, only_evaluated)
