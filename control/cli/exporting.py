"""``ionloom export``: each writer imports its own target, because most are not asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import click

from control.cli.asking import Asked, asks_for
from control.cli.escapes import say
from control.cli.run_export import RecordedExport, run_export_options
from control.errors import UsageError
from control.setup import Setup
from control.views import check_format
from data.run_names import FINISHED, JOURNAL
from sequences import Program, print_program

if TYPE_CHECKING:
    from sequences.targets.artiq import Kasli

Chunks = Iterable[str | bytes]
"""The content of a file, piece by piece: unrolled programs may be larger than memory."""

Writer = Callable[[Program, Setup, int], Mapping[str, Chunks]]
"""Program, lab, shots -> what is added to the file's name (nothing for a single file) and its content."""


@click.command("export")
@partial(asks_for, metavar="NAME|FILE.py|RUN")
@click.option(
    "--point",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Which point of the experiment, counted from 1.",
)
@click.option(
    "--shots",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many shots, for .vcd and .records, which unroll loops as if each attempt were heralded at "
    "once.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The file to write. For an experiment it must be given, and its ending says what is written; for a "
    "run it lies beside it by default.",
)
@run_export_options
def export(
    asked: Asked,
    point: int,
    shots: int,
    output: Path | None,
    recorded: RecordedExport,
) -> None:
    """Write what an experiment plays, or a run, for other programs.

    What an experiment would play is written with -o FILE, by the ending of FILE:

    \b
    .txt      text that people read and ionloom reads back
    .json     the same for other programs
    .vcd      signals over time, for GTKWave and Surfer
    .records  unrolled events, 24 bytes each (sequences.timeline.RECORD)
    .py       an ARTIQ experiment that plays it on a Kasli crate
    .rtio     its RTIO events as text, a file for each trace
    .dma      its DMA traces, as the core device keeps them, a file for each
    .dump     what the timing core's analyzer would record

    A run that was measured is written with --to FORMAT; RUN is a file, an id, the beginning of an id, or
    `latest` in --out:

    \b
    csv          its points as a table with units, for spreadsheets
    parquet      the same for data frames and databases
    netcdf       arrays with names, for xarray and tools of netCDF
    mat          structs, for MATLAB and Octave
    photon-hdf5  its clicks, for programs of spectroscopy

    \b
    ionloom export ten_ion_register -o register.vcd
    ionloom export latest --to csv --table photons
    """  # noqa: D301 - the backspace tells click not to join the lines
    if recorded.is_wanted:
        for path in recorded.write(asked.name, output):
            say(path)
        return
    if output is None:
        advice = "Give -o FILE for what an experiment plays, or --to FORMAT for a run."
        raise UsageError(what="nothing says what to write", advice=advice)
    if asked.name == "latest" or Path(asked.name).suffix in {FINISHED, JOURNAL}:
        raise UsageError(what=f"{asked.name} is a run", advice="Say with --to in which format it is written.")
    ending = check_format(output, WRITERS, "a program")
    if shots > 1 and ending not in _UNROLLED:
        raise UsageError(what=f"--shots cannot be used with {ending}", advice=f"It is for {_SEVERAL}.")
    plan = asked.plan()
    program = plan.program(point)
    for addition, chunks in WRITERS[ending](program, plan.setup, shots).items():
        path = output.with_name(f"{output.stem}{addition}{output.suffix}")
        with path.open("wb") as file:
            file.writelines(chunk.encode() if isinstance(chunk, str) else chunk for chunk in chunks)
        say(path)


_UNROLLED: Final = (".vcd", ".records")
_SEVERAL: Final = " and ".join(_UNROLLED)


def _text(program: Program, _setup: Setup, _shots: int) -> Mapping[str, Chunks]:
    return {"": [print_program(program)]}


def _json(program: Program, _setup: Setup, _shots: int) -> Mapping[str, Chunks]:
    from sequences.targets.json_form import print_json  # noqa: PLC0415

    return {"": [print_json(program)]}


def _vcd(program: Program, _setup: Setup, shots: int) -> Mapping[str, Chunks]:
    from sequences.targets.vcd import print_vcd  # noqa: PLC0415

    return {"": print_vcd(program, shots)}


def _records(program: Program, _setup: Setup, shots: int) -> Mapping[str, Chunks]:
    from sequences.targets.stream import stream_records  # noqa: PLC0415

    return {"": (records.tobytes() for records in stream_records(program, shots))}


def _player(program: Program, setup: Setup, _shots: int) -> Mapping[str, Chunks]:
    from sequences.targets.artiq import print_player  # noqa: PLC0415

    return {"": [print_player(program, _kasli(setup))]}


def _rtio(program: Program, setup: Setup, _shots: int) -> Mapping[str, Chunks]:
    from sequences.targets.artiq import print_events, record_program, rtio_names  # noqa: PLC0415

    kasli = _kasli(setup)
    traces = record_program(program, kasli).traces
    texts = [print_events(trace.events, rtio_names(kasli)) for trace in traces]
    return {addition: [text] for addition, text in zip(_additions(len(texts)), texts, strict=True)}


def _dma(program: Program, setup: Setup, _shots: int) -> Mapping[str, Chunks]:
    from sequences.targets.artiq import print_trace, record_program  # noqa: PLC0415

    traces = [print_trace(trace.events) for trace in record_program(program, _kasli(setup)).traces]
    return {addition: [trace] for addition, trace in zip(_additions(len(traces)), traces, strict=True)}


def _dump(program: Program, setup: Setup, _shots: int) -> Mapping[str, Chunks]:
    with closing(setup.open_lab(seed=0)) as lab:
        dump = getattr(lab, "dump", None)
        if dump is None:
            what = f"the lab of {setup.name} has no analyzer to record with"
            raise UsageError(what=what, advice="The simulated lab has one: --setup innsbruck.")
        return {"": [dump(program)]}


def _kasli(setup: Setup) -> Kasli:
    """Return the crate of a setup."""
    if setup.kasli is None:
        raise UsageError(
            what=f"setup {setup.name} does not say where its channels are on a Kasli crate",
            advice="Use --setup kasli, or add [channels.NAME.artiq] tables to your own.",
        )
    return setup.kasli


def _additions(files: int) -> list[str]:
    """Return what tells several files apart."""
    return [""] if files == 1 else [f"-{number}" for number in range(files)]


WRITERS: Final[Mapping[str, Writer]] = MappingProxyType(
    {
        ".txt": _text,
        ".json": _json,
        ".vcd": _vcd,
        ".records": _records,
        ".py": _player,
        ".rtio": _rtio,
        ".dma": _dma,
        ".dump": _dump,
    }
)
"""Ending of a file -> what makes its content."""
