import json
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from recipe_kit.errors import ModelError
from recipe_kit.model.batch import collate
from recipe_kit.model.checkpoint import describe_model, folder_digest
from recipe_kit.model.forward import forward_batch
from recipe_kit.model.load import load_model
from recipe_kit.model.pixels import Grid, Preprocess
from recipe_kit.model.prompt import Medium, encode
from recipe_kit.model.vision import encode_media


@pytest.fixture(scope="session")
def original(write_model, tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub") / "Cosmos-Reason2-2B"
    write_model(folder, tokenizer)
    return folder


@pytest.fixture
def folder(original, tmp_path):
    return shutil.copytree(original, tmp_path / "model")


def write(path, value):
    path.write_text(json.dumps(value), "utf-8")


def edit(path, **changes):
    write(path, json.loads(path.read_text("utf-8")) | changes)


@pytest.mark.parametrize(("shards", "tied"), [(1, True), (3, False)], ids=["2B", "8B"])
def test_the_real_layout_loads_and_answers(write_model, tokenizer, tmp_path, shards, tied):
    folder = tmp_path / "model"
    write_model(folder, tokenizer, shards=shards, tied=tied)
    loaded = load_model(str(folder))
    assert loaded.preprocess == Preprocess()
    assert loaded.stop_ids == tuple(
        sorted(tokenizer.convert_tokens_to_ids(["<|endoftext|>", "<|im_end|>"]))
    )
    assert loaded.pad_id == tokenizer.convert_tokens_to_ids("<|endoftext|>")
    assert (loaded.name, loaded.revision) == (str(folder), folder_digest(folder))
    assert {parameter.dtype for parameter in loaded.model.parameters()} == {torch.float32}
    grid = Grid(1, 4, 4)
    row = encode(loaded.tokenizer, "Is this floor cracked?", [Medium(grid)])
    assert row.ids_L.tolist() == (
        encode(tokenizer, "Is this floor cracked?", [Medium(grid)]).ids_L.tolist()
    )
    batch, pixels = collate([row], loaded.pad_id), torch.randn(16, 1536)
    with torch.inference_mode():
        vision = encode_media(loaded.model, pixels, grid)
        ours = forward_batch(loaded.model, batch, vision)
        loaded.model.model.visual.config._attn_implementation = "sdpa"
        theirs = loaded.model(
            input_ids=batch.input_ids_BL,
            mm_token_type_ids=batch.mm_token_type_ids_BL.int(),
            pixel_values=pixels,
            image_grid_thw=torch.tensor([grid]),
        ).logits[0]
    assert len(vision.deepstack_VE) == 3
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_weights_come_in_the_format_asked_for(original):
    loaded = load_model(str(original), dtype=torch.bfloat16)
    assert {parameter.dtype for parameter in loaded.model.parameters()} == {torch.bfloat16}
    assert loaded.dtype == torch.bfloat16


def test_a_template_that_stands_only_beside_the_processor_is_found(folder):
    edit(folder / "tokenizer_config.json", chat_template=None)
    assert "<|im_start|>" in load_model(str(folder)).tokenizer.chat_template


def test_a_checkpoint_is_described_without_torch(original):
    code = (
        "import sys; from recipe_kit.model.checkpoint import describe_model;"
        f"print(describe_model({str(original)!r}));"
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    weights = load_file(original / "model.safetensors")
    card = describe_model(str(original))
    assert done.stdout.strip() == str(card)
    assert card.parameters == sum(value.numel() for value in weights.values())
    assert (card.architecture, card.dtype) == ("Qwen3VLForConditionalGeneration", "BF16")
    assert (card.text_width, card.text_layers, card.vision_layers) == (32, 5, 24)


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        ("---\nlicense: apache-2.0\n---\n# Card", "apache-2.0"),
        ("---\nlicense: other\nlicense_name: nvidia-open-model-license\n---\n",
         "nvidia-open-model-license"),
        ("# A card without front matter", ""),
    ],
)  # fmt: skip
def test_the_license_is_the_card_s(folder, front, expected):
    (folder / "README.md").write_text(front)
    assert describe_model(str(folder)).license == expected


def test_the_revision_follows_the_contents_not_the_place(folder, original):
    assert folder_digest(folder) == folder_digest(original)
    (folder / "README.md").write_text("words")
    assert folder_digest(folder) == folder_digest(original)
    weights = load_file(folder / "model.safetensors")
    weights["model.visual.blocks.0.norm1.weight"][0] += 1
    save_file(weights, folder / "model.safetensors")
    assert folder_digest(folder) != folder_digest(original)


def to_adapter(folder):
    (folder / "config.json").unlink()
    write(folder / "adapter_config.json", {"base_model_name_or_path": "nvidia/Cosmos-Reason2-2B"})


def to_pickle(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def cut_short(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-7])


def garble(folder):
    path = folder / "model.safetensors"
    path.write_bytes(b"\xff" * 100)


