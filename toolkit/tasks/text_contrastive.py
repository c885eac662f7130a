"""Classify texts after a few examples: draw texts of a class together, then fit a linear classifier of their vectors.

SetFit's two steps (Tunstall et al. 2022, arXiv:2209.11055), with the supervised contrastive loss over all pairs of a
batch (Khosla et al. 2020, arXiv:2004.11362) in place of pairs drawn one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.errors import Finding, RecipeError, raise_errors
from toolkit.tasks.problem import Problem
from toolkit.tasks.sentence_batches import SentenceBatches, texts_of
from toolkit.tasks.sentence_model import Pooling, open_encoder
from toolkit.tasks.signature import joined
from toolkit.tasks.text_model import TextPredictor
from toolkit.tasks.text_opening import longest_input, open_tokenizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from datasets import Dataset

    from toolkit.data.labels import LabelSpace
    from toolkit.engine.stages import Part
    from toolkit.engine.turn import Batch
    from toolkit.recipe.schema import ModelSection, Recipe
    from toolkit.tasks.text_classification import ContrastiveSection


def refuse_unsuited(
    recipe: Recipe, space: LabelSpace, section: ContrastiveSection, roles: Sequence[str]
) -> None:
    """Refuse what this way of training cannot do.

    Args:
        recipe: for its ``train`` section.
        space: the labels.
        section: how to draw texts together.
        roles: of the texts: one, or two as a pair.

    Raises:
        RecipeError: all of it at once.
    """
    wrong: list[Finding] = []
    if space.problem_type != "single_label_classification":
        message = f"texts of one class are drawn together, and these labels are {space.problem_type}"
        wrong.append(Finding("error", "options.contrastive", message, "leave it out"))
    if recipe.train.batch_size < 2:
        message = "a batch of one text has no other to be compared with"
        wrong.append(
            Finding("error", "train.batch_size", message, "set it so that all classes are in a batch")
        )
    if recipe.train.label_smoothing_factor:
        message = "pairs of texts have no label to smooth"
        wrong.append(Finding("error", "train.label_smoothing_factor", message, "set it to 0"))
    if section.templates and len(roles) > 1:
        message = "a text with the name of a class is no pair of texts"
        wrong.append(Finding("error", "options.contrastive.templates", message, "leave it out"))
    raise_errors(wrong, RecipeError)


def named_by(templates: Sequence[str], names: Sequence[str]) -> list[dict[str, Any]]:
    """A text a class by each template, with the class's name for ``{}`` (SetFit's templates)."""
    return [
        {"text": template.replace("{}", name), "label": code}
        for template in templates
        for code, name in enumerate(names)
    ]


def with_texts(rows: Dataset, made: list[dict[str, Any]]) -> Dataset:
    """Texts and labels of rows, then further ones."""
    import datasets

    features = datasets.Features({name: rows.features[name] for name in ("text", "label")})
    further = datasets.Dataset.from_list(made, features)
    return datasets.concatenate_datasets([rows.select_columns(list(features)), further])


def open_pooled(section: ModelSection, space: LabelSpace, max_length: int, pooling: Pooling) -> TextPredictor:
    """A pretrained encoder with a new linear classifier of its pooled tokens, and its tokenizer.

    Args:
        section: the model.
        space: what the logits are to mean.
        max_length: tokens a text is cut to; the model's own limit applies where it is lower.
        pooling: how tokens become one vector.

    Raises:
        ModelError: no tokenizer, unreadable weights, or no encoder of texts.
    """
    from toolkit.models.pooled import PooledConfig, PooledForSequenceClassification

    encoder, located = open_encoder(section)
    tokenizer = open_tokenizer(located)
    problem = Problem(space)
    config = PooledConfig(encoder=encoder.config.to_dict(), pooling=pooling, **problem.config)
    model = PooledForSequenceClassification(config, encoder)
    model.config.pad_token_id = tokenizer.pad_token_id
    limit = longest_input(encoder, tokenizer, max_length)
    predictor = TextPredictor(model, tokenizer, problem, max_length=limit)
    predictor.revision = located.revision
    return predictor


def contrastive_part(predictor: TextPredictor, rows: Dataset, recipe: Recipe, temperature: float) -> Part:
    """What draws texts of one class together; nothing is evaluated before there is a classifier.

    Args:
        predictor: with a pooled model.
        rows: the tokens of the training rows, with ``labels``.
        recipe: for the batches.
        temperature: of the loss.
    """
    from toolkit.engine.contrastive import label_loss
    from toolkit.engine.peak import training_flops
    from toolkit.engine.stages import Part
    from toolkit.engine.turn import Coupled, Objective, tokens_of

    labels = np.asarray(rows["labels"][:], np.int64)
    per_token = training_flops(predictor.model)

    def vectors(module: Any, batch: Batch) -> torch.Tensor:
        return module.vectors(**texts_of(batch, 1)[0])

    objective = Objective(
        "encoder",
        predictor.model,
        Coupled(vectors, label_loss(labels, temperature)),
        units=lambda batch: len(batch["0.input_ids"]),
        flops=lambda batch: per_token * tokens_of(batch),
    )
    return Part(objective, SentenceBatches([rows], predictor.tokenizer, recipe.train, 2), None)


def fit_classifier(predictor: TextPredictor, rows: Dataset) -> None:
    """Fit the linear classifier to the vectors of the training rows: logistic regression (scikit-learn's).

    Args:
        predictor: with a pooled model, whose encoder is trained.
        rows: with the predictor's roles and ``label``.
    """
    import torch
    from sklearn.linear_model import LogisticRegression

    from toolkit.engine.inference import compute_rows
    from toolkit.tasks.text_batches import padded

    model = predictor.model
    texts = joined(predictor.roles, [rows[role][:] for role in predictor.roles])
    batches = padded(predictor.tokenizer, predictor.tokenize(texts))
    vectors = compute_rows(model, *batches, lambda batch: model(**batch).hidden_states[-1].float())
    fitted: Any = LogisticRegression(max_iter=1000).fit(vectors, np.asarray(rows["label"][:]))
    weight, bias = np.asarray(fitted.coef_), np.asarray(fitted.intercept_)
    if len(weight) == 1:  # of two classes scikit-learn tells one logit: that of the second above the first
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    with torch.no_grad():
        model.classifier.weight.copy_(torch.from_numpy(weight))
        model.classifier.bias.copy_(torch.from_numpy(bias))
