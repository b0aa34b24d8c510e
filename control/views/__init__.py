"""Views of programs: pages to look around in, and drawings on paper.

A `Panel` is a picture (`sequences.picture`) with its heading; `save_view` writes some of them into a file.
"""

from control.views.layout import Window, describe
from control.views.panel import Panel, Tint, tint
from control.views.saving import FORMATS, check_format, save_view

__all__ = ["FORMATS", "Panel", "Tint", "Window", "check_format", "describe", "save_view", "tint"]
