"""Which run made a value, and which runs used it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import h5py
import pytest

from data import Provenance, RunHeader, RunWriter, StoredParameter
from data.catalogue import Catalogue, Lineage, Relative, trace_run

START = datetime(2025, 3, 14, tzinfo=UTC)

Make = Callable[..., str]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write a run that used values; `make(pi_time=other)` says that another run calibrated it."""
    count = iter(range(100))

    def written(**makers: str) -> str:
        provenance = Provenance(START + timedelta(seconds=next(count)))
        parameters = tuple(
            StoredParameter(name, 1e-6, "s", "calibration", run=run) for name, run in makers.items()
        )
        with RunWriter.create(tmp_path, RunHeader("scan", provenance, parameters)) as writer:
            writer.finish({})
        return writer.id

    return written


@pytest.fixture
def trace(tmp_path: Path) -> Iterator[Callable[..., Lineage]]:
    with Catalogue(tmp_path, cache=tmp_path / "cache") as catalogue:

        def traced(run_id: str, depth: int = 3) -> Lineage:
            catalogue.refresh()
            run = catalogue.run(run_id)
            assert run is not None
            return trace_run(catalogue, run, depth)

        yield traced


def ids(relatives: tuple[Relative, ...]) -> list[object]:
    """Return ids, each followed by the list of those within, if there are any."""
    told: list[object] = []
    for relative in relatives:
        told.append(relative.id)
        told += [ids(relative.relatives)] if relative.relatives else []
    return told


def test_back_and_on(make: Make, trace: Callable[..., Lineage]) -> None:
    spectrum = make()
    flop = make(frequency=spectrum)
    ramsey = make(pi_time=flop, frequency=spectrum, trap="")
    node = make(pi_time=flop, wait=ramsey)
    lineage = trace(node)
    assert lineage.run.id == node
    assert ids(lineage.makers) == [flop, [spectrum], ramsey, [spectrum, flop]]
    first, second = lineage.makers
    assert [value.name for value in first.values] == ["pi_time"]
    assert first.run is not None
    assert first.run.experiment == "scan"
    assert [relative.is_repeated for relative in second.relatives] == [False, True]  # spectrum has no makers
    assert (lineage.users, lineage.unmade) == ((), ())
    assert ids(trace(spectrum).users) == [flop, [ramsey, node], ramsey, [node]]
    assert [value.name for value in trace(ramsey).unmade] == ["trap"]


def test_a_maker_that_is_not_in_the_folder(make: Make, trace: Callable[..., Lineage]) -> None:
    (maker,) = trace(make(pi_time="20200101T000000000-0000")).makers
    assert (maker.id, maker.run, maker.relatives) == ("20200101T000000000-0000", None, ())


def test_a_long_history_is_cut(make: Make, trace: Callable[..., Lineage]) -> None:
    chain = [make()]
    for _ in range(4):
        chain.append(make(pi_time=chain[-1]))
    assert ids(trace(chain[-1], depth=2).makers) == [chain[3], [chain[2]]]
    assert ids(trace(chain[0], depth=1).users) == [chain[1]]


def test_a_circle_ends(make: Make, trace: Callable[..., Lineage], tmp_path: Path) -> None:
    """Which only files that somebody has changed can have."""
    first = make(pi_time="x")
    second = make(pi_time=first)
    (path,) = tmp_path.rglob(f"{first}*.h5")
    with h5py.File(path, "a") as file:
        file["entry/parameters/pi_time"].attrs["run"] = second
        del file["entry/parameters_json"]  # the copy that the catalogue reads
    (maker,) = trace(second, depth=50).makers
    assert ids(maker.relatives) == [second]
    assert maker.relatives[0].is_repeated


def test_all_values_of_a_parameter(make: Make, tmp_path: Path) -> None:
    flop, better = make(), make()
    for maker in (flop, flop, better, ""):
        make(pi_time=maker)
    with Catalogue(tmp_path, cache=tmp_path / "cache") as catalogue:
        catalogue.refresh()
        assert [(value.run, value.value, count) for value, count in catalogue.makers("pi_time")] == [
            (better, 1e-6, 1),
            (flop, 1e-6, 2),
        ]
        assert catalogue.makers("other") == []
        assert catalogue.parameter_names() == ("pi_time",)
