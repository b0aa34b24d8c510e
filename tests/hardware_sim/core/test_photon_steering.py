"""The 393 nm beam pointed along the string, and a lab that has moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hardware_sim.core.flight import Flight
from hardware_sim.core.passages import RAMAN, PhotonPulse
from hardware_sim.core.photon_pulse import Drift, click_table, generate
from hardware_sim.core.photons import Watch
from hardware_sim.core.raman_beam import DEFLECTOR, RamanBeam, profile, read_drives
from hardware_sim.core.signals import Stretch, Tone
from hardware_sim.core.stage import Stage
from hardware_sim.world.weather import Weather
from sequences.ir import Readout
from sequences.language import Tone as ToneHandle
from sequences.language import delay, parallel, serial
from sequences.library import doppler_cool, optical_pump
from sequences.target import Channel, Kind

US = 10**6  # ps
CENTRE, SCALE = 80e6, 5e-12  # Hz, m/Hz: the defaults
GATES = (Watch("h detector", 0, 80 * US), Watch("v detector", 0, 80 * US))


def tones(lab: Any, pointed: float | None = None, amplitude: float = 1.0) -> dict[str, Tone]:
    """Return both Raman tones, and the deflector's that points at a place (m) unless it is silent."""
    belief = lab.node.calibration
    on = {
        RAMAN[0]: Tone(belief.raman_v_frequency, 0.0, 1.0),
        RAMAN[1]: Tone(belief.raman_h_frequency, 0.0, 1.0),
    }
    steered = {} if pointed is None else {DEFLECTOR: Tone(CENTRE + pointed / SCALE, 0.0, amplitude)}
    return on | steered


def pulse(*stretches: tuple[int, dict[str, Tone]]) -> PhotonPulse:
    """Return adjoining stretches of some durations (ps)."""
    start, made = 0, []
    for duration, on in stretches:
        made.append(Stretch(start, start + duration, on, None))
        start += duration
    return PhotonPulse(tuple(made))


def emitted(lab: Any, stage: Stage, played: PhotonPulse, *, deflected: bool) -> np.ndarray:
    """Play a pulse; return how much (ions,) of each ion has left S1/2."""
    shots = np.arange(len(stage.ensemble.clock_ps))
    generate(stage, shots, played, RamanBeam(lab.properties, deflected), Flight(lab.properties, len(shots)))
    return 1 - stage.ensemble.in_ground(shots).mean(axis=0)


def three(lab: Any) -> Stage:
    """Return a stage with three ions, 5.5 um apart."""
    return lab.but(endcap_rest=820.0).stage(1, ions=3)


def test_the_beam_follows_the_deflector_from_ion_to_ion(quiet: Any) -> None:
    for ion in range(3):
        stage = three(quiet)
        place = stage.positions(0)
        left = emitted(quiet, stage, pulse((50 * US, tones(quiet, place[ion]))), deflected=True)
        assert int(np.argmax(left)) == ion
        assert left[ion] > 0.3
        assert np.delete(left, ion).max() < 0.02


def test_outer_ions_couple_less_to_a_cavity_that_stays_where_it_is(quiet: Any) -> None:
    stage = three(quiet)
    place = stage.positions(0)
    spacing = place[2] - place[1]
    # Published for a spacing of 5.26 um: a position factor of 0.83.
    assert spacing == pytest.approx(5.26e-6, rel=0.1)
    seen = []
    for ion in range(3):
        stage = three(quiet)
        emitted(quiet, stage, pulse((50 * US, tones(quiet, place[ion]))), deflected=True)
        seen.append(stage.ensemble.coherent[0, ion].diagonal().real[1:].sum())
    assert seen[0] == pytest.approx(seen[2], rel=1e-3)
    assert 0.7 < seen[0] / seen[1] < 0.95


