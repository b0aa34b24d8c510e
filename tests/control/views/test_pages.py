"""Pages to look around in: whole in one file, and what the script makes of wheel and pointer."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from control.views import Panel, Window
from control.views.html import html

NODE = shutil.which("node")
DESK = Path(__file__).with_name("desk.js")
needs_node = pytest.mark.skipif(NODE is None, reason="needs node to run the page's script")


def data_of(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="pictures">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_a_page_needs_nothing_else(panel: Panel) -> None:
    page = html((panel,))
    assert not re.search(r"https?://|@import|<link\b|src=|import\s*\(|fetch\(|XMLHttp", page)
    assert "<title>&lt;link&gt; &amp; more</title>" in page
    assert page == html((panel,))


def test_data_cannot_end_their_script(panel: Panel) -> None:
    hostile = Panel("</script><b>", "", panel.picture)
    page = html((hostile,))
    assert page.count("</script>") == 2
    assert "<b>" not in page
    assert data_of(page)["panels"][0]["title"] == "</script><b>"


def test_the_data_are_the_picture(panel: Panel) -> None:
    (told,) = data_of(html((panel,)))["panels"]
    rows = {row["name"]: row for row in told["rows"]}
    assert list(rows) == ["shutter", "raman", "endcap", "apd", "camera"]
    raman = rows["raman"]
    assert raman["start"] == [0, 0.003001]
    assert raman["amplitude"] == [1, 0.4]
    label, detail = raman["words"][raman["word"][1]]
    assert label == "80.5 MHz · a 0.4 · φ 0.25"
    assert detail == "frequency 80.5 MHz\namplitude 0.4 of full scale\nphase 0.25 turn"
    assert [told["sources"][row].split(":")[0] for row in raman["source"]] == ["conftest.py"] * 2
    assert rows["endcap"]["volts"][0] == -3
    assert rows["apd"]["words"] == [["photon", "records into photon"]]
    assert [fold[:2] for fold in told["folds"]] == [
        ["× 20", "× 20"],
        ["until a click in photon, at most 1000 ×", "≤1000×"],
    ]


def test_a_window_is_what_is_shown_first(panel: Panel) -> None:
    assert data_of(html((panel,)))["window"] is None
    assert data_of(html((panel,), Window(1e-3, 2e-3)))["window"] == [1e-3, 2e-3]


def on_desk(page: str, tmp_path: Path, *actions: str) -> list[Any]:
    """Run a page's script with a desk's wheel, pointer and keys; return what it told after each action."""
    path = tmp_path / "page.html"
    path.write_text(page, encoding="utf-8")
    assert NODE is not None
    done = subprocess.run(
        [NODE, str(DESK), str(path), *actions], capture_output=True, text=True, check=True, timeout=60
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@needs_node
def test_the_whole_is_drawn_at_first(panel: Panel, tmp_path: Path) -> None:
    (first,) = on_desk(html((panel,)), tmp_path)
    assert {"shutter", "raman", "endcap", "LINES", "190 MHz", "4.5 V", "ions"} <= set(first["texts"])
    assert first["window"] == "0 s + 4.134 ms"


@needs_node
def test_the_wheel_zooms_from_seconds_to_nanoseconds(panel: Panel, tmp_path: Path) -> None:
    page = html((panel,), Window(3.0e-3, 3.014e-3))
    first, *_, last, out = on_desk(page, tmp_path, *["wheel 600 100 -1500"] * 6, "wheel 600 100 9000")
    assert first["window"] == "3 ms + 14 µs"
    assert "80.5 MHz · a 0.4 · φ 0.25" in first["texts"]
    assert last["window"].endswith("+ 2 ns")
    assert out["window"].endswith(" ms")


@needs_node
def test_the_pointer_asks(panel: Panel, tmp_path: Path) -> None:
    page = html((panel,), Window(3.0e-3, 3.014e-3))
    # Rows are asked for by their names, times by where they lie in the window.
    told = on_desk(page, tmp_path, "over raman 0.3", "over apd 0.5", "over endcap 0.5", "over shutter 0.9")
    raman, apd, endcap, shutter = (answer["tip"] for answer in told[1:])
    assert raman[0] == "raman"
    assert raman[1].splitlines() == [
        "frequency 80.5 MHz",
        "amplitude 0.4 of full scale",
        "phase 0.25 turn",
        "3.001 ms to 3.009 ms, 8 µs",
    ]
    assert re.fullmatch(r"conftest\.py:\d+", raman[2])
    assert apd[1].startswith("records into photon\n3.001 ms to 3.013 ms, 12 µs")
    assert endcap[1].startswith("-3 V since 3 ms")
    assert shutter is None


@needs_node
def test_differences_are_told(compared: tuple[Panel, Panel], tmp_path: Path) -> None:
    told = on_desk(html(compared, Window(3.0e-3, 3.014e-3)), tmp_path, "over raman 0.3")
    assert told[1]["tip"][1].splitlines()[-2] == (
        "changed: 80.5 MHz · a 0.4 · φ 0.25 -> 80.5 MHz · a 0.5 · φ 0.25"
    )


@needs_node
def test_keys_travel_from_pulse_to_pulse(panel: Panel, tmp_path: Path) -> None:
    page = html((panel,), Window(2.9e-3, 2.901e-3))
    told = on_desk(page, tmp_path, "over raman 0.5", "key n", "key p", "key 0", "key ArrowRight", "key +")
    windows = [answer["window"] for answer in told]
    assert windows[2] == "3.0045 ms + 1 µs"
    assert windows[3] == "1.4995 ms + 1 µs"
    assert windows[4] == "0 s + 4.134 ms"
    assert windows[6].endswith("+ 2.48 ms")


@needs_node
def test_dragging_moves_and_choosing_zooms(panel: Panel, tmp_path: Path) -> None:
    page = html((panel,), Window(3.0e-3, 3.01e-3))
    told = on_desk(page, tmp_path, "drag raman 0.5 0.3", "choose raman 0.2 0.4", "twice apd 0.9")
    windows = [answer["window"] for answer in told]
    assert windows[1] == "3.002 ms + 10 µs"
    assert windows[2] == "3.004 ms + 2 µs"
    assert windows[3] == "2.9992 ms + 15.6 µs"  # the gate of 12 us with some room around it
