"""The face of the data room: runs in files, and what is computed from them.

Names are loaded when they are first used, so that `import data` costs neither numpy nor h5py.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data import analysis
    from data.archive import write_results
    from data.catalogue import RunSummary, find_run, find_runs
    from data.columns import Attempts, Record, TimeTags, join_records
    from data.errors import DataError
    from data.header import Axis, Readout, RunHeader, StoredParameter
    from data.provenance import Provenance, collect_provenance
    from data.results import KeyResult
    from data.run import Run, open_run
    from data.run_file import RunWriter

__all__ = [
    "Attempts",
    "Axis",
    "DataError",
    "KeyResult",
    "Provenance",
    "Readout",
    "Record",
    "Run",
    "RunHeader",
    "RunSummary",
    "RunWriter",
    "StoredParameter",
    "TimeTags",
    "analysis",
    "collect_provenance",
    "find_run",
    "find_runs",
    "join_records",
    "open_run",
    "write_results",
]

_HOMES = {
    "archive": ["write_results"],
    "catalogue": ["RunSummary", "find_run", "find_runs"],
    "columns": ["Attempts", "Record", "TimeTags", "join_records"],
    "errors": ["DataError"],
    "header": ["Axis", "Readout", "RunHeader", "StoredParameter"],
    "provenance": ["Provenance", "collect_provenance"],
    "results": ["KeyResult"],
    "run": ["Run", "open_run"],
    "run_file": ["RunWriter"],
}


def __getattr__(name: str) -> object:
    if name == "analysis":
        return importlib.import_module("data.analysis")
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"data.{home}"), name)
    raise AttributeError(f"module 'data' has no name {name!r}")


def __dir__() -> list[str]:
    """List the names that are loaded on use, too, so that a notebook completes them."""
    return sorted({*globals(), *__all__})
