"""Agilent IPCMini and 4UHV ion pump controllers: the vacuum of the trap.

A serial line of 9600 baud, RS-485 with addresses 0 to 31, or TCP port 23 with the same bytes; frames are
those of `control.protocols.window`. A 4UHV has four channels, an IPCMini the first alone.

The pump current is the pressure gauge: with the high voltage off there is no pressure reading, and none is
given. The pump is left alone: nothing switches its high voltage off but `set("high_voltage_1", False)`;
parking does not touch it, and after a power cut it is not switched on again without somebody having looked.
The controller lets itself be written only in its modes serial and LAN.

Source:
    Agilent 4UHV manual 87-900-137-01, pages 73 to 75; windows from oxart-devices and agilent-vacuum. The
    windows of the channels 2 to 4, beside 12 to 14, are from memory.
"""

from __future__ import annotations

import re
from typing import ClassVar, Unpack

from control.device import Identity
from control.device.options import DeviceOptions
from control.device.readings import Judged, Quality
from control.device.settings import Evidence, Setting, Value
from control.device.variants import VariedDevice
from control.errors import BadReply, ConfigError, Refused
from control.protocols.text import number_in, whole_number_in
from control.protocols.window import (
    ACKNOWLEDGED,
    CHECKSUM_SIZE,
    ETX,
    FAILURES,
    decode,
    encode_read,
    encode_write,
)
from control.transport import Deadline, LineSettings, Link

CHANNELS = (1, 2, 3, 4)
HIGHEST_ADDRESS = 31
ONE_CHANNEL = "this controller has one channel"

MODES = ("serial", "remote", "local", "LAN")
WRITABLE_MODES = ("serial", "LAN")
PASCAL = {"": 133.322_368, "1": 100.0, "2": 1.0}
"""Window 600 without leading zeros: Torr, mbar or Pa; and what one of it is in pascal."""

STATUS = {0: "stopped", 5: "normal", 6: "failure"}
ERRORS = {0x04: "over-temperature", 0x20: "interlock of the cable", 0x40: "short circuit", 0x80: "protect"}
"""Bits of window 206."""

MODEL_WINDOW, SERIAL_WINDOW, UNIT_WINDOW, STATUS_WINDOW = 319, 323, 600, 205
MODE = Setting(
    "mode", "", "who may set the controller", choices=MODES, evidence=Evidence.MANUAL, restore=True
)
STATE = Setting("status", "", "of the pump", text=True, writable=False, key=True, evidence=Evidence.CLIENT)
TROUBLE = Setting("errors", "", "what is wrong", text=True, writable=False, evidence=Evidence.CLIENT)
TARGET = Setting(
    "target_voltage",
    unit="V",
    doc="that the high voltage goes to",
    low=3000.0,
    high=7000.0,
    tolerance=0.5,  # whole volts
    evidence=Evidence.MANUAL,
)
TEMPERATURES = tuple(
    Setting(name, "degC", doc, writable=False, evidence=Evidence.CLIENT)
    for name, doc in (
        ("power_temperature", "of the power section"),
        ("board_temperature", "of the controller"),
    )
)
HIGH_VOLTAGES = tuple(
    Setting(
        f"high_voltage_{n}",
        "",
        f"of pump {n}, on or off",
        switch=True,
        deadline=2.0,
        evidence=Evidence.MANUAL,
        guards=(TARGET.name,),
    )
    for n in CHANNELS
)


def _measured(quantity: str, unit: str, doc: str) -> tuple[Setting, ...]:
    return tuple(
        Setting(
            f"{quantity}_{n}",
            unit,
            f"{doc} {n}",
            writable=False,
            key=n == 1 and quantity == "pressure",
            evidence=Evidence.TRIED if n == 1 else Evidence.MEMORY,
        )
        for n in CHANNELS
    )


VOLTAGES = _measured("voltage", "V", "measured at pump")
CURRENTS = _measured("current", "A", "measured at pump")
PRESSURES = _measured("pressure", "Pa", "as the current tells, at pump")

WINDOWS = {
    MODE.name: 8,
    STATE.name: STATUS_WINDOW,
    TROUBLE.name: 206,
    TARGET.name: 613,
    **{setting.name: 800 + n for n, setting in enumerate(TEMPERATURES)},
    **{setting.name: 10 + n for n, setting in zip(CHANNELS, HIGH_VOLTAGES, strict=True)},
    **{setting.name: 800 + 10 * n for n, setting in zip(CHANNELS, VOLTAGES, strict=True)},
    **{setting.name: 801 + 10 * n for n, setting in zip(CHANNELS, CURRENTS, strict=True)},
    **{setting.name: 802 + 10 * n for n, setting in zip(CHANNELS, PRESSURES, strict=True)},
}


