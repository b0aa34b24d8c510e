"""The study as one file for other programs: ``study.h5`` with everything, ``study.csv`` for a spreadsheet.

/settings/...            one row a setting: its number, the values of its knobs, its run, how it went
/results/...             one row a result: the setting, and every number that the analysis gives
/tallies/points          one row a point of a setting: shots, laboratory time, attempts, heralds
/tallies/counts          how many shots saw which count in which window of which readout
/tallies/coincidences    in how many shots two windows of two readouts both saw something
/tallies/clicks          time tags of each input channel
/provenance              the definition, the setup, the code, the versions
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np

from control.runner import header_of
from control.simulate.errors import UnwritableStudy
from control.simulate.folder import replace_file
from control.simulate.merging import Outcome
from control.simulate.overview import NUMBER, study_rows
from control.simulate.study import Study
from data import Provenance

SCHEMA: Final = 1
"""Version of this layout."""

Row = tuple[int | str, ...]


def write_study(folder: Path, study: Study, outcomes: Sequence[Outcome], provenance: Provenance) -> None:
    """Write what is known of a study; files of an earlier time are replaced.

    Args:
        folder: of the study.
        study: what was asked for.
        outcomes: one a setting.
        provenance: what it was made with.

    Raises:
        UnwritableStudy: the system refuses.
    """
    try:
        replace_file(folder / "study.csv", csv_text(study, outcomes).encode())
        replace_file(folder / "study.h5", _hdf5(folder, study, outcomes, provenance))
    except OSError as error:
        raise UnwritableStudy(folder=str(folder), reason=error.strerror or str(error)) from error


def csv_text(study: Study, outcomes: Sequence[Outcome]) -> str:
    """Return the settings, the sums of their tallies and their results as CSV, numbers in base units."""
    tallies = {outcome.number: outcome.tally for outcome in outcomes}
    rows = study_rows(outcomes)
    results = dict.fromkeys(name for row in rows for name in row if name not in (NUMBER, *study.units))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    headings = [f"{name} ({unit})" if unit else name for name, unit in study.units.items()]
    table.writerow([NUMBER, *headings, "shots", "lab time (s)", "attempts", "heralds", *results])
    for row in rows:
        tally = tallies[row[NUMBER]]
        seen = (tally.shots, tally.seconds, tally.attempts, tally.heralds)
        found = [_csv_cell(row.get(name)) for name in results]
        table.writerow([row[NUMBER], *(row[name] for name in study.units), *seen, *found])
    return text.getvalue()


def _csv_cell(value: object) -> object:
    return json.dumps(value) if isinstance(value, list | Mapping) else value


def _hdf5(folder: Path, study: Study, outcomes: Sequence[Outcome], provenance: Provenance) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs.update({"creator": "ionloom", "ionloom_study_schema": SCHEMA})
        _write_settings(file.create_group("settings"), folder, study, outcomes)
        _write_results(file.create_group("results"), outcomes)
        _write_tallies(file.create_group("tallies"), outcomes)
        _write_provenance(file.create_group("provenance"), study, provenance)
    return buffer.getvalue()


def _write_settings(group: h5py.Group, folder: Path, study: Study, outcomes: Sequence[Outcome]) -> None:
    group[NUMBER] = [outcome.number for outcome in outcomes]
    for knob in study.knobs:
        group[knob.name] = [outcome.values[knob.name] for outcome in outcomes]
        group[knob.name].attrs.update({"units": knob.declared.unit, "long_name": knob.declared.help})
    runs = [outcome.run.relative_to(folder).as_posix() if outcome.run else "" for outcome in outcomes]
    group.create_dataset("run", data=runs, dtype=h5py.string_dtype())
    problems = [outcome.problem for outcome in outcomes]
    group.create_dataset("problem", data=problems, dtype=h5py.string_dtype())
    texts = [json.dumps(outcome.results, default=_plain) for outcome in outcomes]
    group.create_dataset("results", data=texts, dtype=h5py.string_dtype())


def _write_results(group: h5py.Group, outcomes: Sequence[Outcome]) -> None:
    """Write every result that is a number, as a column; NaN where a setting has none."""
    rows = study_rows(outcomes)
    group[NUMBER] = [row[NUMBER] for row in rows]
    knobs = {name for outcome in outcomes for name in outcome.values}
    for name in dict.fromkeys(name for row in rows for name in row if name not in (NUMBER, *knobs)):
        values = [row.get(name) for row in rows]
        if all(value is None or isinstance(value, int | float) for value in values):
            group[name] = [math.nan if value is None else float(value) for value in values]


def _write_tallies(group: h5py.Group, outcomes: Sequence[Outcome]) -> None:
    points: list[Row] = []
    counts: list[Row] = []
    coincidences: list[Row] = []
    clicks: list[Row] = []
    for outcome in outcomes:
        for index, point in enumerate(outcome.tally.points):
            place = (outcome.number, index)
            points.append((*place, point.shots, point.duration_ps, point.attempts, point.heralds))
            for readout, seen in point.counts.items():
                counts += [(*place, readout, *row) for row in _rows(seen.rows, seen.times)]
            for (one, another), both in point.coincidences.items():
                coincidences += [(*place, one, another, *row) for row in _rows(both.rows, both.times)]
            clicks += [(*place, *row) for row in _rows(point.clicks.rows, point.clicks.times)]
    _write_table(group, "points", (NUMBER, "point", "shots", "duration_ps", "attempts", "heralds"), points)
    _write_table(group, "counts", (NUMBER, "point", "readout", "window", "count", "shots"), counts)
    _write_table(
        group,
        "coincidences",
        (NUMBER, "point", "readout_1", "readout_2", "window_1", "window_2", "shots"),
        coincidences,
    )
    _write_table(group, "clicks", (NUMBER, "point", "channel", "clicks"), clicks)


def _rows(rows: np.ndarray[Any, Any], times: np.ndarray[Any, Any]) -> Iterable[tuple[int, ...]]:
    return ((*row, seen) for row, seen in zip(rows.tolist(), times.tolist(), strict=True))


def _write_table(group: h5py.Group, name: str, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Write rows as one dataset a column."""
    table = group.create_group(name)
    for column, values in zip(
        columns, zip(*rows, strict=True) if rows else ((),) * len(columns), strict=True
    ):
        text = column.startswith("readout")
        data = np.array(values, dtype=h5py.string_dtype() if text else np.int64)
        filters = {"compression": "gzip", "shuffle": True} if len(data) else {}
        table.create_dataset(column, data=data, **filters)


def _write_provenance(group: h5py.Group, study: Study, provenance: Provenance) -> None:
    head = header_of(study.settings[0].plan, study.seed, provenance)
    group["definition"] = json.dumps(study.definition)
    group["setup"] = study.setup.text
    group["source"] = head.source
    group["program"] = head.program
    group["packages"] = json.dumps(dict(provenance.packages))
    facts = asdict(provenance)
    group.attrs.update({name: str(facts[name]) for name in facts if name not in ("packages",)})


def _plain(value: object) -> object:
    """Return what JSON does not know as what it does: arrays as lists, complex numbers as pairs."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, complex):
        return [value.real, value.imag]
    raise TypeError(f"{value!r} is no result")
