"""How long a question to the catalogue of 100 000 runs takes, and how fast it is made from files.

A question is held against one that SQLite answers at once and the look at every folder that it cannot do
without; reading a head against opening the file with h5py and reading one text of it. Run with
`--benchmark-enable`, or as slow tests.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
import pytest

from data import Axis, KeyResult, Provenance, RunHeader, RunWriter, StoredParameter
from data.catalogue import Catalogue
from data.catalogue.database import Database, database_path
from data.catalogue.folders import Seen, Stamp, stamp_folder
from data.catalogue.heads import RunHead, UsedParameter, read_head
from data.catalogue.rows import store_run

pytestmark = pytest.mark.slow

RUNS: Final = 100_000
A_DAY: Final = 100
BLOCK: Final = 1000  # runs that are stored one by one; the others are copied, which takes a tenth of the time
PARAMETERS: Final = 46  # as many as the ten-ion experiment has
START: Final = datetime(2020, 1, 1, tzinfo=UTC)
NEVER_LISTED: Final = 2**62  # ns: rows read in the far future stay, though there are no files

QUESTIONS: Final = {
    "the newest": "",
    "half of all runs": "power > 0.5",
    "a few runs": "power > 0.9999",
    "no run": "power > 2",
    "several conditions": "power > 0.5 and bell_fidelity >= 0.92 and axis.duration",
    "a text": "experiment = rabi and comment ~ laser",
}

LONGEST_QUESTION: Final = 25.0
"""Times the look at the folders that a question may take at most; 4 to 8 was measured."""

LONGEST_HEAD: Final = 20.0
"""Times the opening of a file and reading one text that reading its head may take; 7 was measured."""


COPY: Final = (
    """
    INSERT INTO runs SELECT
        number + :runs, strftime('%Y-%m-%d', (started + :time) / 1000000, 'unixepoch'), name,
        stamp, seen, read, settled, volatile,
        strftime('%Y%m%dT%H%M%S', (started + :time) / 1000000, 'unixepoch') || '000-0000', experiment,
        started + :time, ended + :time, status, message, points, shots, seed, source, revision,
        key_name, key_value, key_error, key_unit
    FROM runs WHERE number <= :block
    """,
    """
    INSERT INTO parameters SELECT
        run + :runs, quantity, iif(quantity = :power, abs(random() / 9.3e18), number), text, origin, maker
    FROM parameters WHERE run <= :block
    """,
    """
    INSERT INTO results SELECT run + :runs, quantity, place, abs(random() / 9.3e18), error
    FROM results WHERE run <= :block
    """,
    "INSERT INTO axes SELECT run + :runs, quantity FROM axes WHERE run <= :block",
)
"""Puts the first runs a second time into a catalogue, some days later and with other numbers."""


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    """A catalogue of many runs in folders by day, with their rows but without their files."""
    folder, cache = tmp_path_factory.mktemp("runs"), tmp_path_factory.mktemp("cache")
    database = Database(database_path(folder, cache))
    with database.writing():
        store_block(database)
        power = database.number_of("parameter", "power", "")
        for block in range(1, RUNS // BLOCK):
            time_us = block * BLOCK // A_DAY * 86_400_000_000
            values = {"runs": block * BLOCK, "time": time_us, "block": BLOCK, "power": power}
            for statement in COPY:
                database.change(statement, values)
    days = [f"{START + timedelta(days=day):%Y-%m-%d}" for day in range(RUNS // A_DAY)]
    assert {name for (name,) in database.rows("SELECT DISTINCT folder FROM runs")} == set(days)
    for name in days:
        (folder / name).mkdir()
    with database.writing():
        for name in (".", *days):
            stamp = stamp_folder(str(folder / name), follow=True)
            assert stamp is not None
            database.change("INSERT INTO folders VALUES (?, ?, 0, ?, 1)", (name, stamp.text, NEVER_LISTED))
    database.close()
    with Catalogue(folder, cache=cache) as catalogue:
        yield catalogue


def store_block(database: Database) -> None:
    """Store runs of some days."""
    rng = np.random.default_rng(1)
    for number in range(BLOCK):
        started = START + timedelta(days=number // A_DAY, minutes=number % A_DAY)
        head = make_head(started, rng)
        seen = Seen(f"{started:%Y-%m-%d}", f"{head.id}.h5", Stamp("", 0), 0, NEVER_LISTED)
        store_run(database, seen, head)


def make_head(started: datetime, rng: np.random.Generator) -> RunHead:
    values = tuple(UsedParameter(f"time_{i}", i * 1e-6, "s") for i in range(PARAMETERS - 1))
    return RunHead(
        id=f"{started:%Y%m%dT%H%M%S}000-0000",
        experiment=str(rng.choice(["rabi", "ramsey", "g2"])),
        started=started,
        ended=started,
        status="complete",
        message="",
        points=20,
        shots=100,
        seed="7",
        source_file="rabi.py",
        git_revision="0123456789abcdef",
        parameters=(UsedParameter("power", rng.random()), *values),
        axes=(Axis("duration", "s"),),
        results=(KeyResult("bell_fidelity", rng.random(), 0.01), KeyResult("rate", rng.random(), 0.1, "Hz")),
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Some runs with the texts and parameters of a real one."""
    folder = tmp_path_factory.mktemp("files")
    parameters = tuple(
        StoredParameter(f"time_{i}", i * 1e-6, "s", help="of a pulse") for i in range(PARAMETERS)
    )
    packages = tuple((f"package-{i}", "1.0") for i in range(120))
    paths = []
    for number in range(50):
        origin = Provenance(START + timedelta(seconds=number), packages=packages)
        header = RunHeader("rabi", origin, parameters, program="a line of it\n" * 2000, setup="a = 1\n" * 300)
        with RunWriter.create(folder, header) as writer:
            paths.append(writer.finish({"rate": {"value": 1.0, "error": 0.1, "unit": "Hz"}}))
    return paths


