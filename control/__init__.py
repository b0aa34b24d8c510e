"""ionloom's room that runs a lab: setup files, instruments, experiments, runs, the command line.

The names below are imported when they are used first, so that ``ionloom --help`` does not wait for numpy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from control.errors import (
        ConfigError,
        ControlError,
        DeviceError,
        ExperimentError,
        InterruptedRun,
        LinkError,
        MissingExtra,
        UsageError,
    )
    from control.experiments.experiment import Experiment
    from control.experiments.point import Point, scan
    from control.experiments.registry import experiment_names, find_experiment
    from control.experiments.tables import Table, tabulate
    from control.runner import Progress, run
    from control.setup import Setup, read_setup
    from sequences.declarations import choice, count, flag, quantity

__all__ = [
    "ConfigError",
    "ControlError",
    "DeviceError",
    "Experiment",
    "ExperimentError",
    "InterruptedRun",
    "LinkError",
    "MissingExtra",
    "Point",
    "Progress",
    "Setup",
    "Table",
    "UsageError",
    "choice",
    "count",
    "experiment_names",
    "find_experiment",
    "flag",
    "quantity",
    "read_setup",
    "run",
    "scan",
    "tabulate",
]

_HOMES: Final = {
    "control.errors": (
        "ConfigError ControlError DeviceError ExperimentError InterruptedRun LinkError MissingExtra "
        "UsageError"
    ),
    "control.experiments.experiment": "Experiment",
    "control.experiments.point": "Point scan",
    "control.experiments.registry": "experiment_names find_experiment",
    "control.experiments.tables": "Table tabulate",
    "control.runner": "Progress run",
    "control.setup": "Setup read_setup",
    "sequences.declarations": "choice count flag quantity",
}
_HOME_OF: Final = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    """Import a name of the face from where it lives."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'control' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    """Return the names of the face."""
    return __all__
