"""What a sentence is about: which metrics, models, tasks, benchmarks and slices it names."""

import re
from dataclasses import dataclass

from recipe_kit.page.named import identifier, identifiers
from recipe_kit.page.names_checkpoints import checkpoint_role
from recipe_kit.record.schemas import Record

_METRICS = {
    "circular_accuracy": r"circular accuracy",
    "balanced_accuracy": r"balanced accuracy",
    "accuracy": r"(?<!balanced )(?<!circular )accura(?:cy|te|tely)|correct(?:ly)?|right answers?",
    "precision": r"precision",
    "recall": r"recall",
    "f1": r"f1(?:[- ]score)?",
    "within_one": r"within one|within ±1",
    "mae": r"mae|mean absolute error",
    "quadratic_kappa": r"kappa",
    "unparseable": r"unparseable|unparsed|unreadable",
    "auroc": r"auroc|auc",
    "ece": r"ece|calibration error",
    "brier": r"brier",
    "bleu": r"bleu(?:[- ]scores?)?",
    "lingo_judge": r"lingo[- ]?judge|lingo[- ]?qa scores?",
}
_SCORED = re.compile(
    r"\b(?:scores?|scored|reach(?:es|ed)?|achieves?|achieved|gets?|got|attain(?:s|ed)?|result"
    r"|perform(?:s|ed|ance)|right)\b|\bbaseline (?:of|is|was|at)\b", re.IGNORECASE,
)
_ROLES = {
    "base": r"zero[- ]shot|baselines?|base model|untrained"
            r"|before (?:fine-?\s?tuning|post-?\s?training|training|it)",
    "tuned": r"fine-?\s?tuned|post-?\s?trained|tuned|trained model"
             r"|after (?:fine-?\s?tuning|post-?\s?training|training|it)",
}
_LOOKING = {
    "chance": r"chance|guess(?:ing|es)?|random",
    "majority": r"commonest answer|majority",
    "always_first": r"first option|always (?:answering )?A",
    "blind": r"blind(?:ly)?|without looking|without the (?:picture|image)s?|blanked",
}
_THINGS = (
    r"(?:pictures?|images?|photographs?|questions?|samples?|objects?|pairs?|cases?|scenes?|ones"
    r"|category|categories|option|position|answers?)"
)
# Numbers that say what is wanted, not what was measured; or what another model has.
_WANTED = re.compile(
    r"\b(?:targets?|goals?|thresholds?|criteri(?:on|a)|at least|at most|required?|must|should"
    r"|needs? to|aim(?:s|ed)?|enough|bar|wanted|asked for"
    r"|(?:more than|less than|over|under|above|below|up to)(?=\s+[\d*_`{]))\b|[<>≥≤]",
    re.IGNORECASE,
)
_OTHERS = re.compile(
    r"\b(?:GPT|Gemini|Claude|LLaVA|InternVL|Llama|human|humans|people|annotators?|papers?"
    r"|published|literature|reported by|state of the art)\b",
)
_SHARE = re.compile(
    r"\s*(?:of|more|fewer|less)\b|\s*for (?:training|testing|validation|choosing|the)\b"
    r"|\s*(?:dropout|share)\b", re.IGNORECASE,
)
_JUDGED = re.compile(
    r"\s*of (?:(?:the|all|its|these|those|our) )*(?:[\w-]+ )?(?:questions|answers|cases|pictures"
    r"|images|photographs|samples|videos|clips|frames|cracks|hazards|objects)\b", re.IGNORECASE,
)
_LEVEL = re.compile(r"[-\s]*(?:confidence\b|intervals?\b|CI\b)", re.IGNORECASE)


@dataclass(frozen=True)
class Cues:
    """What a sentence names, each with where it was found."""

    metrics: frozenset[str]
    roles: dict[str, tuple[int, ...]]
    tasks: frozenset[str]
    benchmarks: frozenset[str]
    slices: frozenset[tuple[str, str]]
    """Dimension and value, as parts of a name."""
    looking: frozenset[str]
    """Scores without looking: `chance`, `blind`, ..."""
    scored: bool
    """It says that something scores, without saying in which metric."""

    @property
    def place(self) -> bool:
        """Whether it tells what was asked: a task, a benchmark or a slice."""
        return bool(self.tasks or self.benchmarks or self.slices)


