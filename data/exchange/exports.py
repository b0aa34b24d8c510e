"""Which formats a run can be written in."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from data.errors import ExportError

if TYPE_CHECKING:
    from data.run import Run


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """A format.

    Attributes:
        ending: of its files.
        home: module and function that write it; imported when it is asked for.
        summary: one line for people.
    """

    ending: str
    home: str
    summary: str

    def write(self, run: Run, path: Path, tables: Sequence[str], *, force: bool) -> tuple[Path, ...]:
        """Write a run."""
        module, _, function = self.home.partition(":")
        write: Any = getattr(importlib.import_module(module), function)
        paths: tuple[Path, ...] = write(run, path, tables=tables, force=force)
        return paths


EXPORTS: Final = {
    "csv": ExportFormat(".csv", "data.exchange.tables:write_csv", "a row a point, for spreadsheets"),
    "parquet": ExportFormat(
        ".parquet", "data.exchange.tables:write_parquet", "for data frames and databases"
    ),
    "netcdf": ExportFormat(".nc", "data.exchange.netcdf:write_netcdf", "for xarray and tools of netCDF"),
    "mat": ExportFormat(".mat", "data.exchange.matlab:write_matlab", "for MATLAB and Octave"),
    "photon-hdf5": ExportFormat(
        ".hdf5", "data.exchange.photon_hdf5:write_photon_hdf5", "the clicks, for programs of spectroscopy"
    ),
}


def export_run(
    run: Run, form: str, path: Path | None = None, *, tables: Sequence[str] = (), force: bool = False
) -> tuple[Path, ...]:
    """Write a run in another format.

    Args:
        run: open.
        form: one of `EXPORTS`.
        path: of the file; beside the run if None.
        tables: to write beside the scan: "shots", "attempts", "photons", "log", "parameters" ...
        force: whether files of these names are replaced.

    Returns:
        The files.

    Raises:
        ExportError: there is no such format or table, or the format cannot hold the run.
        MissingPackageError: a package of the extra `analysis` is needed.
        OutputExistsError: a file is there already.
        UnwritableFileError: the system does not let it be written.
    """
    if form not in EXPORTS:
        raise ExportError(run.id, form, "there is no such format", f"choose from {', '.join(EXPORTS)}")
    chosen = EXPORTS[form]
    return chosen.write(run, path or run.path.with_suffix(chosen.ending), tables, force=force)
