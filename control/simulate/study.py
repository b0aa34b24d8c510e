"""A study: which experiment at which settings, how often, from which seed; checked and compiled."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Final

import numpy as np

from control.errors import ConfigError, ControlError, UsageError
from control.experiments.experiment import Experiment
from control.experiments.measurement import Measurement
from control.plan import Plan, make_plan
from control.setup import Setup
from control.simulate.knobs import Knob, Place, Value, turned
from control.simulate.settings import Values
from control.simulate.software import software
from control.simulate.tasks import Task
from data import StoredParameter
from sequences import SequenceError, print_program

USUAL_BLOCK: Final = 2000
"""Shots of a block: some seconds of work, of which a lab takes the first to tabulate its photons."""

SEED_WORDS: Final = 4
"""Words of 32 bits of a seed that is derived from the seed of a study: no two of 10^9 tasks share it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a study.

    Attributes:
        number: from 1.
        values: name of a knob -> what it is turned to.
        label: the same for people, empty if nothing varies.
        plan: what is played there, in the lab as it is there.
    """

    number: int
    values: Values
    label: str
    plan: Plan


@dataclass(frozen=True, slots=True)
class Study:
    """Everything that makes a study what it is. The same study gives the same clicks, whoever plays it.

    Attributes:
        settings: in order.
        knobs: that differ from setting to setting, in the order of the table.
        shots: of each point of each setting.
        block: shots of one task; the last block of a setting may have fewer.
        seed: from which the seeds of all tasks are derived.
        setup: the lab without the study's own values.
    """

    settings: tuple[Setting, ...]
    knobs: tuple[Knob, ...]
    shots: int
    block: int
    seed: int
    setup: Setup

    @property
    def experiment(self) -> Experiment:
        """The experiment, as it is at the first setting."""
        return self.settings[0].plan.experiment

    @property
    def blocks(self) -> int:
        """How many blocks each setting has."""
        return math.ceil(self.shots / self.block)

    @property
    def units(self) -> dict[str, str]:
        """Name of a knob -> base unit of its values."""
        return {knob.name: knob.declared.unit for knob in self.knobs}

    def seed_of(self, setting: Setting, block: int | None = None) -> int:
        """Return the seed of a block of a setting (from 0), or of the setting's analysis."""
        key = (setting.number - 1,) if block is None else (setting.number - 1, block)
        words = np.random.SeedSequence(self.seed, spawn_key=key).generate_state(SEED_WORDS)
        return int.from_bytes(words.astype("<u4").tobytes(), "little")

    def task(self, setting: Setting, block: int) -> Task:
        """Return the work of one block of a setting, counted from 0."""
        plan = setting.plan
        return Task(
            setting=setting.number,
            block=block,
            shots=min(self.block, self.shots - block * self.block),
            seed=self.seed_of(setting, block),
            setup=plan.setup,
            ions=plan.experiment.ions,
            points=plan.points,
            programs=plan.programs,
        )

    def parameters(self, setting: Setting) -> tuple[StoredParameter, ...]:
        """Return what the run file of a setting says of its parameters: the plan's, and the study's."""
        plan, outside = setting.plan, (Place.NODE, Place.INSTRUMENT)
        turned_here = [
            StoredParameter(
                knob.name, setting.values[knob.name], knob.declared.unit, "override", knob.declared.help
            )
            for knob in self.knobs
            if knob.place in outside
        ]
        return (
            *plan.values,
            *turned_here,
            StoredParameter("study.seed", str(self.seed), help="of the study that the run is a setting of"),
            StoredParameter("study.setting", setting.number, help="number of the setting in its study"),
            StoredParameter("study.block", self.block, help="shots played by a lab of their own"),
        )

    @property
    def definition(self) -> dict[str, Any]:
        """What has to be the same for two studies to be one, as JSON holds it."""
        plans = {id(setting.plan.programs): setting.plan for setting in self.settings}
        played = hashlib.sha256("\n".join(chain.from_iterable(map(_played_texts, plans.values()))).encode())
        settings = [dict(setting.values) for setting in self.settings]
        values = {value.name: value.value for value in self.settings[0].plan.values}
        fixed = {name: value for name, value in values.items() if name not in self.units}
        return {
            "experiment": self.experiment.name,
            "shots": self.shots,
            "block": self.block,
            "seed": self.seed,
            "settings": settings,
            "parameters": fixed,
            "setup": self.setup.text,
            "versions": software(),
            "played": played.hexdigest(),
        }


