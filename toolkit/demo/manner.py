"""How freely a model writes, as a visitor chooses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

if TYPE_CHECKING:
    from toolkit.tasks.generation_model import Manner, Writer

LONGEST = 1024
"""Tokens a visitor may ask for at once."""


def build(writer: Writer, *, render: bool = True) -> list[Any]:
    """A slider for each part of the manner.

    Args:
        writer: offers its own manner.
        render: put them where the page is just built; otherwise something else does.
    """
    own = writer.manner
    most = max(16, min(LONGEST, writer.context // 2))
    return [
        gr.Slider(
            0.0,
            2.0,
            0.0,
            step=0.05,
            label="Temperature",
            info="0 always takes the likeliest word; higher is freer and less reliable.",
            elem_id="temperature",
            render=render,
        ),
        gr.Slider(
            0.05,
            1.0,
            1.0,
            step=0.05,
            label="Top p",
            info="Draw among the likeliest words that together have this probability.",
            elem_id="top-p",
            render=render,
        ),
        gr.Slider(
            16,
            most,
            min(own.max_new_tokens, most),
            step=16,
            label="Longest answer in tokens",
            elem_id="longest",
            render=render,
        ),
        gr.Slider(
            1.0,
            2.0,
            own.repetition_penalty,
            step=0.05,
            label="Repetition penalty",
            info="Above 1, words that were written already become less likely.",
            elem_id="penalty",
            render=render,
        ),
    ]


def chosen(temperature: float, top_p: float, longest: float, penalty: float) -> Manner:
    """What the sliders say, kept within what they offer."""
    from toolkit.tasks.generation_model import Manner

    return Manner(
        max_new_tokens=int(min(max(longest, 1), LONGEST)),
        temperature=float(min(max(temperature, 0.0), 2.0)),
        top_p=float(min(max(top_p, 0.05), 1.0)),
        repetition_penalty=float(min(max(penalty, 1.0), 2.0)),
    )
