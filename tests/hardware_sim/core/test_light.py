"""Scattering light: rates from tones, and what they do to populations, coherences and motion."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_sim.core.ensemble import D3, D5, METASTABLE_D3, METASTABLE_D5, S_UP, Ensemble, S
from hardware_sim.core.light import ScatteringLight, cool, read_light, shine, shining_time, transfer_rates
from hardware_sim.core.signals import Tone
from hardware_sim.core.string import IonString, make_string
from hardware_sim.physics.motion import doppler_limit

DARK = ScatteringLight(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
rates = st.floats(0.0, 1e8)
lights = st.builds(replace, st.just(DARK), doppler=rates, pumping=rates, repump=rates, quench=rates)
EVERY = np.arange(3)


def mixed(seed: int) -> Ensemble:
    """Return an ensemble of three random states of one ion."""
    rng = np.random.default_rng(seed)
    ensemble = Ensemble(3, 1, 3)
    factor = rng.normal(size=(3, 1, 3, 3)) + 1j * rng.normal(size=(3, 1, 3, 3))
    state, rest = factor @ factor.conj().swapaxes(-1, -2), rng.random((3, 1, 3))
    total = np.einsum("...ii->...", state).real + rest.sum(axis=-1)
    ensemble.coherent[:] = state / total[..., None, None]
    ensemble.other[:] = rest / total[..., None]
    return ensemble


@pytest.fixture(scope="module")
def string(innsbruck: Any) -> IonString:
    return make_string(innsbruck.properties, 3, 0.8e6, 2.4e6)


def cooling_light(lab: Any) -> ScatteringLight:
    belief = lab.node.calibration
    tones = {
        "doppler beam": Tone(belief.doppler_frequency, 0.0, 1.0),
        "repump beam": Tone(belief.repump_frequency, 0.0, 1.0),
    }
    return read_light(lab.properties, tones)


@given(light=lights, impurity=st.floats(0, 1), seed=st.integers(0, 50), duration=st.floats(0.0, 1e-3))
def test_light_keeps_states(light: ScatteringLight, impurity: float, seed: int, duration: float) -> None:
    ensemble = mixed(seed)
    shine(ensemble, EVERY, light, impurity, duration)
    state, rest = ensemble.coherent, ensemble.other
    total = np.einsum("...ii->...", state).real + rest.sum(axis=-1)
    assert np.abs(total - 1).max() < 1e-9
    assert np.linalg.eigvalsh(state).min() > -1e-9
    assert rest.min() > -1e-9
    assert np.abs(state - state.conj().swapaxes(-1, -2)).max() < 1e-12


@given(light=lights, seed=st.integers(0, 50), times=st.tuples(st.floats(1e-7, 1e-4), st.floats(1e-7, 1e-4)))
def test_a_stretch_of_light_can_be_cut_in_two(
    light: ScatteringLight, seed: int, times: tuple[float, float]
) -> None:
    whole, cut = mixed(seed), mixed(seed)
    shine(whole, EVERY, light, 1e-3, sum(times))
    for time in times:
        shine(cut, EVERY, light, 1e-3, time)
    # Light of less than a millionth of an event is left out as dark.
    assert np.abs(whole.coherent - cut.coherent).max() < 3e-6
    assert np.abs(whole.other - cut.other).max() < 3e-6


@given(light=lights, impurity=st.floats(0, 1))
def test_rates_move_population_and_make_none(light: ScatteringLight, impurity: float) -> None:
    generator = transfer_rates(light, impurity)
    assert np.abs(generator.sum(axis=0)).max() <= 1e-9 * np.abs(generator).max()
    assert (generator - np.diag(generator.diagonal()) >= 0).all()


def pumped(lab: Any, **changes: Tone) -> Ensemble:
    """Return one ion, unpolarised at first, after 20 us of pumping."""
    belief = lab.node.calibration
    tones = {
        "pumping beam": Tone(belief.pumping_frequency, 0.0, 1.0),
        "repump beam": Tone(belief.repump_frequency, 0.0, 1.0),
    } | changes
    ensemble = Ensemble(1, 1, 3)
    ensemble.coherent[..., S, S] = ensemble.other[..., S_UP] = 0.5
    light = read_light(lab.properties, {part: tone for part, tone in tones.items() if tone.amplitude})
    shine(ensemble, np.array([0]), light, lab.properties.pumping_impurity, 20e-6)
    return ensemble


def test_pumping_ends_at_the_impurity_of_its_light(innsbruck: Any) -> None:
    ensemble = pumped(innsbruck)
    assert ensemble.other[0, 0, S_UP] == pytest.approx(1e-3, rel=0.05)
    # The right spin is dark: it neither scatters on nor falls to D3/2, but for what the impurity drives.
    assert ensemble.other[0, 0, METASTABLE_D3] < 2e-5


def test_pumping_without_repumper_loses_a_tenth_to_d32(innsbruck: Any) -> None:
    ensemble = pumped(innsbruck, **{"repump beam": Tone()})
    # Half of the ions go through 1 / (0.936 / 3 + 0.064) photons each, 6.4 % of which end in D3/2.
    share = 0.5 * 0.064 / (0.936 / 3 + 0.064)
    assert ensemble.other[0, 0, METASTABLE_D3] == pytest.approx(share, rel=0.2)


def test_mistuned_pumping_light_pumps_little(innsbruck: Any) -> None:
    ensemble = pumped(
        innsbruck, **{"pumping beam": Tone(innsbruck.properties.pumping_resonance + 80e6, 0.0, 1.0)}
    )
    assert ensemble.other[0, 0, S_UP] > 0.3


def test_quenching_light_empties_d52(innsbruck: Any) -> None:
    light = read_light(innsbruck.properties, {"quench beam": Tone(200e6, 0.0, 1.0)})
    ensemble = Ensemble(1, 1, 3)
    ensemble.coherent[0, 0, 1:, 1:] = 0.25
    ensemble.other[..., METASTABLE_D5] = 0.5
    shine(ensemble, np.array([0]), light, 0.0, 10e-6)
    assert ensemble.coherent[0, 0, [D5, D3], [D5, D3]].real.max() < 1e-9
    assert ensemble.other[0, 0, METASTABLE_D3] == pytest.approx(0.00661 / (0.00661 + 0.9347), rel=1e-6)


def test_repumping_light_does_not_touch_the_qubit(innsbruck: Any) -> None:
    light = read_light(innsbruck.properties, {"repump beam": Tone(200e6, 0.0, 1.0)})
    ensemble, before = mixed(1), mixed(1)
    shine(ensemble, EVERY, light, 0.0, 1e-3)
    off_diagonal = ~np.eye(3, dtype=bool)
    assert np.abs((ensemble.coherent - before.coherent)[..., off_diagonal]).max() < 1e-12


def test_beams_pass_their_modulators_twice(innsbruck: Any) -> None:
    light = cooling_light(innsbruck)
    assert light.cooling_detuning == pytest.approx(2 * (194.4e6 - 200e6))
    weak = read_light(innsbruck.properties, {"doppler beam": Tone(194.4e6, 0.0, 0.1)})
    assert weak.doppler == pytest.approx(light.doppler / 100, rel=0.05)


def test_long_cooling_ends_at_the_doppler_limit(innsbruck: Any, string: IonString) -> None:
    light, shots = cooling_light(innsbruck), 4000
    hot = np.full((shots, 9), 30.0 + 0j)
    cold = cool(np.random.default_rng(1), hot, light, string, 0.7071, np.zeros(9), 10e-3)
    limit = doppler_limit(string.frequencies, 22.42e6, light.cooling_detuning, light.cooling_saturation)
    # Six sigma of nine means of exponential quanta.
    assert (np.abs(cold) ** 2).mean(axis=0) == pytest.approx(limit, rel=6 / shots**0.5)


def test_field_noise_heats_against_the_cooling_and_not_after_it(innsbruck: Any, string: IonString) -> None:
    light, shots = cooling_light(innsbruck), 4000
    heating = np.zeros(9)
    heating[0] = 20_000.0
    start = np.zeros((shots, 9), dtype=complex)
    mean = np.abs(cool(np.random.default_rng(1), start, light, string, 0.7071, heating, 10e-3)) ** 2
    without = np.abs(cool(np.random.default_rng(1), start, light, string, 0.7071, 0 * heating, 10e-3)) ** 2
    # The damping rate is 9 / ms: 2.3 quanta more, where 10 ms of free heating would add 200.
    assert 1.5 < mean[:, 0].mean() - without[:, 0].mean() < 3.5


def test_cooling_cut_in_two_cools_as_much(innsbruck: Any, string: IonString) -> None:
    light, shots, rng = cooling_light(innsbruck), 20_000, np.random.default_rng(2)
    start = np.full((shots, 9), 20.0 + 0j)
    whole = cool(rng, start, light, string, 0.7071, np.zeros(9), 100e-6)
    cut = start
    for _ in range(4):
        cut = cool(rng, cut, light, string, 0.7071, np.zeros(9), 25e-6)
    assert (np.abs(cut) ** 2).mean(axis=0) == pytest.approx((np.abs(whole) ** 2).mean(axis=0), rel=0.02)


def test_blue_light_heats_up_to_a_bound(innsbruck: Any, string: IonString) -> None:
    tones = {"doppler beam": Tone(205.6e6, 0.0, 1.0), "repump beam": Tone(200e6, 0.0, 1.0)}
    blue = read_light(innsbruck.properties, tones)
    start = np.full((10, 9), 3.0 + 0j)
    hot = np.abs(cool(np.random.default_rng(3), start, blue, string, 0.7071, np.zeros(9), 1.0)) ** 2
    assert hot.min() > 1e3
    assert np.isfinite(hot).all()


def test_ions_scatter_all_the_time_only_with_the_repumper(innsbruck: Any) -> None:
    light = cooling_light(innsbruck)
    assert shining_time(light, 1.5e-3) > 0.98 * 1.5e-3
    alone = replace(light, repump=0.0)
    assert shining_time(alone, 1.5e-3) == pytest.approx(1 / (0.064 * light.doppler), rel=1e-3)
    assert shining_time(DARK, 1e-3) == 1e-3
