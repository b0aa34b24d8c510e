"""Dynamical decoupling: pulses where they belong, drifts cancelled, states kept in spite of wrong pulses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sequences import Parameter, compile_sequence, sequence, serial, us
from sequences.errors import DeclaredValueError
from sequences.library import Decoupling, Node, decouple, rotate
from sequences.library.decoupling import pulse_times


def drift_left(middles: np.ndarray[Any, Any], power: int) -> float:
    """The phase that a drift t^power leaves in a wait of 1, as a part of what it leaves without pulses."""
    bounds = np.concatenate([[0.0], middles, [1.0]])
    signs = (-1.0) ** np.arange(len(bounds) - 1)
    return float((signs * np.diff(bounds ** (power + 1))).sum())


@pytest.mark.parametrize("pulses", [1, 2, 5, 8])
@pytest.mark.parametrize("scheme", [Decoupling.CPMG, Decoupling.UDD])
def test_pulses_are_played_where_they_belong(node: Node, play: Any, scheme: Decoupling, pulses: int) -> None:
    wait = 1000 * us
    played = play(decouple(node, scheme, pulses, wait))
    lead = node.target.lead - node.target.by_name["qubit"].latency
    middles = np.array([pulse.middle - lead for pulse in played]) / wait
    assert middles == pytest.approx(pulse_times(scheme, pulses), abs=4.1e-9 / wait)


@pytest.mark.parametrize("pulses", [1, 3, 6])
def test_uhrig_pulses_cancel_as_many_orders_as_they_are(node: Node, pulses: int) -> None:
    middles = np.array(pulse_times(Decoupling.UDD, pulses))
    for power in range(pulses):
        assert abs(drift_left(middles, power)) < 1e-12
    assert abs(drift_left(middles, pulses)) > 1e-5


def test_even_pulses_leave_the_first_order_of_a_drift_to_even_counts() -> None:
    assert abs(drift_left(np.array(pulse_times(Decoupling.CPMG, 4)), 1)) < 1e-12
    assert abs(drift_left(np.array(pulse_times(Decoupling.CPMG, 4)), 2)) > 1e-3


def test_the_block_lasts_as_long_as_the_wait(node: Node) -> None:
    block = decouple(node, Decoupling.UDD, 7, 1000 * us)
    (timeline,) = compile_sequence(sequence("test", block), node.target).timelines()
    assert timeline.duration == 1_000_000


@pytest.mark.parametrize("scheme", [Decoupling.XY4, Decoupling.XY8])
@pytest.mark.parametrize("off", [-900.0, 0.0, 700.0])
def test_every_state_is_kept_where_the_qubit_is_off(
    node: Node, unitary: Any, unlike: Any, scheme: Decoupling, off: float
) -> None:
    """Seen in the frame of the light, which the qubit leaves by its detuning over the whole wait."""
    wait = 2000 * us
    frame = np.diag(np.exp(1j * np.pi * off * wait * np.array([1, -1])))
    kept = frame @ unitary(decouple(node, scheme, 8, wait), off=off)
    assert unlike(kept, np.eye(2)) < 0.005


def test_wrong_pulses_spoil_one_axis_less_the_better_the_scheme(
    node: Node, unitary: Any, unlike: Any
) -> None:
    """Light that is 4 % too strong: pulses about one axis add up, those about two cancel."""
    lost = [
        unlike(unitary(decouple(node, scheme, 16, 960 * us), strength=1.04), np.eye(2))
        for scheme in (Decoupling.CPMG, Decoupling.XY4, Decoupling.XY8)
    ]
    assert lost[0] > 0.5
    assert lost[1] < 0.02
    assert lost[2] < lost[1] / 10


def test_carr_purcell_pulses_keep_the_state_along_their_axis(node: Node, excited: Any) -> None:
    kept = serial(rotate(node, 0.25), decouple(node, Decoupling.CPMG, 16, 960 * us), rotate(node, 0.25, 0.5))
    lost = serial(
        rotate(node, 0.25), decouple(node, Decoupling.CPMG, 16, 960 * us, phase=0.25), rotate(node, 0.25, 0.5)
    )
    assert excited(kept, strength=1.04) < 0.02
    assert excited(lost, strength=1.04) > 0.5


def test_a_scanned_wait_moves_the_pulses(node: Node) -> None:
    wait = Parameter("wait", unit="s")
    body = sequence("scan", decouple(node, Decoupling.CPMG, 2, wait))
    for value in (200 * us, 320 * us):
        bound = compile_sequence(body, node.target, {"wait": value})
        assert bound == compile_sequence(
            sequence("scan", decouple(node, Decoupling.CPMG, 2, value)), node.target
        )


@pytest.mark.parametrize(
    ("scheme", "pulses", "text"),
    [
        (Decoupling.XY8, 12, "pulses: 12 is wrong: xy8 needs whole cycles of 8 pulses"),
        (Decoupling.CPMG, 0, "pulses: 0 is wrong: cpmg needs at least one pulse"),
    ],
)
def test_broken_cycles_are_refused(node: Node, scheme: Decoupling, pulses: int, text: str) -> None:
    with pytest.raises(DeclaredValueError) as caught:
        decouple(node, scheme, pulses, 960 * us)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("scheme", "needed", "text"),
    [(Decoupling.CPMG, 40 * us, "40 us"), (Decoupling.UDD, 52.376 * us, "52.36 us")],
)
def test_a_wait_that_is_too_short_for_its_pulses_is_refused(
    node: Node, scheme: Decoupling, needed: float, text: str
) -> None:
    compile_sequence(sequence("test", decouple(node, scheme, 4, needed)), node.target)
    with pytest.raises(DeclaredValueError) as caught:
        decouple(node, scheme, 4, 36 * us)
    assert str(caught.value) == f"wait: 36 us is too short: 4 half turns of 10 us need {text}"
