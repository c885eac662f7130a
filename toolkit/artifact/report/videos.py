"""Episodes to look at, inside the page itself."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.artifact.report.page import ReportSection, render


@dataclass(frozen=True)
class Video:
    """One episode as an MP4 file that browsers play (H.264, yuv420p), and the size of its pictures in pixels."""

    title: str
    caption: str
    mp4: bytes
    width: int
    height: int

    @property
    def uri(self) -> str:
        """The file as the value of an ``src``."""
        return f"data:video/mp4;base64,{base64.b64encode(self.mp4).decode()}"


def videos_section(videos: Sequence[Video], reason: str = "") -> ReportSection:
    """Videos of episodes, or why there are none.

    Args:
        videos: in the order they are shown; each makes the page larger by 4/3 of its file.
        reason: what to say in their place where there are none, a whole sentence.
    """
    explanation = (
        "Figures say how much reward was collected, not how. Look for tricks: reward can be had in ways that nobody "
        "had in mind."
    )
    if not videos:
        explanation = reason or "No video was made."
    return ReportSection("Videos", explanation, render("videos.html", videos=videos))
