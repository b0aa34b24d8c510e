"""``ionloom timeline``: an experiment becomes a page, a drawing or a dump, or says why not."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from control.cli.exits import exit_code
from control.cli.timeline import timeline

EXPERIMENT = "ten_ion_register"

Draw = Callable[..., str]


@pytest.fixture
def draw(tmp_path: Path) -> Draw:
    """Draw an experiment and return what is in the file."""

    def drawn(name: str, *arguments: str) -> str:
        path = tmp_path / name
        done = CliRunner().invoke(timeline, [EXPERIMENT, *arguments, "-o", str(path)])
        assert done.exception is None, done.output
        assert done.output.strip() == str(path)
        return path.read_text(encoding="utf-8")

    return drawn


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., str]:
    """Ask for a drawing that cannot be; return what is said, having checked the exit code."""

    def told(*arguments: str, output: str = "a.svg") -> str:
        given = [EXPERIMENT, *arguments, "-o", str(tmp_path / output)]
        assert exit_code(lambda: timeline.main(given, "ionloom timeline", standalone_mode=False)) == 2
        assert not (tmp_path / output).exists()
        return capsys.readouterr().err

    return told


def test_a_page(draw: Draw) -> None:
    page = draw("a.html", "-p", "ions=2")
    assert "<title>ten_ion_register, point 1 of 9</title>" in page
    assert "frequency 80.7649 MHz" in page


def test_a_drawing_of_a_stretch_at_a_point(draw: Draw) -> None:
    drawing = draw("a.svg", "-p", "ions=2", "--range", "7.01 ms:7.2 ms", "--point", "2")
    assert "ten_ion_register, point 2 of 9" in drawing
    assert "photon_h[1]" in drawing
    assert "194.4 MHz" not in drawing


def test_parameters_change_what_is_drawn(draw: Draw) -> None:
    assert "87 MHz" in draw("a.svg", "-p", "raman_h_frequency=87 MHz", "--range", "7 ms:7.1 ms")


@pytest.mark.parametrize("window", ["7.1 ms:", ":7.1 ms"])
def test_either_end_of_a_range_may_be_left_out(draw: Draw, window: str) -> None:
    drawing = draw("a.svg", "-p", "ions=2", "--range", window)
    assert (">0 ms<" in drawing) == window.startswith(":")
    assert (">ions<" in drawing) == window.endswith(":")  # read at the end


def test_electronics_is_said(draw: Draw) -> None:
    assert "times of light" in draw("a.svg")
    assert "times of the core's events" in draw("b.svg", "--electronics").replace("&#x27;", "'")


def test_a_dump_for_wave_viewers(draw: Draw) -> None:
    dump = draw("a.vcd", "-p", "ions=2")
    assert "$enddefinitions $end" in dump
    assert "times of light" in dump
    assert "times of the core's events" in draw("b.vcd", "-p", "ions=2", "--electronics")


@pytest.mark.parametrize(
    ("window", "message"),
    [
        ("7 ms", "'7 ms' is not START:STOP, as in --range '7 ms:7.2 ms' or --range '1 us:'"),
        ("1:2 ms", "'1' is not a finite time with its unit"),
        ("2 ms:1 ms", "'2 ms:1 ms' must begin at 0 s or later, and STOP must be later than START"),
        ("-1 ms:1 ms", "must begin at 0 s or later"),
        ("1 s:", "--range begins at 1 s, but the program lasts 9.7114 ms. Loops count once."),
    ],
)
def test_ranges_that_mean_nothing(refused: Callable[..., str], window: str, message: str) -> None:
    assert message in refused("--range", window)


def test_a_point_that_is_not_there(refused: Callable[..., str]) -> None:
    assert "there is no point 10: ten_ion_register has 9 points. `ionloom compile`" in refused(
        "--point", "10"
    )


def test_an_ending_that_nobody_writes(refused: Callable[..., str]) -> None:
    told = refused(output="a.pdf")
    assert re.search(
        r"a timeline cannot be written as \.pdf\. Let the name end with .*\.vcd\.$", told.strip()
    )


def test_a_dump_has_no_range(refused: Callable[..., str]) -> None:
    told = refused("--range", "1 ms:2 ms", output="a.vcd")
    assert "--range cannot be used with .vcd. Its viewers zoom by themselves." in told
