"""Numbers that were typed by hand although the record has them, or has others."""

import re
from collections.abc import Iterator
from typing import Any

from recipe_kit.page.candidates import Candidate, candidates
from recipe_kit.page.cues import (
    Cues,
    Reader,
    is_level,
    is_of_others,
    is_share,
    is_wanted,
    says_score,
    states,
)
from recipe_kit.page.sentences import Typed, typed_numbers
from recipe_kit.record.schemas import Record
from recipe_kit.spec.problems import Document, Problem, mark_in
from recipe_kit.spec.rules.prose import prose_texts

HEDGES = ("about", "around", "roughly", "nearly", "almost", "approximately", "some", "~", "≈")
_CHANGE = re.compile(
    r"\b(?:gain(?:s|ed)?|improv\w+|ris(?:es?|ing)|rose|fall(?:s|ing)?|fell|drop\w*|increas\w+"
    r"|decreas\w+|lost|loses|more|fewer|less|better|worse|change[sd]?|brings|brought|adds|added)\b",
    re.IGNORECASE,
)
NEAR = 0.02
"""How far from a score a hedged number may be: `about 97%`."""


NEXT = 40
"""How close a word is that says what a number is, in characters."""


def typed_problems(record: Record, document: Document) -> list[Problem]:
    """Numbers in the prose that belong to the record, each with its place and the name to write.

    Args:
        record: What the run found out.
        document: The recipe.
    """
    reader, known = Reader(record), candidates(record)
    settings = frozenset(_numbers(record.spec))
    found = []
    for keys, text in prose_texts(document.data):
        for typed in typed_numbers(text):
            told = _judge(typed, reader, known, settings)
            if told is not None:
                what = f"'{typed.text}' is typed by hand: {told[0]}"
                row = text.count("\n", 0, typed.start)
                mark = mark_in(document, keys, row, typed.text.split()[0])
                found.append(Problem(keys, what, told[1], mark=mark))
    return found


def _judge(
    typed: Typed, reader: Reader, known: list[Candidate], settings: frozenset[float]
) -> tuple[str, str] | None:
    """What is wrong with a number and how to mend it; None where nothing is."""
    cues = reader.read(typed.sentence)
    if is_level(typed.after) or _is_setting(typed, settings, cues):
        return None
    if typed.high:
        whole = _best([one for one in known if one.spans(typed)], typed, cues)
        if whole is None:
            return None
        return f"it begins the interval of {whole.name}", f"Write {{{{ {whole.name} | ci }}}}."
    best = _best([one for one in known if _equal(typed, one, cues)], typed, cues)
    if best is not None:
        return f"it is {best.name}", f"Write {best.quoted(typed)}."
    other = _contradicted(typed, cues, known)
    if other is None:
        return None
    return (
        f"the record has {other.shown()} for {other.name}",
        f"Write {other.quoted(typed)}, or {{{{ '{typed.text}' }}}} if it is no number of this "
        "run.",
    )