def test_a_deflector_on_its_centre_is_no_deflector(quiet: Any) -> None:
    stretches = pulse((50 * US, tones(quiet, 0.0))).stretches
    place = np.linspace(-10e-6, 10e-6, 9)
    steered = RamanBeam(quiet.properties, True).intensities(stretches, place)
    assert steered == pytest.approx(RamanBeam(quiet.properties).intensities(stretches, place), rel=1e-12)
    assert RamanBeam(quiet.properties).intensities(stretches, place)[0] == pytest.approx(
        profile(quiet.properties, place)
    )


def test_a_deflector_without_tone_lets_nothing_through(quiet: Any) -> None:
    stage = three(quiet)
    assert emitted(quiet, stage, pulse((50 * US, tones(quiet))), deflected=True).max() == 0


def test_the_deflectors_amplitude_is_that_of_the_field(quiet: Any) -> None:
    beam, place = RamanBeam(quiet.properties, True), np.zeros(1)
    half = beam.intensities(pulse((US, tones(quiet, 0.0, 0.5))).stretches, place)
    assert half == pytest.approx(0.25)
    (drive,) = read_drives(quiet.properties, pulse((US, tones(quiet))).stretches, half[:, 0])
    assert drive.rabi_v == pytest.approx(quiet.properties.raman_rabi_v / 2)


def test_crosstalk_is_the_profile_of_the_beam_at_the_neighbour(quiet: Any) -> None:
    own, spacing = quiet.properties, 2.4e-6
    (light,) = RamanBeam(own, True).intensities(
        pulse((US, tones(quiet, spacing))).stretches, np.array([0.0, spacing])
    )
    assert light[1] == pytest.approx(1.0)
    assert light[0] == pytest.approx(0.999 * np.exp(-2 * 2.0**2) + 0.001 * np.exp(-2 * 0.24**2), rel=1e-9)


def test_a_focus_that_moves_in_a_pulse_lights_one_ion_after_the_other(quiet: Any) -> None:
    stage = three(quiet)
    place = stage.positions(0)
    played = pulse((25 * US, tones(quiet, place[0])), (25 * US, tones(quiet, place[2])))
    left = emitted(quiet, stage, played, deflected=True)
    assert left[0] == pytest.approx(left[2], rel=0.05)
    assert left[0] > 0.2
    assert left[1] < 0.02


def test_an_order_of_diffraction_shifts_the_light_unless_optics_undo_it(quiet: Any) -> None:
    shifting = quiet.but(raman_deflector_order=1.0)
    (stretch,) = pulse((US, tones(quiet, 5e-6))).stretches
    assert RamanBeam(shifting.properties, True).shift(stretch) == pytest.approx(1e6)
    assert RamanBeam(quiet.properties, True).shift(stretch) == 0
    # Megahertz are far more than the linewidth of the Raman resonance: no photon, unless the tones follow.
    away = float(three(quiet).positions(0)[2])
    on = tones(quiet, away)
    followed = {part: replace(on[part], frequency=on[part].frequency - away / SCALE) for part in RAMAN}
    undone = _photons(quiet, pulse((50 * US, on)))
    assert _photons(shifting, pulse((50 * US, on))) < 0.05 * undone
    assert _photons(shifting, pulse((50 * US, on | followed))) == pytest.approx(undone, rel=1e-6)


def _photons(lab: Any, played: PhotonPulse) -> float:
    """Return with what probability the last of three ions has made a photon."""
    stage = three(lab)
    emitted(lab, stage, played, deflected=True)
    return float(stage.ensemble.coherent[0, 2].diagonal().real[1:].sum())