class IpcMini(VariedDevice):
    """One IPCMini or 4UHV.

    Args:
        name: as for `Device`.
        link: as for `Device`; shared by all controllers on an RS-485 line.
        options: as for `Device`; the address is "0" to "31" on an RS-485 line.

    Raises:
        ConfigError: an address that no controller can have.
    """

    SETTINGS: ClassVar[tuple[Setting, ...]] = (
        *(MODE, STATE, TROUBLE, TARGET, *HIGH_VOLTAGES),
        *(*PRESSURES, *CURRENTS, *VOLTAGES, *TEMPERATURES),
    )
    MODELS: ClassVar[tuple[str, ...]] = ("IPCMini", "4UHV")
    LINE: ClassVar[LineSettings] = LineSettings(baud=9600)
    ON_BUS: ClassVar[bool] = True
    CHECKED: ClassVar[bool] = (
        False  # its sum does not notice two doubled bytes that are the same: 5000, 500000
    )
    PARKING: ClassVar[str] = "the pump stays as it is"

    def __init__(self, name: str, link: Link, **options: Unpack[DeviceOptions]) -> None:
        address = options.get("address")
        if address is not None and not (address.isdecimal() and int(address) <= HIGHEST_ADDRESS):
            raise ConfigError(
                (f"{name}: {address!r} is no address of a pump controller. Give 0 to {HIGHEST_ADDRESS}.",)
            )
        super().__init__(name, link, **options)
        self._bus_address = int(address or 0)

    def _absence(self, setting: Setting) -> str:
        single = self._identity is not None and self._identity.model == "IPCMini"
        return ONE_CHANNEL if single and setting.name[-2:] in {"_2", "_3", "_4"} else ""

    def _identify(self) -> Identity:
        model = self._ask(MODEL_WINDOW).strip()
        # It is written with and without blanks and hyphens.
        plain = re.sub(r"[\W_]", "", model).upper()
        known = next((name for name in self.MODELS if name.upper() in plain), model)
        return Identity("Agilent", known, self._ask(SERIAL_WINDOW).strip(), "")

    def _check(self) -> None:
        self._ask(STATUS_WINDOW)

    def _read(self, setting: Setting) -> Value | Judged:
        answer = self._ask(WINDOWS[setting.name])
        if setting.choices:
            return setting.choices[self._index_in(setting, answer, len(setting.choices))]
        if setting.switch:
            return self._index_in(setting, answer, 2) == 1
        number = self._number_in(setting, answer)
        if setting.name == STATE.name:
            return STATUS.get(int(number), f"unknown status {int(number)}")
        if setting.name == TROUBLE.name:
            return ", ".join(text for bit, text in ERRORS.items() if int(number) & bit) or "none"
        return self._judge_pressure(number, setting.name[-1]) if setting.unit == "Pa" else number

    def _write(self, setting: Setting, value: Value) -> None:
        if setting.choices:
            data = f"{MODES.index(str(value)):06d}"
        elif setting.switch:
            data = str(int(value))
        else:
            data = f"{round(float(value)):06d}"
        window = WINDOWS[setting.name]
        reply = self._exchange(window, encode_write(self._bus_address, window, data))
        self._accept_status(window, reply)

    def _judge_pressure(self, number: float, channel: str) -> Value | Judged:
        """Return a pressure in pascal, if there is a pump current to tell it from."""
        unit = self._ask(UNIT_WINDOW)
        if unit.lstrip("0") not in PASCAL:
            raise self._bad_reply(UNIT_WINDOW, unit.encode(), "the number of a unit, 0 to 2")
        pressure = number * PASCAL[unit.lstrip("0")]
        if not self._read(self.setting(f"high_voltage_{channel}")):
            return Judged(pressure, Quality.BAD, "its high voltage is off")
        if pressure <= 0.0:
            return Judged(pressure, Quality.BAD, "the pump current is too small to tell")
        if self._read(STATE) == "failure":
            return Judged(pressure, Quality.SUSPECT, "the controller reports a failure")
        return pressure

    def _index_in(self, setting: Setting, answer: str, count: int) -> int:
        index = whole_number_in(answer)
        if index is None or index >= count:
            expected = f"a whole number below {count}"
            raise self._bad_reply(WINDOWS[setting.name], answer.encode(), expected)
        return index

    def _number_in(self, setting: Setting, answer: str) -> float:
        number = number_in(answer.strip())
        if number is None:
            raise self._bad_reply(WINDOWS[setting.name], answer.encode(), "a number")
        return number

    def _ask(self, window: int) -> str:
        """Return the data in a window."""
        reply = self._exchange(window, encode_read(self._bus_address, window))
        self._accept_status(window, reply, done=False)
        head = f"{window:03d}0".encode("ascii")
        if not reply.startswith(head):
            raise self._bad_reply(window, reply, f"the content of window {window}")
        return reply[len(head) :].decode("ascii")

    def _accept_status(self, window: int, reply: bytes, *, done: bool = True) -> None:
        """Go on if a reply of a single byte says that it is done, or, after a reading, is none."""
        if len(reply) == 1 and reply[0] in FAILURES:
            advice = "What it was set to before still holds."
            if reply[0] == 0x35:
                advice = f'Has it the mode {" or ".join(WRITABLE_MODES)}? set("mode", ...) changes that.'
            raise Refused(command=f"window {window}", code=reply[0], text=FAILURES[reply[0]], advice=advice)
        if done and reply != bytes([ACKNOWLEDGED]):
            raise self._bad_reply(window, reply, "a single byte that acknowledges")

    def _exchange(self, window: int, request: bytes) -> bytes:
        """Return what the answer to a frame says; on a dirty line, late answers of other windows pass by."""
        deadline = Deadline.after(self.ANSWER_SECONDS)
        self._link.send(request, deadline)
        while True:
            content = self._receive(window, deadline)
            if not self._dirty or content.startswith(f"{window:03d}".encode("ascii")):
                return content

    def _receive(self, window: int, deadline: Deadline) -> bytes:
        frame = self._link.receive(ETX, deadline)
        checksum = self._link.receive_exactly(CHECKSUM_SIZE, deadline)
        content = decode(frame, checksum, self._bus_address)
        if content is None or not (content.isascii() or len(content) == 1):
            raise self._bad_reply(window, frame + ETX + checksum, "a whole frame from this controller")
        return content

    def _bad_reply(self, window: int, reply: bytes, expected: str) -> BadReply:
        return BadReply(tried=f"ask for window {window}", reply=reply, expected=expected)
