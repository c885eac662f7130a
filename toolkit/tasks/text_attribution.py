"""Which words spoke for a text's predicted label: integrated gradients over the input embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.tasks.protocol import Attribution

if TYPE_CHECKING:
    import torch

STEPS = 24
"""Points of the integral; the attributions of a short text change little beyond this."""


def attribute_text(model: Any, tokenizer: Any, text: str, max_length: int, target: int) -> Attribution:
    """Attribute logit ``target`` to the words of ``text``.

    Integrated gradients (Sundararajan et al. 2017, arXiv:1703.01365, eq. 1) from a text of padding tokens, through
    captum; pieces of one word are summed and the whole is scaled so that the strongest word has weight 1 or -1.
    """
    if not tokenizer.is_fast:
        return Attribution(reason="This tokenizer cannot say which characters a token stands for.")
    if tokenizer.pad_token_id is None:
        return Attribution(reason="This tokenizer has no padding token to compare the text with.")
    encoded = tokenizer(text, truncation=True, max_length=max_length, return_tensors="pt")
    weights = _integrated_gradients(model, encoded, tokenizer.pad_token_id, target)
    return Attribution(pieces=_by_word(text, encoded, weights))


def _integrated_gradients(model: Any, encoded: Any, pad_token_id: int, target: int) -> np.ndarray:
    """Attribution of each token, shape (tokens,)."""
    import torch
    from captum.attr import LayerIntegratedGradients

    device = next(model.parameters()).device
    inputs = {key: value.to(device) for key, value in encoded.items()}
    ids = inputs.pop("input_ids")

    def logits(token_ids: torch.Tensor) -> torch.Tensor:
        repeated = {key: value.expand(len(token_ids), -1) for key, value in inputs.items()}
        return model(input_ids=token_ids, **repeated).logits

    special = torch.tensor([encoded.word_ids(0)[i] is None for i in range(ids.shape[1])], device=device)
    baseline = torch.where(special, ids, torch.full_like(ids, pad_token_id))
    integrated = LayerIntegratedGradients(logits, model.get_input_embeddings())
    attributions: Any = integrated.attribute(
        ids, baseline, target=target, n_steps=STEPS, internal_batch_size=STEPS
    )
    return attributions.sum(dim=-1)[0].detach().cpu().numpy()


def _by_word(text: str, encoded: Any, weights: np.ndarray) -> list[tuple[str, float]]:
    """Sum the pieces of each word; words come as they stand in the text, special tokens are left out."""
    words: dict[int, float] = {}
    for token, word in enumerate(encoded.word_ids(0)):
        if word is not None:
            words[word] = words.get(word, 0.0) + float(weights[token])
    largest = max((abs(weight) for weight in words.values()), default=0.0) or 1.0
    pieces: list[tuple[str, float]] = []
    for word, weight in words.items():
        span = encoded.word_to_chars(0, word)
        pieces.append((text[span.start : span.end], weight / largest))
    return pieces
