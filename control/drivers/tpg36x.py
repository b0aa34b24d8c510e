"""Pfeiffer TPG 361/362 vacuum gauge controllers, and TPG 261/262 and Inficon VGC 501/502: the vacuum.

A serial line of 9600 baud or USB, and TCP port 8000 of the newer ones; the language is that of
`control.protocols.tpg`. The older ones do not say who they are: they go by the model "TPG26x", without serial
number.

A number that the controller does not vouch for (under-range, over-range, gauge off, no gauge) is no reading:
its last digits would look as good as any. Somebody may have told the controller to send readings by itself;
that is stopped whenever the line is opened.

Source:
    Pfeiffer TPG 261/262 manual BG5195, pages 67 and 68; TPG 361/362 manual BG5510; pylablib. The request
    `AYT` and the TCP port are from memory.
"""

from __future__ import annotations

from contextlib import suppress
from typing import ClassVar

from control.device import Identity
from control.device.readings import Judged, Quality
from control.device.settings import Evidence, Setting, Value
from control.device.variants import VariedDevice
from control.errors import BadReply, Refused, quote
from control.protocols.text import plain, whole_number_in
from control.protocols.tpg import (
    ACKNOWLEDGED,
    END,
    ENQUIRE,
    ERRORS,
    PASCAL,
    REFUSED,
    RESET,
    STATUS,
    decode_measurement,
    encode,
)
from control.transport import Deadline, LineSettings

CHANNELS = (1, 2)
UNITS = ("mbar", "Torr", "Pa", "micron")
WITH_ONE_GAUGE = frozenset({"TPG361", "VGC501"})
ONE_GAUGE = "this controller has one gauge"
NO_CHANGE, OFF, ON = 0, 1, 2  # parameters of SEN

PRESSURES = tuple(
    Setting(f"pressure_{n}", "Pa", f"at gauge {n}", writable=False, key=True, evidence=Evidence.MANUAL)
    for n in CHANNELS
)
GAUGES = tuple(
    Setting(f"gauge_{n}", "", f"type of gauge {n}", text=True, writable=False, evidence=Evidence.MANUAL)
    for n in CHANNELS
)
SWITCHES = tuple(
    Setting(f"gauge_{n}_on", "", f"whether gauge {n} measures", switch=True, evidence=Evidence.MANUAL)
    for n in CHANNELS
)
UNIT = Setting("unit", "", "on its display; readings are in pascal", choices=UNITS, evidence=Evidence.MANUAL)


class Tpg36x(VariedDevice):
    """One controller of one or two vacuum gauges; the arguments are those of `Device`."""

    SETTINGS: ClassVar[tuple[Setting, ...]] = (*PRESSURES, *GAUGES, *SWITCHES, UNIT)
    MODELS: ClassVar[tuple[str, ...]] = ("TPG361", "TPG362", "VGC501", "VGC502", "TPG26x")
    LINE: ClassVar[LineSettings] = LineSettings(baud=9600)

    def _absence(self, setting: Setting) -> str:
        single = not setting.choices and _channel_of(setting) > self._count_gauges()
        return ONE_GAUGE if single else ""

    def _identify(self) -> Identity:
        self._hush()
        for _ in range(2):  # a request that noise has spoilt is refused like one that is not known
            with suppress(Refused):
                return self._identity_in(self._ask("AYT"))
        return Identity("Pfeiffer Vacuum", "TPG26x", "", self._ask("PNR"))

    def _check(self) -> None:
        self._ask("TID")

    def _read(self, setting: Setting) -> Value | Judged:
        if setting.choices:
            return setting.choices[self._unit()]
        channel = _channel_of(setting)
        if setting.text:
            return self._ask_fields("TID")[channel - 1]
        if setting.switch:
            return self._ask_fields("SEN")[channel - 1] != str(OFF)
        return self._pressure(channel)

    def _write(self, setting: Setting, value: Value) -> None:
        if setting.choices:
            self._ask("UNI", setting.choices.index(str(value)))
        else:
            parameters = [NO_CHANGE] * self._count_gauges()
            parameters[_channel_of(setting) - 1] = ON if value else OFF
            self._ask("SEN", *parameters)

    def _identity_in(self, answer: str) -> Identity:
        fields = [field.strip() for field in answer.split(",")]
        if len(fields) != 5:
            raise self._bad_reply("AYT", answer, "type, article, serial number, firmware and hardware")
        model, _, serial_number, firmware, _ = fields
        maker = "Inficon" if model.startswith("VGC") else "Pfeiffer Vacuum"
        return Identity(maker, model.replace(" ", ""), serial_number, firmware)

    def _hush(self) -> None:
        """Stop what it may be saying by itself, and let pass what is on its way."""
        self._link.send(RESET, Deadline.after(self.ANSWER_SECONDS))
        self._link.receive_until_quiet(self.LINE.quiet, Deadline.after(self.ANSWER_SECONDS))

    def _pressure(self, channel: int) -> Value | Judged:
        unit = self._unit()
        request = f"PR{channel}"
        answer = self._ask(request)
        measured = decode_measurement(answer.split(","))
        if measured is None:
            raise self._bad_reply(request, answer, "a status from 0 to 7 and a number")
        pressure = measured.pressure * PASCAL[unit]
        return Judged(pressure, Quality.BAD, STATUS[measured.status]) if measured.status else pressure

    def _unit(self) -> int:
        """Return the index of the unit in which it tells pressures."""
        answer = self._ask("UNI")
        unit = whole_number_in(answer)
        if unit is None or unit >= len(PASCAL):
            raise self._bad_reply("UNI", answer, f"the number of a unit, 0 to {len(PASCAL) - 1}")
        return unit

    def _count_gauges(self) -> int:
        return 1 if self._identity is not None and self._identity.model in WITH_ONE_GAUGE else 2

    def _ask_fields(self, mnemonic: str) -> list[str]:
        """Return the fields of an answer, one for each gauge."""
        answer = self._ask(mnemonic)
        fields = [field.strip() for field in answer.split(",")]
        if len(fields) < self._count_gauges() or not all(fields):
            raise self._bad_reply(mnemonic, answer, f"{self._count_gauges()} fields")
        return fields

    def _ask(self, mnemonic: str, *parameters: int) -> str:
        """Return the answer to a request.

        Raises:
            Refused: the controller does not like it.
        """
        request = encode(mnemonic, *parameters)
        if not self._is_accepted(request):
            error = self._enquire(encode("ERR")) if self._is_accepted(encode("ERR")) else ""
            if error not in ERRORS:
                raise self._bad_reply("ERR", error, "four digits that name an error")
            raise Refused(command=request.decode().strip(), code=int(error), text=ERRORS[error])
        return self._enquire(request)

    def _is_accepted(self, request: bytes) -> bool:
        acknowledgement = self._link.exchange(request, END, self.ANSWER_SECONDS)
        if acknowledgement not in {ACKNOWLEDGED, REFUSED}:
            raise BadReply(
                tried=f"send {quote(request)}", reply=acknowledgement, expected="an acknowledgement"
            )
        return acknowledgement == ACKNOWLEDGED

    def _enquire(self, request: bytes) -> str:
        answer = self._link.exchange(ENQUIRE, END, self.ANSWER_SECONDS)
        return plain(answer, f"send {quote(request)}")

    def _bad_reply(self, mnemonic: str, answer: str, expected: str) -> BadReply:
        return BadReply(tried=f"ask {mnemonic}", reply=answer.encode(), expected=expected)


def _channel_of(setting: Setting) -> int:
    """Return the number in the name of a setting."""
    return int(setting.name.split("_")[1])
