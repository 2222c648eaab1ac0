"""Section 4: how the training is set up, what it needs, and the commands."""

import shlex
from collections.abc import Mapping

from recipe_kit.page import numbers
from recipe_kit.page.about_gaps import in_item
from recipe_kit.page.about_run import recipe_file
from recipe_kit.page.about_training import main, stop_sentence
from recipe_kit.page.markdown import Md, bullets, code, fence, text
from recipe_kit.page.study.curve_words import trained_steps
from recipe_kit.page.study.places import joined, places
from recipe_kit.record.schemas import Record
from recipe_kit.spec.model import COMPARE

_PACKAGES = ("torch", "transformers", "peft")


def setup(record: Record) -> Md:
    """What the training ran with."""
    made = record.provenance
    packages = ", ".join(
        f"{name} {made.packages[name]}" for name in _PACKAGES if name in made.packages
    )
    return Md(
        f"This page was made with recipe_kit {text(made.recipe_kit)}, Python {text(made.python)}, "
        f"{text(packages)} on {text(made.device)}."
    )


def code_structure(record: Record, said: Mapping[str, Md]) -> Md:
    """Files that the training is made of."""
    asked = [task for facts in record.benchmarks.values() for task in facts.tasks]
    prompts = ", ".join(code(task) for task in record.spec["train"]["tasks"] or asked)
    items = [
        Md(f"{code(recipe_file(record))}: the whole recipe: sources, prompts ({prompts}), "
           "hyperparameters, and the words of this page"),
        Md("`recipe_kit/train/examples.py`: combines each clip with its prompts and annotations"),
        Md("`recipe_kit/train/loop.py`: the training loop; checkpoints, validation, resuming"),
    ]
    if record.loader:
        items.append(Md(
            f"[{text(record.loader)}](assets/{record.loader}): loads the same data without "
            "recipe_kit, for other trainers"
        ))
    items += [Md(f"{code(file)}: {in_item(what)}") for file, what in said.items()]
    return bullets(items)


def steps_sentence(record: Record) -> Md:
    """What was trained, in steps, samples and epochs."""
    training = main(record)
    if training is None:
        return Md("")
    train = record.spec["train"]
    per_step = train["batch_size"] * train["accumulate"] * train["devices"]
    kept = trained_steps(record)
    was = "was" if len(kept) == 1 else "were"
    saved = (
        f" {numbers.counted(len(kept), 'checkpoint')} {was} kept and evaluated, after "
        f"{'step' if len(kept) == 1 else 'steps'} {joined([numbers.num(step) for step in kept])}."
        if kept else ""
    )
    every = training.epoch_samples or sum(training.samples.values())
    # The last step of an epoch takes fewer samples than the others.
    return Md(
        f"{numbers.num(training.steps)} optimizer steps of at most {numbers.num(per_step)} samples "
        f"took {numbers.num(round(training.epochs * every))} samples: {training.epochs:.3g} times "
        f"the {numbers.num(every)} samples of an epoch.{saved}"
    )


def stopped(record: Record) -> Md:
    """Why the training ended, and what becomes of its checkpoints."""
    training = main(record)
    if training is None:
        return Md("")
    if record.recommendation is None:
        return stop_sentence(record)
    why = text(training.stopped).rstrip(".")
    return Md(
        f"**Why it stopped:** {why}. Which checkpoint is recommended is decided in "
        "[Section 5](#5-re-evaluation), with the scores of all of them."
    )


def inference_command(record: Record) -> Md:
    """Asks any model or checkpoint the questions of a benchmark."""
    file = shlex.quote(recipe_file(record))
    return fence(
        f"recipe infer {file} \\\n    --checkpoint {_example_step(record)} \\\n"
        f"    --benchmark {shlex.quote(next(iter(record.benchmarks)))} \\\n    --out outputs",
        "bash",
    )


def inference_arguments(record: Record) -> Md:
    """What stands for the arguments here."""
    others = "".join(f", or {code(role.removeprefix(COMPARE))}" for role in record.models)
    return bullets([
        Md(f"`--model`: `base` (the default){others}; a checkpoint belongs to the base model"),
        Md("`--checkpoint`: after how many steps of the training, or a checkpoint's folder; the "
           "base model itself when left out"),
        Md(f"`--benchmark`: what is asked ({_benchmarks(record)})"),
        Md("`--out`: folder of the answers, one below it for each model and checkpoint"),
    ])


def plot_command(record: Record) -> Md:
    """Draws a metric over the checkpoints."""
    file, name = shlex.quote(recipe_file(record)), next(iter(record.benchmarks))
    metric = next(one.metric for one in places(record) if one.benchmark == name)
    return fence(
        f"recipe plot {file} \\\n    --benchmark {shlex.quote(name)} \\\n    --metric {metric} "
        f"\\\n    --out {metric}.svg", "bash",
    )


def plot_arguments(record: Record) -> Md:
    """What stands for the arguments here."""
    metrics = " or ".join(dict.fromkeys(code(one.metric) for one in places(record)))
    return bullets([
        Md(f"`--benchmark`: the benchmark ({_benchmarks(record)})"),
        Md(f"`--metric`: the metric to plot ({metrics})"),
        Md("`--outputs-dir`: plot what `recipe infer` wrote into a folder, in place of a recipe's "
           "run"),
        Md("`--base-model`: with `--outputs-dir`, the folder of the model that is the baseline"),
        Md("`--out`: the plot's file, SVG or PNG"),
    ])


def _benchmarks(record: Record) -> str:
    return " or ".join(code(name) for name in record.benchmarks)


def _example_step(record: Record) -> str:
    if record.recommendation and record.recommendation.step:
        return str(record.recommendation.step)
    training = main(record)
    return str(training.best_step if training else 0)


