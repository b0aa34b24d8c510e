"""What labs suffer, and what comes after: a right answer, an error or an alarm; never a wrong answer."""

from __future__ import annotations

import math
import socket
import time
from dataclasses import replace

import numpy as np
import pytest

from control.device import State
from control.device.happenings import Severity
from control.device.readings import Quality
from control.drivers import connect
from control.errors import DeviceError, LinkError
from hardware_sim.bench_faults import cause, turn_knob
from hardware_sim.instruments.faults import HEALTHY, LineFaults

ORDERS = {
    "arf": {"frequency_1": 123.4e6, "power_1": 20.0, "output_1": True},
    "bristol871": {"calibration_interval": 600.0},
    "dg645": {"delay_a": 1.5e-6, "amplitude_ab": 3.5, "trigger_source": "internal"},
    "dlc_pro": {"laser1_current": 0.1101, "laser2_piezo_voltage": 33.0, "laser1_scan_frequency": 20.0},
    "ell14": {"angle": 0.3, "velocity": 0.6},
    "hmp4040": {"voltage_1": 5.0, "current_1": 2.0, "output_1": True, "master": True},
    "id900": {"input_1_threshold": 0.3, "input_1_enabled": True, "delay_2": 25e-9},
    "ipcmini": {"target_voltage": 5000.0},
    "iseg_nhr": {"ramp_2": 500.0, "voltage_2": 150.0, "output_2": True},
    "k10cr1": {"angle": 0.3, "velocity": 0.02},
    "mdt693b": {"x_voltage": 20.0, "z_voltage": 7.5},
    "mecom": {"target_temperature": 30.0, "ramp": 0.5},
    "pm100d": {"wavelength": 866e-9, "averaging": 10.0},
    "red_pitaya": {"output_1": 1.2},
    "smc100a": {"frequency": 23.4e6, "power": -2.0, "output": True},
    "tpg36x": {"unit": "Pa"},
    "websq": {"bias_current_1": 12e-6, "trigger_level_2": 0.25},
}
"""What each instrument is asked to be before something befalls it."""

MEASURED = {
    "arf": ("temperature_1",),
    "bristol871": ("frequency", "power"),
    "dlc_pro": ("laser1_temperature_actual",),
    "highfinesse": ("frequency",),
    "hmp4040": ("current_actual_1",),
    "ipcmini": ("pressure_1", "voltage_1"),
    "iseg_nhr": ("voltage_actual_2",),
    "mdt693b": ("voltage_limit",),
    "mecom": ("temperature", "voltage_limit"),
    "pm100d": ("power",),
    "red_pitaya": ("input_1",),
    "smc100a": ("power_cap",),
    "tpg36x": ("pressure_1", "gauge_1"),
    "websq": ("bias_voltage_1",),
}
"""What else is read of each."""

NOISE = {
    # Share of a measured value by which it differs from one reading to the next.
    "arf": 0.3,
    "bristol871": 1e-3,
    "dlc_pro": 0.02,
    "highfinesse": 1e-7,
    "iseg_nhr": 1e-3,
    "mecom": 0.05,
    "pm100d": 0.2,
    "websq": 0.02,
}


FLOOR = {"iseg_nhr": 0.05}  # V, of voltages measured near zero


def prepared(meet, pair, **options):
    """Return a meeting whose instrument is what it was asked to be."""
    meeting = meet(pair, witness=True, **options)
    pair.prepare(meeting.device)
    for name, value in ORDERS.get(pair.driver, {}).items():
        meeting.device.set(name, value)
    meeting.hurry()
    return meeting


def probes(pair):
    """Return the names of the settings that are read."""
    return (*ORDERS.get(pair.driver, {}), *MEASURED.get(pair.driver, ()))


def agree(pair, setting, said, truth):
    """Tell whether two readings are the same, as far as noise allows."""
    if said.quality is Quality.BAD or truth.quality is Quality.BAD:
        return said.quality is truth.quality
    if not setting.number:
        return said.value == truth.value
    noise = 0.0 if setting.writable else NOISE.get(pair.driver, 0.0) * abs(truth.value)
    floor = 0.0 if setting.writable else FLOOR.get(pair.driver, 0.0)
    difference = said.value - truth.value
    if math.isfinite(setting.period):
        difference = math.remainder(difference, setting.period)
    return abs(difference) <= max(setting.tolerance, noise, floor, 1e-12 * abs(truth.value))


