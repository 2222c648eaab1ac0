"""The page that lists every recipe, and the site's navigation."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recipe_kit.page import numbers
from recipe_kit.page.about_change import main_comparisons
from recipe_kit.page.markdown import Md, code, table, text
from recipe_kit.page.words import metric_of
from recipe_kit.record.files import write_atomic
from recipe_kit.record.schemas import Record
from recipe_kit.record.store import read_record

_SECTIONS = (("How-to", "how-to"), ("Concepts", "concepts"), ("Design", "design"))


def write_listing(docs: Path) -> None:
    """Writes `recipes/index.md` from the records of the rendered pages.

    Raises:
        RecordError: A page's record is damaged.
        StorageError: The file cannot be written.
    """
    pages = sorted(docs.glob("recipes/*/assets/record.json"))
    source = listing({path.parent.parent.name: read_record(path) for path in pages})
    path = docs / "recipes" / "index.md"
    if not path.is_file() or path.read_text(encoding="utf-8") != source:
        write_atomic(path, source)


def listing(records: Mapping[str, Record]) -> str:
    """The list's Markdown, from each page's folder and record: its headline before and after."""
    rows = [
        [
            Md(f"[{text(record.title)}]({folder}/index.md)"),
            str(record.spec.get("use_case", "")),
            _model(record),
            _headline(record),
        ]
        for folder, record in records.items()
    ]
    body = table(["Recipe", "Use Case", "Model", "Headline"], rows) or (
        "No recipe has been run yet: `recipe run recipes/<name>.yaml` makes the first page.\n"
    )
    return (
        "# Recipes\n\nEach page is made from one YAML file in `recipes/` and the record of its "
        f"run.\n\n{body}"
    )


def _model(record: Record) -> str:
    return record.model.title + (" (embedded demonstration model)" * record.model.embedded)


def _headline(record: Record) -> Md:
    benchmark, facts = next(iter(record.benchmarks.items()))
    metric = metric_of(record, facts.primary)
    what = f"{numbers.in_a_sentence(metric)} on {code(facts.primary)}"
    comparison = main_comparisons(record).get(benchmark)
    if comparison is None:
        base = next(one for one in record.evaluations if one.benchmark == benchmark)
        score = numbers.value(metric, base.tasks[facts.primary].metrics[metric].value)
        why = ", base model was enough" if record.gate.enough else ""
        return Md(f"{what}: **{score}**{why}")
    found = comparison.tasks[facts.primary].differences[metric]
    worth = "" if found.better is not None else " (within noise)"
    before, after = (numbers.value(metric, one) for one in (found.before, found.after))
    return Md(f"{what}: {before} → **{after}**{worth}")


def navigation(docs: Path) -> list[dict[str, Any]]:
    """The site's navigation, of the pages that there are; titles are the pages' own."""
    found: list[dict[str, Any]] = []
    for title, file in (("Home", "index.md"), ("Tutorial", "tutorial.md")):
        if (docs / file).is_file():
            found.append({title: file})
    recipes = [f"recipes/{path.parent.name}/index.md" for path in
               sorted(docs.glob("recipes/*/index.md"))]
    sections = {name: _pages(docs, folder) for name, folder in _SECTIONS}
    if sections["How-to"]:
        found.append({"How-to": sections["How-to"]})
    if (docs / "recipes" / "index.md").is_file():
        found.append({"Recipes": ["recipes/index.md", *recipes]})
    reference = _pages(docs, "reference")
    if reference:
        single = reference == ["reference/spec.md"]
        found.append({"Spec reference": reference[0] if single else reference})
    found += [{name: sections[name]} for name in ("Concepts", "Design") if sections[name]]
    return found


def _pages(docs: Path, folder: str) -> list[str]:
    """Pages of a folder, its `index.md` first."""
    pages = sorted(path.relative_to(docs).as_posix() for path in docs.glob(f"{folder}/**/*.md"))
    return sorted(pages, key=lambda page: (not page.endswith("/index.md"), page))
