"""Light and camera on the stage: counts tell states, and looking projects them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2, poisson

from hardware_sim.core.ensemble import D3, D5, METASTABLE_D3, METASTABLE_D5, S_UP, S
from hardware_sim.core.illumination import SHELVED, _wake, count_background, illuminate, watch_empty_trap
from hardware_sim.core.light import read_light, solve
from hardware_sim.core.signals import Stretch, Tone, Window
from hardware_sim.core.stage import Stage
from hardware_sim.physics.bloch import liouvillian, scattering_rate, steady_state
from sequences.ir import Readout
from sequences.language import Detector, branch, delay, herald, parallel, readout, serial
from sequences.library import count_fluorescence, doppler_cool, generate_photon, optical_pump, read_ions
from sequences.target import Channel, Kind

US = 10**6  # ps
EXPOSURE = 1500 * US


def light(lab: Any, *parts: str) -> dict[str, Tone]:
    belief = lab.node.calibration
    known = {
        "doppler beam": belief.doppler_frequency,
        "repump beam": belief.repump_frequency,
        "quench beam": belief.quench_frequency,
        "pumping beam": belief.pumping_frequency,
    }
    return {part: Tone(known[part], 0.0, 1.0) for part in parts}


def expose(lab: Any, stage: Stage, *parts: str, start: int = 0, duration: int = EXPOSURE) -> np.ndarray:
    """Take one exposure and return its counts (shots, ions)."""
    before = stage.recorder.counts["nothing"].copy()
    every = np.arange(len(stage.ensemble.clock_ps))
    illuminate(stage, every, Stretch(start, start + duration, light(lab, *parts), 0))
    return stage.recorder.counts["nothing"] - before


def test_the_camera_looks_where_it_first_saw_the_ions(quiet: Any) -> None:
    # A string that is pushed by 3 um, or relaxed, misses the regions; brought back, or loaded anew, not.
    node, around = quiet.node, quiet.surroundings()

    def looked(core: Any, upper: float, lower: float) -> np.ndarray:
        moved = parallel(node.endcap_upper.set(upper), node.endcap_lower.set(lower))
        block = serial(moved, delay(1e-3), doppler_cool(node, 3e-3), read_ions(node, 1.5e-3))
        return np.asarray(core.play(quiet.program(block), 100, around).counts["ions"].mean(axis=0))

    core = quiet.core(3, 1)
    rest, pushed, relaxed, back = (
        looked(core, *volts) for volts in ((106, 106), (107, 105), (40, 40), (106, 106))
    )
    assert rest.min() > 18
    assert pushed.max() < rest.min() / 2
    assert relaxed[1] == pytest.approx(rest[1], rel=0.2)
    assert relaxed[[0, 2]].max() < rest.min() / 2
    assert back == pytest.approx(rest, rel=0.15)
    core.load(3, around)
    assert looked(core, 40, 40).min() > 18


def test_regions_of_a_string_that_was_never_seen_whole_are_where_its_ions_would_be(quiet: Any) -> None:
    core = quiet.core(3, 1)
    core.world.ions = 2
    stage = core._set_stage(quiet.program(delay(1e-6)), np.zeros(1, dtype=np.int64), quiet.surroundings())
    whole = quiet.stage(1, ions=3)
    assert stage.watched(0) == pytest.approx(whole.string.positions)
    assert len(stage.positions(0)) == 2


def in_levels(stage: Stage, coherent: np.ndarray, *other: float) -> Stage:
    stage.ensemble.start(np.zeros(len(stage.ensemble.clock_ps), dtype=np.int64))
    stage.ensemble.coherent[:] = coherent
    stage.ensemble.other[:] = other
    return stage


def test_bright_and_dark_ions_count_as_published(quiet: Any) -> None:
    # Published: 14 kcps over 1 kcps of background. Each mean of 2000 Poisson counts within six sigma.
    for level, rate in ((S, 15e3), (D5, 1e3)):
        state = np.zeros((3, 3))
        state[level, level] = 1.0
        stage = in_levels(quiet.stage(2000), state, 0, 0, 0)
        counts = expose(quiet, stage, "doppler beam", "repump beam")
        expected = rate * 1.5e-3
        # Beside: some ions decay meanwhile, and the efficiency is given with two digits.
        assert counts.mean() == pytest.approx(expected, abs=0.03 * expected + 6 * (expected / 2000) ** 0.5)


def test_looking_twice_finds_the_same(quiet: Any) -> None:
    state = np.zeros((3, 3), dtype=complex)
    state[np.ix_([S, D3], [S, D3])] = 0.5
    stage = in_levels(quiet.stage(2000), state, 0, 0, 0)
    first = expose(quiet, stage, "doppler beam", "repump beam") >= 8
    second = expose(quiet, stage, "doppler beam", "repump beam", start=EXPOSURE) >= 8
    # Six sigma of the binomial; then 0.13 % of the dark ones decay in each exposure.
    assert first.mean() == pytest.approx(0.5, abs=6 * 0.5 / 2000**0.5)
    assert (first != second).mean() < 0.01


def test_looking_projects_as_if_the_coherence_had_never_been(quiet: Any) -> None:
    shots = 40_000
    rng = np.random.default_rng(3)
    factor = rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))
    state = factor @ factor.conj().T
    state *= 0.8 / np.trace(state).real
    stage = in_levels(quiet.stage(shots), state, 0.1, 0.06, 0.04)
    expose(quiet, stage, "doppler beam", "repump beam", duration=100_000)  # too short to count or to decay
    seen, rest = stage.ensemble.coherent[:, 0], stage.ensemble.other[:, 0]
    total = np.einsum("sii->s", seen).real + rest.sum(axis=1)
    assert np.abs(total - 1).max() < 1e-9
    dark = rest[:, S_UP] < 1e-12
    assert dark.mean() == pytest.approx(state[1, 1].real + state[2, 2].real + 0.04, abs=5 * 0.5 / shots**0.5)
    # What D5/2 is, and its inner coherence, stays on average; a bright ion is never in D5/2 at all.
    mean = seen.mean(axis=0)
    assert np.abs(mean[1:, 1:] - state[1:, 1:]).max() < 5 / shots**0.5
    assert rest[:, METASTABLE_D5].mean() == pytest.approx(0.04, abs=5 * 0.2 / shots**0.5)
    assert np.abs(seen[:, S, 1:]).max() == 0
    assert np.abs(seen[~dark, 1:, 1:]).max() == 0


def test_without_repumper_ions_go_dark_at_once(quiet: Any) -> None:
    state = np.diag([1.0, 0, 0])
    stage = in_levels(quiet.stage(500), state, 0, 0, 0)
    assert expose(quiet, stage, "doppler beam").mean() < 0.3 * 22.5
    assert stage.ensemble.other[..., METASTABLE_D3].min() > 0.99


def test_a_camera_in_the_dark_sees_the_background_and_disturbs_nothing(quiet: Any) -> None:
    plus = np.zeros((3, 3))
    plus[np.ix_([S, D3], [S, D3])] = 0.5
    stage = in_levels(quiet.stage(2000), plus, 0, 0, 0)
    counts = expose(quiet, stage)
    assert counts.mean() == pytest.approx(1.5, abs=6 * (1.5 / 2000) ** 0.5)
    assert np.abs(stage.ensemble.coherent[:, 0, S, D3]).min() > 0.49


def test_quenched_ions_shine_and_are_quenched_once(quiet: Any) -> None:
    state = np.zeros((3, 3))
    state[D5, D5] = 1.0
    stage = in_levels(quiet.stage(500), state, 0, 0, 0)
    counts = expose(quiet, stage, "doppler beam", "repump beam", "quench beam")
    assert counts.mean() > 15
    assert stage.ensemble.coherent[:, 0, D5, D5].real.max() == 0.0


def test_a_dark_ion_that_stayed_dark_has_not_decayed(quiet: Any) -> None:
    state = np.zeros((3, 3))
    state[D5, D5] = 1.0
    stage = in_levels(quiet.stage(200), state, 0, 0, 0)
    expose(quiet, stage, "doppler beam", "repump beam", duration=100_000 * US)  # 8 % decay in 100 ms
    stage.ensemble.evolve(np.arange(200), slice(None), 100_000 * US)
    left = stage.ensemble.coherent[:, 0, D5, D5].real
    assert set(left.round(9).tolist()) == {0.0, 1.0}
    # Poisson: 16 of 200 expected; below 1 or above 45 with a probability below 1e-6.
    assert 1 <= (left == 0).sum() <= 45


def seeing_all(lab: Any) -> Any:
    """Return the lab with a camera that counts every photon, and nothing else."""
    return lab.but(camera_efficiency=1.0, dark_rate=0.0, camera_region=50e-6)


class TestWhatIonsBeginIn:
    """Fluorescence knows the levels that ions are in when a stretch of light begins."""

    def taken(self, lab: Any, stage: Stage, cuts: int, *parts: str) -> float:
        """Return the photons of an ion in a millisecond that is cut into pieces."""
        edges = np.linspace(0, 1000 * US, cuts + 1).astype(int).tolist()
        return sum(
            float(expose(lab, stage, *parts, start=start, duration=stop - start).mean())
            for start, stop in pairwise(edges)
        )

    @pytest.mark.parametrize("parts", [("pumping beam", "repump beam"), ("pumping beam",)])
    def test_counts_do_not_depend_on_how_light_is_cut(self, quiet: Any, parts: tuple[str, ...]) -> None:
        """An ion that is pumped already; with 866 nm light it scatters at the rate of the steady state."""
        lab, shots = seeing_all(quiet), 4000
        light_on = solve(read_light(lab.properties, light(lab, *parts)))
        expected = light_on.glows(1e-3)[0].photons[-1]
        if "repump beam" in parts:
            generator = liouvillian(light_on.light.pumping, light_on.light.repump, light_on.light.field)
            steady = float(scattering_rate(steady_state(generator))) * 1e-3
            assert expected == pytest.approx(steady, rel=0.01)
        for cuts in (1, 2, 10):
            stage = in_levels(lab.stage(shots), np.diag([1.0, 0, 0]), 0, 0, 0)
            found = self.taken(lab, stage, cuts, *parts)
            # Six sigma of Poissonian bursts: each flip of the spin brings some five photons at once.
            assert found == pytest.approx(expected, abs=6 * (6 * expected / shots) ** 0.5)

    def test_a_photomultiplier_sees_ions_fade_as_they_are_pumped(self, quiet: Any) -> None:
        """Clicks of ions that begin in S1/2(+1/2), cut or not, and after they have been pumped."""
        lab, shots, found = quiet.but(pmt_efficiency=1.0), 2000, []
        for edges in ((0, 20), (0, 1, 2, 5, 20)):
            stage = in_levels(lab.stage(shots), np.zeros((3, 3)), 1, 0, 0)
            for start, stop in pairwise(edges):
                span = (start * US, stop * US)
                times = counted(lab, stage, "pumping beam", "repump beam", stretch=span, gate=span)[0]
            found.append(np.histogram(times, bins=np.array([0, 1, 2, 5, 20]) * US)[0] / shots)
        whole, cut = found
        assert cut == pytest.approx(whole, abs=6 * (12 / shots) ** 0.5)
        # Fast at first; in the end slower than a photon in 20 us.
        assert whole[0] > 1.5
        assert whole[3] < 0.5

    @pytest.mark.parametrize("parts", [(), ("quench beam",), ("quench beam", "repump beam")])
    def test_854_nm_light_leaves_ions_in_d32_dark(self, quiet: Any, parts: tuple[str, ...]) -> None:
        lab = seeing_all(quiet)
        stage = in_levels(lab.stage(1000), np.zeros((3, 3)), 0, 1, 0)
        photons = self.taken(lab, stage, 1, "doppler beam", *parts)
        if "repump beam" in parts:
            assert photons > 3000
        else:
            # 1e-3 / 1.2 of the ions decay meanwhile; each of those shines for 15 photons.
            assert photons < 0.2
            assert stage.ensemble.other[:, 0, METASTABLE_D3].min() > 0.99

    def test_dark_ions_are_told_apart(self, quiet: Any) -> None:
        """Half in D3/2, half in D5/2: 854 nm light makes the latter shine, and no others."""
        lab, shots = seeing_all(quiet), 2000
        stage = in_levels(lab.stage(shots), np.diag([0, 0.5, 0]), 0, 0.5, 0)
        counts = expose(lab, stage, "doppler beam", "quench beam", duration=100 * US)
        shone = (counts > 0).mean()
        # Of those that come out in S1/2 a sixteenth falls into D3/2 without any 397 nm photon.
        assert shone == pytest.approx(0.5 * 0.936, abs=6 * 0.5 / shots**0.5)
        assert stage.ensemble.in_d52(np.arange(shots)).max() == 0

    @pytest.mark.parametrize("quench", [False, True])
    def test_ions_that_leave_d52_come_out_with_the_right_spin(self, quiet: Any, quench: bool) -> None:
        """From m = -5/2 to S1/2(-1/2), which the pumping beam hardly touches; from 5/2 to the other."""
        lab, shots = seeing_all(quiet), 300
        parts = ("pumping beam", "repump beam", *(["quench beam"] if quench else []))
        duration = 10 * US if quench else 10_000_000 * US  # nearly nine lifetimes
        found = []
        for column in (3, 8):
            stage = in_levels(lab.stage(shots), np.zeros((3, 3)), 0, 0, 0)
            stage.ensemble.put_mixture(np.arange(shots), 0, np.tile(np.eye(9)[column], (shots, 1)))
            every, levels = np.arange(shots), np.full((shots, 1), SHELVED)
            solved = solve(read_light(lab.properties, light(lab, *parts)))
            _wake(stage, every, levels, solved, duration * 1e-12)
            found.append(float((levels == 0).mean()))
        assert found[0] > 0.93
        assert found[1] < 0.07

    def test_ions_that_decay_in_light_are_pumped_by_it(self, quiet: Any) -> None:
        """A second of cooling light without 866 nm: whoever decays is in D3/2 microseconds later."""
        stage = in_levels(quiet.stage(10), np.diag([0, 1.0, 0]), 0, 0, 0)
        every = np.arange(10)
        illuminate(stage, every, Stretch(0, 1_000_000 * US, light(quiet, "doppler beam"), None))
        assert stage.ensemble.other[:, 0, METASTABLE_D3] == pytest.approx(1 - np.exp(-1 / 1.17), abs=1e-3)
        stage.ensemble.evolve(every, slice(None), 1_000_000 * US)
        assert stage.ensemble.in_ground(every).max() < 1e-3


def test_repumping_light_disturbs_no_qubit_before_a_camera(quiet: Any) -> None:
    plus = np.zeros((3, 3))
    plus[np.ix_([S, D3], [S, D3])] = 0.5
    stage = in_levels(quiet.stage(100), plus, 0, 0, 0)
    expose(quiet, stage, "repump beam")
    assert np.abs(stage.ensemble.coherent[:, 0, S, D3]).min() > 0.49


def test_light_of_one_ion_falls_on_its_neighbours_region(quiet: Any) -> None:
    stage = quiet.but(camera_spread=10e-6).stage(500, ions=2)
    stage.ensemble.start(np.zeros(500, dtype=np.int64))
    stage.ensemble.coherent[:, 1] = np.diag([0, 1.0, 0])
    bright, dark = expose(quiet, stage, "doppler beam", "repump beam").mean(axis=0)
    # The ions are 13 um apart; 1.5 counts are background.
    assert bright > dark + 1
    assert dark > 2.5


def test_an_empty_trap_shows_the_background(quiet: Any) -> None:
    stage = quiet.stage(2000, ions=3)
    every = np.arange(2000)
    watch_empty_trap(stage, every, Stretch(0, EXPOSURE, light(quiet, "doppler beam"), 0))
    watch_empty_trap(stage, every, Stretch(EXPOSURE, 2 * EXPOSURE, light(quiet, "doppler beam"), None))
    assert stage.recorder.counts["nothing"].mean() == pytest.approx(1.5, abs=6 * (1.5 / 6000) ** 0.5)


def counted(
    lab: Any,
    stage: Stage,
    *parts: str,
    stretch: tuple[int, int] = (0, EXPOSURE),
    gate: tuple[int, int] = (0, EXPOSURE),
) -> np.ndarray:
    """Return the times (ps) and shots of the photomultiplier's clicks, without the background."""
    every = np.arange(len(stage.ensemble.clock_ps))
    window = Window("pmt", 0, *gate)
    illuminate(stage, every, Stretch(*stretch, light(lab, *parts), None), (window,))
    tags = np.concatenate([np.empty(0, stage.recorder._tags[0].dtype), *stage.recorder._tags])
    return np.array([tags["t_ps"], tags["shot"]])


