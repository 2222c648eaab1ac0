"""Checks a published page: its files, its numbers, its text and its plots.

Nothing but the page's own folder is read, no model is loaded, and no GPU is used.
"""

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from recipe_kit import __version__
from recipe_kit.errors import RecipeError, RecordError, VerifyError
from recipe_kit.page.figures import figures
from recipe_kit.page.files import RECORD, SUMS, page_files, shown_media
from recipe_kit.page.plot_kinds import Figure
from recipe_kit.page.render import DRAWN_BY
from recipe_kit.record.archive import ARCHIVE, Archive, archive_files, read_archive
from recipe_kit.record.schemas import VERSION, Record
from recipe_kit.record.store import read_record
from recipe_kit.record.versions import machine, versions
from recipe_kit.record.words import FIRST_WITH_ANSWERS
from recipe_kit.verify.drawing import drawing
from recipe_kit.verify.findings import Finding, file_differences, json_differences, svg_texts
from recipe_kit.verify.scores import misread, rescored

_LINE = re.compile(r"([0-9a-f]{64})  (\.\./)?([^/]+)")
_ARITHMETIC = ("numpy", "scipy", "scikit-learn")
MANY = 500
"""Answers from which on the plots are drawn in another process, while these are scored."""
TOLD = 20
"""Findings that are told one by one, of each file; one edit may have many consequences."""


@dataclass(frozen=True)
class Report:
    """What was checked, and what was found."""

    findings: tuple[Finding, ...]
    notes: tuple[Finding, ...]
    """What cannot be told apart here from another version's or another processor's work."""
    questions: int
    predictions: int
    files: int
    seconds: float

    def error(self, page: Path) -> VerifyError:
        """All findings as one error."""
        told: dict[str, list[str]] = {}
        for finding in self.findings:
            told.setdefault(_file_of(finding), []).append(f"\n  {finding}")
        listed = "".join(
            "".join(lines[:TOLD]) + _more(file, len(lines) - TOLD) for file, lines in told.items()
        )
        count = f"{len(self.findings)} places" if len(self.findings) > 1 else "1 place"
        return VerifyError(
            f"differs from what its answers give in {count}:{listed}", where=str(page),
            fix="Take back what was edited by hand, or render the page again.",
        )


def _file_of(finding: Finding) -> str:
    return re.split(r"[:,]| \(", finding.where, maxsplit=1)[0]


def _more(file: str, number: int) -> str:
    return f"\n  {file}: {number} more" if number > 0 else ""


def verify(page: Path) -> Report:
    """Checks the page in a folder.

    Raises:
        RecordError: The folder holds no page.
        VerifyError: The page was made before pages carried their answers.
    """
    started = time.monotonic()
    if not (page / "assets" / RECORD).is_file():
        raise RecordError(
            f"there is no page: assets/{RECORD} is missing", where=str(page),
            fix="Name a page's folder, such as docs/recipes/floor-crack.",
        )
    found = list(_sums(page))
    archive = Archive({}, {})
    try:
        record = read_record(page / "assets" / RECORD)
        _refuse_old(page, record)
        found += _media(page, record)
        archive = read_archive(page / "assets")
        with drawing(figures(record).values(), aside=_worth_it(archive)) as draw:
            found += misread(archive)
            found += _scores(record, archive)
            found += _files(page, record, draw)
    except VerifyError:
        raise
    except RecipeError as error:
        # What is so wrong that nothing can be computed from it is one more finding.
        where = error.where.replace(f"{page}/", "")
        found.append(Finding(where or page.name, error.what))
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        # A record that was edited by hand may lack what our code takes for granted.
        found.append(Finding(f"assets/{RECORD}", f"does not hold together: {error!r}"))
    asked = (*archive.questions.values(), *archive.validation_questions.values())
    return Report(
        findings=tuple(one for one in found if not one.excuse),
        notes=tuple(one for one in found if one.excuse),
        questions=sum(map(len, asked)),
        predictions=sum(len(rows) for *_, rows in archive.logs),
        files=sum(path.is_file() for path in page.rglob("*")),
        seconds=time.monotonic() - started,
    )


def _worth_it(archive: Archive) -> bool:
    """Whether scoring takes longer than starting another process."""
    return sum(len(rows) for *_, rows in archive.logs) >= MANY


