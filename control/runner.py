"""Runs an experiment: from its definition to a file that holds the data and what they say."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from control.bench import Bench, open_bench
from control.errors import ControlError, InterruptedRun
from control.experiments.experiment import Experiment
from control.experiments.registry import author_errors, source_file
from control.experiments.scanned_runs import analyse
from control.interrupts import Interrupts
from control.lab import Lab, PacedLab, catch_up, provoke, set_pace
from control.plan import Plan, make_plan
from control.recording import Recorder, logging_into
from control.setup import Setup, read_setup
from data import (
    DataError,
    Provenance,
    Readout,
    Run,
    RunHeader,
    RunWriter,
    collect_provenance,
    open_run,
    write_results,
)
from data.errors import ResultsError
from sequences import Kind, Program, SequenceError, declarations, print_program
from sequences.scans import Scan

SEED_BITS: Final = 32  # short enough to be typed again

MADE_TIME_LOOK_SECONDS: Final = 0.2
"""Between two looks at instruments in a lab whose time is made: one takes 20 ms, and 2 s are many points."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        stage: what is going on, in a word or two.
        done: points measured.
        total: points planned.
        seconds_left: estimated from the points measured; None before the first.
    """

    stage: str
    done: int
    total: int
    seconds_left: float | None = None


Watcher = Callable[[Progress], None]
"""Is told of every step of a run."""


def run(
    experiment: Experiment,
    *,
    setup: str | Path = "innsbruck",
    shots: int | None = None,
    seed: int | None = None,
    calibration: Mapping[str, float] | None = None,
    scan: Scan | str | None = None,
    out: str | Path = "runs",
    journals: str | Path | None = None,
    progress: Watcher | None = None,
    pace: float | None = None,
    provoking: Sequence[str] = (),
) -> Path:
    """Measure an experiment in a lab and analyse it.

    Args:
        experiment: with its parameters.
        setup: name or file of the lab's setup.
        shots: at each point; None for the experiment's own number.
        seed: of a simulated lab; None for a new one. The same seed gives the same clicks.
        calibration: calibrated values to use instead of those of the setup, in their base units.
        scan: values to measure the experiment at, as a scan or its text: ``"wait = 1 us .. 20 us / 20"``.
        out: folder for the run file.
        journals: folder for the journal, on a disk of this machine, if `out` is on a network drive; None for
            beside the file.
        progress: called at every step.
        pace: how many times as fast as the wall's the time of a simulated lab runs at most; None for as
            fast as it can.
        provoking: what shall happen to a simulated lab, each as ``"event @ lab time"``: ``"ion loss @ 2 s"``.

    Returns:
        The run file; `data.open_run` reads it.

    Raises:
        ConfigError: the setup or a value cannot be used.
        SequenceError: the sequence cannot be played.
        ExperimentError: the experiment's own code fails; data measured before are kept.
        DeviceError: an instrument does not answer or refuses.
        DataError: the file cannot be written.
        InterruptedRun: stopped by Ctrl-C; the points measured before are kept.
    """
    chosen = experiment if shots is None else experiment.with_shots(shots)
    plan = make_plan(chosen, read_setup(setup), calibration, scan)
    return run_plan(
        plan, seed=seed, out=out, journals=journals, progress=progress, pace=pace, provoking=provoking
    )


def run_plan(
    plan: Plan,
    *,
    seed: int | None = None,
    out: str | Path = "runs",
    journals: str | Path | None = None,
    progress: Watcher | None = None,
    pace: float | None = None,
    provoking: Sequence[str] = (),
) -> Path:
    """Measure and analyse what was planned; arguments and errors are those of `run`."""
    watch = progress or _ignore
    seed = secrets.randbits(SEED_BITS) if seed is None else seed
    watch(Progress("preparing", 0, len(plan.points)))
    with prepared_lab(plan.setup, plan.experiment.ions, seed) as (lab, bench):
        if pace is not None:
            set_pace(lab, pace)
        provoke(lab, provoking)
        path = _measure(plan, lab, bench, _begin(plan, seed, out, journals), watch)
    watch(Progress("analysing", len(plan.points), len(plan.points)))
    try:
        analyse_run(plan.experiment, path)
    except KeyboardInterrupt:
        raise InterruptedRun(path=str(path), points=len(plan.points), planned=len(plan.points)) from None
    return path


@contextmanager
def prepared_lab(setup: Setup, ions: int, seed: int) -> Iterator[tuple[Lab, Bench]]:
    """Start a lab with its instruments set and its ions loaded; all of it ends with the block.

    Args:
        setup: the lab.
        ions: to load.
        seed: of a simulated lab.

    Raises:
        DeviceError: an instrument does not answer, is another one, or refuses.
    """
    with ExitStack() as stack:
        lab = stack.enter_context(closing(setup.open_lab(seed)))
        bench = stack.enter_context(open_bench(setup.instruments, lab.resources))
        lab.load(ions)
        yield lab, bench


def analyse_run(experiment: Experiment, path: Path) -> dict[str, object]:
    """Analyse a run from its file and write the results into it.

    Args:
        experiment: with the parameters of the run.
        path: of the run file.

    Returns:
        The results.

    Raises:
        ExperimentError: the analysis fails; the data are not touched.
        ResultsError: it says what a file cannot hold; likewise.
    """
    with open_run(path) as recorded, author_errors(f"analyse() of {experiment.name}", kept=str(path)):
        results = dict(analyse(experiment, recorded))
    try:
        write_results(path, results)
    except ResultsError as error:
        error.add_note(f"The data are kept in {path}.")
        raise
    return results


def recorded_experiment(kind: type[Experiment], run: Run) -> Experiment:
    """Return an experiment with the parameters that a run was made with.

    Args:
        kind: the experiment, as its code is now.
        run: one of its runs.
    """
    known = declarations(kind)
    stored: dict[str, Any] = {name: run.parameters[name].value for name in known if name in run.parameters}
    with author_errors(f"making {kind.name} with the parameters of run {run.id}"):
        return kind(**stored)


def _measure(plan: Plan, lab: Lab, bench: Bench, writer: RunWriter, watch: Watcher) -> Path:
    """Play every point and append it to the file, which is closed however this ends."""
    total = len(plan.points)
    pause = MADE_TIME_LOOK_SECONDS if isinstance(lab, PacedLab) else None
    began = time.monotonic()
    try:
        with Interrupts() as interrupts, writer, logging_into(writer):
            recorder = Recorder(bench, writer)
            for point, program in zip(plan.points, plan.programs, strict=True):
                bench.look_after(pause)
                bench.set(point.instruments)
                recorder.look()
                record = lab.play(program, plan.experiment.shots)
                with interrupts.held():
                    writer.append(point.columns(), record)
                catch_up(lab)
                left = (time.monotonic() - began) / writer.points * (total - writer.points)
                watch(Progress("measuring", writer.points, total, left))
            bench.look_after(0.0)  # nobody has looked since the last point, or for several
            recorder.look(anyway=True)
            with interrupts.held():
                return writer.finish()
    except KeyboardInterrupt:
        watch(Progress("analysing", writer.points, total))
        # The points may be too few for the analysis, and who is in a hurry stops that too.
        with suppress(ControlError, DataError, SequenceError, KeyboardInterrupt):
            analyse_run(plan.experiment, writer.path)
        raise InterruptedRun(path=str(writer.kept_in), points=writer.points, planned=total) from None
    except Exception as error:
        error.add_note(f"{writer.points} of {total} points were measured; they are kept in {writer.kept_in}.")
        raise


def _begin(plan: Plan, seed: int, out: str | Path, journals: str | Path | None) -> RunWriter:
    return RunWriter.create(out, header_of(plan, seed), journals=journals)


def header_of(plan: Plan, seed: int, provenance: Provenance | None = None) -> RunHeader:
    """Return what the run file of a plan says before its first point.

    Args:
        plan: of the run.
        seed: of the lab.
        provenance: what the run is made with; None to ask this interpreter, and git, now.
    """
    source = source_file(type(plan.experiment))
    return RunHeader(
        experiment=plan.experiment.name,
        provenance=provenance or collect_provenance(source, datetime.now(UTC)),
        parameters=plan.values,
        axes=plan.axes,
        readouts=_readouts(plan),
        program=print_program(plan.programs[0]),  # the others differ in the values of the points only
        setup=plan.setup.text,
        source=source.read_text(encoding="utf-8") if source else "",
        seed=seed,
        shots_per_point=plan.experiment.shots,
    )


def _readouts(plan: Plan) -> tuple[Readout, ...]:
    """Return how many counts a shot gives: one a window of a counter, one an ion of a camera exposure."""
    program = plan.programs[0]
    widths = program.readout_widths(plan.experiment.ions)
    return tuple(_readout(program, name, width) for name, width in widths.items())


def _readout(program: Program, name: str, width: int) -> Readout:
    """Return a readout with who counts it, and with the gates that belong to its windows."""
    rows = tuple(row for row, gate in enumerate(program.readouts) if gate.name == name)
    gates = [program.readouts[row] for row in rows]
    channels = dict.fromkeys(program.target.by_number[gate.channel] for gate in gates)
    is_camera = any(channel.kind is Kind.CAMERA for channel in channels)
    return Readout(
        name,
        width,
        source=", ".join(channel.name for channel in channels),
        counted="ions" if is_camera else "windows",
        rows=rows,
        windows=tuple(gate.index for gate in gates),
    )


def _ignore(_progress: Progress) -> None:
    """Watch nothing."""
