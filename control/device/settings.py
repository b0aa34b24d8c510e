"""Settings: what can be read and set at an instrument, declared by its driver.

A number may be limited three times: by the instrument (what it says it can do), by the driver (what the
manual says of the model) and by the site (what this setup bears). The tightest limit wins.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real

import numpy as np

from control.errors import DIGITS, ConfigError, LimitError, UsageError, nearest, span
from sequences.errors import UnitError
from sequences.units import parse, show

Value = float | bool | str

SWITCH_WORDS = {"true": True, "false": False, "on": True, "off": False}
"""How a switch is written."""


class Evidence(enum.StrEnum):
    """How well a command is known to be what the instrument understands."""

    TRIED = "tried"  # a vendor's or third party's client and a simulator of the sheet understood each other
    CLIENT = "client"  # read in a published client that is used on hardware
    MANUAL = "manual"  # read in the manual
    MEMORY = "memory"  # plausible, not verified: `ionloom bench-check` at the instrument tells


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that can be read, and perhaps set.

    Attributes:
        name: by which it is called.
        unit: base unit of its value and of every other number here, as `sequences.units` spells it; empty for
            a pure number and for a switch.
        doc: what it means, in a line.
        low: the lowest value that the model knows.
        high: the highest value that the model knows.
        tolerance: how far the value read back may be from the one that was set.
        period: values this far apart are the same, as for angles.
        step: the largest change by one command while the instrument is in use; a longer way is ramped.
        deadline: seconds that one command may take until it is done.
        idempotent: whether reading twice is as good as reading once.
        writable: whether it can be set.
        switch: whether it is on or off, not a number.
        choices: the words that it may be, if it is one of several words and not a number.
        text: whether it is a text, which can be read only.
        readback: whether reading tells what was set; an instrument that reads its output instead tells more,
            but not that.
        fresh: seconds for which a reading counts as fresh.
        key: whether it belongs into the overview of all instruments.
        evidence: how well its commands are known.
        restore: whether it is set again by itself after the instrument was without power. Never so for what
            holds or hits the ions: there, somebody has to look first.
        guards: for a switch, the settings that act as soon as it is on: they have to be within the site's
            limits first, whoever set them.
    """

    name: str
    unit: str
    doc: str
    low: float = -math.inf
    high: float = math.inf
    tolerance: float = 0.0
    period: float = math.inf
    step: float = math.inf
    deadline: float = 1.0
    idempotent: bool = True
    writable: bool = True
    switch: bool = False
    choices: tuple[str, ...] = ()
    text: bool = False
    readback: bool = True
    fresh: float = 10.0
    key: bool = False
    evidence: Evidence = Evidence.MEMORY
    restore: bool = False
    guards: tuple[str, ...] = ()

    @property
    def number(self) -> bool:
        """Whether its value is a number, which can have limits."""
        return not (self.switch or self.choices or self.text)

    @property
    def allowed(self) -> str:
        """What it may be, if that is no range of numbers."""
        return "off, on" if self.switch else ", ".join(self.choices)

    def differs(self, wanted: Value, actual: Value) -> bool:
        """Tell whether a value read back is not the one that was set.

        Example:
            >>> Setting("angle", "turn", "", tolerance=0.001, period=1.0).differs(0.0, 0.9995)
            False
        """
        if isinstance(wanted, str) or isinstance(actual, str):
            return wanted != actual
        difference = float(actual) - float(wanted)
        if math.isfinite(self.period):
            difference = math.remainder(difference, self.period)
        return not abs(difference) <= self.tolerance

    def parse(self, given: object) -> Value:
        """Return a value from what a setup file or a command line has: text with a unit, a word, on or off.

        Raises:
            ConfigError: it is nothing that the setting can be.

        Example:
            >>> Setting("power", "dBm", "").parse("-2 dBm")
            -2.0
            >>> Setting("output", "", "", switch=True).parse("on")
            True
        """
        if self.switch:
            if isinstance(given, bool):
                return given
            if isinstance(given, str) and given in SWITCH_WORDS:
                return SWITCH_WORDS[given]
            raise ConfigError((f"{given!r} is not true or false",))
        if self.choices:
            if isinstance(given, str) and given in self.choices:
                return given
            raise ConfigError((f"{given!r} is not one of its words. {nearest(str(given), self.choices)}",))
        if self.text:
            raise ConfigError((f"{given!r} cannot be set: it is a text that can only be read",))
        if isinstance(given, bool):
            raise ConfigError((f"{given!r} is not a number with a unit ({self.unit or 'none'})",))
        try:
            return parse(str(given), self.unit)
        except UnitError as error:
            raise ConfigError((str(error),)) from None

    def accept(self, value: object, bounds: Range) -> Value:
        """Return a value that may be sent, as a plain float, bool or word.

        Args:
            value: as somebody gave it.
            bounds: what it may be.

        Raises:
            UsageError: nothing that the setting can be.
            LimitError: a number that is not finite, or beyond a limit.

        Example:
            >>> Setting("power", "dBm", "").accept(-2, Range(-30.0, 0.0))
            -2.0
        """
        if not self.writable:
            raise UsageError(what=f"{self.name} can be read only", advice=self.doc)
        refusal = f"{self.name} cannot be {value!r}"
        if self.choices:
            if value not in self.choices:
                raise UsageError(what=refusal, advice=nearest(str(value), self.choices))
            return str(value)
        if self.switch:
            if not isinstance(value, bool | np.bool_):
                raise UsageError(what=refusal, advice="Give True or False.")
            return bool(value)
        if isinstance(value, bool) or not isinstance(value, Real):
            raise UsageError(what=refusal, advice=f"Give a number{f' in {self.unit}' if self.unit else ''}.")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        return bounds.check(self, number)

    def steps(self, start: float, stop: float) -> int:
        """Return how many commands the way from `start` to `stop` takes."""
        # A way of 3.0000000001 steps is one of 3 steps, written in binary.
        return max(1, math.ceil(abs(stop - start) / self.step - 1e-6))

    def ramp(self, start: float, stop: float) -> Iterator[float]:
        """Yield the values to send on the way from `start` to `stop`.

        Example:
            >>> list(Setting("power", "dBm", "", step=0.5).ramp(-10.0, -8.8))
            [-9.5, -9.0, -8.8]
        """
        stride = math.copysign(self.step, stop - start)
        for index in range(1, self.steps(start, stop)):
            yield start + index * stride
        yield stop

    def show(self, value: Value) -> str:
        """Return a value with its unit, for people to read."""
        if isinstance(value, str):
            return value
        if self.switch:
            return "on" if value else "off"
        return show(value, self.unit, DIGITS)


