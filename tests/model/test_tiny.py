import json

import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoTokenizer

from recipe_kit.errors import ModelError
from recipe_kit.model.checkpoint import TINY, describe_model
from recipe_kit.model.load import load_model
from recipe_kit.model.pixels import Preprocess
from recipe_kit.model.tiny.build import (
    ANSWERS,
    CONTROL,
    MAX_BYTES,
    build_model,
    build_tokenizer,
    save_tiny,
)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    tokenizer = build_tokenizer(["Is this floor cracked? Yes or No."], vocab_size=400)
    model = build_model(tokenizer)
    folder = tmp_path_factory.mktemp("tiny")
    return folder, save_tiny(model, tokenizer, folder), model, tokenizer


def test_it_loads_as_any_model_of_transformers_does(saved):
    folder, _, model, tokenizer = saved
    loaded = AutoModelForImageTextToText.from_pretrained(folder)
    assert type(loaded).__name__ == "Qwen3VLForConditionalGeneration"
    assert loaded.dtype == torch.bfloat16
    for name, value in model.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], value.bfloat16(), msg=name)
    text = AutoTokenizer.from_pretrained(folder)
    assert text.chat_template == tokenizer.chat_template
    assert (
        text("Is it ça? <think>\n一", add_special_tokens=False)["input_ids"]
        == (tokenizer("Is it ça? <think>\n一", add_special_tokens=False)["input_ids"])
    )


def test_it_loads_as_a_recipe_does(saved):
    loaded = load_model(str(saved[0]))
    assert loaded.preprocess == Preprocess(min_pixels=16384, max_pixels=16384)
    assert loaded.stop_ids == tuple(
        sorted(loaded.tokenizer.convert_tokens_to_ids(["<|endoftext|>", "<|im_end|>"]))
    )


def test_tied_weights_are_saved_once(saved):
    folder, weight, model, _ = saved
    assert describe_model(str(folder)).parameters == sum(p.numel() for p in model.parameters())
    assert weight == sum(file.stat().st_size for file in folder.iterdir())


def test_answers_are_single_tokens(saved):
    tokenizer = saved[3]
    for answer in ANSWERS:
        ids = tokenizer(f"<|im_start|>assistant\n{answer}<|im_end|>")["input_ids"]
        assert tokenizer.decode(ids[-2:]) == f"{answer}<|im_end|>"


def test_control_tokens_are_single_and_special(saved):
    tokenizer = saved[3]
    for token in CONTROL:
        assert tokenizer(token)["input_ids"] == [tokenizer.convert_tokens_to_ids(token)]
        assert tokenizer.decode(tokenizer(token)["input_ids"], skip_special_tokens=True) == ""


def test_the_template_reads_strings_parts_and_turns(saved):
    text = saved[3].apply_chat_template(
        [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [{"type": "image", "image": "a.png"}, {"type": "text", "text": "One?"}],
            },
            {"role": "assistant", "content": [{"type": "text", "text": "Yes"}]},
            {"role": "user", "content": [{"type": "video"}, {"type": "text", "text": "  Two? "}]},
        ],
        tokenize=False,
        add_generation_prompt=True,
    )
    assert text == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>One?<|im_end|>\n"
        "<|im_start|>assistant\nYes<|im_end|>\n"
        "<|im_start|>user\n<|vision_start|><|video_pad|><|vision_end|>  Two? <|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_a_vocabulary_too_small_for_the_answers_is_refused():
    with pytest.raises(ModelError, match="are more than one token"):
        build_tokenizer(["a"], vocab_size=277)


def test_a_model_too_heavy_to_ship_is_refused(saved, tmp_path, monkeypatch):
    monkeypatch.setattr("recipe_kit.model.tiny.build.MAX_BYTES", 1000)
    with pytest.raises(ModelError, match="bytes, more than 1,000"):
        save_tiny(saved[2], saved[3], tmp_path)


@pytest.mark.skipif(not (TINY / "config.json").is_file(), reason="its weights are not made yet")
def test_the_shipped_model_is_whole_and_light():
    card = describe_model("tiny")
    assert card.architecture == "Qwen3VLForConditionalGeneration"
    assert sum(file.stat().st_size for file in TINY.iterdir()) <= MAX_BYTES
    settings = json.loads((TINY / "tokenizer_config.json").read_text("utf-8"))
    assert settings["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert load_model("tiny").revision


def test_a_missing_embedded_model_is_said_so(monkeypatch, tmp_path):
    monkeypatch.setattr("recipe_kit.model.checkpoint.TINY", tmp_path)
    with pytest.raises(ModelError) as error:
        load_model("tiny")
    assert str(error.value) == (
        f"{tmp_path}: the embedded model is missing from this installation\n"
        "  To mend it: install recipe-kit again, or make one: python -m recipe_kit.model.tiny.build"
    )