class Reader:
    """Finds the words of one record in sentences."""

    def __init__(self, record: Record) -> None:
        ablations = [one.role for one in record.training if one.role != "tuned"]
        self._metrics = {name: _words(words) for name, words in _METRICS.items()}
        self._looking = {name: _words(words) for name, words in _LOOKING.items()}
        self._roles = {name: _words(words) for name, words in _ROLES.items()}
        self._roles |= {identifier(role): _words(_named(role)) for role in ablations}
        self._roles |= {
            checkpoint_role(one.step): _words(rf"(?:ckpt|checkpoint|step)[-_ ]?{one.step}")
            for one in record.checkpoints if one.step
        }
        self._roles |= {
            identifier(role): _words(_named(facts.title)) for role, facts in record.models.items()
        }
        asked = {task for facts in record.benchmarks.values() for task in facts.tasks}
        self._tasks = {task: _words(_named(task)) for task in asked}
        self._benchmarks = {
            name: _words(rf"`{name}`|{_named(name)} benchmark|benchmark {_named(name)}")
            for name in record.benchmarks
        }
        self._slices = {
            key: (value.lower(), _words(words)) for key, (value, words) in _slices(record).items()
        }

    def read(self, sentence: str) -> Cues:
        """What a sentence names."""
        lower = sentence.lower()
        return Cues(
            metrics=_found(self._metrics, sentence),
            roles={
                role: tuple(one.start() for one in pattern.finditer(sentence))
                for role, pattern in self._roles.items()
                if pattern.search(sentence)
            },
            tasks=_found(self._tasks, sentence),
            benchmarks=_found(self._benchmarks, sentence),
            slices=frozenset(
                key for key, (value, pattern) in self._slices.items()
                if value in lower and pattern.search(sentence)
            ),
            looking=_found(self._looking, sentence),
            scored=bool(_SCORED.search(sentence)),
        )


def says_score(words: str) -> bool:
    """Whether a piece of a sentence says that a score follows, or names a metric."""
    return bool(_SCORED.search(words)) or any(
        _words(metric).search(words) for metric in _METRICS.values()
    )


def states(metric: str, before: str, after: str) -> bool:
    """Whether a number is said to be that metric's: `an accuracy of 95%`, `95% accuracy`.

    Args:
        metric: A metric of the record.
        before: The sentence up to the number.
        after: The sentence behind it.
    """
    words = _METRICS[metric]
    if re.search(rf"\b(?:val|validation|train|training)[- ](?:{words})", before + after, re.I):
        return False
    joint = r"(?: of (?:the|our) \w+)?(?: (?:is|was|of|reaches|reached|rises to|rose to))?[:=]?"
    ahead = re.search(rf"(?<![\w-])(?:{words}){joint}[\s*_]*$", before, re.IGNORECASE)
    return bool(ahead or re.match(rf"[\s*_]*(?:{words})(?!\w)", after, re.IGNORECASE))


def is_wanted(sentence: str) -> bool:
    """Whether a number there says what is wanted rather than what was measured."""
    return bool(_WANTED.search(sentence))


def is_of_others(sentence: str) -> bool:
    """Whether a sentence is about other models, people or papers."""
    return bool(_OTHERS.search(sentence))


def is_share(after: str, cues: Cues) -> bool:
    """Whether what follows a number makes it a share of something, and no score.

    `97% of the questions` is a score where the sentence names one (`are answered correctly`).
    """
    return bool(_SHARE.match(after)) and not (_JUDGED.match(after) and cues.metrics)


def is_level(after: str) -> bool:
    """Whether what follows a number makes it the level of an interval."""
    return bool(_LEVEL.match(after))


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])(?:{pattern})(?![\w])", re.IGNORECASE)


def _named(name: str) -> str:
    """A name of the spec as prose may write it: `left_right` also as `left/right`."""
    return r"[\W_]".join(re.escape(part) for part in re.split(r"[\W_]+", name) if part)


def _found(patterns: dict[str, re.Pattern[str]], sentence: str) -> frozenset[str]:
    return frozenset(name for name, pattern in patterns.items() if pattern.search(sentence))


def _slices(record: Record) -> dict[tuple[str, str], tuple[str, str]]:
    """Value and pattern of each slice: in code, or with a noun, since `near` alone says nothing."""
    seen: dict[tuple[str, str], tuple[str, str]] = {}
    for evaluation in record.evaluations:
        for scores in evaluation.tasks.values():
            for kind, values in scores.slices.items():
                for value, part in identifiers(values).items():
                    name, dimension = re.escape(value), _named(kind)
                    seen[identifier(kind), part] = (
                        value,
                        rf"`(?:{dimension}\.)?{name}`|{name} {_THINGS}"
                        rf"|{dimension}:? [“\"]?{name}",
                    )
    return seen
