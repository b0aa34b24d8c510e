"""What the simulated node really is: the numbers behind its behaviour.

A setup file gives each of them with its source. The lab's own calibration never sees them: it finds out by
experiment, like everyone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from sequences.declarations import declarations, quantity
from sequences.errors import DeclaredValueError, nearest


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeProperties:
    """A string of 40Ca+ ions, the beams on it, the cavity around it and the photon's way to two detectors.

    Rates named decay are half rates (of amplitudes), as in the publications. Rabi frequencies hold at full
    amplitude of the DDS that drives the beam's modulator, for an ion at rest in the centre of the beam.
    """

    magnetic_field: float = quantity(unit="T", low="0.1 G", high="100 G", help="along the quantisation axis")
    magnetic_noise: float = quantity(unit="T", low="0 T", high="1 mG", help="rms change from shot to shot")

    endcap_distance: float = quantity(
        unit="m", low="0.1 mm", high="20 mm", help="from the ions to each endcap"
    )
    endcap_curvature: float = quantity(low=1e-4, high=1, help="k in omega_z^2 = 2 e k V / (m z0^2)")
    endcap_push: float = quantity(low=1e-4, high=1, help="field at the ions in units of dV / (2 z0)")
    endcap_filter: float = quantity(
        unit="Hz", low="1 Hz", high="100 MHz", help="cut-off of the low-pass filters"
    )
    endcap_rest: float = quantity(
        unit="V", low="1 V", high="5 kV", help="on both endcaps until a program sets them"
    )
    radial_frequency: float = quantity(
        unit="Hz", low="100 kHz", high="10 MHz", help="lower radial mode of one ion at the nominal RF drive"
    )
    radial_splitting: float = quantity(
        unit="Hz", low="0 Hz", high="1 MHz", help="upper minus lower radial frequency of one ion"
    )
    rf_frequency: float = quantity(
        unit="Hz", low="1 MHz", high="100 MHz", help="resonance of the helical resonator"
    )
    rf_linewidth: float = quantity(unit="Hz", low="1 kHz", high="10 MHz", help="full width of that resonance")
    rf_power: float = quantity(unit="dBm", low=-60, high=30, help="drive that gives the radial frequency")
    initial_quanta: float = quantity(
        low=0, high=1e6, help="quanta of a mode at 1 MHz when a shot starts; others have the same energy"
    )
    initial_dark: float = quantity(low=0, high=1, help="share of ions that what came before left in D5/2")
    heating_rate: float = quantity(
        unit="1/s", low=0, high=1e6, help="quanta a second of one ion's axial mode at 1 MHz, falls as 1/f^2"
    )

    doppler_resonance: float = quantity(
        unit="Hz", low="0 Hz", high="1 GHz", help="DDS frequency on resonance, 397 nm"
    )
    doppler_saturation: float = quantity(low=0, high=1000, help="saturation parameter at full amplitude")
    doppler_axial_cosine: float = quantity(low=-1, high=1, help="of the beam against the trap axis")
    repump_resonance: float = quantity(
        unit="Hz", low="0 Hz", high="1 GHz", help="DDS frequency on resonance, 866 nm"
    )
    repump_saturation: float = quantity(low=0, high=1000, help="saturation parameter at full amplitude")
    quench_resonance: float = quantity(
        unit="Hz", low="0 Hz", high="1 GHz", help="DDS frequency on resonance, 854 nm"
    )
    quench_saturation: float = quantity(low=0, high=1000, help="saturation parameter at full amplitude")
    pumping_resonance: float = quantity(
        unit="Hz", low="0 Hz", high="1 GHz", help="DDS frequency on resonance, sigma-"
    )
    pumping_saturation: float = quantity(low=0, high=1000, help="saturation parameter at full amplitude")
    pumping_impurity: float = quantity(low=0, high=1, help="share of wrong polarisation in the pumping beam")
    incoherent_passes: float = quantity(
        low=1, high=2, help="passes of the modulators of all beams but 393 and 729"
    )

    cavity_coupling: float = quantity(unit="Hz", low="1 kHz", high="100 MHz", help="g0 on D5/2-P3/2")
    cavity_decay: float = quantity(unit="Hz", low="100 Hz", high="100 MHz", help="kappa, half linewidth")
    cavity_transmission: float = quantity(low=0, high=1, help="of the output mirror")
    cavity_loss: float = quantity(low=0, high=1, help="total loss of a round trip, output included")
    cavity_waist: float = quantity(unit="m", low="1 um", high="1 mm", help="radius of the mode")
    cavity_angle: float = quantity(
        unit="turn", low="45 deg", high="90 deg", help="between cavity and trap axis"
    )
    cavity_position: float = quantity(
        unit="m", low="-1 mm", high="1 mm", help="of waist and antinode on the trap axis"
    )
    cavity_birefringence: float = quantity(
        unit="Hz", low="0 Hz", high="10 MHz", help="splitting of the eigenmodes"
    )
    cavity_birefringence_axis: float = quantity(unit="turn", low=-1, high=1, help="upper eigenmode against V")
    cavity_jitter: float = quantity(
        unit="Hz", low="0 Hz", high="10 MHz", help="dephasing rate by lock jitter"
    )

    raman_detuning: float = quantity(
        unit="Hz", low="-1 THz", high="1 THz", help="of 393 nm from P3/2; red < 0"
    )
    raman_rabi_v: float = quantity(
        unit="Hz", low="0 Hz", high="1 GHz", help="sigma- Rabi frequency of the V tone"
    )
    raman_rabi_h: float = quantity(
        unit="Hz", low="0 Hz", high="1 GHz", help="sigma- Rabi frequency of the H tone"
    )
    raman_sigma_plus: float = quantity(low=0, high=1, help="sigma+ over sigma- Rabi frequency of the beam")
    raman_waist: float = quantity(unit="m", low="0.5 um", high="10 mm", help="of the beam across the string")
    raman_halo: float = quantity(low=0, high=1, help="intensity beside the focus, of the peak")
    raman_halo_waist: float = quantity(unit="m", low="1 um", high="10 mm", help="extent of that halo")
    raman_axial_cosine: float = quantity(low=-1, high=1, help="of the beam against the trap axis")
    raman_resonance: float = quantity(
        unit="Hz",
        low="0 Hz",
        high="1 GHz",
        help="DDS frequency of the V tone on the unshifted Raman resonance",
    )

    qubit_resonance: float = quantity(
        unit="Hz", low="0 Hz", high="1 GHz", help="DDS frequency on S1/2(-1/2) to D5/2(-3/2) at 729 nm"
    )
    qubit_passes: float = quantity(low=1, high=2, help="passes of the 729 nm modulator")
    qubit_rabi_mapping: float = quantity(
        unit="Hz", low="0 Hz", high="10 MHz", help="on S1/2(-1/2)-D5/2(-5/2)"
    )
    qubit_rabi_analysis: float = quantity(
        unit="Hz", low="0 Hz", high="10 MHz", help="on S1/2(-1/2)-D5/2(-3/2)"
    )
    qubit_axial_cosine: float = quantity(low=-1, high=1, help="of the beam against the trap axis")
    qubit_intensity_noise: float = quantity(low=0, high=1, help="rms change of the power from shot to shot")

    optics_transmission: float = quantity(low=0, high=1, help="free-space optics behind the cavity")
    fibre_coupling: float = quantity(low=0, high=1, help="into the fibres to the detectors")
    path_transmission: float = quantity(low=0, high=1, help="all other losses of the path, not resolved")
    detector_efficiency_h: float = quantity(low=0, high=1, help="of the detector behind the transmitted port")
    detector_efficiency_v: float = quantity(low=0, high=1, help="of the detector behind the reflected port")
    detector_dark_rate_h: float = quantity(unit="1/s", low=0, high=1e6, help="dark counts, transmitted port")
    detector_dark_rate_v: float = quantity(unit="1/s", low=0, high=1e6, help="dark counts, reflected port")
    splitter_extinction_h: float = quantity(low=0, high=0.5, help="of V in the transmitted port")
    splitter_extinction_v: float = quantity(low=0, high=0.5, help="of H in the reflected port")
    half_wave_plate_mount: float = quantity(
        unit="turn", low=-1, high=1, help="mount angle with the fast axis on V"
    )
    quarter_wave_plate_mount: float = quantity(
        unit="turn", low=-1, high=1, help="mount angle with the fast axis on V"
    )
    half_wave_plate_retardance: float = quantity(unit="turn", low=0, high=1, help="nominally a half turn")
    quarter_wave_plate_retardance: float = quantity(
        unit="turn", low=0, high=1, help="nominally a quarter turn"
    )

    camera_efficiency: float = quantity(
        low=0, high=1, help="camera counts for each photon that an ion scatters"
    )
    dark_rate: float = quantity(
        unit="1/s", low=0, high=1e9, help="camera counts of the background in one ion's region"
    )
    camera_spread: float = quantity(unit="m", low="0.1 um", high="20 um", help="rms radius of an ion's image")
    camera_region: float = quantity(
        unit="m", low="0.1 um", high="50 um", help="half width of an ion's region"
    )

    # What a setup file may leave out: latencies as the shipped setup states them (ASSUMED), and two triggers.
    doppler_latency: float = quantity("400 ns", unit="s", low="0 s", high="1 ms", help="from event to light")
    repump_latency: float = quantity("400 ns", unit="s", low="0 s", high="1 ms", help="from event to light")
    quench_latency: float = quantity("400 ns", unit="s", low="0 s", high="1 ms", help="from event to light")
    pumping_latency: float = quantity("400 ns", unit="s", low="0 s", high="1 ms", help="from event to light")
    raman_latency: float = quantity("700 ns", unit="s", low="0 s", high="1 ms", help="from event to light")
    qubit_latency: float = quantity("500 ns", unit="s", low="0 s", high="1 ms", help="from event to light")
    endcap_latency: float = quantity("200 ns", unit="s", low="0 s", high="1 ms", help="from event to filter")
    detector_latency: float = quantity("0 s", unit="s", low="0 s", high="1 ms", help="from event to gate")
    camera_latency: float = quantity("0 s", unit="s", low="0 s", high="1 ms", help="from event to shutter")
    mains_frequency: float = quantity(
        "50 Hz", unit="Hz", low="10 Hz", high="1 kHz", help="of the line trigger; nominal value of EN 50160"
    )
    remote_ready_time: float = quantity(
        "1 ms", unit="s", low="0 s", high="10 s", help="mean time until the remote node is ready, ASSUMED"
    )

    @property
    def latencies(self) -> dict[str, float]:
        """Part of the node -> true time (s) from an event of its channel to the light, field or gate."""
        return {
            "doppler beam": self.doppler_latency,
            "repump beam": self.repump_latency,
            "quench beam": self.quench_latency,
            "pumping beam": self.pumping_latency,
            "raman v tone": self.raman_latency,
            "raman h tone": self.raman_latency,
            "qubit beam": self.qubit_latency,
            "upper endcap": self.endcap_latency,
            "lower endcap": self.endcap_latency,
            "h detector": self.detector_latency,
            "v detector": self.detector_latency,
            "camera": self.camera_latency,
        }

    @property
    def dark_rates(self) -> dict[str, float]:
        """Detector -> dark counts a second."""
        return {"h detector": self.detector_dark_rate_h, "v detector": self.detector_dark_rate_v}


def read_properties(table: Mapping[str, Any]) -> tuple[NodeProperties | None, list[str]]:
    """Read the ``[node]`` table of a setup.

    Args:
        table: property name -> ``{"value": ..., ...}``.

    Returns:
        The properties (None if anything is wrong) and every problem, one line each.
    """
    known = declarations(NodeProperties)
    needed = {field.name for field in fields(NodeProperties) if field.default is MISSING}
    problems = [f"node.{name}: no such property{nearest(name, known)}" for name in table if name not in known]
    values: dict[str, float] = {}
    for name, declaration in known.items():
        if name not in table:
            if name in needed:
                problems.append(f"node.{name}: missing; add it ({declaration.help})")
            continue
        if not isinstance(table[name], Mapping) or "value" not in table[name]:
            continue  # a malformed entry is told by whoever reads the file
        try:
            values[name] = declaration.read(f"node.{name}", str(table[name]["value"]))
        except DeclaredValueError as error:
            problems.append(str(error))
    complete = needed.union(table) <= values.keys() and not problems
    return (NodeProperties(**values) if complete else None), problems
