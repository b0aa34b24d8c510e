"""The library's blocks play what their names say, from calibrated values."""

from __future__ import annotations

import pytest

from sequences import (
    Branch,
    Kind,
    Play,
    Target,
    branch,
    compile_sequence,
    delay,
    herald,
    readout,
    sequence,
    serial,
)
from sequences.errors import ChannelKindError, UnknownChannelError
from sequences.ir import Block
from sequences.library import (
    Node,
    count_fluorescence,
    decision_time,
    doppler_cool,
    generate_photon,
    hold,
    map_to_ground,
    optical_pump,
    plan_transport,
    quench,
    read_ions,
    rotate,
    shuttle,
)
from sequences.timeline import Operation


def played(node: Node, block: Block) -> dict[str, list[tuple[str, float]]]:
    """Channel name -> (operation, value) in order of time."""
    program = compile_sequence(sequence("test", block), node.target)
    events: dict[str, list[tuple[str, float]]] = {}
    for timeline in program.timelines():
        for number, operation, value in zip(
            timeline.channel, timeline.operation, timeline.value, strict=True
        ):
            name = node.target.by_number[int(number)].name
            events.setdefault(name, []).append((Operation(operation).name, float(value)))
    return events


def test_cooling_uses_three_beams(node: Node) -> None:
    events = played(node, doppler_cool(node, 1e-3))
    assert set(events) == {"doppler", "repump", "quench"}
    assert ("FREQUENCY", node.calibration.doppler_frequency) in events["doppler"]
    assert events["quench"][-1] == ("AMPLITUDE", 0.0)


def test_pumping_is_repumped(node: Node) -> None:
    assert set(played(node, optical_pump(node, 20e-6))) == {"pumping", "repump"}


def test_photon_pulse_is_bichromatic_and_gated(node: Node) -> None:
    events = played(node, generate_photon(node, 50e-6, 55e-6, 3))
    assert set(events) == {"raman_v", "raman_h", "detector_h", "detector_v"}
    frequencies = [dict(events[name])["FREQUENCY"] for name in ("raman_h", "raman_v")]
    assert frequencies[0] - frequencies[1] == pytest.approx(7.1048e6)
    assert [operation for operation, _ in events["detector_h"]] == ["OPEN", "CLOSE"]


def test_a_double_passed_modulator_gets_half_the_phase(node: Node) -> None:
    assert ("PHASE", 0.125) in played(node, rotate(node, 0.25, 0.25))["qubit"]


def test_a_quarter_turn_lasts_half_a_pi_pulse(node: Node) -> None:
    pulse = rotate(node, 0.25)
    assert pulse.duration == pytest.approx(node.calibration.analysis_pi_time / 2)  # type: ignore[union-attr]


def test_mapping_is_a_pi_pulse_on_the_other_line(node: Node) -> None:
    pulse = map_to_ground(node)
    assert pulse.duration == node.calibration.mapping_pi_time  # type: ignore[union-attr]
    assert pulse.frequency == node.calibration.mapping_frequency  # type: ignore[union-attr]


def test_readout_exposes_the_camera_under_light(node: Node) -> None:
    assert set(played(node, read_ions(node, 1.5e-3))) == {"doppler", "repump", "camera"}


def test_counting_opens_a_gate_under_light(node: Node) -> None:
    block = count_fluorescence(node, node.detector_v, 400e-6, "bright")
    assert set(played(node, block)) == {"doppler", "repump", "detector_v"}
    assert [str(readout) for readout in sequence("test", block).readouts] == ["bright[0]"]


def test_counting_can_decide(node: Node) -> None:
    """What is played next is chosen by what was counted."""
    seen = herald(readout("bright"), at_least=5)
    counted = count_fluorescence(node, node.detector_v, 400e-6, "bright")
    body = serial(
        counted, delay(decision_time(node)), branch(seen, optical_pump(node, 20e-6), quench(node, 8e-6))
    )
    first, choice, *_ = compile_sequence(sequence("test", body), node.target).steps
    assert isinstance(first, Play)
    assert isinstance(choice, Branch)
    assert len(choice.then) == len(choice.otherwise) == 1


def test_quenching_empties_d_levels(node: Node) -> None:
    assert set(played(node, quench(node, 8e-6))) == {"quench", "repump"}


def test_shuttling_moves_the_endcaps_against_each_other(node: Node) -> None:
    transport = plan_transport(node.calibration, 10)
    events = played(node, shuttle(node, transport, 0, 1, 50e-6))
    upper = [value for _, value in events["endcap_upper"]]
    lower = [value for _, value in events["endcap_lower"]]
    assert upper[-1] == pytest.approx(transport.upper[1])
    assert lower[-1] == pytest.approx(transport.lower[1])
    assert [a + b for a, b in zip(upper, lower, strict=True)] == pytest.approx(
        [upper[0] + lower[0]] * len(upper)
    )


def test_hold_takes_no_time(node: Node) -> None:
    program = compile_sequence(
        sequence("test", hold(node, plan_transport(node.calibration, 10), 4)), node.target
    )
    assert sum(timeline.duration for timeline in program.timelines()) == 0


def test_a_missing_channel_is_named(node: Node) -> None:
    channels = tuple(channel for channel in node.target.channels if channel.name != "camera")
    with pytest.raises(UnknownChannelError, match=r"the setup has no channel 'camera'"):
        Node.of(Target("lab", 1e-9, channels), node.calibration)


def test_a_channel_of_the_wrong_kind_is_named(node: Node) -> None:
    from dataclasses import replace

    channels = tuple(
        replace(channel, kind=Kind.TTL, limits=()) if channel.name == "qubit" else channel
        for channel in node.target.channels
    )
    with pytest.raises(ChannelKindError, match=r"channel 'qubit' is a ttl channel"):
        Node.of(Target("lab", 1e-9, channels), node.calibration)
