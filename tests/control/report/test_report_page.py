"""The page about runs: valid, by itself, and a text of a run stays a text whatever it says."""

from __future__ import annotations

import base64
import html
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from control.errors import UsageError
from control.report import report_html, write_report
from data import (
    Attempts,
    Axis,
    Channel,
    InstrumentReading,
    Provenance,
    Readout,
    Record,
    RunHeader,
    RunWriter,
    StoredParameter,
    TimeTags,
    open_run,
    write_results,
)

pytest.importorskip("matplotlib")

Call = Callable[..., tuple[int, str, str]]

EVIL = "<script>alert('x')</script>\"><img src=http://evil.example/x onerror=alert(1)> $\\frac{ & \x0b\ud800"
EVIL_NAME = "</style><script>alert(1)</script>"
CALIBRATED = "20260101T000000000-abcd"
ALLOWED = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "header",
        "h1",
        "h2",
        "h3",
        "small",
        "section",
        "article",
    ),
    *(
        "p",
        "b",
        "a",
        "ul",
        "li",
        "nav",
        "div",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "figure",
    ),
    *("img", "details", "summary", "pre", "footer"),
}


def record(value: int) -> Record:
    none = np.zeros(0, np.int64)
    return Record(
        shots=4,
        start_ps=np.arange(4),
        duration_ps=4,
        counts={"ions": np.full((4, 1), value, np.int32)},
        attempts=Attempts(
            shot=none, attempt=none.astype(np.uint32), start_ps=none, heralded=none.astype(bool)
        ),
        tags=TimeTags(
            t_ps=none,
            channel=none.astype(np.uint16),
            shot=none,
            attempt=none.astype(np.uint32),
            readout=none.astype(np.uint16),
            window_ps=none,
        ),
        notes=(EVIL.replace("\ud800", ""),) if value == 1 else (),
    )


def write_run(folder: Path, seed: int = 1, experiment: str = "mine", evil: str = "") -> Path:
    """Write a run of three points; `evil` is put wherever a run holds a text."""
    safe = evil.replace("\ud800", "").replace("\x0b", "")
    header = RunHeader(
        experiment=experiment,
        provenance=Provenance(
            started=datetime(2026, 1, 2, 0, 0, seed, tzinfo=UTC),
            source_file=evil or "mine.py",
            packages=((safe or "numpy", "2.0"),),
            python="3.12",
        ),
        parameters=(
            StoredParameter("pi_time", 5e-6, "s", "calibration", evil or "of a pulse", 1e-7, CALIBRATED),
            StoredParameter(EVIL_NAME.replace("/", "|") if evil else "power", evil or "high"),
        ),
        axes=(Axis("time", "s"),),
        readouts=(Readout("ions", 1),),
        channels=(Channel("drift", evil or "Hz"),),
        program=evil,
        setup=evil,
        source=evil or "class Mine: ...",
        seed=seed,
        shots_per_point=4,
    )
    with RunWriter.create(folder, header) as writer:
        for value in range(3):
            writer.append({"time": value * 1e-6}, record(value), channels={"drift": float(value)})
        reading = InstrumentReading("laser", "power", 0.1, "W", 0.5, "suspect", evil or "noisy")
        writer.add_readings([reading])
        writer.log(evil or "all is well")
        return writer.finish(
            {"rate": {"value": 5.0 + seed, "error": 0.5, "unit": "Hz"}, "told": evil or "good"}
        )


