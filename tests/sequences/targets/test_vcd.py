"""A value change dump, read back by a strict reader, tells every event of the program and when it was."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sequences import (
    Channel,
    Detector,
    Electrode,
    Kind,
    Label,
    Line,
    MHz,
    Operation,
    Program,
    Target,
    Timeline,
    Tone,
    compile_sequence,
    delay,
    ns,
    parallel,
    readout,
    repeat,
    sequence,
    serial,
    us,
)
from sequences.targets.unrolling import unroll
from sequences.targets.vcd import print_vcd
from sequences.targets.way import Way

Path = tuple[str, ...]


@dataclass
class Dump:
    """What a reader finds in a VCD file.

    Attributes:
        timescale: of the times.
        kinds: variable -> type and size, in the order of declaration.
        initial: variable -> value before the first event.
        changes: variable -> times and values.
        end: the last time.
    """

    timescale: str = ""
    kinds: dict[Path, str] = field(default_factory=dict)
    initial: dict[Path, Any] = field(default_factory=dict)
    changes: dict[Path, list[tuple[int, Any]]] = field(default_factory=lambda: defaultdict(list))
    end: int = 0


NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|\\[!-#%-Z^-~]+")  # no dollars and brackets: viewers stumble


class Reader:
    """Reads by the letter of the standard, and fails at the first thing that is not in it."""

    def __init__(self, text: str) -> None:
        assert text.isascii()
        assert text.endswith("\n")
        self._words = iter(text.split())
        self._variables: dict[str, Path] = {}
        self.dump = Dump()
        self._declarations()
        self._values()

    def _command(self) -> list[str]:
        return list(iter(self._words.__next__, "$end"))

    def _declarations(self) -> None:
        scopes: list[str] = []
        neighbours: set[Path] = set()
        while (keyword := next(self._words)) != "$enddefinitions":
            words = self._command()
            match keyword, words:
                case "$scope", ["module", name] if NAME.fullmatch(name):
                    scopes.append(name)
                    assert tuple(scopes) not in neighbours
                    neighbours.add(tuple(scopes))
                case "$upscope", []:
                    scopes.pop()
                case "$var", [kind, size, code, name] if NAME.fullmatch(name):
                    path = (*scopes, name)
                    assert path not in neighbours
                    assert code not in self._variables
                    neighbours.add(path)
                    self._variables[code] = path
                    self.dump.kinds[path] = f"{kind} {size}"
                case "$timescale", [number, unit]:
                    assert number in {"1", "10", "100"}
                    assert unit in {"s", "ms", "us", "ns", "ps", "fs"}
                    self.dump.timescale = f"{number} {unit}"
                case (("$version" | "$comment"), _):
                    pass
                case _:
                    raise AssertionError((keyword, words))
        assert self._command() == []
        assert scopes == []

    def _values(self) -> None:
        assert [next(self._words), next(self._words)] == ["#0", "$dumpvars"]
        now, initial = 0, True
        for word in self._words:
            if word == "$end":
                assert initial
                initial = False
                events = {path for path, kind in self.dump.kinds.items() if kind == "event 1"}
                assert self.dump.initial.keys() == self.dump.kinds.keys() - events
            elif word.startswith("#"):
                assert int(word[1:]) > now
                now = int(word[1:])
            else:
                path, value = self._value(word)
                if initial:
                    self.dump.initial[path] = value
                else:
                    self.dump.changes[path].append((now, value))
        self.dump.end = now

    def _value(self, word: str) -> tuple[Path, Any]:
        """Return the variable and the value of a change, which must be of the declared type."""
        kinds = {"0": "wire", "1": "wire", "r": "real", "s": "string"}
        code = word[1:] if word[0] in "01" else next(self._words)
        path = self._variables[code]
        kind = self.dump.kinds[path].split()[0]
        assert kinds[word[0]] == kind or (word[0], kind) == ("1", "event")
        match kind:
            case "wire":
                return path, int(word[0])
            case "real":
                return path, float(word[1:])
            case "string":
                octal = re.compile(rb"\\([0-7]{3})")
                return path, octal.sub(lambda m: bytes([int(m[1], 8)]), word[1:].encode()).decode()
            case _:
                return path, None


def read(program: Program, shots: int = 1, **options: Any) -> Dump:
    return Reader("".join(print_vcd(program, shots, **options))).dump


def delays(program: Program) -> dict[int, int]:
    """Channel number -> ticks from the written time to the event."""
    target = program.target
    return {
        channel.number: round((target.lead - channel.latency) / channel.grid)
        * round(channel.grid / target.period)
        for channel in target.channels
    }


PATHS = {
    Operation.LEVEL: ("lines", "line"),
    Operation.FREQUENCY: ("tones", "tone", "frequency"),
    Operation.PHASE: ("tones", "tone", "phase"),
    Operation.AMPLITUDE: ("tones", "tone", "amplitude"),
    Operation.VOLTAGE: ("electrodes", "coil"),
}
GATES = {65535: ("detectors", "apd"), 9: ("cameras", "camera")}


def expected_changes(program: Program, whole: Timeline, *, light: bool) -> dict[Path, list[Any]]:
    """Return what each variable does, straight from the events; times in nanoseconds."""
    changes: dict[Path, list[Any]] = defaultdict(list)
    delay = delays(program)
    for time, channel, operation, value in zip(
        *(getattr(whole, name).tolist() for name in ("time", "channel", "operation", "value")), strict=True
    ):
        at = 2 * (time - delay[channel] if light else time)
        if operation in PATHS:
            changes[PATHS[Operation(operation)]].append((at, value))
            continue
        readout = program.readouts[int(value)]
        if operation == Operation.OPEN:
            changes[*GATES[channel], "readout"].append((at, f"{readout.name}[{readout.index}]"))
        changes[*GATES[channel], "gate"].append((at, int(operation == Operation.OPEN)))
    return changes


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), shots=st.integers(1, 4), attempt=st.integers(1, 4), light=st.booleans())
def test_every_event_is_told_at_its_time(
    random_programs: st.SearchStrategy[Program], data: Any, shots: int, attempt: int, light: bool
) -> None:
    program = data.draw(random_programs)
    way = Way(attempt, branch=data.draw(st.booleans()))
    dump = read(program, shots, way=way, light=light)
    whole = unroll(program, shots, way=way)
    expected = expected_changes(program, whole, light=light)
    assert dump.timescale == "1 ns"
    told = {path[1:]: changes for path, changes in dump.changes.items() if path[1] != "labels"}
    assert told == expected
    last = max((at for changes in dump.changes.values() for at, _ in changes), default=0)
    assert dump.end == max(2 * whole.duration, last)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), shots=st.integers(1, 3), light=st.booleans())
def test_every_label_is_told_at_its_time(
    random_programs: st.SearchStrategy[Program], played: Any, data: Any, shots: int, light: bool
) -> None:
    program = data.draw(random_programs)
    marks, stretches = [], []
    clock = 0 if light else 80
    for timeline in played(program.steps * shots, Way()):
        for label in timeline.labels:
            start, stop = clock + 2 * label.start, clock + 2 * label.stop
            (marks if start == stop else stretches).append((start, stop, label.name))
        clock += 2 * timeline.duration
    dump = read(program, shots, light=light)
    found = [found for path in dump.changes if path[-1].startswith("stretch_") for found in told(dump, path)]
    assert sorted(found) == sorted(stretches)
    events = [path for path in dump.changes if dump.kinds[path] == "event 1"]
    found = [(at, at, path[-1].replace("_", " ")) for path in events for at, _ in dump.changes[path]]
    assert sorted(found) == sorted(marks)


def told(dump: Dump, path: Path) -> Iterator[tuple[int, int, str]]:
    """Yield start, stop and name of the stretches of a lane."""
    name, start = "", 0
    for at, text in dump.changes[path]:
        if name:
            yield start, at, name
        name, start = text, at
    assert name == ""


LAB = Target("lab", 1 * ns, (Channel("line", Kind.TTL, 1, 1 * ns),))


@pytest.mark.parametrize(
    ("period", "timescale", "times"),
    [
        (1e-9, "1 ns", [0, 7]),
        (1e-8, "10 ns", [0, 7]),
        (8e-9, "1 ns", [0, 56]),
        (0.8e-9, "100 ps", [0, 56]),
        (2.0, "1 s", [0, 14]),
        (1 / 150e6, "1 fs", [0, 46666667]),  # 6.666 ns
    ],
)
def test_times_are_exact_for_every_clock(period: float, timescale: str, times: list[int]) -> None:
    lab = Target("lab", period, (Channel("line", Kind.TTL, 1, period),))
    blink = compile_sequence(sequence("blink", Line.of(lab, "line").pulse(7 * period)), lab)
    dump = read(blink)
    assert dump.timescale == timescale
    assert [time for time, _ in dump.changes["blink", "lines", "line"]] == times


def test_names_are_made_legal_and_stay_different() -> None:
    names = ["a b", "a_b", "a\tb", "1.2", "$end", "ünïcode", "photon[3]"]
    lab = Target("lab", 1 * ns, tuple(Channel(name, Kind.TTL, n, 1 * ns) for n, name in enumerate(names)))
    blocks = [Line.of(lab, name).pulse(1 * ns) for name in names]
    dump = read(compile_sequence(sequence("all names", serial(*blocks)), lab))
    expected = ["a_b", "a_b_2", "a_b_3", "\\1.2", "_end", "_n_code", "photon_3_"]
    assert list(dump.kinds) == [("all_names", "lines", name) for name in expected]
    starts = [min(time for time, _ in dump.changes[path]) for path in dump.kinds]
    assert starts == list(range(len(names)))


def test_readouts_with_any_name_are_told() -> None:
    lab = Target("lab", 1 * ns, (Channel("apd", Kind.COUNTER, 1, 1 * ns),))
    gate = Detector.of(lab, "apd").gate(5 * ns, readout("ünï \\code", 2))
    dump = read(compile_sequence(sequence("gate", gate), lab))
    assert dump.changes["gate", "detectors", "apd", "readout"] == [(0, "ünï \\code[2]")]
    assert dump.changes["gate", "detectors", "apd", "gate"] == [(0, 1), (5, 0)]


def test_what_is_not_set_yet_is_not_a_number() -> None:
    lab = Target("lab", 1 * ns, (Channel("raman", Kind.DDS, 1, 1 * ns), Channel("coil", Kind.DAC, 2, 1 * ns)))
    body = serial(Tone.of(lab, "raman").pulse(1 * ns, 1e6), Electrode.of(lab, "coil").set(1.5))
    initial = {
        path[-1]: value for path, value in read(compile_sequence(sequence("s", body), lab)).initial.items()
    }
    assert initial.pop("amplitude") == 0.0
    assert initial.keys() == {"frequency", "phase", "coil"}
    assert all(map(math.isnan, initial.values()))


def test_a_million_passes_are_written_a_piece_at_a_time() -> None:
    blink = repeat(Line.of(LAB, "line").pulse(3 * ns), 10**6)
    pieces = print_vcd(compile_sequence(sequence("blink", blink), LAB))
    assert max(len(piece) for piece in islice(pieces, 20)) < 200_000


def test_a_program_without_events_lasts() -> None:
    text = "".join(print_vcd(compile_sequence(sequence("pause", delay(5 * ns)), LAB), 3))
    assert text.endswith("$enddefinitions $end\n#0\n$dumpvars\n$end\n#15\n")


def test_golden(lab: Any, golden: Callable[[str, str], None]) -> None:
    """One of each: lines, tones, electrodes, gates of counters and cameras, marks and nested stretches."""
    body = serial(
        lab.endcap.set(-0.5),
        repeat(parallel(lab.tone.pulse(2 * us, 80.1 * MHz, 0.25, 0.125), lab.shutter.pulse(1 * us)), 2),
        lab.apd.gate(3 * us, readout("photon", 3)),
        lab.camera.expose(2 * us, readout("ions")),
    )
    program = compile_sequence(sequence("one of each", body), lab.target)
    labels = (Label("both", 0, 2000), Label("first half", 0, 1000), Label("now", 500, 500))
    timelines = list(program.timelines())
    timelines[1] = replace(timelines[1], labels=labels)
    labelled = program.with_timelines(timelines)
    golden("every_channel.vcd", "".join(print_vcd(labelled)))
    assert read(labelled).changes["one_of_each", "labels", "now"] == [(500, None), (2500, None)]
