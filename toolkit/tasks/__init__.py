"""The table of tasks: Hub pipeline tag to the class that knows it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from toolkit.errors import RecipeError, did_you_mean

if TYPE_CHECKING:
    from toolkit.recipe.schema import TaskOptions
    from toolkit.tasks.protocol import Task

TABLE: dict[str, str] = {
    "fill-mask": "toolkit.tasks.fill_mask:FillMask",
    "image-classification": "toolkit.tasks.image_classification:ImageClassification",
    "image-segmentation": "toolkit.tasks.image_segmentation:ImageSegmentation",
    "object-detection": "toolkit.tasks.object_detection:ObjectDetection",
    "question-answering": "toolkit.tasks.question_answering:QuestionAnswering",
    "reinforcement-learning": "toolkit.tasks.reinforcement_learning:ReinforcementLearning",
    "sentence-similarity": "toolkit.tasks.sentence_similarity:SentenceSimilarity",
    "summarization": "toolkit.tasks.summarization:Summarization",
    "text-classification": "toolkit.tasks.text_classification:TextClassification",
    "text-generation": "toolkit.tasks.text_generation:TextGeneration",
    "token-classification": "toolkit.tasks.token_classification:TokenClassification",
    "translation": "toolkit.tasks.translation:Translation",
}


def get(name: str) -> Task:
    """The task called ``name``.

    Raises:
        RecipeError: no such task.
    """
    if name not in TABLE:
        raise RecipeError(f"unknown task '{name}'; {did_you_mean(name, TABLE)}")
    module, _, attribute = TABLE[name].partition(":")
    return getattr(importlib.import_module(module), attribute)()


def options_for(name: str) -> type[TaskOptions]:
    """The class that checks a task's ``options``."""
    return get(name).Options