def drop_weight(folder):
    weights = load_file(folder / "model.safetensors")
    del weights["model.visual.blocks.0.norm1.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def shrink(folder):
    config = json.loads((folder / "config.json").read_text("utf-8"))
    edit(folder / "config.json", text_config=config["text_config"] | {"intermediate_size": 48})


def lose_shard(folder):
    write(folder / "model.safetensors.index.json", {"weight_map": {"a": "model-1.safetensors"}})


def escape(folder):
    names = {"a": "../other/model.safetensors"}
    write(folder / "model.safetensors.index.json", {"weight_map": names})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            to_adapter,
            "{folder}: is an adapter, not a whole model\n  To mend it: name the model it was"
            " trained on (nvidia/Cosmos-Reason2-2B)",
        ),
        (
            to_pickle,
            "{folder}: has its weights only in pytorch_model.bin, a format that can run code when"
            " opened\n  To mend it: convert it to safetensors: save_pretrained with transformers 5"
            " writes that",
        ),
        (
            lambda folder: (folder / "model.safetensors").unlink(),
            "{folder}: has no model.safetensors",
        ),
        (
            lambda folder: (folder / "config.json").unlink(),
            "{folder}: has no config.json, so it is no model",
        ),
        (
            lambda folder: (folder / "config.json").write_text("[]"),
            "{folder}/config.json: holds no JSON object",
        ),
        (
            lambda folder: edit(folder / "config.json", model_type="llava"),
            "{folder}/config.json: holds a model of type 'llava'\n  To mend it: use one of:"
            " qwen3_vl (Qwen3-VL, Cosmos-Reason2)",
        ),
        (
            garble,
            "{folder}/model.safetensors: is damaged: not a safetensors file\n"
            "  To mend it: download or copy it again",
        ),
        (
            drop_weight,
            "{folder}: lacks 1 weights, the first is model.visual.blocks.0.norm1.weight\n"
            "  To mend it: download or copy it again",
        ),
        (
            shrink,
            "{folder}: 15 weights do not fit config.json, the first is"
            " model.language_model.layers.0.mlp.down_proj.weight: its shape is [32, 64], not"
            " [32, 48]\n  To mend it: take config.json and the weights from the same model",
        ),
        (
            lambda folder: edit(folder / "config.json", vision_config=None),
            "{folder}/config.json: has no vision_config",
        ),
        (
            lose_shard,
            "{folder}: the shard model-1.safetensors is missing\n  To mend it: download it again",
        ),
        (
            escape,
            "{folder}: the shard model.safetensors is missing\n  To mend it: download it again",
        ),
        (
            lambda folder: edit(folder / "preprocessor_config.json", patch_size="x"),
            "{folder}/preprocessor_config.json: patch_size must be a positive whole number,"
            " not 'x'",
        ),
    ],
)
def test_a_damaged_folder_is_refused(folder, damage, message):
    damage(folder)
    with pytest.raises(ModelError) as error:
        load_model(str(folder))
    assert str(error.value) == message.format(folder=folder)


def test_a_file_cut_short_is_refused(folder):
    size = (folder / "model.safetensors").stat().st_size
    cut_short(folder)
    with pytest.raises(ModelError) as error:
        load_model(str(folder))
    assert str(error.value) == (
        f"{folder}/model.safetensors: is damaged: {size - 7:,} bytes long where {size:,} are due\n"
        "  To mend it: download or copy it again"
    )


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: edit(folder / "config.json", text_config={"hidden_size": "wide"}),
        lambda folder: (folder / "tokenizer.json").write_text("{"),
    ],
    ids=["config", "tokenizer"],
)
def test_what_transformers_refuses_is_one_message(folder, damage):
    damage(folder)
    with pytest.raises(ModelError) as error:
        load_model(str(folder))
    assert str(error.value).startswith(f"{folder}: cannot be loaded: ")


def test_another_model_s_tokenizer_is_refused(folder, tokenizer):
    edit(folder / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
    text = (folder / "tokenizer.json").read_text("utf-8")
    (folder / "tokenizer.json").write_text(text.replace("<|image_pad|>", "<|img|>"), "utf-8")
    settings = (folder / "tokenizer_config.json").read_text("utf-8")
    (folder / "tokenizer_config.json").write_text(
        settings.replace("<|image_pad|>", "<|img|>"), "utf-8"
    )
    with pytest.raises(ModelError) as error:
        load_model(str(folder))
    assert str(error.value) == (
        f"{folder}: the tokenizer has no <|image_pad|>\n"
        "  To mend it: use the tokenizer that belongs to this model"
    )


@pytest.mark.parametrize("base", ["./nowhere", "/nowhere/at/all", "tinny"])
def test_a_missing_folder_is_refused(base):
    with pytest.raises(ModelError) as error:
        load_model(base)
    assert str(error.value) == (
        f"{base}: there is no such folder\n"
        "  To mend it: name a folder, a model on the hub as owner/name, or tiny"
    )


def test_a_file_is_refused(original):
    path = original / "config.json"
    with pytest.raises(ModelError) as error:
        load_model(str(path))
    assert str(error.value) == (
        f"{path}: is a file; a model is a folder\n  To mend it: name its folder"
    )


def test_a_hub_that_cannot_be_reached_is_said_so(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError) as error:
        load_model("nvidia/Cosmos-Reason2-2B")
    assert str(error.value) == (
        "nvidia/Cosmos-Reason2-2B: is no folder here, and the hub cannot be reached to download"
        " it\n  To mend it: check the network, or download the model elsewhere and name its folder"
    )
