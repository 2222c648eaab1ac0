"""The formats by name."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from recipe_kit.data.exchange.hub import read_dataset, write_dataset
from recipe_kit.data.exchange.lingoqa import read_lingoqa
from recipe_kit.data.exchange.llava import read_llava, write_llava
from recipe_kit.data.exchange.question import ExchangeQuestion
from recipe_kit.data.exchange.triples import read_triples, write_triples
from recipe_kit.data.exchange.tsv import read_tsv, write_tsv


class Format(NamedTuple):
    """How questions are read and written."""

    read: Callable[[Path], list[ExchangeQuestion]]
    write: Callable[[Path, Sequence[ExchangeQuestion]], None]
    title: str
    holds_pictures: bool
    """Whether the pictures are in the file, as the others know the format."""


FORMATS = {
    "vlmevalkit": Format(read_tsv, write_tsv, "VLMEvalKit TSV", True),
    "llava": Format(read_llava, write_llava, "LLaVA JSON", False),
    "triples": Format(read_triples, write_triples, "JSON triples", False),
    "datasets": Format(read_dataset, write_dataset, "Hugging Face dataset", True),
}


class Reader(NamedTuple):
    """How questions are read."""

    read: Callable[[Path], list[ExchangeQuestion]]
    title: str


READERS = {
    **{name: Reader(one.read, one.title) for name, one in FORMATS.items()},
    "lingoqa": Reader(read_lingoqa, "LingoQA"),
}
"""What a source of questions may be in; of LingoQA only its authors make any."""
