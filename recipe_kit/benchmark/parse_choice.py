r"""Which of two to ten lettered options a model's text answers, or nothing.

As strict as `parse`, with the same order of rules, for questions whose options carry letters. An
option is named by its letter, by its text, or by both; a letter with another option's text is no
answer. The first rule that finds anything decides, and two different findings are no answer:

    the whole text             B / (b) / **B** / "B." / B. A cyclist / a cyclist
    <answer>…</answer>         the inside is read by the other rules
    \boxed{…}                  likewise
    a statement                The answer is (B). / Answer: B / I would choose option B
    the first words            B, because … / B is correct. / It is on the left.
    the last line              …, so it moves left.⏎B
    a conclusion at the end    … So it is B. / … It rides past. B
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from recipe_kit.benchmark.parse import (
    ANSWER_TAG,
    CLAUSE_END,
    CLOSERS,
    ENDED,
    OPENERS,
    bare,
    split_reasoning,
)

_BOXED = re.compile(r"\\boxed\s*\{\s*(?:\\\w+\s*\{)?([^{}]*)\}")
_NOUN = r"(?:option|choice|letter|answer)"
_STATED = re.compile(
    rf"(?<!wrong )(?<!incorrect )(?<!each )(?<!every )\b{_NOUN}[*_\"']*"
    r"(?:\s+(?:is|would be|should be|must be|to the question is)\b\s*:?|\s*[:：=])\s*"
    r"(?:(?:therefore|thus|then|clearly|definitely|indeed|(?:most\s+)?likely|probably)\b,?\s*)?"
    r"|\bI(?:['’]d|['’]ll|\s+would|\s+will)?\s+"
    r"(?:choose|pick|select|say|think|believe|go\s+(?:with|for))\s+",
    re.IGNORECASE,
)
_SO = re.compile(r"\b(?:so|hence|therefore|thus)\b[,:]?\s+", re.IGNORECASE)
# The word before is a long one, as those of "vs. B", "Fig. B" and "A. B." are not.
_SENTENCE = re.compile(r"(?<=\w{4}[.!])\s+")
_BULLET = re.compile(r"\s*(?:[-•#>]+|\d{1,2}[.)])\s+")
_LEAD = re.compile(
    rf"{OPENERS}(?:it(?:['’]s|\s+is)\s+)?(?:(?:the\s+)?{_NOUN}\s+)?{OPENERS}", re.IGNORECASE
)
# "A dog" may be the letter or the article, so the article of a text is written small here. It is
# skipped only where the text does not begin with it.
_ARTICLE = r"(?:(?:(?i:on|to|at|in)\s+the|[Tt]he|an?)\s+)??"
_ITS_ARTICLE = re.compile(r"(?:the|an?)\s+")
_RIGHT = re.compile(
    r"\s+is\s+(?:correct|the\s+(?:correct|right|best)\s+(?:answer|option|choice|one))"
    r"(?=\s*(?:[.,;:!\n—–(]|\Z)|\s+(?:because|since|as)\b)",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"[\s.,:;()\[\]*_–—-]*")
# Words that go on after a letter; "A crack is visible" and "B is wrong" do not answer A and B.
_GOES_ON = re.compile(
    r"\s+(?:as|which|where|given|so|and|or|but|rather\s+than|instead\s+of)\b", re.IGNORECASE
)
_OR = re.compile(r"(?:\s*,)?\s*(?:(?:and/)?or\b|[/|])\s*", re.IGNORECASE)
_AND = re.compile(r"(?:\s*,)?\s*(?:and\b|&)\s*(?:(?:also|then)\s+)?", re.IGNORECASE)
_MARK = re.compile(r"\s*[,.;–—-]\s*(?:then\s+)?", re.IGNORECASE)


@dataclass(frozen=True)
class _Options:
    """The options, ready to be found in a text."""

    by_letter: dict[str, str]
    by_text: dict[str, frozenset[str]]
    """From the bare text to its letters: more than one where options say the same."""
    letter: re.Pattern[str]
    text: re.Pattern[str]
    both: re.Pattern[str]
    """A letter and a text, as options are listed."""
    aside: re.Pattern[str]
    """A letter in brackets, as it stands behind a text."""


@dataclass(frozen=True)
class _Label:
    """An option named in a text; no letter where what is named contradicts itself."""

    letter: str | None
    end: int


# What a rule finds; None among it is a finding that contradicts itself ("A or B").
_Rule = Callable[[str, _Options], set[str | None]]


def parse_choice(text: str, options: Mapping[str, str]) -> str | None:
    """The letter of the option that a text states, or None when it states none plainly.

    Args:
        text: What the model said; reasoning in it is not read.
        options: From letter (A to J) to the option's text.
    """
    answer = split_reasoning(text)[1]
    same = [letter for letter, option in options.items() if option.strip() == answer]
    if len(same) == 1 and answer not in options:
        return same[0]
    return _read(answer, _prepared(tuple(options.items())), _RULES)


@lru_cache(1024)
def _prepared(options: tuple[tuple[str, str], ...]) -> _Options:
    by_letter = {_plain(letter): letter for letter, _ in options}
    by_text: dict[str, frozenset[str]] = {}
    for letter, option in options:
        name = _plain(option)
        # Where an option's text is itself a letter ("A. B"), what is said is a letter.
        if name and name not in by_letter:
            by_text[name] = by_text.get(name, frozenset()) | {letter}
    # As written too: not every letter can be found by its folded form.
    written = {option.strip() for _, option in options if _plain(option) in by_text}
    by_text = _without_articles(by_text, by_letter) | by_text
    # Longest first, so that "left of it" is not read as "left".
    names = sorted(written | set(by_text), key=len, reverse=True)
    texts = "|".join(r"\s+".join(map(re.escape, name.split())) for name in names) or r"(?!)"
    texts = rf"(?<![\w-])(?i:({texts}))(?!\w|[.,:]\d|%|['’]\w)"
    letters = "".join(f"{letter.upper()}{letter.lower()}" for letter in by_letter.values())
    # Not the letter of "e.g.", "C's" and "B-side", nor the pronoun of "I, too".
    letter = rf"(?<![\w-])([{letters}])(?!\w|\.\w\.|['’]\w|-\w)(?!(?<=[iI])\s*,)"
    return _Options(
        by_letter=by_letter,
        by_text=by_text,
        letter=re.compile(rf"{letter}{CLOSERS}"),
        text=re.compile(rf"{_ARTICLE}{texts}{CLOSERS}"),
        both=re.compile(rf"{letter}\s*[.:)]\s*{texts}"),
        aside=re.compile(rf"\s*[(\[]\s*(?:{_NOUN}\s+)?{letter}\s*[)\]]", re.IGNORECASE),
    )


def _without_articles(
    by_text: Mapping[str, frozenset[str]], by_letter: Mapping[str, str]
) -> dict[str, frozenset[str]]:
    """The options' texts without "the" and "a": "cat" is "the cat", where no other text is."""
    short: dict[str, frozenset[str]] = {}
    for name, letters in by_text.items():
        rest = _ITS_ARTICLE.sub("", name, count=1)
        if rest and rest not in by_letter:
            short[rest] = short.get(rest, frozenset()) | letters
    return short


