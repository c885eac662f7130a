"""What a masked language model fills in, and how well it guesses, before and after training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from toolkit.artifact.report.page import ReportSection
from toolkit.artifact.report.table import table
from toolkit.metrics.glossary import describe, show, show_interval
from toolkit.metrics.measure import Measure

SHOWN = 3
"""Fillings of a gap."""


@dataclass(frozen=True)
class Filled:
    """A held-out passage with a gap, the word that was there, and (word, probability) of the best fillings."""

    text: str
    truth: str
    before: Sequence[tuple[str, float]]
    after: Sequence[tuple[str, float]]


def adaptation_section(
    before: Mapping[str, Measure], after: Mapping[str, Measure], split: str, *, new_head: bool
) -> ReportSection:
    """Each metric of one split before and after training, on the same masked tokens.

    Args:
        before: of the model as it was.
        after: of the trained one.
        split: which.
        new_head: whether the head had nothing learnt in it before.
    """
    explanation = (
        f"The same masked tokens of the {split} split, guessed by the model as it was and as it is now. "
    )
    explanation += (
        "Its head was new: before training it guesses at random, so that the difference is not what adapting a masked "
        "language model to the domain brings."
        if new_head
        else "The difference is what training on the domain brought."
    )
    rows = [(describe(name).title, _figure(name, before[name]), _figure(name, after[name])) for name in after]
    return ReportSection("Before and after", explanation, table(("", "before", "after"), rows))


def fillings_section(filled: Sequence[Filled], mask: str) -> ReportSection:
    """Passages with a gap, what was there, and what is filled in before and after training."""
    if not filled:
        return ReportSection(
            "Gaps and their fillings", "No held-out text has a word to take out.", Markup("")
        )
    before = sum(one.before[0][0] == one.truth for one in filled)
    after = sum(one.after[0][0] == one.truth for one in filled)
    explanation = (
        f"Passages of held-out texts from which one word was taken out ({mask}). The word is the first guess in "
        f"{before} of {len(filled)} before and {after} after training; other words may fit as well."
    )
    rows = [(one.text, one.truth, _words(one.before), _words(one.after)) for one in filled]
    html = table(("passage", "was there", "before", "after"), rows, numbers=())
    return ReportSection("Gaps and their fillings", explanation, html)


def _figure(name: str, measure: Measure) -> Markup:
    sub = Markup('<span class="sub">{}</span>').format(show_interval(name, measure))
    return Markup("{}{}").format(show(name, measure["value"]), sub)


def _words(fillings: Sequence[tuple[str, float]]) -> str:
    return ", ".join(f"{word.strip()} {score:.0%}" for word, score in fillings[:SHOWN])
