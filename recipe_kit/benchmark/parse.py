r"""What a model's text answers: the reasoning split off, and one of the choices or nothing.

Strict on purpose. An answer that needs guessing is unparseable, counts as wrong, and is reported
as a rate. Rules are tried in order of how plainly they state an answer; the first rule that finds
anything decides, and two different findings of one rule are no answer:

    the whole text             Yes / "no." / **3**
    <answer>…</answer>         the inside is read by the rules below
    \boxed{…}                  likewise
    a statement                The answer is No. / Answer: Yes
    a rating                   Rating: 3 / 3/5 / 3 out of 5 (whole numbers only)
    the first words            Yes, because …
    the last line              …, so it is not safe.⏎No
"""

import re
from collections.abc import Callable, Sequence
from functools import cache

# A question mark is not in it: "Yes?" asks back. Neither are signs that change a number.
_TRAILING = " \t\r\n.,;:!。\"'“”‘’«»`*_()[]{}…"
ENDED = re.compile(rf"[{re.escape(_TRAILING)}]*\Z")
"""Nothing but marks is left."""
_LEADING = _TRAILING.replace(".", "").replace(",", "")

ANSWER_TAG = re.compile(r"<answer>(.*?)(?:</answer>|\Z)", re.IGNORECASE | re.DOTALL)
_BOXED = re.compile(r"\\boxed\s*\{\s*(?:\\text\w*\s*\{)?([^{}]*)\}")
_STATED = re.compile(
    r"\banswer[*_\"']*(?:\s+(?:is|would be|should be|to the question is)\s*:?|\s*[:：=])\s*",
    re.IGNORECASE,
)
_RATED = re.compile(
    r"\b(?:rating|score|severity|level|rate(?:d)?(?:\s+(?:it|this))?)"
    r"(?:\s+(?:is|as|of|at|a)|\s*[:=])*\s*",
    re.IGNORECASE,
)
OPENERS = r"[\s\"'“”‘’«`*_(\[$]*"
CLOSERS = r"[\"'“”‘’»`*_)\]$]*"
# What may follow a label that a text begins with. "No crack is visible" is not "No": there the
# word belongs to "crack", and for another question it means the opposite.
CLAUSE_END = re.compile(
    r"\s*(?:[.,;:!\n—–(}]|-\s|\Z)|\s+(?:it|it's|this|that|the|there|these|they|i|because|since)\b",
    re.IGNORECASE,
)
_JOIN_WORD = re.compile(r"(?:\s*,)?\s*(?:(?:and/or|or|and|to)\b|[/&|])\s*", re.IGNORECASE)
_ASIDE = re.compile(r"\s*\([^()\n]*\)")
_JOIN_MARK = re.compile(r"\s*[,.;–—-]\s*")
_OTHER_SCALE = re.compile(r"\s*(?:/|out of\b|or\b)")

Choices = tuple[str, ...]
# What a rule finds; None among it is a finding that contradicts itself ("Yes or No").
Rule = Callable[[str, Choices], set[str | None]]


def split_reasoning(text: str) -> tuple[str, str]:
    """Reasoning and answer of a generated text; an unclosed `<think>` leaves no answer.

    A `</think>` without its opening is understood too: some chat templates open it in the prompt.
    """
    reasoning: list[str] = []
    rest = ""
    position = 0
    while (start := text.find("<think>", position)) >= 0:
        end = text.find("</think>", start)
        if end < 0:
            break
        rest += text[position:start]
        reasoning.append(text[start + len("<think>") : end])
        position = end + len("</think>")
    rest += text[position:]
    before, closed, after = rest.rpartition("</think>")
    if closed:
        reasoning.append(before.replace("</think>", ""))
        rest = after
    if "<think>" in rest:
        reasoning.append(rest.replace("<think>", ""))
        rest = ""
    return "\n".join(part.strip() for part in reasoning if part.strip()), rest.strip()


def parse_answer(text: str, choices: Sequence[str]) -> str | None:
    """The choice that a text (without its reasoning) states, or None when it states none plainly.

    Args:
        text: The answer of the model.
        choices: The answers that count; returned exactly as written here.
    """
    text = text.strip()
    return text if text in choices else _by_rules(text, tuple(choices), _RULES)


