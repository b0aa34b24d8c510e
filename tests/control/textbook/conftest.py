"""A lab whose properties tests can change, and experiments that are run in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from control import Experiment, read_setup, run
from control.experiments.picture import draw_run
from data import open_run

Measure: TypeAlias = Callable[..., "Measured"]

SIGMA = 4.5
"""Of every comparison here, in standard errors: 7e-6 of all seeds fail it. The seeds are fixed."""

CALM = {
    "laser_unlock_rate": "0 1/s",
    "cavity_unlock_rate": "0 1/s",
    "collision_rate": "0 1/s",
    "ion_loss_rate": "0 1/s",
}
"""Accidents have tests of their own."""


@dataclass(frozen=True)
class Measured:
    """What an experiment found.

    Attributes:
        results: of its analysis.
        table: what it prints, row by row.
        path: of the run.
    """

    results: dict[str, Any]
    table: dict[str, str]
    path: Path

    def agrees(self, name: str, truth: float, also: float = 0.0) -> bool:
        """Tell whether a result is the truth within its errors, and within what a model is off."""
        value, error = self.results[name], self.results[f"{name}_error"]
        return bool(abs(value - truth) < SIGMA * error + also)


@pytest.fixture
def measure(tmp_path: Path) -> Measure:
    """Return what runs an experiment on one ion, in a lab with other properties or beliefs, and draws it."""

    def in_lab(
        experiment: Experiment,
        *,
        setup: str = "single_ion",
        believed: dict[str, float] | None = None,
        **node: str,
    ) -> Measured:
        values = CALM | node
        entries = "".join(f'{name} = {{ value = "{values[name]}", source = "assumed" }}\n' for name in values)
        file = tmp_path / "lab.toml"
        file.write_text(f'extends = "{setup}"\nname = "lab"\n[node]\n{entries}')
        path = run(experiment, setup=file, seed=1, calibration=believed, out=tmp_path / "runs")
        with open_run(path) as recorded:
            table = experiment.table(recorded.results)
            picture = draw_run(experiment, recorded, tmp_path / f"{experiment.name}.png")
            assert picture.stat().st_size > 10_000
            return Measured(recorded.results, {row[0]: row[1] for row in table.rows}, path)

    return in_lab


@pytest.fixture(scope="session")
def node() -> dict[str, float]:
    """What the node of one ion really is."""
    from hardware_sim.properties import read_properties

    properties, problems = read_properties(read_setup("single_ion").tables["node"])
    assert not problems
    assert properties is not None
    return {name: getattr(properties, name) for name in properties.__dataclass_fields__}
