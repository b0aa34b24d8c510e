"""What the catalogue knows of a run, read from its file in a few milliseconds.

`open_run` prepares for reading the columns of a run and gives its texts, which a catalogue has no use for. So
of a finished file only the members that are listed here are read, by h5py's low-level functions. A lab has
some fifty parameters, each a dataset with attributes, which take 12 ms to read: so the text that holds all of
them is read instead, in less than 1 ms.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, cast

import h5py
import numpy as np
from h5py import h5a, h5d, h5g, h5s, h5t

from data.header import Axis, Origin, StoredParameter
from data.layout import SCAN
from data.results import ANALYSIS, KeyResult
from data.run import Run, open_run
from data.run_names import FINISHED
from data.scalars import scalars_of
from data.stored_header import (
    PARAMETERS_TEXT,
    RunStatus,
    read_form,
    read_parameters_text,
    read_started,
    read_state,
)
from data.stored_run import READ_FAULTS, open_file

_TEXT: Final = h5t.py_create(h5py.string_dtype())


@dataclass(frozen=True, slots=True)
class UsedParameter:
    """A value that a run used.

    Attributes:
        name: of the parameter.
        value: in the unit below.
        unit: base unit, empty if it has none.
        origin: where the value comes from.
        run: id of the run that calibrated it; empty if it comes from elsewhere, or nobody knows.
    """

    name: str
    value: float | int | str | bool
    unit: str = ""
    origin: Origin = "default"
    run: str = ""


@dataclass(frozen=True, slots=True)
class RunHead:
    """What the catalogue keeps of a run.

    Attributes:
        id: of the run.
        experiment: its name.
        started: when, in UTC.
        ended: when, in UTC; None while it is going on, and after a crash.
        status: of the run.
        message: what there is to say about the status.
        points: in the file; for a run that was cut off, the last may be incomplete.
        shots: planned for each point.
        seed: decimal text; empty if the run drew no random numbers.
        source_file: name of the experiment's source file.
        git_revision: commit of its folder.
        parameters: every value that the run used.
        axes: what differs from point to point.
        results: every single number of the latest results.
    """

    id: str
    experiment: str
    started: datetime
    ended: datetime | None
    status: RunStatus
    message: str
    points: int
    shots: int
    seed: str
    source_file: str
    git_revision: str
    parameters: tuple[UsedParameter, ...]
    axes: tuple[Axis, ...]
    results: tuple[KeyResult, ...]


def read_head(path: Path) -> RunHead:
    """Read what the catalogue keeps of a run, from its finished file or its journal.

    Raises:
        RunFileError: one of its kinds, if the run cannot be read.
    """
    if path.suffix == FINISHED:
        with suppress(*READ_FAULTS), open_file(path) as file:
            return _head_of_file(file)
    # A journal; or a file without that text, or one that another program has written anew.
    with open_run(path) as run:
        return _head_of_run(run)


def used(parameter: StoredParameter) -> UsedParameter:
    """Return what the catalogue keeps of a stored parameter."""
    return _told(parameter.name, parameter.value, parameter.unit, parameter.origin, parameter.run)


def _told(name: str, value: Any, unit: object, origin: object, run: object) -> UsedParameter:
    """Return a parameter whose fields have their types, whatever program has written the file."""
    if not isinstance(value, bool | int | float | str):
        raise TypeError(f"parameter {name} is a {type(value).__name__}")
    return UsedParameter(name, value, str(unit), cast("Origin", str(origin)), str(run))


def _head_of_run(run: Run) -> RunHead:
    header = run.header
    return RunHead(
        id=run.id,
        experiment=run.experiment,
        started=header.provenance.started,
        ended=run.ended,
        status=run.status,
        message=str(run.message),
        points=len(run),
        shots=header.shots_per_point,
        seed="" if header.seed is None else str(header.seed),
        source_file=header.provenance.source_file,
        git_revision=header.provenance.git_revision,
        parameters=tuple(map(used, header.parameters)),
        axes=header.axes,
        results=scalars_of(run.results),
    )


def _head_of_file(file: h5py.File) -> RunHead:
    state = read_state(file)
    entry, provenance = file["entry"].id, h5g.open(file.id, b"provenance")
    return RunHead(
        id=state.id,
        experiment=_text(h5d.open(entry, b"title")),
        started=read_started(file),
        ended=state.ended,
        status=state.status,
        message=str(state.message),
        points=h5d.open(file.id, f"{SCAN}/point".encode()).shape[0],
        shots=int(_read(h5d.open(entry, b"shots_per_point"))),
        seed=_text(h5d.open(entry, b"seed")),
        source_file=_attribute(provenance, b"source_file"),
        git_revision=_attribute(provenance, b"git_revision"),
        parameters=tuple(map(used, read_parameters_text(_text(h5d.open(file.id, PARAMETERS_TEXT.encode()))))),
        axes=read_form(file).axes,
        results=_results(file),
    )


def _results(file: h5py.File) -> tuple[KeyResult, ...]:
    """Read the single numbers of the latest results from their text; arrays stay where they are."""
    if ANALYSIS not in file:
        return ()
    group = h5g.open(file.id, ANALYSIS.encode())
    names = list(group)
    if not names:
        return ()
    return scalars_of(json.loads(_text(h5d.open(group, max(names) + b"/results"))))


def _read(dataset: h5d.DatasetID) -> Any:
    value: Any = np.empty((), dtype=dataset.dtype)
    dataset.read(h5s.ALL, h5s.ALL, value)
    return value[()]


def _text(dataset: h5d.DatasetID) -> str:
    return cast("bytes", _read(dataset)).decode()


def _attribute(owner: h5d.DatasetID | h5g.GroupID, name: bytes) -> str:
    value: Any = np.empty((), dtype=object)
    h5a.open(owner, name).read(value, _TEXT)
    text = value[()]
    return text.decode() if isinstance(text, bytes) else str(text)
