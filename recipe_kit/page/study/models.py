"""Section 2: every model zero-shot, and which of them is fine-tuned."""

from recipe_kit.page import numbers, words
from recipe_kit.page.about_scores import PROBABILITIES
from recipe_kit.page.markdown import Md, bullets, code, table, text
from recipe_kit.page.study.curve_words import interval_of_loss
from recipe_kit.page.study.places import (
    CAPTION,
    CHOICE,
    OPEN,
    Place,
    categories,
    joined,
    medium,
    metric_of,
    models,
    places,
    scores_of,
    shown,
    title_of,
    videos,
)
from recipe_kit.record.schemas import Difference, Metric, Prediction, Record, TaskScores
from recipe_kit.spec.model import COMPARE


def how_asked(record: Record) -> Md:
    """Who was asked, and what the models see."""
    titles = [str(title_of(facts)) for facts in models(record).values()]
    evaluation, seen = record.spec["evaluation"], record.spec["model"]
    system = "with a system prompt" if evaluation["system_prompt"] else "without a system prompt"
    said = [
        f"We evaluate {joined(titles)} in zero-shot mode: every question once, {system} and "
        "without examples."
    ]
    if any(one.media_type == "video" for one in record.data.sources.values()):
        video = seen["video"]
        low = video["min_pixels"] or seen["min_pixels"]
        high = video["max_pixels"] or seen["max_pixels"]
        taken = (
            f"{video['fps']:g} frames of each second" if video["fps"]
            else f"{video['nframes'] or 8} frames of each video"
        )
        served = _given_files(record)
        here = "Each model sees" if not served else "A model that is loaded here sees"
        said.append(
            f"{here} {taken}, of {numbers.num(low)} to {numbers.num(high)} pixels each."
        )
        if served:
            said.append(
                f"{joined(served)} {'gets' if len(served) == 1 else 'get'} the file of each video, "
                "and the server takes its frames."
            )
    return Md(" ".join(said))


def _given_files(record: Record) -> list[str]:
    """Titles of the models behind servers that take the frames themselves."""
    spec = record.spec["model"]
    endpoints = {"base": spec.get("endpoint")} | {
        f"{COMPARE}{name}": one["endpoint"] for name, one in spec.get("compare", {}).items()
    }
    return [
        str(title_of(facts)) for role, facts in models(record).items()
        if (endpoints.get(role) or {}).get("video") == "video"
    ]


def zero_shot(record: Record) -> list[dict[str, Md]]:
    """Every benchmark: its heading, a table of models, and details."""
    found = []
    for at, one in enumerate(places(record, (CHOICE, OPEN, CAPTION)), start=1):
        name = f"{one.title} Results" if one.family != CAPTION else "BLEU Scores"
        found.append({
            "heading": Md(f"2.{at} {text(name)}"),
            "intro": _intro(record, one),
            "table": _by_category(record, one) if categories(record, one)
            else _by_model(record, one),
            "slices": by_slice(record, one),
            "details": _details(record, one),
            "differences": differences(record, one),
        })
    return found


def _intro(record: Record, one: Place) -> Md:
    facts = record.benchmarks[one.benchmark]
    who = "the models" if len(models(record)) > 1 else "the base model"
    what = "caption" if one.family == CAPTION else "question"
    return Md(
        f"{numbers.title(one.metric)} of {who} on {code(one.benchmark)} "
        f"({numbers.counted(facts.questions, what)}, 95% intervals in brackets):"
    )


def _by_category(record: Record, one: Place) -> Md:
    """The seed's table: categories by models."""
    asked = {role: scores_of(record, one, role) for role in models(record)}
    rows: list[list[object]] = [
        [
            name,
            numbers.num(max((_category(s, name, one).n for s in asked.values() if s), default=0)),
            *(_cell(one, _category(scores, name, one)) if scores else "–"
              for scores in asked.values()),
        ]
        for name in categories(record, one)
    ]
    first = scores_of(record, one)
    rows.append([
        Md("**Overall**"), Md(f"**{numbers.num(first.n if first else 0)}**"),
        *(Md(f"**{_cell(one, scores.metrics.get(one.metric))}**") if scores else "–"
          for scores in asked.values()),
    ])
    heads = [text(facts.title) for facts in models(record).values()]
    return table(["Category", "n", *heads], rows, "lr" + "r" * len(heads))


def _category(scores: TaskScores, name: str, one: Place) -> Metric:
    found = scores.slices.get("category", {}).get(name, {})
    return found.get(one.metric) or Metric(value=None, n=0)


def _cell(one: Place, metric: Metric | None) -> str:
    return shown(one, metric)


def _by_model(record: Record, one: Place) -> Md:
    """A line for each model, the best in bold."""
    found = {role: metric_of(record, one, role) for role in models(record)}
    best = max((m.value for m in found.values() if m and m.value is not None), default=None)
    rows = []
    for role, facts in models(record).items():
        metric = found[role]
        told = shown(one, metric)
        bold = metric is not None and metric.value == best and len(found) > 1
        rows.append([text(facts.title), Md(f"**{told}**") if bold else told])
    return table(["Model", f"{numbers.title(one.metric)}"], rows, "lr")