def test_three_ions_send_photons_one_after_the_other_from_a_program(quiet: Any) -> None:
    channel = Channel("raman_deflector", Kind.DDS, 50, 4e-9)
    target = replace(quiet.node.target, channels=(*quiet.node.target.channels, channel))
    wiring = replace(quiet.wiring, channels={**quiet.wiring.channels, DEFLECTOR: 50})
    lab = replace(quiet, wiring=wiring).but(endcap_rest=820.0)
    lab = replace(lab, node=replace(lab.node, target=target))
    deflector, belief = ToneHandle.of(target, "raman_deflector"), lab.node.calibration
    place = three(quiet).positions(0)

    def photon(ion: int) -> Any:
        pointed = round(float(CENTRE + place[ion] / SCALE))
        return serial(
            parallel(
                deflector.pulse(62e-6, float(pointed)),
                serial(
                    delay(12e-6),
                    parallel(
                        lab.node.raman_v.pulse(50e-6, belief.raman_v_frequency),
                        lab.node.raman_h.pulse(50e-6, belief.raman_h_frequency),
                        lab.node.detector_h.gate(50e-6, Readout("h", ion)),
                        lab.node.detector_v.gate(50e-6, Readout("v", ion)),
                    ),
                ),
            )
        )

    train = serial(
        doppler_cool(lab.node, 2e-3), optical_pump(lab.node, 20e-6), *(photon(ion) for ion in range(3))
    )
    record = lab.play(train, 3000, ions=3)
    seen = (record.counts["h"] + record.counts["v"]).mean(axis=0)
    assert seen.min() > 0.08
    assert seen[0] == pytest.approx(seen[2], abs=5 * (2 * seen[0] / 3000) ** 0.5)
    assert seen[1] > seen[[0, 2]].max()
    # Without its tone nothing reaches an ion.
    silent = serial(doppler_cool(lab.node, 2e-3), optical_pump(lab.node, 20e-6), _straight(lab))
    dark = lab.play(silent, 300, ions=3)
    assert dark.counts["h"].sum() == 0


def _straight(lab: Any) -> Any:
    belief = lab.node.calibration
    return parallel(
        lab.node.raman_v.pulse(50e-6, belief.raman_v_frequency),
        lab.node.detector_h.gate(50e-6, Readout("h", 0)),
    )


def weathered(lab: Any, shots: int = 4, **moved: float) -> Stage:
    """Return a stage whose lab has moved alike in all shots."""
    stage = lab.stage(shots)
    columns = {name: np.full(shots, value) for name, value in moved.items()}
    stage.weather = replace(Weather.calm(shots), **columns)
    return stage


def photons(lab: Any, stage: Stage, offset: float = 0.0) -> float:
    """Return the probability of a photon from a pulse whose tones are off by so much (Hz)."""
    moved = {name: replace(tone, frequency=tone.frequency + offset) for name, tone in tones(lab).items()}
    emitted(lab, stage, pulse((50 * US, moved)), deflected=False)
    return float(stage.ensemble.coherent[:, 0].diagonal(axis1=1, axis2=2).real[:, 1:].sum(axis=1).mean())


@pytest.mark.parametrize("offset", [-80e3, 150e3])
def test_a_cavity_that_has_moved_is_found_again_by_tones_that_follow(quiet: Any, offset: float) -> None:
    nominal = photons(quiet, weathered(quiet))
    assert photons(quiet, weathered(quiet, cavity=offset)) < 0.9 * nominal
    # The light itself is then 0.04 % nearer to P3/2, or farther, which changes very little.
    assert photons(quiet, weathered(quiet, cavity=offset), offset) == pytest.approx(nominal, rel=1e-4)
    assert photons(quiet, weathered(quiet, cavity=offset, raman=offset)) == pytest.approx(nominal, rel=1e-4)
    # Light alone that is bluer is taken back by the tones.
    assert photons(quiet, weathered(quiet, raman=offset), -offset) == pytest.approx(nominal, rel=1e-9)


@pytest.mark.parametrize("hop", [2e9, -2e9])
def test_a_cavity_that_lost_its_lock_takes_no_photon_but_the_light_goes_on_scattering(
    quiet: Any, hop: float
) -> None:
    stage, nominal = weathered(quiet, cavity=hop), weathered(quiet)
    assert photons(quiet, stage) < 1e-3
    assert stage.doubts == {}
    photons(quiet, nominal)
    lost = [float(each.ensemble.other[:, 0, 1:].sum(axis=1).mean()) for each in (stage, nominal)]
    assert lost[0] > lost[1]  # nothing ends in D5/2 with a photon instead