def _by_rules(text: str, choices: Choices, rules: Sequence[Rule]) -> str | None:
    text = text.strip()
    for rule in rules:
        found = rule(text, choices)
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def _whole(text: str, choices: Choices) -> set[str | None]:
    said = bare(text)
    return {choice for choice in choices if said and said == bare(choice)}


def _tagged(text: str, choices: Choices) -> set[str | None]:
    # A tag that holds no choice is still the place where the answer should be: None, not a guess.
    return {_by_rules(m.group(1), choices, _INSIDE) for m in ANSWER_TAG.finditer(text)}


def _boxed(text: str, choices: Choices) -> set[str | None]:
    return {_by_rules(m.group(1), choices, _INSIDE) for m in _BOXED.finditer(text)}


def _stated(text: str, choices: Choices) -> set[str | None]:
    return _following(_STATED, text, choices)


def _rated(text: str, choices: Choices) -> set[str | None]:
    if not all(choice.lstrip("-").isdecimal() for choice in choices):
        return set()
    out_of = re.compile(rf"(?<![.,/])({_any_of(choices)}){_scale(choices)}", re.IGNORECASE)
    fractions: set[str | None] = {_known(m.group(1), choices) for m in out_of.finditer(text)}
    return _following(_RATED, text, choices) | fractions


def _ends(text: str, choices: Choices) -> set[str | None]:
    lines = text.splitlines()
    if not lines:
        return set()
    started = [_start(line, choices) for line in lines]
    found = started[0] | _whole(lines[-1], choices)
    # Lines that begin with other choices make it a list ("1. a crack⏎2. a stain"), or a change
    # of mind.
    return found.union(*started) if found else found


def _start(line: str, choices: Choices) -> set[str | None]:
    match = _label(choices).match(line)
    if match and CLAUSE_END.match(line, match.end()):
        return {_unless_joined(match, line, choices)}
    return set()


def _following(lead: re.Pattern[str], text: str, choices: Choices) -> set[str | None]:
    """The choices that stand right behind each match of `lead`."""
    matches = (_label(choices).match(text, m.end()) for m in lead.finditer(text))
    return {_unless_joined(m, text, choices) for m in matches if m}


def _unless_joined(match: re.Match[str], text: str, choices: Choices) -> str | None:
    """The matched choice; None when another one is joined to it ("Yes or No", "3-4")."""
    end = match.end()
    if scale := re.compile(_scale(choices)).match(text, end):
        end = scale.end()
    elif _OTHER_SCALE.match(text, end):
        return None
    chosen = _known(match.group(1), choices)
    # "1 (safe) to 5 (dangerous)" is the scale, and no answer.
    aside = _ASIDE.match(text, end)
    for join, start in ((_JOIN_WORD, aside.end() if aside else end), (_JOIN_MARK, end)):
        joined = join.match(text, start)
        other = joined and _label(choices).match(text, joined.end())
        # "Yes. No cracks are visible." is one answer, "Yes. No." is two.
        if other and (join is _JOIN_WORD or CLAUSE_END.match(text, other.end())):
            return chosen if _known(other.group(1), choices) == chosen else None
    return chosen


@cache
def _label(choices: Choices) -> re.Pattern[str]:
    return re.compile(rf"{OPENERS}({_any_of(choices)}){CLOSERS}", re.IGNORECASE)


def _scale(choices: Choices) -> str:
    return rf"\s*(?:/|out of)\s*{re.escape(choices[-1])}(?![\w/.]*\d)"


def _any_of(choices: Choices) -> str:
    # Longest first, so that "not safe" is not read as "not". A number is whole: not the 3 of
    # 3.5, 30, -3 or 3%.
    longest = sorted(choices, key=len, reverse=True)
    return rf"(?<![\w-])(?:{'|'.join(map(re.escape, longest))})(?!\w|[.,:]\d|%|'\w)"


def _known(found: str, choices: Choices) -> str | None:
    same = [choice for choice in choices if choice.casefold() == found.casefold()]
    return same[0] if len(same) == 1 else None


def bare(text: str) -> str:
    """A text without the marks around it, and without its case."""
    return text.rstrip(_TRAILING).lstrip(_LEADING).casefold()


_INSIDE: tuple[Rule, ...] = (_whole, _stated, _rated, _ends)
_RULES: tuple[Rule, ...] = (_whole, _tagged, _boxed, _stated, _rated, _ends)
