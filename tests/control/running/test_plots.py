"""Pictures: what is drawn are the columns, with labels and units, and the run's id."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from counting import PlateScan, WindowScan

from control.errors import InterruptedRun, MissingExtra, UsageError
from control.experiments.picture import draw_run
from control.plots import (
    draw_counts,
    draw_density_matrix,
    draw_estimates,
    draw_wave_packet,
    new_figure,
    save_figure,
)
from control.runner import run
from data import open_run

pytest.importorskip("matplotlib")


def test_estimates() -> None:
    axes = new_figure("r1").subplots()
    draw_estimates(
        axes, [1, 2, 3], [0.9, 0.92, 0.94], [0.01, 0.01, 0.02], label="fidelity", mean=0.92, mean_error=0.005
    )
    (points,) = axes.containers
    assert points[0].get_xydata().tolist() == [[1, 0.9], [2, 0.92], [3, 0.94]]
    spans = [segment[:, 1].tolist() for segment in points[2][0].get_segments()]
    assert spans == [pytest.approx([0.89, 0.91]), pytest.approx([0.91, 0.93]), pytest.approx([0.92, 0.96])]
    assert axes.get_ylabel() == "fidelity (%)"
    assert axes.get_xlabel() == "ion"
    assert axes.get_legend().get_texts()[0].get_text() == "mean 92.0(5) %"
    assert axes.yaxis.get_major_formatter()(0.92) == "92.0"


def test_wave_packet() -> None:
    axes = new_figure("r1").subplots()
    edges = np.linspace(0, 50e-6, 6)
    draw_wave_packet(axes, edges, np.full(5, 2e3), np.full(5, 1e2), label="ion 1")
    steps = axes.patches[0].get_data()
    assert steps.values.tolist() == [2.0] * 5
    assert steps.edges.tolist() == pytest.approx([0, 10, 20, 30, 40, 50])
    assert axes.get_xlabel() == "time after the start of the pulse (µs)"
    assert axes.get_ylabel() == "click rate (1000/s)"


def test_density_matrix() -> None:
    figure = new_figure("r1")
    density = np.array([[0.5, 0.4j], [-0.4j, 0.5]])
    draw_density_matrix(figure.subplots(1, 2), density, ["a", "b"], title="ion 1")
    real, imaginary, bar = figure.axes
    assert real.images[0].get_array().tolist() == [[0.5, 0.0], [0.0, 0.5]]
    assert imaginary.images[0].get_array().tolist() == [[0.0, 0.4], [-0.4, 0.0]]
    assert real.images[0].get_clim() == imaginary.images[0].get_clim() == (-0.5, 0.5)
    assert sorted(text.get_text() for text in imaginary.texts) == ["-0.40", "0.40"]
    assert (real.get_title(), imaginary.get_title()) == ("Re ion 1", "Im ion 1")
    assert bar is not None


def test_counts_of_a_scan(tiny: Path, tmp_path: Path) -> None:
    with open_run(run(WindowScan(ions=2), setup=tiny, seed=1, out=tmp_path)) as done:
        figure = new_figure(done.id)
        draw_counts(figure, done)
        mean = done.record(0).counts["clicks"].mean()
    (axes,) = figure.axes
    assert [container.get_label() for container in axes.containers] == ["clicks", "ions 1", "ions 2"]
    assert axes.containers[0][0].get_xydata()[0].tolist() == [pytest.approx(2.5e-4), pytest.approx(mean)]
    assert axes.get_xlabel() == "window"
    assert axes.xaxis.get_major_formatter()(2e-4).replace("\N{MICRO SIGN}", "u") == "200 us"
    assert figure.texts[0].get_text() == f"run {done.id}"


@pytest.mark.parametrize("ending", ["png", "pdf", "svg"])
def test_a_run_is_drawn_into_a_file(tiny_bench: Path, tmp_path: Path, ending: str) -> None:
    with open_run(run(PlateScan(), setup=tiny_bench, seed=1, out=tmp_path)) as done:
        picture = draw_run(PlateScan(), done, tmp_path / f"picture.{ending}")
    start = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}[ending]
    assert picture.read_bytes().startswith(start)


def test_a_run_without_points_has_a_picture_too(tmp_path: Path) -> None:
    empty = SimpleNamespace(points=(), header=SimpleNamespace(axes=()))
    figure = new_figure("r1")
    draw_counts(figure, empty)  # type: ignore[arg-type]
    assert save_figure(figure, tmp_path / "empty.png").stat().st_size > 0


def test_a_run_without_results_is_told(tiny: Path, tmp_path: Path) -> None:
    tiny.write_text(
        tiny.read_text().replace("[node]\n", '[node]\ninterrupt_at = { value = 2, source = "assumed" }\n')
    )
    with pytest.raises(InterruptedRun) as stopped:
        run(WindowScan(), setup=tiny, out=tmp_path)
    with open_run(stopped.value.path) as kept, pytest.raises(UsageError) as caught:
        draw_run(WindowScan(), kept, tmp_path / "picture.png")
    assert str(caught.value) == f"run {kept.id} has no results to draw. `ionloom analyze` makes them."


def test_missing_matplotlib_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtra) as caught:
        new_figure("r1")
    assert str(caught.value) == "plots need matplotlib, which is not installed: pip install 'ionloom[plots]'"