def test_light_that_lost_its_lock_does_next_to_nothing(quiet: Any) -> None:
    stage = weathered(quiet, raman=-2e9)
    assert photons(quiet, stage) < 1e-3
    assert stage.ensemble.other[:, 0, 1:].sum(axis=1).mean() < 0.03


def test_power_that_has_fallen_shifts_and_weakens(quiet: Any) -> None:
    stage = weathered(quiet, raman_power=0.64)
    low = photons(quiet, stage)
    amplitudes = {name: replace(tone, amplitude=0.8) for name, tone in tones(quiet).items()}
    same = quiet.stage(4)
    emitted(quiet, same, pulse((50 * US, amplitudes)), deflected=False)
    found = same.ensemble.coherent[0, 0].diagonal().real[1:].sum()
    assert low == pytest.approx(found, rel=1e-6)


def test_an_ion_at_a_node_of_a_cavity_that_has_moved_makes_no_photon(quiet: Any) -> None:
    # Half a fringe along the trap axis is 2.6 um.
    fringe = 854.209e-9 / 2 / np.cos(2 * np.pi * quiet.properties.cavity_angle)
    nominal = photons(quiet, weathered(quiet))
    assert photons(quiet, weathered(quiet, cavity_place=fringe / 2)) < 0.01 * nominal
    slightly = photons(quiet, weathered(quiet, cavity_place=0.23e-6))
    assert 0.97 * nominal < slightly < nominal


def test_drift_is_the_mean_over_the_shots_that_play_in_steps_far_below_what_matters() -> None:
    weather = replace(
        Weather.calm(4),
        raman=np.array([0.0, 10_300.0, 0.0, 0.0]),
        cavity=np.array([0.0, 4_000.0, 0.0, 9e9]),
        raman_power=np.array([1.0, 1.2, 1.1006, 0.0]),
        cavity_place=np.array([1e-9, 3e-9, 5e-9, 1.0]),
        fibre=np.array([0.1, 0.2, 0.3004, 9.0]),
    )
    assert Drift.of(weather, np.array([0, 1, 2])) == Drift(
        light=3000.0, cavity=1000.0, power=1.1, place=pytest.approx(3e-9), fibre=0.2
    )
    assert Drift.of(Weather.calm(2), np.arange(0)) == Drift()


def tables(stage: Stage, moves: Sequence[float]) -> int:
    for fibre in moves:
        click_table(stage, pulse((50 * US, tones_of(stage))), 1.0, GATES, drift=Drift(fibre=fibre))
    return len(stage.tables.clicks)


def tones_of(stage: Stage) -> dict[str, Tone]:
    own = stage.properties
    return {RAMAN[0]: Tone(own.raman_resonance, 0.0, 1.0)}


def test_tables_are_worked_out_once_for_each_lab(quiet: Any) -> None:
    stage = quiet.stage(1)
    known = tables(stage, [0.0])
    assert tables(stage, [0.0, 0.0, 0.1, 0.1]) == known + 1


def test_a_fibre_that_has_drifted_mixes_what_the_detectors_see(quiet: Any) -> None:
    # V photons alone: a half wave of retardance at 22.5 deg makes them diagonal.
    lab = quiet.but(cavity_birefringence=0.0, splitter_extinction_h=0.0, splitter_extinction_v=0.0)
    lab = lab.but(half_wave_plate_retardance=0.5, quarter_wave_plate_retardance=0.25)
    stage = lab.stage(1)
    own = lab.properties
    only_v = pulse((50 * US, {RAMAN[0]: Tone(lab.node.calibration.raman_v_frequency, 0.0, 1.0)}))
    from hardware_sim.core.photons import detector_effects

    stage.effects = detector_effects(own, own.half_wave_plate_mount, own.quarter_wave_plate_mount)
    still, moved = (
        click_table(stage, only_v, 1.0, GATES, drift=Drift(fibre=fibre)).clicked[32] / [0.87, 0.88]
        for fibre in (0.0, 0.5)
    )
    assert still[0] < 1e-6 * still[1]
    assert moved[0] == pytest.approx(moved[1], rel=1e-9)
    assert moved.sum() == pytest.approx(still.sum(), rel=1e-9)
