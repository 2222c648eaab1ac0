import copy
import itertools
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_model import CRACKED, SEVERITY, picture, question, read_picture, small_model

from recipe_kit.data.clip import Clip
from recipe_kit.engine.local import LocalEngine
from recipe_kit.errors import DataError, EngineError
from recipe_kit.model.media import show
from recipe_kit.model.pixels import normalize
from recipe_kit.model.prompt import encode
from recipe_kit.record.schemas import Prediction, Question
from recipe_kit.spec.recipe import Evaluation

LOADED = small_model()
SCALE = ("1", "2", "3", "4", "5")
QUESTIONS = [
    asked
    for number in range(9)
    for asked in (question(f"{number}.png"), question(f"{number}.png", SEVERITY, SCALE))
]
SIZES = itertools.cycle([(64, 64), (32, 128), (128, 32)])


def ask(questions: list[Question], **options: object) -> dict[str, Prediction]:
    blank = bool(options.pop("blank", False))
    evaluation = Evaluation.model_validate({"max_new_tokens": 4, **options})
    engine = LocalEngine(LOADED, evaluation, read_picture, blank=blank)
    return {prediction.question: prediction for prediction in engine.ask(questions)}


def reference_logits(clip: Clip, prompt: str, answer: str = "") -> torch.Tensor:
    """The logits of transformers' own forward, [tokens, words]."""
    shown = show(clip, LOADED.preprocess)
    encoded = encode(LOADED.tokenizer, prompt, [shown.medium])
    ids = [*encoded.ids_L, *LOADED.tokenizer(answer)["input_ids"]]
    kinds = [*encoded.kinds_L, *[0] * (len(ids) - len(encoded.ids_L))]
    grid = torch.tensor([shown.patches.grid])
    kind = "_videos" if clip.seconds_T else ""
    with torch.no_grad():
        out = LOADED.model(
            input_ids=torch.tensor([ids]),
            mm_token_type_ids=torch.tensor([kinds]),
            **{
                f"pixel_values{kind}": torch.from_numpy(
                    normalize(shown.patches.values, LOADED.preprocess)
                ),
                f"{'video' if kind else 'image'}_grid_thw": grid,
            },
        )
    return out.logits[0]


@pytest.mark.parametrize("media", ["3.png", "3.mp4"])
def test_label_probabilities_are_those_of_transformers(media: str) -> None:
    asked = [question("1.png"), question(media), question("2.png", SEVERITY, SCALE)]
    found = ask(asked, max_new_tokens=1)
    logits = reference_logits(read_picture("", media), CRACKED)[-1]
    words = logits.softmax(-1)[LOADED.tokenizer.convert_tokens_to_ids(["Yes", "No"])]
    prediction = found[question(media).id]
    assert prediction.mass == pytest.approx(words.sum().item(), rel=1e-4)
    assert prediction.probabilities == pytest.approx(
        {"Yes": (words[0] / words.sum()).item(), "No": (words[1] / words.sum()).item()}, rel=1e-4
    )


def test_answers_are_those_of_generate() -> None:
    found = ask(QUESTIONS, max_new_tokens=6)
    for number in range(4):
        shown = show(Clip(picture(number)), LOADED.preprocess)
        encoded = encode(LOADED.tokenizer, CRACKED, [shown.medium])
        out = LOADED.model.generate(
            input_ids=torch.from_numpy(encoded.ids_L)[None],
            attention_mask=torch.ones(1, len(encoded.ids_L), dtype=torch.long),
            mm_token_type_ids=torch.tensor(encoded.kinds_L)[None],
            pixel_values=torch.from_numpy(normalize(shown.patches.values, LOADED.preprocess)),
            image_grid_thw=torch.tensor([shown.patches.grid]),
            max_new_tokens=6,
        )
        text = LOADED.tokenizer.decode(out[0, len(encoded.ids_L) :], skip_special_tokens=True)
        assert found[question(f"{number}.png").id].text == text.strip()


@pytest.mark.parametrize("size", [2, 9, 32])
def test_batches_do_not_change_predictions(size: int) -> None:
    one = ask(QUESTIONS, batch_size=1)
    many = ask(QUESTIONS[::-1], batch_size=size)
    assert one.keys() == many.keys()
    for key, prediction in one.items():
        assert many[key].text == prediction.text
        assert many[key].digest == prediction.digest
        assert many[key].probabilities == pytest.approx(prediction.probabilities, abs=1e-4)
        assert many[key].mass == pytest.approx(prediction.mass, abs=1e-4)


def test_sizes_may_be_mixed_in_a_batch() -> None:
    shapes = dict(zip("012345", SIZES, strict=False))

    def read(source: str, media: str) -> Clip:
        height, width = shapes[media[0]]
        return Clip(picture(int(media[0]), height=height, width=width))

    asked = [question(f"{number}.png") for number in range(6)]
    engines = (LocalEngine(LOADED, Evaluation(batch_size=size), read) for size in (1, 6))
    alone, together = ([p.probabilities["Yes"] for p in e.ask(asked)] for e in engines)
    assert together == pytest.approx(alone, abs=1e-4)


