"""Rohde & Schwarz SMC100A and SMB100A signal generators: the trap's radio frequency.

Through VISA: `TCPIP::host::5025::SOCKET`, `TCPIP::host::inst0::INSTR` or `TCPIP::host::hislip0::INSTR`; lines
of SCPI ended by LF. A command that fails is not answered, only noted in the error queue, which is emptied
after each command.

To lose this output is to lose the ion. So the driver never resets the instrument, changes power by at most
0.5 dB, frequency by at most 1 kHz and phase by at most 3 degrees with one command while the output is on,
does not touch the reference meanwhile, and refuses to set anything after the instrument was without power
until somebody has acknowledged that. The instrument's own cap on its power is read and never changed: it is
set once, by hand, for this trap.

Source:
    R&S SMC100A operating manual 1411.4060.32, pages 189 and 277; SCPI-99; reference, phase and start-up as in
    the driver of QMI (TU Delft); the power cap from memory of the manual.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from control.device.settings import Evidence, Setting, Value
from control.errors import NotReady
from control.protocols.scpi import ScpiDevice

DEGREES = 360.0  # in a turn

FREQUENCY = Setting(
    "frequency",
    unit="Hz",
    doc="of the carrier",
    low=9e3,  # both models; the upper end depends on options, so the instrument is asked
    high=40e9,
    tolerance=0.0051,  # half of its resolution of 0.01 Hz
    step=1e3,
    key=True,
    evidence=Evidence.CLIENT,
)
POWER = Setting(
    "power",
    unit="dBm",
    doc="RF level plus any level offset",
    low=-120.0,
    high=20.0,
    tolerance=0.0051,  # half of its resolution of 0.01 dB
    step=0.5,
    key=True,
    evidence=Evidence.MANUAL,
)
OUTPUT = Setting(
    "output",
    unit="",
    doc="radio frequency on or off",
    switch=True,
    guards=(FREQUENCY.name, POWER.name),
    key=True,
    evidence=Evidence.CLIENT,
)
PHASE = Setting(
    "phase",
    unit="turn",
    doc="of the carrier against the reference",
    low=-359.9 / DEGREES,
    high=359.9 / DEGREES,
    tolerance=0.051 / DEGREES,  # half of the digit that is sent
    step=3.0
    / DEGREES,  # jolts the resonator as 0.5 dB do: 3 degrees and 0.5 dB are both 6 % of the amplitude
    evidence=Evidence.CLIENT,
)
REFERENCE = Setting(
    "reference",
    unit="",
    doc="what the frequency is derived from; refused while the output is on",
    choices=("internal", "external"),
    evidence=Evidence.CLIENT,
)
POWER_CAP = Setting(
    "power_cap",
    unit="dBm",
    doc="more than this the instrument does not put out; set by hand, once",
    writable=False,
    evidence=Evidence.MEMORY,
)
START_UP = Setting(
    "start_up",
    unit="",
    doc="the output after a power cycle",
    choices=("off", "as before"),
    writable=False,
    evidence=Evidence.CLIENT,
)

HEADERS: Mapping[str, str] = MappingProxyType(
    {
        FREQUENCY.name: "FREQ",
        POWER.name: "POW",
        OUTPUT.name: "OUTP",
        PHASE.name: "PHAS",
        REFERENCE.name: "ROSC:SOUR",
        POWER_CAP.name: "POW:LIM",
        START_UP.name: "OUTP:PON",
    }
)
WORDS: Mapping[str, str] = MappingProxyType(
    {"INT": "internal", "EXT": "external", "OFF": "off", "UNCH": "as before"}
)
LONGEST_RAMP = 10_000  # commands; 100 s at 10 ms each


class Smc100a(ScpiDevice):
    """One SMC100A or SMB100A signal generator; the arguments are those of `Device`."""

    SETTINGS: ClassVar[tuple[Setting, ...]] = (
        FREQUENCY,
        POWER,
        OUTPUT,
        PHASE,
        REFERENCE,
        POWER_CAP,
        START_UP,
    )
    MODELS: ClassVar[tuple[str, ...]] = ("SMC100A", "SMB100A")
    PARKING: ClassVar[str] = "the radio frequency stays as it is: to switch it off would lose the ion"
    RESTARTED: ClassVar[str] = (
        "it was switched off and on again, its settings are those of its start-up and the ion is lost"
    )

    def _require_ready(self, setting: Setting) -> None:
        self._check()
        super()._require_ready(setting)
        if setting.name == REFERENCE.name and self._ask_switch("OUTP?"):
            raise NotReady(
                action=f"set {setting.name}",
                reason="the output is on, and its phase would jump",
                advice="Switch the output off first, with no ion in the trap.",
            )

    def _greet(self, *, first: bool) -> None:
        super()._greet(first=first)
        for name in (FREQUENCY.name, POWER.name):
            lowest, highest = (self._ask_number(f"{HEADERS[name]}? {end}") for end in ("MIN", "MAX"))
            self._tighten(name, lowest, highest)

    def _read(self, setting: Setting) -> Value:
        question = f"{HEADERS[setting.name]}?"
        if setting.switch:
            return self._ask_switch(question)
        if setting.choices:
            words = {word: ours for word, ours in WORDS.items() if ours in setting.choices}
            return self._ask_word(question, words)
        number = self._ask_number(question)
        return number / DEGREES if setting.name == PHASE.name else number

    def _write(self, setting: Setting, value: Value) -> None:
        if isinstance(value, str):
            self._command(setting, next(word for word, ours in WORDS.items() if ours == value))
        elif setting.switch:
            self._command(setting, str(int(value)))
        elif self._ask_switch("OUTP?"):
            self._ramp(setting, value)
        else:
            self._command_number(setting, value)

    def _serial_number_in(self, field: str) -> str:
        # "1411.4002k02/101234": the order number of the model, then the serial number of this one
        return field.rpartition("/")[2]

    def _command(self, setting: Setting, argument: str) -> None:
        self._tell(f"{HEADERS[setting.name]} {argument}", setting.deadline)

    def _command_number(self, setting: Setting, value: float) -> None:
        self._command(setting, f"{value * DEGREES:.1f}" if setting.name == PHASE.name else f"{value:.2f}")

    def _ramp(self, setting: Setting, stop: float) -> None:
        """Go to a value in steps that a trapped ion survives."""
        start = float(self._read(setting))
        steps = setting.steps(start, stop)
        if steps > LONGEST_RAMP:
            raise NotReady(
                action=f"set {setting.name} to {setting.show(stop)}",
                reason=f"from {setting.show(start)} that takes {steps} steps of {setting.show(setting.step)} "
                f"while the output is on, more than {LONGEST_RAMP}",
                advice="Switch the output off first if no ion is trapped, or go in shorter stretches.",
            )
        for value in setting.ramp(start, stop):
            self._give_way()
            self._command_number(setting, value)
