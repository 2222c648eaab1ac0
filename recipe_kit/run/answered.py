"""What was drawn from pools and what models answered; imports no torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from recipe_kit.benchmark.construct import Pair, compare_answers, to_ask
from recipe_kit.benchmark.pool import Drawn
from recipe_kit.benchmark.questions import pool_pairs
from recipe_kit.benchmark.review import read_decisions
from recipe_kit.record.files import read_rows
from recipe_kit.record.schemas import Prediction, Question, Sample
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import Pool

TEXT, VISION = "text", "vision"
"""Who answered: the model that reads the annotations, the model that sees the media."""


@dataclass(frozen=True)
class Answers:
    """What was drawn for a benchmark, and what models answered."""

    pool: Pool
    drawn: Sequence[tuple[Sample, Drawn]]
    questions: Sequence[Question]
    said: Mapping[str, Prediction]
    """From the annotations, by question; only those that no label answers."""
    seen: Mapping[str, Prediction]
    """From the media, by question."""

    def pairs(self, review: Path) -> tuple[Pair, ...]:
        """Every pair, as it stands with the decisions in a review file.

        Raises:
            DataError: The file has a line that is not what it should be.
        """
        return compare_answers(
            self.pool, self.drawn, self.questions, self.said, self.seen, read_decisions(review)
        )


def read_answers(
    recipe: Recipe, name: str, samples: Sequence[Sample], folder: Path
) -> Answers:
    """What models answered about a benchmark.

    Args:
        recipe: The recipe.
        name: The benchmark; it has a pool.
        samples: All samples.
        folder: Of the stage in which they answered.
    """
    pool = recipe.benchmarks[name].pool
    assert pool is not None
    drawn, questions = drawn_pairs(recipe, name, samples)
    said, seen = (
        {row.question: row for row in read_rows(path, Prediction)} if path.exists() else {}
        for path in (folder / answers_name(TEXT, name), folder / answers_name(VISION, name))
    )
    return Answers(pool, drawn, questions, said, seen)


def drawn_pairs(
    recipe: Recipe, name: str, samples: Sequence[Sample]
) -> tuple[list[tuple[Sample, Drawn]], tuple[Question, ...]]:
    """What is drawn for a benchmark of a pool, and the same as models are asked it."""
    drawn = pool_pairs(name, recipe, samples)
    return drawn, to_ask(name, recipe, drawn)


def answers_name(kind: str, benchmark: str) -> str:
    """File name of what one of the models answered."""
    return f"{kind}-{benchmark}.jsonl"
