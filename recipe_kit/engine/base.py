"""What every engine offers, wherever its model runs."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from recipe_kit.model.pixels import Bytes
from recipe_kit.record.schemas import Prediction, Question

ReadMedia = Callable[[str, str], Bytes]
"""From a source and a media path to its frames, uint8 [T, H, W, 3]; a picture has one frame."""


class Engine(Protocol):
    """Asks a model questions."""

    def ask(self, questions: Sequence[Question]) -> Iterator[Prediction]:
        """Yields one prediction for each question, in the order that suits the engine.

        The caller appends what comes to a file; after a crash it asks the rest.

        Raises:
            DataError: a medium cannot be read.
            EngineError: the model could not be asked.
        """
        ...
