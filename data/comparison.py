"""In what two runs differ: what they were asked for, with which values, code and software; what they say."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from data.header import StoredParameter
from data.layout import SCAN
from data.results import KeyResult
from data.run import Run
from data.scalars import scalars_of


@dataclass(frozen=True, slots=True)
class SettingDifference:
    """The runs were asked for something else.

    Attributes:
        name: of what they were asked for: experiment, seed, shots, readouts, channels, cameras, points.
        old: of the first run.
        new: of the second run.
    """

    name: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class ScanDifference:
    """The points have other values, whichever point it is.

    Attributes:
        axis: that differs.
        unit: base unit of its values.
        old: value at each point of the first run; None if it does not have the axis.
        new: likewise of the second run.
        first: the first point that differs, or that one of the runs does not have.
        count: of the points that differ, or that one of the runs does not have.
    """

    axis: str
    unit: str
    old: tuple[float | str, ...] | None
    new: tuple[float | str, ...] | None
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class ParameterDifference:
    """A parameter has another value or unit, or its value comes from another run.

    Attributes:
        name: of the parameter.
        old: of the first run; None if it does not have it.
        new: likewise of the second run.
    """

    name: str
    old: StoredParameter | None
    new: StoredParameter | None

    @property
    def is_calibration(self) -> bool:
        """Whether a calibration has given the value, in one run at least."""
        return any(
            side is not None and (side.origin == "calibration" or side.run) for side in (self.old, self.new)
        )


@dataclass(frozen=True, slots=True)
class SetupDifference:
    """An entry of the setup file; values of calibrations are told with the parameters.

    Attributes:
        name: path of the entry, joined by dots; empty if a file is no TOML, and is compared as a text.
        old: of the first run; None if it does not have it.
        new: likewise of the second run.
    """

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class EnvironmentDifference:
    """The runs were made with other software.

    Attributes:
        name: git revision, source file, Python, platform, or package and its name.
        old: of the first run; None if it does not have it.
        new: likewise of the second run.
    """

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class CodeDifference:
    """The code differs.

    Attributes:
        name: "code of the experiment", or "uncommitted changes" of the repository that it lies in.
        removed: lines that only the first run has.
        added: lines that only the second run has.
        lines: both, as a unified diff with three lines around each change.
    """

    name: str
    removed: int
    added: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResultDifference:
    """A number among the latest results.

    Attributes:
        name: of the result.
        old: of the first run; None if it does not have it.
        new: likewise of the second run.
        deviations: by how many standard deviations of their difference they differ, if the runs are
            independent: ``|new - old| / sqrt(old.error**2 + new.error**2)``; NaN if an error is not known.
    """

    name: str
    old: KeyResult | None
    new: KeyResult | None
    deviations: float = math.nan


Difference: TypeAlias = (
    SettingDifference
    | ScanDifference
    | ParameterDifference
    | SetupDifference
    | EnvironmentDifference
    | CodeDifference
    | ResultDifference
)


def compare_runs(old: Run, new: Run) -> Iterator[Difference]:
    """Yield in what two runs differ, but for their times, and for what was played and counted.

    Args:
        old: the first run.
        new: the second run.

    Raises:
        DamagedRunError: if a head, the axes or the results cannot be read.
    """
    yield from _settings(old, new)
    yield from _scans(old, new)
    yield from _parameters(old.parameters, new.parameters)
    yield from _setups(old.header.setup, new.header.setup)
    for name, before, after in _pairs(_environment(old), _environment(new)):
        yield EnvironmentDifference(name, before, after)
    yield from _code("code of the experiment", old.header.source, new.header.source)
    changes = (run.header.provenance.git_diff for run in (old, new))
    yield from _code("uncommitted changes", *changes)
    yield from _results(old.results, new.results)


def _pairs(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield what differs between two mappings, in their order; None stands for what is not there."""
    for name in dict.fromkeys((*old, *new)):
        before, after = old.get(name), new.get(name)
        if before != after:
            yield name, before, after


