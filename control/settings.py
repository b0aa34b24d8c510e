"""Settings: what can be read and set at an instrument, declared by its driver.

A number may be limited three times: by the instrument (what it says it can do), by the driver (what the
manual says of the model) and by the site (what this setup bears). The tightest limit wins.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from control.errors import ConfigError, LimitError, nearest

Value = float | bool


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

    def differs(self, wanted: Value, actual: Value) -> bool:
        """Tell whether a value read back is not the one that was set.

        Example:
            >>> Setting("angle", "turn", "", tolerance=0.001, period=1.0).differs(0.0, 0.9995)
            False
        """
        difference = float(actual) - float(wanted)
        if math.isfinite(self.period):
            difference = math.remainder(difference, self.period)
        return not abs(difference) <= self.tolerance

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
        if self.switch:
            return "on" if value else "off"
        return f"{value:.12g} {self.unit}".rstrip()


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

    def __str__(self) -> str:
        return f"{self.low:.12g} to {self.high:.12g}"

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

    def check(self, setting: Setting, value: float) -> float:
        """Return the value if it is allowed.

        Raises:
            LimitError: not finite, or beyond a limit.
        """
        if math.isfinite(value) and self.low <= value <= self.high:
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
    numbers = {setting.name for setting in settings if not setting.switch}
    problems: list[str] = []
    for name, (low, high) in limits.items():
        given = f"{device}: the limits {low:g} to {high:g} for {name!r}"
        if name not in numbers:
            problems.append(
                f"{given} limit nothing: there is no such number to set. {nearest(name, numbers)}"
            )
        elif not low <= high:
            problems.append(f"{given} leave no value: give the lowest first, and no nan.")
        else:
            driver, ranges[name] = ranges[name], ranges[name].tightened(low, high, "site")
            if ranges[name].low > ranges[name].high:
                problems.append(f"{given} leave no value: the instrument can do {driver}.")
    if problems:
        raise ConfigError(tuple(problems))
    return ranges
