"""Pictures of runs: functions from columns to axes, and the paper they are drawn on.

Nothing here opens a file or works anything out. matplotlib is the extra ``plots``; figures are made without
its global state, so that they can be drawn anywhere, also in threads and on machines without a screen.
"""

from __future__ import annotations

from control.plots.figures import DATA, MEAN, STYLE, check_picture, new_figure, save_figure, styled
from control.plots.marks import draw_density_matrix, draw_estimates, draw_wave_packet
from control.plots.residuals import draw_residuals
from control.plots.scans import draw_counts

__all__ = [
    "DATA",
    "MEAN",
    "STYLE",
    "check_picture",
    "draw_counts",
    "draw_density_matrix",
    "draw_estimates",
    "draw_residuals",
    "draw_wave_packet",
    "new_figure",
    "save_figure",
    "styled",
]
