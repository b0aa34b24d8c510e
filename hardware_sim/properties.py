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

    # The photon's way beyond the optics table, what its detectors do beside counting, and a steered beam.
    conversion_efficiency: float = quantity(
        1, low=0, high=1, help="of the conversion to 1550 nm with its filters; 1 where there is none"
    )
    conversion_noise: float = quantity(
        "0 cps", unit="1/s", low=0, high=1e9, help="unpolarised photons that it adds behind itself"
    )
    fibre_length: float = quantity("0 m", unit="m", low="0 m", high="1000 km", help="of the long fibre")
    fibre_attenuation: float = quantity(
        "0.181 dB/km", unit="dB/m", low=0, high="1000 dB/km", help="of the long fibre"
    )
    fibre_group_index: float = quantity(1.4682, low=1, high=4, help="of the long fibre")
    fibre_connectors: float = quantity(1, low=0, high=1, help="transmission of all joints of the long fibre")
    fibre_retardance: float = quantity(
        "0 turn", unit="turn", low=-10, high=10, help="left by the compensation of the fibre's birefringence"
    )
    fibre_axis: float = quantity(
        "22.5 deg", unit="turn", low=-1, high=1, help="fast axis of that retardance and its drift, against V"
    )
    detector_coupling: float = quantity(1, low=0, high=1, help="into the fibres of the detectors")
    detector_jitter: float = quantity(
        "50 ps", unit="s", low="0 s", high="1 us", help="rms error of a click's time, ASSUMED"
    )
    detector_dead_time: float = quantity(
        "50 ns", unit="s", low="0 s", high="1 ms", help="after a click, not prolonged by light, ASSUMED"
    )
    detector_afterpulsing: float = quantity(
        0, low=0, high=0.9, help="probability that a click is followed by another one without light"
    )
    detector_afterpulse_time: float = quantity(
        "1 us", unit="s", low="1 ns", high="10 ms", help="mean delay of an afterpulse"
    )
    raman_deflector_latency: float = quantity(
        "700 ns", unit="s", low="0 s", high="1 ms", help="from event to light"
    )
    raman_deflector_centre: float = quantity(
        "80 MHz", unit="Hz", low="1 MHz", high="1 GHz", help="tone that points at the cavity, ASSUMED"
    )
    raman_deflector_scale: float = quantity(
        "5 um/MHz", unit="m/Hz", low="-1 mm/MHz", high="1 mm/MHz", help="way of the focus per tone, ASSUMED"
    )
    raman_deflector_order: float = quantity(
        0, low=-1, high=1, help="order that shifts the light by its tone; 0 where optics undo that, ASSUMED"
    )

    # How the lab changes: in a shot, from hour to hour since its last calibration, and by accident. Defaults
    # are those of the shipped setup, which has their sources.
    magnetic_flicker: float = quantity(
        "0.34 nT",
        unit="T",
        low="0 T",
        high="1 mG",
        help="rms of each decade of 1/f field noise within a shot",
    )
    magnetic_flicker_low: float = quantity(
        "1 Hz", unit="Hz", low="1 mHz", high="1 MHz", help="lower end of that 1/f noise"
    )
    magnetic_flicker_high: float = quantity(
        "1 kHz", unit="Hz", low="1 mHz", high="1 MHz", help="upper end of that 1/f noise"
    )
    mains_field: float = quantity(
        "0.5 nT", unit="T", low="0 T", high="10 mG", help="amplitude of the field of the mains at the ions"
    )
    mains_third: float = quantity(0.4, low=0, high=10, help="third harmonic of it, of the fundamental")
    mains_fifth: float = quantity(0.2, low=0, high=10, help="fifth harmonic of it, of the fundamental")
    qubit_linewidth: float = quantity(
        "1 Hz", unit="Hz", low="0 Hz", high="1 MHz", help="full width of the 729 nm laser's Lorentzian line"
    )
    lab_age: float = quantity(
        "0 s", unit="s", low="0 s", high="2592000 s", help="since the last calibration when a run starts"
    )
    diode_wander: float = quantity(
        "655 kHz", unit="Hz", low="0 Hz", high="1 GHz", help="rms in an hour: 397, 866 and 854 nm light each"
    )
    raman_drift: float = quantity(
        "720 Hz", unit="Hz", low="-1 GHz", high="1 GHz", help="in an hour: 393 nm light against the cavity"
    )
    qubit_drift: float = quantity(
        "360 Hz", unit="Hz", low="-1 GHz", high="1 GHz", help="in an hour: 729 nm light, with its reference"
    )
    qubit_wander: float = quantity(
        "10 Hz", unit="Hz", low="0 Hz", high="1 GHz", help="rms in an hour, beside that drift"
    )
    cavity_wander: float = quantity(
        "1 kHz", unit="Hz", low="0 Hz", high="1 GHz", help="rms in an hour: where the cavity is locked"
    )
    field_wander: float = quantity(
        "0.5 nT", unit="T", low="0 T", high="1 G", help="rms in an hour: magnetic field"
    )
    raman_power_wander: float = quantity(
        0.014, low=0, high=1, help="rms in an hour: power of the 393 nm beam, relative"
    )
    qubit_power_wander: float = quantity(
        0.01, low=0, high=1, help="rms in an hour: power of the 729 nm beam, relative"
    )
    place_drift: float = quantity(
        "0.7 um",
        unit="m",
        low="-1 mm",
        high="1 mm",
        help="in the first hour: waist and antinode, along the trap",
    )
    place_settling: float = quantity(
        "4800 s", unit="s", low="1 s", high="1e7 s", help="after which 1/e of that drift is left"
    )
    fibre_wander: float = quantity(
        "0.002 turn", unit="turn", low=0, high=1, help="rms in an hour: retardance behind the cavity"
    )
    pressure_wander: float = quantity(
        0.1,
        low=0,
        high=3,
        help="rms in a day: logarithm of the pressure, to which collisions are proportional",
    )
    ion_loss_rate: float = quantity(
        "1.16e-5 1/s", unit="1/s", low=0, high=1e3, help="at which each ion is lost"
    )
    collision_rate: float = quantity(
        "1e-4 1/s",
        unit="1/s",
        low=0,
        high=1e3,
        help="of collisions of each ion with hydrogen of 300 K",
    )
    laser_unlock_rate: float = quantity(
        "1e-5 1/s", unit="1/s", low=0, high=1e3, help="at which each of five lasers loses its lock"
    )
    laser_relock_time: float = quantity(
        "5 s", unit="s", low="1 ms", high="1e6 s", help="until a laser is locked again"
    )
    laser_hop: float = quantity(
        "2 GHz",
        unit="Hz",
        low="0 Hz",
        high="1 THz",
        help="by which its light is off meanwhile, to either side",
    )
    cavity_unlock_rate: float = quantity(
        "1e-5 1/s", unit="1/s", low=0, high=1e3, help="at which the cavity loses its lock"
    )
    cavity_relock_time: float = quantity(
        "5 s", unit="s", low="1 ms", high="1e6 s", help="until the cavity is locked again"
    )
    cavity_hop: float = quantity(
        "2 GHz", unit="Hz", low="0 Hz", high="1 THz", help="by which it is off meanwhile, to either side"
    )
    elevator_rate: float = quantity(
        "0 1/s", unit="1/s", low=0, high=1e3, help="at which the elevator of the house moves"
    )
    elevator_shift: float = quantity(
        "0.107 mG", unit="T", low="-1 G", high="1 G", help="of the magnetic field while it does"
    )
    elevator_time: float = quantity("20 s", unit="s", low="1 ms", high="1e6 s", help="for which it moves")

    # The 729 nm beam beyond the strengths of its two lines. Beam and polarisation as these two lines have
    # them.
    qubit_field_angle: float = quantity(
        "45 deg", unit="turn", low="0 deg", high="180 deg", help="between 729 nm beam and magnetic field"
    )
    qubit_polarisation_angle: float = quantity(
        "36 deg",
        unit="turn",
        low="-180 deg",
        high="180 deg",
        help="of its polarisation from the plane of both",
    )
    qubit_light_shift: float = quantity(
        "0 Hz", unit="Hz", low="-10 MHz", high="10 MHz", help="of 729 nm lines by dipole lines, at full power"
    )
    qubit_waist: float = quantity(
        "0 m",
        unit="m",
        low="0 m",
        high="10 mm",
        help="radius of the beam along the string; 0 if all see the same",
    )
    qubit_pointing: float = quantity(
        "0 m", unit="m", low="-1 mm", high="1 mm", help="where the centre of the beam meets the trap axis"
    )

    # Scattering light as it is: polarisations, lasers, directions; and a photomultiplier.
    doppler_pi_share: float = quantity(
        1, low=0, high=1, help="of the 397 nm cooling light along the field; the rest is linear across it"
    )
    doppler_linewidth: float = quantity(
        "300 kHz", unit="Hz", low="0 Hz", high="100 MHz", help="full width of the 397 nm laser's line"
    )
    repump_pi_share: float = quantity(
        0, low=0, high=1, help="of the 866 and 854 nm light along the field; the rest is linear across it"
    )
    repump_linewidth: float = quantity(
        "300 kHz", unit="Hz", low="0 Hz", high="100 MHz", help="full width of the 866 nm laser's line"
    )
    pumping_misalignment: float = quantity(
        "0 deg", unit="turn", low="-90 deg", high="90 deg", help="of the sigma- beam from the magnetic field"
    )
    pumping_axial_cosine: float = quantity(
        0.7071, low=-1, high=1, help="of the sigma- beam against the trap axis"
    )
    pmt_efficiency: float = quantity(
        0.0034, low=0, high=1, help="counts of the photomultiplier for each 397 nm photon of any ion"
    )
    pmt_dark_rate: float = quantity(
        "1 kcps", unit="1/s", low=0, high=1e9, help="background counts of the photomultiplier"
    )

    # Light of two tones for entangling gates, and what steers it to two ions of a string. It comes through a
    # modulator of its own and along the way of the 729 nm beam.
    gate_resonance: float = quantity(
        "80 MHz", unit="Hz", low="0 Hz", high="1 GHz", help="DDS frequency on S1/2(-1/2) to D5/2(-3/2)"
    )
    gate_rabi: float = quantity(
        "82.6 kHz", unit="Hz", low="0 Hz", high="10 MHz", help="of one tone, on S1/2(-1/2)-D5/2(-3/2)"
    )
    gate_latency: float = quantity("500 ns", unit="s", low="0 s", high="1 ms", help="from event to light")
    qubit_deflector_latency: float = quantity(
        "500 ns", unit="s", low="0 s", high="1 ms", help="from event to light"
    )
    qubit_deflector_centre: float = quantity(
        "80 MHz", unit="Hz", low="1 MHz", high="1 GHz", help="tone that points at the trap's centre, ASSUMED"
    )
    qubit_deflector_scale: float = quantity(
        "5 um/MHz", unit="m/Hz", low="-1 mm/MHz", high="1 mm/MHz", help="way of a focus per tone, ASSUMED"
    )
    qubit_deflector_waist: float = quantity(
        "1.2 um", unit="m", low="0.1 um", high="1 mm", help="radius of a steered focus, ASSUMED"
    )

    # What other instruments act on: where they stand when all is as it should be.
    coil_current: float = quantity(
        "2 A", unit="A", low="1 mA", high="100 A", help="that gives the magnetic field, ASSUMED"
    )
    cavity_piezo_voltage: float = quantity(
        "30 V", unit="V", low="0 V", high="150 V", help="at which the cavity's lock is centred, ASSUMED"
    )
    cavity_piezo_slope: float = quantity(
        "200 MHz/V", unit="Hz/V", low="-10 GHz/V", high="10 GHz/V", help="of the resonance, ASSUMED"
    )
    cavity_temperature: float = quantity(
        "25 degC", unit="degC", low=-50, high=200, help="at which the cavity's lock is centred, ASSUMED"
    )
    cavity_temperature_slope: float = quantity(
        "-100 MHz/degC",
        unit="Hz/degC",
        low="-10 GHz/degC",
        high="10 GHz/degC",
        help="of the resonance, ASSUMED",
    )
    cavity_lock_range: float = quantity(
        "1 GHz", unit="Hz", low="0 Hz", high="100 GHz", help="that the lock follows to each side, ASSUMED"
    )
    cavity_modulator_frequency: float = quantity(
        "200 MHz", unit="Hz", low="1 MHz", high="1 GHz", help="that holds the cavity on resonance, ASSUMED"
    )
    pressure: float = quantity(
        "1e-10 mbar", unit="Pa", low="1e-14 mbar", high="1 mbar", help="of the vacuum, ASSUMED"
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
            "raman deflector": self.raman_deflector_latency,
            "qubit beam": self.qubit_latency,
            "gate red tone": self.gate_latency,
            "gate blue tone": self.gate_latency,
            "qubit deflector a": self.qubit_deflector_latency,
            "qubit deflector b": self.qubit_deflector_latency,
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
