"""Runs as tables: CSV for people and spreadsheets, Parquet for data frames."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from data.exchange.extras import import_extra
from data.exchange.facts import run_facts
from data.exchange.output import output_file, refuse_existing
from data.exchange.table_columns import SCAN_TABLE, TableColumn, flat_columns, stream_table

if TYPE_CHECKING:
    from data.run import Run

# Rows that become Python objects at a time.
_ROWS: Final = 65536


def write_csv(run: Run, path: Path, *, tables: Sequence[str] = (), force: bool = False) -> tuple[Path, ...]:
    """Write the scan as comma-separated values, and other tables beside it.

    The first line has names with units, `duration [s]`. Numbers are written with all their digits. A column
    of several values a row becomes several; pictures are left out.

    Args:
        run: open.
        path: of the scan's file; that of a table gets its name, `scan-shots.csv`.
        tables: to write beside the scan.
        force: whether files of these names are replaced.

    Returns:
        The files.

    Raises:
        ExportError: the run has no such table.
        OutputExistsError: a file is there already.
        UnwritableFileError: the system does not let it be written.
    """
    paths = _paths(path, tables)
    refuse_existing([*paths.values()], force=force)
    for table, place in paths.items():
        with output_file(place, force=force) as part, part.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            for number, columns in enumerate(map(flat_columns, stream_table(run, table))):
                if number == 0:
                    writer.writerow([column.heading for column in columns])
                writer.writerows(_rows(columns))
    return tuple(paths.values())


def write_parquet(
    run: Run, path: Path, *, tables: Sequence[str] = (), force: bool = False
) -> tuple[Path, ...]:
    """Write the scan as a Parquet file, and other tables beside it.

    Columns of several values a row are lists of fixed size. Each column has its unit and meaning as metadata;
    what there is to say of the run (`data.exchange.facts`) is metadata of the table, under `ionloom`.

    Args, returns and errors are those of `write_csv`.

    Raises:
        MissingPackageError: pyarrow is not installed.
    """
    arrow, parquet = (import_extra(name, "Parquet files") for name in ("pyarrow", "pyarrow.parquet"))
    paths = _paths(path, tables)
    refuse_existing([*paths.values()], force=force)
    metadata = {"ionloom": json.dumps(run_facts(run), ensure_ascii=False)}
    for table, place in paths.items():
        with output_file(place, force=force) as part:
            writer = None
            try:
                for columns in stream_table(run, table):
                    piece = _arrow_table(columns, arrow, metadata)
                    writer = writer or parquet.ParquetWriter(part, piece.schema, compression="zstd")
                    writer.write_table(piece)
            finally:
                if writer is not None:
                    writer.close()
    return tuple(paths.values())


def _paths(path: Path, tables: Sequence[str]) -> dict[str, Path]:
    others = {
        name: path.with_name(f"{path.stem}-{name}{path.suffix}") for name in tables if name != SCAN_TABLE
    }
    return {SCAN_TABLE: path, **others}


def _rows(columns: tuple[TableColumn, ...]) -> Iterable[tuple[Any, ...]]:
    count = len(columns[0].values)
    for begin in range(0, count, _ROWS):
        yield from zip(*(column.values[begin : begin + _ROWS].tolist() for column in columns), strict=True)


def _arrow_table(columns: tuple[TableColumn, ...], arrow: Any, metadata: dict[str, str]) -> Any:
    arrays, fields = [], []
    for column in columns:
        values = column.values
        array = arrow.array(values.ravel())
        for width in reversed(values.shape[1:]):
            array = arrow.FixedSizeListArray.from_arrays(array, width)
        arrays.append(array)
        facts = {"unit": column.unit, "meaning": column.meaning}
        fields.append(arrow.field(column.name, array.type, metadata=facts))
    return arrow.Table.from_arrays(arrays, schema=arrow.schema(fields, metadata=metadata))
