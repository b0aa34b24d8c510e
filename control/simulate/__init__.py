"""Parameter studies on the simulated lab: one experiment at many settings, played by many workers.

`simulate` is the way in; what it returns, and what lies in the folder of a study, is made of the other names.
They are imported when they are used first: the workers of a study do the analyses of runs, too, which need
nothing of the rest.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from control.simulate.errors import AnotherStudy, BusyStudy, InterruptedStudy, LostWorker, NoCluster
    from control.simulate.merging import Outcome
    from control.simulate.simulation import Pace, Simulated, simulate
    from control.simulate.study import Setting, Study
    from control.simulate.tally import Multiset, PointTally, Tally, tally_of

__all__ = [
    "AnotherStudy",
    "BusyStudy",
    "InterruptedStudy",
    "LostWorker",
    "Multiset",
    "NoCluster",
    "Outcome",
    "Pace",
    "PointTally",
    "Setting",
    "Simulated",
    "Study",
    "Tally",
    "simulate",
    "tally_of",
]

_HOMES: Final = {
    "errors": "AnotherStudy BusyStudy InterruptedStudy LostWorker NoCluster",
    "merging": "Outcome",
    "simulation": "Pace Simulated simulate",
    "study": "Setting Study",
    "tally": "Multiset PointTally Tally tally_of",
}
_HOME_OF: Final = {name: f"{__name__}.{home}" for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    """Import a name of the face from where it lives."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    """Return the names of the face."""
    return __all__