class Account:
    """What a driver delivered: how often right, how often not at all. Never wrong."""

    def __init__(self):
        self.right = self.errors = 0

    def take(self, meeting, name):
        """Read a setting; complain if a good reading is not the truth."""
        device, witness = meeting.device, meeting.witness
        try:
            said = device.measure(name)
        except DeviceError:
            self.errors += 1
            return False
        if said.quality is Quality.GOOD:
            truth = witness.measure(name)
            assert agree(meeting.pair, device.setting(name), said, truth), (name, said, truth)
        self.right += 1
        return True


def recover(meeting, limits, seconds):
    """Read everything until it is right again; return how long that took, s."""
    start = time.monotonic()
    while True:
        account = Account()
        for name in probes(meeting.pair):
            account.take(meeting, name)
        if not account.errors:
            return time.monotonic() - start
        time.sleep(1e-3)  # a refused connection costs nothing: leave the instrument its turn
        assert time.monotonic() - start < seconds, list(meeting.device.logbook)[-3:]


def require_told(meeting):
    """Assert that what is not as it was wanted is known to be so."""
    device = meeting.device
    for name, wanted in device.wanted.items():
        setting = device.setting(name)
        if not setting.readback:
            continue
        actual = meeting.witness.measure(name)
        if actual.quality is not Quality.BAD and setting.differs(wanted, actual.value):
            told = [each for each in device.logbook if each.severity is not Severity.NOTE]
            assert device.state is State.DEGRADED or told, (name, wanted, actual)


def await_power(meeting, limits):
    """Wait until the instrument has booted; nobody asks it, for it tells of a power cycle only once."""
    end = time.monotonic() + limits.recovery
    while not getattr(meeting.instrument, "powered", True):
        assert time.monotonic() < end, "it did not come back"
        time.sleep(1e-3)


def provoke(meeting, fault, amount=None):
    cause(meeting.server, meeting.instrument, fault, amount, np.random.default_rng(3))


def test_power_cycle(meet, pair, limits, recoveries):
    # A pseudo-terminal that goes with the power comes back under any name; the port of an adapter stays.
    meeting = prepared(meet, pair, way="tcp" if pair.ways[0] == "pty" else "")
    device = meeting.device
    before = {name: meeting.witness.measure(name) for name in probes(pair)}
    provoke(meeting, "power cycle")
    account = Account()
    for name in probes(pair)[:1]:
        account.take(meeting, name)
    await_power(meeting, limits)
    left = {name: meeting.witness.measure(name) for name in ORDERS.get(pair.driver, {})}
    recoveries(pair, "power cycle", recover(meeting, limits, limits.recovery))
    device.check()
    for name, reading in left.items():
        setting, now = device.setting(name), meeting.witness.measure(name)
        lost = not agree(pair, setting, reading, before[name])
        if lost and not setting.restore:
            assert agree(pair, setting, now, reading), f"{name} was set again behind everybody's back"
        elif lost and setting.restore:
            assert agree(pair, setting, now, before[name]) or device.state is State.DEGRADED, name
    require_told(meeting)


@pytest.mark.parametrize("fault", ["pull cable", "unplug", "silence"])
def test_the_line_goes_and_comes(meet, pair, fault, limits, recoveries):
    if fault != "silence" and pair.ways[0] == "pty":
        pytest.skip("a pseudo-terminal comes back under another name: test_an_adapter_that_is_pulled")
    meeting = prepared(meet, pair)
    provoke(meeting, fault)
    account = Account()
    for name in probes(pair)[:2]:
        account.take(meeting, name)
    if fault != "pull cable":
        assert account.right == 0
        provoke(meeting, "plug" if fault == "unplug" else "heal")
    recoveries(pair, fault, recover(meeting, limits, limits.recovery))
    require_told(meeting)


