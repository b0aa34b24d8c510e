"""The train of photons from a string."""

from __future__ import annotations

import pytest

from control.experiments.pair_tomography import analyse_ions
from control.experiments.ten_ion_register import TenIonRegister
from sequences import compile_sequence, sequence, serial, us
from sequences.library import Node, doppler_cool, generate_train, hold, optical_pump, plan_transport
from sequences.timeline import Operation


def test_it_is_what_the_ten_ion_register_plays(node: Node) -> None:
    register = TenIonRegister()
    transport = plan_transport(node.calibration, register.ions, register.axial_frequency)
    train = generate_train(
        node,
        transport,
        range(register.ions),
        pulse=register.photon_pulse,
        window=register.photon_window,
        step=register.step,
        settling=register.settling,
    )
    block = serial(
        hold(node, transport, 0),
        doppler_cool(node, register.cooling),
        optical_pump(node, register.pumping),
        train,
        *analyse_ions(node, register.exposure),
    )
    settings = {"analysis_strength": 1.0, "analysis_phase": 0.0}
    played = compile_sequence(sequence("train", block), node.target, settings)
    assert played == compile_sequence(sequence("train", register.sequence(node)), node.target, settings)


def test_ions_are_visited_in_any_order(node: Node) -> None:
    transport = plan_transport(node.calibration, 4)
    train = generate_train(
        node, transport, [2, 0, 3], pulse=50 * us, window=55 * us, step=40 * us, settling=20 * us
    )
    program = compile_sequence(sequence("train", train), node.target)
    (timeline,) = program.timelines()
    opened = timeline.value[timeline.operation == Operation.OPEN].astype(int)
    assert [program.readouts[row].index for row in opened.tolist()] == [2, 2, 0, 0, 3, 3]
    upper = timeline.value[timeline.channel == node.target.by_name["endcap_upper"].number]
    assert upper[39] == pytest.approx(transport.upper[0])
    assert upper[-1] == pytest.approx(transport.upper[3])
    assert [label.name for label in timeline.labels] == ["generate_train", *["generate_photon"] * 3]