def _refuse_old(page: Path, record: Record) -> None:
    if record.version < FIRST_WITH_ANSWERS:
        raise VerifyError(
            "was made before pages carried the answers they stand on", where=str(page),
            fix=f"Run its recipe again: recipe run recipes/{record.recipe}",
        )


def _sums(page: Path) -> Iterator[Finding]:
    """Files that are not those of the list of digests."""
    name = f"assets/{SUMS}"
    try:
        lines = (page / name).read_bytes().decode().removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError):
        yield Finding(name, "is missing or cannot be read")
        return
    listed = {name}
    for number, line in enumerate(lines, start=1):
        entry = _LINE.fullmatch(line)
        if entry is None:
            yield Finding(f"{name}:{number}", "is no line of digests")
            continue
        file = entry[3] if entry[2] else f"assets/{entry[3]}"
        if file in listed:
            yield Finding(f"{name}:{number}", f"lists {file} twice")
        listed.add(file)
        path = page / file
        if not path.is_file():
            yield Finding(file, f"is listed in {SUMS}, but is missing")
        elif _sha256(path) != entry[1]:
            yield Finding(file, f"was changed: its sha256 is not the one in {name}:{number}")
    for path in sorted(page.rglob("*")):
        file = path.relative_to(page).as_posix()
        if path.is_file() and file not in listed:
            yield Finding(file, f"is no file of the page: {SUMS} does not list it")


def _media(page: Path, record: Record) -> Iterator[Finding]:
    """Pictures and answers that are not those the run made."""
    for name in sorted({*shown_media(record), ARCHIVE, *archive_files(page / "assets")}):
        path = page / "assets" / name
        if name not in record.media:
            yield Finding(f"assets/{RECORD}: media", f"does not list {name}")
        elif not path.is_file():
            yield Finding(f"assets/{name}", "is missing")
        elif _sha256(path) != record.media[name]:
            yield Finding(f"assets/{name}", "is not the file that the run made")


def _scores(record: Record, archive: Archive) -> Iterator[Finding]:
    """Numbers of the record that do not follow from the answers."""
    published = json.loads(record.model_dump_json())
    right = json.loads(rescored(record, archive).model_dump_json())
    made = record.provenance
    same = made.platform == machine() and all(
        made.packages.get(name) == found for name, found in versions(_ARITHMETIC).items()
    )
    excuse = "" if same else "other processors and versions sum in another order"
    for one in json_differences(published, right):
        yield Finding(
            f"assets/{RECORD}: {one.where}", one.what,
            excuse=excuse if one.near else "",
        )


def _files(page: Path, record: Record, draw: Callable[[Figure], bytes]) -> Iterator[Finding]:
    """Files that are not what the record gives."""
    made = page_files(record, page / "assets", draw=draw)
    skipped = {f"assets/{SUMS}"}
    if record.version < VERSION:
        # It was written without the fields that came later; its content has been compared.
        skipped.add(f"assets/{RECORD}")
    for name, right in made.items():
        path = page / name
        found = path.read_bytes() if path.is_file() else None
        if found is None:
            yield Finding(name, "is missing")
        elif found != right and name not in skipped:
            yield from _changed(record, name, found, right)
    for path in sorted(page.rglob("*")):
        file = path.relative_to(page).as_posix()
        if path.is_file() and file not in made and _is_listed(page, file):
            yield Finding(file, f"is no file of the page, though {SUMS} lists it")


def _is_listed(page: Path, file: str) -> bool:
    """Whether the list of digests has a file; one that it lacks is told already."""
    name = file.removeprefix("assets/") if file.startswith("assets/") else f"../{file}"
    listed = page / "assets" / SUMS
    return listed.is_file() and f"  {name}\n".encode() in listed.read_bytes()


def _changed(record: Record, name: str, found: bytes, right: bytes) -> Iterator[Finding]:
    made = record.provenance
    drawn, here = made.packages.get(DRAWN_BY, ""), versions((DRAWN_BY,))[DRAWN_BY]
    if name.endswith(".svg") and drawn != here and svg_texts(found) == svg_texts(right):
        yield Finding(
            name, "differs in its lines, not in what it says",
            excuse=f"{DRAWN_BY} {drawn} drew it; this is {here}",
        )
        return
    other = "" if made.recipe_kit == __version__ else (
        f" (the run was made with recipe_kit {made.recipe_kit}; this is {__version__})"
    )
    for one in file_differences(name, found, right):
        yield Finding(one.where, one.what + other)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
