"""What each metric is called and what it means, in words for people who did not train the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from toolkit.metrics.measure import Measure

Unit = Literal["share", "number", "time", "rate", "amount", "points"]


@dataclass(frozen=True)
class Metric:
    """How one metric is shown.

    ``unit``: a ``share`` lies in 0..1 and is shown in percent, a ``time`` is in seconds, a ``rate`` is per
    second, an ``amount`` is a sum or a count of any size, ``points`` are 0 to 100. ``better``: neither, for what
    only describes.
    """

    title: str
    meaning: str
    unit: Unit = "number"
    better: Literal["higher", "lower", "neither"] = "higher"


GLOSSARY: dict[str, Metric] = {
    "accuracy": Metric("Accuracy", "Share of rows whose predicted label is the true one.", "share"),
    "top5_accuracy": Metric(
        "Top-5 accuracy", "Share of rows whose true label is among the five likeliest.", "share"
    ),
    "macro_f1": Metric(
        "Macro F1",
        "F1 (the harmonic mean of precision and recall) of each label, averaged so that rare labels "
        "count as much as frequent ones.",
        "share",
    ),
    "micro_f1": Metric(
        "Micro F1", "F1 over all label decisions together, so that frequent labels count more.", "share"
    ),
    "subset_accuracy": Metric("Exact match", "Share of rows whose whole set of labels is right.", "share"),
    "mcc": Metric(
        "Matthews correlation",
        "Agreement of predicted and true labels beyond chance: 1 is perfect, 0 is no better than guessing. "
        "Honest when classes are unequal.",
    ),
    "loss": Metric(
        "Loss",
        "Cross-entropy in nats: how surprised the model is by the true label, or by the true next token.",
        better="lower",
    ),
    "f1": Metric(
        "F1",
        "How much of the true answer is given and how much else: harmonic mean of precision and recall of the words "
        "that the two share, of the accepted answer that is nearest, averaged over questions.",
        "share",
    ),
    "exact_match": Metric(
        "Exact match",
        "Share of texts that are the same as a true one: written ones to the letter, answers found in a text but for "
        "case, punctuation and articles.",
        "share",
    ),
    "answerable_f1": Metric("F1, answerable questions", "F1 of the questions that have an answer.", "share"),
    "no_answer_accuracy": Metric(
        "No-answer accuracy", "Share of the questions without an answer to which none was given.", "share"
    ),
    "perplexity": Metric(
        "Perplexity",
        "Among how many equally likely tokens the model hesitates, on average (exponential of the loss): 1 would be "
        "certainty. Only comparable between models that share a vocabulary, and the masked tokens where there are any.",
        better="lower",
    ),
    "perplexity_before": Metric(
        "Perplexity before training",
        "The same of the model as it came, on the same rows.",
        better="neither",
    ),
    "perplexity_change": Metric(
        "Change of perplexity", "By how much training changed it, on the same rows.", "share", "lower"
    ),
    "bits_per_byte": Metric(
        "Bits per byte",
        "Bits the model would need for a byte of the text: comparable between models with different tokenizers.",
        better="lower",
    ),
    "tokens_per_second": Metric("Writing speed", "Tokens written a second, one text at a time.", "rate"),
    "masked_accuracy": Metric(
        "Masked-token accuracy",
        "Share of the masked tokens that the model's first guess restores. Other words often fit as well.",
        "share",
    ),
    "masked_top5_accuracy": Metric(
        "Masked-token accuracy, five guesses",
        "Share of the masked tokens that are among the model's five likeliest guesses.",
        "share",
    ),
    "ece": Metric(
        "Calibration error",
        "How far stated probabilities are from what comes true, on average (ECE, 15 bins). At 5%, "
        "predictions made with 90% confidence may be right 85% of the time.",
        "share",
        "lower",
    ),
    "ece_calibrated": Metric(
        "Calibration error, after scaling",
        "The same once the logits are divided by the temperature found on the validation rows.",
        "share",
        "lower",
    ),
    "mse": Metric("Mean squared error", "Average squared distance from the true value.", better="lower"),
    "mae": Metric("Mean absolute error", "Average distance from the true value.", better="lower"),
    "r2": Metric(
        "R²", "Share of the true values' variance that the predictions explain; 0 is as good as the mean."
    ),
    "pearson": Metric(
        "Pearson correlation", "How well a straight line relates predictions and true values (-1 to 1)."
    ),
    "spearman": Metric("Spearman correlation", "How well predictions put rows in the right order (-1 to 1)."),
    "tag_accuracy": Metric("Tag accuracy", "Share of words whose predicted tag is the true one.", "share"),
    "tag_macro_f1": Metric(
        "Tag macro F1",
        "F1 (the harmonic mean of precision and recall) of each tag over all words, averaged so that rare tags "
        "count as much as frequent ones.",
        "share",
    ),
    "span_f1": Metric(
        "Entity F1",
        "Harmonic mean of precision and recall over entities. One is found when its type, its first and its last "
        "word are all right; half of a name is an error twice over.",
        "share",
    ),
    "span_precision": Metric(
        "Entity precision", "Of the entities that the model marks, the share that are truly there.", "share"
    ),
    "span_recall": Metric(
        "Entity recall", "Of the entities that are truly there, the share that the model marks.", "share"
    ),
    "mean_reciprocal_rank": Metric(
        "Mean reciprocal rank",
        "A search is worth 1 when a right sentence comes first, a half when it comes second, a third when third, and "
        "so on; the mean over all searches. It falls with the number of sentences searched among.",
    ),
    "recall_at_1": Metric(
        "Found first", "Share of searches with a right sentence in the first place.", "share"
    ),
    "recall_at_10": Metric(
        "Found among ten", "Share of searches with a right sentence among the first ten.", "share"
    ),
    "mean_average_precision": Metric(
        "Mean average precision",
        "How well objects are found, named and outlined at once (COCO mAP): the area under precision over "
        "recall, averaged over labels and over how exactly a box must fit, from half (IoU 0.50) to nearly "
        "wholly (0.95).",
        "share",
    ),
    "average_precision_50": Metric(
        "Average precision, loose boxes",
        "The same where a box counts once it shares half of its area with the true one (IoU 0.50): whether "
        "objects are found and named, however loosely outlined.",
        "share",
    ),
    "average_precision_75": Metric(
        "Average precision, tight boxes", "The same where boxes must fit well (IoU 0.75).", "share"
    ),
    "mean_iou": Metric(
        "Mean IoU",
        "Pixels that truth and prediction share, of all that either of them gives a label (intersection over "
        "union), averaged so that rare labels count as much as frequent ones.",
        "share",
    ),
    "mean_dice": Metric(
        "Mean Dice",
        "The shared pixels of a label twice over, by the sum of its true and its predicted pixels, averaged "
        "over labels. The measure of medical imaging; never below IoU.",
        "share",
    ),
    "pixel_accuracy": Metric(
        "Pixel accuracy",
        "Share of pixels whose predicted label is the true one; high by itself where one label, such as the "
        "background, fills most of the picture.",
        "share",
    ),
    "bleu": Metric(
        "BLEU",
        "How many words, and runs of up to four words, of the predictions stand in the references, 0 to 100; too "
        "short predictions lose points. Over all rows together, so comparable only where the signature is the same.",
        "points",
    ),
    "chrf": Metric(
        "chrF",
        "The same for runs of up to six characters, with recall counting twice as much as precision, 0 to 100: "
        "fairer to languages with many endings and to short texts.",
        "points",
    ),
    "rouge1": Metric(
        "ROUGE-1", "Words that prediction and reference share (F1), averaged over rows.", "share"
    ),
    "rouge2": Metric(
        "ROUGE-2", "Pairs of neighbouring words that both share (F1), averaged over rows.", "share"
    ),
    "rougeL": Metric(
        "ROUGE-L",
        "Longest sequence of words that stands in both in this order, with gaps (F1), averaged over rows.",
        "share",
    ),
    "length_ratio": Metric(
        "Length ratio",
        "Characters of all predictions by those of all references: below 1 something is left out, far above 1 the "
        "model goes on too long.",
        better="neither",
    ),
    "mean_return": Metric(
        "Mean return",
        "Sum of the rewards of an episode, averaged over episodes: what training tries to raise. Its scale is "
        "the environment's own.",
        "amount",
    ),
    "iqm_return": Metric(
        "Interquartile mean return",
        "Mean return of the middle half of the episodes (IQM): unlike the mean it does not hang on a few odd "
        "episodes, and it uses more of them than the median.",
        "amount",
    ),
    "median_return": Metric(
        "Median return", "Half of the episodes have a lower return, half a higher one.", "amount"
    ),
    "worst_return": Metric(
        "Worst return", "Lowest return of all measured episodes: how badly it can go.", "amount"
    ),
    "mean_length": Metric(
        "Mean episode length",
        "Steps until an episode ends or is cut off; the environment decides whether long ones are good.",
        "amount",
        "neither",
    ),
    "success_rate": Metric("Success rate", "Share of episodes that reach the environment's goal.", "share"),
    "random_return": Metric(
        "Return of random actions",
        "Mean return of a policy that picks each action at random: what training has to beat.",
        "amount",
        "neither",
    ),
    "steps_per_second": Metric(
        "Training speed", "Environment steps a second while training, learning included.", "rate"
    ),
    "action_seconds": Metric(
        "Time per action", "Median time the policy takes to choose one action.", "time", "lower"
    ),
    "latency_seconds": Metric("Latency", "Median time to answer a single input.", "time", "lower"),
    "throughput_per_second": Metric("Throughput", "Inputs answered a second when sent in batches.", "rate"),
}


def describe(name: str) -> Metric:
    """The metric's entry, or a plain one made from its name."""
    if name in GLOSSARY:
        return GLOSSARY[name]
    plain = name.removesuffix("_before")
    if plain != name and plain in GLOSSARY:
        of = GLOSSARY[plain]
        meaning = "The same of the model as it came, on the same rows."
        return Metric(f"{of.title} before training", meaning, of.unit, "neither")
    title = name.replace("_", " ").capitalize()
    if name.endswith("_rate"):  # what an environment itself tells of its episodes
        return Metric(title, "Share of episodes at whose end the environment said so.", "share", "neither")
    return Metric(title, "", better="neither" if name.startswith("mean_") else "higher")


