"""Single Quantum WebSQ: bias and count rates of the superconducting nanowire detectors of the photons.

Two TCP ports. On the first (12000) the driver sends bare JSON objects, and the box sends objects with 0x17
between them, or with nothing between them at all: answers, and unasked every change that any client makes.
Nothing tells to which request an object belongs, so an answer is over when what was asked for has come and
the line is quiet, and the last value counts. On the second (12345, the stream "counts") a line of counts
comes for every measurement period.

Bias currents are those of the whole box in one list: to change one is to send them all as they are now, under
the lock. A detector that latched has counts of zero and a high bias voltage: `WebSq.rebias` takes its current
away and gives it back. No light may reach the detectors while `WebSq.calibrate` looks for their dark counts.

The box does not say who it is: whatever tells a number of detectors is taken for one, and where it was found
stands for its serial number.

Source:
    Single Quantum's WebSQControl (MIT license), as in qcodes_contrib_drivers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Unpack
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from control.device import Identity
from control.device.patience import PatientDevice, PatientOptions
from control.device.settings import Evidence, Setting, Value
from control.device.variants import VariedDevice
from control.errors import BadReply, LimitError, LinkDown, LinkError, LinkTimeout, Refused, UsageError
from control.protocols.eos import Property, properties_in
from control.transport import Deadline, Link

DETECTORS = range(1, 9)  # that have settings; what a larger box has beyond them is left as it is
CALIBRATION_SECONDS = 300.0  # for a sweep of all bias currents
CALIBRATION_POLL = 0.5  # s between questions whether it is over
LONGEST_COUNT = 3600.0  # s; who waits longer for one answer has lost it when the line fails

BIAS, LEVEL, VOLTAGE, PERIOD = "BiasCurrent", "TriggerLevel", "BiasVoltage", "InptMeasurementPeriod"
ENABLED, NUMBER, CALIBRATING = "DetectorEnable", "NumberOfDetectors", "StartAutoIV"

LABELS = {
    "bias_current": BIAS,
    "trigger_level": LEVEL,
    "bias_voltage": VOLTAGE,
    "measurement_period": PERIOD,
    "enabled": ENABLED,
}
"""Setting, without the number of a detector -> what the box calls it."""

COMMANDS = {
    BIAS: "SetAllBiasCurrents",
    LEVEL: "SetAllTriggerLevels",
    PERIOD: "SetMeasurementPeriod",
    ENABLED: "DetectorEnable",
}

UNITS = {"uA": 1e-6, "mA": 1e-3, "A": 1.0, "mV": 1e-3, "V": 1.0, "ms": 1e-3, "s": 1.0}
"""What the box may call the unit of a label -> its size."""

FACTORS = {BIAS: 1e-6, LEVEL: 1e-3, VOLTAGE: 1e-3, PERIOD: 1e-3}
"""Size of the unit of a label where the box does not tell it."""

BIAS_CURRENTS = tuple(
    Setting(
        f"bias_current_{n}",
        "A",
        f"through detector {n}",
        low=-90.9e-6,
        high=90.9e-6,
        tolerance=0.1e-6,  # it says what its converter was set to, in steps of less
        key=n <= 2,
        evidence=Evidence.CLIENT,
    )
    for n in DETECTORS
)
TRIGGER_LEVELS = tuple(
    Setting(
        f"trigger_level_{n}",
        "V",
        f"of the counter of detector {n}",
        low=-1.0,
        high=1.0,
        tolerance=1e-3,
        evidence=Evidence.CLIENT,
        restore=True,
    )
    for n in DETECTORS
)
BIAS_VOLTAGES = tuple(
    Setting(
        f"bias_voltage_{n}",
        "V",
        f"across detector {n}; high when it has latched",
        writable=False,
        key=n <= 2,
        evidence=Evidence.CLIENT,
    )
    for n in DETECTORS
)
MEASUREMENT_PERIOD = Setting(
    "measurement_period",
    "s",
    "for which counts are summed",
    low=1e-3,
    high=10.0,
    tolerance=0.5e-3,
    evidence=Evidence.CLIENT,
    restore=True,
)
DETECTORS_ENABLED = Setting(
    "enabled",
    unit="",
    doc="bias of all detectors on or off",
    switch=True,
    evidence=Evidence.CLIENT,
    guards=tuple(setting.name for setting in BIAS_CURRENTS),
)


class WebSq(PatientDevice, VariedDevice):
    """One driver box of nanowire detectors.

    Args:
        name: as for `Device`.
        link: as for `Device`.
        options: as for `PatientDevice`; the serial number is the host's name or address, and the stream, on
            which counts come, is needed for `count_rates` alone.
    """

    SETTINGS: ClassVar[tuple[Setting, ...]] = (
        *(MEASUREMENT_PERIOD, DETECTORS_ENABLED),
        *(*BIAS_CURRENTS, *TRIGGER_LEVELS, *BIAS_VOLTAGES),
    )
    MODELS: ClassVar[tuple[str, ...]] = ("WebSQ",)
    ACTIONS: ClassVar[tuple[str, ...]] = ("count_rates", "rebias", "calibrate")
    STREAM: ClassVar[str] = "counts"
    PARKS: ClassVar[bool] = True
    PARKING: ClassVar[str] = "all bias currents are zero"
    QUIET_SECONDS: ClassVar[float] = 0.05  # after which nothing more comes of an answer

    def __init__(self, name: str, link: Link, **options: Unpack[PatientOptions]) -> None:
        super().__init__(name, link, **options)
        self._count = 0
        self._factors = dict(FACTORS)
        self._known = frozenset({NUMBER})  # labels that belong to a whole list of labels

    def count_rates(self, seconds: float = 0.1) -> NDArray[np.float64]:
        """Return how often each detector clicked, over measurement periods that begin after the call.

        Args:
            seconds: for how long to count at least, s, an hour at most; whole periods are counted.

        Returns:
            Rates in 1/s, shape (detectors,).

        Raises:
            UsageError: the setup has no stream.
            LimitError: no such time can be, or it is too long.
            LinkError: no counts come, or something else than counts.
        """
        if self._stream is None:
            raise UsageError(
                what=f"{self.name}: counts come on a second line, which the setup does not name",
                advice='Add stream = "tcp://host:12345" to it.',
            )
        if not 0.0 <= seconds <= LONGEST_COUNT:
            raise LimitError(
                device=self.name,
                address=self.address,
                setting="seconds",
                value=seconds,
                unit="s",
                low=0.0,
                high=LONGEST_COUNT,
                origin="driver",
            )
        period = float(self.read(MEASUREMENT_PERIOD.name))
        lines = max(1, math.ceil(seconds / period - 1e-6))
        try:
            with self._stream.lock:
                counts = list(self._count_lines(self._stream, lines, period))
        except LinkError as error:
            error.device = self.name
            raise
        rates: NDArray[np.float64] = np.sum(counts, axis=0) / (lines * period)
        return rates

    def rebias(self, detector: int) -> float:
        """Take the bias current from a detector that has latched, and give it back.

        Args:
            detector: its number, from 1.

        Returns:
            The voltage across it afterwards, V.
        """
        setting = self.setting(f"bias_current_{detector}")
        with self._transaction():
            self._require_ready(setting)
            currents = self._numbers(BIAS)
            self._tell(BIAS, [0.0 if n == detector else current for n, current in enumerate(currents, 1)])
            self._tell(BIAS, currents)
            return self._numbers(VOLTAGE)[detector - 1]

    def calibrate(self, dark_rates: Sequence[float]) -> NDArray[np.float64]:
        """Let the box search the bias currents at which its detectors have given dark counts.

        Args:
            dark_rates: wanted, 1/s, one for each detector.

        Returns:
            The bias currents that were found, A, shape (detectors,).

        Raises:
            UsageError: not one rate for each detector.
            LinkTimeout: it does not come to an end.
        """
        rates = [float(rate) for rate in dark_rates]
        self.identify()
        if len(rates) != self._count or not all(0.0 < rate < math.inf for rate in rates):
            raise UsageError(
                what=f"{self.name}: dark counts {rates} cannot be looked for: {self._has()}",
                advice="Give one rate above zero for each.",
            )
        with self._transaction():
            self._talk({"command": "DarkCountsAutoIV", "label": "DarkCountsAutoIV", "value": rates})
            self._talk({"command": "AutoCaliBiasCurrents", "value": True})
        self._sleep(CALIBRATION_POLL)  # so that it has begun
        for _ in self._patiently(CALIBRATION_SECONDS, pause=CALIBRATION_POLL):
            with self._transaction():
                if self._talk({"request": CALIBRATING}, CALIBRATING)[CALIBRATING].value is False:
                    return np.array(self._numbers(BIAS))
        raise LinkTimeout(
            device=self.name,
            address=self.address,
            tried="search bias currents",
            seconds=CALIBRATION_SECONDS,
        )

    def _absence(self, setting: Setting) -> str:
        return self._has() if _parts(setting.name)[1] > self._count else ""

    def _greet(self, *, first: bool) -> None:
        properties = self._properties()
        for setting in self.SETTINGS:
            label, _ = _parts(setting.name)
            facts = properties[label].facts if label in properties else {}
            match facts.get("bounds"):
                case [float() | int() as lowest, float() | int() as highest] if setting.writable:
                    factor = self._factors[label]
                    self._tighten(setting.name, lowest * factor, highest * factor)

    def _park(self) -> None:
        # At once, and of all detectors, even those that have no settings.
        names = [setting.name for setting in BIAS_CURRENTS[: self._count]]
        for name in names:
            self._wants.begin(name, 0.0)
        self._tell(BIAS, [0.0] * self._count)
        for name in names:
            self._wants.settle(name)

    def _identify(self) -> Identity:
        self._known = frozenset({NUMBER})
        properties = self._properties()
        # What others changed meanwhile is told without facts, and does not belong to the list.
        self._known |= {label for label, known in properties.items() if known.facts}
        count = properties[NUMBER].value
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise self._bad_reply(NUMBER, count, "a number of detectors")
        self._count = count
        host = urlsplit(self._link.resource).hostname or ""  # the only thing that tells two boxes apart
        return Identity("Single Quantum", "WebSQ", host, "")

    def _check(self) -> None:
        self._properties()

    def _read(self, setting: Setting) -> Value:
        label, detector = _parts(setting.name)
        if setting.switch:
            state = self._ask(label)
            if not isinstance(state, bool):
                raise self._bad_reply(label, state, "true or false")
            return state
        return self._numbers(label)[max(0, detector - 1)]

    def _write(self, setting: Setting, value: Value) -> None:
        label, detector = _parts(setting.name)
        if setting.switch:
            self._talk({"command": COMMANDS[label], "label": label, "value": value})
            return
        numbers = self._numbers(label)
        numbers[max(0, detector - 1)] = float(value)
        self._tell(label, numbers)

    def _numbers(self, label: str) -> list[float]:
        """Return the numbers of a label in SI units: one for each detector, or the one there is."""
        value = self._ask(label)
        numbers = value if isinstance(value, list) else [value]
        expected = 1 if label == PERIOD else self._count
        if len(numbers) != expected or not all(_is_finite(number) for number in numbers):
            raise self._bad_reply(label, value, f"{expected} finite numbers")
        return [number * self._factors[label] for number in numbers]

    def _tell(self, label: str, numbers: list[float]) -> None:
        """Set all numbers of a label, given in SI units."""
        values = [round(number / self._factors[label], 6) for number in numbers]
        value = values[0] if label == PERIOD else values
        self._talk({"command": COMMANDS[label], "label": label, "value": value})

    def _ask(self, label: str) -> Any:
        """Return the value of a label; a voltage is measured for that."""
        known = self._talk({"request": VOLTAGE}, VOLTAGE) if label == VOLTAGE else self._properties()
        if label not in known:
            raise self._bad_reply(label, sorted(known), f"a list of labels with {label}")
        return known[label].value

    def _properties(self) -> dict[str, Property]:
        """Return what the box says of all its labels."""
        found = self._talk({"request": "labelProps", "value": "None"}, *self._known)
        for label, known in found.items():
            if known.facts.get("unit") in UNITS:
                self._factors[label] = UNITS[known.facts["unit"]]
        return found

    def _talk(self, request: Mapping[str, Any], *wanted: str) -> dict[str, Property]:
        """Send a request; listen until all wanted labels were told, and nothing more comes.

        Returns:
            Label -> the last that was told of it.

        Raises:
            Refused: it told an error.
            LinkTimeout, BadReply: a label did not come; or something that is no JSON came instead.
        """
        message = json.dumps(request)
        deadline = Deadline.after(self.ANSWER_SECONDS)
        self._link.send(message.encode("ascii"), deadline)
        heard, missing = b"", set(wanted)
        while deadline.left():
            pause = deadline.left() if missing else min(self.QUIET_SECONDS, deadline.left())
            more = self._link.receive_any(Deadline.after(pause))
            if not more:
                break
            heard += more
            missing = set(wanted) - set(properties_in(heard)[0])
        found, broken = properties_in(heard)
        for label, known in found.items():
            if "Error" in label and not known.facts:
                raise Refused(command=message, code=0, text=str(known.value))
        if missing:
            tried, label = f"send {message}", min(missing)
            if broken:
                raise BadReply(tried=tried, reply=heard, expected=f"a JSON object for {label}")
            raise LinkTimeout(tried=tried, seconds=deadline.seconds, heard=heard)
        return found

    def _count_lines(self, stream: Link, lines: int, period: float) -> Iterator[list[float]]:
        """Yield the counts of whole measurement periods that begin from now on."""
        deadline = Deadline.after((lines + 2) * period + self.ANSWER_SECONDS)
        past = b""
        with suppress(LinkDown):  # it may have hung up long ago
            while more := stream.receive_any(Deadline.after(0.0)):
                past = more
        if not stream.is_open or stream.is_dirty:
            stream.resynchronise()
            past = b""
        if past and not past.endswith(b"\n"):
            stream.receive(b"\n", deadline)
        stream.receive(b"\n", deadline)  # its period had begun before
        for _ in range(lines):
            yield self._counts_in(stream, stream.receive(b"\n", deadline))

    def _counts_in(self, stream: Link, line: bytes) -> list[float]:
        try:
            _, *counts = (float(field) for field in line.split(b","))
        except ValueError:
            counts = []
        if len(counts) != self._count or not all(_is_finite(count) for count in counts):
            stream.mark_dirty()
            expected = f"a time and {self._count} counts"
            raise BadReply(address=stream.resource, tried="count", reply=line, expected=expected)
        return counts

    def _has(self) -> str:
        return f"it has {self._count} detectors"

    def _bad_reply(self, label: str, value: object, expected: str) -> BadReply:
        return BadReply(tried=f"ask for {label}", reply=json.dumps(value).encode(), expected=expected)


def _parts(name: str) -> tuple[str, int]:
    """Return the label of a setting and the number of its detector, 0 if it is none of one detector."""
    quantity, _, number = name.rpartition("_")
    return (LABELS[quantity], int(number)) if number.isdigit() else (LABELS[name], 0)


def _is_finite(number: object) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)
