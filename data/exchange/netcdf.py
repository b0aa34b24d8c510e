"""Runs as netCDF-4 files: the scan at the root, other tables in groups."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from data.exchange.arrays import beside_scan, to_xarray
from data.exchange.extras import import_extra
from data.exchange.output import output_file
from data.exchange.table_columns import SCAN_TABLE

if TYPE_CHECKING:
    from data.run import Run


def write_netcdf(
    run: Run, path: Path, *, tables: Sequence[str] = (), force: bool = False
) -> tuple[Path, ...]:
    """Write a run as xarray has it (see `to_xarray`) to a netCDF-4 file.

    `xarray.open_dataset(path)` reads the scan, `xarray.open_datatree(path)` all of it; units and meanings are
    the attributes of the CF conventions.

    Args:
        run: open.
        path: of the file.
        tables: written as groups beside the scan.
        force: whether a file of that name is replaced.

    Returns:
        The file.

    Raises:
        ExportError: the run has no such table.
        MissingPackageError: xarray or h5netcdf is not installed.
        OutputExistsError: the file is there already.
        UnwritableFileError: the system does not let it be written.
    """
    import_extra("h5netcdf", "netCDF files")
    scan = to_xarray(run)
    groups = {
        name: beside_scan(to_xarray(run, name), scan) for name in dict.fromkeys(tables) if name != SCAN_TABLE
    }
    scan.attrs["Conventions"] = "CF-1.11"
    with output_file(path, force=force) as part:
        scan.to_netcdf(part, engine="h5netcdf", format="NETCDF4")
        for name, dataset in groups.items():
            compressed = {variable: {"zlib": True, "complevel": 1} for variable in dataset.variables}
            texts = [variable for variable, values in dataset.variables.items() if values.dtype.kind in "OU"]
            encoding = {name: how for name, how in compressed.items() if name not in texts}
            dataset.to_netcdf(part, mode="a", group=name, engine="h5netcdf", encoding=encoding)
    return (path,)
