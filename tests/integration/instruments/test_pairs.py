"""Every driver against its instrument, in good health: what one says, the other understands."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from control.device import State
from control.device.readings import Quality
from control.errors import IdentityError, LimitError, UnknownName

SETTLED = 2.0  # s after which an output at the latest is where it was set
WRONG = "X-0000"

pytestmark = pytest.mark.filterwarnings(
    "ignore:set(Daemon|Name):DeprecationWarning",  # pyserial 3.5, for rfc2217://
    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning",  # pyvisa-py 0.8.1, VXI-11
)

TURN = 360.0  # degrees


def levels(device, pair, setting):
    """Return the values to try: both ends of what is allowed, and something between."""
    if setting.switch:
        return [False, True, False]
    if setting.choices:
        return list(setting.choices)
    if setting.name in pair.spans:
        return list(pair.spans[setting.name])
    bounds = device.range(setting.name)
    middle = (bounds.low + bounds.high) / 2.0
    return [bounds.low, round(middle) if setting.tolerance == 0.0 else middle, bounds.high]


def settable(device):
    """Return the settings that can be written and that this model has."""
    return [
        setting
        for setting in device.SETTINGS
        if setting.writable and device.measure(setting.name).quality is not Quality.BAD
    ]


def test_who_is_there(meet, pair, way):
    meeting = meet(pair, way, serial_number=pair.serial_number or None)
    found = meeting.device.identity
    assert found.model in type(meeting.device).MODELS
    assert found.serial_number == pair.serial_number
    pair.prepare(meeting.device)
    assert meeting.device.check() is State.UP
    assert meeting.device.ping()
    assert meeting.complaints() == []


def test_another_serial_number_is_refused(meet, pair):
    if not pair.serial_number:
        pytest.skip("it does not tell its serial number")
    with pytest.raises(IdentityError) as caught:
        meet(pair, serial_number=WRONG)
    assert (caught.value.expected, caught.value.found) == (WRONG, pair.serial_number)


def test_every_setting_is_read(meet, pair):
    meeting = meet(pair)
    pair.prepare(meeting.device)
    for name, reading in meeting.readings().items():
        setting = meeting.device.setting(name)
        assert reading.unit == setting.unit
        if reading.quality is Quality.BAD:
            assert reading.note, name
        elif setting.number:
            assert type(reading.value) is float, name
            assert math.isfinite(reading.value), name
        else:
            assert type(reading.value) is (bool if setting.switch else str), name
    assert meeting.complaints() == []


def test_everything_is_set_and_holds(meet, pair):
    meeting = meet(pair)
    device = meeting.device
    pair.prepare(device)
    tried = 0
    for setting in settable(device):
        before = device.read(setting.name)
        for value in levels(device, pair, setting):
            held = device.set(setting.name, value)
            assert not setting.differs(value, held), setting.name
            assert not (setting.readback and setting.differs(value, device.read(setting.name))), setting.name
            tried += 1
        if setting.readback:
            device.set(setting.name, before)  # what is tried next may depend on it
    assert tried > 0 or not any(setting.writable for setting in device.SETTINGS)
    assert device.state is State.UP
    assert meeting.complaints() == []


def test_beyond_the_limits_nothing_is_sent(meet, pair):
    meeting = meet(pair)
    device = meeting.device
    pair.prepare(device)
    for setting in settable(device):
        if not setting.number:
            continue
        bounds = device.range(setting.name)
        over, under = math.nextafter(bounds.high, math.inf), math.nextafter(bounds.low, -math.inf)
        for value, origin in (
            (over, bounds.high_origin),
            (under, bounds.low_origin),
            (math.nan, bounds.high_origin),
        ):
            before = device.read(setting.name)
            with pytest.raises(LimitError) as caught:
                device.set(setting.name, value)
            assert caught.value.origin == origin
            after = device.read(setting.name)
            assert not (setting.readback and setting.differs(before, after))
    assert meeting.complaints() == []


TRUTHS = {
    # Driver -> what is the case in its instrument by its own account, at a lab time: setting -> value.
    "arf": lambda source, now: {
        "frequency_1": source.signal(1, now).frequency,
        "power_1": source.signal(1, now).power,
    },
    "dg645": lambda generator, now: {"delay_a": generator.edge(2), "delay_d": generator.edge(5)},
    "dlc_pro": lambda controller, now: {
        "laser1_current_actual": controller.current(1, now),
        "laser1_temperature_actual": controller.temperature(1, now),
        "laser2_piezo_voltage_actual": controller.piezo_voltage(2, now),
        "laser2_emission": controller.emission(2),
    },
    "ell14": lambda bus, now: {"angle": bus.mounts[0].angle(now) % 1.0},
    "hmp4040": lambda supply, now: {
        "voltage_actual_1": supply.voltage(1, now),
        "current_actual_2": supply.current(2, now),
    },
    "iseg_nhr": lambda module, now: {f"voltage_actual_{n}": module.voltage(n, now) for n in range(4)},
    "k10cr1": lambda mount, now: {"angle": mount.angle(now)},
    "mdt693b": lambda piezos, now: {f"{axis}_voltage": piezos.voltage(axis, now) for axis in "xyz"},
    "mecom": lambda oven, now: {"temperature": oven.object_temperature(now)},
    "red_pitaya": lambda board, now: {f"output_{pin}": board.slow_output(pin) for pin in range(4)},
    "smc100a": lambda source, now: {
        "frequency": source.frequency,
        "power": source.power,
        "output": source.output,
        "phase": source.phase,
    },
    "websq": lambda box, now: {f"bias_current_{n}": box.bias(n) for n in (1, 2)},
}


ORDERS = {
    "arf": {"frequency_1": 123.4e6, "power_1": 20.0, "output_1": True},
    "dg645": {"delay_a": 1.5e-6, "reference_d": "a", "delay_d": 0.0},
    "dlc_pro": {"laser1_current": 0.12, "laser1_temperature": 20.5, "laser2_piezo_voltage": 33.0},
    "ell14": {"angle": 0.3},
    "hmp4040": {
        "voltage_1": 5.0,
        "current_1": 2.0,
        "output_1": True,
        "voltage_2": 3.0,
        "current_2": 1.0,
        "output_2": True,
        "master": True,
    },
    "iseg_nhr": {"ramp_2": 500.0, "voltage_2": 150.0, "output_2": True},
    "k10cr1": {"angle": 0.3},
    "mdt693b": {"x_voltage": 20.0, "z_voltage": 7.5},
    "mecom": {"target_temperature": 30.0},
    "red_pitaya": {"output_1": 1.2},
    "smc100a": {"frequency": 23.4e6, "power": -2.0, "phase": 0.25, "output": True},
    "websq": {"bias_current_1": 12e-6, "enabled": True},
}
LOOSE = {
    # How far a driver's number may be from the truth, where that is more than the tolerance of the setting.
    "dg645": 1e-11,  # s; delay_d counts from A
    "dlc_pro": 2e-3,
    "ell14": 0.5 / TURN,
    "hmp4040": 2e-3,
    "iseg_nhr": 0.05,  # V: noise of the measurement
    "k10cr1": 0.2 / TURN,
    "mdt693b": 5.0,
    "mecom": 0.02,
    "websq": 1e-7,
}


def test_the_instrument_is_what_it_was_set_to(meet, pair):
    """The state of the simulator itself, which no reply has passed through, agrees with what is read."""
    if pair.driver not in ORDERS:
        pytest.skip("it measures only")
    meeting = meet(pair)
    device = meeting.device
    pair.prepare(device)
    for name, value in ORDERS[pair.driver].items():
        device.set(name, value)
    end = time.monotonic() + SETTLED
    while True:
        apart = []
        for name, truth in TRUTHS[pair.driver](meeting.instrument, meeting.now()).items():
            setting, said = device.setting(name), device.read(name)
            if pair.driver == "dg645" and name == "delay_d":
                said += device.read("delay_a")
            tolerance = max(setting.tolerance, LOOSE.get(pair.driver, 0.0))
            difference = float(said) - float(truth)
            if math.isfinite(setting.period):
                difference = math.remainder(difference, setting.period)
            if abs(difference) > tolerance:
                apart.append((name, said, truth))
        if not apart or time.monotonic() > end:
            break
    assert not apart
    assert meeting.complaints() == []


ACTIONS = {
    "bristol871": {"calibrate": ()},
    "dg645": {"trigger": ()},
    "dlc_pro": {"unlock": ("laser1",), "lock": ("laser1",), "switch_off": ("laser2",)},
    "ell14": {"home": ()},
    "highfinesse": {"lock": (0.0,), "unlock": ()},
    "hmp4040": {"heat": (4, 1.0, 1.0, 0.2), "cool": (4,)},
    "id900": {
        "count_rates": (),
        "load_counters": (),
        "coincidences": (6,),
        "histogram": (1,),
        "acquire": (1, 0.01),
        "recalibrate": (),
    },
    "iseg_nhr": {"switch_off": (1,), "emergency_off": (), "clear_events": ()},
    "k10cr1": {"home": (), "blink": ()},
    "mecom": {"reset": ()},
    "pm100d": {"zero": ()},
    "red_pitaya": {"acquire": (1e-3,)},
    "websq": {"count_rates": (), "rebias": (1,), "calibrate": ((0.3, 0.5),)},
}


def test_every_action(meet, pair):
    meeting = meet(pair)
    device = meeting.device
    pair.prepare(device)
    own = ACTIONS.get(pair.driver, {})
    assert set(own) == set(device.ACTIONS)
    for action, arguments in own.items():
        result = device.perform(action, *arguments)
        assert result is None or isinstance(result, str | int | float | tuple | np.ndarray), action
        assert device.ping(), action
    with pytest.raises(UnknownName):
        device.perform("identify")
    assert meeting.complaints() == []


def test_parking(meet, pair):
    meeting = meet(pair)
    pair.prepare(meeting.device)
    assert meeting.device.park() == type(meeting.device).PARKING
    assert meeting.device.check() is State.UP
    assert meeting.complaints() == []