class TestPhotomultiplier:
    """Clicks of one gate that sees all ions."""

    def bright(self, lab: Any, shots: int, ions: int = 1, dark: int = 0) -> Stage:
        stage = lab.stage(shots, ions=ions, block=None)
        in_levels(stage, np.diag([1.0, 0, 0]), 0, 0, 0)
        stage.ensemble.coherent[:, :dark] = np.diag([0, 1.0, 0])
        return stage

    @pytest.mark.parametrize("dark", [0, 1, 3])
    def test_it_counts_the_ions_that_shine(self, quiet: Any, dark: int) -> None:
        shots = 1500
        found = counted(quiet, self.bright(quiet, shots, 3, dark), "doppler beam", "repump beam")
        mean = (3 - dark) * 14e3 * 1.5e-3
        # 2 % for an efficiency of two digits, 0.1 % of the dark ions decay; six sigma.
        assert found.shape[1] / shots == pytest.approx(
            mean, abs=0.02 * mean + 0.05 + 6 * (mean / shots) ** 0.5
        )

    def test_counts_of_bright_ions_are_poissonian(self, quiet: Any) -> None:
        """Chi-square over 5 to 40 counts a shot against the Poisson law of the sample's mean, at 1e-4."""
        shots = 4000
        found = counted(quiet, self.bright(quiet, shots), "doppler beam", "repump beam")
        counts = np.bincount(found[1], minlength=shots)
        edges = np.arange(12, 33)
        seen = np.histogram(counts, bins=[-1, *edges, 1000])[0]
        law = np.diff(np.concatenate([[0.0], poisson.cdf(edges - 1, counts.mean()), [1.0]]))
        statistic = ((seen - shots * law) ** 2 / (shots * law)).sum()
        assert statistic < chi2.isf(1e-4, len(law) - 2)

    def test_only_what_falls_into_the_gate_counts(self, quiet: Any) -> None:
        shots, gate = 800, (400 * US, 900 * US)
        found = counted(quiet, self.bright(quiet, shots), "doppler beam", "repump beam", gate=gate)
        assert found[0].min() >= gate[0]
        assert found[0].max() <= gate[1]
        assert found.shape[1] / shots == pytest.approx(7, abs=0.14 + 6 * (7 / shots) ** 0.5)
        # Uniform in the gate: mean within six sigma.
        spread = 500 * US / 12**0.5 / found.shape[1] ** 0.5
        assert found[0].mean() == pytest.approx(650 * US, abs=6 * spread)

    def test_without_repumper_light_fades_in_microseconds(self, quiet: Any) -> None:
        """Fifteen photons an ion: seen often enough with all of them detected, in the order of their rate."""
        lab = quiet.but(pmt_efficiency=1.0)
        found = counted(lab, self.bright(lab, 2000), "doppler beam")
        assert found.shape[1] / 2000 == pytest.approx(0.936 / 0.064, rel=0.02)
        assert np.percentile(found[0], 95) < 30 * US

    def test_an_ion_that_decays_shines_from_then_on(self, quiet: Any) -> None:
        lab, long = quiet, 200_000 * US
        stage = self.bright(lab, 300, 1, dark=1)
        found = counted(lab, stage, "doppler beam", "repump beam", stretch=(0, long), gate=(0, long))
        first = [found[0][found[1] == shot].min() for shot in np.unique(found[1])]
        # 15.7 % decay in 200 ms, at any time; six sigma.
        assert len(first) == pytest.approx(300 * (1 - np.exp(-0.2 / 1.17)), abs=6 * (300 * 0.13) ** 0.5)
        assert np.mean(first) > 40_000 * US

    def test_camera_and_photomultiplier_see_the_same_ions(self, quiet: Any) -> None:
        stage = quiet.stage(500)
        plus = np.zeros((3, 3))
        plus[np.ix_([S, D3], [S, D3])] = 0.5
        in_levels(stage, plus, 0, 0, 0)
        every = np.arange(500)
        window = Window("pmt", 0, 0, EXPOSURE)
        tones = light(quiet, "doppler beam", "repump beam")
        before = stage.recorder.counts["nothing"].copy()
        illuminate(stage, every, Stretch(0, EXPOSURE, tones, 0), (window,))
        clicks = np.bincount(np.concatenate([tags["shot"] for tags in stage.recorder._tags]), minlength=500)
        # The readout of the test holds both: the camera's counts are what clicks do not explain.
        camera = (stage.recorder.counts["nothing"] - before)[:, 0] - clicks
        assert ((camera >= 8) == (clicks >= 8)).mean() > 0.99
        assert 0.3 < (clicks >= 8).mean() < 0.7

    def test_the_background_counts_in_every_gate(self, quiet: Any) -> None:
        stage, shots = quiet.stage(3000), np.arange(3000)
        count_background(stage, shots, (Window("pmt", 0, 0, EXPOSURE),))
        clicks = sum(len(tags) for tags in stage.recorder._tags)
        assert clicks / 3000 == pytest.approx(1.5, abs=6 * (1.5 / 3000) ** 0.5)


