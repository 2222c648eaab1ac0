"""What keeps a recipe's page from being published."""

from collections.abc import Sequence
from pathlib import Path

from recipe_kit.errors import SpecError
from recipe_kit.record.schemas import Record
from recipe_kit.spec.document import read_document
from recipe_kit.spec.drafts import draft_problems
from recipe_kit.spec.overrides import override
from recipe_kit.spec.problems import show


def check_finished(path: Path, overrides: Sequence[str], record: Record | None) -> None:
    """Refuses a recipe with something left to write, or with numbers that were typed by hand.

    Args:
        path: The recipe's file, which is valid.
        overrides: Values in place of the file's.
        record: What its run found out, if it has run.

    Raises:
        SpecError: Tells every place.
    """
    document = override(read_document(path), overrides)
    problems = draft_problems(document)
    if problems:
        places = "1 place keeps" if len(problems) == 1 else f"{len(problems)} places keep"
        raise SpecError(f"{show(document, problems)}\n\n{places} {document.name} unpublished")
