"""The pre-training's own forward pass and optimizer, against the model's and against algebra."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from recipe_kit.model.batch import Batch
from recipe_kit.model.checkpoint import TINY
from recipe_kit.model.forward import forward_batch
from recipe_kit.model.load import load_tokenizer
from recipe_kit.model.tiny.build import build_model
from recipe_kit.model.tiny.muon import Muon, orthogonal
from recipe_kit.model.tiny.pictures import Artist, Bank, grid_of, length_of
from recipe_kit.model.tiny.teacher import layout_of, loss_of, read
from recipe_kit.model.vision import encode_media


@pytest.mark.parametrize(
    ("size", "shares"),
    [
        ((128, 128), {"primer": 0.5, "all floors": 0.5}),
        ((96, 160), {"primer": 0.5, "all floors": 0.5}),
        ((96, 128, 8), {"driving": 1.0}),
        ((64, 128, 4), {"driving": 1.0}),
    ],
)
def test_its_forward_is_the_models(size, shares):
    tokenizer = load_tokenizer(TINY)
    model = build_model(tokenizer)
    bank = Bank(size, 16, "cpu", shares)
    artist = Artist(tokenizer, seed=5)
    for number, course in enumerate(shares):
        bank.add(artist.draw(course, size, number, count=8))
    rng = np.random.default_rng(0)
    where, rows = bank.sample(shares, 4, 3, length_of(size), rng)
    pixels = bank.patches_NPD[where].float() / 127.5 - 1
    layout = layout_of(model, tokenizer, size, "cpu")
    with torch.no_grad():
        mine = loss_of(model, read(model, pixels, rows.ids_BL, layout), rows)
        if len(size) == 2:
            pixels = pixels.view(4, -1, 3, 1, 256).expand(-1, -1, -1, 2, -1)
        vision = encode_media(model, pixels.reshape(-1, 1536), grid_of(size))
        count = len(rows.ids_BL)
        kinds = layout.shown_L.long().expand(count, -1)
        none = torch.zeros(0)
        batch = Batch(
            rows.ids_BL, kinds, layout.positions_3L[:, None].expand(3, count, -1),
            none, none, none, none, none, none, kinds.flatten().nonzero()[:, 0], None, None,
            np.zeros((0, 4), np.int64),
        )
        media = [row // 3 for row in range(count)]
        logits = forward_batch(model, batch, vision, media, keep_P=rows.at_A)
        losses = cross_entropy(logits, rows.answers_A, reduction="none")
    assert mine.item() == pytest.approx((losses * rows.weights_A).sum().item(), rel=1e-4)


def test_orthogonal_brings_singular_values_near_one():
    matrices = torch.randn(3, 24, 60, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonal(matrices).float())
    assert values.min() > 0.5 and values.max() < 1.4


def test_muon_goes_downhill_in_all_directions_alike():
    value = torch.nn.Parameter(torch.zeros(6, 6))
    target = torch.diag(torch.tensor([100.0, 10, 1, 1, 1, 1]))
    optimizer = Muon([value], lr=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        (value - target).square().sum().backward()
        optimizer.step()
    small, large = value.detach().diagonal().aminmax()
    assert small > 0.3 and large < 0.8