def test_an_answer_that_comes_too_late(meet, pair, limits, recoveries):
    meeting = prepared(meet, pair)
    late = LineFaults(delay=1.5 * limits.patience * pair.speed, replies=1)
    account, names = Account(), probes(pair)
    meeting.server.inject(late)
    account.take(meeting, names[0])
    # The late answer comes between these: none may be taken for another.
    for name in (*names, *names):
        account.take(meeting, name)
    recoveries(pair, "late answer", recover(meeting, limits, limits.recovery))
    require_told(meeting)


def test_garbage(meet, pair, limits, recoveries):
    meeting = prepared(meet, pair)
    provoke(meeting, "garbage")
    account = Account()
    for name in probes(pair)[:2]:
        account.take(meeting, name)
    provoke(meeting, "heal")
    recoveries(pair, "garbage", recover(meeting, limits, limits.recovery))
    require_told(meeting)


def harm(meet, pair, kind, seeds, limits, recoveries):
    """Harm some bytes of one answer on a serial line, again and again."""
    meeting = prepared(meet, pair, serial=True)
    account = Account()
    for seed in seeds:
        rng = np.random.default_rng(seed)
        for name in probes(pair)[:3]:
            meeting.server.inject(replace(HEALTHY, **{kind: 0.05, "rng": rng, "replies": 1}))
            account.take(meeting, name)
    provoke(meeting, "heal")
    recoveries(pair, f"{kind} bytes", recover(meeting, limits, limits.recovery))
    require_told(meeting)
    return account


TCP_ONLY = ("bristol871", "highfinesse", "id900", "websq")  # there, every packet has a check sum


@pytest.mark.parametrize("kind", ["lost", "doubled", "corrupted"])
@pytest.mark.slow
def test_single_bytes(meet, pair, kind, limits, recoveries):
    if pair.driver in TCP_ONLY:
        pytest.skip("it is on a network only, where no single bytes are lost")
    harm(meet, pair, kind, range(1), limits, recoveries)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lost", "doubled", "corrupted"])
def test_many_single_bytes(meet, pair, kind, limits, recoveries):
    if pair.driver in TCP_ONLY:
        pytest.skip("it is on a network only, where no single bytes are lost")
    account = harm(meet, pair, kind, range(100, 140), limits, recoveries)
    assert account.right > account.errors  # one harmed answer is no reason to give up


def test_an_adapter_that_is_pulled(meet, pair, limits, recoveries):
    """The same instruments through a serial-to-network adapter, whose cable can be pulled."""
    if pair.ways[0] != "pty":
        pytest.skip("it has no serial line")
    meeting = prepared(meet, pair, way="tcp")
    provoke(meeting, "unplug")
    assert not Account().take(meeting, probes(pair)[0])
    assert meeting.device.state is State.DOWN
    provoke(meeting, "plug")
    recoveries(pair, "unplug", recover(meeting, limits, limits.recovery))
    require_told(meeting)


def test_a_second_client(meet, pair, limits):
    """Another program changes something: that is what is read, and it is told."""
    meeting = prepared(meet, pair)
    device, other = meeting.device, meeting.witness
    for name, value in ORDERS.get(pair.driver, {}).items():
        setting = device.setting(name)
        if not setting.readback or other.state is not State.UP:
            continue
        if setting.switch:
            other.set(name, not value)
        elif setting.choices:
            other.set(name, next(word for word in setting.choices if word != value))
        else:
            other.set(name, value + (5.0 * setting.tolerance or 1.0))
        assert not setting.differs(other.read(name), device.read(name))
        assert name in [drift.setting for drift in device.drifts()]
        assert list(device.logbook)[-1].severity is Severity.WARNING
        return
    assert Account().take(meeting, probes(pair)[0])


@pytest.mark.parametrize("policy", ["refuse second client", "kick first client"])
def test_one_client_only(meet, pair, policy, limits):
    if pair.ways[0] not in {"tcp", "single"} or pair.driver == "highfinesse":
        pytest.skip("it has no port that serves one client")
    meeting = prepared(meet, pair)
    provoke(meeting, policy)
    if policy.startswith("refuse"):
        with pytest.raises(LinkError):
            connect("second", pair.driver, f"tcp://127.0.0.1:{meeting.server.port}")
    elif pair.driver != "bristol871":
        intruder = socket.create_connection(("127.0.0.1", meeting.server.port))
        intruder.close()
    recover(meeting, limits, limits.recovery)
    require_told(meeting)


