"""Every error a user can meet, and the exit code it ends the program with.

    RecipeError
    ├── SpecError         2  the YAML file is wrong; carries every problem found in it
    ├── DataError         3  a file, label, split or picture is wrong
    │   └── LeakageError  3  the same picture or group stands in train and in test
    ├── ModelError        4  a checkpoint cannot be loaded or does not fit
    ├── EngineError       4  a model could not be asked
    ├── TrainError        5  training cannot go on (NaN loss, out of memory, ...)
    ├── RecordError       6  a run's files are missing, damaged or from a newer version
    ├── CompareError      6  two sets of predictions do not answer the same questions
    ├── VerifyError       6  a published page differs from what its answers give
    ├── PageError         7  the page cannot be rendered
    ├── BusyError         8  another process is working on the same run
    ├── StorageError      9  a file could not be written (full disk, no permission)
    └── MissingPackageError 10  an optional package is needed for this

The message says where, what and how to mend it. The command line prints it without a traceback.
"""


class RecipeError(Exception):
    """What went wrong, told to the person who can mend it.

    Args:
        what: The problem, in one sentence.
        where: The file, key or place it was found at.
        fix: What to do about it.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what = what
        self.where = where
        self.fix = fix
        super().__init__(what)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}\n  To mend it: {self.fix}" if self.fix else text


class SpecError(RecipeError):
    """The spec is wrong; `what` holds every problem, each with file, line and column."""

    exit_code = 2


class DataError(RecipeError):
    """A file, a label, a split or a picture is wrong."""

    exit_code = 3


class LeakageError(DataError):
    """The same picture or group stands in train and in test."""


class ModelError(RecipeError):
    """A checkpoint cannot be loaded, or does not fit what it is used for."""

    exit_code = 4


class EngineError(RecipeError):
    """A model could not be asked."""

    exit_code = 4


class TrainError(RecipeError):
    """Training cannot go on."""

    exit_code = 5


class RecordError(RecipeError):
    """A run's files are missing, damaged, or written by a newer version."""

    exit_code = 6


class CompareError(RecipeError):
    """Two sets of predictions do not answer the same questions in the same way."""

    exit_code = 6


class VerifyError(RecipeError):
    """A published page is not what its answers and its record give; `what` holds each place."""

    exit_code = 6


class PageError(RecipeError):
    """The page cannot be rendered."""

    exit_code = 7


class BusyError(RecipeError):
    """Another process is working on the same run."""

    exit_code = 8


class StorageError(RecipeError):
    """A file could not be written."""

    exit_code = 9


class MissingPackageError(RecipeError):
    """An optional package is needed for this."""

    exit_code = 10