def seconds(work: Callable[[], object], times: int = 5) -> float:
    """Return the least time of a call."""
    series = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        series.append(time.perf_counter() - begun)
    return min(series)


def look(catalogue: Catalogue) -> None:
    """Do what no catalogue can do without: ask the system for the times of every folder."""
    with os.scandir(catalogue.folder) as entries:
        for entry in entries:
            entry.stat()


def read_text(paths: list[Path]) -> None:
    for path in paths:
        with h5py.File(path) as file:
            file["entry/title"][()]


def read_heads(paths: list[Path]) -> None:
    for path in paths:
        read_head(path)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question(benchmark: Any, many: Catalogue, question: str) -> None:
    found = benchmark(many.runs, where=QUESTIONS[question], limit=50)
    assert len(found) == {"a few runs": len(found), "no run": 0, "a text": 0}.get(question, 50)
    if benchmark.enabled:
        benchmark.extra_info["ms"] = 1e3 * benchmark.stats.stats.min
        benchmark.extra_info["times a look at the folders"] = benchmark.stats.stats.min / seconds(
            lambda: look(many)
        )


@pytest.mark.timed
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_costs_little_more_than_the_look_at_the_folders(many: Catalogue, question: str) -> None:
    asked = seconds(lambda: many.runs(where=QUESTIONS[question], limit=50))
    assert asked / seconds(lambda: look(many)) < LONGEST_QUESTION


def test_making_a_catalogue(benchmark: Any, files: list[Path], tmp_path: Path) -> None:
    caches = iter(range(10**6))

    def make() -> int:
        with Catalogue(files[0].parents[1], cache=tmp_path / str(next(caches))) as catalogue:
            return len(catalogue.runs())

    assert benchmark(make) == len(files)
    if benchmark.enabled:
        benchmark.extra_info["files/s"] = len(files) / benchmark.stats.stats.min
        bare = seconds(lambda: read_text(files))
        benchmark.extra_info["times opening the files"] = benchmark.stats.stats.min / bare


@pytest.mark.timed
def test_reading_a_head_costs_a_small_multiple_of_opening_the_file(files: list[Path]) -> None:
    assert seconds(lambda: read_heads(files)) / seconds(lambda: read_text(files)) < LONGEST_HEAD