def _plain(text: str) -> str:
    return " ".join(bare(text).split())


def _read(text: str, options: _Options, rules: Sequence[_Rule]) -> str | None:
    text = text.strip()
    for rule in rules:
        found = rule(text, options)
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def _whole(text: str, options: _Options) -> set[str | None]:
    said = _plain(text)
    if said in options.by_letter:
        return {options.by_letter[said]}
    if said in options.by_text:
        return {*options.by_text[said]}
    label = _first_label(text, options)
    return {label.letter} if label and ENDED.match(text, label.end) else set()


def _tagged(text: str, options: _Options) -> set[str | None]:
    # A tag that holds no option is still the place where the answer should be: None, not a guess.
    return {_read(m.group(1), options, _INSIDE) for m in ANSWER_TAG.finditer(text)}


def _boxed(text: str, options: _Options) -> set[str | None]:
    return {_read(m.group(1), options, _INSIDE) for m in _BOXED.finditer(text)}


def _stated(text: str, options: _Options) -> set[str | None]:
    labels = (_label(text, m.end(), options) for m in _STATED.finditer(text))
    return {_unless_joined(label, text, options) for label in labels if label}


def _ends(text: str, options: _Options) -> set[str | None]:
    lines = text.splitlines()
    if not lines:
        return set()
    started = [_start(line, options) for line in lines]
    found = started[0] | _whole(lines[-1], options) | set(_concluded(lines[-1], options))
    # Lines that begin with other options repeat the question, or are a change of mind.
    return found.union(*started, _listed(text, options)) if found else found