def make_study(
    experiment: Experiment,
    setup: Setup,
    knobs: Mapping[str, Knob],
    settings: tuple[Values, ...],
    *,
    calibration: Mapping[str, float] | None = None,
    block: int | None = None,
    seed: int,
    watch: Callable[[int, int], None] = lambda _done, _total: None,
) -> Study:
    """Check and compile every setting of a study.

    Args:
        experiment: with its parameters, and with the shots of each setting.
        setup: of the lab.
        knobs: by name.
        settings: what they are turned to.
        calibration: calibrated values to use instead of those of the setup.
        block: shots of one task; None for a usual number.
        seed: of the study.
        watch: told how many settings of how many are compiled.

    Raises:
        ConfigError: settings that cannot be, all of them at once.
    """
    names = list(settings[0])
    used = tuple(knobs[name] for name in names)
    workshop = _Workshop(experiment, setup, calibration or {})
    problems: dict[str, list[str]] = {}
    made: list[Setting] = []
    for number, values in enumerate(settings, 1):
        label = ", ".join(f"{knob.name} = {knob.show(values[knob.name])}" for knob in used)
        try:
            plan = workshop.plan({knob: values[knob.name] for knob in used})
            made.append(Setting(number, values, label, plan))
        except (ControlError, SequenceError) as error:
            for problem in _problems(error):
                problems.setdefault(problem, []).append(label)
        watch(number, len(settings))
    if problems:
        raise ConfigError(tuple(_told(problem, where) for problem, where in problems.items()))
    _check_knobs(used, made)
    return Study(tuple(made), used, experiment.shots, _block(block, experiment.shots, made), seed, setup)


class _Workshop:
    """Makes the plans of settings; settings of the same sequence, or of the same lab, share what they can."""

    def __init__(self, experiment: Experiment, setup: Setup, calibration: Mapping[str, float]) -> None:
        self._experiment = experiment
        self._setup = setup
        self._calibration = calibration
        self._plans: dict[tuple[tuple[Knob, Value], ...], Plan] = {}
        self._setups: dict[tuple[tuple[Knob, Value], ...], Setup] = {}

    def plan(self, values: Mapping[Knob, Value]) -> Plan:
        """Return what is played at a setting, in the lab as it is there."""
        believed: dict[Knob, Value] = {}
        true: dict[Knob, Value] = {}
        for knob, value in values.items():
            (true if knob.place in (Place.NODE, Place.INSTRUMENT) else believed)[knob] = value
        lab = tuple(true.items())
        if lab not in self._setups:
            self._setups[lab] = turned(self._setup, true)
        played = tuple(believed.items())
        if played not in self._plans:
            self._plans[played] = self._compile(believed)
        return replace(self._plans[played], setup=self._setups[lab])

    def _compile(self, values: Mapping[Knob, Value]) -> Plan:
        own = {knob.name: value for knob, value in values.items() if knob.place is Place.EXPERIMENT}
        calibrated = {knob.name: float(value) for knob, value in values.items() if knob.name not in own}
        measured = Measurement(self._experiment, self._setup.target, self._setup.calibration)
        experiment = measured.with_values(own).experiment if own else self._experiment  # type: ignore[arg-type]
        return make_plan(experiment, self._setup, {**self._calibration, **calibrated})


def _problems(error: Exception) -> tuple[str, ...]:
    """Return what an error says, one sentence each."""
    if isinstance(error, ConfigError):
        return error.problems
    return ("\n".join((str(error), *getattr(error, "__notes__", ()))),)


def _told(problem: str, where: list[str]) -> str:
    """Say a problem and at which settings there is it."""
    others = f" and {len(where) - 1} more" if len(where) > 1 else ""
    return f"at {where[0]}{others}: {problem}" if where[0] else problem


def _check_knobs(knobs: tuple[Knob, ...], settings: list[Setting]) -> None:
    """Refuse instruments' settings that the experiment itself sets at its points."""
    set_anyway = {
        f"{instrument}.{name}"
        for setting in settings
        for point in setting.plan.points
        for instrument, wanted in point.instruments.items()
        for name in wanted
    }
    experiment = settings[0].plan.experiment.name
    problems = [
        f"{knob.name} cannot be varied: {experiment} sets it by itself at its points"
        for knob in knobs
        if knob.name in set_anyway
    ]
    if problems:
        raise ConfigError(tuple(problems))


def _block(block: int | None, shots: int, settings: list[Setting]) -> int:
    """Return the shots of a block: a multiple of the shots after which the programs repeat themselves."""
    programs = {id(program): program for setting in settings for program in setting.plan.programs}
    repeats = math.lcm(*(program.different_shots for program in programs.values()))
    if block is None:
        return min(shots, math.ceil(USUAL_BLOCK / repeats) * repeats)
    if block % repeats and block < shots:
        raise UsageError(
            what=f"blocks of {block} shots would not begin alike: the sequence repeats after {repeats} shots",
            advice=f"Give a multiple of {repeats} with --block, or none.",
        )
    return min(block, shots)


def _played_texts(plan: Plan) -> Iterator[str]:
    """Yield everything that tells what is played at a setting, beside its lab."""
    programs = {id(program): program for program in plan.programs}
    yield f"{plan.experiment.ions} ions"
    for point, program in zip(plan.points, plan.programs, strict=True):
        yield repr((point.columns(), list(programs).index(id(program))))
    yield from map(print_program, programs.values())
