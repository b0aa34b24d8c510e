"""In what two runs differ: everything that does, nothing that does not."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from data import (
    Attempts,
    Axis,
    KeyResult,
    Provenance,
    Readout,
    Record,
    Run,
    RunHeader,
    RunWriter,
    StoredParameter,
    TimeTags,
    open_run,
)
from data.comparison import (
    CodeDifference,
    Difference,
    EnvironmentDifference,
    ParameterDifference,
    ResultDifference,
    ScanDifference,
    SettingDifference,
    SetupDifference,
    compare_runs,
)
from data.scalars import scalars_of

HEADER = RunHeader(
    "demo",
    Provenance(
        datetime(2025, 3, 14, tzinfo=UTC),
        source_file="demo.py",
        git_revision="0123456789abcdef",
        git_dirty=False,
        packages=(("numpy", "2.0"), ("scipy", "1.12")),
        python="3.11.4",
        platform="Linux",
    ),
    parameters=(
        StoredParameter("power", 0.5),
        StoredParameter("pi_time", 6.4e-6, "s", "calibration", run="run-a"),
        StoredParameter("ions", 2),
    ),
    axes=(Axis("wait", "s"), Axis("basis", text=True)),
    readouts=(Readout("pmt", 1),),
    setup='name = "lab"\n[channels.raman]\nlatency = "600 ns"\n'
    '[calibration]\npi_time = { value = "1 us", source = "x" }',
    source="one\ntwo\n",
    seed=7,
    shots_per_point=1,
)
WAITS = tuple(i * 1e-6 for i in range(6))
NOTHING = np.zeros(0, np.int64)
RECORD = Record(
    shots=1,
    start_ps=np.zeros(1, np.int64),
    duration_ps=1,
    counts={"pmt": np.zeros((1, 1), np.int32)},
    attempts=Attempts(NOTHING, NOTHING.astype(np.uint32), NOTHING, NOTHING.astype(bool)),
    tags=TimeTags(
        NOTHING,
        NOTHING.astype(np.uint16),
        NOTHING,
        NOTHING.astype(np.uint32),
        NOTHING.astype(np.uint16),
        NOTHING,
    ),
)

Write = Callable[..., Run]


@pytest.fixture(scope="module")
def write(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Write]:
    folder = tmp_path_factory.mktemp("runs")
    with ExitStack() as stack:

        def written(
            header: RunHeader = HEADER, waits: Sequence[float] = WAITS, results: dict[str, Any] | None = None
        ) -> Run:
            with RunWriter.create(folder, header) as writer:
                for wait in waits:
                    point = {"wait": wait, "basis": "Z"}
                    writer.append({axis.name: point[axis.name] for axis in header.axes}, RECORD)
                path = writer.finish(results)
            return stack.enter_context(open_run(path))

        yield written


@pytest.fixture(scope="module")
def plain(write: Write) -> Run:
    return write()


@pytest.fixture
def compared(plain: Run, write: Write) -> Callable[..., list[Difference]]:
    """Compare the header with itself and some changes."""

    def compare(**changes: Any) -> list[Difference]:
        return list(compare_runs(plain, write(dataclasses.replace(HEADER, **changes))))

    return compare


def test_equal_runs_of_other_times(write: Write) -> None:
    later = dataclasses.replace(HEADER.provenance, started=datetime(2026, 1, 1, tzinfo=UTC))
    results = {"rate": {"value": math.nan, "error": 0.1, "unit": "Hz"}, "chi2": 1.0}
    runs = write(results=results), write(dataclasses.replace(HEADER, provenance=later), results=results)
    assert list(compare_runs(*runs)) == []


def test_what_was_asked_for(compared: Callable[..., list[Difference]]) -> None:
    changes = {"experiment": "other", "seed": None, "shots_per_point": 5, "axes": (Axis("wait", "s"),)}
    assert compared(**changes) == [
        SettingDifference("experiment", "demo", "other"),
        SettingDifference("seed", "7", "None"),
        SettingDifference("shots", "1", "5"),
        ScanDifference("basis", "", ("Z",) * 6, None, 0, 6),
    ]


def test_parameters_and_the_runs_that_calibrated_them(compared: Callable[..., list[Difference]]) -> None:
    power, pi_time, ions = HEADER.parameters
    changed = (
        dataclasses.replace(power, origin="override"),  # the same value
        dataclasses.replace(pi_time, run="run-b"),
        StoredParameter("ions", 2.0),
        StoredParameter("new", "Z"),
    )
    found = compared(parameters=changed)
    assert found == [
        ParameterDifference("pi_time", pi_time, changed[1]),
        ParameterDifference("ions", ions, changed[2]),
        ParameterDifference("new", None, changed[3]),
    ]
    assert [difference.is_calibration for difference in found] == [True, False, False]  # type: ignore[union-attr]


def test_a_point_in_the_middle_of_a_scan(plain: Run, write: Write) -> None:
    other = (*WAITS[:3], 9e-6, *WAITS[4:])
    assert list(compare_runs(plain, write(waits=other))) == [ScanDifference("wait", "s", WAITS, other, 3, 1)]


def test_scans_of_other_lengths(plain: Run, write: Write) -> None:
    points, wait, basis = compare_runs(plain, write(waits=WAITS[:4]))
    assert points == SettingDifference("points", "6", "4")
    assert wait == ScanDifference("wait", "s", WAITS, WAITS[:4], 4, 2)
    assert isinstance(basis, ScanDifference)
    assert (basis.first, basis.count) == (4, 2)


def test_setups(compared: Callable[..., list[Difference]]) -> None:
    setup = HEADER.setup.replace("600 ns", "601 ns").replace("1 us", "2 us").replace('"x"', '"y"')
    assert compared(setup=setup + "\n[new]\nkey = 1") == [
        SetupDifference("channels.raman.latency", "600 ns", "601 ns"),
        SetupDifference("calibration.pi_time.source", "x", "y"),
        SetupDifference("new.key", None, "1"),
    ]
    assert compared(setup="a: 1") == [SetupDifference("", HEADER.setup, "a: 1")]


def test_code_and_environment(compared: Callable[..., list[Difference]]) -> None:
    origin = dataclasses.replace(
        HEADER.provenance,
        git_revision="",
        git_diff="-old\n+new\n",
        packages=(("numpy", "2.1"), ("xarray", "1")),
        python="3.12.0",
    )
    found = compared(provenance=origin, source="one\nthree\nfour\n")
    assert found == [
        EnvironmentDifference("git revision", "0123456789abcdef", None),
        EnvironmentDifference("Python", "3.11.4", "3.12.0"),
        EnvironmentDifference("package numpy", "2.0", "2.1"),
        EnvironmentDifference("package scipy", "1.12", None),
        EnvironmentDifference("package xarray", None, "1"),
        CodeDifference(
            "code of the experiment", 1, 2, ("@@ -1,2 +1,3 @@", " one", "-two", "+three", "+four")
        ),
        CodeDifference("uncommitted changes", 0, 2, ("@@ -0,0 +1,2 @@", "+-old", "++new")),
    ]


def test_results_in_standard_deviations(write: Write) -> None:
    old = {
        "fidelity": {"value": 0.90, "error": 0.03, "unit": ""},
        "rate": {"value": 5.0, "error": 0.1, "unit": "Hz"},
        "chi2": 1.0,
        "same": {"value": 1.0, "error": 0.1, "unit": ""},
        "gone": 1.0,
    }
    new = {
        "fidelity": {"value": 0.80, "error": 0.04, "unit": ""},
        "rate": {"value": 5.0, "error": 0.1, "unit": "kHz"},
        "chi2": 2.0,
        "same": {"value": 1.0, "error": 0.1, "unit": ""},
        "new": 1.0,
    }
    found = list(compare_runs(write(results=old), write(results=new)))
    told = {d.name: d for d in found if isinstance(d, ResultDifference)}
    assert list(told) == ["fidelity", "rate", "chi2", "gone", "new"]
    assert len(found) == 5
    assert told["fidelity"].deviations == pytest.approx(2.0)
    assert all(math.isnan(told[name].deviations) for name in ("rate", "chi2", "gone", "new"))
    assert told["gone"].new is None
    assert told["new"].old is None


def test_numbers_among_results() -> None:
    results = {
        "rate": {"value": 3, "error": None, "unit": "1/s"},
        "bad": {"value": None, "error": 1.0},
        "fit": {"chi2": {"$float": "inf"}, "inner": {"x": True}, "text": "good", "list": [1.0]},
        "width": 2.0,
        "width_error": 0.5,
        "alone_error": 1.0,
        "array": np.zeros(3),
        "scalar": np.float64(1.5),
        "whole": KeyResult("unused", 1.0, 0.25, "V"),
        "huge": 10**400,
        "stored": {"$array": "stored"},
    }
    assert [
        (*dataclasses.astuple(result)[:2], str(result.error), result.unit) for result in scalars_of(results)
    ] == [
        ("rate", 3.0, "nan", "1/s"),
        ("fit.chi2", math.inf, "nan", ""),
        ("fit.inner.x", 1.0, "nan", ""),
        ("width", 2.0, "0.5", ""),
        ("alone_error", 1.0, "nan", ""),
        ("scalar", 1.5, "nan", ""),
        ("whole", 1.0, "0.25", "V"),
    ]


def test_results_within_results_have_an_end() -> None:
    deep: dict[str, Any] = {"x": 1.0}
    for _ in range(2000):
        deep = {"d": deep}
    assert scalars_of(deep) == ()