def _settings(old: Run, new: Run) -> Iterator[SettingDifference]:
    for name, before, after in _pairs(_asked(old), _asked(new)):
        yield SettingDifference(name, before, after)


def _asked(run: Run) -> dict[str, str]:
    header = run.header
    return {
        "experiment": header.experiment,
        "seed": str(header.seed),
        "shots": str(header.shots_per_point),
        "readouts": ", ".join(f"{readout.name} [{readout.width}]" for readout in header.readouts),
        "channels": ", ".join(channel.name for channel in header.channels),
        "cameras": ", ".join(
            f"{camera.name} [{camera.rows} x {camera.columns}]" for camera in header.cameras
        ),
        "points": str(len(run)),
    }


def _scans(old: Run, new: Run) -> Iterator[ScanDifference]:
    units = {axis.name: axis.unit for run in (new, old) for axis in run.axes}
    for name, before, after in _pairs(_axis_values(old), _axis_values(new)):
        pairs = list(zip(before or (), after or (), strict=False))
        apart = [index for index, (left, right) in enumerate(pairs) if left != right]
        alone = abs(len(before or ()) - len(after or ()))
        first = apart[0] if apart else len(pairs)
        yield ScanDifference(name, units[name], before, after, first, len(apart) + alone)


def _axis_values(run: Run) -> dict[str, tuple[float | str, ...]]:
    values = {}
    for axis in run.axes:
        column = run.column(f"{SCAN}/{axis.name}").tolist()
        values[axis.name] = tuple(value.decode() for value in column) if axis.text else tuple(column)
    return values


def _parameters(
    old: Mapping[str, StoredParameter], new: Mapping[str, StoredParameter]
) -> Iterator[ParameterDifference]:
    for name in dict.fromkeys((*old, *new)):
        before, after = old.get(name), new.get(name)
        if before is None or after is None or _told(before) != _told(after):
            yield ParameterDifference(name, before, after)


def _told(parameter: StoredParameter) -> tuple[object, ...]:
    """Return what has to agree: a value may be a default in one run and given by the user in the other."""
    return type(parameter.value), parameter.value, parameter.unit, parameter.run


def _setups(old: str, new: str) -> Iterator[SetupDifference]:
    try:
        before, after = (dict(_flat(tomllib.loads(text), "")) for text in (old, new))
    except tomllib.TOMLDecodeError:  # the writer of a run was another program
        before, after = {"": old}, {"": new}
    for name, left, right in _pairs(before, after):
        if not (name.startswith("calibration.") and name.endswith(".value")):
            yield SetupDifference(name, left, right)


def _flat(table: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{path}{key}.")
        else:
            yield path + key, str(value)


def _environment(run: Run) -> dict[str, str | None]:
    origin = run.header.provenance
    dirty = " with changes" if origin.git_dirty else ""
    return {
        "git revision": f"{origin.git_revision}{dirty}" if origin.git_revision else None,
        "source file": origin.source_file or None,
        "Python": origin.python,
        "platform": origin.platform,
        **{f"package {name}": version for name, version in origin.packages},
    }


def _code(name: str, old: str, new: str) -> Iterator[CodeDifference]:
    if old == new:
        return
    lines = list(difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm=""))[2:]  # without names
    removed, added = (sum(line.startswith(sign) for line in lines) for sign in "-+")
    yield CodeDifference(name, removed, added, tuple(lines))


def _results(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[ResultDifference]:
    before, after = ({result.name: result for result in scalars_of(results)} for results in (old, new))
    for name in dict.fromkeys((*before, *after)):
        left, right = before.get(name), after.get(name)
        if left is None or right is None:
            yield ResultDifference(name, left, right)
        elif repr(left) != repr(right):  # as texts, since a NaN differs from itself
            yield ResultDifference(name, left, right, _deviations(left, right))


def _deviations(old: KeyResult, new: KeyResult) -> float:
    error = math.hypot(old.error, new.error)
    if old.unit != new.unit or not error > 0:  # nor is NaN
        return math.nan
    return abs(new.value - old.value) / error
