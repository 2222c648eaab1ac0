"""The top of a study: authors by organization, the models, the workflow."""

from collections.abc import Mapping

from recipe_kit.page import numbers, words
from recipe_kit.page.about_curation import training_samples
from recipe_kit.page.about_gaps import in_item
from recipe_kit.page.markdown import Md, link, table, text
from recipe_kit.page.study.places import joined, models, places, title_of
from recipe_kit.record.schemas import Record
from recipe_kit.spec.recipe import Author, Recipe

_STEPS = (
    ("benchmark", "Benchmark Definition", "1-benchmark-definition"),
    ("zero_shot", "Zero-Shot Evaluation", "2-zero-shot-evaluation"),
    ("data", "Data Curation", "3-data-curation"),
    ("training", "Post-Training (SFT)", "4-post-training-sft"),
    ("re_evaluation", "Re-Evaluation", "5-re-evaluation"),
    ("conclusion", "Conclusion", "conclusion"),
)


def authors(recipe: Recipe) -> Md:
    """Authors under their organizations, with an asterisk for equal contributions."""
    groups: dict[str, list[Author]] = {}
    for author in recipe.authors:
        groups.setdefault(author.organization or recipe.organization, []).append(author)
    lines = [
        f"> **{text(name)}:** {', '.join(_author(one) for one in people)}"
        for name, people in groups.items()
    ]
    if any(one.equal for one in recipe.authors):
        lines.append("> \\* Equal contribution")
    return Md("\n>\n".join(lines) + "\n")


def _author(author: Author) -> str:
    name = link(author.name, author.url) if author.url else text(author.name)
    return f"{name}\\*" if author.equal else name


def overview_table(record: Record, recipe: Recipe) -> Md:
    """Model, workload, use case."""
    workload = "Post-training" if record.training else "Evaluation"
    size = record.model.parameters
    model = Md(title_of(record.model) + (f" ({numbers.count(size)} parameters)" if size else ""))
    return table(
        [Md("**Model**"), Md("**Workload**"), Md("**Use Case**")],
        [[model, workload, recipe.use_case]],
    )


def workflow(record: Record, said: Mapping[str, Md]) -> Md:
    """The steps of the recipe, numbered; in the author's words where there are any."""
    lines = [
        f"{at}. **[{title}](#{anchor})**: {in_item(said[step]) if step in said else told}\n"
        for at, (step, title, anchor, told) in enumerate(_steps(record), start=1)
    ]
    return Md("".join(lines))


def has_curation(record: Record) -> bool:
    """Whether there are samples to train on."""
    return bool(record.training or record.data.splits.get("train"))


def _steps(record: Record) -> list[tuple[str, str, str, str]]:
    told = {
        "benchmark": _benchmark(record), "zero_shot": _zero_shot(record), "data": _data(record),
        "training": _training(record), "re_evaluation": _re_evaluation(record),
        "conclusion": "Summarize the findings"
        + (", and recommend a checkpoint." if record.recommendation else "."),
    }
    gone = set() if record.training else {"training", "re_evaluation"}
    gone |= set() if has_curation(record) else {"data"}
    return [(*step, told[step[0]]) for step in _STEPS if step[0] not in gone]


def _benchmark(record: Record) -> str:
    count = sum(facts.questions for facts in record.benchmarks.values())
    ways = joined(list(dict.fromkeys(text(one.name) for one in places(record))))
    return f"Freeze {numbers.num(count)} questions, scored in these ways: {ways}."


def _zero_shot(record: Record) -> str:
    titles = [str(text(facts.title)) for facts in models(record).values()]
    return f"Ask {joined(titles)}, and find the gaps."


def _data(record: Record) -> str:
    return f"Curate {numbers.counted(training_samples(record), 'training sample')} for the gaps."


def _training(record: Record) -> str:
    main = next((one for one in record.training if one.role == "tuned"), None)
    if main is None:
        return ""
    method = "adapters (LoRA)" if main.method == "lora" else "all weights"
    kept = sum(one.step > 0 for one in record.checkpoints)
    saved = f", keeping {numbers.counted(kept, 'checkpoint')}" if kept else ""
    return (
        f"Fine-tune {text(record.model.title)}: {method}, {numbers.num(main.steps)} optimizer "
        f"steps{saved}."
    )


def _re_evaluation(record: Record) -> str:
    which = "every checkpoint" if record.checkpoints else f"the {words.trained_model(record)}"
    return f"Ask {which} exactly the same questions, and compare with zero-shot."
