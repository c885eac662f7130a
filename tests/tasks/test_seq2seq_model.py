from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.tasks.seq2seq_cases import PAIRS, small_pair
from toolkit.engine.turn import IGNORED, tokens_of
from toolkit.tasks.seq2seq import Seq2SeqOptions
from toolkit.tasks.seq2seq_batches import (
    pad_pairs,
    row_losses,
    rows_at_once,
    shifted,
    summed_loss,
    target_tokens,
)
from toolkit.tasks.seq2seq_model import Seq2SeqPredictor
from toolkit.tasks.seq2seq_opening import set_generation

TEXTS = [text for pair in PAIRS for text in pair]


def predictor(**options: Any) -> Seq2SeqPredictor:
    model, tokenizer = small_pair(TEXTS)
    given = Seq2SeqOptions(**{"max_target_length": 12, "num_beams": 3, **options})
    set_generation(model.eval(), given)
    return Seq2SeqPredictor(model, tokenizer, "translation", (32, given.max_target_length))


@pytest.fixture(scope="module")
def small() -> Seq2SeqPredictor:
    return predictor()


@pytest.fixture(scope="module")
def batch(small: Seq2SeqPredictor):
    return small.encode(*zip(*[*PAIRS[:3], ("one", "a longer text than the others here")], strict=True))


def test_labels_are_padded_and_the_decoder_reads_them_one_later(small: Seq2SeqPredictor, batch):
    labels, read = batch["labels"], batch["decoder_input_ids"]
    lengths = (labels != IGNORED).sum(1)
    assert len(set(lengths.tolist())) > 1
    assert (read[:, 0] == small.model.config.decoder_start_token_id).all()
    for row, length in enumerate(lengths):
        assert labels[row, length - 1] == small.tokenizer.eos_token_id
        assert torch.equal(read[row, 1:length], labels[row, : length - 1])
        assert (labels[row, length:] == IGNORED).all()
    assert (read >= 0).all()


def test_the_loss_is_that_of_transformers(small: Seq2SeqPredictor, batch):
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask", "labels")}
    expected = small.model(**inputs).loss
    loss = summed_loss(small.model, batch) / target_tokens(batch)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-5)
    rows = row_losses(small.model, batch).detach()
    assert rows[:, 0].sum() / rows[:, 1].sum() == pytest.approx(expected.item(), abs=1e-5)


def test_losses_of_pieces_add_up_to_that_of_the_batch(small: Seq2SeqPredictor):
    pairs = [*PAIRS[:3], ("one", "a longer text than the others here")]
    whole = summed_loss(small.model, small.encode(*zip(*pairs, strict=True)), 0.1)
    pieces = [
        summed_loss(small.model, small.encode(*zip(*part, strict=True)), 0.1)
        for part in (pairs[:1], pairs[1:])
    ]
    assert sum(pieces).item() == pytest.approx(whole.item(), rel=1e-5)


def test_tokens_read_and_written_are_counted(batch):
    read, written = batch["attention_mask"].sum(), (batch["labels"] != IGNORED).sum()
    assert tokens_of(batch) == read + written


def test_models_whose_rule_is_a_function_beside_them_are_shifted_too():
    from transformers import M2M100Config, M2M100ForConditionalGeneration

    layers = {"encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 8, "decoder_ffn_dim": 8}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "d_model": 8, "vocab_size": 20}
    model = M2M100ForConditionalGeneration(M2M100Config(**layers, **heads))
    labels = torch.tensor([[5, 6, 2], [7, 2, IGNORED]])
    assert shifted(model, labels.clone()).tolist() == [[2, 5, 6], [2, 7, 2]]


@pytest.mark.parametrize("beams", [1, 3])
def test_writing_ends_at_the_longest_target(beams: int):
    small = predictor(num_beams=beams, max_target_length=5)
    small.model.final_logits_bias[0, small.tokenizer.eos_token_id] = -1e4  # never ends by itself
    inputs = small.tokenizer("one fish here", return_tensors="pt")
    assert small.model.generate(**inputs).shape[1] == 1 + 5
    assert small(["one fish here"])[0]["translation"]


def test_writing_ends_at_the_end_token():
    small = predictor()
    small.model.final_logits_bias[0, small.tokenizer.eos_token_id] = 1e4
    inputs = small.tokenizer("one fish here", return_tensors="pt")
    assert small.model.generate(**inputs).tolist()[0][:2] == [
        small.tokenizer.pad_token_id,
        small.tokenizer.eos_token_id,
    ]
    assert small(["one fish here"]) == [{"label": "", "translation": "", "score": pytest.approx(1)}]


def test_the_score_is_the_mean_probability_of_what_was_written():
    small = predictor(num_beams=1)
    text = "two key here"
    inputs = small.tokenizer(text, return_tensors="pt")
    done = small.model.generate(**inputs, return_dict_in_generate=True, output_scores=True)
    each = small.model.compute_transition_scores(done.sequences, done.scores, normalize_logits=True)[0]
    # The last token of a text that is cut at its length is forced to be the end: its score is 0 there.
    written = done.sequences[0, 1:]
    logits = small.model(**inputs, decoder_input_ids=done.sequences[:, :-1]).logits[0].log_softmax(-1)
    told = logits.gather(1, written[:, None])[:, 0]
    assert torch.allclose(told[:-1], each[:-1], atol=1e-4)
    assert small([text])[0]["score"] == pytest.approx(told.mean().exp().item(), abs=1e-5)


def test_settings_of_the_search_are_where_transformers_looks(tmp_path):
    from transformers import GenerationConfig

    small = predictor(length_penalty=0.7, no_repeat_ngram_size=2)
    small.save(tmp_path)
    saved = GenerationConfig.from_pretrained(tmp_path)
    assert (saved.num_beams, saved.max_new_tokens, saved.length_penalty, saved.no_repeat_ngram_size) == (
        3,
        12,
        0.7,
        2,
    )


def test_few_rows_are_evaluated_at_once_when_their_logits_are_large():
    assert rows_at_once(64, 2000) == 32
    assert rows_at_once(128, 250_000) == 2
    assert rows_at_once(4096, 250_000) == 1


def test_padding_does_not_change_a_rows_loss(small: Seq2SeqPredictor):
    sources, targets = zip(*[*PAIRS[:5], ("one", "a much longer text than the others here")], strict=True)
    together = small.losses(sources, targets)
    alone = [small.losses([source], [target])[0] for source, target in zip(sources, targets, strict=True)]
    assert together.tolist() == pytest.approx([pytest.approx(row.tolist(), rel=1e-5) for row in alone])


def test_token_lists_of_any_kind_are_padded(small: Seq2SeqPredictor):
    columns = {"input_ids": [[5, 6], [7]], "labels": [[3], [4, 5]]}
    padded = pad_pairs(small.tokenizer, small.model, columns)
    assert padded["attention_mask"].tolist() == [[1, 1], [1, 0]]
    assert padded["labels"].tolist() == [[3, IGNORED], [4, 5]]
