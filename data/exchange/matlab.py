"""Runs as MAT-files of version 5, which MATLAB and Octave load."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from numpy.typing import NDArray

from data.errors import ExportError
from data.exchange.facts import run_facts
from data.exchange.output import output_file
from data.exchange.table_columns import SCAN_TABLE, TableColumn, read_table

if TYPE_CHECKING:
    from data.run import Run

# MATLAB's namelengthmax, and the words that it keeps for itself (iskeyword).
_LONGEST_NAME: Final = 63
_KEYWORDS: Final = (
    "break case catch classdef continue else elseif end for function global if otherwise parfor persistent "
    "return spmd switch try while"
)

# A variable of a MAT-file of version 5 has at most 2^31 bytes.
_LARGEST: Final = 2**31 - 1


def write_matlab(
    run: Run, path: Path, *, tables: Sequence[str] = (), force: bool = False
) -> tuple[Path, ...]:
    """Write a run as a MAT-file.

    `load` gives structs: `run` (id, state, origin, parameters and results as JSON text for `jsondecode`),
    `scan` with a column a field, one struct for each of the other tables, `parameters` (name -> value), and
    `units`, which has the unit of each column under the same names: `units.scan.duration`.

    Args:
        run: open.
        path: of the file.
        tables: to write beside the scan.
        force: whether a file of that name is replaced.

    Returns:
        The file.

    Raises:
        ExportError: the run has no such table, or one that is too large for the format.
        OutputExistsError: the file is there already.
        UnwritableFileError: the system does not let it be written.
    """
    from scipy.io import savemat  # noqa: PLC0415  (a fifth of a second that other exports do not need)

    contents: dict[str, Any] = {"run": _struct(run_facts(run)), "units": {}}
    contents["parameters"] = _struct({parameter.name: parameter.value for parameter in run.header.parameters})
    for table in dict.fromkeys((SCAN_TABLE, *tables)):
        columns = read_table(run, table)
        _check_size(run, table, columns)
        names = matlab_names(column.name for column in columns)
        name = "run_parameters" if table in contents else table
        contents[name] = {names[column.name]: _values(column.values) for column in columns}
        contents["units"][name] = {names[column.name]: column.unit for column in columns}
    with output_file(path, force=force) as part:
        savemat(
            str(part), contents, appendmat=False, long_field_names=True, do_compression=True, oned_as="column"
        )
    return (path,)


def matlab_names(names: Iterable[str]) -> dict[str, str]:
    """Return a name that MATLAB allows for each name: letters, digits and _, a letter first, 63 at most.

    Example:
        >>> matlab_names(["duration", "pi/2 time", "2nd", "end"])
        {'duration': 'duration', 'pi/2 time': 'pi_2_time', '2nd': 'x2nd', 'end': 'x_end'}
    """
    valid: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9_]", "_", name)
        if not plain[:1].isalpha():
            plain = f"x{plain}"
        if plain in _KEYWORDS.split():
            plain = f"x_{plain}"
        plain, number = plain[:_LONGEST_NAME], 1
        while plain in valid.values():
            number += 1
            ending = f"_{number}"
            plain = plain[: _LONGEST_NAME - len(ending)] + ending
        valid[name] = plain
    return valid


def _struct(facts: dict[str, Any]) -> dict[str, Any]:
    names = matlab_names(facts)
    return {names[name]: value for name, value in facts.items()}


def _values(values: NDArray[Any]) -> NDArray[Any]:
    """Return texts as a cell array, which keeps texts of different lengths."""
    return values.astype(object) if values.dtype.kind == "U" else values


def _check_size(run: Run, table: str, columns: tuple[TableColumn, ...]) -> None:
    size = sum(column.values.nbytes for column in columns)
    if size > _LARGEST:
        reason = f"its table {table} has {size / 1e9:.1f} GB, a variable at most {_LARGEST / 1e9:.1f} GB"
        raise ExportError(
            run.id, "mat", reason, "write netcdf, which MATLAB reads, too, or leave the table out"
        )
