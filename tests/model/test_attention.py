"""Attention over parts of the keys equals torch's attention over all of them."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from recipe_kit.model.attention import attend_with_lse, gradients, merge

# float32 takes torch's CPU kernel, the others plain arithmetic, as on a GPU without flash.
KINDS = {torch.float64: 1e-5, torch.float32: 1e-5, torch.bfloat16: 2e-2}
SCALE = 0.3


def tensors(dtype: torch.dtype, queries: int, keys: int):
    generator = torch.Generator().manual_seed(0)

    def draw(heads: int, length: int) -> torch.Tensor:
        return torch.randn(2, heads, length, 16, generator=generator).to(dtype)

    return draw(6, queries), draw(3, keys), draw(3, keys)


def whole(query, key, value, mask=None, causal=False):
    return scaled_dot_product_attention(
        query, key, value, attn_mask=mask, is_causal=causal, scale=SCALE, enable_gqa=True
    )


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("dtype", KINDS)
def test_one_part_is_attention(dtype: torch.dtype, causal: bool) -> None:
    query, key, value = tensors(dtype, 7, 7 if causal else 11)
    part = attend_with_lse(query, key, value, causal=causal, scale=SCALE)
    torch.testing.assert_close(
        part.out.float(), whole(query, key, value, causal=causal).float(),
        atol=KINDS[dtype], rtol=KINDS[dtype],
    )
    scores = query.float() @ key.float().repeat_interleave(2, 1).transpose(-1, -2) * SCALE
    if causal:
        scores = scores.masked_fill(torch.ones(7, 7, dtype=torch.bool).triu(1), -torch.inf)
    torch.testing.assert_close(part.lse, scores.logsumexp(-1), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("dtype", KINDS)
def test_parts_put_together_are_attention_over_all_keys(dtype: torch.dtype) -> None:
    query, key, value = tensors(dtype, 5, 14)
    parts = [
        attend_with_lse(query, key[:, :, cut], value[:, :, cut], causal=False, scale=SCALE)
        for cut in (slice(0, 9), slice(9, 10), slice(10, 14))
    ]
    torch.testing.assert_close(
        merge(parts).out.float(), whole(query, key, value).float(),
        atol=KINDS[dtype], rtol=KINDS[dtype],
    )


@pytest.mark.parametrize("dtype", KINDS)
def test_gradients_by_way_of_parts_are_those_of_the_whole(dtype: torch.dtype) -> None:
    """A branch of five tokens after a prefix of nine, which sees itself causally."""
    query, key, value = (x.requires_grad_() for x in tensors(dtype, 5, 14))
    mask = torch.ones(5, 14, dtype=torch.bool).tril(9)
    grad = torch.randn(2, 6, 5, 16, generator=torch.Generator().manual_seed(1)).to(dtype)
    expected = torch.autograd.grad(whole(query, key, value, mask), (query, key, value), grad)
    query, key, value = (x.detach() for x in (query, key, value))
    parts = [
        (key[:, :, :9], value[:, :, :9], False),
        (key[:, :, 9:], value[:, :, 9:], True),
    ]
    seen = merge([
        attend_with_lse(query, k, v, causal=causal, scale=SCALE) for k, v, causal in parts
    ])
    found = [
        gradients(grad, query, k, v, seen, causal=causal, scale=SCALE) for k, v, causal in parts
    ]
    by_query = found[0][0] + found[1][0]
    by_key, by_value = (torch.cat([found[0][i], found[1][i]], 2) for i in (1, 2))
    for ours, theirs in zip((by_query, by_key, by_value), expected, strict=True):
        torch.testing.assert_close(
            ours.float(), theirs.float(), atol=4 * KINDS[dtype], rtol=KINDS[dtype]
        )
