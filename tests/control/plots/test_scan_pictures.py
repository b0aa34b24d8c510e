"""Pictures of any run: curves, maps, windows and channels; and strips of residuals."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from control.plots import draw_counts, draw_residuals, new_figure, save_figure, styled
from data import (
    Attempts,
    Axis,
    Channel,
    Provenance,
    Readout,
    Record,
    Run,
    RunHeader,
    RunWriter,
    TimeTags,
    open_run,
)

pytest.importorskip("matplotlib")

Points = list[dict[str, float | str]]


def scanned(
    folder: Path, points: Points, widths: dict[str, int], channels: tuple[Channel, ...] = (), scale: float = 1
) -> Run:
    """A run whose counts of a window are the number of the point and of the window, times the scale."""
    none = np.zeros(0, np.int64)
    axes = tuple(Axis(name, "s", isinstance(value, str)) for name, value in points[0].items())
    header = RunHeader(
        experiment="mine",
        provenance=Provenance(started=datetime(2026, 1, 2, tzinfo=UTC)),
        axes=tuple(Axis(axis.name, "" if axis.text else axis.unit, axis.text) for axis in axes),
        readouts=tuple(Readout(name, width) for name, width in widths.items()),
        channels=channels,
        shots_per_point=4,
    )
    with RunWriter.create(folder, header) as writer:
        for number, point in enumerate(points):
            counts = {}
            for place, (name, width) in enumerate(widths.items()):
                row = (number + 1 + np.arange(width)) * (scale if place else 1)
                counts[name] = (
                    np.tile(row, (4, 1)).astype(np.int32) + np.arange(4, dtype=np.int32)[:, None] % 2
                )
            seen = Record(
                shots=4,
                start_ps=np.arange(4),
                duration_ps=4,
                counts=counts,
                attempts=Attempts(none, none.astype(np.uint32), none, none.astype(bool)),
                tags=TimeTags(
                    none,
                    none.astype(np.uint16),
                    none,
                    none.astype(np.uint32),
                    none.astype(np.uint16),
                    none,
                ),
            )
            writer.append(point, seen, channels={one.name: number / 2 for one in channels})
        return open_run(writer.finish())


def test_points_are_joined_in_the_order_of_their_places(tmp_path: Path) -> None:
    points: Points = [{"time": 3e-6}, {"time": 1e-6}, {"time": 2e-6}]
    with scanned(tmp_path, points, {"ions": 1}) as run:
        figure = new_figure(run.id)
        draw_counts(figure, run)
    (container,) = figure.axes[0].containers
    assert container[0].get_xydata().tolist() == [
        [1e-6, pytest.approx(2.5)],
        [2e-6, pytest.approx(3.5)],
        [3e-6, pytest.approx(1.5)],
    ]
    (bar, *_) = container[2][0].get_segments()
    assert (bar[1, 1] - bar[0, 1]) / 2 == pytest.approx(math.sqrt(1 / 3) / 2)


def test_two_axes_become_a_map(tmp_path: Path) -> None:
    points: Points = [{"time": x, "wait": y} for x in (1.0, 2.0, 3.0) for y in range(6)]
    with scanned(tmp_path, points, {"ions": 1}) as run:
        figure = new_figure(run.id)
        draw_counts(figure, run)
    mesh = figure.axes[0].collections[0]
    assert np.asarray(mesh.get_array()).T.ravel().tolist() == [number + 1.5 for number in range(18)]
    corners = mesh.get_coordinates()
    assert (corners[0, 0].tolist(), corners[-1, -1].tolist()) == ([0.5, -0.5], [3.5, 5.5])
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("time", "wait")


def test_a_map_of_a_run_that_was_cut_off_has_holes(tmp_path: Path) -> None:
    points: Points = [{"time": x, "wait": y} for x in (1.0, 2.0, 3.0) for y in range(6)][:-3]
    with scanned(tmp_path, points, {"ions": 1}) as run:
        figure = new_figure(run.id)
        draw_counts(figure, run)
    shown = np.ma.filled(figure.axes[0].collections[0].get_array().astype(float), math.nan)
    assert np.isnan(shown).sum() == 3


def test_few_values_of_a_second_axis_are_curves(tmp_path: Path) -> None:
    points: Points = [{"time": x, "wait": y} for y in (0.0, 1e-3) for x in (1.0, 2.0, 3.0)]
    with scanned(tmp_path, points, {"ions": 1}) as run:
        figure = new_figure(run.id)
        draw_counts(figure, run)
    assert [one.get_label() for one in figure.axes[0].containers] == ["ions, wait = 0 s", "ions, wait = 1 ms"]


def test_axes_that_run_together_are_one(tmp_path: Path) -> None:
    points: Points = [{"time": float(x), "wait": float(x)} for x in range(8)]
    with scanned(tmp_path, points, {"ions": 1}) as run:
        figure = new_figure(run.id)
        draw_counts(figure, run)
    assert len(figure.axes[0].containers) == 1


def test_channels_of_an_imported_run(tmp_path: Path) -> None:
    channels = (Channel("voltage", "V"), Channel("heat", "K"))
    with scanned(tmp_path, [{"time": float(x)} for x in range(4)], {}, channels) as run:
        figure = new_figure(run.id)
        draw_counts(figure, run)
    first, second = figure.axes
    assert first.containers[0][0].get_ydata().tolist() == [0, 0.5, 1, 1.5]
    assert first.get_ylabel() == "voltage"
    assert first.yaxis.get_major_formatter()(0.5).replace("\N{NO-BREAK SPACE}", " ") == "500 mV"
    assert second.get_ylabel() == "heat (K)"


def test_texts_are_places_on_the_axis(tmp_path: Path) -> None:
    with scanned(tmp_path, [{"state": "open"}, {"state": "closed"}], {"ions": 1}) as run:
        figure = new_figure(run.id)
        draw_counts(figure, run)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["open", "closed"]


def test_one_point_is_drawn_over_its_windows(tmp_path: Path) -> None:
    with scanned(tmp_path, [{"time": 1.0}], {"h": 5, "v": 5}, (Channel("heat", "K"),)) as run:
        figure = new_figure(run.id)
        draw_counts(figure, run)
    assert [one.get_label() for one in figure.axes[0].containers] == ["h", "v"]
    assert figure.axes[0].containers[0][0].get_xdata().tolist() == [1, 2, 3, 4, 5]
    assert [label.get_text() for label in figure.axes[1].get_xticklabels()] == ["heat (K)"]


def test_many_windows_become_a_map(tmp_path: Path) -> None:
    with scanned(tmp_path, [{"time": float(x)} for x in range(3)], {"ions": 12}) as run:
        figure = new_figure(run.id)
        draw_counts(figure, run)
    assert np.asarray(figure.axes[0].collections[0].get_array()).shape == (12, 3)
    assert figure.axes[0].get_ylabel() == "window"


def test_counts_of_another_size_have_a_panel_of_their_own(tmp_path: Path) -> None:
    with scanned(tmp_path, [{"time": float(x)} for x in range(3)], {"few": 1, "many": 1}, scale=100) as run:
        figure = new_figure(run.id)
        draw_counts(figure, run)
    names = [[one.get_label() for one in axes.containers] for axes in figure.axes]
    assert names == [["many"], ["few"]]


@pytest.mark.parametrize("name", ["$\\frac{", "\N{CJK UNIFIED IDEOGRAPH-4E2D}<b>&"])
def test_a_name_is_a_name_and_no_formula(tmp_path: Path, name: str) -> None:
    with scanned(tmp_path, [{name: 1.0}, {name: 2.0}], {"ions": 1}) as run, styled():
        figure = new_figure(run.id)
        draw_counts(figure, run)
    assert save_figure(figure, tmp_path / "x.svg").stat().st_size > 0


def test_the_same_figure_is_the_same_file(tmp_path: Path) -> None:
    with scanned(tmp_path, [{"time": float(x)} for x in range(3)], {"ions": 1}) as run:
        for name in ("a.svg", "b.svg"):
            figure = new_figure(run.id)
            draw_counts(figure, run)
            save_figure(figure, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_residuals_are_points_less_curve_over_their_errors() -> None:
    figure = new_figure("r1")
    axes = figure.subplots()
    x = np.linspace(0, 1, 70)  # as many caps as a curve has places
    dense = np.linspace(0, 1, 200)
    axes.errorbar(x, np.sin(9 * x) + 0.3, yerr=np.full(70, 0.1), fmt="o", capsize=2, color="#123456")
    axes.plot(dense, np.sin(9 * dense))
    axes.set_xlabel("place")
    assert draw_residuals(figure) == 1
    (strip,) = axes.child_axes
    assert strip.lines[-1].get_ydata().tolist() == pytest.approx([3.0] * 70, abs=1e-3)
    assert (strip.get_xlabel(), axes.get_xlabel()) == ("place", "")
    assert strip.get_ylim()[1] >= 3.2


def test_panels_without_one_curve_through_their_points_are_left_alone() -> None:
    figure = new_figure("r1")
    points, joined, two = figure.subplots(3, 1)
    x, dense = np.arange(5.0), np.linspace(0, 4, 100)
    points.errorbar(x, x, yerr=1)
    joined.errorbar(x, x, yerr=1)
    joined.plot(x, x)
    two.errorbar(x, x, yerr=1)
    two.plot(dense, dense)
    two.plot(dense, 2 * dense)
    assert draw_residuals(figure) == 0


def test_a_legend_is_no_wider_than_its_panel(tmp_path: Path) -> None:
    """Else the panel would be made narrower, and the legend be cut off all the same."""
    points: Points = [{"strength": x, "phase_of_analysis": y} for y in (0.0, 0.25) for x in (0.0, 1.0)]
    with scanned(tmp_path, points, {"photon_horizontal": 1, "photon_vertical": 1}) as run:
        figure = new_figure(run.id)
        draw_counts(figure, run)
    save_figure(figure, tmp_path / "x.png")
    (panel,) = figure.axes
    legend = panel.get_legend()
    assert legend is not None
    assert legend.get_window_extent().x1 <= figure.bbox.x1
    assert panel.get_position().width > 0.8
