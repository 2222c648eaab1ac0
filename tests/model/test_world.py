"""Which process this is."""

import pytest

from recipe_kit.errors import ModelError
from recipe_kit.model.world import World, join


def test_alone_without_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    world = join()
    assert world == World(rank=0, size=1, local_rank=0, local_size=1)
    assert world.first
    assert world.broadcast("a") == "a"
    assert world.gather("a") == ["a"]


@pytest.mark.parametrize("variables", [
    {"WORLD_SIZE": "x"}, {"WORLD_SIZE": "2"},
    {"WORLD_SIZE": "2", "RANK": "one", "LOCAL_RANK": "0"},
])  # fmt: skip
def test_variables_that_nobody_set_so_are_refused(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ModelError) as caught:
        join()
    assert caught.value.where == "environment"
    assert caught.value.fix == (
        "Start with `recipe run --nproc-per-node N` or `torchrun`, or unset WORLD_SIZE."
    )