def test_a_picture_is_read_once_for_all_its_questions() -> None:
    reads: Counter[str] = Counter()

    def read(source: str, media: str) -> Clip:
        reads[media] += 1
        return read_picture(source, media)

    by_task = sorted(QUESTIONS, key=lambda asked: asked.task)
    engine = LocalEngine(LOADED, Evaluation(batch_size=2), read)
    assert len(list(engine.ask(by_task))) == 18
    assert reads == {f"{number}.png": 1 for number in range(9)}


def test_labels_that_begin_alike_are_scored_as_a_whole() -> None:
    choices = ("no crack", "no stain")
    found = ask([question("1.png"), question("1.png", SEVERITY, choices)], max_new_tokens=1)
    logs = []
    for choice in choices:
        answer = LOADED.tokenizer(choice + "<|im_end|>")["input_ids"]
        logits = reference_logits(Clip(picture(1)), SEVERITY, choice + "<|im_end|>")
        steps = logits[-len(answer) - 1 : -1].log_softmax(-1)
        logs.append(sum(steps[place, token].item() for place, token in enumerate(answer)))
    shares = np.exp(logs) / np.exp(logs).sum()
    prediction = found[question("1.png", SEVERITY).id]
    assert list(prediction.probabilities.values()) == pytest.approx(shares, rel=1e-3)
    assert prediction.mass == pytest.approx(np.exp(logs).sum(), rel=1e-3)


def test_blank_pictures_all_look_alike() -> None:
    asked = [question(f"{number}.png") for number in range(3)]
    seen, blank = ask(asked), ask(asked, blank=True)
    assert len({round(p.probabilities["Yes"], 5) for p in blank.values()}) == 1
    assert len({round(p.probabilities["Yes"], 5) for p in seen.values()}) == 3
    assert not {p.digest for p in blank.values()} & {p.digest for p in seen.values()}


def test_a_prediction_says_what_was_asked_and_of_which_model() -> None:
    (found,) = ask([question("1.png")]).values()
    assert found.prompt == (
        "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>"
        "Is this floor cracked? Yes or No.<|im_end|>\n<|im_start|>assistant\n"
    )
    assert (found.model, found.revision) == ("small", "revision-0")
    assert found.timestamp.endswith("+00:00")
    assert found.latency_s > 0
    assert sum(found.probabilities.values()) == pytest.approx(1)
    assert found.confidence == max(found.probabilities.values())


def test_a_system_prompt_changes_the_digest() -> None:
    (plain,) = ask([question("1.png")]).values()
    (with_system,) = ask([question("1.png")], system_prompt="Be careful.").values()
    assert with_system.prompt.startswith("<|im_start|>system\nBe careful.<|im_end|>\n")
    assert with_system.digest != plain.digest


def test_questions_left_over_get_the_same_answers() -> None:
    everything = ask(QUESTIONS)
    rest = ask(QUESTIONS[5:])
    assert {key: rest[key].text for key in rest} == {key: everything[key].text for key in rest}


def test_a_tokenizer_without_a_padding_token() -> None:
    tokenizer = copy.deepcopy(LOADED.tokenizer)
    tokenizer.pad_token = None
    engine = LocalEngine(
        replace(LOADED, tokenizer=tokenizer), Evaluation(max_new_tokens=4), read_picture
    )
    expected = ask(QUESTIONS)
    found = {prediction.question: prediction for prediction in engine.ask(QUESTIONS)}
    assert {key: p.probabilities for key, p in found.items()} == {
        key: p.probabilities for key, p in expected.items()
    }


def test_no_questions() -> None:
    assert ask([]) == {}


def test_an_unreadable_picture_is_the_readers_error() -> None:
    def read(source: str, media: str) -> Clip:
        raise DataError("is empty", where=media)

    with pytest.raises(DataError, match=r"1\.png: is empty"):
        list(LocalEngine(LOADED, Evaluation(), read).ask([question("1.png")]))


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        torch.AcceleratorError("CUDA error: out of memory\nSearch for `cudaErrorMemoryAllocation'"),
    ],
    ids=["python", "gpu", "cpu", "workspace", "taken by others"],
)
def test_too_little_memory_names_the_setting(error: Exception) -> None:
    def fail(*_: object) -> None:
        raise error

    engine = LocalEngine(LOADED, Evaluation(batch_size=7), read_picture)
    hook = LOADED.model.model.language_model.layers[0].register_forward_pre_hook(fail)
    try:
        with pytest.raises(EngineError) as caught:
            list(engine.ask([question("1.png")]))
    finally:
        hook.remove()
    assert str(caught.value) == (
        "evaluation.batch_size: the memory is not enough for 7 pictures at once\n"
        "  To mend it: Make it smaller; it does not change the answers."
    )
