from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tasks.seq2seq_cases import PAIRS, small_marian
from toolkit.errors import ModelError, RecipeError
from toolkit.recipe.schema import ModelSection
from toolkit.tasks.seq2seq import Seq2SeqOptions
from toolkit.tasks.seq2seq_languages import language_codes
from toolkit.tasks.seq2seq_model import Seq2SeqPredictor
from toolkit.tasks.seq2seq_opening import limits_of, open_pair
from toolkit.tasks.seq2seq_vocabulary import learn_tokenizer

TEXTS = [text for pair in PAIRS for text in pair]
SMALL = {
    "d_model": 16,
    "encoder_ffn_dim": 16,
    "decoder_ffn_dim": 16,
    "encoder_layers": 1,
    "decoder_layers": 1,
}
HEADS = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
OPTIONS = Seq2SeqOptions(vocab_size=400, max_target_length=8)


def saved(folder: Path, model: Any, tokenizer: Any) -> ModelSection:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return ModelSection(name=str(folder))


def test_an_encoder_is_refused_with_models_that_fit(bert: Path, tmp_path: Path):
    from transformers import AutoTokenizer, BertConfig, BertForMaskedLM

    config = BertConfig.from_pretrained(bert)
    section = saved(tmp_path, BertForMaskedLM(config), AutoTokenizer.from_pretrained(bert))
    with pytest.raises(ModelError, match=r"of type bert is an encoder only.*opus-mt.*scratch:marian"):
        open_pair(section, OPTIONS, TEXTS)


def test_a_decoder_is_refused_with_models_that_fit(tmp_path: Path):
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=400, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    section = saved(tmp_path, LlamaForCausalLM(config), learn_tokenizer(TEXTS, 400, 64))
    with pytest.raises(ModelError, match=r"of type llama is a decoder only.*t5-small"):
        open_pair(section, OPTIONS, TEXTS)


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path):
    from transformers import AutoTokenizer

    section = ModelSection(name=str(small_marian(tmp_path)))
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    tokenizer.add_tokens([f"new{number}" for number in range(500)])
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="tokens and the model knows"):
        open_pair(section, OPTIONS, TEXTS)


def test_unknown_architectures_and_keys_are_told_with_the_nearest():
    with pytest.raises(RecipeError, match="did you mean 'marian'"):
        open_pair(ModelSection(name="scratch:marien"), OPTIONS, TEXTS)
    with pytest.raises(RecipeError, match=r"model.config.d_modell: .*did you mean 'd_model'"):
        open_pair(ModelSection(name="scratch:marian", config={"d_modell": 3}), OPTIONS, TEXTS)
    with pytest.raises(RecipeError, match=r"model.config.vocab_size"):
        open_pair(ModelSection(name="scratch:marian", config={"vocab_size": 3}), OPTIONS, TEXTS)


@pytest.mark.parametrize("width", [15, 0, -16, "wide"])
def test_values_that_do_not_go_together_are_told(width: object):
    config = {**SMALL, "d_model": width, **HEADS}
    with pytest.raises(RecipeError, match=r"model.config: "):
        open_pair(ModelSection(name="scratch:marian", config=config), OPTIONS, TEXTS)


def test_new_weights_are_spread_by_the_width_unless_the_recipe_says_otherwise():
    config = {**SMALL, "d_model": 64, **HEADS}
    model, _, _ = open_pair(ModelSection(name="scratch:marian", config=config), OPTIONS, TEXTS)
    assert model.get_input_embeddings().weight.std().item() == pytest.approx(64**-0.5, rel=0.05)

    config = {**config, "init_std": 0.02}
    model, _, _ = open_pair(ModelSection(name="scratch:marian", config=config), OPTIONS, TEXTS)
    assert model.get_input_embeddings().weight.std().item() == pytest.approx(0.02, rel=0.05)


def test_new_weights_and_vocabulary_follow_from_seed_and_texts():
    from torch import equal

    from toolkit.engine.seed import seed_everything

    made = []
    for _ in range(2):
        seed_everything(3)
        made.append(
            open_pair(ModelSection(name="scratch:marian", config={**SMALL, **HEADS}), OPTIONS, iter(TEXTS))
        )
    (one, vocabulary, _), (other, again, _) = made
    assert vocabulary.backend_tokenizer.to_str() == again.backend_tokenizer.to_str()
    assert all(equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())
    assert one.config.vocab_size == len(vocabulary) <= 400


