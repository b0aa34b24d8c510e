"""Photons from several ions of a resting string."""

from __future__ import annotations

from dataclasses import replace

import pytest

from control.setup import read_setup
from sequences import compile_sequence, sequence, us
from sequences.errors import DeclaredValueError, UnknownChannelError
from sequences.library import Node, generate_photon, map_to_ground, multiplex_photons
from sequences.timeline import Operation, Timeline

PLACES = [-5e-6, 0.0, 5e-6]


@pytest.fixture(scope="module")
def steered() -> Node:
    setup = read_setup("three_ions")
    return Node.of(setup.target, replace(setup.calibration, photon_delay=494 * us))


def played(node: Node, **changes: object) -> Timeline:
    settings = {"pulse": 50 * us, "window": 50 * us, "switching": 12 * us, **changes}
    block = multiplex_photons(node, PLACES, **settings)  # type: ignore[arg-type]
    (timeline,) = compile_sequence(sequence("three", block), node.target).timelines()
    return timeline


def rows(
    timeline: Timeline, node: Node, channel: str, operation: Operation
) -> tuple[list[float], list[float]]:
    """Return times (us, of the light) and values of one channel's events of one kind."""
    known = node.target.by_name[channel]
    chosen = (timeline.channel == known.number) & (timeline.operation == operation)
    advance = node.target.lead - known.latency
    times = timeline.time[chosen] * node.target.period - advance
    return (times * 1e6).round(2).tolist(), timeline.value[chosen].tolist()


def test_the_beam_points_at_one_ion_after_the_other(steered: Node) -> None:
    times, frequencies = rows(played(steered), steered, "raman_deflector", Operation.FREQUENCY)
    assert times == [0, 62, 124]
    assert frequencies == pytest.approx([79e6, 80e6, 81e6])


def test_light_waits_until_the_beam_has_arrived(steered: Node) -> None:
    times, amplitudes = rows(played(steered), steered, "raman_v", Operation.AMPLITUDE)
    assert times == [12, 62, 74, 124, 136, 186]
    assert [amplitude > 0 for amplitude in amplitudes] == [True, False] * 3


def test_gates_open_when_the_photons_arrive(steered: Node) -> None:
    opened, _ = rows(played(steered), steered, "detector_h", Operation.OPEN)
    assert opened == [506, 568, 630]


def test_the_ions_are_worked_on_while_photons_travel(steered: Node) -> None:
    timeline = played(steered, meanwhile=map_to_ground(steered))
    times, _ = rows(timeline, steered, "qubit", Operation.AMPLITUDE)
    assert times[0] == 186


def test_a_single_photon_is_waited_for_too(steered: Node) -> None:
    block = generate_photon(steered, 50 * us, 60 * us)
    (timeline,) = compile_sequence(sequence("one", block), steered.target).timelines()
    assert rows(timeline, steered, "detector_v", Operation.OPEN)[0] == [494]


def test_a_beam_that_is_fixed_cannot_be_pointed(node: Node) -> None:
    with pytest.raises(UnknownChannelError, match="raman_deflector"):
        played(node)


def test_somebody_has_to_emit(steered: Node) -> None:
    with pytest.raises(DeclaredValueError) as caught:
        multiplex_photons(steered, [], pulse=50 * us, window=50 * us, switching=12 * us)
    assert str(caught.value) == "places: () is wrong: at least one ion emits"
