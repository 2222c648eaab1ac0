"""The list of tensors of a divided checkpoint is read without running what else a pickle holds."""

import io
import os
import pickle
from typing import Any

import pytest
from torch.distributed.checkpoint.metadata import _MEM_FORMAT_ENCODING as FORMATS

from recipe_kit.train.shards import _Unpickler


class Asks:
    """Pickled, it asks for an attribute, as Python before 3.11.4 does for enumerations."""

    def __init__(self, *what: object) -> None:
        self.what = what

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, self.what


def test_a_member_of_the_enumeration_is_read() -> None:
    pickled = pickle.dumps(Asks(FORMATS, "TORCH_CONTIGUOUS_FORMAT"))
    assert _Unpickler(io.BytesIO(pickled)).load() is FORMATS.TORCH_CONTIGUOUS_FORMAT


@pytest.mark.parametrize("value", [
    Asks(FORMATS, "__class__"), Asks("text", "format"), os.system, pickle.loads,
])  # fmt: skip
def test_nothing_else_is(value: object) -> None:
    with pytest.raises((pickle.UnpicklingError, KeyError)):
        _Unpickler(io.BytesIO(pickle.dumps(value))).load()