def test_a_new_t5_starts_and_ends_with_its_own_tokens(tmp_path: Path):
    config = {"d_model": 16, "d_ff": 16, "d_kv": 8, "num_layers": 1, "num_heads": 2}
    model, tokenizer, _ = open_pair(ModelSection(name="scratch:t5", config=config), OPTIONS, TEXTS)
    one = Seq2SeqPredictor(model.eval(), tokenizer, "summary", limits_of(model, tokenizer, OPTIONS))
    one.save(tmp_path)
    loaded = Seq2SeqPredictor.load(ModelSection(name=str(tmp_path)), "summary")
    assert loaded(["one fish here"]) == one(["one fish here"])
    assert model.generation_config.decoder_start_token_id == tokenizer.pad_token_id


@pytest.mark.parametrize("text", ["¿Dónde está?", "日本 ", "two  spaces", "tab\tand\nline"])
def test_a_learnt_vocabulary_gives_every_text_back(text: str):
    tokenizer = learn_tokenizer(TEXTS, 400, 64)
    ids = tokenizer(text)["input_ids"]
    assert ids[-1] == tokenizer.eos_token_id
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == text


def multilingual(kind: str) -> Any:
    """A tokenizer of its own class that knows a few letters and all its languages."""
    import transformers

    letters = ["▁", *"abcdefgh", "▁a"]
    if kind == "NllbTokenizer":
        vocabulary = dict(zip(["<s>", "<pad>", "</s>", "<unk>", *letters], range(99), strict=False))
        return transformers.NllbTokenizer(vocab=vocabulary, merges=[("▁", "a")])
    scored = [(token, -1.0) for token in ("<unk>", "<s>", "</s>", *letters)]
    return getattr(transformers, kind)(vocab=scored)


LANGUAGES = {
    "MBartTokenizer": ("MBartConfig", "en_XX", "ro_RO"),
    "MBart50Tokenizer": ("MBartConfig", "en_XX", "ro_RO"),
    "NllbTokenizer": ("M2M100Config", "eng_Latn", "ron_Latn"),
}


@pytest.mark.parametrize("kind", LANGUAGES)
def test_multilingual_models_write_the_language_they_are_told(kind: str, tmp_path: Path):
    import transformers
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    name, source, target = LANGUAGES[kind]
    tokenizer = multilingual(kind)
    config = getattr(transformers, name)(
        **SMALL, **HEADS, vocab_size=len(tokenizer), max_position_embeddings=64
    )
    section = saved(tmp_path / "model", AutoModelForSeq2SeqLM.from_config(config), tokenizer)
    with pytest.raises(RecipeError) as caught:
        open_pair(section, Seq2SeqOptions(source_lang=source[:2]), TEXTS)
    said = str(caught.value)
    assert f"unknown language code '{source[:2]}'" in said
    assert "options.target_lang" in said
    assert target in said

    options = Seq2SeqOptions(source_lang=source, target_lang=target, max_target_length=6)
    model, opened, _ = open_pair(section, options, TEXTS)
    code = opened.convert_tokens_to_ids(target)
    ids = opened(text_target="a bad")["input_ids"]
    assert code in ids
    assert code not in opened("a bad")["input_ids"]
    made = Seq2SeqPredictor(
        model.eval(), opened, "translation", limits_of(model, opened, options), "", (source, target)
    )
    made.save(tmp_path / "saved")
    plain = AutoModelForSeq2SeqLM.from_pretrained(tmp_path / "saved")
    again = AutoTokenizer.from_pretrained(tmp_path / "saved")
    tokens = plain.generate(**again("a bad", return_tensors="pt"))[0]
    assert code in tokens[:2].tolist()
    assert again.decode(tokens, skip_special_tokens=True) == made(["a bad"])[0]["translation"]


def test_models_of_one_pair_have_no_codes(tmp_path: Path):
    assert language_codes(learn_tokenizer(TEXTS, 400, 64)) == []
    options = Seq2SeqOptions(source_lang="en", target_lang="es")
    assert open_pair(ModelSection(name=str(small_marian(tmp_path))), options, TEXTS)


def test_a_vocabulary_of_small_letters_reads_and_writes_nothing_else(tmp_path: Path):
    lowercase = OPTIONS.model_copy(update={"lowercase": True})
    _, tokenizer = open_pair(
        ModelSection(name="scratch:marian", config={**SMALL, **HEADS}), lowercase, TEXTS
    )[:2]
    ids = tokenizer("An ÉTÉ In ROME")["input_ids"]
    assert tokenizer.decode(ids, skip_special_tokens=True) == "an été in rome"
    assert tokenizer("an été in rome")["input_ids"] == ids
