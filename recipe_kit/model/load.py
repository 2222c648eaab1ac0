"""Load a checkpoint to run it: the model, its tokenizer and its picture settings."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForImageTextToText, AutoTokenizer
from transformers.utils import logging as transformers_logging

from recipe_kit.errors import ModelError
from recipe_kit.model.checkpoint import (
    find_checkpoint,
    load_preprocess,
    read_config,
    read_header,
    read_json,
    weight_files,
)
from recipe_kit.model.pixels import Preprocess

_NEEDED = ("<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A model that is ready to be asked."""

    model: Any
    """A Qwen3VLForConditionalGeneration in evaluation mode, on `device`."""
    tokenizer: Any
    """A transformers tokenizer with Qwen3-VL's chat template."""
    preprocess: Preprocess
    name: str
    """As the recipe calls it."""
    revision: str
    """The hub's commit, or the digest of the folder's files."""
    device: torch.device
    dtype: torch.dtype

    @property
    def pad_id(self) -> int:
        """The token that fills short sequences; never seen, so any will do."""
        pad = self.tokenizer.pad_token_id
        return self.stop_ids[0] if pad is None else int(pad)

    @property
    def stop_ids(self) -> tuple[int, ...]:
        """The tokens that end an answer."""
        named = self.model.generation_config.eos_token_id
        stops = set(named if isinstance(named, list) else [named]) - {None}
        return tuple(sorted(stops | {self.tokenizer.convert_tokens_to_ids("<|im_end|>")}))


def load_model(
    base: str,
    *,
    revision: str | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    trust_remote_code: bool = False,
) -> LoadedModel:
    """Load `tiny`, a folder, or a model of the hub.

    Args:
        base: Which.
        revision: The hub's branch, tag or commit; a folder has only what is in it.
        device: Where the model goes.
        dtype: Number format of the weights.
        trust_remote_code: Whether code that comes with the model may run.

    Raises:
        ModelError: it is missing, damaged, incomplete, too big for the device, no Qwen3-VL model,
            or has weights in a format that can run code.
    """
    checkpoint = find_checkpoint(base, revision=revision, remote_code=trust_remote_code)
    folder = checkpoint.folder
    read_config(folder)
    for file in weight_files(folder):
        read_header(file)
    tokenizer = load_tokenizer(folder, trust_remote_code)
    preprocess = load_preprocess(folder)
    with clear_errors(folder):
        config = AutoConfig.from_pretrained(folder, trust_remote_code=trust_remote_code)
        model, report = AutoModelForImageTextToText.from_pretrained(
            folder,
            config=config,
            dtype=dtype,
            attn_implementation="sdpa",
            use_safetensors=True,
            trust_remote_code=trust_remote_code,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # reported, and refused below in one line
        )
        _refuse_random_weights(folder, report)
        model = model.eval().to(device)
    if len(tokenizer) > config.text_config.vocab_size:
        raise ModelError(
            f"the tokenizer has {len(tokenizer)} tokens, the model {config.text_config.vocab_size}",
            where=str(folder),
            fix="use the tokenizer that belongs to this model",
        )
    return LoadedModel(
        model, tokenizer, preprocess, base, checkpoint.revision(), torch.device(device), dtype
    )


def load_tokenizer(folder: Path, trust_remote_code: bool = False) -> Any:
    """Load a checkpoint's tokenizer and chat template.

    Raises:
        ModelError: it cannot be read, or lacks Qwen3-VL's tokens or a chat template.
    """
    with clear_errors(folder):
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust_remote_code)
    absent = [token for token in _NEEDED if token not in tokenizer.get_vocab()]
    if absent:
        raise ModelError(
            f"the tokenizer has no {absent[0]}",
            where=str(folder),
            fix="use the tokenizer that belongs to this model",
        )
    # Qwen publishes the template with the processor as well; some copies have it only there.
    template = folder / "chat_template.json"
    if not tokenizer.chat_template and template.is_file():
        tokenizer.chat_template = read_json(template).get("chat_template")
    if not tokenizer.chat_template:
        raise ModelError("has no chat template", where=str(folder), fix="copy chat_template.json")
    return tokenizer


def _refuse_random_weights(folder: Path, report: Mapping[str, Any]) -> None:
    """Refuse what transformers filled with random numbers: weights that lack or do not fit."""
    if missing := sorted(report["missing_keys"]):
        raise ModelError(
            f"lacks {len(missing)} weights, the first is {missing[0]}",
            where=str(folder),
            fix="download or copy it again",
        )
    if misfits := sorted(report["mismatched_keys"]):
        name, found, due = misfits[0]
        raise ModelError(
            f"{len(misfits)} weights do not fit config.json, the first is {name}: its shape is"
            f" {list(found)}, not {list(due)}",
            where=str(folder),
            fix="take config.json and the weights from the same model",
        )


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep transformers' progress bars and warnings away."""
    bars = transformers_logging.is_progress_bar_enabled()
    level = transformers_logging.get_verbosity()
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()


@contextmanager
def clear_errors(folder: Path) -> Iterator[None]:
    """Tell in one line what transformers could not do, and keep its own reports away."""
    try:
        with quiet_transformers():
            yield
    except torch.OutOfMemoryError as error:
        raise ModelError(
            "does not fit into the device's memory",
            where=str(folder),
            fix="use a smaller model, or evaluation.dtype: bfloat16",
        ) from error
    except (
        OSError,
        ValueError,
        RuntimeError,
        KeyError,
        SafetensorError,
        StrictDataclassError,
    ) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ModelError(f"cannot be loaded: {reason[:300]}", where=str(folder)) from error