class Nesting(HTMLParser):
    """Takes a page apart as a browser does; every element must be allowed and closed where it belongs."""

    EMPTY = frozenset({"meta", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED, tag
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.EMPTY, tag
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def taken_apart(page: str) -> Nesting:
    """Make sure that a page is well formed, for a browser and for a reader of XML."""
    parser = Nesting()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    assert len(set(parser.ids)) == len(parser.ids)
    for tag, name, value in parser.attributes:
        assert not name.startswith("on")
        if name in {"src", "href"}:
            assert re.match(r"data:image/(svg\+xml|png);base64,|#run-", value or ""), (tag, value)
    ET.fromstring(page.removeprefix("<!DOCTYPE html>\n"))  # noqa: S314 - made here
    return parser


def test_a_page_tells_all_of_a_run(tmp_path: Path) -> None:
    with open_run(write_run(tmp_path)) as run:
        page = report_html([run], made=datetime(2026, 2, 3, tzinfo=UTC))
    taken_apart(page)
    text = html.unescape(re.sub(r"<[^>]+>", "|", page.replace("base64,", "<")))
    for told in (
        "complete",
        "6.0(5) Hz",
        "5.00(10) us",
        f"calibration, run {CALIBRATED}",
        "all is well",
        "laser/power",
        "1 of 1 not good: suspect noisy",
        "class Mine: ...",
        "1 packages",
        "numpy",
        "Made by ionloom",
        "2026-02-03 00:00 UTC",
    ):
        assert told in text, told


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    paths = [write_run(tmp_path, seed, evil=EVIL) for seed in (1, 2)]
    page = write_report(paths, tmp_path / "report.html").read_text(encoding="utf-8")
    parser = taken_apart(page)
    assert not any("evil.example" in (value or "") for _, name, value in parser.attributes if name == "src")
    assert page.count("alert") > 10
    assert "\x0b" not in page
    assert "default-src 'none'" in html.unescape(page)


def test_pictures_are_drawings_within_the_page(tmp_path: Path) -> None:
    with open_run(write_run(tmp_path)) as run:
        parser = taken_apart(report_html([run]))
    (source,) = [value for tag, name, value in parser.attributes if (tag, name) == ("img", "src")]
    assert source is not None
    drawing = base64.b64decode(source.partition("base64,")[2]).decode()
    assert drawing.startswith("<?xml")
    assert "<script" not in drawing


def test_several_runs_are_compared(tmp_path: Path) -> None:
    with open_run(write_run(tmp_path, 1)) as one, open_run(write_run(tmp_path, 4)) as other:
        page = report_html([one, other])
    parser = taken_apart(page)
    assert parser.ids == [f"run-{one.id}", f"run-{other.id}"]
    row = re.search(r'<th scope="row">rate</th>(.*?)</tr>', page)
    assert row is not None
    cells = re.findall(r"<td>(.*?)</td>", row[1])
    assert cells == ["6.0(5) Hz", "9.0(5) Hz", "4.2"]  # 3 Hz over the root of 2 times 0.5 Hz
    assert re.search(r'<th scope="row">seed</th><td>1</td><td>4</td>', page)
    assert "package numpy" not in page


def test_a_run_that_another_page_tells_of_is_linked(tmp_path: Path) -> None:
    with open_run(write_run(tmp_path)) as run:
        page = report_html([run])
    assert f'href="#run-{CALIBRATED}"' not in page
    assert f"<td>{CALIBRATED}</td>" in page


def test_a_part_that_cannot_be_shown_says_why(tmp_path: Path) -> None:
    path = write_run(tmp_path, experiment="carrier_rabi")
    write_results(path, {"nothing": "that this experiment would say"})
    with open_run(path) as run:
        page = report_html([run])
    taken_apart(page)
    told = html.unescape("".join(re.findall(r'<p class="problem">(.*?)</p>', page)))
    assert "draw() of carrier_rabi failed: KeyError" in told
    assert "all is well" in page


@pytest.mark.slow
def test_the_command(call: Call, tmp_path: Path) -> None:
    paths = [write_run(tmp_path / "runs", seed) for seed in (1, 2)]
    page = tmp_path / "both.html"
    code, out, err = call("report", *paths, "-o", page)
    assert (code, out.strip()) == (0, str(page)), err
    code, _, err = call("report", paths[0], "-o", tmp_path / "page.pdf")
    wanted = f"ionloom: {tmp_path / 'page.pdf'} is not the name of a page. Give one that ends in .html."
    assert (code, err.strip()) == (2, wanted)
    code, _, err = call("report", paths[0], "-o", tmp_path / "nowhere" / "page.html")
    assert (code, err.strip()) == (
        1,
        f"ionloom: {tmp_path / 'nowhere' / 'page.html'}: No such file or directory",
    )


def test_a_report_needs_a_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a report needs a run"):
        write_report([], tmp_path / "page.html")


def test_a_run_that_cannot_be_read_is_left_out_and_told(call: Call, tmp_path: Path) -> None:
    """It does not keep the others from the page; alone, there is no page."""
    path = write_run(tmp_path / "runs", 1)
    empty = path.with_name("20260101T000000000-ffff-empty.h5")
    empty.touch()
    page = tmp_path / "page.html"
    problem = f"{empty} is empty (0 bytes), so nothing in it can be read; give the .h5 file of a run"
    code, out, err = call("report", path.parent, "-o", page)
    assert (code, out.strip(), err) == (1, str(page), f"ionloom: left out: {problem}\n")
    content = page.read_text(encoding="utf-8")
    taken_apart(content)
    assert f'<section><h2>Left out</h2><p class="problem">{html.escape(problem)}</p></section>' in content
    assert "all is well" in content
    page.unlink()
    assert call("report", empty, "-o", page) == (1, "", f"ionloom: {problem}\n")
    assert not page.exists()


def test_a_missing_experiment_is_told_before_the_page(call: Call, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    code, out, err = call("report", write_run(tmp_path), "-o", page, "--experiment", "none.py")
    assert (code, out, err) == (2, "", "ionloom: there is no file none.py\n")
    assert not page.exists()