def _is_setting(typed: Typed, settings: frozenset[float], cues: Cues) -> bool:
    """Whether it is a number of the spec: a target, or the share of pictures with a shadow."""
    if typed.unit in ("points", "p") or all(abs(typed.value - one) > 1e-9 for one in settings):
        return False
    told = says_score(typed.before[-NEXT:]) or says_score(typed.after[: NEXT // 2])
    about = cues.roles or cues.looking or _from_to(typed)
    return is_wanted(typed.sentence) or not (told and about)


def _equal(typed: Typed, one: Candidate, cues: Cues) -> bool:
    """Whether a number is one of the record's, and not so by chance."""
    if not _same_kind(one, typed):
        return False
    if one.written(typed.unit, typed.digits) != typed.bare:
        return False
    if one.looking and one.looking not in cues.looking:
        return False
    if _one_of_many(one) and one.role not in cues.roles:
        return False
    fine = typed.digits >= (3 if typed.unit == "decimal" else 1)
    named = bool(cues.metrics or cues.roles or cues.looking) or typed.unit in ("points", "p")
    named = named or bool(_from_to(typed))
    if one.slice is not None and one.slice not in cues.slices:
        return fine and named and cues.place
    if fine:
        return True
    coarse = typed.unit != "decimal" or typed.digits == 2
    of_one_task = one.metric in cues.metrics and one.metric != "accuracy"
    told = one.task in cues.tasks or (not cues.tasks and (one.primary or of_one_task))
    return coarse and named and told and _fits(one, cues) and not is_share(typed.after, cues)


def _one_of_many(one: Candidate) -> bool:
    """Whether it is of a checkpoint or another model: only a sentence that names it means it."""
    return one.role.startswith(("ckpt_", "compare_"))


def _fits(one: Candidate, cues: Cues) -> bool:
    """Whether nothing in the sentence speaks against this number."""
    return (
        (not _one_of_many(one) or one.role in cues.roles)
        and (not cues.metrics or one.metric in cues.metrics)
        and (not cues.roles or not one.role or one.role in cues.roles or one.role == "change")
        and (not cues.tasks or one.task in cues.tasks)
        and (not cues.benchmarks or one.benchmark in cues.benchmarks)
        and (not cues.looking or one.looking in cues.looking)
        and (one.slice is None or one.slice in cues.slices)
    )


def _contradicted(typed: Typed, cues: Cues, known: list[Candidate]) -> Candidate | None:
    """The number of the record that a sentence gives otherwise."""
    metric, role = bool(cues.metrics), bool(cues.roles or cues.looking or _from_to(typed))
    told = (metric and (role or cues.place)) or (role and (cues.place or cues.scored))
    if not told and typed.unit == "percent" and _is_stated(typed, cues):
        told = not any(_states_it(typed, one, cues) for one in known)
    if typed.unit == "points":
        told = metric or role or cues.place or _is_change(typed)
    if not (told or typed.unit == "p") or is_of_others(typed.sentence):
        return None
    if is_wanted(_around(typed)) or is_share(typed.after, cues):
        return None
    if typed.signed and typed.unit == "decimal":  # a change of a score that is no share
        return None
    metrics = cues.metrics or {"accuracy"}
    found = _best(
        [
            one for one in known
            if one.metric in metrics and _same_kind(one, typed) and _fits(one, cues)
            and (one.slice is not None) == bool(cues.slices)
            and bool(one.looking) == bool(cues.looking)
        ],
        typed, cues,
    )
    if found is None or found.written(typed.unit, typed.digits) == typed.bare:
        return None
    close = abs(abs(found.value) - abs(typed.value)) <= NEAR
    return None if close and _hedged(typed) else found


def _is_stated(typed: Typed, cues: Cues) -> bool:
    """Whether it is said to be a metric's value, without a word on which model's."""
    return any(states(metric, typed.before, typed.after) for metric in cues.metrics)


def _states_it(typed: Typed, one: Candidate, cues: Cues) -> bool:
    """Whether any number of that metric is written so, a slice's too."""
    written = one.written(typed.unit, typed.digits) == typed.bare
    return written and one.metric in cues.metrics and _same_kind(one, typed)


def _same_kind(one: Candidate, typed: Typed) -> bool:
    """Whether a number could be written for this one."""
    if one.unit == "points":
        return typed.unit == "points" or (typed.unit == "percent" and _is_change(typed))
    if typed.unit == "percent":
        return one.unit == "percent" and not _by(typed)
    return one.unit == typed.unit or (typed.unit == "decimal" and one.unit == "percent")


def _is_change(typed: Typed) -> bool:
    return typed.signed or _by(typed) or bool(_CHANGE.search(typed.sentence))


def _by(typed: Typed) -> bool:
    """`rose by 12%`, `by about 12%`."""
    return bool(re.search(r"\bby(?: \w+)?\s*$", typed.before, re.IGNORECASE))


def _from_to(typed: Typed) -> str:
    """The model a number is about in `from X% to Y%`."""
    if typed.unit == "percent" and re.match(r"\s*(?:to|→)\s+\d", typed.after):
        return "base" if re.search(r"\bfrom\s*$", typed.before, re.IGNORECASE) else ""
    first = re.search(r"\bfrom\s+[\d.]+ ?(?:%|percent)?\s+(?:to|→)\s+$", typed.before)
    return "tuned" if first else ""


def _around(typed: Typed) -> str:
    """The words next to a number: what is wanted is said close by."""
    return typed.before[-48:] + " " + typed.after[:24]


def _hedged(typed: Typed) -> bool:
    return typed.before.rstrip().lower().endswith(HEDGES)


def _best(found: list[Candidate], typed: Typed, cues: Cues) -> Candidate | None:
    """The candidate that the sentence is most likely about."""
    role = _role(typed, cues)
    return min(
        found, default=None,
        key=lambda one: (
            one.metric not in cues.metrics if cues.metrics else one.metric != "accuracy",
            one.role != role if role else False,
            one.slice is not None and one.slice not in cues.slices,
            one.slice is None and bool(cues.slices),
            bool(cues.tasks) and one.task not in cues.tasks,
            bool(one.looking) and one.looking not in cues.looking,
            not one.first, len(one.name), one.name,
        ),
    )


def _role(typed: Typed, cues: Cues) -> str:
    """The model a number is about: `from X to Y`, or the one that is named nearest to it."""
    if typed.unit == "points":
        return "change"
    if told := _from_to(typed):
        return told
    places = [(abs(at - typed.at), role) for role, found in cues.roles.items() for at in found]
    return min(places)[1] if places else ""


def _numbers(node: Any) -> Iterator[float]:
    """Every number of the spec, as a share too."""
    if isinstance(node, bool):
        return
    if isinstance(node, int | float):
        yield float(node)
    elif isinstance(node, dict):
        for child in node.values():
            yield from _numbers(child)
    elif isinstance(node, list | tuple):
        for child in node:
            yield from _numbers(child)
