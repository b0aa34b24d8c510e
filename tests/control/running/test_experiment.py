"""Experiments: fields are parameters, checked wherever they are made."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from control import Experiment, Point, choice, count, flag, quantity, scan
from control.experiments.tables import Table, cell, tabulate
from sequences import Block, Parameter, Readout
from sequences.errors import DeclaredValueError
from sequences.library import Node


class HeraldedRabiScan(Experiment):
    """Scans a pulse.

    More about it.
    """

    longest: float = quantity("20 us", unit="s", low="1 us", high="1 ms", help="longest pulse")
    steps: int = count(21, low=2, high=1000, help="pulses")
    axis: str = choice("X", among=("X", "Y"), help="of the rotation")
    echo: bool = flag(False, help="with an echo")

    def sequence(self, node: Node) -> Block:
        return node.detector_h.gate(1e-3, Readout("clicks"))


class TrainCounter(Experiment):
    """Counts trains."""

    shots_field = "trains"
    trains: int = count(50, low=1, high=1000, help="trains")

    def sequence(self, node: Node) -> Block:
        return node.detector_h.gate(1e-3, Readout("clicks"))


def test_name_and_summary_come_from_the_class() -> None:
    assert HeraldedRabiScan.name == "heralded_rabi_scan"
    assert HeraldedRabiScan.summary == "Scans a pulse."


def test_name_of_an_abbreviation() -> None:
    class HOMDip2(TrainCounter):
        pass

    assert HOMDip2.name == "hom_dip2"
    assert HOMDip2.summary == ""


def test_fields_are_keywords_with_defaults() -> None:
    experiment = HeraldedRabiScan(steps=3, echo=True)
    assert dataclasses.asdict(experiment) == {
        "ions": 1,
        "shots": 100,
        "longest": 20e-6,
        "steps": 3,
        "axis": "X",
        "echo": True,
    }
    with pytest.raises(TypeError, match="positional"):
        HeraldedRabiScan(3)  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        experiment.steps = 4  # type: ignore[misc]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"steps": 1}, "steps: 1 is outside the limits 2 to 1000"),
        ({"steps": 2.5}, "steps: 2.5 is not a whole number"),
        ({"longest": 1.0}, "longest: 1 s is outside the limits 1 us to 1 ms"),
        ({"longest": float("nan")}, "longest: nan is not a finite number"),
        ({"axis": "Z"}, "axis: 'Z' is not one of X, Y"),
        ({"echo": 3}, "echo: 3 is neither true nor false"),
        ({"ions": 0}, "ions: 0 is outside the limits 1 to 200"),
    ],
)
def test_values_are_checked_in_notebooks_too(given: dict[str, object], told: str) -> None:
    with pytest.raises(DeclaredValueError) as caught:
        HeraldedRabiScan(**given)  # type: ignore[arg-type]
    assert str(caught.value) == told


def test_shots_under_another_name() -> None:
    experiment = TrainCounter(trains=7)
    assert experiment.shots == 7
    assert experiment.with_shots(9).trains == 9
    assert [field.name for field in dataclasses.fields(TrainCounter)] == ["ions", "trains"]
    with pytest.raises(TypeError, match="shots"):
        TrainCounter(shots=3)  # type: ignore[call-arg]


def test_with_shots_checks_the_limits() -> None:
    with pytest.raises(DeclaredValueError, match="trains: 2000 is outside the limits 1 to 1000"):
        TrainCounter().with_shots(2000)
    assert HeraldedRabiScan().with_shots(5).shots == 5


def test_an_experiment_needs_a_sequence() -> None:
    class Nothing(Experiment):
        """Does nothing."""

    with pytest.raises(TypeError, match="sequence"):
        Nothing()  # type: ignore[abstract]


def test_scan_and_columns() -> None:
    wait = Parameter("wait", unit="s")
    assert [point.parameters for point in scan(wait, [1, 2])] == [{"wait": 1.0}, {"wait": 2.0}]
    point = Point({"wait": 1e-6}, {"plate": {"angle": 0.25}}, {"basis": "X"})
    assert point.columns() == {"wait": 1e-6, "plate.angle": 0.25, "basis": "X"}


def test_tables() -> None:
    table = tabulate([{"a": 1, "b": [0.123456, 2.0]}, {"a": 2, "c": "x"}])
    assert table == Table(("a", "b", "c"), (("1", "0.1235, 2", ""), ("2", "", "x")))
    assert cell(True) == "True"


def test_default_table_shows_points_or_single_values() -> None:
    experiment = TrainCounter()
    assert experiment.table({"points": [{"x": 1.0}], "mean": 2.0}).rows == (("1",),)
    assert experiment.table({"mean": 2.0, "list": [1]}).rows == (("mean", "2"),)


@pytest.mark.slow  # mypy reads all rooms
def test_type_checkers_see_the_keywords(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    file = tmp_path / "own.py"
    file.write_text(
        "from control import Experiment, quantity\n"
        "from sequences import Block, delay\n"
        "from sequences.library import Node\n"
        "class Own(Experiment):\n"
        "    wait: float = quantity('1 us', unit='s', help='a wait')\n"
        "    def sequence(self, node: Node) -> Block:\n"
        "        return delay(self.wait)\n"
        "Own(wait=2e-6, shots=3)\n"
        "Own(wait='x')\n"
        "Own(wiat=2e-6)\n"
    )
    root = Path(__file__).parents[3]
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--cache-dir", "/dev/null"]
    checked = subprocess.run([*command, str(file)], cwd=root, capture_output=True, text=True, check=False)
    errors = [
        line for line in checked.stdout.splitlines() if line.startswith(str(file)) and ": error" in line
    ]
    assert [line.split(":")[1] for line in errors] == ["9", "10"], checked.stdout


def test_a_parameter_needs_a_declaration() -> None:
    """An annotated field without one could be neither set nor stored."""
    with pytest.raises(TypeError) as told:

        class Undeclared(Experiment):
            repeats: int = 5

    assert str(told.value) == (
        "parameter 'repeats' of Undeclared has no declaration; "
        "give it a quantity(), count(), choice() or flag(), or leave its annotation away"
    )
