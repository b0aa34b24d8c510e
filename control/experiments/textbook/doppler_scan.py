"""Laser cooling over the detuning of the cooling light: how bright are the ions, and how warm?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from control.experiments.textbook.drawing import draw_values, label_axes, tell
from control.experiments.textbook.fitted import Columns, calibration_of, dark_counts
from control.experiments.textbook.qubit_shot import QubitExperiment, thermal_modes
from data.errors import AnalysisError
from sequences.declarations import count, quantity
from sequences.ir import Block, Readout
from sequences.language import at, parallel, serial
from sequences.library import Node, hold, optical_pump, rabi, read_ions
from sequences.parameters import Parameter
from sequences.scans import Scan, linear

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Run

detuning = Parameter("detuning", unit="Hz", low=-500e6, high=500e6, help="of 397 nm light from its setting")
duration = Parameter("duration", unit="s", low=8e-9, high=10e-3, help="of the 729 nm pulse")


class DopplerScan(QubitExperiment):
    """Cools with 397 nm light of scanned detuning: fluorescence and temperature of the ions.

    The camera looks while the ions are cooled; afterwards flops on the carrier tell how many phonons are
    left. Red of the line ions are cold, coldest about half a linewidth below it; on its blue side light
    heats.

    Source: D. Leibfried et al., Rev. Mod. Phys. 75, 281 (2003), sec. IV.
    """

    finds: ClassVar[Mapping[str, str]] = {
        "brightest_rate": "1/s",
        "brightest_detuning": "Hz",
        "fewest_phonons": "",
        "coldest_detuning": "Hz",
    }

    shots: int = count(100, low=1, high=10_000_000, help="times that each point is measured")
    cooling: float = quantity("3 ms", unit="s", low="10 us", high="1 s", help="with the scanned light")
    look: float = quantity(
        "1 ms", unit="s", low="1 us", high="1 s", help="exposure at the end of the cooling"
    )
    reddest: float = quantity("-24 MHz", unit="Hz", low="-400 MHz", high="0 Hz", help="first detuning")
    bluest: float = quantity("12 MHz", unit="Hz", low="0 Hz", high="400 MHz", help="last detuning")
    steps: int = count(9, low=2, high=1000, help="detunings")
    passes: float = quantity(
        2, low=1, high=2, help="of the 397 nm modulator: shift of the light per DDS shift"
    )
    longest: float = quantity("120 us", unit="s", low="1 us", high="10 ms", help="longest 729 nm pulse")
    lengths: int = count(16, low=6, high=1000, help="of the 729 nm pulse")
    beam_cosine: float = quantity(0.7071, low=-1, high=1, help="of the 729 nm beam against the trap axis")

    def points(self, node: Node) -> Scan:
        """Return the detunings, each with all pulse lengths."""
        step = max(round(self.longest / self.lengths / node.grid), 1) * node.grid
        pulses = linear(duration, step, self.lengths * step, self.lengths)
        return linear(detuning, self.reddest, self.bluest, self.steps) * pulses

    def sequence(self, node: Node) -> Block:
        """Return one shot: cool and look, pump, flop, read out with the light as it is set."""
        values = node.calibration
        tone = values.doppler_frequency + detuning / self.passes
        seen = node.camera.expose(self.look, Readout("brightness"))
        cooled = parallel(
            node.doppler.pulse(self.cooling, tone, values.doppler_amplitude),
            node.repump.pulse(self.cooling, values.repump_frequency, values.repump_amplitude),
            node.quench.pulse(self.cooling, values.quench_frequency, values.quench_amplitude),
            at(self.cooling - self.look, seen),
        )
        return serial(
            hold(node, self.transport(values), self.ions // 2),
            cooled,
            optical_pump(node, self.pumping),
            rabi(node, duration),
            read_ions(node, self.exposure),
        )

    def collect(self, run: Run) -> Columns:
        """Return detunings and pulse lengths, how often ions went dark, and all counts while cooling."""
        dark, shots = dark_counts(run)
        return {
            "detuning": np.array([point[detuning.name] for point in run.points]),
            "duration": np.array([point[duration.name] for point in run.points]),
            "dark": dark,
            "shots": shots,
            "counts": np.array([int(record.counts["brightness"].sum()) for record in run.records()]),
        }

    def find(self, run: Run, columns: Columns) -> dict[str, Any]:
        """Return brightness and phonons at each detuning, and where they are highest and lowest."""
        from data.analysis import Estimate  # noqa: PLC0415 - late, as all analysis

        rows = [self._at(run, columns, value) for value in np.unique(columns["detuning"])]
        brightest = max(rows, key=lambda row: row["rate"])
        found: dict[str, Any] = {
            "detunings": rows,
            "brightest_rate": Estimate(brightest["rate"], brightest["rate_error"], "1/s"),
            "brightest_detuning": Estimate(brightest["detuning"], self._spacing, "Hz"),
        }
        # What is hardly known to be cold is not the coldest.
        known = [row for row in rows if row["phonons"] is not None]
        if known:
            coldest = min(known, key=lambda row: row["phonons"] + row["phonons_error"])
            found["fewest_phonons"] = Estimate(coldest["phonons"], coldest["phonons_error"])
            found["coldest_detuning"] = Estimate(coldest["detuning"], self._spacing, "Hz")
        return found

    @property
    def _spacing(self) -> float:
        """Half of the distance of two detunings, Hz: what lies highest between two is not seen."""
        return (self.bluest - self.reddest) / (self.steps - 1) / 2

    def _at(self, run: Run, columns: Columns, value: float) -> dict[str, Any]:
        """Return brightness and phonons at one detuning; None for phonons where nothing flops."""
        from data.analysis import poisson_error  # noqa: PLC0415
        from data.analysis.flops import fit_flop  # noqa: PLC0415

        calibration, here = calibration_of(run), columns["detuning"] == value
        time = self.look * int(columns["shots"][here].sum())
        total = int(columns["counts"][here].sum())
        row = {
            "detuning": float(value),
            "rate": total / time,
            "rate_error": float(poisson_error(total)) / time,
        }
        modes = thermal_modes(calibration, self.transport(calibration), self.beam_cosine)
        try:
            times, dark, shots = (columns[name][here] for name in ("duration", "dark", "shots"))
            fit = fit_flop(times, dark, shots, *modes)
        except AnalysisError as error:
            return row | {"phonons": None, "phonons_error": None, "refused": str(error)}
        return row | {"phonons": fit["phonons"].value, "phonons_error": fit["phonons"].error}

    def draw(self, run: Run, results: Mapping[str, Any], figure: Figure) -> None:
        """Draw brightness and phonons over the detuning."""
        rows = results["detunings"]
        above, below = figure.subplots(2, 1, sharex=True)
        places = [row["detuning"] for row in rows]
        rates = [1e-3 * row["rate"] for row in rows]
        above.plot(places, rates, color="0.8", lw=0.8)  # joins points; no model stands behind it
        draw_values(above, places, rates, [1e-3 * row["rate_error"] for row in rows])
        label_axes(above, "", "Hz", "camera, per ion (1000/s)")
        above.set_ylim(bottom=0)
        known = [row for row in rows if row["phonons"] is not None]
        draw_values(
            below,
            [row["detuning"] for row in known],
            [row["phonons"] for row in known],
            [row["phonons_error"] for row in known],
        )
        label_axes(below, "detuning of 397 nm light from its setting", "Hz", "phonons of the slowest mode")
        below.set_ylim(bottom=0)
        tell(figure, results, "brightest_detuning", "coldest_detuning", "fewest_phonons")
