"""iseg NHR, NHS and SHR high-voltage modules: the trap's endcaps, rods and compensation electrodes.

Serial, 9600 baud; `control.protocols.iseg` frames it. The module has no words for a mistake: a bit of the
channel's event status is set, which is looked at after every command.

A voltage that jumps shakes the ions out of the trap, and one that comes back by itself after a trip hurts
people and feedthroughs. So nothing is ever set again by the driver, every change is a ramp of the module that
is waited for, and a trip, an inhibit or an open safety loop stays an alarm until `IsegNhr.clear_events`.

Source:
    iseg SCPI general instruction set (2020-11-10), as understood by the package iseg-nhr 0.2.0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import ClassVar, Unpack

from control.device import Identity
from control.device.happenings import Severity
from control.device.patience import PatientDevice, PatientOptions
from control.device.settings import Evidence, Setting, Value
from control.device.variants import VariedDevice
from control.errors import DeviceError, NotReady, ReadBackError, Refused, UsageError
from control.protocols.iseg import END, IsegDevice
from control.transport import LineSettings, Link

CHANNELS = range(4)

# Bits of a channel's status, and of its event status where they stay until they are cleared.
INPUT_ERROR = 2
ON = 3
RAMPING = 4
EMERGENCY_OFF = 5
ALARMS = {
    1: "arc",
    EMERGENCY_OFF: "emergency off",
    9: "too many arcs",
    12: "external inhibit",
    13: "current trip",
    14: "current limit exceeded",
    15: "voltage limit exceeded",
}
"""After these, a channel stays as it is until somebody has looked."""
STATUS_WORDS = {ON: "on", RAMPING: "ramping", 6: "constant current", 7: "constant voltage", **ALARMS}

# Bits of the module's status, and of its event status.
SAFETY_LOOP_GOOD = 10
SUPPLY = 13  # good in the status; in the event status, it was not: the module starts with that

EMERGENCY_WORDS = (
    "EMCY OFF",
    "EMCY_OFF",
)  # clients in use at labs write either; what is not known does nothing
CLEAR_WORDS = ("EMCY CLR", "EMCY_CLR")

ARRIVAL = 1e-3  # of the nominal voltage: how near a measured voltage must come, ten times the accuracy
DISCHARGED_VOLTS = 1.0  # below, the polarity may be changed
LONGEST_RAMP = 300.0  # s; the line is held as long, and nobody can ask it anything else
RAMP_SLACK = 1.2  # the module's ramps may be slower by so much than what it says
EMERGENCY_TRIES = 2  # of a channel: an answer may be harmed once
SETTLE_SECONDS = 2.0  # after a ramp, until the measured voltage stands
POLL_SECONDS = 0.1  # between two looks at a ramp: a look takes about as long at 9600 baud

POLARITIES = {"p": "positive", "n": "negative"}
FAMILIES = {"NR": "NHR", "NS": "NHS", "SR": "SHR"}  # by the first letters of the type in the identity

_QUESTIONS = {
    "voltage": (":READ:VOLT?", "V"),
    "voltage_actual": (":MEAS:VOLT?", "V"),
    "current": (":READ:CURR?", "A"),
    "current_actual": (":MEAS:CURR?", "A"),
    "ramp": (":READ:RAMP:VOLT?", "V/s"),
}
_COMMANDS = {"voltage": ":VOLT", "current": ":CURR", "ramp": ":CONF:RAMP:VOLT"}


def _channel_settings(channel: int) -> Iterator[Setting]:
    known = Evidence.TRIED
    # 6 kV and 20 mA are the largest of the family, the module knows its own; it counts in six digits.
    yield Setting(
        f"voltage_{channel}",
        "V",
        "that the output ramps to when it is on",
        -6000.0,
        6000.0,
        0.01,
        deadline=LONGEST_RAMP,
        evidence=known,
    )
    yield Setting(
        f"output_{channel}",
        "",
        "high voltage on or off",
        switch=True,
        guards=(f"voltage_{channel}", f"current_{channel}"),
        evidence=known,
    )
    yield Setting(
        f"voltage_actual_{channel}",
        "V",
        "measured at the output",
        -6000.0,
        6000.0,
        0.01,
        writable=False,
        key=True,
        evidence=known,
    )
    yield Setting(f"current_{channel}", "A", "above which it trips", 0.0, 0.02, 1e-7, evidence=known)
    yield Setting(
        f"current_actual_{channel}",
        "A",
        "measured at the output",
        -0.02,
        0.02,
        1e-9,
        writable=False,
        evidence=known,
    )
    yield Setting(f"ramp_{channel}", "V/s", "speed of every change", 0.01, 1200.0, 0.01, evidence=known)
    yield Setting(
        f"polarity_{channel}",
        "",
        "of the output; to be changed only when it is off and discharged",
        choices=tuple(POLARITIES.values()),
        evidence=Evidence.CLIENT,
    )
    yield Setting(
        f"status_{channel}", "", "what the channel does", text=True, writable=False, evidence=Evidence.CLIENT
    )


TEMPERATURE = Setting(
    "temperature", "degC", "of the module", 0.0, 100.0, 0.1, writable=False, evidence=Evidence.CLIENT
)
SAFETY_LOOP = Setting(
    "safety_loop_closed",
    "",
    "whether the safety loop is closed; else all outputs are off",
    switch=True,
    writable=False,
    evidence=Evidence.CLIENT,
)


class IsegNhr(PatientDevice, VariedDevice, IsegDevice):
    """One module with up to four channels, counted from zero as the module does.

    Args:
        name: as for `Device`.
        link: as for `Device`.
        options: as for `PatientDevice`. Give limits: the module can do more than a trap bears.
    """

    SETTINGS: ClassVar[tuple[Setting, ...]] = (
        *(setting for channel in CHANNELS for setting in _channel_settings(channel)),
        TEMPERATURE,
        SAFETY_LOOP,
    )
    MODELS: ClassVar[tuple[str, ...]] = tuple(FAMILIES.values())
    LINE: ClassVar[LineSettings] = LineSettings(baud=9600)
    ACTIONS: ClassVar[tuple[str, ...]] = ("clear_events", "switch_off", "emergency_off")
    PARKING: ClassVar[str] = "all voltages stay as they are: they hold the ions"
    RESTARTED: ClassVar[str] = "it was without power: its outputs are off and its set points are gone"

    def __init__(self, name: str, link: Link, **options: Unpack[PatientOptions]) -> None:
        super().__init__(name, link, **options)
        self._nominal: dict[int, float] = {}  # V; of the channels that are there
        self._told = False  # whether the module has taken a command, whatever came of it

    def clear_events(self) -> None:
        """Clear what the module has noted, after somebody has looked; from then on it can be set again.

        Nothing is switched on by that. An alarm whose cause is still there comes back at once.

        Raises:
            NotReady: an alarm came back.
        """
        with self._transaction():
            for channel in self._nominal:
                if self._status(channel) >> EMERGENCY_OFF & 1:
                    self._say_either(CLEAR_WORDS, channel, emergency=False)
                self._say(f":EV CLEAR,(@{channel})")
            self._say(":CONF:EV CLEAR")
            self.acknowledge()
            self._look(self._nominal)
            if self.trouble:
                raise NotReady(
                    action="clear the events", reason=self.trouble, advice="Find the cause, then try again."
                )

    def switch_off(self, channel: int) -> None:
        """Ramp a channel down and switch it off, whatever else is wrong.

        Args:
            channel: counted from zero.
        """
        setting = self._output(channel)
        with self._urgently():
            self._require_presence(setting)
            self._intend(setting, False)

    def emergency_off(self) -> None:
        """Switch all channels off without a ramp. They stay so until `clear_events`.

        A channel that stumbles does not keep the others on: it is tried again when they are off.

        Raises:
            Refused: some channels do not say that they are off.
        """
        self._degrade("emergency off: call clear_events() when it is safe")
        left = tuple(CHANNELS)
        for _ in range(EMERGENCY_TRIES):
            left = tuple(channel for channel in left if not self._cut_off(channel))
        if left:
            raise Refused(
                device=self.name,
                address=self.address,
                command=f":VOLT {EMERGENCY_WORDS[0]}",
                code=EMERGENCY_OFF,
                text=f"channel {', '.join(map(str, left))} may still be on, and the logbook tells why",
                advice="Use the switch of the module.",
            )

    def _absence(self, setting: Setting) -> str:
        of_module = setting.name in {TEMPERATURE.name, SAFETY_LOOP.name}
        return "" if of_module or _channel(setting) in self._nominal else "the module has no such channel"

    def _require_ready(self, setting: Setting) -> None:
        channel = _channel(setting)
        self._require_presence(setting)
        self._look_for_restart()  # a power cycle does not show in a serial line
        self._look((channel,))
        if self.trouble:
            raise NotReady(
                action=f"set {setting.name}",
                reason=self.trouble,
                advice="Look at the electrodes and the module, then call clear_events().",
            )
        if self._events(channel) >> INPUT_ERROR & 1:
            self._say(f":EV CLEAR,(@{channel})")  # somebody else's mistake must not be blamed on us

    def _greet(self, *, first: bool) -> None:
        nominal = {}
        for channel in CHANNELS[: self._ask_integer(":READ:MOD:CHAN?")]:
            volts = self._ask_surely(f":READ:VOLT:NOM? (@{channel})", "V")
            # The hardware limit, a screw at the module: in volts, or as a part of the nominal voltage.
            limit, unit = self._surely(partial(self._ask_quantity, f":READ:VOLT:LIM? (@{channel})"))
            most = abs(volts * limit / 100.0 if unit == "%" else limit)
            self._tighten(f"voltage_{channel}", -most, most)
            nominal[channel] = abs(volts)
            most = abs(self._ask_surely(f":READ:CURR:NOM? (@{channel})", "A"))
            self._tighten(f"current_{channel}", 0.0, most)
        self._nominal = nominal

    def _has_restarted(self) -> bool:
        restarted = self._bit(":READ:MOD:EV:STAT?", SUPPLY)
        if restarted:
            self._say(":CONF:EV CLEAR")
        return restarted

    def _identify(self) -> Identity:
        question = "*IDN?"
        # An empty line first ends what noise may have begun.
        answer = self._ask(question, lead=END if self._dirty else b"")
        fields = [field.strip() for field in answer.split(",")]
        if len(fields) != 4:
            raise self._bad_reply(question, answer, "four fields with commas between")
        maker, model, serial_number, firmware = fields
        return Identity(maker, FAMILIES.get(model[:2], model), serial_number, firmware)

    def _check(self) -> None:
        self._look_for_restart()
        self._look(self._nominal)

    def _read(self, setting: Setting) -> Value:
        if setting.name == TEMPERATURE.name:
            return self._ask_number(":READ:MOD:TEMP?", "C")
        if setting.name == SAFETY_LOOP.name:
            return self._bit(":READ:MOD:STAT?", SAFETY_LOOP_GOOD)
        channel, kind = _channel(setting), _kind(setting)
        if kind in _QUESTIONS:
            question, unit = _QUESTIONS[kind]
            return self._ask_number(f"{question} (@{channel})", unit)
        return self._read_state(kind, channel)

    def _write(self, setting: Setting, value: Value) -> None:
        channel, kind = _channel(setting), _kind(setting)
        if kind == "output" and value:
            self._ramp(channel, ":VOLT ON", self._read_number("voltage", channel))
        elif kind == "output":
            # Off is never refused, neither for an alarm nor for the time that it takes.
            self._say(f":VOLT OFF,(@{channel})")
            self._arrive(channel, 0.0, min(self._ramp_seconds(channel, 0.0), LONGEST_RAMP))
        elif kind == "polarity":
            self._require_discharged(channel)
            letter = next(letter for letter, word in POLARITIES.items() if word == value)
            self._tell(f":CONF:OUTP:POL {letter}", channel)
        elif kind == "voltage" and self._is_on(channel):
            self._ramp(channel, f":VOLT {float(value):.6E}", float(value))
        else:
            self._tell(f"{_COMMANDS[kind]} {float(value):.6E}", channel)

    def _intend(self, setting: Setting, wanted: Value) -> None:
        self._told = False
        try:
            super()._intend(setting, wanted)
        except (NotReady, Refused):
            if self._told:
                self._wants.begin(setting.name, wanted)  # perhaps it is so: whoever asks next finds out
            raise

    def _cut_off(self, channel: int) -> bool:
        """Switch a channel off without a ramp; return whether that is certain."""
        try:
            with self._urgently():
                if channel in self._nominal:
                    self._say_either(EMERGENCY_WORDS, channel, emergency=True)
                    self._wants.begin(name := f"output_{channel}", False)
                    self._wants.settle(name)
        except DeviceError as error:
            self.logbook.add(Severity.ALARM, f"channel {channel} is not off yet: {error}")
            return False
        return True

    def _read_number(self, kind: str, channel: int) -> float:
        """Return a number that something is decided by, for certain."""
        return float(self._read_surely(self.setting(f"{kind}_{channel}")).value)

    def _ask_surely(self, question: str, unit: str) -> float:
        return self._surely(lambda: self._ask_number(question, unit))

    def _output(self, channel: int) -> Setting:
        if channel not in CHANNELS:
            raise UsageError(
                what=f"{self.name}: there is no channel {channel!r}", advice="Channels are 0 to 3."
            )
        return self.setting(f"output_{channel}")

    def _look(self, channels: Iterable[int]) -> None:
        """Take down the alarms of some channels and of the module."""
        alarms = [
            f"channel {channel} had: {words}"
            for channel in channels
            if (words := _words(self._events(channel), ALARMS))
        ]
        if not self._bit(":READ:MOD:STAT?", SAFETY_LOOP_GOOD):
            alarms.append("its safety loop is open")
        if alarms:
            self._degrade("; ".join(alarms))

    def _read_state(self, kind: str, channel: int) -> Value:
        if kind == "output":
            return self._is_on(channel)
        if kind == "polarity":
            return self._ask_polarity(channel)
        return _words(self._status(channel), STATUS_WORDS) or "off"

    def _ramp(self, channel: int, command: str, target: float) -> None:
        """Send a command that makes a voltage ramp, and wait until it has arrived."""
        seconds = self._ramp_seconds(channel, target)
        if seconds > LONGEST_RAMP:
            raise NotReady(
                action=f"ramp channel {channel} to {target:g} V",
                reason=f"that takes {seconds:.4g} s, longer than {LONGEST_RAMP:g} s",
                advice=f"Go in shorter stretches, or raise ramp_{channel}.",
            )
        self._tell(command, channel)
        self._arrive(channel, target, seconds, command)

    def _ramp_seconds(self, channel: int, target: float) -> float:
        speed = self._read_number("ramp", channel)
        start = self._read_number("voltage_actual", channel)
        return abs(abs(target) - abs(start)) / speed if speed > 0.0 else math.inf

    def _arrive(self, channel: int, target: float, seconds: float, command: str = "") -> None:
        """Wait until a voltage is there and stands.

        Args:
            channel: counted from zero.
            target: V; its sign is the polarity's matter.
            seconds: how long the ramp takes.
            command: what is to be called refused at an alarm; without one, alarms do not matter.

        Raises:
            ReadBackError: it does not arrive, as at its current limit.
            NotReady: somebody wants the module safe at once.
        """
        self._told = True
        tolerance = ARRIVAL * self._nominal[channel]
        for _ in self._patiently(seconds * RAMP_SLACK + SETTLE_SECONDS, pause=POLL_SECONDS):
            self._give_way()
            actual = self._ask_number(f":MEAS:VOLT? (@{channel})", "V")
            status = self._status(channel)
            if not status >> RAMPING & 1 and abs(abs(actual) - abs(target)) <= tolerance:
                return
            if command:
                self._raise_alarm(command, channel)
        doing = _words(status, STATUS_WORDS) or "off"
        self._degrade(f"channel {channel} stays at {actual:g} V on its way to {target:g} V: {doing}")
        name = f"voltage_actual_{channel}"
        raise ReadBackError(setting=name, wanted=target, actual=actual, tolerance=tolerance, unit="V")

    def _require_discharged(self, channel: int) -> None:
        actual = self._read_number("voltage_actual", channel)
        if self._is_on(channel) or abs(actual) > DISCHARGED_VOLTS:
            raise NotReady(
                action=f"change the polarity of channel {channel}",
                reason=f"it is at {actual:g} V, or on",
                advice=f"Switch output_{channel} off and wait until it is below {DISCHARGED_VOLTS:g} V.",
            )

    def _tell(self, command: str, channel: int) -> None:
        """Send a command for one channel and look whether it was understood."""
        line = f"{command},(@{channel})"
        self._say(line)
        self._told = True
        self._raise_alarm(command, channel)
        if self._events(channel) >> INPUT_ERROR & 1:
            self._told = False
            self._say(f":EV CLEAR,(@{channel})")
            raise Refused(
                command=line, code=INPUT_ERROR, text="input error: out of range, or not allowed now"
            )

    def _raise_alarm(self, command: str, channel: int) -> None:
        words = _words(events := self._events(channel), ALARMS)
        if words:
            self._degrade(f"channel {channel} had: {words}")
            code = min(bit for bit in ALARMS if events >> bit & 1)
            advice = "The channel is off, or about to be: look why, then call clear_events()."
            raise Refused(command=f"{command},(@{channel})", code=code, text=words, advice=advice)

    def _say_either(self, spellings: Iterable[str], channel: int, *, emergency: bool) -> None:
        """Give a command that the sources spell in two ways, until the status says that it was obeyed."""
        for word in spellings:
            line = f":VOLT {word},(@{channel})"
            self._say(line)
            status = self._status(channel)
            if bool(status >> EMERGENCY_OFF & 1) is emergency:
                return
        words = _words(status, STATUS_WORDS) or "off"
        raise Refused(
            command=line,
            code=INPUT_ERROR,
            text=f"the channel is still: {words}",
            advice="Use the switch of the module.",
        )

    def _is_on(self, channel: int) -> bool:
        question = f":READ:VOLT:ON? (@{channel})"
        answer = self._surely(lambda: self._ask(question))
        if answer not in {"0", "1"}:
            raise self._bad_reply(question, answer, "0 or 1")
        return answer == "1"

    def _ask_polarity(self, channel: int) -> str:
        question = f":CONF:OUTP:POL? (@{channel})"
        answer = self._ask(question)
        if answer.lower() not in POLARITIES:
            raise self._bad_reply(question, answer, "p or n")
        return POLARITIES[answer.lower()]

    def _status(self, channel: int) -> int:
        return self._ask_integer(f":READ:CHAN:STAT? (@{channel})")

    def _events(self, channel: int) -> int:
        return self._ask_integer(f":READ:CHAN:EV:STAT? (@{channel})")


def _kind(setting: Setting) -> str:
    return setting.name.rpartition("_")[0]


def _channel(setting: Setting) -> int:
    return int(setting.name.rpartition("_")[2])


def _words(bits: int, meanings: Mapping[int, str]) -> str:
    """Return the meanings of those bits that are set."""
    return ", ".join(word for bit, word in meanings.items() if bits >> bit & 1)
