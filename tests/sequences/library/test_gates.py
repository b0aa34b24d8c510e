"""The Molmer-Sorensen gate: two ions and their mode, integrated from the compiled events."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import pytest

from sequences import Channel, Kind, Target, Tone, compile_sequence, sequence, us
from sequences.errors import DeclaredValueError, LimitError
from sequences.library import Bichromat, lamb_dicke, molmer_sorensen
from sequences.timeline import Operation

MODE = 0.9e6  # Hz, both ions together
ETA = lamb_dicke(MODE, cosine=0.7071, participation=2**-0.5)
RABI = 80e3  # Hz
CARRIER = 80e6  # Hz
PHONONS = 12  # levels of the mode

LAB = Target(
    "gate",
    1e-9,
    (Channel("red", Kind.DDS, 0, 4e-9, update=400e-9), Channel("blue", Kind.DDS, 1, 4e-9, update=400e-9)),
)
BEAM = Bichromat(Tone.of(LAB, "red"), Tone.of(LAB, "blue"), CARRIER, RABI)

RAISE = np.array([[0, 0], [1, 0]])  # |D><S| in the basis (S, D)
LOWER_MODE = np.diag(np.sqrt(np.arange(1, PHONONS)), 1)


def kron(*factors: Any) -> Any:
    return reduce(np.kron, factors)


RAISE_BOTH = kron(RAISE, np.eye(2), np.eye(PHONONS)) + kron(np.eye(2), RAISE, np.eye(PHONONS))
ANNIHILATE = kron(np.eye(4), LOWER_MODE)


def tone_of(block: Any, channel: int) -> tuple[float, float, Any, Any]:
    """Frequency, phase, and times (s) with the amplitudes from there on, of one channel."""
    (timeline,) = compile_sequence(sequence("gate", block), LAB).timelines()
    mine = timeline.channel == channel
    operation, value, time = timeline.operation[mine], timeline.value[mine], timeline.time[mine] * LAB.period
    (frequency,), (phase,) = value[operation == Operation.FREQUENCY], value[operation == Operation.PHASE]
    changes = operation == Operation.AMPLITUDE
    return frequency, phase, time[changes], value[changes]


def played(block: Any, start: int = 0, step: float = 0.4e-6) -> Any:
    """The state that |SS> and `start` phonons become: to first order in eta, near the sidebands.

    H = sum over tones and ions of R/2 |D><S| i eta (a e^{-i w t} + a+ e^{i w t}) e^{-i (D t + phi)} + h.c.
    """
    tones = [tone_of(block, channel) for channel in (0, 1)]
    end = max(times[-1] for _, _, times, _ in tones)
    state = np.zeros(4 * PHONONS, dtype=complex)
    state[start] = 1

    def hamiltonian(time: float) -> Any:
        total = np.zeros((4 * PHONONS, 4 * PHONONS), dtype=complex)
        for frequency, phase, times, amplitudes in tones:
            amplitude = amplitudes[np.searchsorted(times, time, side="right") - 1]
            offset = frequency - CARRIER
            # Of the two parts of the motion, the one on whose sideband the tone is.
            beat = abs(offset) - MODE
            motion = ANNIHILATE if offset < 0 else ANNIHILATE.conj().T
            turn = np.exp(2j * np.pi * (beat * time * (1 if offset < 0 else -1) - phase))
            coupling = np.pi * RABI * amplitude * 1j * ETA * turn
            total += coupling * RAISE_BOTH @ motion
        return total + total.conj().T

    for number in range(round(end / step)):
        values, vectors = np.linalg.eigh(hamiltonian((number + 0.5) * step))
        state = vectors @ (np.exp(-1j * values * step) * (vectors.conj().T @ state))
    return state.reshape(4, PHONONS)


def bell(state: Any, sign: complex = 1j) -> float:
    """Fidelity with (|SS> + sign |DD>)/sqrt 2, whatever the motion is."""
    amplitude = (state[0] + np.conj(sign) * state[3]) / np.sqrt(2)
    return float((np.abs(amplitude) ** 2).sum())


@pytest.mark.parametrize(("loops", "rise"), [(1, 0.0), (2, 0.0), (1, 20 * us)])
def test_two_ions_end_entangled_and_their_motion_where_it_was(loops: int, rise: float) -> None:
    state = played(molmer_sorensen(BEAM, MODE, ETA, 200 * us, loops=loops, rise=rise))
    assert bell(state) > 0.9995
    assert (np.abs(state[:, 0]) ** 2).sum() > 0.9995


def test_the_gate_does_not_ask_how_warm_the_mode_is() -> None:
    state = played(molmer_sorensen(BEAM, MODE, ETA, 200 * us), start=2)
    assert bell(state) > 0.999
    assert (np.abs(state[:, 2]) ** 2).sum() > 0.999


def test_a_loop_that_is_not_closed_entangles_with_the_motion() -> None:
    state = played(molmer_sorensen(BEAM, MODE + 1e3, ETA, 200 * us))
    assert bell(state) < 0.97
    assert (np.abs(state[:, 0]) ** 2).sum() < 0.99


def test_the_phase_of_the_light_turns_the_axis() -> None:
    plain = played(molmer_sorensen(BEAM, MODE, ETA, 200 * us))
    turned = played(molmer_sorensen(BEAM, MODE, ETA, 200 * us, phase=0.125))
    sign = plain[3, 0] / plain[0, 0]
    assert turned[3, 0] / turned[0, 0] == pytest.approx(sign * np.exp(-4j * np.pi * 0.125), abs=2e-3)


@pytest.mark.parametrize("loops", [1, 2])
def test_states_that_move_and_states_that_do_not_part_by_a_quarter_turn(loops: int) -> None:
    """The displaced oscillator: ions of one spin along the axis push by twice what each of them does."""
    _, _, times, amplitudes = tone_of(
        molmer_sorensen(BEAM, MODE, ETA, 200 * us, loops=loops, rise=10 * us), 1
    )
    detuning = loops / (190 * us)
    fine = np.linspace(0, 200 * us, 200_001)
    middle = (fine[1:] + fine[:-1]) / 2
    push = 2 * np.pi * RABI * ETA * amplitudes[np.searchsorted(times, middle, side="right") - 1]
    speed = -1j * push * np.exp(2j * np.pi * detuning * middle)
    place = np.cumsum(speed) * np.diff(fine)
    area = (np.conj(place - speed * np.diff(fine) / 2) * speed * np.diff(fine)).imag.sum()
    assert abs(place[-1]) < 2e-3 * np.abs(place).max()
    assert abs(area) == pytest.approx(np.pi / 2, rel=1e-3)


def test_sudden_edges_need_the_published_light() -> None:
    """Eta Omega = d / (2 sqrt K)."""
    for loops in (1, 4):
        _, _, _, amplitudes = tone_of(molmer_sorensen(BEAM, MODE, ETA, 400 * us, loops=loops), 0)
        detuning = loops / (400 * us)
        assert amplitudes[0] * RABI * ETA == pytest.approx(detuning / (2 * loops**0.5), rel=1e-6)


def test_a_gate_that_needs_more_light_than_there_is_is_refused() -> None:
    with pytest.raises(LimitError, match=r"amplitude 1\.22\d+ on channel 'red' is outside its limits"):
        molmer_sorensen(BEAM, MODE, ETA, 100 * us)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"loops": 0}, "loops: 0 is wrong: a gate closes at least one"),
        (
            {"rise": 120 * us},
            "rise: 120 us is wrong: an edge lasts 0 s or more, and at most half of the pulse, 100 us",
        ),
        ({"lamb_dicke": 0.0}, "lamb_dicke: 0 is wrong: the light does not see this mode"),
    ],
)
def test_gates_that_cannot_be_are_refused(wrong: dict[str, Any], text: str) -> None:
    with pytest.raises(DeclaredValueError) as caught:
        molmer_sorensen(BEAM, MODE, **({"lamb_dicke": ETA, "duration": 200 * us} | wrong))
    assert str(caught.value) == text


def test_a_light_shift_by_other_lines_is_made_up_for_by_unequal_tones() -> None:
    """Tones of (1 -+ x) Omega shift the line by -2 x Omega^2 / offset: as light_shift (Omega / R)^2 asks."""
    beam = Bichromat(BEAM.red, BEAM.blue, CARRIER, RABI, light_shift=900.0)
    even, odd = (
        [tone_of(molmer_sorensen(each, MODE, ETA, 200 * us), channel) for channel in (0, 1)]
        for each in (BEAM, beam)
    )
    red, blue = (tone[3].max() * RABI for tone in odd)
    omega, offset = (red + blue) / 2, odd[1][0] - CARRIER
    assert omega == pytest.approx(even[0][3].max() * RABI)
    by_tones = -(blue**2 - red**2) / (2 * offset)
    assert by_tones == pytest.approx(-900.0 * (omega / RABI) ** 2, rel=1e-6)
