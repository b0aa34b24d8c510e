"""Colours and sizes that all views of a program share: dark ink, white paper, one hue for each group.

Hues are dark enough to be told apart in a grey print and by most colour-blind eyes; blue and orange are
those of the pictures of runs.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from sequences.picture import Change, Group

INK: Final = "#1d2733"
FAINT_INK: Final = "#667281"
HAIRLINE: Final = "#dfe4ea"
BAND: Final = "#f7f9fb"
PAPER: Final = "#ffffff"
MARK: Final = "#b3261e"
FOLD: Final = "#6b4fa0"

FONT: Final = "Inter, 'Source Sans 3', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
"""The first of these that a machine has; figures are drawn with equal widths where the font can."""

GROUP_COLOURS: Final = MappingProxyType(
    {
        Group.LINES: "#46586c",
        Group.TONES: "#1f4e79",
        Group.ELECTRODES: "#c55a11",
        Group.DETECTORS: "#2e7d4f",
        Group.CAMERAS: "#7b3f8c",
        Group.TRIGGERS: "#8a6d1b",
    }
)

CHANGE_COLOURS: Final = MappingProxyType(
    {
        Change.ADDED: "#1a7f37",
        Change.REMOVED: "#cf222e",
        Change.MOVED: "#bf8700",
        Change.CHANGED: "#8250df",
    }
)

ROW_HEIGHTS: Final = MappingProxyType(
    {
        Group.LINES: 22.0,
        Group.TONES: 34.0,
        Group.ELECTRODES: 60.0,
        Group.DETECTORS: 24.0,
        Group.CAMERAS: 24.0,
        Group.TRIGGERS: 22.0,
    }
)
"""Pixels; tones show their amplitude as height, voltages need room for a scale."""
