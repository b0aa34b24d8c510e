"""What a program says of itself."""

from __future__ import annotations

from typing import Any

from sequences import (
    attempt,
    compile_sequence,
    delay,
    herald,
    parallel,
    readout,
    repeat,
    sequence,
    serial,
    us,
)


def test_readout_widths_are_windows_for_counters_and_ions_for_cameras(lab: Any) -> None:
    body = serial(
        lab.apd.gate(1 * us, readout("photon", 3)),
        parallel(lab.second_apd.gate(1 * us, readout("other")), lab.camera.expose(2 * us, readout("ions"))),
    )
    program = compile_sequence(sequence("test", body), lab.target)
    assert program.readout_widths(7) == {"photon": 4, "other": 1, "ions": 7}


def test_timelines_come_once_and_in_order(lab: Any) -> None:
    first, second, third = (lab.shutter.pulse(duration) for duration in (1 * us, 2 * us, 3 * us))
    body = serial(first, repeat(serial(second, repeat(third, 5)), 10**6))
    program = compile_sequence(sequence("test", body), lab.target)
    assert [timeline.duration for timeline in program.timelines()] == [1000, 2000, 3000]
    assert program.events == 6
    assert program.duration(heralded=True) == 1000 + 10**6 * (2000 + 5 * 3000)


def test_duration_depends_on_heralds(lab: Any) -> None:
    click = readout("photon")
    tried = attempt(lab.apd.gate(2 * us, click), until=herald(click), maximum=7)
    program = compile_sequence(sequence("test", repeat(serial(delay(1 * us), tried), 3)), lab.target)
    assert program.duration(heralded=True) == 3 * (1000 + 2000)
    assert program.duration(heralded=False) == 3 * (1000 + 7 * 2000)