@dataclass(frozen=True, slots=True)
class Range:
    """What a setting may be, and who says so.

    Attributes:
        low: lowest value.
        high: highest value.
        low_origin: whose limit `low` is: "instrument", "driver" or "site".
        high_origin: whose limit `high` is.
    """

    low: float = -math.inf
    high: float = math.inf
    low_origin: str = "driver"
    high_origin: str = "driver"

    def show(self, unit: str) -> str:
        """Return it for people to read.

        Example:
            >>> Range(23e6, 24e6).show("Hz")
            '23 MHz to 24 MHz'
        """
        return span(self.low, self.high, unit)

    @property
    def origins(self) -> str:
        """Who limits it, for people to read."""
        return (
            self.low_origin
            if self.low_origin == self.high_origin
            else f"{self.low_origin}, {self.high_origin}"
        )

    def tightened(self, low: float, high: float, origin: str) -> Range:
        """Return the range with the limits of one more party.

        Example:
            >>> Range(-120.0, 13.0).tightened(-30.0, 20.0, "site")
            Range(low=-30.0, high=13.0, low_origin='site', high_origin='driver')
        """
        tight = self
        if low > tight.low:
            tight = replace(tight, low=low, low_origin=origin)
        if high < tight.high:
            tight = replace(tight, high=high, high_origin=origin)
        return tight

    def __contains__(self, value: float) -> bool:
        return math.isfinite(value) and self.low <= value <= self.high

    def check(self, setting: Setting, value: float) -> float:
        """Return the value if it is allowed.

        Raises:
            LimitError: not finite, or beyond a limit.
        """
        if value in self:
            return value
        raise LimitError(
            setting=setting.name,
            value=value,
            unit=setting.unit,
            low=self.low,
            high=self.high,
            origin=self.low_origin if value < self.low else self.high_origin,
        )


def site_ranges(
    device: str, settings: Sequence[Setting], limits: Mapping[str, tuple[float, float]]
) -> dict[str, Range]:
    """Return what each setting may be, by the driver and the site.

    Args:
        device: name of the device, for messages.
        settings: what the driver declares.
        limits: what the setup file says: setting name to (lowest, highest).

    Raises:
        ConfigError: limits for what does not exist or cannot have any, or that leave nothing; all at once.
    """
    ranges = {setting.name: Range(setting.low, setting.high) for setting in settings}
    numbers = {setting.name: setting.unit for setting in settings if setting.number and setting.writable}
    problems: list[str] = []
    for name, (low, high) in limits.items():
        given = f"{device}: the limits {span(low, high, numbers.get(name, ''))} for {name!r}"
        if name not in numbers:
            problems.append(
                f"{given} limit nothing: there is no such number to set. {nearest(name, numbers)}"
            )
        elif not low <= high:
            problems.append(f"{given} leave no value: give the lowest first, and no nan.")
        else:
            driver, ranges[name] = ranges[name], ranges[name].tightened(low, high, "site")
            if ranges[name].low > ranges[name].high:
                problems.append(
                    f"{given} leave no value: the instrument can do {driver.show(numbers[name])}."
                )
    if problems:
        raise ConfigError(tuple(problems))
    return ranges
