"""An hour of a whole bench in a minute: heartbeats on all instruments, one accident after the other.

In the end every instrument answers, or has told that it needs somebody, and the process holds no more than it
did before.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from control.bench import Bench
from control.device import Device, State
from control.device.happenings import Severity
from control.device.heartbeat import Heartbeat
from control.errors import DeviceError
from control.setup import read_setup
from hardware_sim.lab import SimulatedLab
from hardware_sim.loose_bench import LooseBench

LAB_SECONDS: Final = 3600.0
SPEED: Final = 75.0  # lab seconds per second
BEAT: Final = 0.3  # s between two heartbeats of an instrument
PATIENCE: Final = 0.3  # s, of the drivers
BETWEEN: Final = 0.1  # s between two accidents
RECOVERY: Final = 30.0  # s after the last accident within which all have to be back
SEED: Final = 5

MOST_MEGABYTES: Final = 8.0
"""That the second half of the hour may add; logbooks fill up, and nothing else should."""

MOST_FILES: Final = 10
"""That it may open: second lines are opened when they are first read, and one of them may be between two."""

ACCIDENTS: Final = (
    "power cycle",
    "pull cable",
    "unplug",
    "silence",
    "delay",
    "garbage",
    "corrupted bytes",
    "lost bytes",
    "doubled bytes",
    "wrong terminator",
    "fragments",
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="counts what a process holds by /proc"),
]


class Night:
    """What happens to a bench while nobody is there but one who repairs what is broken."""

    def __init__(self, lab: LooseBench, devices: dict[str, Device]) -> None:
        self._bench, self._devices = lab.bench, devices
        self._rng = np.random.default_rng(SEED)
        self._names = sorted(devices)
        self.happened: Counter[str] = Counter()

    def pass_by(self, seconds: float) -> None:
        """Let accidents happen for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._mend(self._pick(self._names))
            name, fault = self._pick(self._names), self._pick(ACCIDENTS)
            if fault != "fragments" or self._bench.member(name).driver != "id900":  # whose messages are whole
                self._bench.cause(name, fault)
                self.happened[fault] += 1
            self._look_at(self._devices[self._pick(self._names)])
            time.sleep(BETWEEN)

    def end(self) -> None:
        """Mend everything, and wait until all answer."""
        deadline = time.monotonic() + RECOVERY
        for name in self._names:
            self._mend(name)
        silent = list(self._devices.values())
        while silent:
            silent = [device for device in silent if not _answers(device)]
            assert not silent or time.monotonic() < deadline, [each.name for each in silent]

    def _mend(self, name: str) -> None:
        for remedy in ("plug", "heal"):
            self._bench.cause(name, remedy)

    def _look_at(self, device: Device) -> None:
        """Accept what an instrument has lost."""
        if device.state is State.DEGRADED:
            device.acknowledge()

    def _pick(self, choices: tuple[str, ...] | list[str]) -> str:
        return choices[int(self._rng.integers(len(choices)))]


def _answers(device: Device) -> bool:
    try:
        device.check()
    except DeviceError:
        time.sleep(0.05)
        return False
    return True


def wait_until_clean(device: Device) -> None:
    """Wait while a device is dirty: its heart may just have beaten on a busy machine, and heard nothing."""
    deadline = time.monotonic() + RECOVERY
    while device.state is State.DIRTY and time.monotonic() < deadline:
        _answers(device)


def held() -> tuple[int, int, float]:
    """Return what the process holds: threads, files and sockets, and megabytes of memory."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return threading.active_count(), len(list(Path("/proc/self/fd").iterdir())), pages * 4096 / 1e6


@pytest.fixture
def lab() -> Iterator[LooseBench]:
    bench = SimulatedLab.start_bench(read_setup("innsbruck").tables, SEED, SPEED)
    yield bench
    bench.close()


def test_an_hour_of_accidents(lab: LooseBench) -> None:
    setup = read_setup("innsbruck")
    with ExitStack() as closing:
        bench = closing.enter_context(Bench(setup.instruments, lab.resources))
        devices = {name: bench.device(name) for name in bench.names}
        bench.prepare()
        for device in devices.values():
            device.ANSWER_SECONDS = PATIENCE  # type: ignore[misc] # from now on: no trouble has come yet
            closing.enter_context(Heartbeat(device, BEAT))
        night = Night(lab, devices)
        night.pass_by(0.5 * LAB_SECONDS / SPEED)
        night.end()
        threads, files, memory = held()
        night.pass_by(0.5 * LAB_SECONDS / SPEED)
        night.end()
        after = held()
        assert after[0] <= threads
        assert after[1] <= files + MOST_FILES
        assert after[2] < memory + MOST_MEGABYTES
        assert set(night.happened) == set(ACCIDENTS)
        for name, device in devices.items():
            alarms = [each for each in device.logbook if each.severity is Severity.ALARM]
            wait_until_clean(device)
            assert device.state is State.UP or (device.state is State.DEGRADED and alarms), name
            assert any(each.severity is not Severity.NOTE for each in device.logbook), name
