"""What the types cannot say: rules over several keys of a recipe.

The rules read plain data, and skip what has the wrong type, so that one mistake hides no other.
"""

from collections.abc import Callable, Iterator

from recipe_kit.spec.problems import Plain, Problem
from recipe_kit.spec.rules.choices import CHOICE_RULES
from recipe_kit.spec.rules.clips import CLIP_RULES
from recipe_kit.spec.rules.data import DATA_RULES
from recipe_kit.spec.rules.pools import POOL_RULES
from recipe_kit.spec.rules.prose import PROSE_RULES
from recipe_kit.spec.rules.targets import TARGET_RULES
from recipe_kit.spec.rules.tasks import TASK_RULES
from recipe_kit.spec.rules.train import TRAIN_RULES

RULES: tuple[Callable[[Plain], Iterator[Problem]], ...] = (
    *DATA_RULES, *CLIP_RULES, *TASK_RULES, *CHOICE_RULES, *POOL_RULES, *TARGET_RULES, *TRAIN_RULES,
    *PROSE_RULES,
)


def check(data: Plain) -> list[Problem]:
    """Every problem that the rules find.

    Args:
        data: A recipe as plain data.
    """
    return [problem for rule in RULES for problem in rule(data)]
