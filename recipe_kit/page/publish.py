"""What keeps a recipe's page from being published, and what its author should know."""

from collections.abc import Sequence
from pathlib import Path

from recipe_kit.errors import SpecError
from recipe_kit.page.typed import typed_problems
from recipe_kit.record.schemas import Record
from recipe_kit.spec.document import read_document
from recipe_kit.spec.drafts import draft_problems
from recipe_kit.spec.overrides import override
from recipe_kit.spec.problems import Document, show


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
    problems = draft_problems(document) + (typed_problems(record, document) if record else [])
    if problems:
        places = "1 place keeps" if len(problems) == 1 else f"{len(problems)} places keep"
        raise SpecError(
            f"{show(document, problems)}\n\n{places} {document.name} from being published"
        )


def notes(path: Path, overrides: Sequence[str], record: Record) -> list[str]:
    """What the author should know about a page that was just made, a line each.

    Args:
        path: The recipe's file, which is valid.
        overrides: Values in place of the file's.
        record: What its run found out.
    """
    document = override(read_document(path), overrides)
    found = [
        f"{_place(document, one.mark.line if one.mark else None)}: {one.what}. {one.fix}"
        for one in typed_problems(record, document)
    ]
    found += _stale_examples(document, record)
    left = len(draft_problems(document))
    if left:
        places = "1 place is" if left == 1 else f"{left} places are"
        found.append(
            f"the page is a draft: {places} left to write "
            f"(`recipe validate --publish {document.name}`)"
        )
    return found


def _stale_examples(document: Document, record: Record) -> list[str]:
    shown = {example.question for example in record.examples}
    return [
        f"{_place(document, place.key.line)}: '{keys[2]}' is no example of this page, so its "
        "words are not shown"
        for keys, place in document.places.items()
        if keys[:2] == ("prose", "examples") and len(keys) == 3 and keys[2] not in shown
    ]


def _place(document: Document, line: int | None) -> str:
    return document.name if line is None else f"{document.name}:{line + 1}"
