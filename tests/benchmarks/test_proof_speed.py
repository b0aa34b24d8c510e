"""The time of a proof, and of numpy sorting and gathering as many events. Run with `--benchmark-enable`."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pytest

from sequences import (
    Channel,
    Dispatcher,
    Kind,
    Operation,
    Play,
    Program,
    RepeatLoop,
    Source,
    Target,
    Timeline,
    ns,
    us,
)
from sequences.errors import SequenceError
from sequences.machine import prove

SLOT: Final = 600_000  # ticks of 1 ns that an ion takes
PULSES: Final = (
    (100, 300), (100, 300), (100, 300), (410, 50), (410, 50), (470, 50), (470, 50), (470, 50), (470, 50),
    (540, 1), (471, 1), (481, 1), (491, 1), (501, 1), (511, 1),
)  # fmt: skip
"""Start and length, in microseconds, of fifteen pulses an ion; the last five are one line's."""
TONES: Final = ((100, 80e6, 0.0, 0.5), (410, 110e6, 0.0, 0.4), (470, 200e6, 0.1, 0.9))
"""When, in microseconds, each tone is set to which frequency, phase and amplitude."""
DISPATCHER: Final = Dispatcher()
LIMITS: Final[dict[str, dict[str, Any]]] = {
    "the dispatcher": {},
    "and slew": {"slew": 1e6},
    "and pulses": {"slew": 1e6, "pulse": 20 * ns},
    "and a bus": {"slew": 1e6, "pulse": 20 * ns, "bus": "spi", "programming": 1.2 * us},
}


def lab(limits: dict[str, Any]) -> Target:
    """Return a core with 11 lines, 3 tones and 10 outputs; only the tones share the bus."""
    own = {key: value for key, value in limits.items() if key not in ("bus", "programming")}
    lines = (Channel(f"line{n}", Kind.TTL, n, 1 * ns, **own) for n in range(11))
    tones = (Channel(f"tone{n}", Kind.DDS, 12 + n, 4 * ns, **limits) for n in range(3))
    outputs = (Channel(f"output{n}", Kind.DAC, 20 + n, 8 * ns, spacing=1 * us, **own) for n in range(10))
    return Target("lab", 1 * ns, (*lines, *tones, *outputs), DISPATCHER)


def attempt(ions: int = 10) -> Timeline:
    """Return an entanglement attempt: 100 samples, 30 edges and 3 settings of tones an ion."""
    rows = []
    for ion in range(ions):
        ramp = 5 * np.sin(np.pi / 2 * np.arange(100) / 99) ** 2
        own = [(1000 * k, 20 + ion, Operation.VOLTAGE, volts) for k, volts in enumerate(ramp)]
        for line, (start, length) in enumerate(PULSES):
            for at, level in ((start, 1.0), (start + length, 0.0)):
                own.append((1000 * at, min(line, 10), Operation.LEVEL, level))
        for tone, (at, *values) in enumerate(TONES):
            own += [(1000 * at, 12 + tone, Operation(1 + row), value) for row, value in enumerate(values)]
        rows += [(ion * SLOT + tick, *rest) for tick, *rest in own]
    time_, channel, operation, value = zip(*sorted(rows, key=lambda row: row[:2]), strict=True)
    return Timeline(
        ions * SLOT,
        np.array(time_, np.int64),
        np.array(channel, np.uint16),
        np.array(operation, np.uint8),
        np.array(value, np.float64),
        np.zeros(len(rows), np.uint32),
    )


def unrolled(once: Timeline, times: int) -> Timeline:
    """Return a timeline so many times behind itself."""
    starts = once.duration * np.arange(times)[:, None]
    columns = (np.tile(getattr(once, name), times) for name in ("channel", "operation", "value", "source"))
    return Timeline(once.duration * times, (once.time + starts).ravel(), *columns)


def floor(events: int) -> float:
    """Return the time in which numpy sorts and gathers so many events, in seconds."""
    keys = np.random.default_rng(7).permutation(events)
    best = float("inf")
    for _ in range(20):
        start = time.process_time()
        order = np.argsort(keys, kind="stable")
        for dtype in (np.int64, np.float64):
            keys.astype(dtype)[order]
        best = min(best, time.process_time() - start)
    return best


def measured(benchmark: Any, program: Program) -> None:
    """Prove a program and note the time in multiples of the floor."""
    assert benchmark(prove, program) is program
    benchmark.extra_info["events"] = program.events
    if benchmark.enabled:
        benchmark.extra_info["times the numpy floor"] = benchmark.stats.stats.min / floor(program.events)


def program_of(target: Target, *steps: Play | RepeatLoop) -> Program:
    return Program("attempt", steps, (), target, (Source("lab.py", 1),))


@pytest.mark.parametrize("limits", LIMITS.values(), ids=list(LIMITS))
def test_prove_an_attempt(benchmark: Any, limits: dict[str, Any]) -> None:
    measured(benchmark, program_of(lab(limits), Play(attempt())))


@pytest.mark.parametrize("count", [10, 10**6])
def test_a_proof_costs_the_same_for_any_count(benchmark: Any, count: int) -> None:
    measured(benchmark, program_of(lab(LIMITS["and a bus"]), RepeatLoop(count, (Play(attempt()),))))


@pytest.mark.parametrize("limits", LIMITS.values(), ids=list(LIMITS))
def test_prove_a_thousand_attempts_unrolled(benchmark: Any, limits: dict[str, Any]) -> None:
    times = 1000 if benchmark.enabled else 30
    measured(benchmark, program_of(lab(limits), Play(unrolled(attempt(), times))))


def test_a_proof_finds_what_it_looks_for() -> None:
    """The workload is proved, not passed over: each limit, made a little stricter, is broken."""
    for limits in ({"slew": 1e4}, {"pulse": 2 * us}, {"bus": "spi", "programming": 101 * us}):
        with pytest.raises(SequenceError, match=r"lab\.py:1"):
            prove(program_of(lab(limits), Play(attempt())))
    late = replace(lab({}), dispatcher=replace(DISPATCHER, event_time=10 * us))
    with pytest.raises(SequenceError, match="handed over"):
        prove(program_of(late, Play(attempt())))
