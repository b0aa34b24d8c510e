"""The workloads by which sequence compilers are compared, as ratios to what numpy needs at least.

W1 is one entanglement attempt over ten ions: per ion a DAC waveform of 100 points, 15 TTL pulses and 3 tones
that are set (1330 events if a tone counts once, 1390 rows). W1p binds another phase. W2 plays W1 a thousand
times in a loop. W3, a thousand shots with a phase of their own each, is in `test_unrolling_speed`. W4 is a
million TTL edges on 32 lines, given as arrays in no order. Run with `--benchmark-enable`.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from sequences import (
    Block,
    Channel,
    Electrode,
    Kind,
    Line,
    MHz,
    Parameter,
    Sequence,
    Target,
    Template,
    Tone,
    at,
    compile_sequence,
    delay,
    ns,
    parallel,
    pattern,
    repeat,
    sequence,
    serial,
    us,
)

TICK = 20 * ns
LINES = [
    "cool_sw",
    "repump",
    "cool_eom",
    "pump_sw",
    "raman_a",
    "raman_b",
    "gate0",
    "gate1",
    "marker",
    "picker",
] + [f"line{number}" for number in range(22)]
DACS = [f"dac{ion}" for ion in range(200)]
LAB = Target(
    "workloads",
    TICK,
    (
        *(Channel(name, Kind.TTL, row, TICK) for row, name in enumerate(LINES)),
        *(Channel(f"dds{number}", Kind.DDS, 40 + number, TICK) for number in range(3)),
        *(Channel(name, Kind.DAC, 50 + row, TICK, spacing=1 * us) for row, name in enumerate(DACS)),
    ),
)
LINE = {name: Line.of(LAB, name) for name in LINES}
TONE = [Tone.of(LAB, f"dds{number}") for number in range(3)]
DAC = [Electrode.of(LAB, name) for name in DACS]
RAMP = 5 * np.sin(np.pi / 2 * np.arange(100) / 99) ** 2
PHI = Parameter("phi", unit="turn")


def slot(ion: int) -> Block:
    """One ion's 600 us: move it, cool, pump, drive the photon with both gates open, pick."""
    parts: list[Block] = [DAC[ion].play(RAMP, 1 * us)]
    parts += [at(100 * us, LINE[name].pulse(300 * us)) for name in ("cool_sw", "repump", "cool_eom")]
    parts += [at(410 * us, LINE[name].pulse(50 * us)) for name in ("pump_sw", "repump")]
    parts += [at(470 * us, LINE[name].pulse(50 * us)) for name in ("raman_a", "raman_b", "gate0", "gate1")]
    parts.append(at(540 * us, LINE["marker"].pulse(1 * us)))
    parts += [at((471 + 10 * j) * us, LINE["picker"].pulse(1 * us)) for j in range(5)]
    parts.append(at(100 * us, TONE[0].set(80 * MHz, 0.5)))
    parts.append(at(410 * us, TONE[1].set(110 * MHz, 0.4)))
    parts.append(at(470 * us, TONE[2].set(200 * MHz, 0.9, PHI)))
    return parallel(*parts, delay(600 * us))


def w1(ions: int = 10) -> Sequence:
    return sequence("w1", serial(*[slot(ion) for ion in range(ions)]))


def edges(count: int = 1_000_000) -> tuple[Any, Any, Any]:
    """Times, lines and levels of random edges that alternate on every line, shuffled."""
    rng = np.random.default_rng(1234)
    each = count // 32
    ticks = np.stack([np.sort(rng.choice(10**7, each, replace=False)) + 1 for _ in range(32)])
    which = np.repeat(np.arange(32), each)
    levels = np.tile(np.arange(1, each + 1) % 2, 32)
    order = rng.permutation(32 * each)
    return ticks.ravel()[order] * TICK, which[order], levels[order]


def floor(events: int) -> Any:
    """Return what sorts and gathers so many events: the least that a compiler has to do in numpy."""
    keys = np.random.default_rng(7).permutation(events)
    columns = [keys.astype(kind) for kind in (np.int64, np.uint16, np.uint8, np.float64, np.uint32)]

    def sort_and_gather() -> None:
        order = np.argsort(keys, kind="stable")
        for column in columns:
            column[order]

    return sort_and_gather


def test_numpy_floor_w1(benchmark: Any) -> None:
    benchmark(floor(1330))


def test_numpy_floor_w4(benchmark: Any) -> None:
    benchmark(floor(1_000_000))


def test_w1_from_calls_to_a_checked_program(benchmark: Any) -> None:
    program = benchmark(lambda: compile_sequence(w1(), LAB, {"phi": 0.25}))
    assert program.events == 1390
    (timeline,) = program.timelines()
    assert timeline.duration * TICK == pytest.approx(6e-3)


def test_w1p_another_phase(benchmark: Any) -> None:
    template = Template(w1(), LAB)
    template.bind({"phi": 0.0})
    phases = itertools.cycle(np.linspace(0, 1, 7).tolist())
    program = benchmark(lambda: template.bind({"phi": next(phases)}))
    assert program.events == 1390


@pytest.mark.parametrize("count", [10, 1000, 10**6])
def test_w2_a_loop(benchmark: Any, count: int) -> None:
    program = benchmark(
        lambda: compile_sequence(sequence("w2", repeat(w1().body, count)), LAB, {"phi": 0.25})
    )
    assert program.events == 1390


def test_w4_a_million_edges(benchmark: Any) -> None:
    times, which, levels = edges()
    lines = [LINE[name] for name in LINES]
    program = benchmark(lambda: compile_sequence(sequence("w4", pattern(lines, times, which, levels)), LAB))
    (timeline,) = program.timelines()
    assert len(timeline) == 1_000_000
    assert timeline.nbytes <= 24 * len(timeline)
    keys = timeline.time << 16 | timeline.channel
    assert (np.diff(keys) > 0).all()


def test_a_thousand_pulses_in_a_row(benchmark: Any) -> None:
    line = LINE["marker"]
    program = benchmark(
        lambda: compile_sequence(sequence("row", serial(*[line.pulse(1 * us) for _ in range(1000)])), LAB)
    )
    assert program.events == 2000


@pytest.mark.parametrize("ions", [10, 50, 200])
def test_one_attempt_is_linear_in_ions(benchmark: Any, ions: int) -> None:
    program = benchmark(lambda: compile_sequence(w1(ions), LAB, {"phi": 0.25}))
    assert program.events == 139 * ions
