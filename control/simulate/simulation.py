"""Plays a study: what is not finished yet, by whoever is there to play it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from control.errors import ConfigError
from control.experiments.experiment import Experiment
from control.experiments.registry import source_file
from control.interrupts import Interrupts
from control.runner import SEED_BITS, Progress, Watcher
from control.setup import read_setup
from control.simulate.errors import InterruptedStudy
from control.simulate.folder import StudyFolder, open_folder, stored_definition
from control.simulate.knobs import find_knobs
from control.simulate.merging import Outcome, merge_setting, read_outcome
from control.simulate.players import Players, open_players
from control.simulate.settings import Listed, Vary, read_settings
from control.simulate.study import Setting, Study, make_study
from control.simulate.study_file import write_study
from control.simulate.tasks import Task
from data import collect_provenance


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a study was played, this time.

    Attributes:
        shots: played now, all points together; those of an earlier time do not count.
        seconds: that it took, from the first task to the last result.
        lab_seconds: that the same shots take in the lab.
    """

    shots: int = 0
    seconds: float = 0.0
    lab_seconds: float = 0.0

    def __str__(self) -> str:
        if not self.shots:
            return "everything was there already"
        return (
            f"{self.shots} shots in {self.seconds:.1f} s: {self.shots / self.seconds:.4g} shots/s, "
            f"{self.lab_seconds / self.seconds:.3g} times as fast as the lab"
        )


@dataclass(frozen=True, slots=True)
class Simulated:
    """A study that is played.

    Attributes:
        study: what was asked for.
        folder: where everything is.
        outcomes: one a setting, in order.
        pace: how fast it was.
    """

    study: Study
    folder: Path
    outcomes: tuple[Outcome, ...]
    pace: Pace


def simulate(
    experiment: Experiment,
    *,
    vary: Vary = (),
    listed: Listed | None = None,
    zipped: bool = False,
    shots: int | None = None,
    block: int | None = None,
    setup: str | Path = "innsbruck",
    seed: int | None = None,
    calibration: Mapping[str, float] | None = None,
    workers: int = 1,
    cluster: str | None = None,
    out: str | Path,
    progress: Watcher | None = None,
) -> Simulated:
    """Measure an experiment in a simulated lab at many settings: of itself, of beliefs, of the truth.

    What is seen depends on the study alone: not on how many workers play it, in which order, nor on how often
    it is stopped and called again, which goes on where it was.

    Args:
        experiment: with its parameters.
        vary: what is turned, and to what; every combination is a setting.
        listed: settings one by one, as mappings or as a CSV file.
        zipped: the values of `vary` run together instead of in every combination.
        shots: at each point of each setting; None for the experiment's own number.
        block: shots that one task plays, in a lab opened for them; None for a usual number.
        setup: name or file of the lab's setup.
        seed: of the study; None for the one in the folder, or a new one.
        calibration: calibrated values to use instead of those of the setup, in their base units.
        workers: processes on this machine.
        cluster: address of a Dask scheduler, whose workers play instead.
        out: folder of the study.
        progress: called at every step.

    Returns:
        What came of it; the same is in the folder, with a run file for every setting.

    Raises:
        ConfigError: settings that cannot be, all of them at once; or instruments that cannot be simulated.
        UsageError: the lab is not simulated, or the folder holds another study.
        InterruptedStudy: stopped by Ctrl-C; what was finished is kept.
    """
    _check_numbers(workers, block)
    watch = progress or (lambda _step: None)
    chosen = experiment if shots is None else experiment.with_shots(shots)
    lab = read_setup(setup)
    lab.require_playable()
    knobs = find_knobs(chosen, lab, calibration)
    settings = read_settings(vary, listed, knobs, zipped=zipped)
    seed = _seed(seed, Path(out))

    def compiling(done: int, total: int) -> None:
        watch(Progress("compiling", done, total))

    study = make_study(
        chosen, lab, knobs, settings, calibration=calibration, block=block, seed=seed, watch=compiling
    )
    return play_study(study, Path(out), workers=workers, cluster=cluster, watch=watch)


