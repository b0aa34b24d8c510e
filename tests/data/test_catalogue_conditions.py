"""Conditions: what they find, what they refuse, and that nothing of them becomes SQL."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import KeyResult
from data.catalogue import Catalogue, compiling, read_moment
from data.catalogue.conditions import LONGEST, Comparison, Has, Joined, Name, Not, Value, parse_condition
from data.catalogue.database import Database, database_path
from data.catalogue.folders import Seen, Stamp
from data.catalogue.heads import RunHead, UsedParameter
from data.catalogue.rows import store_remarks, store_run
from data.errors import ConditionError, MomentError
from data.header import Axis
from data.remarks import Remark, Remarks

NOON = datetime(2025, 3, 14, 12, tzinfo=UTC)
NEVER_LISTED = 2**62  # ns: rows that were read in the far future are not forgotten for want of files

HEAD = RunHead(
    id="",
    experiment="rabi",
    started=NOON,
    ended=None,
    status="complete",
    message="",
    points=20,
    shots=100,
    seed="7",
    source_file="rabi.py",
    git_revision="0123",
    parameters=(),
    axes=(),
    results=(),
)


def head(number: int, **changes: object) -> RunHead:
    started = NOON + timedelta(days=number)
    return dataclasses.replace(HEAD, id=f"run-{number}", started=started, **changes)  # type: ignore[arg-type]


def values(**named: float | str | bool) -> tuple[UsedParameter, ...]:
    units = {"wait": "s", "bias": "V"}
    return tuple(UsedParameter(name, value, units.get(name, "")) for name, value in named.items())


RUNS = (
    head(0, parameters=values(power=0.25, wait=12.5e-6, basis="Z"), axes=(Axis("wait", "s"),)),
    head(
        1,
        parameters=values(power=0.75, wait=0.1 + 0.2, basis="X", cooled=True),
        results=(KeyResult("bell_fidelity", 0.92, 0.01), KeyResult("fit.chi2", 1.5)),
    ),
    head(2, experiment="g2", status="failed", parameters=values(power=1.0, bias=-3.0), points=0, ended=NOON),
    head(
        3,
        parameters=(UsedParameter("wait", 3.0, "turn"), UsedParameter("odd name", 1)),
        axes=(Axis("detuning", "Hz"),),
        results=(KeyResult("power", 2.0, 0.1, "W"), KeyResult("wait", 5.0, 0.1, "s")),
    ),
)
SAID = {2: (("tag", "bad"), ("comment", "The laser's 100 % off; DROP TABLE runs")), 3: (("tag", "good"),)}


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    folder, cache = tmp_path_factory.mktemp("runs"), tmp_path_factory.mktemp("cache")
    database = Database(database_path(folder, cache))
    stamp = Stamp("", 0)
    with database.writing():
        for number, run in enumerate(RUNS):
            store_run(database, Seen(".", f"{run.id}.h5", stamp, 0, NEVER_LISTED), run)
            remarks = Remarks(tuple(Remark(NOON, kind, text) for kind, text in SAID.get(number, ())))  # type: ignore[arg-type]
            store_remarks(database, Seen(".", "", stamp, 0, NEVER_LISTED), run.id, remarks)
    database.close()
    with Catalogue(folder, cache=cache) as opened:
        # The files of these runs are not there, which only remarks would notice.
        opened.refresh = lambda **_: None  # type: ignore[method-assign]
        opened._refresh = lambda **_: None  # type: ignore[method-assign]
        yield opened


UNITS = {
    "us": ("s", 1e-6),
    "%": ("", 0.01),
    "mV": ("V", 1e-3),
    "s": ("s", 1.0),
    "V": ("V", 1.0),
    "W": ("W", 1.0),
}


def read_quantity(text: str, unit: str) -> float | None:
    """As the command line reads them: strict about units."""
    number = text.rstrip("".join(UNITS))
    base, factor = UNITS.get(text[len(number) :].strip(), ("", 1.0))
    return float(number) * factor if base == unit else None


@pytest.fixture
def found(catalogue: Catalogue) -> Callable[[str], str]:
    """Return the numbers of the runs that fulfil a condition, oldest first."""

    def find(where: str) -> str:
        runs = catalogue.runs(where=where, read_quantity=read_quantity, now=NOON + timedelta(days=3))
        return "".join(run.id[-1] for run in reversed(runs))

    return find


FOUND = {
    "": "0123",
    "parameters.power > 0.5": "12",
    "parameter.power > 0.5 and results.bell_fidelity >= 92 %": "1",
    "bell_fidelity": "1",
    "not bell_fidelity": "023",
    "axis.wait": "0",
    "axes.detuning or axis.wait": "03",
    "detuning": "3",
    "not not axis.wait": "0",
    "parameter.wait = 12.5 us": "0",
    "parameter.wait <= 12.5 us": "0",
    "parameter.wait < 12.5 us": "",
    "parameter.wait > 12.5 us": "1",
    "parameter.wait = 0.3 s": "1",  # though the sum of floats is another number
    "parameter.wait >= 0.3 s": "01"[1:],
    "parameter.wait != 0.3 s": "0",
    "10 us < parameter.wait <= 20 us": "0",
    "1 > parameter.power": "01",
    "0.25 = parameter.power": "0",
    "not parameter.power > 0.5": "03",
    "parameter.power and not parameter.power > 0.5": "0",
    "bias < -2 V": "2",
    "bias = \u22123 V": "2",
    "basis = Z": "0",
    "basis != Z": "1",
    "basis ~ z": "0",
    "cooled = true": "1",
    "cooled = 1": "1",
    'parameter."odd name" = 1': "3",
    "fit.chi2 > 1": "1",
    "result.fit.chi2 > 1": "1",
    "experiment = rabi": "013",
    "experiment = 'g2' or experiment ~ RAB": "0123",
    "experiment == rabi AND NOT status = failed": "013",
    "run.points = 0": "2",
    "points": "0123",
    "shots >= 100": "0123",
    "seed = 7": "0123",
    "started > 2025-03-15": "123",
    "started > 2025-03-15T12:00 and started < '2025-03-17 11:00'": "2",
    "started >= yesterday": "23",
    "started >= 1 day": "23",
    "ended": "2",
    "ended > 2020-01-01": "2",
    "not ended > 2020-01-01": "013",
    "tag": "23",
    "not tag": "01",
    "tag = bad": "2",
    "tag != bad": "013",
    "tag ~ OO": "3",
    "comment": "2",
    "comment ~ laser": "2",
    "comment ~ '100 %'": "2",
    "comment ~ '_'": "",  # no wildcard
    "comment != ''": "2",
    "comment = ''": "013",
    "comment != x and tag != bad": "013",
    "id = 'run-1' or id = 'run-3'": "13",
    "source = 'rabi.py' and revision = '0123'": "0123",
    "tag = good or parameter.power = 0.25 and axis.wait": "03",
    "(tag = good or parameter.power = 0.25) and axis.wait": "0",
}


@pytest.mark.parametrize("where", FOUND)
def test_what_is_found(found: Callable[[str], str], where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for few in (3000, 0):  # the same, in whichever way it is asked
        monkeypatch.setattr(compiling, "_FEW", few)
        assert found(where) == FOUND[where]


REFUSED = {
    "powr > 5": (1, "'powr' is no fact, parameter, result or axis of these runs", "power"),
    "parameter.pwoer > 5": (1, "'pwoer' is no parameter of these runs", "power"),
    "result.quite_another > 5": (
        1,
        "'quite_another' is no result of these runs",
        "one of bell_fidelity, fit.chi2, power, wait",
    ),
    "run.power > 5": (
        1,
        "'power' is no fact of a run",
        "one of comment, ended, experiment, id, points, revision, seed, shots, source, started, status, tag",
    ),
    "1 and power > 1": (3, "there is 'and'", "a comparison, as in `power > 0.5`"),
    "not power > 1": (5, "power may be parameter.power or result.power", "one of these"),
    "parameter.power > 5 us": (19, "'5 us' has not the unit of power", "a number in no unit"),
    "parameter.wait > 5": (18, "'5' has not the unit of wait", "a number in s or turn"),
    "parameter.wait > 2025-03-14": (18, "wait is a number", "a number with its unit"),
    "bell_fidelity = high": (17, "bell_fidelity is a number", "a number with its unit"),
    "detuning > 5": (1, "detuning is an axis, which has many values", "axis.detuning alone"),
    "basis > Z": (9, "texts are not ordered, so > says nothing of basis", "=, != or ~ (contains)"),
    "points > many": (10, "'many' is not a plain number", "a number without unit"),
    "points > 5 us": (10, "'5 us' is not a plain number", "a number without unit"),
    "points ~ 5": (10, "points is no text", "one of < <= > >= = !="),
    "started > soon": (
        11,
        "'soon' is no time",
        'a time: 2025-03-14, "2025-03-14 09:30" (UTC), yesterday or "2 days"',
    ),
    "power >": (8, "it ends", "a name, a number with its unit, a date or a text in quotes"),
    "power > > 1": (9, "there is '>'", "a name, a number with its unit, a date or a text in quotes"),
    "(tag": (5, "it ends", "`and`, `or`, or )"),
    "tag)": (4, "there is ')'", "`and`, `or`, or the end"),
    "tag tag": (5, "there is 'tag'", "`and`, `or`, or the end"),
    "1 < 2": (1, "1 is no name", "a name to compare with"),
    "0 < shots < 2 < 3": (15, "there is '<'", "`and`, `or`, or the end"),
    "tag = 'good": (7, "a quote begins", "its end"),
    "tag = good; DROP TABLE runs": (
        11,
        "there is ';'",
        "a name, a number with its unit, a date or a text in quotes",
    ),
    "tag = good -- x": (12, "there is '-'", "a name, a number with its unit, a date or a text in quotes"),
}


@pytest.mark.parametrize("where", REFUSED)
def test_what_is_refused(found: Callable[[str], str], where: str) -> None:
    with pytest.raises(ConditionError) as told:
        found(where)
    assert (told.value.position, told.value.found, told.value.expected) == REFUSED[where]


def test_the_message_shows_the_place() -> None:
    with pytest.raises(ConditionError) as told:
        parse_condition("power > 5 and (wait >")
    assert str(told.value) == (
        "cannot understand the condition at character 22: it ends; expected is a name, a number with its "
        "unit, a date or a text in quotes\n"
        "  power > 5 and (wait >\n"
        "                       ^"
    )


def test_the_message_shows_a_part_of_a_long_condition() -> None:
    with pytest.raises(ConditionError) as told:
        parse_condition("power > 5 and " * 30)
    shown, mark = str(told.value).splitlines()[1:]
    assert len(shown) < 110
    assert mark.index("^") == 62


def test_conditions_end_somewhere() -> None:
    with pytest.raises(ConditionError) as told:
        parse_condition("tag or " * 300 + "tag")
    assert (told.value.found, told.value.expected) == ("it goes on", f"at most {LONGEST} characters")
    for word, end in (("(", ")"), ("not ", "")):
        with pytest.raises(ConditionError, match="at most 50 parentheses one within the other"):
            parse_condition(word * 60 + "tag" + end * 60)


def test_the_longest_conditions_can_be_asked(found: Callable[[str], str]) -> None:
    assert found("tag or " * (LONGEST // 7 - 1) + "tag") == "23"
    assert found("(" * 50 + "tag" + ")" * 50) == "23"


def test_how_conditions_bind() -> None:
    a, b, c = (Has(Name(letter, place)) for letter, place in (("a", 1), ("b", 6), ("c", 16)))
    assert parse_condition("a or b and not c") == Joined("or", (a, Joined("and", (b, Not(c)))))


def test_a_word_opposite_to_a_name_is_a_text() -> None:
    right = Comparison(Name("a.b", 1), "=", Value("text", "c", 7))
    assert parse_condition("a.b = c") == right


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_understood_or_refused(text: str) -> None:
    refused: list[ConditionError] = []
    try:
        parse_condition(text)
    except ConditionError as error:
        refused.append(error)
    assert all(1 <= error.position <= len(text) + 1 and "^" in str(error) for error in refused)


@given(st.text(st.characters(codec="utf-8", exclude_characters="'"), max_size=30))
def test_any_text_in_quotes_is_compared_as_it_is(catalogue: Catalogue, text: str) -> None:
    for where in (f"experiment = '{text}'", f"tag = '{text}'", f"basis = '{text}'", f"comment ~ '{text}x'"):
        catalogue.runs(where=where)
    assert len(catalogue.runs()) == len(RUNS)


def test_without_a_reader_values_are_in_base_units(catalogue: Catalogue) -> None:
    assert [run.id for run in catalogue.runs(where="parameter.wait = 12.5e-6 s")] == ["run-0"]
    with pytest.raises(ConditionError, match="a number in s or turn"):
        catalogue.runs(where="parameter.wait = 12.5 us")


def test_demands_beside_conditions(catalogue: Catalogue) -> None:
    def ids(**demands: object) -> str:
        return "".join(run.id[-1] for run in catalogue.runs(**demands))  # type: ignore[arg-type]

    assert ids(experiment="rabi") == "310"
    assert ids(status="failed") == "2"
    assert ids(tags=["good"]) == "3"
    assert ids(tags=["good", "bad"]) == ""
    assert ids(limit=2) == "32"
    assert ids(since=NOON + timedelta(days=1), until=NOON + timedelta(days=2)) == "21"
    assert ids(experiment="rabi", where="parameter.power") == "10"


def test_nothing_is_asked_of_a_folder_without_runs(tmp_path: Path) -> None:
    with Catalogue(tmp_path / "none", cache=tmp_path) as catalogue:
        assert catalogue.runs(where="unknown > 5") == []
        with pytest.raises(ConditionError):
            catalogue.runs(where="unknown >")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-03-13", "2025-03-13T00:00:00+00:00"),
        ("2025-03-13T10:30", "2025-03-13T10:30:00+00:00"),
        (" 2025-03-13 10:30:15.5 ", "2025-03-13T10:30:15.500000+00:00"),
        ("2025-03-13T10:30+01:00", "2025-03-13T09:30:00+00:00"),
        ("now", "2025-03-14T12:00:00+00:00"),
        ("Today", "2025-03-14T00:00:00+00:00"),
        ("yesterday", "2025-03-13T00:00:00+00:00"),
        ("90 min", "2025-03-14T10:30:00+00:00"),
        ("1.5h ago", "2025-03-14T10:30:00+00:00"),
        ("2 days", "2025-03-12T12:00:00+00:00"),
        ("1 week", "2025-03-07T12:00:00+00:00"),
        ("30 seconds", "2025-03-14T11:59:30+00:00"),
    ],
)
def test_times_as_people_say_them(text: str, moment: str) -> None:
    assert read_moment(text, NOON).isoformat() == moment


@pytest.mark.parametrize("text", ["", "soon", "5 fortnights", "2025-13-01", "9" * 30 + " days", "-2 days"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(MomentError) as told:
        read_moment(text, NOON)
    assert str(told.value) == (
        f"{text!r} is no time; give a date (2025-03-14), a date with a time in UTC (2025-03-14T09:30), "
        "today, yesterday, or how long ago it was (90 min, 5 h, 2 days, 1 week)"
    )
