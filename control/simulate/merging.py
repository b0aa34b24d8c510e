"""From blocks to a run: the blocks of a setting become one run file, which the analysis reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from control.errors import ExperimentError
from control.experiments.registry import source_file
from control.runner import analyse_run, header_of
from control.simulate.folder import StudyFolder
from control.simulate.settings import Values
from control.simulate.study import Setting, Study
from control.simulate.tally import Tally, tally_of
from control.simulate.tasks import Block, join_blocks
from data import Provenance, RunWriter, open_run
from data.errors import ResultsError


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a study says of one setting.

    Attributes:
        number: of the setting, from 1.
        values: name of a knob -> what it was turned to.
        tally: of all finished blocks.
        run: the run file, once all blocks are finished.
        results: of the experiment's analysis.
        problem: why there are no results although all blocks are finished.
    """

    number: int
    values: Values
    tally: Tally
    run: Path | None = None
    results: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""


def merge_setting(study: Study, setting: Setting, folder: StudyFolder, provenance: Provenance) -> Outcome:
    """Join the finished blocks of a setting to a run, analyse it, and let go of the blocks.

    Args:
        study: of the setting.
        setting: all of whose blocks are in the folder.
        folder: of the study.
        provenance: of the study.
    """
    blocks = _in_order(folder, setting)
    records = join_blocks(blocks)
    now = replace(provenance, started=datetime.now(UTC))
    header = replace(
        header_of(setting.plan, study.seed_of(setting), now), parameters=study.parameters(setting)
    )
    folder.forget_run(setting.number)
    with RunWriter.create(folder.setting(setting.number), header) as writer:
        for point, record in zip(setting.plan.points, records, strict=True):
            writer.append(point.columns(), record)
        path = writer.finish()
    outcome = _analyse(setting, path, tally_of(records))
    folder.forget_blocks(setting.number)
    return outcome


def read_outcome(setting: Setting, folder: StudyFolder) -> Outcome:
    """Return what is known of a setting: from its run, or from the blocks that are finished so far.

    A run without results, or one that older code has analysed, is analysed again.
    """
    path = folder.run_file(setting.number)
    if path is None:
        tallies = [tally_of(block.records()) for block in _in_order(folder, setting)]
        return Outcome(setting.number, setting.values, sum(tallies, Tally()))
    with open_run(path) as run:
        tally, results, source = tally_of(run.records()), run.results, run.header.source
    code = source_file(type(setting.plan.experiment))
    if not results or source != (code.read_text(encoding="utf-8") if code else ""):
        return _analyse(setting, path, tally)
    return Outcome(setting.number, setting.values, tally, path, results)


def _in_order(folder: StudyFolder, setting: Setting) -> Sequence[Block]:
    blocks = folder.blocks(setting.number)
    return [blocks[number] for number in sorted(blocks)]


def _analyse(setting: Setting, path: Path, tally: Tally) -> Outcome:
    """Analyse a run; where that fails, say so and go on: other settings may have more clicks."""
    results: Mapping[str, Any] = {}
    problem = ""
    try:
        analyse_run(setting.plan.experiment, path)
    except (ExperimentError, ResultsError) as error:
        problem = str(error)
    else:
        with open_run(path) as run:
            results = run.results
    return Outcome(setting.number, setting.values, tally, path, results, problem)
