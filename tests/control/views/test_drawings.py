"""Drawings on paper: everything is there, in every format, and the same each time."""

from __future__ import annotations

import builtins
import re
import xml.etree.ElementTree as ET
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from control.errors import MissingExtra, UsageError
from control.views import Panel, Window, check_format, save_view
from control.views.layout import lay_out
from control.views.palette import CHANGE_COLOURS
from control.views.png import png
from control.views.sheet import Box, Curve, Text, fitting, text_width
from control.views.svg import svg
from sequences import Program, Target
from sequences.picture import Change, depict

LOOP = "until a click in photon, at most 1000 ×"


def texts(panels: tuple[Panel, ...], window: Window | None = None) -> list[str]:
    return [item.text for item in lay_out(panels, window).items if isinstance(item, Text)]


def test_everything_is_named(panel: Panel) -> None:
    found = texts((panel,))
    for text in ("<link> & more", "LINES", "TONES", "ELECTRODES", "DETECTORS", "CAMERAS", "shutter", "raman"):
        assert text in found
    for text in ("190 MHz", "photon", "ions", "-3 V", "4.5 V", "× 20", LOOP):
        assert text in found
    assert f"small lab · 4.053 ms · {panel.picture.events} events · light" in found


def test_a_window_shows_more(panel: Panel) -> None:
    found = texts((panel,), Window(3e-3, 3.014e-3))
    assert "80.5 MHz · a 0.4 · φ 0.25" in found
    assert LOOP in found
    assert "190 MHz" not in found
    assert "ions" not in found


def test_where_there_is_little_room_words_are_few(panel: Panel) -> None:
    found = texts((panel,), Window(3e-3, 3.2e-3))
    assert "≤1000×" in found
    assert LOOP not in found
    assert "80.5 MHz" not in found


def test_nothing_is_drawn_beside_the_paper(panel: Panel) -> None:
    for window in (None, Window(3e-3, 3.0001e-3), Window(3.02e-3, 3.04e-3)):
        sheet = lay_out((panel,), window)
        for item in sheet.items:
            if isinstance(item, Curve):
                assert item.x.min() >= 0
                assert item.x.max() <= sheet.width
                assert item.y.max() <= sheet.height
            if isinstance(item, Box):
                assert item.x >= 0
                assert item.x + item.width <= sheet.width + 0.01


def test_a_lower_amplitude_is_a_lower_bar(panel: Panel) -> None:
    sheet = lay_out((panel,))
    heights = {round(item.height, 3) for item in sheet.items if isinstance(item, Box) and item.opacity == 0.2}
    assert min(heights) == pytest.approx(0.4 * max(heights))


def test_a_thousand_short_pulses_are_drawn_once_a_pixel(panel: Panel) -> None:
    bars = panel.picture.bars
    start = np.linspace(3e-3, 3.05e-3, 5000)
    many = {
        name: np.repeat(getattr(bars, name)[:1], 5000)
        for name in ("row", "frequency", "amplitude", "phase", "source", "changing", "first", "count")
    }
    crowded = type(bars)(**many, start=start, stop=start + 1e-9)
    from dataclasses import replace

    sheet = lay_out((replace(panel, picture=replace(panel.picture, bars=crowded)),))
    assert len(sheet.items) < 2 * sheet.width + 200


def test_an_svg_is_well_formed_and_escaped(panel: Panel) -> None:
    text = svg(lay_out((panel,)))
    root = ET.fromstring(text)  # noqa: S314 - our own
    written = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "<link> & more" in written
    assert "80.5 MHz" in written or "80.5 MHz · a 0.4 · φ 0.25" in written
    assert text == svg(lay_out((panel,)))
    assert "nan" not in text


def test_a_png_has_two_dots_a_pixel(panel: Panel) -> None:
    from PIL import Image

    sheet = lay_out((panel,))
    with Image.open(BytesIO(png(sheet))) as image:
        assert image.size == (round(2 * sheet.width), int(2 * sheet.height))
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
    assert (pixels == 255).all(axis=1).mean() > 0.5  # light
    orange = np.abs(pixels.astype(int) - (0xC5, 0x5A, 0x11)).max(axis=1) < 8
    assert orange.sum() > 1000  # the voltage


def test_without_matplotlib_a_png_says_what_to_install(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without)
    wanted = "PNG pictures need matplotlib, which is not installed: pip install 'ionloom[plots]'"
    with pytest.raises(MissingExtra, match=re.escape(wanted)):
        png(lay_out((panel,)))


def test_what_differs_is_marked(compared: tuple[Panel, Panel]) -> None:
    sheet = lay_out(compared, Window(3e-3, 3.014e-3))
    colour = CHANGE_COLOURS[Change.CHANGED]
    marked = [item for item in sheet.items if isinstance(item, Box) and item.stroke == colour]
    assert len(marked) == 3  # the pulse in both panels, and the legend
    folds = [item.text for item in sheet.items if isinstance(item, Text) and item.colour == colour]
    assert folds == [f"until a click in photon, at most {n} ×" for n in (1000, 2000)]
    assert {change.value for change in Change} <= set(texts(compared))


def test_a_program_of_nothing_can_be_drawn() -> None:
    picture = depict(Program("nothing", (), (), Target("empty", 1e-9, ())))
    assert "nothing" in svg(lay_out((Panel("nothing", "", picture),)))


@pytest.mark.parametrize("ending", [".html", ".SVG", ".png"])
def test_the_ending_decides_how_it_is_written(panel: Panel, tmp_path: Path, ending: str) -> None:
    path = save_view((panel,), tmp_path / f"a{ending}")
    starts = {".html": b"<!doctype html>", ".svg": b"<svg", ".png": b"\x89PNG"}
    assert path.read_bytes().startswith(starts[ending.lower()])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "a.pdf",
            "a.pdf: a timeline cannot be written as .pdf. Let the name end with .html or .png or .svg.",
        ),
        ("a", "a: the name has no ending. Let the name end with .html or .png or .svg."),
    ],
)
def test_other_endings_are_refused(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        check_format(Path(name))


def test_the_first_text_that_fits_is_taken() -> None:
    room = text_width("80 MHz", 9) + 1
    assert fitting(("80 MHz · a 0.4", "80 MHz"), 9, room) == "80 MHz"
    assert fitting(("80 MHz",), 9, room / 2) == ""
    assert fitting(("", "x"), 9, 1000) == "x"
