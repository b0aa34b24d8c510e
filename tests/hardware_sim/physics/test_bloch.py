"""The eight-level Bloch equations against closed forms and limits."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from scipy.linalg import expm

from hardware_sim.physics.atom import clebsch_gordan
from hardware_sim.physics.bloch import (
    LINEWIDTH,
    NO_LIGHT,
    Beam,
    D,
    P,
    Polarisation,
    S,
    couplings,
    dark_resonances,
    hamiltonian,
    liouvillian,
    population,
    propagate,
    rabi,
    scattering_rate,
    steady_state,
    two_level_rate,
)
from hardware_sim.physics.calcium import (
    D32,
    LINE_393,
    LINE_397,
    LINE_854,
    LINE_866,
    P12,
    S12,
    Line,
    zeeman_shift,
)
from hardware_sim.physics.errors import ModelError

PI, ACROSS = Polarisation.linear(1.0), Polarisation.linear(0.0)
FIELD = 4.23e-4
FAINT = 1e-8
"""T: sublevels are shifted by less than 1 kHz."""


def solved(cooling: Beam, repump: Beam, field: float = FIELD) -> np.ndarray:
    return steady_state(liouvillian(cooling, repump, field))


class TestCouplings:
    @pytest.mark.parametrize("line", [LINE_397, LINE_866, LINE_393, LINE_854])
    def test_each_upper_sublevel_decays_once(self, line: Line) -> None:
        shares = (np.abs(couplings(line)) ** 2).sum(axis=(0, 2))
        assert shares == pytest.approx(np.ones(len(line.upper.sublevels)), abs=1e-12)

    @pytest.mark.parametrize(
        ("lower", "m", "upper", "k", "squared"),
        [
            (0.5, -0.5, 1.5, -1.5, 1),
            (0.5, -0.5, 0.5, 0.5, 2 / 3),
            (0.5, 0.5, 0.5, 0.5, 1 / 3),
            (1.5, 1.5, 0.5, 0.5, 1 / 2),
            (1.5, 0.5, 0.5, 0.5, 1 / 3),
            (1.5, -0.5, 0.5, 0.5, 1 / 6),
            (2.5, -2.5, 1.5, -1.5, 10 / 15),
            (2.5, -1.5, 1.5, -1.5, 4 / 15),
            (2.5, 2.5, 1.5, -1.5, 0),
        ],
    )
    def test_squares_are_those_of_the_tables(
        self, lower: float, m: float, upper: float, k: float, squared: float
    ) -> None:
        """Source: PDG, Review of Particle Physics, table of Clebsch-Gordan coefficients."""
        assert clebsch_gordan(lower, m, 1, k - m, upper, k) ** 2 == pytest.approx(squared, abs=1e-12)

    def test_signs_are_those_of_condon_and_shortley(self) -> None:
        qutip = pytest.importorskip("qutip")
        for line in (LINE_397, LINE_866, LINE_854):
            j, k = line.lower.momentum, line.upper.momentum
            for m, n in product(line.lower.sublevels, line.upper.sublevels):
                expected = qutip.clebsch(j, 1, k, m, n - m, n) if abs(n - m) <= 1 else 0.0
                assert clebsch_gordan(j, m, 1, n - m, k, n) == pytest.approx(expected, abs=1e-12)

    def test_saturation_measures_intensity_whatever_the_polarisation(self) -> None:
        """Mean squared Rabi frequency of the sublevels of the ground level: s Gamma^2 / 2."""
        width = 2 * math.pi * LINEWIDTH
        for line, light in product(
            (LINE_397, LINE_866), (PI, ACROSS, Polarisation.circular(0.1, 0.05), Polarisation.linear(0.3))
        ):
            total = sum(
                part**2 * (np.abs(coupling) ** 2).sum()
                for part, coupling in zip(light.amplitudes, couplings(line), strict=True)
            )
            mean = float(rabi(line, 0.8)) ** 2 * total / len(line.lower.sublevels)
            assert mean == pytest.approx(0.8 * width**2 / 2, rel=1e-12)


class TestPolarisation:
    @pytest.mark.parametrize("angle", [0.0, 0.01, 0.1, 0.25, 0.5])
    @pytest.mark.parametrize("impurity", [0.0, 0.02, 1.0])
    def test_turning_a_beam_loses_no_light(self, impurity: float, angle: float) -> None:
        parts = Polarisation.circular(impurity, angle).amplitudes
        assert sum(part**2 for part in parts) == pytest.approx(1, abs=1e-12)

    def test_a_beam_against_the_field_has_the_other_sense(self) -> None:
        assert Polarisation.circular(0.0, 0.5).amplitudes == pytest.approx((0, 0, 1), abs=1e-12)

    def test_a_small_angle_makes_pi_light(self) -> None:
        """sin^2 / 2 of the power."""
        assert Polarisation.circular(0.0, 0.02).pi ** 2 == pytest.approx(math.sin(0.04 * math.pi) ** 2 / 2)


class TestEquations:
    @pytest.mark.parametrize("seed", range(4))
    def test_they_keep_trace_and_positivity(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        cooling = Beam(rng.exponential(2), rng.normal(0, 3e7), Polarisation.circular(0.2, 0.1), 1e6)
        repump = Beam(rng.exponential(2), rng.normal(0, 3e7), Polarisation.linear(0.3), 2e5)
        factor = rng.normal(size=(8, 8)) + 1j * rng.normal(size=(8, 8))
        state = factor @ factor.conj().T
        state /= np.trace(state)
        generator = liouvillian(cooling, repump, FIELD, Beam(0.1, 1e7, Polarisation.circular()))
        for time in (1e-9, 1e-8, 1e-7, 1e-6):
            later = propagate(generator, state, time)
            assert np.trace(later) == pytest.approx(1, abs=1e-12)
            assert np.abs(later - later.conj().T).max() < 1e-12
            assert np.linalg.eigvalsh(later).min() > -1e-12

    def test_they_agree_with_an_independent_solver(self) -> None:
        """The same Hamiltonian and jumps in qutip; one state after 50 ns, and the steady state."""
        qutip = pytest.importorskip("qutip")
        cooling, repump = (
            Beam(0.7, -1.3e7, Polarisation.linear(0.6)),
            Beam(1.5, 6e6, Polarisation.linear(0.2)),
        )
        jumps = []
        for line, lower in ((LINE_397, 0), (LINE_866, 4)):
            for coupling in couplings(line):
                jump = np.zeros((8, 8), dtype=complex)
                jump[lower : lower + coupling.shape[1], 2:4] = coupling.conj().T
                jumps.append(qutip.Qobj(math.sqrt(line.branching / P12.lifetime) * jump))
        static = qutip.Qobj(hamiltonian(cooling, repump, FIELD))
        start = qutip.basis(8, 0) * qutip.basis(8, 0).dag()
        theirs = qutip.mesolve(
            static, start, [0, 50e-9], jumps, options={"atol": 1e-12, "rtol": 1e-10}
        ).states[-1]
        generator = liouvillian(cooling, repump, FIELD)
        ours = propagate(generator, start.full(), 50e-9)
        # D3/2 decays in 1.2 s here, and not there: 5e-8.
        assert np.abs(ours - theirs.full()).max() < 1e-6
        settled = qutip.steadystate(static, jumps, method="direct").full()
        assert np.abs(steady_state(generator) - settled).max() < 1e-5

    def test_settings_are_solved_together_as_one_by_one(self) -> None:
        detunings, saturations = np.linspace(-3e7, 1e7, 5), np.array([[0.1], [2.0]])
        together = solved(Beam(saturations, detunings, PI, 1e5), Beam(1.0, 2e7, ACROSS))
        assert together.shape == (2, 5, 8, 8)
        for (row, s), (column, d) in product(enumerate(saturations[:, 0]), enumerate(detunings)):
            alone = solved(Beam(s, d, PI, 1e5), Beam(1.0, 2e7, ACROSS))
            assert np.abs(together[row, column] - alone).max() < 1e-12

    def test_time_leads_to_the_steady_state(self) -> None:
        cooling, repump = Beam(0.5, -1e7, PI, 3e5), Beam(1.0, 2e7, ACROSS, 3e5)
        generator = liouvillian(cooling, repump, FIELD)
        start = np.diag([1.0, 0, 0, 0, 0, 0, 0, 0]).astype(complex)
        assert np.abs(propagate(generator, start, 50e-6) - steady_state(generator)).max() < 1e-9

    def test_without_cooling_light_there_is_no_steady_state(self) -> None:
        with pytest.raises(ModelError) as caught:
            solved(NO_LIGHT, Beam(1.0, 0.0, ACROSS))
        assert str(caught.value) == (
            "the saturation of the 397 nm light is 0, but must be above 0 for a steady state: without it "
            "the ion stays in S1/2 as it was; use propagate"
        )


class TestTwoLevels:
    @pytest.mark.parametrize("detuning", [0.0, -11e6, 30e6])
    @pytest.mark.parametrize("saturation", [1e-5, 1e-3])
    def test_a_broad_repumper_leaves_a_two_level_ion(self, saturation: float, detuning: float) -> None:
        """pi light in next to no field is two like two-level systems, if D3/2 empties faster than it fills.

        Each photon that is absorbed at 397 nm comes back as one, be it over D3/2. A narrow repumper would
        dress P1/2; 200 MHz of linewidth leave of that a broadening by 1 %.
        """
        repump = Beam(0.05, 0.0, ACROSS, 200e6)
        found = scattering_rate(solved(Beam(saturation, detuning, PI), repump, 1e-5))
        assert found == pytest.approx(two_level_rate(saturation, detuning, LINEWIDTH), rel=0.03)

    def test_rabi_oscillations_before_any_decay(self) -> None:
        saturation = 2000.0
        omega = 2 * math.pi * LINEWIDTH * math.sqrt(saturation / 2)
        time = math.pi / omega
        generator = liouvillian(Beam(saturation, 0.0, PI), NO_LIGHT, FAINT)
        state = propagate(generator, np.diag([1.0, 0, 0, 0, 0, 0, 0, 0]).astype(complex), time)
        whole = propagate(generator, state, time)
        # Torrey's solution for strong light, damped at 3/4 of the natural rate; 6.4 % of it goes to D3/2.
        for turned, sign, levels in ((state, 1, P), (whole, 2, S)):
            damped = math.exp(-0.75 * sign * time / P12.lifetime)
            assert population(turned, levels) == pytest.approx((1 + damped) / 2, abs=0.006)

    def test_a_broad_laser_broadens_a_weak_line(self) -> None:
        """A Lorentzian of the sum of both widths, of the same area."""
        laser = 10e6
        generator = liouvillian(Beam(1e-4, np.array([0.0, 5e6, 16e6]), PI, laser), NO_LIGHT, FAINT)
        start = np.diag([0.5, 0.5, 0, 0, 0, 0, 0, 0]).astype(complex)
        found = [float(population(propagate(each, start, 3e-7), P)) for each in generator]
        expected = [
            two_level_rate(1e-4, detuning, LINEWIDTH, laser) * P12.lifetime for detuning in (0.0, 5e6, 16e6)
        ]
        assert found == pytest.approx(expected, rel=1e-3)


class TestDarkStates:
    def test_nothing_shines_without_repumper(self) -> None:
        state = solved(Beam(0.5, -1e7, PI), NO_LIGHT)
        assert scattering_rate(state) < 100
        assert population(state, D) > 0.9999

    def test_the_ion_scatters_fifteen_photons_before_it_falls_to_d32(self) -> None:
        """0.936 / 0.064 photons at 397 nm."""
        generator = liouvillian(Beam(0.5, -1e7, PI), NO_LIGHT, FIELD)
        reduced = generator.copy()
        start = np.diag([0.5, 0.5, 0, 0, 0, 0, 0, 0]).astype(complex).ravel()
        settled = steady_state(generator).ravel()
        # Time in P1/2 in all, from the inverse on what is not settled.
        spent = -np.linalg.lstsq(reduced, start - settled, rcond=1e-15)[0].reshape(8, 8)
        photons = np.diag(spent).real[P].sum() * LINE_397.branching / P12.lifetime
        assert photons == pytest.approx(0.936 / 0.064, rel=1e-3)

    def test_pi_light_at_866_nm_leaves_the_outer_sublevels_dark(self) -> None:
        dark = solved(Beam(0.5, -1e7, PI), Beam(3.0, 2e7, PI))
        bright = solved(Beam(0.5, -1e7, PI), Beam(3.0, 2e7, ACROSS))
        assert scattering_rate(dark) < 1e-3 * scattering_rate(bright)
        # The outer ones hold it all.
        assert dark[4, 4].real + dark[7, 7].real > 0.999

    def test_circular_light_at_866_nm_leaves_two_sublevels_dark(self) -> None:
        dark = solved(Beam(0.5, -1e7, PI), Beam(3.0, 2e7, Polarisation.circular()))
        assert dark[4, 4].real + dark[5, 5].real > 0.999

    def test_linear_light_across_the_field_empties_d32_only_in_a_field(self) -> None:
        """Two superpositions of D3/2 are dark; the Zeeman shifts turn them bright."""
        repump = Beam(1.0, 2e7, ACROSS)
        rates = [float(scattering_rate(solved(Beam(0.1, -1e7, PI), repump, field))) for field in (1e-8, 4e-4)]
        assert rates[0] < 0.01 * rates[1]

    def test_dark_resonances_lie_where_both_lights_meet(self) -> None:
        """Dips at the four two-photon resonances of pi and sigma light, to a tenth of a megahertz."""
        field, repump = 20e-4, 5e6
        expected = repump + dark_resonances(field)
        detunings = np.arange(-45e6, 55e6, 0.1e6)
        rates = scattering_rate(solved(Beam(0.02, detunings, PI), Beam(0.05, repump, ACROSS), field))
        inner = np.flatnonzero((rates[1:-1] < rates[:-2]) & (rates[1:-1] < rates[2:])) + 1
        dips = detunings[inner]
        for place in expected:
            assert np.abs(dips - place).min() < 0.25e6

    def test_components_are_split_as_the_zeeman_shifts_of_both_levels(self) -> None:
        """Two-photon resonances S(m) - D(m +- 1) at 4.23 G, from Lande factors of 2.002 and 0.8."""
        magneton = 1.39962449  # MHz/G
        expected = sorted(
            (0.8 * k - 2.00225664 * m) * magneton * 4.23 * 1e6
            for m, k in [(0.5, 1.5), (0.5, -0.5), (-0.5, 0.5), (-0.5, -1.5)]
        )
        assert dark_resonances(FIELD) == pytest.approx(expected, rel=1e-6)

    def test_the_outer_dark_resonances_show_at_the_nodes_field(self) -> None:
        """At 4.23 G, +-8.3 MHz: each is a minimum of the fluorescence within its own width."""
        detunings = np.arange(-20e6, 20e6, 0.1e6)
        rates = scattering_rate(solved(Beam(0.02, detunings, PI), Beam(0.05, 0.0, ACROSS), FIELD))
        for place in dark_resonances(FIELD)[[0, 3]]:
            here = np.abs(detunings - place) < 3e6
            lowest = detunings[here][np.argmin(rates[here])]
            assert lowest == pytest.approx(place, abs=0.3e6)
            assert rates[here].min() < 0.3 * max(rates[here][0], rates[here][-1])

    def test_independent_lasers_wash_dark_resonances_out(self) -> None:
        place = float(dark_resonances(20e-4)[3])
        narrow, broad = (
            float(
                scattering_rate(solved(Beam(0.02, place, PI, width), Beam(0.05, 0.0, ACROSS, width), 20e-4))
            )
            for width in (0.0, 1e6)
        )
        assert broad > 3 * narrow

    def test_the_depth_of_a_dark_resonance_without_noise_is_complete_for_one_spin(self) -> None:
        """sigma- light at both lines from S(+1/2): a pure Lambda system with one ground state on each side.

        S1/2(+1/2) - P1/2(-1/2) by sigma-, and P1/2(-1/2) - D3/2(+1/2) by sigma-: on two-photon resonance the
        amplitude of P1/2 vanishes.
        """
        sigma = Polarisation.circular()
        place = zeeman_shift(D32, 0.5, FIELD) - zeeman_shift(S12, 0.5, FIELD)
        reach = (place, place + 2e6)
        shares = []
        for detuning in reach:
            energies = hamiltonian(Beam(0.1, detuning, sigma), Beam(0.5, 0.0, sigma), FIELD)
            energies[2:4, 2:4] -= 0.5j / P12.lifetime * np.eye(2)
            start = np.zeros(8, dtype=complex)
            start[1] = 1
            amplitude = expm(-1j * energies * 5e-6) @ start
            shares.append(float(np.abs(amplitude[2]) ** 2 / (np.abs(amplitude) ** 2).sum()))
        assert shares[0] < 1e-6
        assert shares[1] > 1e-4
