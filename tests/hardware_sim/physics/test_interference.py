"""Photons in time, on a beam splitter, and the ions that they leave entangled."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hardware_sim.physics.cavity import Cavity
from hardware_sim.physics.elimination import Drive, RamanModel, stark_shift
from hardware_sim.physics.entanglement import (
    PSI_MINUS,
    PSI_PLUS,
    Herald,
    concurrence,
    herald,
    swapped_fidelity,
)
from hardware_sim.physics.errors import ModelError
from hardware_sim.physics.interference import Detection, coincidences, distinguishable, histogram, visibility
from hardware_sim.physics.packets import Packet, gaussian_packet, make_packet
from hardware_sim.physics.raman import emit

TIMES = np.linspace(0, 12e-6, 121)
WIDTH = 1.2e-6


def photon(carrier: float = 0.0, centre: float = 6e-6) -> Packet:
    return gaussian_packet(TIMES, centre, WIDTH, carrier)


def polarised(packet: Packet, angle: float) -> Packet:
    direction = np.array([math.cos(angle), math.sin(angle)])
    return Packet(packet.times, packet.density * np.outer(direction, direction))


def mixed(*packets: Packet) -> Packet:
    return Packet(TIMES, np.asarray(sum(packet.density for packet in packets) / len(packets)))


def entangled(packet: Packet, theta: float = 0.0, weight: float = 1.0) -> Packet:
    """(|5V> + e^{i theta} |3H>) / sqrt 2 in one packet, its coherence weakened by a weight."""
    bell = np.zeros((4, 4), dtype=complex)
    bell[0, 0] = bell[3, 3] = 0.5
    bell[3, 0] = 0.5 * weight * np.exp(1j * theta)
    bell[0, 3] = bell[3, 0].conj()
    return Packet(packet.times, packet.density * bell)


def total(density: np.ndarray) -> float:
    return float(density.sum()) * (TIMES[1] - TIMES[0]) ** 2


def test_equal_pure_photons_never_part() -> None:
    assert total(coincidences(photon(), photon())) == pytest.approx(0, abs=1e-14)
    assert visibility(photon(), photon()) == pytest.approx(1, abs=1e-12)


def test_photons_that_differ_part_in_half_of_all_cases() -> None:
    crossed = coincidences(polarised(photon(), 0), polarised(photon(), math.pi / 2))
    assert total(crossed) == pytest.approx(0.5, abs=1e-12)
    assert total(distinguishable(photon(), photon())) == pytest.approx(0.5, abs=1e-12)
    late = coincidences(photon(centre=3e-6), photon(centre=9e-6))
    assert total(late) == pytest.approx(0.5, abs=2e-3)


def test_the_dip_of_delayed_photons_is_as_wide_as_they_are() -> None:
    """Hong, Ou and Mandel: 1 - exp(-delay^2 / 4 sigma^2) of a half, for Gaussian packets."""
    for delay in (0.5e-6, 1.5e-6):
        law = (1 - math.exp(-(delay**2) / (4 * WIDTH**2))) / 2
        found = total(coincidences(photon(centre=6e-6 - delay / 2), photon(centre=6e-6 + delay / 2)))
        assert found == pytest.approx(law, abs=1e-4)


@pytest.mark.parametrize("angle", [0.3, 1.0])
def test_overlap_of_polarisations_is_the_visibility(angle: float) -> None:
    assert visibility(polarised(photon(), 0), polarised(photon(), angle)) == pytest.approx(
        math.cos(angle) ** 2
    )


def test_unequal_splitter() -> None:
    assert total(coincidences(photon(), photon(), 0.3)) == pytest.approx(0.4**2)
    assert total(distinguishable(photon(), photon(), 0.3)) == pytest.approx(0.7**2 + 0.3**2)


def test_photons_of_two_colours_beat() -> None:
    """Legero et al.: coincidences go as 1 - cos(2 pi delta tau) within the packet."""
    beat = 0.7e6
    seen = histogram(photon(), photon(beat), Detection())
    envelope = np.exp(-(seen.delays**2) / (4 * WIDTH**2)) / math.sqrt(4 * math.pi * WIDTH**2)
    law = envelope * (1 - np.cos(2 * np.pi * beat * seen.delays)) / 2
    np.testing.assert_allclose(seen.density, law, atol=1e-4 * envelope.max())
    assert seen.density[len(TIMES) - 1] == pytest.approx(0, abs=1e-9)
    assert photon(beat).density[3, 50] == pytest.approx(photon().shifted(beat).density[3, 50])


def test_delays_have_a_sign() -> None:
    """The first output sees the one photon early when the splitter sends each photon its own way."""
    seen = histogram(photon(centre=4e-6), photon(centre=8e-6), Detection(reflectivity=0.0))
    assert seen.total == pytest.approx(1, abs=1e-2)
    assert seen.delays @ seen.density / seen.density.sum() == pytest.approx(-4e-6, rel=0.01)


def test_jitter_washes_the_beat_out_and_loses_nothing() -> None:
    sharp = histogram(photon(), photon(0.7e6), Detection())
    blurred = histogram(photon(), photon(0.7e6), Detection(jitter=0.5e-6))
    assert blurred.total == pytest.approx(sharp.total, rel=1e-6)
    assert blurred.density[len(TIMES) - 1] > 0.3 * sharp.density.max()


def test_dark_counts_and_losses() -> None:
    dark = Detection(efficiency=0.1, dark_rate=1e3)
    length = len(TIMES) * (TIMES[1] - TIMES[0])
    expected = 0.1**2 / 2 + 2 * 0.1 * 1e3 * length + (1e3 * length) ** 2
    assert histogram(photon(), photon(), dark, parallel=False).total == pytest.approx(expected, rel=1e-9)
    assert histogram(photon(), photon(), dark).total == pytest.approx(expected - 0.1**2 / 2, rel=1e-9)


def test_visibility_of_equal_mixtures_is_their_purity() -> None:
    mixture = mixed(photon(centre=4e-6), photon(centre=8e-6), photon(centre=8e-6))
    assert visibility(mixture, mixture) == pytest.approx(mixture.purity)
    assert mixture.purity == pytest.approx(5 / 9, abs=0.03)
    early = visibility(mixture, mixture, window=0.3e-6)
    assert early > 0.97  # clicks that come together hardly tell which packet they come from


CAVITY = Cavity(1.53e6, 70e3, 90e-6, 116e-6, 12.31e-6, 854.209e-9, 85.3 / 360)
MODEL = RamanModel(CAVITY, -403e6, sigma_plus=0.0)


def resonant(duration: float, rabi_v: float, rabi_h: float, beat: float = 0.0) -> Drive:
    shift = -stark_shift(MODEL, Drive(duration, rabi_v, rabi_h))
    return Drive(duration, rabi_v, rabi_h, shift, shift + beat)


@pytest.mark.parametrize(
    "cavity",
    [
        CAVITY,
        Cavity(1.53e6, 70e3, 90e-6, 116e-6, 12.31e-6, 854.209e-9, 85.3 / 360, 13.8e3, 0.1, 10e3),
    ],
    ids=["plain", "birefringent and jittery"],
)
def test_packet_has_the_populations_of_the_emission_model(cavity: Cavity) -> None:
    model = RamanModel(cavity, -403e6, sigma_plus=1.0)
    drives = [resonant(8e-6, 14.2e6, 0.0), resonant(12e-6, 14.2e6, 16.8e6, 3e3)]
    packet = make_packet(model, drives, 0.8, 0.25e-6, 5e-6)
    emission = emit(model, drives, [0.8], 0.25e-6, 5e-6)
    same = np.einsum("ttmn->tmn", packet.density) * packet.step
    np.testing.assert_allclose(same, emission.photon[0], atol=2e-3 * emission.wave_packet.max())
    assert packet.probability == pytest.approx(emission.probability[0], rel=1e-3)


def test_packets_are_states() -> None:
    packet = make_packet(MODEL, [resonant(20e-6, 14.2e6, 16.8e6)], step=0.5e-6)
    bins = len(packet.times)
    matrix = packet.density.transpose(0, 2, 1, 3).reshape(4 * bins, 4 * bins)
    np.testing.assert_allclose(matrix, matrix.conj().T, atol=1e-9)
    assert np.linalg.eigvalsh(matrix).min() > -1e-9 * np.abs(matrix).max()


def test_regression_is_the_sum_over_restarts() -> None:
    """The renewal picture, brute force: pure packets from each time at which the ion starts again."""
    drive = resonant(20e-6, 0.0, 16.8e6)
    step = 0.25e-6
    whole = make_packet(MODEL, [drive], step=step, ring_down=step).without_ion()
    pure = make_packet(MODEL, [drive], step=step, ring_down=step, restarts=False).without_ion()
    bins = len(whole.times)
    # How often the ion starts again at each time: so that the shifted packets add up to the flux of all.
    shifted = np.array([np.concatenate([np.zeros(s), pure.flux[: bins - s]]) for s in range(bins)])
    late = (whole.flux - pure.flux)[:-1]
    starts = np.linalg.lstsq(shifted[1:-1, :-1].T, late, rcond=1e-6)[0]
    total = pure.density.copy()
    for start, weight in enumerate(starts, start=1):
        total[start:, start:] += weight * pure.density[: bins - start, : bins - start]
    inside = slice(0, bins - 1)
    difference = np.abs(total - whole.density)[inside, inside].max()
    assert difference < 5e-3 * np.abs(whole.density).max()
    assert starts[3:].min() > 0  # the first bins hold the rounding of the start to middles of bins


def test_pure_fraction_of_the_published_photons() -> None:
    """Both tones along the field, one ion: 0.41 of 0.92 by an earlier model, 0.38 of 0.73 by the bound.

    The bound 2C / (1 + 2C) of an infinitely slow drive over that with new starts: Schupp 2021, eq. 2.31.
    """
    drive = resonant(50e-6, 14.2e6, 16.8e6)
    whole, pure = (make_packet(MODEL, [drive], step=0.5e-6, restarts=restarts) for restarts in (True, False))
    assert pure.probability / whole.probability == pytest.approx(0.41 / 0.92, abs=0.04)
    single = resonant(150e-6, 8e6, 0.0)
    slow, first = (make_packet(MODEL, [single], step=1e-6, restarts=restarts) for restarts in (True, False))
    cooperativity = 0.485
    bound = 2 * cooperativity / (1 + 2 * cooperativity)
    assert first.probability == pytest.approx(bound, rel=0.06)
    assert first.probability / slow.probability == pytest.approx(0.38 / 0.73, abs=0.08)
    assert first.purity == pytest.approx(1, abs=1e-9)
    assert first.probability**2 < slow.purity < 1


def test_visibility_of_ions_that_start_again() -> None:
    """Photons of equal nodes interfere as far as they are pure; without new starts fully."""
    drive = resonant(50e-6, 0.0, 16.8e6)
    whole = make_packet(MODEL, [drive], step=0.5e-6).without_ion()
    pure = make_packet(MODEL, [drive], step=0.5e-6, restarts=False).without_ion()
    assert visibility(pure, pure) == pytest.approx(1, abs=1e-9)
    assert visibility(whole, whole) == pytest.approx(whole.purity)
    assert 0.3 < whole.purity < 0.9
    assert visibility(whole, whole, window=1e-6) > 0.9


@pytest.mark.parametrize(("same", "target"), [(True, PSI_PLUS), (False, PSI_MINUS)])
def test_two_clicks_herald_a_bell_state(same: bool, target: np.ndarray) -> None:
    pair = entangled(photon())
    found = herald(pair, pair, same, efficiencies=(0.2, 0.1))
    assert found.probability == pytest.approx(0.2 * 0.1 / 4)  # half of the pairs, in either class
    assert found.fidelity(target) == pytest.approx(1)
    assert concurrence(found.state) == pytest.approx(1, abs=1e-6)


def test_phases_of_the_pairs_subtract() -> None:
    found = herald(entangled(photon(), 1.1), entangled(photon(), 0.4), True)
    assert found.best_fidelity() == pytest.approx(1)
    assert np.angle(found.state[2, 1]) == pytest.approx(0.7)


def test_distinguishable_photons_herald_a_mixture() -> None:
    found = herald(entangled(photon(centre=3e-6)), entangled(photon(centre=9e-6)), True)
    assert found.fidelity(PSI_PLUS) == pytest.approx(0.5, abs=3e-3)


def test_fidelity_is_half_of_one_and_the_visibility() -> None:
    mixture = mixed(photon(centre=4e-6), photon(centre=8e-6))
    pair = entangled(mixture)
    for window in (np.inf, 2e-6):
        found = herald(pair, pair, True, window=window)
        assert found.fidelity(PSI_PLUS) == pytest.approx(
            (1 + visibility(mixture, mixture, window=window)) / 2
        )


def test_different_colours_cost_unless_clicks_come_together() -> None:
    one, other = entangled(photon()), entangled(photon(0.3e6))
    wide, narrow = herald(one, other, True), herald(one, other, True, window=0.15e-6)
    assert wide.best_fidelity() < 0.75
    assert narrow.best_fidelity() > 0.98


def test_swapping_of_dephased_and_of_werner_pairs() -> None:
    """Coherences multiply; with white noise the closed form of two Werner pairs comes out."""
    found = herald(entangled(photon(), weight=0.9), entangled(photon(), weight=0.8), False)
    assert found.fidelity(PSI_MINUS) == pytest.approx((1 + 0.72) / 2)
    fidelities = (0.92, 0.85)
    pairs = []
    for fidelity in fidelities:
        noise = np.eye(4) / 4
        bell = np.zeros((4, 4))
        bell[np.ix_([0, 3], [0, 3])] = 0.5
        weight = (4 * fidelity - 1) / 3
        pairs.append(Packet(TIMES, photon().density * (weight * bell + (1 - weight) * noise)))
    found = herald(*pairs, True)
    assert found.fidelity(PSI_PLUS) == pytest.approx(swapped_fidelity(*fidelities))


def test_dark_counts_fill_the_heralds_with_noise() -> None:
    pair = entangled(photon())
    length = len(TIMES) * (TIMES[1] - TIMES[0])
    clean, noisy = (herald(pair, pair, True, (0.01, 0.01), rate) for rate in (0.0, 50.0))
    accidental = 2 * 0.01 * 50.0 * length + 2 * (50.0 * length) ** 2
    assert noisy.probability - clean.probability == pytest.approx(accidental, rel=1e-6)
    share = accidental / noisy.probability
    assert noisy.fidelity(PSI_PLUS) == pytest.approx((1 - share) + share / 4, abs=1e-6)


def test_real_photons_of_two_nodes() -> None:
    """Fidelity with photons that start again: bounded by their purity, better for clicks close together."""
    packet = make_packet(MODEL, [resonant(50e-6, 14.2e6, 16.8e6)], step=1e-6)
    all_pairs = herald(packet, packet, False)
    close = herald(packet, packet, False, window=2e-6)
    assert 0.55 < all_pairs.best_fidelity() < 0.9
    assert close.best_fidelity() > all_pairs.best_fidelity() + 0.1
    assert close.probability < all_pairs.probability < packet.probability**2 / 4


def test_concurrence_of_known_states() -> None:
    assert concurrence(np.eye(4, dtype=complex) / 4) == 0
    product = np.zeros((4, 4), dtype=complex)
    product[0, 0] = 1
    assert concurrence(product) == pytest.approx(0, abs=1e-9)
    werner = 0.7 * np.outer(PSI_MINUS, PSI_MINUS) + 0.3 * np.eye(4) / 4
    assert concurrence(werner.astype(complex)) == pytest.approx(0.7 * 1.5 - 0.5)
    assert Herald(1.0, werner.astype(complex)).best_fidelity() == pytest.approx(0.7 + 0.3 / 4)


def test_losses_and_rotations_of_a_photon() -> None:
    pair = entangled(photon())
    lossy = pair.turned(np.sqrt(0.3) * np.eye(4, dtype=complex))
    assert lossy.probability == pytest.approx(0.3)
    assert lossy.purity == pytest.approx(1)
    np.testing.assert_allclose(pair.without_ion().purity, 0.5)


def test_packets_that_do_not_match_are_refused() -> None:
    with pytest.raises(ModelError) as caught:
        coincidences(photon(), polarised(photon(), 0.0))
    assert str(caught.value) == (
        "number of times and modes of the second packet is 242, but must be 121, at the same times as the "
        "first: make both packets with the same step and length, and trace the ion out of both"
    )


def test_heralds_that_never_come_are_refused() -> None:
    only_v = entangled(photon()).turned(np.diag([1.0, 0, 1, 0]).astype(complex))
    with pytest.raises(ModelError, match="probability of a herald is 0, but must be above 0: let both nodes"):
        herald(only_v, only_v, True)


def test_impossible_splitters_and_steps_are_refused() -> None:
    with pytest.raises(ModelError, match=r"reflectivity is 1\.2, but must be from 0 to 1"):
        Detection(reflectivity=1.2)
    with pytest.raises(ModelError, match="time step is 0 s, but must be above 0 s"):
        make_packet(MODEL, [], step=0.0)
    with pytest.raises(ModelError, match="duration of drive 0 is 1e-05 s, but must be a multiple of 3e-07 s"):
        make_packet(MODEL, [resonant(10e-6, 1e6, 0.0)], step=0.3e-6)
