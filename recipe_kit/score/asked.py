"""What models answered, put together for scoring."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from recipe_kit.record.schemas import Prediction, Question


@dataclass(frozen=True)
class Asked:
    """What one model answered to one benchmark."""

    predictions: tuple[Prediction, ...]
    place: str
    """Of the predictions' file, relative to the run's folder."""
    blind: tuple[Prediction, ...] = ()
    """The same with the pictures blanked; empty if it was not asked."""
    blind_place: str = ""

    @property
    def seeing(self) -> "Asked":
        """The same without the answers to blanked pictures."""
        return replace(self, blind=(), blind_place="")


@dataclass(frozen=True)
class Study:
    """What every saved checkpoint of a training answered."""

    steps: Mapping[int, Mapping[str, Asked]]
    """From the steps done, at least 1, to the answers to each benchmark."""
    questions: Mapping[str, Sequence[Question]]
    """From a benchmark to the same questions asked of the validation samples; those benchmarks
    that the validation samples cannot be asked are missing."""
    validation: Mapping[int, Mapping[str, Asked]]
    """From the steps done to the answers to these; step 0 is the base model."""
    epoch_samples: int
    """Samples that an epoch of the training takes."""
