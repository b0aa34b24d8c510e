"""The node as an author sees it: every channel a typed handle, every calibrated value at hand."""

from __future__ import annotations

from dataclasses import dataclass

from sequences.language import Camera, Detector, Electrode, Tone
from sequences.library.calibration import Calibration
from sequences.target import Target


@dataclass(frozen=True, slots=True)
class Node:
    """A trapped-ion node with an optical cavity: its beams, electrodes, detectors and calibration.

    Attributes:
        target: all channels, also those that have no role here (`Line.of(node.target, "marker")`).
        calibration: what the lab believes.
        raman_deflector: steers the 393 nm beam from ion to ion; None where the beam is fixed.
        gate_red: lower one of the two tones that entangle ions; None where there are none.
        gate_blue: upper one.
        grid: on whose steps every channel can start, s: what lasts whole steps can be followed by anything.
    """

    target: Target
    calibration: Calibration
    doppler: Tone
    repump: Tone
    quench: Tone
    pumping: Tone
    raman_v: Tone
    raman_h: Tone
    qubit: Tone
    endcap_upper: Electrode
    endcap_lower: Electrode
    detector_h: Detector
    detector_v: Detector
    camera: Camera
    grid: float
    raman_deflector: Tone | None = None
    gate_red: Tone | None = None
    gate_blue: Tone | None = None

    @classmethod
    def of(cls, target: Target, calibration: Calibration) -> Node:
        """Find the node's channels in a target by their names.

        Raises:
            UnknownChannelError: the setup lacks one of them.
            ChannelKindError: one of them is of another kind.
        """
        return cls(
            target,
            calibration,
            doppler=Tone.of(target, "doppler"),
            repump=Tone.of(target, "repump"),
            quench=Tone.of(target, "quench"),
            pumping=Tone.of(target, "pumping"),
            raman_v=Tone.of(target, "raman_v"),
            raman_h=Tone.of(target, "raman_h"),
            qubit=Tone.of(target, "qubit"),
            endcap_upper=Electrode.of(target, "endcap_upper"),
            endcap_lower=Electrode.of(target, "endcap_lower"),
            detector_h=Detector.of(target, "detector_h"),
            detector_v=Detector.of(target, "detector_v"),
            camera=Camera.of(target, "camera"),
            grid=target.step,
            raman_deflector=_spare_tone(target, "raman_deflector"),
            gate_red=_spare_tone(target, "gate_red"),
            gate_blue=_spare_tone(target, "gate_blue"),
        )


def _spare_tone(target: Target, name: str) -> Tone | None:
    """Return a tone that not every setup has."""
    return Tone.of(target, name) if name in target.by_name else None
