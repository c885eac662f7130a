"""What the model was trained and tested on, and what was cut away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from toolkit.artifact.report.page import ReportSection, render
from toolkit.artifact.report.table import table
from toolkit.errors import Finding

MOST_LABELS = 30


def data_section(
    manifest: Mapping[str, Any], findings: Sequence[Finding] = (), problem_type: str = ""
) -> ReportSection:
    """Splits, balance of the labels, leak check, and what was guessed or noticed.

    Args:
        manifest: the rows' part of ``manifest.json``: source, columns, rows, class_balance, leaks.
        findings: notes and warnings of loading.
        problem_type: a regression has ranges, not counts; labels of a multi-label row overlap.
    """
    columns = ", ".join(
        f"{role} from column “{_joined(name)}”" for role, name in manifest.get("columns", {}).items()
    )
    explanation = f"Source: {manifest.get('source', 'unknown')}{'; ' + columns if columns else ''}."
    balance = manifest.get("class_balance", {})
    regression = problem_type == "regression"
    html = render(
        "data.html",
        splits=_splits(manifest, balance if regression else {}),
        balance=[]
        if regression
        else [_balance(name, counts, problem_type) for name, counts in balance.items() if counts],
        leak_summary=_leak_summary(manifest.get("leaks")),
        leaks=_leaks(manifest.get("leaks") or {}),
        findings=findings,
    )
    return ReportSection("Data", explanation, html)


def ledger_section(
    ledger: Mapping[str, Mapping[str, int]],
    options: Sequence[str] = ("options.max_length",),
    noun: str = "texts",
) -> ReportSection:
    """How many texts, and how much of them, were cut to the model's length, or into how many blocks they were split.

    Args:
        ledger: split to ``samples``, ``samples_cut``, ``tokens``, ``tokens_cut`` and ``limit``, in tokens; ``blocks``
            where texts were split; and, of sentences given word by word, ``words`` and ``words_cut``.
        options: what the limits are called in a recipe.
        noun: what is cut, in the plural; questions, whose contexts are read whole, have a limit of their own.
    """
    if any("blocks" in entry for entry in ledger.values()):
        return _blocks_section(ledger)
    limits = list(dict.fromkeys(entry.get("limit", 0) for entry in ledger.values()))
    numbers = " and ".join(f"{limit:,}" for limit in limits if limit)
    limit = f"at {numbers} tokens" if numbers else "at the model's longest input"
    raised = " or ".join(options)
    explanation = (
        f"{noun.capitalize()} are cut {limit}; the rest is never read. Raise {raised} if much is lost."
    )
    units = ["tokens", *(["words"] if any("words" in entry for entry in ledger.values()) else [])]
    rows = [
        (
            split,
            f"{entry['samples']:,}",
            _part(entry["samples_cut"], entry["samples"]),
            *(
                cell
                for unit in units
                for cell in (f"{entry[unit]:,}", _part(entry[f"{unit}_cut"], entry[unit]))
            ),
        )
        for split, entry in ledger.items()
    ]
    counted = [name for unit in units for name in (unit, f"{unit} cut")]
    html = table(("split", noun, f"{noun} cut", *counted), rows)
    return ReportSection("Truncation ledger", explanation, html)


def _blocks_section(ledger: Mapping[str, Mapping[str, int]]) -> ReportSection:
    longest = max((entry["limit"] for entry in ledger.values()), default=0)
    explanation = (
        f"Texts longer than {longest:,} tokens are split into blocks of at most so many, and every block is read: "
        "nothing is thrown away. A token sees its own block alone."
    )
    rows = [
        (
            split,
            f"{entry['samples']:,}",
            f"{entry['blocks']:,}",
            f"{entry['tokens']:,}",
            f"{entry['tokens_cut']:,}",
        )
        for split, entry in ledger.items()
    ]
    html = table(("split", "texts", "blocks", "tokens", "tokens cut"), rows)
    return ReportSection("Blocks of text", explanation, html)


def _part(part: int, whole: int) -> Markup:
    share = f"{100 * part / whole:.1f}%" if whole else ""
    return Markup('{} <span class="sub">{}</span>').format(f"{part:,}", share)


def _joined(name: str | Sequence[str]) -> str:
    return name if isinstance(name, str) else ", ".join(name)


def _splits(manifest: Mapping[str, Any], ranges: Mapping[str, Mapping[str, float]]) -> Markup:
    rows: Mapping[str, int] = manifest.get("rows", {})
    total = sum(rows.values())
    headers = ["split", "rows", "share"]
    cells = [
        [split, f"{count:,}", f"{100 * count / total:.1f}%" if total else ""] for split, count in rows.items()
    ]
    if ranges:
        headers += ["mean label", "smallest", "largest"]
        for row in cells:
            row += [f"{ranges.get(row[0], {}).get(key, float('nan')):.4g}" for key in ("mean", "min", "max")]
    return table(headers, cells)


def _balance(split: str, counts: Mapping[str, float], problem_type: str) -> dict[str, Any]:
    total, most = sum(counts.values()), max(counts.values())
    shared = problem_type != "multi_label_classification" and total > 0
    shown = (
        sorted(counts, key=lambda name: -counts[name])[:MOST_LABELS] if len(counts) > MOST_LABELS else counts
    )
    bars = [
        {
            "name": name,
            "count": int(counts[name]),
            "share": counts[name] / total if shared else None,
            "width": counts[name] / most if most else 0,
        }
        for name in shown
    ]
    left = len(counts) - len(bars)
    return {"split": split, "bars": bars, "note": f"… and {left:,} rarer labels." if left else ""}


def _leak_summary(leaks: Mapping[str, Any] | None) -> str:
    if not leaks:
        return "Not made."
    compared = leaks.get("compared", {})
    sampled = [
        f"{c['compared']:,} of {c['rows']:,} {name}"
        for name, c in compared.items()
        if c["compared"] < c["rows"]
    ]
    scope = f" Near-duplicates were sought in a sample ({', '.join(sampled)} rows)." if sampled else ""
    what = leaks.get("of", "text")
    if not leaks["exact"] and not leaks["near"]:
        return f"No held-out {what} repeats a {what} of another split, exactly or nearly.{scope}"
    return (
        f"{leaks['exact']:,} held-out {what}s repeat a {what} of another split exactly and {leaks['near']:,} "
        f"nearly ({leaks['alike']}). Scores on such rows are too good.{scope}"
    )


def _leaks(leaks: Mapping[str, Any]) -> Markup | str:
    examples = leaks.get("examples", [])
    texts = any(leak["text"] for leak in examples)
    rows = [
        (
            f"{leak['split']}, row\u00a0{leak['row']:,}",
            f"{leak['other_split']}, row\u00a0{leak['other_row']:,}",
            f"{100 * leak['similarity']:.3g}%",
            *([_shortened(leak["text"])] if texts else []),
        )
        for leak in examples
    ]
    headers = ("held-out", "repeats", "alike", *(["text"] if texts else []))
    return table(headers, rows, numbers=(2,)) if rows else ""


def _shortened(text: str, length: int = 160) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
