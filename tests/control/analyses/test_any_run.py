"""Analyses of any run: what they find in runs whose content is known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from control.analyses import analysis_names, find_analysis, fitting
from control.analyses.chosen import counter_named, readout_named
from control.errors import ConfigError, UsageError
from data import Provenance, Readout, RunHeader, RunWriter, open_run

MakeRun = Callable[..., Path]


def found(path: Path, which: str, **texts: str) -> dict[str, Any]:
    with open_run(path) as run:
        return find_analysis(which, texts).analyse(run).results


def test_a_summary(fringe_run: MakeRun) -> None:
    path = fringe_run(points=3)
    told = found(path, "summary")
    assert (told["shots"], told["photons"], told["duration"]) == (600, 0, pytest.approx(600e-6))
    with open_run(path) as run:
        counts = run.record(1).counts["ions"][:, 0]
    row = told["points"][1]
    assert row["phase"] == pytest.approx(1 / 3)
    assert row["drift"] == pytest.approx(3 + 2 / 3)
    assert row["ions"] == pytest.approx(counts.mean())
    assert row["ions_error"] == pytest.approx(counts.std(ddof=1) / np.sqrt(len(counts)))


def test_a_fringe_of_ions(fringe_run: MakeRun) -> None:
    told = found(fringe_run(), "fit", model="fringe")
    assert (told["readout"], told["axis"], told["axis_unit"]) == ("ions", "phase", "turn")
    assert abs(told["contrast"]["value"] - 0.9) < 5 * told["contrast"]["error"] < 0.2
    assert told["p_value"] > 1e-4
    assert set(told["data"]) == {"x", "y", "y_error"}


def test_a_line_through_a_channel(fringe_run: MakeRun) -> None:
    told = found(fringe_run(), "fit", model="straight", readout="drift", error="0.01")
    assert told["c0"]["value"] == pytest.approx(3)
    assert (told["c1"]["value"], told["c1"]["unit"]) == (pytest.approx(2), "1/turn")
    assert told["quantity"] == "drift (Hz)"


def test_g2_of_counters_that_never_click_together(photon_run: Path) -> None:
    told = found(photon_run, "g2", lags="3")
    assert (told["first"], told["second"]) == ("h", "v")
    assert told["lag"].tolist() == [-3, -2, -1, 0, 1, 2, 3]
    # Pairs at each lag over a quarter of the pairs of windows there: 3 of 7, 4 of 9, 5 of 9, 4 of 7.
    expected = [12 / 7, 0, 16 / 9, 0, 20 / 9, 0, 16 / 7]
    assert told["g2"].tolist() == pytest.approx(expected)
    assert told["g2_at_zero"]["value"] == 0


@pytest.mark.parametrize(("readout", "earliest"), [("h", 2e-6), ("v", 6e-6)])
def test_when_photons_of_many_windows_arrive(photon_run: Path, readout: str, earliest: float) -> None:
    told = found(photon_run, "wave-packet", readout=readout, window="10 us", bins="5")
    assert told["packet"]["edges"].tolist() == pytest.approx([0, 2e-6, 4e-6, 6e-6, 8e-6, 10e-6])
    # All in one bin, 100 clicks in 200 shots of ten windows.
    rate = np.where(np.isclose(told["packet"]["edges"][:-1], earliest), 100 / 2000 / 2e-6, 0.0)
    assert told["packet"]["rate"] == pytest.approx(rate)
    assert told["photon_probability"]["value"] == 100 / 2000
    assert (told["clicks"], told["windows"]) == (100, 2000)
    assert earliest < told["mean_arrival"]["value"] < earliest + 2e-6


@pytest.mark.parametrize(
    ("which", "texts", "told"),
    [
        ("fit", {"readout": "iosn"}, "has no readout 'iosn'. Did you mean ions?"),
        ("fit", {"axis": "phas"}, "has no axis 'phas'. Did you mean phase?"),
        ("fit", {"window": "2"}, "ions of run {id} has no window 2. It has 1, counted from 1."),
        (
            "g2",
            {},
            "needs two counters of as many windows each; run {id} has ions [1]. Say which: -p first=... ",
        ),
        ("wave-packet", {}, "no time tags of ions in run {id}. Choose another with -p readout=... ."),
        (
            "tomography",
            {},
            "is no tomography of pairs: it lacks ion_basis, photon_basis, photon_h, photon_v.",
        ),
        ("carrier_rabi", {}, "of parity lacks 'duration', which carrier_rabi analyses."),
    ],
)
def test_what_a_run_lacks_is_told(fringe_run: MakeRun, which: str, texts: dict[str, str], told: str) -> None:
    path = fringe_run(points=2)
    with open_run(path) as run, pytest.raises(UsageError) as caught:
        find_analysis(which, texts).analyse(run)
    assert told.format(id=run.id) in str(caught.value)


def test_a_model_that_has_to_be_told_more(fringe_run: MakeRun) -> None:
    with open_run(fringe_run(points=8)) as run:
        for model, told in (
            ("rabi-line", "the line of a pulse needs its length. -p duration='10 us' does."),
            ("thermal-rabi", "flops of a warm ion need its Lamb-Dicke parameter. -p lamb_dicke=0.06 does."),
        ):
            with pytest.raises(UsageError) as caught:
                find_analysis("fit", {"model": model}).analyse(run)
            assert str(caught.value) == told


def test_every_model_has_a_name() -> None:
    assert set(get_args(fitting.Name)) == set(fitting.MODELS)


@pytest.mark.parametrize("model", sorted(set(fitting.MODELS) - {"straight", "parabola"}))
def test_every_model_is_made_and_says_what_it_is(model: str) -> None:
    made = fitting.MODELS[model](fitting.Beside("Hz", 1e-5, 0.05, 2))
    assert made.names
    assert made.what.startswith(("a ", "the "))


def test_a_model_that_does_not_describe_the_data_says_so(fringe_run: MakeRun) -> None:
    told = found(fringe_run(points=24), "fit", model="decay")
    assert told["fit"].startswith("does not describe the data")
    assert len(told["curve"]["x"]) == 400


def test_photons_of_a_run_without_a_program_have_no_gates(make_photon_run: Callable[..., Path]) -> None:
    with open_run(make_photon_run(program="")) as run, pytest.raises(UsageError) as caught:
        find_analysis("wave-packet", {"readout": "h"}).analyse(run)
    assert str(caught.value) == (
        f"run {run.id} holds no program, which would tell the gates of its photons. "
        "Its counts can be analysed, but not when photons came."
    )


def test_which_readout_is_asked_for(photon_run: Path) -> None:
    with open_run(photon_run) as run, pytest.raises(UsageError) as caught:
        find_analysis("wave-packet").analyse(run)
    assert str(caught.value) == f"say which readout of run {run.id}. -p readout=... It has: h, v."


@pytest.mark.parametrize(
    ("counters", "told"),
    [((Readout("pmt", 2),), "pmt"), ((Readout("h", 1), Readout("v", 1)), None), ((), "ions")],
)
def test_photons_are_not_looked_for_in_the_camera(
    tmp_path: Path, counters: tuple[Readout, ...], told: str | None
) -> None:
    ions = Readout("ions", 3, source="camera", counted="ions")
    header = RunHeader("pairs", Provenance(datetime.now(UTC)), readouts=(ions, *counters))
    with RunWriter.create(tmp_path, header) as writer:
        path = writer.finish()
    with open_run(path) as run:
        assert readout_named(run, None).name == "ions"
        assert counter_named(run, "ions").name == "ions"
        if told is not None:
            assert counter_named(run, None).name == told
            return
        with pytest.raises(UsageError) as caught:
            counter_named(run, None)
    assert str(caught.value) == f"say which readout of run {run.id}. -p readout=... It has: h, v."


def test_a_run_without_a_scan_has_no_fit(photon_run: Path) -> None:
    with open_run(photon_run) as run, pytest.raises(UsageError) as caught:
        find_analysis("fit").analyse(run)
    assert str(caught.value).startswith(f"nothing was scanned in run {run.id}.")


def test_unknown_names_are_told() -> None:
    with pytest.raises(ConfigError) as caught:
        find_analysis("sumary")
    assert str(caught.value) == (
        "there is no analysis 'sumary'. Did you mean summary? One of your own is given as FILE.py."
    )
    assert {"summary", "fit", "g2", "wave-packet", "tomography", "ramsey"} < set(analysis_names())
