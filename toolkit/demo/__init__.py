"""A Gradio demo from any artifact: what goes in and what comes out decide its components."""

from toolkit.demo.app import build
from toolkit.demo.serve import launch

__all__ = ["build", "launch"]