def play_study(
    study: Study, out: Path, *, workers: int = 1, cluster: str | None = None, watch: Watcher
) -> Simulated:
    """Play what is missing of a study; arguments and errors are those of `simulate`."""
    with open_folder(out, study.definition) as folder:
        work = _Work(study, folder, watch)
        try:
            with Interrupts() as interrupts:
                try:
                    if work.missing:
                        with open_players(workers, cluster, interrupts.held) as players:
                            work.play(players, interrupts)
                except Exception:
                    with interrupts.held():  # whatever falls over a Ctrl-C: it was the Ctrl-C
                        pass
                    raise
                with interrupts.held():
                    return work.finished()
        except KeyboardInterrupt:
            with suppress(KeyboardInterrupt):  # pressed again: the tables are only a convenience
                work.finished()
            raise InterruptedStudy(folder=str(out), done=work.done, planned=work.planned) from None


class _Work:
    """A study on its way: what is finished, and what is missing."""

    def __init__(self, study: Study, folder: StudyFolder, watch: Watcher) -> None:
        self._study = study
        self._folder = folder
        self._watch = watch
        self._outcomes: dict[int, Outcome] = {}
        self._began = time.monotonic()
        self._shots, self._lab_ps = 0, 0
        source = source_file(type(study.experiment))
        self._provenance = collect_provenance(source, datetime.now(UTC))
        self.planned = study.blocks * len(study.settings)
        self.missing: dict[int, set[int]] = {}
        for setting in study.settings:
            if folder.run_file(setting.number) is None:
                there = folder.blocks(setting.number)
                self.missing[setting.number] = set(range(study.blocks)) - there.keys()

    @property
    def done(self) -> int:
        """Blocks that are finished."""
        return self.planned - sum(map(len, self.missing.values()))

    def play(self, players: Players, interrupts: Interrupts) -> None:
        """Play all tasks that are missing, keep their blocks, and merge every setting that is whole."""
        before = self.done
        for setting in self._study.settings:
            self._merge_if_whole(setting)  # a crash may have come between its last block and its run
        self._told(before)
        for block in players(self._tasks()):
            with interrupts.held():
                self._folder.append(block)
                self.missing[block.setting].discard(block.block)
                self._shots += block.shots
                self._lab_ps += block.duration_ps
                self._merge_if_whole(self._study.settings[block.setting - 1])
                self._told(before)

    def finished(self) -> Simulated:
        """Write what is known of all settings, and return it."""
        self._watch(Progress("writing", self.done, self.planned))
        outcomes = tuple(
            self._outcomes.get(setting.number) or read_outcome(setting, self._folder)
            for setting in self._study.settings
        )
        write_study(self._folder.path, self._study, outcomes, self._provenance)
        pace = Pace(self._shots, time.monotonic() - self._began, self._lab_ps * 1e-12)
        return Simulated(self._study, self._folder.path, outcomes, pace)

    def _tasks(self) -> Iterator[Task]:
        """Yield what is missing, setting after setting, so that the first are whole early."""
        for setting in self._study.settings:
            for block in sorted(self.missing.get(setting.number, ())):
                yield self._study.task(setting, block)

    def _merge_if_whole(self, setting: Setting) -> None:
        if self.missing.get(setting.number) == set():
            self._outcomes[setting.number] = merge_setting(
                self._study, setting, self._folder, self._provenance
            )
            del self.missing[setting.number]

    def _told(self, before: int) -> None:
        played = self.done - before
        left = (time.monotonic() - self._began) / played * (self.planned - self.done) if played else None
        self._watch(Progress("simulating", self.done, self.planned, left))


def _check_numbers(workers: int, block: int | None) -> None:
    if workers < 1 or (block is not None and block < 1):
        raise ConfigError((f"workers and shots of a block are 1 or more, not {workers} and {block}",))


def _seed(seed: int | None, out: Path) -> int:
    """Return the seed that is asked for, else the one of the study in the folder, else a new one."""
    if seed is not None:
        return seed
    stored = stored_definition(out) or {}
    return int(stored.get("seed", secrets.randbits(SEED_BITS)))
