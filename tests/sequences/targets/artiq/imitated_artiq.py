"""Enough of an ARTIQ core to run a generated player for real: a cursor, a counter that goes on, DMA, inputs.

Events that are submitted too late raise; a read that nothing can end fails. The counter advances by what the
core's work takes, as on a Kasli, so that the player's pauses are put to the test.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

MARGIN = 104  # mu by which an event must be submitted early
PLAYBACK, EVENT, DECISION = 3900, 65, 900  # mu that the core's work takes
DEPTH = 64

Answer = Callable[[int, int], int]
Edges = Callable[[int, int], list[int]]


class UnderflowError(Exception):
    pass


class Recording:
    """The context of `core_dma.record`."""

    def __init__(self, core: Core, name: str) -> None:
        self.core, self.name = core, name

    def __enter__(self) -> None:
        self.saved, self.core.now, self.core.recorded = self.core.now, 0, []

    def __exit__(self, *_: object) -> None:
        assert self.core.recorded is not None
        self.core.traces[self.name] = (self.core.now, self.core.recorded)
        self.core.now, self.core.recorded = self.saved, None


class Core:
    """Core device and DMA in one.

    Args:
        answer: (channel, how often it was read) -> clicks that an edge counter sends.
        edges: (channel, start of the gate) -> offsets of the edges that an input sees from then on.
    """

    def __init__(self, answer: Answer, edges: Edges) -> None:
        self.answer, self.edges = answer, edges
        self.counter = 1_000_003
        self.now = 0
        self.traces: dict[str, tuple[int, list[tuple[int, int, int]]]] = {}
        self.recorded: list[tuple[int, int, int]] | None = None
        self.outputs: list[tuple[int, int, int]] = []
        self.starts: list[tuple[int, str]] = []
        self.inputs: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self.gates: dict[int, int] = defaultdict(int)

    def reset(self) -> None:
        self.now = self.counter + 125_000

    def get_rtio_counter_mu(self) -> np.int64:
        return np.int64(self.counter)

    def record(self, name: str) -> Recording:
        return Recording(self, name)

    def get_handle(self, name: str) -> tuple[int, int, str]:
        return (len(self.traces), self.traces[name][0], name)

    def playback_handle(self, handle: tuple[int, int, str]) -> None:
        epoch, duration, name = handle
        assert epoch == len(self.traces), "a handle was used after a later recording"
        start = self.now
        self.starts.append((start, name))
        self.counter += PLAYBACK
        for time, target, data in self.traces[name][1]:
            self.counter += EVENT
            self.submit(start + time, target, data)
        self.now = start + duration

    def submit(self, time: int, target: int, data: int) -> None:
        assert isinstance(target, np.integer | int)
        if time < self.counter + MARGIN:
            raise UnderflowError(f"channel {target >> 8} at {time}, slack {time - self.counter}")
        self.outputs.append((time, target, data & 0xFFFFFFFF))
        channel, address = target >> 8, target & 0xFF
        if channel == 50 and data & 4:
            self.gates[channel] += 1
            self.inputs[channel].append((time, self.answer(channel, self.gates[channel] - 1)))
        if channel in (51, 52) and address == 2:
            before = [edge for edge in self.inputs[channel] if edge[0] < time]
            found = [(time + offset, 1) for offset in self.edges(channel, time)] if data else []
            self.inputs[channel] = before + found

    def output(self, target: int, data: int) -> None:
        if self.recorded is None:
            self.counter += DECISION
            self.submit(self.now, int(target), int(data))
        else:
            assert self.now >= 0
            self.recorded.append((int(self.now), int(target), int(data)))

    def input_data(self, channel: int) -> int:
        assert self.inputs[channel], f"the core waits for ever for a count of channel {channel}"
        assert len(self.inputs[channel]) <= DEPTH, "counts were lost"
        time, data = self.inputs[channel].pop(0)
        self.counter = max(self.counter, time + MARGIN) + DECISION
        return data

    def input_timestamp(self, timeout: int, channel: int) -> np.int64:
        self.counter += 100
        waiting = self.inputs[channel]
        if waiting and waiting[0][0] <= max(timeout, self.counter):
            time = waiting.pop(0)[0]
            self.counter = max(self.counter, time + MARGIN)
            return np.int64(time)
        self.counter = max(self.counter, int(timeout))
        return np.int64(-1)


class EnvExperiment:
    """What an experiment inherits; devices and arguments are set by `run`."""

    core: Core
    shots: int

    def setattr_device(self, name: str) -> None:
        assert name in ("core", "core_dma")

    def setattr_argument(self, name: str, processor: dict[str, Any]) -> None:
        assert (name, processor["type"]) == ("shots", "int")

    def set_dataset(self, name: str, value: Any, broadcast: bool) -> None:
        self.datasets[name] = value

    def mutate_dataset(self, name: str, index: Any, value: Any) -> None:
        self.datasets[name][tuple(slice(*part) for part in index)] = value


def run_player(
    text: str, monkeypatch: pytest.MonkeyPatch, answer: Answer, edges: Edges, shots: int
) -> tuple[Core, dict[str, Any]]:
    """Execute a generated experiment.

    Returns:
        The core with what it has played, and the datasets.
    """
    core = Core(answer, edges)
    language, rtio = ModuleType("artiq.experiment"), ModuleType("artiq.coredevice.rtio")
    language.__dict__.update(
        EnvExperiment=EnvExperiment,
        NumberValue=dict,
        kernel=lambda function: function,
        rpc=lambda flags: lambda function: function,
        at_mu=lambda time: setattr(core, "now", int(time)),
        now_mu=lambda: np.int64(core.now),
    )
    rtio.__dict__.update(
        rtio_output=core.output,
        rtio_input_data=core.input_data,
        rtio_input_timestamp=core.input_timestamp,
    )
    for name, module in (
        ("artiq", ModuleType("artiq")),
        ("artiq.coredevice", ModuleType("artiq.coredevice")),
        ("artiq.experiment", language),
        ("artiq.coredevice.rtio", rtio),
    ):
        monkeypatch.setitem(sys.modules, name, module)
    namespace: dict[str, Any] = {}
    exec(compile(text, "player.py", "exec"), namespace)  # noqa: S102 - this is what is tested
    (kind,) = [
        value
        for value in namespace.values()
        if isinstance(value, type) and issubclass(value, EnvExperiment) and value is not EnvExperiment
    ]
    experiment = kind()
    experiment.core = experiment.core_dma = core
    experiment.shots, experiment.datasets = shots, {}
    experiment.build()
    experiment.prepare()
    experiment.run()
    return core, experiment.datasets
