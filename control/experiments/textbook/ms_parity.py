"""The parity of two ions behind an entangling gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from control.errors import ConfigError
from control.experiments.textbook.drawing import draw_curve, draw_probabilities, label_axes, tell
from control.experiments.textbook.fitted import Columns, curve_of, quality
from control.experiments.textbook.qubit_shot import QubitExperiment
from sequences.declarations import count, quantity
from sequences.ir import Block
from sequences.language import Tone
from sequences.library import (
    Bichromat,
    Node,
    lamb_dicke,
    molmer_sorensen,
    optical_pump,
    rotate,
    sideband_cool,
)
from sequences.parameters import Parameter
from sequences.scans import Scan, listed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Run

GATE_TONES: Final[Mapping[str, str]] = {"gate_red": "gate red tone", "gate_blue": "gate blue tone"}
"""Channel that a setup needs for the gate -> the part of the node that it drives."""

strength = Parameter("strength", low=0.0, high=1.0, help="1: with an analysis pulse, 0: without")
phase = Parameter("phase", unit="turn", low=-1, high=1, help="of the analysis pulse")


class MsParity(QubitExperiment):
    """Entangles two ions by a Molmer-Sorensen gate: populations, parity, and so the fidelity.

    Half of the populations of |SS> and |DD> and half of the contrast of the parity behind quarter turns are
    the fidelity with a Bell state.

    Source: C. Sackett et al., Nature 404, 256 (2000); G. Kirchmair et al., New J. Phys. 11, 023002 (2009).
    """

    finds: ClassVar[Mapping[str, str]] = {
        "fidelity": "",
        "even_population": "",
        "parity_contrast": "",
        "parity_phase": "turn",
    }

    ions: int = count(2, low=2, high=2, help="ions in the trap")
    phases: int = count(16, low=6, high=1000, help="of the analysis pulse, over a turn")
    gate_time: float = quantity("200 us", unit="s", low="1 us", high="10 ms", help="of the pulse")
    rise: float = quantity("10 us", unit="s", low="0 s", high="1 ms", help="of the edges of the pulse")
    loops: int = count(1, low=1, high=100, help="in phase space")
    cycles: int = count(30, low=0, high=500, help="of sideband cooling of the common mode")
    quenching: float = quantity("10 us", unit="s", low="1 us", high="1 ms", help="854 nm light in each cycle")
    beam_cosine: float = quantity(0.7071, low=-1, high=1, help="of the 729 nm beam against the trap axis")

    def points(self, node: Node) -> Scan:
        """Return the setting for the populations, then the phases of the parity."""
        turn = np.arange(self.phases) / self.phases
        phases, levels = [0.0, *turn.tolist()], [0.0, *np.ones(self.phases).tolist()]
        return listed(phase, phases) & listed(strength, levels)

    def sequence(self, node: Node) -> Block:
        """Return one shot: prepare, cool to the ground state, gate, analysis pulse, read out.

        Raises:
            ConfigError: the setup has no tones for the gate.
        """
        red, blue = gate_tones(node)
        own = node.calibration
        beam = Bichromat(red, blue, own.gate_frequency, own.gate_rabi, own.gate_light_shift)
        frequency = self.transport(node.calibration).axial_frequency
        eta = lamb_dicke(frequency, self.beam_cosine, self.ions**-0.5)
        cold: tuple[Block, ...] = ()
        if self.cycles:
            cooled = sideband_cool(node, frequency, eta, self.cycles, self.quenching, self.pumping)
            cold = (cooled, optical_pump(node, self.pumping))
        return self.shot(
            node,
            *cold,
            molmer_sorensen(beam, frequency, eta, self.gate_time, loops=self.loops, rise=self.rise),
            rotate(node, 0.25, phase, strength),
        )

    def collect(self, run: Run) -> Columns:
        """Return phases and strengths, and how often both ions were found alike."""
        from data.analysis import classify_bright  # noqa: PLC0415 - late, as all analysis

        threshold = int(run.parameters["bright_threshold"].value)
        bright = [classify_bright(record.counts["ions"], threshold) for record in run.records()]
        return {
            "phase": np.array([point[phase.name] for point in run.points]),
            "strength": np.array([point[strength.name] for point in run.points]),
            "alike": np.array([int((seen[:, 0] == seen[:, 1]).sum()) for seen in bright]),
            "shots": np.array([len(seen) for seen in bright]),
        }

    def find(self, run: Run, columns: Columns) -> dict[str, Any]:
        """Return populations, parity contrast and the fidelity that both give."""
        from data.analysis import binomial  # noqa: PLC0415
        from data.analysis.fringes import fit_fringe, fringe  # noqa: PLC0415
        from data.analysis.parity import parity_fidelity  # noqa: PLC0415

        turned = columns["strength"] > 0
        still = {name: int(columns[name][~turned].sum()) for name in ("alike", "shots")}
        even = binomial(still["alike"], still["shots"])
        phases, alike, shots = (columns[name][turned] for name in ("phase", "alike", "shots"))
        fit = fit_fringe(phases, alike, shots, harmonic=2)
        contrast, start, offset = fit.values.tolist()
        return {
            "fidelity": parity_fidelity(even, fit["contrast"]),
            "even_population": even,
            "parity_contrast": fit["contrast"],
            "parity_phase": fit["phase"],
            **quality(fit),
            "curve": curve_of([0.0, 1.0], lambda turns: fringe(2 * turns + start, contrast, offset)),
        }

    def draw(self, run: Run, results: Mapping[str, Any], figure: Figure) -> None:
        """Draw how often both ions are alike over the phase of the analysis."""
        data = {name: np.array(column) for name, column in results["data"].items()}
        rows, axes = data["strength"] > 0, figure.subplots()
        draw_probabilities(axes, data["phase"][rows], data["alike"][rows], data["shots"][rows])
        draw_curve(axes, results.get("curve"))
        label_axes(axes, "phase of the analysis pulse (turns)", "", "probability that both ions are alike")
        tell(figure, results, "fidelity", "even_population", "parity_contrast")


def gate_tones(node: Node) -> tuple[Tone, Tone]:
    """Return the red and the blue tone of the gate.

    Raises:
        ConfigError: the setup lacks one; it is told what to add.
    """
    missing = [name for name in GATE_TONES if name not in node.target.by_name]
    if missing:
        raise ConfigError(
            tuple(
                f"the setup has no channel {name!r}, which a Molmer-Sorensen gate needs; add "
                f'[channels.{name}] with kind = "dds", drives = "{GATE_TONES[name]}", and a number and a grid'
                for name in missing
            )
        )
    red, blue = (Tone.of(node.target, name) for name in GATE_TONES)
    return red, blue
