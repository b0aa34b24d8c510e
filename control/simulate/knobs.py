"""Knobs: everything that a study can turn, by name, with what it may be.

An experiment's parameters and the calibrated values go by their own names, as with ``-p``; a property of the
simulated node is ``node.NAME``, a setting of an instrument ``INSTRUMENT.SETTING``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

from control.drivers import driver_class
from control.errors import UsageError
from control.experiments.experiment import Experiment
from control.lab import find_plugin
from control.setup import Setup
from control.setup.files import SetupFile, merge, print_tables
from control.setup.setup import check_setup
from sequences import declarations
from sequences.declarations import Declaration
from sequences.library import Calibration
from sequences.units import exact

Value: TypeAlias = float | int | str | bool
"""What a knob is turned to: a number in its base unit, a word, or yes and no."""

NODE: Final = "node"
"""The table of a setup file that says what is true in its simulated lab."""


class Place(StrEnum):
    """Where a knob is."""

    EXPERIMENT = "experiment"
    CALIBRATION = "calibration"
    NODE = "node"
    INSTRUMENT = "instrument"


@dataclass(frozen=True, slots=True)
class Knob:
    """One value that a study can vary.

    Attributes:
        name: by which it is called.
        place: where it is.
        declared: what it may be.
        present: its value without the study; None if it has none.
    """

    name: str
    place: Place
    declared: Declaration
    present: Value | None = None

    @property
    def short(self) -> str:
        """Name of the value at its place."""
        return self.name.rpartition(".")[2]

    def show(self, value: Value) -> str:
        """Return a value as people read it."""
        return self.declared.show(value)


def find_knobs(
    experiment: Experiment, setup: Setup, overrides: Mapping[str, float] | None = None
) -> dict[str, Knob]:
    """Return everything that a study of an experiment in a simulated lab can vary, by name.

    Args:
        experiment: with its parameters.
        setup: of the lab.
        overrides: calibrated values to use instead of those of the setup.

    Raises:
        UsageError: the lab is no simulated one.
    """
    calibrated = _calibrated(setup, overrides or {})  # an experiment's own value hides one of the same name
    knobs = [*calibrated, *_own(experiment), *_instrumental(setup), *_of_node(setup)]
    return {knob.name: knob for knob in knobs if knob.name != experiment.shots_field}


def turned(setup: Setup, values: Mapping[Knob, Value]) -> Setup:
    """Return a setup with other values at its node and its instruments.

    Args:
        setup: as it is.
        values: of knobs at these two places.

    Raises:
        ConfigError: values that the lab cannot have, all of them at once.
    """
    over: dict[str, Any] = {}
    for knob, value in values.items():
        given = exact(value, knob.declared.unit) if isinstance(value, float) else value
        if knob.place is Place.NODE:
            entry = {"value": given, "source": "assumed", "reference": "varied by a study"}
            over.setdefault(NODE, {})[knob.short] = entry
        else:
            settings = over.setdefault("instruments", {}).setdefault(knob.name.rpartition(".")[0], {})
            settings.setdefault("settings", {})[knob.short] = given
    if not over:
        return setup
    tables = merge(setup.tables, over)
    return check_setup(SetupFile(setup.origin, print_tables(tables), tables))


def _own(experiment: Experiment) -> list[Knob]:
    return [
        Knob(name, Place.EXPERIMENT, declared, getattr(experiment, name))
        for name, declared in declarations(type(experiment)).items()
    ]


def _calibrated(setup: Setup, overrides: Mapping[str, float]) -> list[Knob]:
    return [
        Knob(name, Place.CALIBRATION, declared, overrides.get(name, getattr(setup.calibration, name)))
        for name, declared in declarations(Calibration).items()
    ]


def _of_node(setup: Setup) -> list[Knob]:
    properties = getattr(find_plugin(setup.lab), "simulated", None)
    if properties is None:
        raise UsageError(
            what=f"{setup.name} is played by {setup.lab}, which is not a simulated lab",
            advice="A study turns what nobody can turn in a real one; give a simulated lab with --setup.",
        )
    defaults: dict[str, Any] = {field.name: field.default for field in dataclasses.fields(properties)}
    table = setup.tables.get(NODE, {})
    return [
        Knob(
            f"{NODE}.{name}",
            Place.NODE,
            declared,
            declared.read(name, str(table[name]["value"])) if name in table else defaults[name],
        )
        for name, declared in declarations(properties).items()
    ]


def _instrumental(setup: Setup) -> list[Knob]:
    return [
        Knob(
            f"{instrument.name}.{setting.name}",
            Place.INSTRUMENT,
            Declaration(
                bool if setting.switch else float, setting.doc, setting.unit, setting.low, setting.high
            ),
            instrument.settings.get(setting.name),
        )
        for instrument in setup.instruments
        for setting in driver_class(instrument.driver).SETTINGS
        if setting.writable
    ]
