"""A trained model gets more words: its old ones keep their pieces and their embeddings."""

import pytest
import torch

from recipe_kit.model.tiny.build import ANSWERS, CONTROL, build_model, build_tokenizer
from recipe_kit.model.tiny.vocabulary import learn_merges, with_merges, with_vocabulary

OLD = ["Is this floor cracked? Yes or No.", "a thin crack in the upper left"]
NEW = ["a pedestrian crosses", "a pedestrian", "the pedestrian stands"]


@pytest.fixture(scope="module")
def small():
    return build_tokenizer(OLD * 20, vocab_size=340)


def pieces(tokenizer, text):
    return tokenizer.convert_ids_to_tokens(tokenizer(text, add_special_tokens=False)["input_ids"])


def test_the_commonest_pair_is_merged_first():
    tokenizer = build_tokenizer([], vocab_size=300)
    assert learn_merges(tokenizer, ["zzqz zqzq"], 2) == [("z", "q"), ("Ġ", "zq")]


def test_there_are_no_more_merges_than_pairs():
    tokenizer = build_tokenizer([], vocab_size=300)
    assert learn_merges(tokenizer, ["xyz"], 9) == [("y", "z"), ("x", "yz")]


def test_old_texts_keep_their_pieces_and_new_ones_get_shorter(small):
    larger = with_merges(small, learn_merges(small, NEW, 40))
    for text in (*OLD, *ANSWERS, *CONTROL, "<think>\n"):
        assert pieces(larger, text) == pieces(small, text)
    assert pieces(larger, "a pedestrian") == ["a", "Ġpedestrian"]
    assert len(pieces(small, "a pedestrian")) > 6
    assert larger.chat_template == small.chat_template
    assert larger.decode(larger("The pedestrian. ça")["input_ids"]) == "The pedestrian. ça"


def test_no_merges_change_nothing(small):
    assert with_merges(small, []).get_vocab() == small.get_vocab()


def test_a_new_word_begins_as_the_mean_of_its_pieces(small):
    larger = with_merges(small, learn_merges(small, NEW, 40))
    model = build_model(small)
    grown = with_vocabulary(model, small, larger)
    before = model.get_input_embeddings().weight
    after = grown.get_input_embeddings().weight
    for token, index in small.get_vocab().items():
        assert torch.equal(after[larger.get_vocab()[token]], before[index])
    parts = small("a pedestrian", add_special_tokens=False)["input_ids"][1:]
    word = larger.get_vocab()["Ġpedestrian"]
    torch.testing.assert_close(after[word], before[parts].mean(0))
    assert grown.lm_head.weight is after
    state = grown.state_dict()
    for name, value in model.state_dict().items():
        if "embed_tokens" not in name and "lm_head" not in name:
            assert torch.equal(state[name], value), name