def test_a_drifting_laser_changes_the_light(quiet: Any) -> None:
    """Light that has drifted has another rate; what it does is worked out once."""
    rates = []
    for drift in (0.0, 5e6):
        stage = in_levels(quiet.stage(300), np.diag([1.0, 0, 0]), 0, 0, 0)
        stage.weather = replace(stage.weather, cooling=np.full(300, drift))
        rates.append(expose(quiet, stage, "doppler beam", "repump beam").mean())
        assert len(stage.tables.lights) == 1
        expose(quiet, stage, "doppler beam", "repump beam", start=EXPOSURE)
        assert len(stage.tables.lights) == 1
    assert abs(rates[1] - rates[0]) > 2


class TestWithASetupThatHasOne:
    """A counter channel "pmt", from a program to its counts."""

    def lab(self, innsbruck: Any) -> Any:
        target = innsbruck.node.target
        counter = Channel("pmt", Kind.COUNTER, 27, 1e-9)
        node = replace(innsbruck.node, target=replace(target, channels=(*target.channels, counter)))
        wiring = replace(innsbruck.wiring, channels={**innsbruck.wiring.channels, "pmt": 27})
        return replace(innsbruck.but(initial_dark=0.0), node=node, wiring=wiring)

    def test_published_rates_come_out(self, innsbruck: Any) -> None:
        """15 kcps with an ion and 1 kcps without its light, threshold 11 in 2 ms: Schupp 2021, sec. 5.3."""
        lab = self.lab(innsbruck)
        node, pmt = lab.node, Detector.of(lab.node.target, "pmt")
        look = serial(doppler_cool(node, 1e-3), count_fluorescence(node, pmt, 2e-3))
        counts = lab.play(look, 1000).counts["fluorescence"][:, 0]
        assert counts.mean() == pytest.approx(30, rel=0.03)
        assert (counts >= 11).mean() > 0.999
        empty = serial(doppler_cool(node, 1e-3), pmt.gate(2e-3, Readout("fluorescence")))
        background = lab.play(empty, 1000).counts["fluorescence"][:, 0]
        assert background.mean() == pytest.approx(2, abs=6 * (2 / 1000) ** 0.5)
        assert (background < 11).all()

    def test_it_counts_beside_photon_pulses(self, innsbruck: Any) -> None:
        lab = self.lab(innsbruck)
        pmt = Detector.of(lab.node.target, "pmt")
        both = parallel(generate_photon(lab.node, 50e-6, 60e-6), pmt.gate(60e-6, Readout("fluorescence")))
        counts = lab.play(serial(optical_pump(lab.node, 20e-6), both), 500).counts["fluorescence"]
        assert counts.mean() == pytest.approx(0.06, abs=0.07)

    def test_a_program_can_decide_by_it(self, innsbruck: Any) -> None:
        lab = self.lab(innsbruck)
        pmt = Detector.of(lab.node.target, "pmt")
        marked = lab.node.camera.expose(1e-6, Readout("marked"))
        block = serial(
            count_fluorescence(lab.node, pmt, 2e-3),
            branch(herald(readout("fluorescence"), at_least=11), marked, delay(1e-6)),
        )
        record = lab.but(initial_dark=0.5, dark_rate=1e8).play(block, 400)
        bright = record.counts["fluorescence"][:, 0] >= 11
        assert ((record.counts["marked"][:, 0] > 0) == bright).all()
        assert 0.3 < bright.mean() < 0.7
