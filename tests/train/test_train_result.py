"""What the record and the page say of a training that did not go smoothly."""

import pytest
from small_model import recipe, samples

from recipe_kit.record.schemas import BadMedium
from recipe_kit.train.checkpoint import State
from recipe_kit.train.plan import make_plan
from recipe_kit.train.result import result_of

BROKEN = BadMedium(source="table", media="7.png", reason="cannot be read")


@pytest.mark.parametrize(("update", "told"), [
    ({}, "all 6 steps were done"),
    ({"skipped": 2},
     "all 6 steps were done; 2 of them skipped, without a usable gradient"),
    ({"bad_media": (BROKEN,)},
     "all 6 steps were done; 1 sample replaced, of 1 file that could not be read"),
    ({"bad_media": (BROKEN, BROKEN.model_copy(update={"media": "8.png", "times": 4}))},
     "all 6 steps were done; 5 samples replaced, of 2 files that could not be read"),
    ({"micro_batch": 4},
     "all 6 steps were done; at most 4 samples at once, as the memory had no room for more"),
])  # fmt: skip
def test_remarks_on_the_steps(update: dict[str, object], told: str) -> None:
    state = State(model="m", training="t", method="lora", step=6).model_copy(update=update)
    result = result_of(
        make_plan(recipe(), samples(12), {}), state, stopped="all 6 steps were done",
        best_step=6, role="tuned", parameters=1, trainable_parameters=1, curve=(),
    )
    assert result.stopped == told
