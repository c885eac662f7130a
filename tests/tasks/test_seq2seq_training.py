from __future__ import annotations

from pathlib import Path

import pytest

import toolkit
from tests.tasks.seq2seq_cases import PAIRS, small_marian, table
from toolkit.data.load import load_rows
from toolkit.errors import MissingExtraError, RecipeError
from toolkit.metrics import generation
from toolkit.recipe.schema import DataSection
from toolkit.run import load_recipe
from toolkit.tasks.seq2seq_training import Prepared, prepare
from toolkit.tasks.summarization import ROLES
from toolkit.tasks.translation import Options, writing_of


@pytest.fixture(scope="module")
def marian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_marian(tmp_path_factory.mktemp("marian"))


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    (tmp_path / "pairs.csv").write_text(table())
    return tmp_path / "pairs.csv"


def prepared(pairs: Path, marian: Path, *overrides: str) -> Prepared:
    recipe = load_recipe("translation", ["model.config={}", *overrides], data=pairs, model=marian)
    options = Options(**recipe.options)
    return prepare(recipe, options, writing_of(options))


def test_batches_are_planned_by_the_tokens_of_both_sides(pairs: Path, marian: Path):
    ready = prepared(pairs, marian, "train.batch_tokens=60")
    batches = ready.batches("train")
    rows = ready.encoded["train"]
    both = [len(row["input_ids"]) + len(row["labels"]) for row in rows]
    assert batches.lengths.tolist() == both
    plan = batches.plan(0)
    assert sorted(row for step in plan for row in step) == list(range(len(rows)))
    assert all(max(both[row] for row in step) * len(step) <= 60 for step in plan)


def test_the_best_weights_are_chosen_by_loss_or_by_texts(pairs: Path, marian: Path):
    assert prepared(pairs, marian).best_metric == "-loss"
    assert prepared(pairs, marian).metric_names == ("loss", "perplexity")
    written = prepared(pairs, marian, "options.predict_with_generate=3")
    assert written.best_metric == "chrf"
    assert {"loss", "bleu", "exact_match"} <= set(written.metric_names)


def test_a_metric_that_needs_texts_is_refused_before_training_where_none_are_written(
    pairs: Path, marian: Path, tmp_path: Path
):
    with pytest.raises(RecipeError, match="unknown validation metric 'chrf'"):
        toolkit.train(
            "translation",
            "model.config={}",
            "train.metric_for_best_model=chrf",
            data=pairs,
            model=marian,
            out=tmp_path / "out",
        )


def test_there_is_no_head_to_train_alone(pairs: Path, marian: Path):
    with pytest.raises(RecipeError, match=r"train.freeze: .*no new head"):
        prepared(pairs, marian, "train.freeze=backbone")


def test_adapters_are_trained_and_merged(pairs: Path, marian: Path, tmp_path: Path):
    artifact = toolkit.train(
        "translation",
        "model.config={}",
        "train.lora={r: 4}",
        "train.max_steps=2",
        "options.num_beams=1",
        "options.max_target_length=6",
        "options.predict_with_generate=2",
        data=pairs,
        model=marian,
        out=tmp_path / "out",
    )
    from safetensors.torch import load_file

    names = set(load_file(artifact.model_folder / "model.safetensors"))
    assert names == set(load_file(marian / "model.safetensors"))
    assert not any("lora" in name for name in names)


def test_columns_that_hold_the_same_text_are_doubted(tmp_path: Path, marian: Path):
    path = tmp_path / "same.csv"
    path.write_text("source,target\n" + "\n".join(f"{source},{source}" for source, _ in PAIRS) + "\n")
    found = prepared(path, marian).rows.findings
    assert any("a target that is their source" in finding.message for finding in found)


def test_the_operations_of_both_halves_are_counted(pairs: Path, marian: Path):
    import numpy as np

    from toolkit.tasks.seq2seq_batches import pair_flops, target_tokens

    ready = prepared(pairs, marian)
    batch, model = ready.batches("train").collate(np.arange(4)), ready.predictor.model
    read, written = float(batch["attention_mask"].sum()), float(target_tokens(batch))
    encoder = 4 * 32 * 32 + 2 * 32 * 64
    decoder = encoder + 4 * 32 * 32 + 32 * model.config.vocab_size
    assert pair_flops(model)(batch) == 6 * (encoder * read + decoder * written)


def test_languages_find_their_columns(tmp_path: Path):
    path = tmp_path / "pairs.csv"
    path.write_text(table(header="es,en"))
    roles = writing_of(Options(source_lang="en_XX", target_lang="es_XX")).roles
    assert load_rows(DataSection(source=str(path)), roles).columns == {"source": "en", "target": "es"}


@pytest.mark.parametrize(
    "header", ["article,highlights", "text,summary", "document,abstract", "highlights,article"]
)
def test_documents_and_summaries_are_found_by_their_names(header: str, tmp_path: Path):
    path = tmp_path / "d.csv"
    path.write_text(table(header=header))
    columns = load_rows(DataSection(source=str(path)), ROLES).columns
    assert columns["document"] in {"article", "text", "document"}
    assert columns["summary"] in {"highlights", "summary", "abstract"}


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "rouge_score", None)
    with pytest.raises(MissingExtraError, match=r"transfer-toolkit\[nlp\]"):
        generation.require_packages()