HANDS = {
    # Driver -> knob, what a human turns it to, and the setting that this changes.
    "arf": ("frequency_1", 99e6, "frequency_1"),
    "dg645": ("delay_a", 2e-6, "delay_a"),
    "dlc_pro": ("laser1 current", 111.0, "laser1_current"),
    "hmp4040": ("voltage_1", 3.0, "voltage_1"),
    "id900": ("threshold_1", 0.5, "input_1_threshold"),
    "iseg_nhr": ("voltage_2", 120.0, "voltage_2"),
    "k10cr1": ("jog", 0.05, "angle"),
    "mdt693b": ("x", 40.0, "x_voltage"),
    "mecom": ("target", 35.0, "target_temperature"),
    "pm100d": ("wavelength", 700.0, "wavelength"),
    "tpg36x": ("unit", "Torr", "unit"),
    "websq": ("bias_current", 15e-6, "bias_current_1"),
}


def test_a_hand_at_the_front_panel(meet, pair, limits):
    if pair.driver not in HANDS:
        pytest.skip("nothing that is set can be changed by hand")
    meeting = prepared(meet, pair)
    device = meeting.device
    knob, value, name = HANDS[pair.driver]
    before = device.measure(name)
    turn_knob(meeting.server, meeting.instrument, knob, value)
    recover(meeting, limits, limits.recovery)
    setting = device.setting(name)
    assert not agree(pair, setting, device.measure(name), before)
    if setting.readback:
        assert [drift.setting for drift in device.drifts()] == [name]
        assert list(device.logbook)[-1].severity is Severity.WARNING
    assert meeting.complaints() == []


MENDING = (
    "locked again",
    "interlock closed",
    "inhibit released",
    "cooled down",
    "mended load",
    "sensor plugged",
    "cool-down",
)
UNSEEN = {
    # Faults that no answer tells of: a wavemeter sees a mode hop, what is not locked (as laser 2 here) does
    # not lose its lock, a calibration fails when it is begun, what is off has no load, and a spark that does
    # not trip is over.
    "bristol871": ("calibration failure",),
    "dlc_pro": ("mode hop", "laser1 mode hop", "laser2 mode hop", "laser2 unlock", "laser2 rail"),
    "highfinesse": ("stale",),
    "hmp4040": ("open load 2", "open load 3", "open load 4"),
    "iseg_nhr": ("current trip",),
    "k10cr1": ("lost steps",),
}


def shows(meeting, before, happened):
    """Tell whether one look at everything shows that something happened."""
    device = meeting.device
    try:
        device.check()
        if meeting.pair.driver == "k10cr1":
            device.set("angle", 0.4)  # a motor stalls when it is to turn
        after = meeting.readings()
    except DeviceError:
        return True
    if device.trouble or len(device.logbook) > happened:
        return True
    return any(not agree(meeting.pair, device.setting(name), after[name], before[name]) for name in before)


def test_its_own_faults(meet, pair, limits):
    meeting = meet(pair)
    faults = getattr(meeting.instrument, "FAULTS", ())
    meeting.device.close()
    for fault in faults:
        if fault.startswith(MENDING):
            continue
        meeting = prepared(meet, pair)
        device = meeting.device
        if pair.driver == "dlc_pro":
            device.perform("lock", "laser1")  # what is not locked cannot lose its lock
        before = meeting.readings()
        happened = len(device.logbook)
        provoke(meeting, fault)
        seen = shows(meeting, before, happened) or fault in UNSEEN.get(pair.driver, ())
        end = time.monotonic() + limits.recovery
        while not seen and device.STREAM and time.monotonic() < end:  # what is pushed is on its way
            seen = shows(meeting, before, happened)
        assert seen, fault
        device.close()
        meeting.witness.close()
        meeting.server.close()
