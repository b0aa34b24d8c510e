"""Compile time against a floor: numpy sorting and gathering as many events. Run with `--benchmark-enable`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sequences import (
    Block,
    Camera,
    Channel,
    Detector,
    Electrode,
    Kind,
    MHz,
    Parameter,
    Sequence,
    Target,
    Tone,
    compile_sequence,
    ms,
    ns,
    parallel,
    parse_program,
    print_program,
    readout,
    repeat,
    sequence,
    serial,
    us,
)

TONES = ("doppler", "repump", "quench", "pumping", "raman_v", "raman_h", "qubit")
NODE = Target(
    "node",
    1 * ns,
    (
        *(Channel(name, Kind.DDS, row, 4 * ns, latency=500 * ns) for row, name in enumerate(TONES)),
        Channel("upper", Kind.DAC, 10, 8 * ns, latency=2 * us, spacing=1 * us),
        Channel("lower", Kind.DAC, 11, 8 * ns, latency=2 * us, spacing=1 * us),
        Channel("apd_h", Kind.COUNTER, 20, 1 * ns),
        Channel("apd_v", Kind.COUNTER, 21, 1 * ns),
        Channel("camera", Kind.CAMERA, 30, 1 * us),
    ),
)
PHASE = Parameter("phase", unit="turn")


def photon_train(ions: int) -> Sequence:
    """Cool, pump, bring every ion to the waist for one photon, rotate, read out: 8 blocks an ion."""
    doppler, repump, quench, pumping, raman_v, raman_h, qubit = (Tone.of(NODE, name) for name in TONES)
    upper, lower = Electrode.of(NODE, "upper"), Electrode.of(NODE, "lower")
    apd_h, apd_v = Detector.of(NODE, "apd_h"), Detector.of(NODE, "apd_v")
    cool: list[Block] = [tone.pulse(300 * us, 200 * MHz, 0.3) for tone in (doppler, repump, quench)]
    pump = parallel(pumping.pulse(20 * us, 80 * MHz), repump.pulse(20 * us, 80 * MHz))
    photons: list[Block] = []
    for ion in range(ions):
        photons += [
            parallel(upper.ramp(ion / ions, (ion + 1) / ions, 50 * us), lower.ramp(0.0, 1.0, 50 * us)),
            parallel(
                raman_v.pulse(50 * us, 300 * MHz, 0.5),
                raman_h.pulse(50 * us, 290 * MHz, 0.5),
                apd_h.gate(50 * us, readout("photon_h", ion)),
                apd_v.gate(50 * us, readout("photon_v", ion)),
            ),
        ]
    look = parallel(
        doppler.pulse(1.5 * ms, 200 * MHz), Camera.of(NODE, "camera").expose(1.5 * ms, readout("ions"))
    )
    rotate = qubit.pulse(5 * us, 230 * MHz, 1.0, PHASE)
    return sequence("photon_train", serial(parallel(*cool), pump, *photons, rotate, look))


def seconds(work: Callable[[], object], rounds: int = 5) -> float:
    """Return the best CPU time of some rounds, in seconds."""
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def floor(events: int) -> float:
    """Return the time in which numpy sorts and gathers so many events, in seconds."""
    keys = np.random.default_rng(7).permutation(events)
    columns = [keys.astype(dtype) for dtype in (np.int64, np.uint16, np.uint8, np.float64, np.uint32)]

    def sort_and_gather() -> None:
        order = np.argsort(keys, kind="stable")
        for column in columns:
            column[order]

    return seconds(sort_and_gather)


@pytest.mark.parametrize("ions", [10, 200])
def test_compile_a_photon_train(benchmark: Any, ions: int) -> None:
    train = photon_train(ions)
    program = benchmark(compile_sequence, train, NODE, {"phase": 0.25})
    assert program.events == 30 + 112 * ions  # 7 tones and an exposure; 100 samples, 2 tones, 2 gates an ion
    benchmark.extra_info["events"] = program.events
    if benchmark.enabled:
        benchmark.extra_info["times the numpy floor"] = benchmark.stats.stats.min / floor(program.events)


@pytest.mark.parametrize("ions", [10, 200])
def test_write_a_photon_train(benchmark: Any, ions: int) -> None:
    train = benchmark(photon_train, ions)
    assert len(train.readouts) == 2 * ions + 1


@pytest.mark.parametrize("count", [10, 10**6])
def test_a_loop_costs_the_same_for_any_count(benchmark: Any, count: int) -> None:
    train = photon_train(10)
    looped = sequence("looped", repeat(train.body, count))
    program = benchmark(compile_sequence, looped, NODE, {"phase": 0.25})
    assert program.events == compile_sequence(train, NODE, {"phase": 0.25}).events


def test_text_of_a_photon_train(benchmark: Any) -> None:
    program = compile_sequence(photon_train(10), NODE, {"phase": 0.25})
    assert benchmark(lambda: parse_program(print_program(program))) == program
