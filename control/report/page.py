"""One page about runs that needs nothing else: no network, no script, no other file.

A run is data that anybody may have written. Texts reach the page through `elements`, which escapes them, and
pictures as data within it, so that nothing of a run is ever executed or asked for elsewhere.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from control.analyses import analysis_of, present
from control.errors import ControlError, MissingExtra, UsageError
from control.experiments.tables import Table
from control.plots.figures import write_figure
from control.report.comparison import differences, draw_comparison, results_compared
from control.report.elements import Html, element, folded, joined, table_element
from control.report.facts import (
    analyses_table,
    environment_table,
    messages_table,
    parameter_text,
    parameters_table,
    readings_table,
    revision,
    run_table,
)
from data import open_run
from data.errors import DataError
from sequences import SequenceError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Run

ENDINGS: Final = (".html", ".htm")

_LARGE: Final = 2 * 2**20  # bytes of a drawing; above, pixels are smaller and faster to show
_POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""A browser that is told so loads and runs nothing, even if a text came through unescaped."""


def write_report(
    paths: Sequence[Path], output: Path, experiment: str | None = None, left_out: Sequence[str] = ()
) -> Path:
    """Write a page about runs.

    Args:
        paths: of the runs, in the order of the page.
        output: the page.
        experiment: file of the experiment that made them, if it does not come with ionloom.
        left_out: why other runs are not on it, one sentence each.

    Returns:
        The page.

    Raises:
        UsageError: the name of the page is not that of one, or there is no run.
        DataError: a run cannot be read.
        MissingExtra: matplotlib is not installed.
    """
    if output.suffix.lower() not in ENDINGS:
        raise UsageError(what=f"{output} is not the name of a page", advice="Give one that ends in .html.")
    if not paths:
        raise UsageError(what="a report needs a run")
    with ExitStack() as stack:
        runs = [stack.enter_context(open_run(path)) for path in paths]
        page = report_html(runs, experiment, left_out=left_out)
    output.write_text(page, encoding="utf-8")
    return output


def report_html(
    runs: Sequence[Run],
    experiment: str | None = None,
    made: datetime | None = None,
    left_out: Sequence[str] = (),
) -> str:
    """Return a page about runs as HTML.

    Args:
        runs: open, at least one.
        experiment: file of the experiment that made them, if it does not come with ionloom.
        made: when; now if None.
        left_out: why other runs are not on it, one sentence each.
    """
    several = len(runs) > 1
    title = f"{len(runs)} runs" if several else f"{runs[0].experiment} · {runs[0].id}"
    when = made or datetime.now(UTC)
    style = Html(files("control.report").joinpath("page.css").read_text(encoding="utf-8").strip())
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", content=_POLICY, **{"http-equiv": "Content-Security-Policy"}),
        element("meta", name="generator", content="ionloom"),
        element("title", title),
        element("style", style),
    )
    ids = tuple(run.id for run in runs)
    body = [_heading(runs, title)]
    if left_out:
        problems = [element("p", problem, class_="problem") for problem in left_out]
        body.append(element("section", element("h2", "Left out"), *problems))
    if several:
        body.append(_comparison(runs))
    body += [_article(run, experiment, ids) for run in runs]
    told = f"Made by ionloom {version('ionloom')} on {when:%Y-%m-%d %H:%M} UTC from the files of the runs."
    body.append(element("footer", told))
    return "<!DOCTYPE html>\n" + element("html", head, element("body", *body), lang="en") + "\n"


def _heading(runs: Sequence[Run], title: str) -> Html:
    if len(runs) == 1:
        return element("header", element("h1", title))
    links = [
        element("li", element("a", run.id, href=f"#{_anchor(run.id)}"), f" {run.experiment}, {run.status}")
        for run in runs
    ]
    return element("header", element("h1", title), element("nav", element("ul", *links)))


def _comparison(runs: Sequence[Run]) -> Html:
    """Return what the runs say beside each other, and in what they differ."""
    parts = [element("h2", "Comparison")]
    figure = draw_comparison(runs)
    if figure is not None:
        parts.append(_picture(figure, "Results of all runs"))
    parts.append(table_element(results_compared(runs)))
    differing = differences(runs)
    parts.append(element("h3", "In what they differ"))
    parts.append(table_element(differing) if differing.rows else element("p", "in nothing but their clicks"))
    return element("section", *parts, class_="comparison")


