"""The face of the data room: runs in files, and what is computed from them.

Names are loaded when they are first used, so that `import data` costs neither numpy nor h5py.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data import analysis
    from data.archive import write_results
    from data.catalogue import Catalogue, RunSummary, find_run, find_runs
    from data.columns import Attempts, Record, TimeTags, join_records
    from data.errors import DataError
    from data.exchange.exports import export_run
    from data.exchange.importing import import_runs
    from data.header import Axis, Camera, Channel, Readout, RunHeader, StoredParameter
    from data.photons import Photons
    from data.provenance import Provenance, collect_provenance
    from data.readings import InstrumentReading, Message, ReadingLog
    from data.repairs import Repair, repair
    from data.results import Analysis, KeyResult, Maker
    from data.run import Run, open_run
    from data.run_file import RunWriter
    from data.verification import Verification, verify

__all__ = [
    "Analysis",
    "Attempts",
    "Axis",
    "Camera",
    "Catalogue",
    "Channel",
    "DataError",
    "InstrumentReading",
    "KeyResult",
    "Maker",
    "Message",
    "Photons",
    "Provenance",
    "ReadingLog",
    "Readout",
    "Record",
    "Repair",
    "Run",
    "RunHeader",
    "RunSummary",
    "RunWriter",
    "StoredParameter",
    "TimeTags",
    "Verification",
    "analysis",
    "collect_provenance",
    "export_run",
    "find_run",
    "find_runs",
    "import_runs",
    "join_records",
    "open_run",
    "repair",
    "verify",
    "write_results",
]

_HOMES = {
    "archive": ["write_results"],
    "catalogue": ["Catalogue", "RunSummary", "find_run", "find_runs"],
    "columns": ["Attempts", "Record", "TimeTags", "join_records"],
    "errors": ["DataError"],
    "exchange.exports": ["export_run"],
    "exchange.importing": ["import_runs"],
    "header": ["Axis", "Camera", "Channel", "Readout", "RunHeader", "StoredParameter"],
    "photons": ["Photons"],
    "provenance": ["Provenance", "collect_provenance"],
    "readings": ["InstrumentReading", "Message", "ReadingLog"],
    "repairs": ["Repair", "repair"],
    "results": ["Analysis", "KeyResult", "Maker"],
    "run": ["Run", "open_run"],
    "run_file": ["RunWriter"],
    "verification": ["Verification", "verify"],
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
