"""Runs as arrays with names: xarray data sets and pandas data frames."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from data.exchange.extras import import_extra
from data.exchange.facts import run_facts
from data.exchange.table_columns import (
    PARAMETER_TABLE,
    SCAN_TABLE,
    TableColumn,
    flat_columns,
    read_table,
    table_names,
)
from data.header import averages_of, pixels_of, window_of

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from data.run import Run


def to_xarray(run: Run, table: str = SCAN_TABLE) -> xr.Dataset:
    """Return a table of a run as an xarray data set.

    The scan has the dimension `point`, with the axes as coordinates along it. Where the points are a
    whole grid (each combination of the axes' values once), each axis is a dimension of its own, in rising
    order, and the variable `point` tells in which order was measured. Errors are variables beside their
    values, `<readout>_mean_errors`; units and meanings are the attributes `units` and `long_name`.

    Args:
        run: open.
        table: "scan", or one with a row a shot, attempt, click ...: "shots", "attempts", "gates", "photons",
            "log", "readings", "messages".

    Raises:
        MissingPackageError: xarray is not installed.
        ExportError: the run has no such table.
    """
    xarray = import_extra("xarray", "Labelled arrays")
    columns = read_table(run, table)
    if table != SCAN_TABLE:
        named = {column.name: _variable(column, (table,), run) for column in columns}
        dataset: xr.Dataset = xarray.Dataset(named, attrs=run_facts(run))
        return dataset
    names = [axis.name for axis in run.axes]
    order = _grid_order([column.values for column in columns if column.name in names])
    if order is None:
        named = {c.name: _variable(c, ("point",), run) for c in columns if c.name != "point"}
    else:
        named = {c.name: _on_grid(_variable(c, tuple(names), run), c.name, names, order) for c in columns}
    coordinates = {name: named.pop(name) for name in names}
    scan: xr.Dataset = xarray.Dataset(named, coordinates, attrs=run_facts(run))
    return scan


def to_datatree(run: Run) -> xr.DataTree:
    """Return a run as a tree: the scan at its root, and each of the other tables below.

    Raises:
        MissingPackageError: xarray is not installed.
    """
    xarray = import_extra("xarray", "Labelled arrays")
    scan = to_xarray(run)
    nodes = {"/": scan}
    for table in table_names(run):
        if table not in {SCAN_TABLE, PARAMETER_TABLE}:
            nodes[f"/{table}"] = beside_scan(to_xarray(run, table), scan)
    tree: xr.DataTree = xarray.DataTree.from_dict(nodes, name=run.experiment)
    return tree


def beside_scan(dataset: xr.Dataset, scan: xr.Dataset) -> xr.Dataset:
    """Rename variables of a table that have the name of a scanned axis, which the scan's group hands down."""
    clashes = {name: f"{name}_" for name in dataset.variables if name in scan.coords or name in scan.dims}
    return dataset.rename_vars(clashes).drop_attrs(deep=False)


def to_pandas(run: Run, table: str = SCAN_TABLE) -> pd.DataFrame:
    """Return a table of a run as a pandas data frame.

    Columns of several values a row become several columns, `ions_mean_0`, `ions_mean_1` ...; pictures are
    left out. `frame.attrs["units"]` has the units.

    Args:
        run: open.
        table: "scan" with a row a point, or "shots", "attempts", "gates", "photons", "log",
            "readings", "messages", "parameters".

    Raises:
        MissingPackageError: pandas is not installed.
        ExportError: the run has no such table.
    """
    pandas = import_extra("pandas", "Data frames")
    columns = flat_columns(read_table(run, table))
    frame: pd.DataFrame = pandas.DataFrame({column.name: column.values for column in columns})
    frame.attrs = {**run_facts(run), "units": {column.name: column.unit for column in columns if column.unit}}
    return frame.set_index("point") if table == SCAN_TABLE else frame


def _variable(
    column: TableColumn, dims: tuple[str, ...], run: Run
) -> tuple[tuple[str, ...], NDArray[Any], dict[str, str]]:
    """Return dimensions, values and attributes; the first dimensions are those of the rows."""
    attributes = {"long_name": column.meaning or column.name}
    if column.unit:
        attributes["units"] = column.unit
    tail: tuple[str, ...] = ()
    if column.values.ndim > 1:
        tail = pixels_of(column.name)[: column.values.ndim - 1]
    for readout in run.readouts:
        mean, errors = averages_of(readout.name)
        if column.name in {readout.name, mean, errors}:
            tail = (window_of(readout.name),)
        if column.name == mean:
            attributes["ancillary_variables"] = errors
    return (*dims, *tail), column.values, attributes


def _grid_order(axes: list[NDArray[Any]]) -> tuple[NDArray[np.intp], tuple[int, ...]] | None:
    """Return which points stand at the places of a whole grid, last axis fastest, and the grid's shape."""
    if not axes or not len(axes[0]):
        return None
    found = [np.unique(axis, return_inverse=True) for axis in axes]
    shape = tuple(len(values) for values, _ in found)
    if math.prod(shape) != len(axes[0]):
        return None
    place = np.ravel_multi_index([places for _, places in found], shape)
    order = np.argsort(place)
    return (order, shape) if np.array_equal(place[order], np.arange(len(place))) else None


def _on_grid(
    variable: tuple[tuple[str, ...], NDArray[Any], dict[str, str]],
    name: str,
    axes: list[str],
    order: tuple[NDArray[np.intp], tuple[int, ...]],
) -> tuple[tuple[str, ...], NDArray[Any], dict[str, str]]:
    dims, values, attributes = variable
    points, shape = order
    if name in axes:
        return (name,), np.unique(values), attributes
    return dims, values[points].reshape(*shape, *values.shape[1:]), attributes