def _listed(text: str, options: _Options) -> set[str | None]:
    pairs = ((_plain(m.group(1)), _plain(m.group(2))) for m in options.both.finditer(text))
    named = ((options.by_letter[letter], options.by_text.get(name)) for letter, name in pairs)
    return {letter for letter, letters in named if letters and letter in letters}


def _start(line: str, options: _Options) -> set[str | None]:
    label = _first_label(line, options)
    return {_unless_joined(label, line, options)} if label else set()


def _first_label(text: str, options: _Options) -> _Label | None:
    bullet = _BULLET.match(text)
    return _label(text, 0, options) or (_label(text, bullet.end(), options) if bullet else None)


def _concluded(line: str, options: _Options) -> Iterator[str | None]:
    for so in _SO.finditer(line):
        label = _label(line, so.end(), options)
        if label and ENDED.match(line, label.end):
            yield label.letter
    *before, last = _SENTENCE.split(line)
    if before and (said := _plain(last)) in options.by_letter:
        yield options.by_letter[said]


def _label(text: str, position: int, options: _Options) -> _Label | None:
    """The option named at a position, when what follows does not make it part of a sentence."""
    lead = _LEAD.match(text, position)
    position = lead.end() if lead else position
    if named := _text_at(text, position, options):
        letters, end = named
        return _Label(next(iter(letters)) if len(letters) == 1 else None, end)
    found = options.letter.match(text, position)
    if not found:
        return None
    letter = options.by_letter[_plain(found.group(1))]
    between = _BETWEEN.match(text, found.end())
    if between and (named := _text_at(text, between.end(), options)):
        letters, end = named
        return _Label(letter if letter in letters else None, end)
    if right := _RIGHT.match(text, found.end()):
        return _Label(letter, right.end())
    goes_on = CLAUSE_END.match(text, found.end()) or _GOES_ON.match(text, found.end())
    joined = _OR.match(text, found.end()) or _AND.match(text, found.end())
    return _Label(letter, found.end()) if goes_on or joined else None


def _text_at(text: str, position: int, options: _Options) -> tuple[frozenset[str], int] | None:
    """Letters and end of the text named at a position; "left (B)" is B, if B is left."""
    found = options.text.match(text, position)
    letters = options.by_text.get(_plain(found.group(1))) if found else None
    if not found or not letters:
        return None
    end = found.end()
    if aside := options.aside.match(text, end):
        letters, end = letters & {options.by_letter[_plain(aside.group(1))]}, aside.end()
    if right := _RIGHT.match(text, end):
        return letters, right.end()
    ended = aside or CLAUSE_END.match(text, end) or _OR.match(text, end)
    return (letters, end) if ended else None


def _unless_joined(label: _Label, text: str, options: _Options) -> str | None:
    """The label's letter; None when another one is joined to it ("A or B", "B, C")."""
    for join in (_OR, _AND, _MARK):
        joined = join.match(text, label.end)
        other = joined and _label(text, joined.end(), options)
        if other and other.letter != label.letter:
            return None
        if joined and not other and join is _OR:
            return None
    return label.letter


_INSIDE: tuple[_Rule, ...] = (_whole, _stated, _ends)
_RULES: tuple[_Rule, ...] = (_whole, _tagged, _boxed, _stated, _ends)
