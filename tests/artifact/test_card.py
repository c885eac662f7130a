from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import huggingface_hub.constants
import numpy as np
import pytest
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import model_index_to_eval_results

from toolkit.artifact.card import name_repository, write_card
from toolkit.artifact.card_check import unsupported_numbers, validate_card
from toolkit.errors import ArtifactError, UnavailableError
from toolkit.metrics.classification import METRICS, score
from toolkit.recipe.schema import DataSection, ModelSection, Recipe

MANIFEST = {
    "problem_type": "single_label_classification",
    "label_names": ["bad", "a|b <script>"],
    "data": {
        "rows": {"train": 800, "test": 60},
        "class_balance": {
            "train": {"bad": 500, "a|b <script>": 300},
            "test": {"bad": 40, "a|b <script>": 20},
        },
        "leaks": {"exact": 0, "near": 3},
        "revision": None,
    },
    "truncation": {"train": {"samples": 800, "samples_cut": 7, "tokens": 9000, "tokens_cut": 70}},
    "fit": {"steps": 75, "seconds": 12.3},
    "hardware": {"cpu": "A processor", "cores": 2, "gpus": []},
    "versions": {"python": "3.11", "torch": "2.9"},
}


def recipe(model="sample:minilm", source="sample:movie-reviews", **data):
    return Recipe(
        task="text-classification",
        model=ModelSection(name=model),
        data=DataSection(source=source, **data),
        options={"max_length": 64},
        name="nlp/reviews",
    )


def metrics(problem_type="single_label_classification"):
    generator = np.random.default_rng(0)
    logits, labels = generator.normal(size=(60, 2)), generator.integers(0, 2, 60)
    if problem_type == "regression":
        logits, labels = logits[:, 0] * 1e-3, generator.normal(size=60)
    if problem_type == "multi_label_classification":
        labels = np.stack([labels, 1 - labels], 1)
    part = score(problem_type, logits, labels, temperature=1.3) | {"rows": 60}
    speed = {"latency_seconds": {"value": 0.0123, "low": 0.0119, "high": 0.0131}}
    speed["throughput_per_second"] = {"value": 1234.5, "low": 1200.1, "high": 1260.9}
    return {"train": part, "test": part, "performance": speed, "temperature": 1.3}


@pytest.fixture
def card(tmp_path):
    return write_card(tmp_path, recipe(), metrics(), MANIFEST)


def test_card_loads_in_the_hubs_own_library_with_every_result(card):
    loaded = ModelCard.load(card)
    assert loaded.data.pipeline_tag == "text-classification"
    assert loaded.data.library_name == "transformers"
    assert loaded.data.license == "apache-2.0"
    expected = metrics()["test"]
    got = {result.metric_name: result.metric_value for result in loaded.data.eval_results}
    assert got["Accuracy"] == expected["accuracy"]["value"]
    assert got["Macro F1"] == expected["macro_f1"]["value"]
    name, _ = model_index_to_eval_results(loaded.data.to_dict()["model-index"])
    assert name == "reviews"
    assert {result.dataset_split for result in loaded.data.eval_results} == {"test"}


@pytest.mark.parametrize("problem_type", METRICS)
def test_every_number_of_the_results_is_in_metrics_json(tmp_path, problem_type):
    measured = json.loads(json.dumps(metrics(problem_type)))
    text = write_card(tmp_path, recipe(), measured, MANIFEST).read_text()
    assert "| value | 95% interval |" in text
    assert "12.3 ms" in text
    assert unsupported_numbers(text, measured) == []


def test_a_number_that_was_not_measured_is_named(card):
    text = card.read_text().replace("12.3 ms", "9.7 ms")
    assert unsupported_numbers(text, metrics()) == ["9.7"]


def test_a_pushed_card_names_its_repository(card):
    name_repository(card.parent, "me/reviews")
    text = card.read_text()
    assert 'toolkit.load("me/reviews")' in text
    assert "USER/NAME" not in text


def test_names_from_the_data_cannot_break_the_table_or_become_html(card):
    text = card.read_text()
    assert "<script>" not in text
    assert "| split | rows | bad | a\\|b &lt;script> |" in text
    assert "| train | 800 | 500 | 300 |" in text


def test_hub_model_and_dataset_become_links_and_metadata(tmp_path):
    card = write_card(
        tmp_path, recipe("distilbert/distilbert-base-uncased", "stanfordnlp/imdb"), metrics(), MANIFEST
    )
    loaded = ModelCard.load(card)
    assert loaded.data.base_model == "distilbert/distilbert-base-uncased"
    assert loaded.data.datasets == ["stanfordnlp/imdb"]
    assert loaded.data.license is None, "what is not known is not claimed"
    assert "https://huggingface.co/datasets/stanfordnlp/imdb" in loaded.text


def test_paths_of_this_machine_stay_out(tmp_path):
    (tmp_path / "my model").mkdir()
    (tmp_path / "rows.csv").touch()
    source = recipe(str(tmp_path / "my model"), str(tmp_path / "rows.csv"))
    text = write_card(tmp_path, source, metrics(), MANIFEST).read_text()
    assert str(tmp_path) not in text
    assert "source: rows.csv" in text
    loaded = ModelCard.load(tmp_path / "README.md")
    assert loaded.data.base_model is None
    assert loaded.data.datasets is None


def test_run_without_a_held_out_split_has_no_model_index(tmp_path):
    measured = metrics()
    del measured["test"]
    loaded = ModelCard.load(write_card(tmp_path, recipe(), measured, MANIFEST))
    assert "model-index" not in loaded.data.to_dict()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("pipeline_tag: text-classification\n", ""), "names no pipeline_tag"),
        (("- task:\n      type: text-classification\n", "- task:\n"), "not a valid model card"),
        (("library_name: transformers", "library_name: [transformers"), "not a valid model card"),
    ],
)
def test_damaged_card_is_refused(card, change, message):
    text = card.read_text()
    assert change[0] in text
    card.write_text(text.replace(*change))
    with pytest.raises(ArtifactError, match=message):
        validate_card(card)


def test_asking_the_hub_without_a_network_is_a_clear_error(card):
    with pytest.raises(UnavailableError, match="the model card"):
        validate_card(card, online=True)


class Endpoint(BaseHTTPRequestHandler):
    """The Hub's /api/validate-yaml, as far as a card's licence goes."""

    def do_POST(self):
        assert self.path == "/api/validate-yaml"
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        fine = body["repoType"] == "model" and "license: apache-2.0" in body["content"]
        answer = b"{}" if fine else b"license must be one of ..."
        self.send_response(200 if fine else 400)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture
def endpoint(monkeypatch):
    server = HTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    yield
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_hubs_word_is_the_last(card, endpoint):
    validate_card(card, online=True)
    card.write_text(card.read_text().replace("license: apache-2.0", "license: my-own"))
    with pytest.raises(ArtifactError, match="the Hub refuses the model card: license must be one of"):
        validate_card(card, online=True)


def test_a_number_in_a_metrics_name_is_no_result():
    metric = {"top5_accuracy": {"value": 0.98}}
    card = "<!-- results -->\n| Top-5 accuracy | 98.0% | |\n<!-- /results -->"
    assert unsupported_numbers(card, {"test": metric}) == []
    assert unsupported_numbers(card.replace("98.0%", "5"), {"test": metric}) == ["5"]
