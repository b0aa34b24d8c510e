"""Scattering light: beams from tones, and what they do to populations, coherences and motion."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from hardware_sim.core.ensemble import D3, D5, METASTABLE_D3, METASTABLE_D5, S_UP, Ensemble, S
from hardware_sim.core.light import (
    POPULATIONS,
    SLOW,
    Bath,
    Drift,
    Light,
    Scattering,
    beam_cosines,
    cool,
    doubts_of_heat,
    evolution,
    make_bath,
    make_glows,
    read_light,
    shine,
    solve,
)
from hardware_sim.core.signals import Tone
from hardware_sim.core.string import IonString, make_string
from hardware_sim.physics.bloch import (
    Beam,
    Polarisation,
    liouvillian,
    scattering_rate,
    steady_state,
    two_level_rate,
)
from hardware_sim.physics.calcium import LINE_397, LINE_866, P32, recoil
from hardware_sim.physics.cooling import quench_recoil

EVERY = np.arange(3)
PI, ACROSS = Polarisation.linear(1.0), Polarisation.linear(0.0)
saturations = st.sampled_from([0.0, 1e-6, 1e-3, 0.1, 3.0])
detunings = st.sampled_from([-30e6, -11e6, 0.0, 12e6])
lights = st.builds(
    lambda blue, sigma, red, quench, detuning: Light(
        Beam(blue, detuning, PI, 3e5),
        Beam(sigma, -7.9e6, Polarisation.circular(1e-3, 0.01), 3e5),
        Beam(red, 20e6, ACROSS, 3e5),
        Beam(quench, 0.0, ACROSS),
        4.23e-4,
    ),
    saturations,
    saturations,
    saturations,
    saturations,
    detunings,
)


def mixed(seed: int) -> Ensemble:
    """Return an ensemble of three random states of one ion."""
    rng = np.random.default_rng(seed)
    ensemble = Ensemble(3, 1, 3)
    factor = rng.normal(size=(3, 1, 3, 3)) + 1j * rng.normal(size=(3, 1, 3, 3))
    state, rest = factor @ factor.conj().swapaxes(-1, -2), rng.random((3, 1, 3))
    total = np.einsum("...ii->...", state).real + rest.sum(axis=-1)
    ensemble.coherent[:] = state / total[..., None, None]
    ensemble.other[:] = rest / total[..., None]
    ensemble.shelf[:] = rng.dirichlet(np.ones(4), size=(3, 1))
    return ensemble


@pytest.fixture(scope="module")
def string(innsbruck: Any) -> IonString:
    return make_string(innsbruck.properties, 3, 0.8e6, 2.4e6)


def lit(lab: Any, *parts: str, **changes: Tone) -> Scattering:
    """Return what some beams do, as the lab plays them, with some changes (names with underscores)."""
    belief = lab.node.calibration
    tones = {
        f"{part} beam": Tone(getattr(belief, f"{part}_frequency"), 0.0, getattr(belief, f"{part}_amplitude"))
        for part in parts
    }
    tones |= {f"{part} beam": tone for part, tone in changes.items()}
    return solve(read_light(lab.properties, {part: tone for part, tone in tones.items() if tone.amplitude}))


@pytest.fixture(scope="module")
def cooling(innsbruck: Any) -> Scattering:
    return lit(innsbruck, "doppler", "repump")


@settings(max_examples=40)
@given(light=lights, seed=st.integers(0, 50), duration=st.sampled_from([0.0, 3e-8, 1e-6, 1e-3]))
def test_light_keeps_states(light: Light, seed: int, duration: float) -> None:
    ensemble = mixed(seed)
    shine(ensemble, EVERY, solve(light), duration)
    state, rest = ensemble.coherent, ensemble.other
    total = np.einsum("...ii->...", state).real + rest.sum(axis=-1)
    assert np.abs(total - 1).max() < 1e-9
    assert np.linalg.eigvalsh(state).min() > -1e-9
    assert rest.min() > -1e-9
    assert np.abs(ensemble.shelf.sum(axis=-1) - 1).max() < 1e-9
    assert np.abs(state - state.conj().swapaxes(-1, -2)).max() < 1e-12


@settings(max_examples=40)
@given(light=lights, seed=st.integers(0, 50), times=st.tuples(st.floats(1e-7, 1e-4), st.floats(1e-7, 1e-4)))
def test_a_stretch_of_light_can_be_cut_in_two(light: Light, seed: int, times: tuple[float, float]) -> None:
    whole, cut, scattering = mixed(seed), mixed(seed), solve(light)
    shine(whole, EVERY, scattering, sum(times))
    for time in times:
        shine(cut, EVERY, scattering, time)
    # Light of less than a millionth of an event is left out as dark.
    assert np.abs(whole.coherent - cut.coherent).max() < 3e-6
    assert np.abs(whole.other - cut.other).max() < 3e-6


@settings(max_examples=40)
@given(light=lights)
def test_rates_move_population_and_make_none(light: Light) -> None:
    rates = solve(light).rates
    assert np.abs(rates.sum(axis=0)).max() <= 1e-9 * np.abs(rates).max()
    assert (rates - np.diag(rates.diagonal()) >= 0).all()


def test_means_over_a_stretch_are_the_integral_of_its_populations(cooling: Scattering) -> None:
    duration, steps = 2e-6, 4000
    _, mean = evolution(cooling.rates, duration)
    step, _ = evolution(cooling.rates, duration / steps)
    at, total = np.eye(POPULATIONS), np.zeros((POPULATIONS, POPULATIONS))
    for _ in range(steps):
        after = step @ at
        total += (at + after) / 2
        at = after
    assert np.abs(total / steps - mean).max() < 1e-6


def test_cooling_light_scatters_at_the_rate_of_the_bloch_equations(
    innsbruck: Any, cooling: Scattering
) -> None:
    ensemble = mixed(2)
    ensemble.coherent[:] = ensemble.other[:] = 0.0
    ensemble.coherent[..., S, S] = 1.0
    shine(ensemble, EVERY, cooling, 1e-4)
    levels = shine(ensemble, EVERY, cooling, 1e-6)
    light = cooling.light
    steady = steady_state(liouvillian(light.doppler, light.repump, light.field))
    assert levels @ cooling.photons == pytest.approx(np.full(3, float(scattering_rate(steady))), rel=1e-6)
    # And published: 14 kcps on the photomultiplier.
    assert innsbruck.properties.pmt_efficiency * scattering_rate(steady) == pytest.approx(14e3, rel=0.02)


def test_drifting_lasers_detune_the_light_by_grains(innsbruck: Any) -> None:
    tones = {"doppler beam": Tone(194.4e6, 0.0, 1.0), "pumping beam": Tone(200e6, 0.0, 1.0)}
    still = read_light(innsbruck.properties, tones)
    moved = read_light(innsbruck.properties, tones, Drift(cooling=1.23e6, repump=5e6, quench=5e6))
    for name in ("doppler", "pumping"):
        shift = getattr(moved, name).detuning - getattr(still, name).detuning
        assert shift == pytest.approx(1.2e6, abs=1)
    assert moved.repump == still.repump
    little = read_light(innsbruck.properties, tones, Drift(cooling=2e4))
    assert little == still


def test_beams_pass_their_modulators_twice(innsbruck: Any) -> None:
    light = read_light(innsbruck.properties, {"doppler beam": Tone(194.4e6, 0.0, 0.5)})
    assert light.doppler.detuning == pytest.approx(2 * (194.4e6 - 200e6))
    assert light.doppler.saturation == pytest.approx(innsbruck.properties.doppler_saturation / 4)


class TestPumping:
    def pumped(self, lab: Any, duration: float = 20e-6, **changes: Tone) -> Ensemble:
        """Return one ion, unpolarised at first, after some pumping."""
        ensemble = Ensemble(1, 1, 3)
        ensemble.coherent[..., S, S] = ensemble.other[..., S_UP] = 0.5
        shine(ensemble, np.array([0]), lit(lab, "pumping", "repump", **changes), duration)
        return ensemble

    def test_it_ends_at_what_its_impurity_pumps_back(self, innsbruck: Any) -> None:
        """A share of 1e-3 of wrong light, weakened by its 15.8 MHz from resonance, and by what 866 nm light
        does to either: half to twice of it."""
        ensemble = self.pumped(innsbruck)
        assert 1e-3 / 3 < ensemble.other[0, 0, S_UP] < 2e-3
        assert ensemble.other[0, 0, METASTABLE_D3] < 5e-4
        more = self.pumped(innsbruck.but(pumping_impurity=1e-2))
        assert more.other[0, 0, S_UP] == pytest.approx(10 * ensemble.other[0, 0, S_UP], rel=0.05)

    def test_pure_light_pumps_all(self, innsbruck: Any) -> None:
        ensemble = self.pumped(innsbruck.but(pumping_impurity=0.0))
        assert ensemble.coherent[0, 0, S, S].real > 1 - 1e-9

    def test_a_beam_beside_the_field_pumps_worse(self, innsbruck: Any) -> None:
        pure = innsbruck.but(pumping_impurity=0.0)
        left = [
            float(self.pumped(pure.but(pumping_misalignment=degrees / 360)).other[0, 0, S_UP])
            for degrees in (1.0, 2.0)
        ]
        assert left[0] > 1e-5
        assert left[1] == pytest.approx(4 * left[0], rel=0.05)

    def test_without_repumper_a_tenth_is_lost_to_d32(self, innsbruck: Any) -> None:
        ensemble = self.pumped(innsbruck, repump=Tone())
        # Half of the ions go through 1 / (0.936 / 3 + 0.064) photons each, 6.4 % of which end in D3/2.
        share = 0.5 * 0.064 / (0.936 / 3 + 0.064)
        # The impurity adds a few from the other spin.
        assert ensemble.other[0, 0, METASTABLE_D3] == pytest.approx(share, rel=0.2)

    def test_mistuned_light_pumps_little(self, innsbruck: Any) -> None:
        far = Tone(innsbruck.properties.pumping_resonance + 120e6, 0.0, 1.0)
        assert self.pumped(innsbruck, pumping=far).other[0, 0, S_UP] > 0.3

    def test_it_takes_the_time_that_its_slowest_rate_says(self, innsbruck: Any) -> None:
        rates = lit(innsbruck, "pumping", "repump").rates[:SLOW, :SLOW]
        slowest = np.sort(-np.linalg.eigvals(rates).real)[1]
        early, late = (
            float(self.pumped(innsbruck, time).other[0, 0, S_UP] - self.pumped(innsbruck).other[0, 0, S_UP])
            for time in (1e-6, 2e-6)
        )
        assert math.log(early / late) / 1e-6 == pytest.approx(slowest, rel=0.05)


class TestQuenching:
    def test_it_empties_d52(self, innsbruck: Any) -> None:
        ensemble = Ensemble(1, 1, 3)
        ensemble.coherent[0, 0, 1:, 1:] = 0.25
        ensemble.other[..., METASTABLE_D5] = 0.5
        shine(ensemble, np.array([0]), lit(innsbruck, "quench"), 10e-6)
        assert ensemble.coherent[0, 0, [D5, D3], [D5, D3]].real.max() < 1e-9
        assert ensemble.other[0, 0, METASTABLE_D3] == pytest.approx(0.00661 / (0.00661 + 0.9347), rel=1e-4)

    def test_from_the_stretched_level_ions_come_back_with_the_right_spin(self, innsbruck: Any) -> None:
        """sigma+ to P3/2(-3/2), which ends in S1/2(-1/2) but for a few that scatter within D5/2."""
        ensemble = Ensemble(1, 1, 3)
        ensemble.coherent[0, 0, D5, D5] = 1.0
        shine(ensemble, np.array([0]), lit(innsbruck, "quench"), 10e-6)
        assert ensemble.coherent[0, 0, S, S].real > 0.97

    def test_weak_light_empties_a_sublevel_at_the_rate_of_two_levels(self, innsbruck: Any) -> None:
        weak = lit(innsbruck, quench=Tone(innsbruck.properties.quench_resonance, 0.0, 1e-2))
        mean = -weak.rates.diagonal()[SLOW:].mean()
        # Zeeman shifts of some megahertz take a tenth of the resonance; 6 % come back.
        expected = two_level_rate(innsbruck.properties.quench_saturation * 1e-4, 0.0, P32.linewidth)
        assert 0.6 * expected < mean < expected

    def test_shelved_ions_are_quenched_from_where_they_are(self, innsbruck: Any) -> None:
        ensemble = Ensemble(2, 1, 3)
        ensemble.other[..., METASTABLE_D5] = 1.0
        ensemble.shelf[0, 0] = [1, 0, 0, 0]
        ensemble.shelf[1, 0] = [0, 0, 0, 1]
        shine(ensemble, np.arange(2), lit(innsbruck, "quench"), 10e-6)
        up = ensemble.other[:, 0, S_UP]
        # m = 5/2 goes to P3/2(3/2) and S1/2(+1/2).
        assert up[1] > 0.97
        assert 0.2 < up[0] < 0.9

    def test_its_recoil_heats_each_mode(self, innsbruck: Any, string: IonString) -> None:
        """One photon an ion and a few more: quanta of all modes, from rest."""
        shots = 4000
        ensemble = Ensemble(shots, 3, 9)
        ensemble.coherent[..., D5, D5] = 1.0
        scattering, every = lit(innsbruck, "quench"), np.arange(shots)
        levels = shine(ensemble, every, scattering, 2e-6)
        bath = make_bath(scattering, innsbruck.properties, string)
        heat = np.outer(levels @ scattering.quenched, bath.kicks)
        cool(np.random.default_rng(1), ensemble, every, string, bath, levels, heat, 2e-6)
        photons = 1 / (1 - 0.0587)
        along, _ = beam_cosines(innsbruck.properties, string)
        expected = photons * quench_recoil(along, string.frequencies)
        found = ensemble.quanta(every).mean(axis=0)
        assert found == pytest.approx(expected, rel=0.02 + 6 / shots**0.5)


def test_repumping_light_does_not_touch_the_qubit(innsbruck: Any) -> None:
    ensemble, before = mixed(1), mixed(1)
    shine(ensemble, EVERY, lit(innsbruck, "repump"), 1e-3)
    off_diagonal = ~np.eye(3, dtype=bool)
    assert np.abs((ensemble.coherent - before.coherent)[..., off_diagonal]).max() < 1e-12


def test_each_scattered_photon_ends_the_coherence_with_d52(innsbruck: Any, cooling: Scattering) -> None:
    """By the square root of the share of ions that have not scattered."""
    ensemble = Ensemble(1, 1, 3)
    ensemble.coherent[0, 0][np.ix_([S, D5], [S, D5])] = 0.5
    shine(ensemble, np.array([0]), cooling, 0.3e-6)
    first = scattered = cooling.photons[0] / LINE_397.branching * 0.3e-6
    assert scattered > 0.5
    kept = abs(ensemble.coherent[0, 0, S, D5]) / 0.5
    assert kept == pytest.approx(math.exp(-first / 2), rel=0.1)
    assert ensemble.coherent[0, 0, D5, D5].real == pytest.approx(0.5, abs=1e-12)


def test_far_detuned_light_shifts_the_phase_of_the_qubit(innsbruck: Any) -> None:
    far = replace(read_light(innsbruck.properties, {}), doppler=Beam(0.01, -3e9, PI))
    scattering, ensemble, time = solve(far), Ensemble(1, 1, 3), 20e-6
    ensemble.coherent[0, 0][np.ix_([S, D5], [S, D5])] = 0.5
    shine(ensemble, np.array([0]), scattering, time)
    turned = np.angle(ensemble.coherent[0, 0, S, D5]) / (2 * math.pi)
    omega = 22.42e6 * math.sqrt(0.01 / 2)
    # S1/2 goes down by Omega^2 / 4 delta, so that its amplitude runs ahead.
    assert turned == pytest.approx(omega**2 / (4 * 3e9) * time, rel=0.02)


@pytest.fixture(scope="module")
def bath(innsbruck: Any, string: IonString, cooling: Scattering) -> Bath:
    return make_bath(cooling, innsbruck.properties, string)


class TestCooling:
    def cooled(
        self, lab: Any, string: IonString, bath: Bath, start: np.ndarray, *durations: float, seed: int = 1
    ) -> np.ndarray:
        """Return the quanta (shots, modes) of settled ions after stretches of cooling light."""
        ensemble = Ensemble(len(start), string.ions, len(string.frequencies))
        ensemble.motion[:] = start
        every, rng = np.arange(len(start)), np.random.default_rng(seed)
        levels = np.zeros((len(start), POPULATIONS))
        levels[:] = evolution(bath.scattering.rates, 1e-3)[0][:, 0]
        for duration in durations:
            cool(rng, ensemble, every, string, bath, levels, np.zeros(string.frequencies.shape), duration)
        return ensemble.quanta(every)

    def test_long_cooling_ends_at_the_limit_of_its_rates(
        self, innsbruck: Any, string: IonString, bath: Bath, cooling: Scattering
    ) -> None:
        shots = 4000
        found = self.cooled(innsbruck, string, bath, np.full((shots, 9), 30.0 + 0j), 10e-3).mean(axis=0)
        share = evolution(cooling.rates, 1e-3)[0][:SLOW, 0]
        down, up = share @ bath.rates.down, share @ bath.rates.up
        # Six sigma of nine means of exponential quanta.
        assert found == pytest.approx(up / (down - up), rel=6 / shots**0.5)
        # It is above what two levels would reach, and not by more than a half.
        ratio = 2 * 11.2e6 / 22.42e6
        shares = np.where(string.cosines > 0.5, 0.5, 0.25)
        mean = 0.936 + 0.064 * (396.847 / 866.214) ** 2
        ideal = 22.42e6 / (8 * string.frequencies) * (1 + mean / 3 / shares) * (1.1 / ratio + ratio) - 0.5
        assert (found > 0.9 * ideal).all()
        assert (found < 1.6 * ideal).all()

    def test_cooling_cut_in_pieces_cools_as_much(self, innsbruck: Any, string: IonString, bath: Bath) -> None:
        start = np.full((10_000, 9), 20.0 + 0j)
        whole = self.cooled(innsbruck, string, bath, start, 100e-6)
        cut = self.cooled(innsbruck, string, bath, start, *[25e-6] * 4, seed=2)
        assert cut.mean(axis=0) == pytest.approx(whole.mean(axis=0), rel=0.04)

    def test_field_noise_heats_against_the_cooling(
        self, innsbruck: Any, string: IonString, bath: Bath
    ) -> None:
        shots, heating = 4000, np.zeros(9)
        heating[0] = 20_000.0
        levels = np.tile(evolution(bath.scattering.rates, 1e-3)[0][:, 0], (shots, 1))
        means = []
        for rate in (heating, 0 * heating):
            ensemble = Ensemble(shots, 3, 9)
            rng = np.random.default_rng(1)
            cool(rng, ensemble, np.arange(shots), string, bath, levels, rate, 10e-3)
            means.append(ensemble.quanta(np.arange(shots))[:, 0].mean())
        damping = levels[0, :SLOW] @ (bath.rates.down - bath.rates.up)[:, 0]
        assert means[0] - means[1] == pytest.approx(20_000 / damping, rel=0.15)

    def test_blue_light_heats_up_to_a_bound(self, innsbruck: Any, string: IonString) -> None:
        blue = lit(innsbruck, "repump", doppler=Tone(220e6, 0.0, 1.0))
        bath = make_bath(blue, innsbruck.properties, string)
        hot = self.cooled(innsbruck, string, bath, np.full((10, 9), 3.0 + 0j), 1.0)
        assert hot.min() > 1e3
        assert np.isfinite(hot).all()
        more = self.cooled(innsbruck, string, bath, np.full((10, 9), 3.0 + 0j), 2.0)
        assert more == pytest.approx(hot, rel=1e-6)

    def test_ions_in_d52_do_not_cool(self, innsbruck: Any, string: IonString, bath: Bath) -> None:
        """A third of the ions in the light cools a third as fast."""
        rates = []
        for bright in (1.0, 1 / 3):
            ensemble = Ensemble(1, 3, 9)
            ensemble.motion[:] = 100.0
            levels = bright * evolution(bath.scattering.rates, 1e-3)[0][:, 0][None]
            cool(np.random.default_rng(1), ensemble, np.array([0]), string, bath, levels, np.zeros(9), 1e-5)
            rates.append(-np.log(ensemble.quanta(np.array([0]))[0] / 1e4).mean())
        assert rates[1] == pytest.approx(rates[0] / 3, rel=0.2)

    def test_number_states_lose_quanta_one_by_one(
        self, innsbruck: Any, string: IonString, bath: Bath
    ) -> None:
        """Mean quanta fall as those of any state; the number is binomial about it."""
        shots, number = 20_000, 40
        ensemble, levels = Ensemble(shots, 3, 9), np.zeros((shots, POPULATIONS))
        levels[:] = evolution(bath.scattering.rates, 1e-3)[0][:, 0]
        ensemble.fock[:, 4] = number
        duration = 30e-6
        cool(
            np.random.default_rng(1), ensemble, np.arange(shots), string, bath, levels, np.zeros(9), duration
        )
        kept = math.exp(-duration * float(levels[0, :SLOW] @ (bath.rates.down - bath.rates.up)[:, 4]))
        assert 0.6 < kept < 0.95
        left = ensemble.fock[:, 4]
        assert left.mean() == pytest.approx(number * kept, abs=6 * math.sqrt(number * kept / shots))
        assert left.var() == pytest.approx(number * kept * (1 - kept), rel=0.1)
        assert not ensemble.fock[:, :4].any()

    def test_the_recoil_of_pumping_heats_an_ion_at_rest(self, innsbruck: Any, string: IonString) -> None:
        """By half of the ions some photons are scattered, each with some hundredths of a quantum."""
        shots = 3000
        ensemble, scattering = Ensemble(shots, 3, 9), lit(innsbruck, "pumping", "repump")
        ensemble.other[..., S_UP] = 1.0
        every = np.arange(shots)
        levels = shine(ensemble, every, scattering, 5e-6)
        photons = float((levels @ scattering.photons)[0]) * 5e-6
        bath = make_bath(scattering, innsbruck.properties, string)
        cool(np.random.default_rng(1), ensemble, every, string, bath, levels, np.zeros(9), 5e-6)
        _, along = beam_cosines(innsbruck.properties, string)
        quanta = recoil(LINE_397.wavelength) * (along**2 + 1 / 3) / string.frequencies
        assert 2 < photons < 4
        # The light is on resonance: it neither cools nor heats much by friction. Slow modes are shaken by
        # more than single recoils, as how many photons an ion scatters is random.
        found = ensemble.quanta(every).mean(axis=0)
        assert found[3:] == pytest.approx(photons * quanta[3:], rel=0.2)
        assert (found[:3] > 0.9 * photons * quanta[:3]).all()

    def test_hot_shots_do_not_change_how_cold_ones_cool(
        self, innsbruck: Any, string: IonString, bath: Bath
    ) -> None:
        """A shot beside one above `WARM` cools as it does alone; the hot one loses next to nothing."""
        start = np.full((2000, 9), 5.0 + 0j)
        alone = self.cooled(innsbruck, string, bath, start, 100e-6)
        start[-1] = 300.0
        beside = self.cooled(innsbruck, string, bath, start, 100e-6)
        assert (beside[:-1] == alone[:-1]).all()
        assert alone.mean() / 5**2 < 0.95
        assert (beside[-1] / 300**2 > 0.99).all()

    def test_very_hot_ions_are_doubted(self) -> None:
        assert not [*doubts_of_heat(200e6)]
        (doubt,) = doubts_of_heat(500e6)
        assert str(doubt) == (
            "model 'Doppler cooling' is outside its validated range: rms Doppler shift of the ions is "
            "500 MHz, "
            "validated to 300 MHz; a trajectory in bloch.steady_state solves the same without this "
            "approximation"
        )


class TestGlow:
    def test_ions_scatter_all_the_time_only_with_the_repumper(
        self, innsbruck: Any, cooling: Scattering
    ) -> None:
        for glow in cooling.glows(1.5e-3):
            assert glow.photons[-1] == pytest.approx(4.1e6 * 1.5e-3, rel=0.02)
        *spins, shelved = lit(innsbruck, "doppler").glows(1.5e-3)
        # A thousandth decays from D3/2 meanwhile.
        for glow in spins:
            assert glow.photons[-1] == pytest.approx(LINE_397.branching / LINE_866.branching, rel=2e-3)
        assert shelved.photons[-1] == pytest.approx(1.5e-3 / 1.2 * spins[0].photons[-1], rel=0.01)

    @pytest.mark.parametrize("parts", [("pumping", "repump"), ("pumping",), ("doppler", "repump")])
    def test_pieces_of_a_stretch_add_up_to_the_whole(self, innsbruck: Any, parts: tuple[str, ...]) -> None:
        """Whatever an ion begins in: those that a piece leaves begin the next."""
        slow = lit(innsbruck, *parts)._slow
        whole = [float(glow.photons[-1]) for glow in make_glows(slow, 30e-6)]
        first, second = (
            np.array([glow.photons[-1] for glow in make_glows(slow, time)]) for time in (2e-6, 28e-6)
        )
        assert first + second @ expm(slow.generator * 2e-6) == pytest.approx(whole, rel=1e-6)

    def test_an_ion_that_is_pumped_scatters_as_the_bloch_equations_say(self, innsbruck: Any) -> None:
        pumping = lit(innsbruck, "pumping", "repump")
        light = pumping.light
        steady = scattering_rate(steady_state(liouvillian(light.pumping, light.repump, light.field)))
        down, up, _ = (glow.photons[-1] for glow in pumping.glows(1e-3))
        assert down == pytest.approx(float(steady) * 1e-3, rel=0.01)
        assert up > down + 2

    def test_repumping_light_is_seen_once_by_an_ion_in_d32_alone(self, innsbruck: Any) -> None:
        *spins, shelved = lit(innsbruck, "repump").glows(1e-3)
        assert [glow.photons.max() for glow in spins] == [0, 0]
        assert shelved.photons[-1] == pytest.approx(1, abs=1e-3)


class TestWaysOutOfD52:
    """How long ions stay there, and what they come out in."""

    def test_in_the_dark_they_decay(self, innsbruck: Any) -> None:
        dark = lit(innsbruck, "doppler", "repump")
        assert dark.stays == pytest.approx(np.full(6, 1.17))
        assert dark.ends[1] == pytest.approx(np.arange(6) / 5, abs=1e-12)
        assert dark.ends[2] == pytest.approx(np.zeros(6), abs=1e-12)

    def test_under_light_they_end_as_its_rates_take_them(self, innsbruck: Any) -> None:
        quench = lit(innsbruck, "quench")
        final, _ = evolution(quench.rates, 1e-3)
        assert quench.ends == pytest.approx(final[:SLOW, SLOW:], abs=1e-5)
        # The mean time is the integral of what is left.
        times = np.linspace(0, 0.8e-6, 801)
        left = [evolution(quench.rates, time)[0][SLOW:, SLOW:].sum(axis=0) for time in times]
        assert quench.stays == pytest.approx(np.trapezoid(left, times, axis=0), rel=1e-3)


def test_light_alone_does_not_empty_d32(innsbruck: Any) -> None:
    """Its natural decay goes on in the dark, and must not count twice."""
    assert lit(innsbruck, "doppler", "quench").rates[:SLOW, SLOW - 1] == pytest.approx(np.zeros(3), abs=1e-6)


class TestDoubts:
    def test_two_beams_on_one_line_are_doubted(self, innsbruck: Any) -> None:
        assert not [*lit(innsbruck, "doppler", "repump", "quench").doubts()]
        assert not [*lit(innsbruck, "pumping", "repump").doubts()]
        (doubt,) = lit(innsbruck, "doppler", "pumping", "repump").doubts()
        assert str(doubt) == (
            "model 'scattering light' is outside its validated range: saturation of a second 397 nm beam is "
            "0.1, validated to 0.01; a Floquet expansion of bloch.liouvillian solves the same without this "
            "approximation"
        )

    def test_dark_superpositions_that_rates_cannot_tell_are_doubted(self, innsbruck: Any) -> None:
        near = lit(innsbruck, "repump", doppler=Tone(205.6e6, 0.0, 1.0))
        (doubt,) = near.doubts()
        assert doubt.subject == (
            "pumping as rates",
            "rate that dark superpositions turn round, over the largest",
        )
        assert doubt.value > 0.02
