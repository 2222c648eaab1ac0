"""More words for a trained model: merges that are added to its tokenizer, and their embeddings.

All old tokens and merges stay, in their order, so texts that the model knows are cut nearly as
before. A new token begins as the mean of the pieces that it is made of.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import torch
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast, Qwen3VLForConditionalGeneration

from recipe_kit.model.tiny.build import build_model, finish_tokenizer

Merge = tuple[str, str]


def learn_merges(tokenizer: Any, corpus: Iterable[str], count: int) -> list[Merge]:
    """The `count` next merges of the byte-pair encoding on a corpus, commonest pair first.

    Args:
        tokenizer: A fast byte-level tokenizer.
        corpus: Texts, as often as their words count.
        count: At most so many; fewer where no pair is left.
    """
    backend = tokenizer.backend_tokenizer
    words: Counter[str] = Counter()
    for text in corpus:
        words.update(word for word, _ in backend.pre_tokenizer.pre_tokenize_str(text))
    cut = {word: [part.value for part in backend.model.tokenize(word)] for word in words}
    merges: list[Merge] = []
    while len(merges) < count:
        pairs: Counter[Merge] = Counter()
        for word, parts in cut.items():
            for pair in pairwise(parts):
                pairs[pair] += words[word]
        if not pairs:
            break
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        cut = {word: _joined(parts, best) for word, parts in cut.items()}
    return merges


def _joined(parts: Sequence[str], pair: Merge) -> list[str]:
    found: list[str] = []
    for part in parts:
        if found and (found[-1], part) == pair:
            found[-1] += part
        else:
            found.append(part)
    return found


def with_merges(tokenizer: Any, merges: Sequence[Merge]) -> PreTrainedTokenizerFast:
    """The same tokenizer with these merges after its own."""
    backend = tokenizer.backend_tokenizer
    model = json.loads(backend.to_str())["model"]
    vocabulary: dict[str, int] = dict(model["vocab"])
    for one, two in merges:
        vocabulary.setdefault(one + two, len(vocabulary))
    larger = Tokenizer(models.BPE(vocab=vocabulary, merges=[*map(tuple, model["merges"]), *merges]))
    larger.normalizer, larger.decoder = backend.normalizer, backend.decoder
    larger.pre_tokenizer = backend.pre_tokenizer
    return finish_tokenizer(larger)


def with_vocabulary(
    model: Qwen3VLForConditionalGeneration, old: Any, new: Any
) -> Qwen3VLForConditionalGeneration:
    """The same weights for another tokenizer, in float32.

    Args:
        model: The trained model.
        old: Its tokenizer.
        new: The tokenizer to change to.
    """
    larger = build_model(new)
    state = {name: value.float().cpu() for name, value in model.state_dict().items()}
    name = "model.language_model.embed_tokens.weight"
    known, known_ids = state.pop(name), old.get_vocab()
    state.pop("lm_head.weight", None)
    larger.load_state_dict(state, strict=False)
    rows = larger.state_dict()[name]
    backend = old.backend_tokenizer.model
    for token, index in new.get_vocab().items():
        pieces = (
            [known_ids[token]]
            if token in known_ids
            else [part.id for part in backend.tokenize(token)]
        )
        rows[index] = known[torch.tensor(pieces)].mean(0)
    return larger