def _details(record: Record, one: Place) -> Md:
    """The seed's evaluation details."""
    asked = {
        facts.title: scores
        for role, facts in models(record).items() if (scores := scores_of(record, one, role))
    }
    first = next(iter(asked.values()))
    what = medium(record, one)
    items = [
        f"Total predictions: {numbers.num(first.n)}" + (" by each model" if len(asked) > 1 else ""),
        f"{what.capitalize()}s evaluated: {numbers.num(videos(record, one))}",
    ]
    if one.family == CHOICE:
        items.append("Parseable rate: " + _each(asked, _parseable))
        if first.per_video:
            items.append(f"Mean per-{what} accuracy: " + _each(asked, _per_video))
        items.append("Without looking: " + _without(first, words.medium(record, one.benchmark)))
    told = {
        facts.title: PROBABILITIES[line.probabilities_from]
        for role, facts in models(record).items()
        if (line := _log_line(record, one, role)) and line.probabilities_from
    }
    items += [f"Probabilities of {text(title)}: {how}" for title, how in told.items()]
    if first.signature:
        items.append(f"Signature: {code(first.signature)}")
    if first.judge:
        items.append(f"Judge: {code(first.judge)}")
    return bullets(Md(item) for item in items if not item.endswith(": "))


def _log_line(record: Record, one: Place, role: str) -> Prediction | None:
    return next(
        (found.log_line for found in record.evaluations
         if (found.benchmark, found.role) == (one.benchmark, role)), None,
    )


def _each(asked: dict[str, TaskScores], of: object) -> str:
    assert callable(of)
    told = {title: of(scores) for title, scores in asked.items()}
    if len(set(told.values())) == 1:
        return str(next(iter(told.values())))
    return ", ".join(f"{shown} for {text(title)}" for title, shown in told.items())


def _parseable(scores: TaskScores) -> str:
    unread = scores.metrics.get("unparseable")
    return numbers.pct(1 - unread.value) if unread and unread.value is not None else "–"


def _per_video(scores: TaskScores) -> str:
    found = scores.per_video
    return f"{numbers.pct(found.mean)} (±{numbers.pct(found.sd)})" if found else "–"


_BASELINES = {"chance": "guessing", "majority": "always the commonest answer",
              "blind": "the base model with the {what} blanked"}


def _without(scores: TaskScores, what: str) -> str:
    found = {name: one.value for name, one in scores.baselines.items() if one.value is not None}
    # Where options differ from question to question, no answer is common.
    if found.get("majority", 0.0) < found.get("chance", 0.0):
        found.pop("majority", None)
    return ", ".join(
        f"{told.format(what=what)} {numbers.pct(found[name])}"
        for name, told in _BASELINES.items() if name in found
    )


def by_slice(record: Record, one: Place) -> Md:
    """The labels that the benchmark names for its results: values by models."""
    asked = {role: scores_of(record, one, role) for role in models(record)}
    first = scores_of(record, one)
    kinds = record.spec["benchmarks"][one.benchmark]["slices"]
    rows: list[list[object]] = []
    for kind in kinds:
        values = list(first.slices.get(kind, {})) if first else []
        for value in values if len(values) > 1 else []:
            found = [
                scores.slices.get(kind, {}).get(value, {}).get(one.metric) if scores else None
                for scores in asked.values()
            ]
            count = max((metric.n for metric in found if metric), default=0)
            told = [shown(one, metric) for metric in found]
            rows.append([Md(f"{code(kind)}: {text(value)}"), numbers.num(count), *told])
    heads = [text(facts.title) for facts in models(record).values()]
    return table(["Slice", "n", *heads], rows, "lr" + "r" * len(heads))


def differences(record: Record, one: Place) -> Md:
    """How the base model stands to each other model, and whether that is beyond noise."""
    choice = record.model_choice
    found = choice.differences.get(f"{one.key}.{one.metric}", {}) if choice else {}
    told = [
        _stands(difference, text(record.models[role].title))
        for role, difference in found.items() if role in record.models
    ]
    return Md(f"{text(record.model.title)} {joined(told)}.") if told else Md("")


def _stands(found: Difference, other: str) -> str:
    by = numbers.change_of(found.metric, abs(found.difference or 0)).lstrip("+")
    shown = (
        interval_of_loss(found) if found.better is False
        else numbers.interval_of_change(found.metric, found.low, found.high)
    )
    if found.better is None:
        signed = numbers.change(found)
        return f"is not told apart from {other} ({signed}, 95% interval {shown}: within noise)"
    where = f"leads {other} by {by}" if found.better else f"lies {by} behind {other}"
    return f"{where} (95% interval {shown}: beyond noise)"


def selection(record: Record) -> Md:
    """Which model is fine-tuned, and why, from the record."""
    what = "chosen as the base model for post-training" if record.training else "studied"
    if record.model_choice is None:
        return Md(
            f"**Model Selection: {text(record.model.title)}** was {what}; no other model was "
            "asked.\n"
        )
    return Md(
        f"**Model Selection: {text(record.model.title)}** was {what}.\n\n"
        + bullets(record.model_choice.reasons)
    )


def gap_sentence(record: Record) -> Md:
    """The categories that lie clearly below the others, in a sentence."""
    sure = [one for one in record.gaps if one.sure and one.dimension == "category"]
    if not sure:
        return Md(
            "No category of the base model lies below its overall score beyond noise."
        )
    named = joined([f"{text(one.value)} ({numbers.pct(one.metric.value)})" for one in sure[:3]])
    purpose = " that inform the data curation" if record.training else ""
    return Md(
        f"The zero-shot evaluation reveals capability gaps{purpose}, particularly in {named}."
    )