def show(name: str, value: float | None) -> str:
    """A value in the metric's unit: ``86.1%``, ``0.721``, ``12.3 ms``, ``410 / s``, ``2,310``; n/a for none."""
    if value is None:
        return "n/a"
    return _SHOWN[describe(name).unit](value)


def _share(value: float) -> str:
    return f"{100 * value:.1f}%"


def _number(value: float) -> str:
    return f"{value:.3f}" if 0.1 <= abs(value) < 100 or value == 0 else f"{value:.3g}"


def _rate(value: float) -> str:
    return f"{value:,.0f} / s" if value >= 100 else f"{value:.3g} / s"


def _points(value: float) -> str:
    return f"{value:.1f}"


def _time(value: float) -> str:
    if value < 0.001:
        return f"{1000 * value:#.2g} ms"
    return f"{1000 * value:.1f} ms" if value < 1 else f"{value:.2f} s"


def _amount(value: float) -> str:
    """At least three digits, no more decimals than they take, no exponent."""
    decimals = sum(abs(value) < size for size in (1000, 100, 1))
    return f"{value:,.{decimals}f}"


_SHOWN: dict[Unit, Callable[[float], str]] = {
    "share": _share,
    "number": _number,
    "time": _time,
    "rate": _rate,
    "amount": _amount,
    "points": _points,
}


def show_interval(name: str, measure: Measure) -> str:
    """The 95% interval as ``84.0% to 88.1%``, or nothing where there is none."""
    low, high = measure["low"], measure["high"]
    return "" if low is None or high is None else f"{show(name, low)} to {show(name, high)}"