def _article(run: Run, experiment: str | None, known: tuple[str, ...]) -> Html:
    """Return all about one run."""
    return element(
        "article",
        *((element("h2", f"{run.experiment} ", element("small", run.id)),) if len(known) > 1 else ()),
        _status(run),
        _section("Picture", lambda: _drawing(run, experiment)),
        _section("Results", lambda: _results(run, experiment)),
        _section("The run", lambda: table_element(run_table(run))),
        _section("Calibrations", lambda: _calibrations(run, known)),
        _section(
            "Parameters", lambda: folded(_counted(run, "parameters"), table_element(parameters_table(run)))
        ),
        _section("Instruments", lambda: _optional(readings_table(run))),
        _section("Log", lambda: _optional(messages_table(run), head_first=False)),
        _section("Code and environment", lambda: _code(run)),
        id=_anchor(run.id),
    )


def _status(run: Run) -> Html:
    kind = "good" if run.status == "complete" else "bad"
    return element("p", element("b", run.status), f" {run.message}".rstrip(), class_=f"status {kind}")


def _section(title: str, make: Callable[[], Html]) -> Html:
    """Return a section; one that cannot be made says why, and the others are there all the same."""
    try:
        content = make()
    except MissingExtra:
        raise
    except (ControlError, DataError, SequenceError) as error:
        content = element("p", str(error), class_="problem")
    return element("section", element("h3", title), content) if content else Html("")


def _drawing(run: Run, experiment: str | None) -> Html:
    return _picture(present(run, experiment).figure(), f"Picture of run {run.id}")


def _results(run: Run, experiment: str | None) -> Html:
    if not run.results:
        return element("p", "no results; `ionloom analyze` makes them", class_="problem")
    shown = present(run, experiment).table()
    parts = [table_element(shown)]
    if len(run.analyses) > 1 or analysis_of(run) != run.experiment:
        parts.append(folded(f"{len(run.analyses)} analyses", table_element(analyses_table(run))))
    return joined(parts)


def _calibrations(run: Run, known: tuple[str, ...]) -> Html:
    """Return the calibrated values that were used, each with the run that it comes from."""
    used = [one for one in run.parameters.values() if one.origin == "calibration" or one.run]
    if not used:
        return Html("")
    rows = [
        element(
            "tr",
            element("th", one.name, scope="row"),
            element("td", parameter_text(one)),
            element("td", _link(one.run, known)),
            element("td", one.help),
        )
        for one in used
    ]
    heads = [element("th", text, scope="col") for text in ("calibration", "value", "from run", "meaning")]
    table = element("table", element("thead", element("tr", *heads)), element("tbody", *rows))
    return folded(f"{len(used)} calibrated values", element("div", table, class_="table"))


def _link(run: str, known: tuple[str, ...]) -> str:
    """Return the id of a run, as a link if this page tells of it."""
    return element("a", run, href=f"#{_anchor(run)}") if run in known else run or "the setup"


def _code(run: Run) -> Html:
    header = run.header
    origin = header.provenance
    texts = (
        (f"experiment ({origin.source_file or 'typed in'}, git revision {revision(run)})", header.source),
        ("uncommitted changes", origin.git_diff),
        ("program of the first point", header.program),
        ("setup of the lab", header.setup),
        *((f"analysis {one.by} (version {one.name})", one.source) for one in run.analyses if one.by),
    )
    parts = [folded(title, element("pre", text)) for title, text in texts if text]
    packages = environment_table(run)
    software = f"Python {origin.python}, {origin.platform}, {len(packages.rows)} packages"
    parts.append(folded(software, table_element(packages), class_="software"))
    return joined(parts)


def _optional(table: Table, *, head_first: bool = True) -> Html:
    return table_element(table, head_first=head_first) if table.rows else Html("")


def _counted(run: Run, what: str) -> str:
    return f"{len(run.parameters)} {what}"


def _anchor(run_id: str) -> str:
    """Return the name of a run within the page; spaces, which a name may not have, are left away."""
    return f"run-{''.join(run_id.split())}"


def _picture(figure: Figure, told: str) -> Html:
    """Return a figure as data: lines where they are few, pixels where they are many.

    Within an ``img``, an SVG is a picture and no more: it cannot ask for anything, and its names do not
    meet those of other pictures.
    """
    drawing = io.BytesIO()
    write_figure(figure, drawing, "svg")
    kind, content = "svg+xml", drawing.getvalue()
    if len(content) > _LARGE:
        drawing = io.BytesIO()
        write_figure(figure, drawing, "png")
        kind, content = "png", drawing.getvalue()
    data = base64.b64encode(content).decode("ascii")
    image = element("img", src=f"data:image/{kind};base64,{data}", alt=told, class_="picture")
    return element("figure", image)
