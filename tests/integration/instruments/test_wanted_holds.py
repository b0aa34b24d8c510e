"""Whatever happens, in whatever order: no wrong number is read, and nothing wanted is lost in silence.

An imaginary operator sets and reads an instrument while its line suffers, its power fails and somebody else
turns its knobs. What is true is taken from inside the simulated instrument, not through any driver.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from control.device import State
from control.device.happenings import Severity
from control.device.readings import Quality
from control.device.settings import Value
from control.drivers import connect, driver_class
from control.errors import DeviceError
from hardware_sim.bench_faults import turn_knob
from hardware_sim.instruments.faults import HEALTHY, LineFaults
from hardware_sim.instruments.hmp4040 import SimulatedHmp4040
from hardware_sim.instruments.iseg_nhr import SimulatedIsegNhr
from hardware_sim.instruments.k10cr1 import SimulatedK10cr1
from hardware_sim.instruments.meerstetter import SimulatedTec
from hardware_sim.instruments.smc100a import SimulatedSmc100a
from hardware_sim.instruments.websq import SimulatedWebSq
from hardware_sim.ways import serve

SPEED = 1000.0  # lab seconds per second
PATIENCE = 0.12  # s, of a driver; one that gives up too early on a busy machine is one fault more
RECOVERY = 10.0  # s within which everything must be in order once the line is
STEPS = 49_152_000  # of a K10CR1 a turn

Truth = Callable[[Any, float], Value | None]
"""What a setting really is, at a lab time (s); None while that is changing."""


@dataclass(frozen=True)
class Case:
    """An instrument, and what an operator does with it.

    Attributes:
        driver: its name.
        make: makes the instrument.
        orders: setting -> values to set.
        truth: setting -> what it really is.
        knobs: knob -> values to which somebody else turns it.
        serial: whether single bytes can be lost on its line.
        way: how it is served.
        prepare: an action that it needs before it can be set.
    """

    driver: str
    make: Callable[[np.random.Generator], Any]
    orders: Mapping[str, tuple[Value, ...]]
    truth: Mapping[str, Truth]
    knobs: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    serial: bool = True
    way: str = "tcp"
    prepare: str = ""

    def __str__(self) -> str:
        return self.driver


def _stands(mount: Any, now: float) -> float | None:
    moving = mount._travel.speed(now) != 0.0 or now < mount._travel.end
    return None if moving and mount._travel.end < float("inf") else mount._counter(now) / STEPS


SWITCH = (False, True)

CASES = (
    Case(
        "smc100a",
        lambda rng: SimulatedSmc100a(),
        {"frequency": (23.4e6, 23.6e6, 25e6), "power": (-20.0, -18.5, -17.0), "output": SWITCH},
        {
            "frequency": lambda it, now: it.frequency,
            "power": lambda it, now: it._settings.level,
            "output": lambda it, now: it.output,
        },
        serial=False,
    ),
    Case(
        "hmp4040",
        lambda rng: SimulatedHmp4040(),
        {"voltage_1": (1.0, 5.0, 12.0), "current_1": (0.5, 2.0), "output_1": SWITCH, "master": SWITCH},
        {
            "voltage_1": lambda it, now: it._supply.channels[0].voltage,
            "current_1": lambda it, now: it._supply.channels[0].current,
            "output_1": lambda it, now: it._supply.channels[0].armed,
            "master": lambda it, now: it._supply.master,
        },
        {"voltage_1": (3.0, 5.0), "output_1": SWITCH, "output": SWITCH, "channel": (1, 3)},
        way="single",
    ),
    Case(
        "iseg_nhr",
        SimulatedIsegNhr,
        {"voltage_1": (100.0, 250.0), "ramp_1": (600.0, 1200.0), "output_1": SWITCH},
        {
            "voltage_1": lambda it, now: it.channels[1].settings.voltage,
            "output_1": lambda it, now: it.channels[1].on,
        },
        {"voltage_1": (50.0, 100.0), "output_1": SWITCH},
    ),
    Case(
        "mecom",
        lambda rng: SimulatedTec(),
        {"target_temperature": (25.0, 30.0, 40.0), "ramp": (0.1, 0.5), "output": SWITCH},
        {
            "target_temperature": lambda it, now: it._settings[3000],
            "ramp": lambda it, now: it._settings[3003],
            "output": lambda it, now: it._settings[2010] == 1,
        },
        {"target": (20.0, 30.0), "output": SWITCH},
    ),
    Case(
        "k10cr1",
        SimulatedK10cr1,
        {"angle": (0.1, 0.3, 0.7), "enabled": SWITCH},
        {"angle": _stands, "enabled": lambda it, now: it._enabled},
        {"jog": (0.05, -0.05)},
        prepare="home",
    ),
    Case(
        "websq",
        SimulatedWebSq,
        {
            "bias_current_1": (5e-6, 12e-6),
            "trigger_level_2": (0.1, 0.2),
            "measurement_period": (1.0, 5.0),
            "enabled": SWITCH,
        },
        {
            "bias_current_1": lambda it, now: it._detectors[0].bias,
            "trigger_level_2": lambda it, now: it._detectors[1].trigger,
            "measurement_period": lambda it, now: it._period,
            "enabled": lambda it, now: it._detectors[0].enabled,
        },
        {"bias_current": (3e-6, 5e-6), "detector_enable": SWITCH, "measurement_period": (2.0, 5.0)},
        serial=False,
    ),
)

TROUBLES = {
    "silence": LineFaults(stalled=True),
    "late": LineFaults(delay=1.5 * PATIENCE * SPEED, replies=1),
    "garbage": LineFaults(garbage=b"\xff\x00~", replies=1),
    "cut": LineFaults(cut=3, replies=1),
    "fragments": LineFaults(fragment=1, pause=1.0),
}
"""What any line may suffer."""

HARM = {
    "lost": LineFaults(lost=0.2, replies=1, rng=np.random.default_rng(1)),
    "doubled": LineFaults(doubled=0.2, replies=1, rng=np.random.default_rng(2)),
    "corrupted": LineFaults(corrupted=0.2, replies=1, rng=np.random.default_rng(3)),
    "terminator": LineFaults(terminator=b"\n", replies=2),
}
"""What serial lines suffer besides: where one answer in a row is harmed, asking twice tells."""


class Operator(RuleBasedStateMachine):
    """Does one thing after the other with an instrument, and compares."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.case = case
        self.instrument = case.make(np.random.default_rng(11))
        self.server = serve(self.instrument, case.way, time.monotonic, SPEED)
        resource = f"socket://127.0.0.1:{self.server.port}" if case.serial else self.server.resource
        self.device = connect("it", case.driver, resource)
        self.plugged = True
        self.turned = False  # whether somebody else has set anything
        self.since: dict[str, int] = {}  # setting -> length of the logbook when it was set last
        if case.prepare:
            self.device.perform(case.prepare)
        self.device.ANSWER_SECONDS = PATIENCE  # type: ignore[misc] # from now on: no trouble has come yet

    def teardown(self) -> None:
        """End in good order, like every story."""
        try:
            self.all_is_well_or_known()
        finally:
            self.device.close()
            self.server.close()

    def truth(self, name: str) -> Value | None:
        """Return what a setting really is; None if it has no value at this moment, or that is not known."""
        if name not in self.case.truth:
            return None
        now = self.server.now()
        with self.instrument.lock:
            return self.case.truth[name](self.instrument, now) if self.instrument.powered else None

    @rule(data=st.data())
    def order(self, data: st.DataObject) -> None:
        """Set something."""
        name = data.draw(st.sampled_from(sorted(self.case.orders)))
        value = data.draw(st.sampled_from(self.case.orders[name]))
        noted = len(self.device.logbook)
        try:
            self.device.set(name, value)
        except DeviceError:
            return
        self.since[name] = noted

    @rule(data=st.data())
    def look(self, data: st.DataObject) -> None:
        """Read something: it is true, or there is no reading."""
        name = data.draw(st.sampled_from(sorted(self.case.truth)))
        before = self.truth(name)
        try:
            said = self.device.measure(name)
        except DeviceError:
            return
        after = self.truth(name)
        if said.quality is not Quality.GOOD or None in (before, after):
            return
        setting = self.device.setting(name)
        # What was lost while nobody looked may be set again before it is read.
        assert not all(setting.differs(true, said.value) for true in (before, after)), (said, before, after)

    @rule(data=st.data())
    def trouble(self, data: st.DataObject) -> None:
        """Let the line suffer from now on."""
        known = {**TROUBLES, **(HARM if self.case.serial else {})}
        self.server.inject(known[data.draw(st.sampled_from(sorted(known)))])

    @rule(abort=st.booleans())
    def pull_cable(self, abort: bool) -> None:
        if self.plugged:
            self.server.drop_link(abort)

    @rule()
    def unplug(self) -> None:
        self.server.unplug()
        self.plugged = False

    @rule()
    def plug(self) -> None:
        self.server.plug()
        self.plugged = True

    @rule()
    def fail_power(self) -> None:
        self.server.power_cycle()

    @rule(data=st.data())
    def turn(self, data: st.DataObject) -> None:
        """Let somebody else turn a knob."""
        if self.case.knobs and self.instrument.powered:
            knob = data.draw(st.sampled_from(sorted(self.case.knobs)))
            value = data.draw(st.sampled_from(self.case.knobs[knob]))
            turn_knob(self.server, self.instrument, knob, value)
            self.turned = True

    @rule()
    def wait(self) -> None:
        """Let some lab time pass."""
        time.sleep(0.01)

    @rule()
    def accept(self) -> None:
        """Look at what was lost, and accept it."""
        self.all_is_well_or_known()
        if self.device.state is State.DEGRADED:
            self.device.perform("home") if self.case.prepare else self.device.acknowledge()

    @rule()
    def all_is_well_or_known(self) -> None:
        """Heal the line; then what is wanted is so, or it is known to be lost, or a stranger's."""
        self.server.inject(HEALTHY)
        self.plug()
        self._reach()
        for name, wanted in self.device.wanted.items():
            if name not in self.case.truth or not self.device.setting(name).readback:
                continue
            true = self._settled(name)
            lost = self.device.setting(name).differs(wanted, true)
            told = self.turned and self._was_told(name)
            assert not lost or told or self.device.state is State.DEGRADED, (name, wanted, true)

    def _reach(self) -> None:
        """Do what a heartbeat does, until the instrument has answered all of it."""
        end = time.monotonic() + RECOVERY
        while True:
            try:
                self.device.check()
                if self.device.state is not State.DEGRADED:
                    self.device.drifts()
            except DeviceError:
                assert time.monotonic() < end, list(self.device.logbook)[-3:]
                time.sleep(0.01)
            else:
                return

    def _settled(self, name: str) -> Value:
        end = time.monotonic() + RECOVERY
        while (true := self.truth(name)) is None:
            assert time.monotonic() < end
            time.sleep(0.005)
        return true

    def _was_told(self, name: str) -> bool:
        """Tell whether the logbook has named a setting since it was set; it notes no text twice in a row."""
        entries = list(self.device.logbook)[max(self.since.get(name, 0) - 1, 0) :]
        return any(name in each.text and each.severity is not Severity.NOTE for each in entries)


def live(case: Case, monkeypatch: pytest.MonkeyPatch, stories: int, steps: int) -> None:
    """Let an operator live through so many stories."""
    kind = driver_class(case.driver)
    monkeypatch.setattr(kind, "LINE", replace(kind.LINE, quiet=min(kind.LINE.quiet, 0.01)))
    run_state_machine_as_test(
        lambda: Operator(case),
        settings=settings(
            max_examples=stories,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],  # a shorter story of threads and sockets may end otherwise
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("case", CASES[:2], ids=str)
def test_a_few_stories(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    live(case, monkeypatch, stories=3, steps=10)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=str)
def test_many_stories(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    live(case, monkeypatch, stories=12, steps=25)
