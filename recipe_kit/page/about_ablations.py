"""What the page says about ablations: the same training with other blends of sources."""

from recipe_kit.page import numbers, words
from recipe_kit.page.about_change import regressions, task_name
from recipe_kit.page.about_training import ablation_blends
from recipe_kit.page.figures import evaluations
from recipe_kit.page.markdown import Md, code, table
from recipe_kit.record.schemas import Record
from recipe_kit.spec.model import COMPARE


def ablations(record: Record) -> Md:
    """Zero-shot, every ablation, and the main training, on the same questions."""
    blends = ablation_blends(record)
    # Further models are no trainings.
    roles = list(dict.fromkeys(
        one.role for one in record.evaluations if not one.role.startswith(COMPARE)
    ))
    if len(roles) < 3:
        return Md("")
    order = ["base", *(role for role in roles if role not in ("base", "tuned")), "tuned"]
    columns = [
        (benchmark, task) for benchmark, facts in record.benchmarks.items() for task in facts.tasks
    ]
    rows = []
    for role in (role for role in order if role in roles):
        what = {"base": "Zero-shot", "tuned": "Main training"}.get(role)
        trained = blends.get(role, Md("–") if role == "base" else Md(numbers.NOTHING))
        cells: list[object] = [what or code(role), trained]
        for benchmark, task in columns:
            found = evaluations(record, benchmark).get(role)
            name = words.metric_of(record, task)
            metric = found.tasks[task].metrics[name] if found else None
            cells.append(numbers.with_interval(name, metric) if metric else "–")
        rows.append(cells)
    headers = ["Training", "Trained on", *(task_name(record, *column) for column in columns)]
    return table(headers, rows, "ll" + "r" * len(columns))


def ablation_regressions(record: Record) -> list[tuple[str, Md]]:
    """What each ablation made worse, by its name."""
    roles = dict.fromkeys(one.after for one in record.comparisons if one.after != "tuned")
    found = [(role, regressions(record, role)) for role in roles]
    return [(role, listed) for role, listed in found if listed]
