"""The engine on a GPU, where batches overlap, beside the same on a CPU."""

from dataclasses import replace

import pytest
import torch
from small_model import SEVERITY, question, read_picture, small_model

from recipe_kit.engine.local import LocalEngine, _by_medium
from recipe_kit.model.seen import Seen
from recipe_kit.record.schemas import Prediction
from recipe_kit.spec.recipe import Evaluation

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

QUESTIONS = [
    asked
    for media in ("1.mp4", "2.png", "3.mp4", "4.png", "5.png")
    for asked in (
        question(media),
        question(media, SEVERITY, ("1", "2", "3", "4", "5")),
        question(media, "Which of the two is it?", ("no crack", "no stain")),
    )
]


def ask(device: str, seen: Seen | None = None, *, size: int = 2) -> list[Prediction]:
    loaded = small_model()
    loaded = replace(loaded, model=loaded.model.to(device), device=torch.device(device))
    evaluation = Evaluation(max_new_tokens=6, batch_size=size)
    return list(LocalEngine(loaded, evaluation, read_picture, seen=seen).ask(QUESTIONS))


def test_predictions_are_those_of_a_cpu() -> None:
    expected, seen = ask("cpu"), Seen(0.1)
    for found in (ask("cuda"), ask("cuda", seen), ask("cuda", seen, size=4)):
        assert [one.question for one in found] == [one.question for one in expected]
        for one, other in zip(found, expected, strict=True):
            assert one.text == other.text
            assert one.latency_s > 0
            assert one.mass == pytest.approx(other.mass, abs=1e-4)
            assert one.probabilities == pytest.approx(other.probabilities, abs=1e-4)
    assert seen.hits == 5
    assert seen.get(f"{QUESTIONS[0].source}/1.mp4", torch.device("cuda")).tokens_VE.is_cuda


def test_the_cpu_does_not_wait_for_what_it_has_begun() -> None:
    loaded = small_model()
    loaded = replace(loaded, model=loaded.model.cuda(), device=torch.device("cuda"))
    engine = LocalEngine(loaded, Evaluation(max_new_tokens=1, batch_size=2), read_picture)
    list(engine.ask(QUESTIONS))  # kernels are made ready, and positions computed
    with torch.cuda.stream(torch.cuda.Stream()):
        ready = [engine._showing("", media) for media in ("1.mp4", "3.mp4")]
        groups = [group for group in _by_medium(QUESTIONS) if group.media in ("1.mp4", "3.mp4")]
        torch.cuda.set_sync_debug_mode("error")
        try:
            asking = engine._start(list(zip(groups, ready, strict=True)))
        finally:
            torch.cuda.set_sync_debug_mode("default")
    assert len(engine._predictions(asking)) == 6
