"""What a lab believes about its node: the calibrated values that sequences are built from.

These are beliefs, not truth: a pulse is as good as the value it was made from. A setup file gives each value
with its source; an experiment's run records which were used.
"""

from __future__ import annotations

from dataclasses import dataclass

from sequences.declarations import quantity


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """Calibrated values of a trapped-ion node with an optical cavity.

    Frequencies and amplitudes are those of the DDS that drives the acousto-optic modulator of a beam:
    a double-passed modulator shifts the light by twice the frequency and twice the phase.
    """

    doppler_frequency: float = quantity(
        unit="Hz", low="0 Hz", high="1 GHz", help="397 nm cooling and detection"
    )
    doppler_amplitude: float = quantity(low=0, high=1, help="397 nm cooling and detection")
    repump_frequency: float = quantity(unit="Hz", low="0 Hz", high="1 GHz", help="866 nm repumper of D3/2")
    repump_amplitude: float = quantity(low=0, high=1, help="866 nm repumper of D3/2")
    quench_frequency: float = quantity(unit="Hz", low="0 Hz", high="1 GHz", help="854 nm quench of D5/2")
    quench_amplitude: float = quantity(low=0, high=1, help="854 nm quench of D5/2")
    pumping_frequency: float = quantity(
        unit="Hz", low="0 Hz", high="1 GHz", help="397 nm sigma- optical pumping"
    )
    pumping_amplitude: float = quantity(low=0, high=1, help="397 nm sigma- optical pumping")

    raman_v_frequency: float = quantity(
        unit="Hz", low="0 Hz", high="1 GHz", help="393 nm tone that makes a V photon and D5/2(m=-5/2)"
    )
    raman_v_amplitude: float = quantity(low=0, high=1, help="393 nm tone that makes a V photon")
    raman_h_frequency: float = quantity(
        unit="Hz", low="0 Hz", high="1 GHz", help="393 nm tone that makes an H photon and D5/2(m=-3/2)"
    )
    raman_h_amplitude: float = quantity(low=0, high=1, help="393 nm tone that makes an H photon")

    qubit_passes: float = quantity(
        low=1, high=2, help="passes of the 729 nm modulator: light phase per DDS phase"
    )
    mapping_frequency: float = quantity(
        unit="Hz", low="0 Hz", high="1 GHz", help="729 nm on S1/2(m=-1/2) to D5/2(m=-5/2)"
    )
    mapping_amplitude: float = quantity(low=0, high=1, help="729 nm on S1/2(m=-1/2) to D5/2(m=-5/2)")
    mapping_pi_time: float = quantity(unit="s", low="100 ns", high="1 ms", help="pi pulse to D5/2(m=-5/2)")
    analysis_frequency: float = quantity(
        unit="Hz", low="0 Hz", high="1 GHz", help="729 nm on S1/2(m=-1/2) to D5/2(m=-3/2)"
    )
    analysis_amplitude: float = quantity(low=0, high=1, help="729 nm on S1/2(m=-1/2) to D5/2(m=-3/2)")
    analysis_pi_time: float = quantity(unit="s", low="100 ns", high="1 ms", help="pi pulse to D5/2(m=-3/2)")

    radial_frequency: float = quantity(
        unit="Hz", low="100 kHz", high="10 MHz", help="lowest radial mode of one ion"
    )
    axial_frequency_at_1_volt: float = quantity(
        unit="Hz",
        low="100 Hz",
        high="1 MHz",
        help="axial frequency with 1 V on both endcaps; grows as the root",
    )
    field_per_volt: float = quantity(
        unit="V/m", low=0, high=1000, help="axial field at the ions for 1 V between the endcaps"
    )
    waist_position: float = quantity(
        unit="m", low="-1 mm", high="1 mm", help="cavity waist along the trap axis, from the trap centre"
    )

    bright_threshold: float = quantity(
        low=1, high=1000, help="camera counts from which an ion is called bright"
    )
    half_wave_plate_zero: float = quantity(
        unit="turn", low=-1, high=1, help="mount angle with the fast axis along V"
    )
    quarter_wave_plate_zero: float = quantity(
        unit="turn", low=-1, high=1, help="mount angle with the fast axis along V"
    )

    # What a node may do without: a beam that is steered from ion to ion, gates, and photons that travel far.
    raman_deflector_frequency: float = quantity(
        "80 MHz", unit="Hz", low="0 Hz", high="1 GHz", help="deflector tone that points 393 nm at the waist"
    )
    raman_deflector_amplitude: float = quantity(1, low=0, high=1, help="of the deflector of the 393 nm beam")
    raman_deflector_scale: float = quantity(
        "5 um/MHz", unit="m/Hz", low="-1 mm/MHz", high="1 mm/MHz", help="way of the 393 nm focus per tone"
    )
    gate_frequency: float = quantity(
        "80 MHz", unit="Hz", low="0 Hz", high="1 GHz", help="tone of a gate on S1/2(m=-1/2) to D5/2(m=-3/2)"
    )
    gate_rabi: float = quantity(
        "80 kHz", unit="Hz", low="0 Hz", high="10 MHz", help="of one full tone of a gate on that line"
    )
    gate_light_shift: float = quantity(
        "0 Hz", unit="Hz", low="-1 MHz", high="1 MHz", help="of that line by others, in two full tones"
    )
    photon_delay: float = quantity(
        "0 s", unit="s", low="0 s", high="10 ms", help="a photon's way from the ion to the detectors"
    )
