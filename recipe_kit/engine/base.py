"""What every engine offers, wherever its model runs."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from recipe_kit.data.clip import ReadMedia as ReadMedia
from recipe_kit.record.schemas import Prediction, Question


class Engine(Protocol):
    """Asks a model questions."""

    batched: bool
    """Whether the last bits of a probability depend on what is asked in the same batch."""

    def ask(self, questions: Sequence[Question]) -> Iterator[Prediction]:
        """Yields one prediction for each question, in the order that suits the engine.

        The caller appends what comes to a file; after a crash it asks the rest.

        Raises:
            DataError: a medium cannot be read.
            EngineError: the model could not be asked.
        """
        ...
