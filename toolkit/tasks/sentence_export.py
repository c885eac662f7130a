"""Write a sentence encoder as ONNX, its pooling with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from torch import Tensor, nn

from toolkit.artifact.export import export_onnx

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.artifact import Artifact
    from toolkit.tasks.sentence_model import SentencePredictor

TEXTS = ("A short text.", "A somewhat longer text, so that another length is compared too.")
"""What an exported model is compared on when the run kept no examples."""


class Pooled(NamedTuple):
    """What the exported model gives."""

    sentence_embedding: Tensor


class Encoder(nn.Module):
    """A model with its pooling."""

    def __init__(self, predictor: SentencePredictor) -> None:
        super().__init__()
        self.model = predictor.model
        self.config = predictor.model.config
        self.pool = predictor.pooled

    def forward(self, **inputs: Tensor) -> Pooled:
        """One vector a text."""
        return Pooled(self.pool(self.model(**inputs), inputs))


def export_sentences(predictor: SentencePredictor, artifact: Artifact, target: Path) -> dict[str, Any]:
    """Write ONNX to ``target``, compared with torch.

    Raises:
        ToolkitError: the model cannot be exported, or the result computes something else.
    """
    texts = [text for example in artifact.examples for text in example["sentences"]["sentences"]] or TEXTS
    files = [path for path in artifact.model_folder.iterdir() if path.suffix in {".json", ".txt", ".model"}]
    example = predictor.encode([*texts, *TEXTS][:8])
    return export_onnx(Encoder(predictor), example, target, files=files, outputs=("sentence_embedding",))
