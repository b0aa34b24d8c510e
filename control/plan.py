"""A plan: everything about a run that can be known, checked and compiled before the lab is touched."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from control.drivers import driver_class
from control.errors import ConfigError, UsageError, nearest
from control.experiments.experiment import Experiment
from control.experiments.measurement import Measurement
from control.experiments.opening import check_opened, open_sequence, read_outer_scan
from control.experiments.point import Point
from control.experiments.registry import author_errors
from control.experiments.scanned_runs import scan_entries
from control.setup import Setup, read_declared
from data import Axis, StoredParameter
from data.header import Origin
from sequences import Program, Sequence, SequenceError, Template, declarations
from sequences.errors import DeclaredValueError
from sequences.library import Calibration
from sequences.scans import Scan
from sequences.units import show


@dataclass(frozen=True, slots=True)
class Plan:
    """A run that is ready to be played.

    Attributes:
        experiment: with its parameters.
        setup: the lab.
        values: every parameter and calibrated value with its origin.
        sequence: what is played, before it is bound.
        points: what is measured, in order.
        programs: (points,) what is played at each; points of equal parameters share one program.
        axes: the columns of the points.
        compile_seconds: time that building and compiling took, in all.
        bind_seconds: the part of it in which the points got their programs.
    """

    experiment: Experiment
    setup: Setup
    values: tuple[StoredParameter, ...]
    sequence: Sequence
    points: tuple[Point, ...]
    programs: tuple[Program, ...]
    axes: tuple[Axis, ...]
    compile_seconds: float
    bind_seconds: float

    def program(self, point: int) -> Program:
        """Return what is played at a point, counted from 1.

        Raises:
            UsageError: there are not so many points.
        """
        if point > len(self.programs):
            points = f"{len(self.programs)} point{'s' if len(self.programs) > 1 else ''}"
            raise UsageError(
                what=f"there is no point {point}: {self.experiment.name} has {points}",
                advice="`ionloom compile` tells how many points there are.",
            )
        return self.programs[point - 1]

    @property
    def binds(self) -> int:
        """How many different programs there are."""
        return len({id(program) for program in self.programs})


def choose(
    kind: type[Experiment], given: Mapping[str, str], shots: int | None = None
) -> tuple[Experiment, dict[str, float]]:
    """Return an experiment, and the calibrated values to override, from what a user typed.

    Args:
        kind: the experiment.
        given: name -> text, for the experiment's own parameters and for calibrated values.
        shots: at each point, or None for the experiment's own number.

    Raises:
        ConfigError: unknown names and unusable values, all at once.
    """
    own, calibrated = declarations(kind), declarations(Calibration)
    typed = dict(given) if shots is None else {**given, kind.shots_field: str(shots)}
    problems: list[str] = []
    values: dict[str, Any] = {}
    for name, text in typed.items():
        declaration = own.get(name) or calibrated.get(name)
        if declaration is None:
            problems.append(f"{kind.name} has no parameter {name!r}. {nearest(name, [*own, *calibrated])}")
            continue
        try:
            values[name] = read_declared(declaration, name, text)
        except DeclaredValueError as error:
            problems.append(str(error))
    problems += [f"{name}: needs a value: -p {name}=..." for name in _required(kind) if name not in typed]
    if problems:
        raise ConfigError(tuple(problems))
    with author_errors(f"making {kind.name}"):
        experiment = kind(**{name: value for name, value in values.items() if name in own})
    return experiment, {name: value for name, value in values.items() if name not in own}


def make_plan(
    experiment: Experiment,
    setup: Setup,
    overrides: Mapping[str, float] | None = None,
    scan: Scan | str | None = None,
    *,
    proved: bool = True,
    clock: Callable[[], float] = time.perf_counter,
) -> Plan:
    """Build and compile what an experiment plays in a lab.

    Args:
        experiment: with its parameters.
        setup: the lab.
        overrides: calibrated values that replace those of the setup, in their base units.
        scan: values to measure the experiment at, beside its own points: of its declared floats, of
            calibrated values, of parameters of its sequence; or the text form of such a scan.
        proved: whether the programs are proved against the limits of the timing core.
        clock: seconds.

    Raises:
        ConfigError: an override or a point that the setup has no place for, or a scan that cannot be.
        SequenceError: the sequence cannot be played; the author's line is told.
        ExperimentError: the experiment's own code fails.
    """
    overrides = overrides or {}
    calibration = _override(setup.calibration, overrides)
    began = clock()
    measurement = Measurement(experiment, setup.target, calibration)
    plain = whole = measurement.sequence()
    points = measurement.points()
    outer = read_outer_scan(scan, measurement, plain) if scan is not None else None
    if outer is not None:
        whole = open_sequence(measurement, outer.opened)
        points = outer.points(points)
    bind = Template(whole, setup.target, proved=proved).bind
    built = clock()
    programs = _programs(bind, whole, points)
    bound = clock()
    axes = _axes(points, whole, setup)
    values = (*_own_values(experiment), *_calibrated_values(setup, calibration, overrides))
    if outer is not None:
        for row in {0, len(points) - 1}:
            check_opened(measurement, outer, plain, points[row], programs[row])
        values += scan_entries(outer)
    return Plan(experiment, setup, values, whole, points, programs, axes, bound - began, bound - built)


def _required(kind: type[Experiment]) -> list[str]:
    return [field.name for field in dataclasses.fields(kind) if field.default is dataclasses.MISSING]


def _override(calibration: Calibration, overrides: Mapping[str, float]) -> Calibration:
    known = declarations(Calibration)
    unknown = [name for name in overrides if name not in known]
    problems = [f"there is no calibrated value {name!r}. {nearest(name, known)}" for name in unknown]
    if problems:
        raise ConfigError(tuple(problems))
    return replace(calibration, **{name: known[name].read(name, value) for name, value in overrides.items()})


def _programs(
    bind: Callable[[Mapping[str, float]], Program], whole: Sequence, points: tuple[Point, ...]
) -> tuple[Program, ...]:
    """Return one program a point; only the parameters change what is played."""
    bound: dict[tuple[tuple[str, float], ...], Program] = {}
    programs = []
    for number, point in enumerate(points, 1):
        key = tuple(sorted(point.parameters.items()))
        if key not in bound:
            try:
                bound[key] = bind(point.parameters)
            except SequenceError as error:
                if point.parameters:
                    error.add_note(_where(number, point, whole))
                raise
        programs.append(bound[key])
    return tuple(programs)


def _where(number: int, point: Point, whole: Sequence) -> str:
    """Say at which point a sequence cannot be played."""
    units = {parameter.name: parameter.unit for parameter in whole.parameters}
    values = [f"{name} = {show(value, units.get(name, ''))}" for name, value in point.parameters.items()]
    return f"This is at point {number}: {', '.join(values)}."


def _axes(points: tuple[Point, ...], whole: Sequence, setup: Setup) -> tuple[Axis, ...]:
    """Return the columns of the points with their units, having checked that a run can have such points."""
    problems: list[str] = []
    units = {parameter.name: parameter.unit for parameter in whole.parameters}
    units |= _setting_units(points, setup, problems)
    labels = {name for point in points for name in point.labels}
    names = dict.fromkeys(name for point in points for name in point.columns())
    for number, point in enumerate(points, 1):
        missing = [name for name in names if name not in point.columns()]
        problems += [f"point {number} has no {name!r}, which other points have" for name in missing]
    if not points:
        problems.append("the experiment has no points to measure")
    if problems:
        raise ConfigError(tuple(problems))
    return tuple(Axis(name, units.get(name, ""), text=name in labels) for name in names)


def _setting_units(points: Iterable[Point], setup: Setup, problems: list[str]) -> dict[str, str]:
    """Return ``instrument.setting`` -> unit for all that the points set."""
    drivers = {instrument.name: driver_class(instrument.driver) for instrument in setup.instruments}
    units = {}
    for instrument, setting in _settings_in(points):
        driver = drivers.get(instrument)
        known = {declared.name: declared for declared in driver.SETTINGS} if driver else {}
        if driver is None:
            problems.append(f"{setup.name} has no instrument {instrument!r}. {nearest(instrument, drivers)}")
        elif setting not in known:
            problems.append(f"{instrument} has no setting {setting!r}. {nearest(setting, known)}")
        else:
            units[f"{instrument}.{setting}"] = known[setting].unit
    return units


def _settings_in(points: Iterable[Point]) -> list[tuple[str, str]]:
    """Return every (instrument, setting) once."""
    pairs = [
        (name, setting)
        for point in points
        for name, wanted in point.instruments.items()
        for setting in wanted
    ]
    return list(dict.fromkeys(pairs))


def _own_values(experiment: Experiment) -> list[StoredParameter]:
    fields = {field.name: field for field in dataclasses.fields(experiment)}
    values = []
    for name, declaration in declarations(type(experiment)).items():
        value = getattr(experiment, name)
        if value is None:  # worked out by the experiment
            continue
        origin: Origin = "default" if value == fields[name].default else "override"
        values.append(StoredParameter(name, value, declaration.unit, origin, declaration.help))
    return values


def _calibrated_values(
    setup: Setup, calibration: Calibration, overrides: Mapping[str, float]
) -> list[StoredParameter]:
    """Return what the lab believes, with its errors and the runs that it comes from."""
    sources = {source.key.removeprefix("calibration."): source for source in setup.sources}
    values = []
    for name, declaration in declarations(Calibration).items():
        value = StoredParameter(name, getattr(calibration, name), declaration.unit, help=declaration.help)
        if name in overrides:
            values.append(replace(value, origin="override"))
        elif name in sources:
            source = sources[name]
            values.append(replace(value, origin="calibration", error=source.error, run=source.run))
        else:
            values.append(replace(value, origin="calibration"))
    return values
