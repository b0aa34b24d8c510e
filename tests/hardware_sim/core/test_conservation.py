"""Whatever is played, ions are somewhere: states stay states through any sequence of passages."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardware_sim.core.ensemble import S_UP, S
from hardware_sim.core.stage import Stage
from sequences.ir import Block, Readout
from sequences.language import delay, parallel, serial
from sequences.library import Node

US = 1e-6
LIGHT = {
    "doppler": "doppler_frequency",
    "repump": "repump_frequency",
    "quench": "quench_frequency",
    "pumping": "pumping_frequency",
    "raman_v": "raman_v_frequency",
    "raman_h": "raman_h_frequency",
    "qubit": "analysis_frequency",
}
starts, lengths = st.integers(0, 40), st.integers(1, 40)  # us
beams = st.lists(
    st.tuples(st.sampled_from(sorted(LIGHT)), starts, lengths, st.floats(0.01, 1), st.floats(-1e6, 1e6)),
    min_size=1,
    max_size=6,
    unique_by=lambda beam: beam[0],
)
gates = st.tuples(starts, lengths, starts, lengths)
steps = st.lists(st.tuples(beams, gates), min_size=1, max_size=3)


def play_of(node: Node, step: Any, index: int) -> Block:
    """Return beams and gates that begin and end anywhere, over each other."""
    chosen, (h_start, h_length, v_start, v_length) = step
    parts: list[Block] = [
        serial(
            delay(start * US),
            getattr(node, name).pulse(
                length * US, getattr(node.calibration, LIGHT[name]) + detuning, amplitude
            ),
        )
        for name, start, length, amplitude, detuning in chosen
    ]
    parts += [
        serial(delay(h_start * US), node.detector_h.gate(h_length * US, Readout("photon_h", index))),
        serial(delay(v_start * US), node.detector_v.gate(v_length * US, Readout("photon_v", index))),
        serial(delay(h_start * US), node.camera.expose(h_length * US, Readout("ions", index))),
    ]
    return parallel(*parts)


def assert_states(stage: Stage) -> None:
    state, rest = stage.ensemble.coherent, stage.ensemble.other
    total = np.einsum("...ii->...", state).real + rest.sum(axis=-1)
    assert np.abs(total - 1).max() < 1e-8
    assert np.abs(state - state.conj().swapaxes(-1, -2)).max() < 1e-10
    assert np.linalg.eigvalsh(state).min() > -1e-8
    assert rest.min() > -1e-10
    assert np.isfinite(stage.ensemble.motion).all()


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(steps=steps, seed=st.integers(0, 1000))
def test_states_stay_states(innsbruck: Any, steps: Any, seed: int) -> None:
    block = serial(*(play_of(innsbruck.node, step, index) for index, step in enumerate(steps)))
    assert_states(innsbruck.stage(8, ions=2, seed=seed, block=block))


def test_a_shot_alone_is_one_of_many(innsbruck: Any) -> None:
    # The same sequence in one shot and in many: the populations of both agree on average.
    node = innsbruck.node
    block = serial(
        node.doppler.pulse(30e-6, node.calibration.doppler_frequency),
        node.qubit.pulse(4e-6, node.calibration.analysis_frequency),
    )
    many = innsbruck.stage(400, seed=1, block=block).ensemble
    ground = (many.coherent[..., S, S].real + many.other[..., S_UP])[:, 0]
    alone = [
        innsbruck.stage(1, seed=seed, block=block).ensemble.in_ground(np.arange(1)).item()
        for seed in range(50)
    ]
    spread = np.hypot(np.std(ground) / 20, np.std(alone) / np.sqrt(50))
    assert abs(ground.mean() - np.mean(alone)) < 6 * spread
