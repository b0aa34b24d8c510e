"""Meerstetter TEC-1091, TEC-1089 and TEC-1122: temperatures of cavity, crystals, modulators and filters.

Serial, 57600 baud, several controllers on one RS-485 line by their addresses; or TCP, port 50000. The frames
are those of `control.protocols.mecom`. Of a TEC-1122 the first of its two channels is driven.

A controller writes every new setting to its flash memory, which bears a limited number of writings, unless it
is told not to: that is done whenever the link is opened, before anything is set. It forgets it when it
restarts, and that tells a restart. After an error, as of a broken sensor, its output stays off until `reset`.

Source:
    Meerstetter MeCom protocol specifications 5117 and 5136, as spoken by mecompyapi and pyMeCom. The range of
    temperatures, and that saving comes back with a restart, are from memory of the manual.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Unpack

from control.device import Device, Identity
from control.device.options import DeviceOptions
from control.device.readings import Judged, Quality
from control.device.settings import Evidence, Setting, Value
from control.errors import BadReply, ConfigError, Refused
from control.protocols import mecom
from control.transport import Deadline, LineSettings, Link

LAST_ADDRESS = 254  # 255 reaches all and is not answered
CHANNEL = 1

# Parameters that are no settings.
TYPE, SERIAL_NUMBER, FIRMWARE = 100, 102, 103
ERROR_NUMBER, ERROR_INSTANCE, ERROR_PARAMETER = 105, 106, 107
SAVING, SAVING_ON, SAVING_OFF = 108, 0, 1

LOWEST, HIGHEST = -40.0, 150.0  # degC; what Peltier elements and their solder stand
RESOLUTION = 1e-4  # more than 32 bits of float round off at 150

TARGET = Setting(
    "target_temperature",
    unit="degC",
    doc="where the object is to go",
    low=LOWEST,
    high=HIGHEST,
    tolerance=RESOLUTION,
    evidence=Evidence.TRIED,
    restore=True,
)
RAMP = Setting(
    "ramp",
    unit="degC/s",
    doc="how fast the target is approached",
    low=1e-4,
    high=10.0,
    tolerance=1e-5,
    evidence=Evidence.CLIENT,
    restore=True,
)
OUTPUT = Setting(
    "output",
    unit="",
    doc="the control on or off",
    switch=True,
    evidence=Evidence.CLIENT,
    guards=(TARGET.name,),
)


def _reading(name: str, unit: str, doc: str, *, key: bool = False) -> Setting:
    return Setting(name, unit, doc, writable=False, key=key, evidence=Evidence.CLIENT)


OBJECT = _reading("temperature", "degC", "of the object", key=True)
SINK = _reading("sink_temperature", "degC", "of the heat sink")
RAMPED = _reading("ramped_temperature", "degC", "where the ramp to the target is")
INSIDE = _reading("device_temperature", "degC", "of the controller itself")
CURRENT = _reading("current", "A", "through the Peltier element")
VOLTAGE = _reading("voltage", "V", "across the Peltier element")
CURRENT_LIMIT = _reading("current_limit", "A", "of the output; set with the maker's program, once")
VOLTAGE_LIMIT = _reading("voltage_limit", "V", "of the output; set with the maker's program, once")
STABILITY = Setting(
    "stability",
    unit="",
    doc="whether the object stays at the target",
    choices=("inactive", "not stable", "stable"),
    writable=False,
    key=True,
    evidence=Evidence.CLIENT,
)
STATUS = Setting(
    "status",
    unit="",
    doc="what the controller is doing",
    choices=("init", "ready", "run", "error", "bootloader", "will reset"),
    writable=False,
    evidence=Evidence.TRIED,
)

PARAMETERS: Mapping[str, int] = MappingProxyType(
    {
        TARGET.name: 3000,
        RAMP.name: 3003,
        OUTPUT.name: 2010,
        OBJECT.name: 1000,
        SINK.name: 1001,
        RAMPED.name: 1011,
        INSIDE.name: 1063,
        CURRENT.name: 1020,
        VOLTAGE.name: 1021,
        CURRENT_LIMIT.name: 2030,
        VOLTAGE_LIMIT.name: 2031,
        STABILITY.name: 1200,
        STATUS.name: 104,
    }
)


class MeerstetterTec(Device):
    """One temperature controller.

    Args:
        name: as for `Device`.
        link: as for `Device`; shared by all controllers on the line.
        options: as for `Device`; the address is "0" to "254", and "0" reaches the only controller on a line.

    Raises:
        ConfigError: an address that no controller can have.
    """

    SETTINGS: ClassVar[tuple[Setting, ...]] = (
        TARGET,
        RAMP,
        OUTPUT,
        OBJECT,
        SINK,
        RAMPED,
        INSIDE,
        CURRENT,
        VOLTAGE,
        CURRENT_LIMIT,
        VOLTAGE_LIMIT,
        STABILITY,
        STATUS,
    )
    MODELS: ClassVar[tuple[str, ...]] = ("TEC-1091", "TEC-1089", "TEC-1122")
    LINE: ClassVar[LineSettings] = LineSettings(baud=57600)
    ON_BUS: ClassVar[bool] = True
    CHECKED: ClassVar[bool] = True
    ACTIONS: ClassVar[tuple[str, ...]] = ("reset",)
    PARKING: ClassVar[str] = "the temperature is held"

    def __init__(self, name: str, link: Link, **options: Unpack[DeviceOptions]) -> None:
        given = options.get("address")
        address = "0" if given is None else given
        if not (address.isascii() and address.isdigit() and int(address) <= LAST_ADDRESS):
            raise ConfigError(
                (
                    f"{name}: {address!r} is not the address of a temperature controller. "
                    f"Give a number from 0 to {LAST_ADDRESS}.",
                )
            )
        options["address"] = address
        super().__init__(name, link, **options)
        self._bus_address = int(address)
        self._sequence = 0

    def reset(self) -> None:
        """Restart the controller, the only way out of an error; it is silent for some seconds then.

        Raises:
            Refused: it does not restart now.
            LinkError: no answer.
        """
        with self._transaction():
            self._acknowledged("RS")
            self._degrade("it was reset, its settings are those of its memory")
        self._distrust()

    def _require_ready(self, setting: Setting) -> None:
        self._check()
        super()._require_ready(setting)

    def _greet(self, *, first: bool) -> None:
        self._acknowledged(mecom.put(SAVING, CHANNEL, SAVING_OFF))

    def _settle(self) -> None:
        self._check()

    def _has_restarted(self) -> bool:
        return self._ask_integer(SAVING) == SAVING_ON

    def _identify(self) -> Identity:
        kind, serial_number, firmware = map(self._ask_integer, (TYPE, SERIAL_NUMBER, FIRMWARE))
        return Identity("Meerstetter", f"TEC-{kind}", str(serial_number), str(firmware))

    def _check(self) -> None:
        self._look_for_restart()
        if self._read(STATUS) == "error":
            error, instance, parameter = map(
                self._ask_integer, (ERROR_NUMBER, ERROR_INSTANCE, ERROR_PARAMETER)
            )
            self._degrade(
                f"it reports error {error} (instance {instance}, parameter {parameter}) and has switched its "
                "output off until it is reset"
            )

    def _read(self, setting: Setting) -> Value | Judged:
        number = PARAMETERS[setting.name]
        words = ("off", "on") if setting.switch else setting.choices
        if words:
            code = self._ask_integer(number)
            if not 0 <= code < len(words):
                raise self._bad_reply(
                    mecom.get(number, CHANNEL), str(code).encode(), f"0 to {len(words) - 1}"
                )
            return bool(code) if setting.switch else words[code]
        value = self._ask_real(number)
        if math.isnan(value):
            return Judged(value, Quality.BAD, "it is not a number: is the sensor connected?")
        return value

    def _write(self, setting: Setting, value: Value) -> None:
        number = int(value) if isinstance(value, bool) else float(value)
        self._acknowledged(mecom.put(PARAMETERS[setting.name], CHANNEL, number))

    def _ask_integer(self, parameter: int) -> int:
        payload = mecom.get(parameter, CHANNEL)
        answer = self._exchange(payload)
        value = mecom.integer(answer)
        if value is None:
            raise self._bad_reply(payload, answer, "8 hexadecimal digits")
        return value

    def _ask_real(self, parameter: int) -> float:
        payload = mecom.get(parameter, CHANNEL)
        answer = self._exchange(payload)
        value = mecom.real(answer)
        if value is None:
            raise self._bad_reply(payload, answer, "8 hexadecimal digits")
        return value

    def _acknowledged(self, payload: str) -> None:
        """Send a command and make sure that it was taken."""
        answer = self._exchange(payload)
        if answer:
            raise self._bad_reply(payload, answer, "an acknowledgement")

    def _exchange(self, payload: str) -> bytes:
        """Return what this controller says to a question; nothing if it acknowledges."""
        self._sequence = (self._sequence + 1) % mecom.SEQUENCES
        question = mecom.frame(self._bus_address, self._sequence, payload)
        deadline = Deadline.after(self.ANSWER_SECONDS)
        self._link.send(question, deadline)
        while True:
            line = self._link.receive(mecom.END, deadline)
            answer = mecom.parse(line)
            if answer is None or not (answer.intact or answer.payload == b""):
                raise self._bad_reply(payload, line, "an intact MeCom frame")
            if answer.sequence == self._sequence and self._bus_address in {0, answer.address}:
                break
            # Somebody else's, or late.
        if answer.payload == b"" and answer.checksum != int(question[-5:-1], 16):
            raise self._bad_reply(payload, line, "an acknowledgement of this very command")
        if answer.error:
            text = mecom.ERRORS.get(answer.error, "unknown error")
            raise Refused(command=payload, code=answer.error, text=text)
        return answer.payload

    def _bad_reply(self, payload: str, reply: bytes, expected: str) -> BadReply:
        return BadReply(tried=f"send {payload!r}", reply=reply, expected=expected)
