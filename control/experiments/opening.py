"""Scans from outside: what a user can scan of an experiment whose code knows nothing of it.

A scan may name a `Parameter` of the sequence: then its values replace those of the experiment's points. Or
it names a declared float of the experiment, or a calibrated value, which is left open while the sequence is
built.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from control.errors import ConfigError, ControlError, nearest
from control.experiments.measurement import Measurement
from control.experiments.point import Point
from sequences import Parameter, Program, Sequence, SequenceError, compile_sequence
from sequences.scans import Scan, parse_scan, scanned_names
from sequences.units import show


@dataclass(frozen=True, slots=True)
class OuterScan:
    """What a user scans beside the points of the experiment.

    Attributes:
        scan: the values, in order.
        opened: the scanned parameters that stand in for declared values of the experiment or the lab.
    """

    scan: Scan
    opened: tuple[Parameter, ...]

    def points(self, inner: Iterable[Point]) -> tuple[Point, ...]:
        """Return the experiment's own points at each point of the scan.

        Values of the scan replace those that the experiment gives to the same parameter.

        Args:
            inner: the experiment's points.
        """
        names = {axis.name for axis in self.scan.axes}
        kept: list[Point] = []
        for point in inner:
            others = {name: value for name, value in point.parameters.items() if name not in names}
            stripped = replace(point, parameters=others)
            if stripped not in kept:
                kept.append(stripped)
        return tuple(
            replace(point, parameters={**values, **point.parameters})
            for values in self.scan
            for point in kept
        )


def read_outer_scan(wanted: Scan | str, measurement: Measurement, plain: Sequence) -> OuterScan:
    """Return the scan that a user wants of a measurement.

    Args:
        wanted: the scan, or its text form; values in the limits of what is scanned, which this finds by name.
        measurement: whose values are scanned, and around which a scan without a centre lies.
        plain: the measurement's sequence with nothing left open.

    Raises:
        ConfigError: a name that cannot be scanned.
        ScanError: the text or the values make no sense.
    """
    text = str(wanted)
    own = {parameter.name: parameter for parameter in plain.parameters}
    known = {**measurement.parameters, **own}
    problems = [_why_not(name, measurement, known) for name in scanned_names(text) if name not in known]
    if problems:
        raise ConfigError(tuple(problems))
    scan = parse_scan(text, known.values(), measurement.values)
    return OuterScan(scan, tuple(axis.parameter for axis in scan.axes if axis.name not in own))


def open_sequence(measurement: Measurement, opened: tuple[Parameter, ...]) -> Sequence:
    """Return the sequence of a measurement with some of its numbers left open.

    Args:
        measurement: that can be built with plain numbers.
        opened: what stands in for the numbers.

    Raises:
        ConfigError: the experiment's code needs one of the numbers, or plays nothing that depends on it.
    """
    try:
        whole = measurement.opened(opened).sequence()
    except (ControlError, SequenceError) as error:
        raise ConfigError(_culprits(measurement, opened, error)) from error
    used = {parameter.name for parameter in whole.parameters}
    problems = [
        f"{parameter.name} cannot be scanned: nothing that {measurement.experiment.name} plays depends on it"
        for parameter in opened
        if parameter.name not in used
    ]
    if problems:
        raise ConfigError(tuple(problems))
    return whole


def check_opened(
    measurement: Measurement, outer: OuterScan, plain: Sequence, point: Point, program: Program
) -> None:
    """Make sure that a sequence with open numbers plays what the experiment plays with the numbers.

    Code that asks ``if self.wait == 0.0`` takes a silent wrong turn while `wait` is open.

    Args:
        measurement: with its own numbers.
        outer: what is scanned.
        plain: the sequence with nothing left open.
        point: one of the run.
        program: what is played there, made from the open sequence.

    Raises:
        ConfigError: it plays something else.
    """
    values = {parameter.name: point.parameters[parameter.name] for parameter in outer.opened}
    own = {parameter.name: point.parameters[parameter.name] for parameter in plain.parameters}
    expected = measurement.with_values(values).sequence()
    if compile_sequence(expected, measurement.target, own) == program:
        return
    name = measurement.experiment.name
    shown = " and ".join(f"{p.name} = {show(values[p.name], p.unit)}" for p in outer.opened)
    raise ConfigError(
        (
            f"{', '.join(values)} cannot be scanned: with {shown} the sequence() of {name} plays something "
            "else than with the value left open: its code decides by the number (an `==`, or something "
            f"worked out beforehand). {_advice(name, outer.opened)}",
        )
    )


def _why_not(name: str, measurement: Measurement, known: Mapping[str, Parameter]) -> str:
    declared = measurement.declared.get(name)
    if declared is None:
        return f"{measurement.experiment.name} has nothing called {name!r} to scan. {nearest(name, known)}"
    kinds = {int: "a whole number", str: "a word", bool: "a yes or no"}
    return (
        f"{name} cannot be scanned: it is {kinds[declared.kind]} that shapes the experiment. "
        f"Run it once for each value: ionloom run {measurement.experiment.name} -p {name}=..."
    )


def _culprits(
    measurement: Measurement, opened: tuple[Parameter, ...], together: Exception
) -> tuple[str, ...]:
    """Return what is wrong with each parameter by itself, or with all of them if each alone is fine."""
    problems = []
    for parameter in opened:
        try:
            measurement.opened((parameter,)).sequence()
        except (ControlError, SequenceError) as error:
            problems.append(_needs_number(measurement, (parameter,), error))
    return tuple(problems) or (_needs_number(measurement, opened, together),)


def _needs_number(measurement: Measurement, opened: tuple[Parameter, ...], error: Exception) -> str:
    names = ", ".join(parameter.name for parameter in opened)
    name = measurement.experiment.name
    return (
        f"{names} cannot be scanned: the code of {name} needs a number there ({str(error).rstrip('.')}). "
        f"{_advice(name, opened)}"
    )


def _advice(name: str, opened: tuple[Parameter, ...]) -> str:
    values = " ".join(f"-p {parameter.name}=..." for parameter in opened)
    return f"Run it once for each value instead: ionloom run {name} {values}"
