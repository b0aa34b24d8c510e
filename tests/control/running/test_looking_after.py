"""A run looks after its instruments, and stops rather than measure nonsense."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tiny_lab import TinyLab

from control import Progress, run, runner
from control import bench as benches
from control.bench import Bench, open_bench
from control.device.settings import Value
from control.errors import NotReady
from control.experiments.ten_ion_register import TenIonRegister
from control.setup import read_setup
from control.transport import make_link
from data import open_run
from hardware_sim import SimulatedLab


@pytest.fixture
def lab(tiny_bench: Path) -> Iterator[TinyLab]:
    opened = read_setup(tiny_bench).open_lab(1)
    assert isinstance(opened, TinyLab)
    yield opened
    opened.close()


@pytest.fixture
def bench(tiny_bench: Path, lab: TinyLab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(benches, "LOOK_SECONDS", 0.0)
    with open_bench(read_setup(tiny_bench).instruments, lab.resources) as opened:
        yield opened


def test_all_is_well(bench: Bench) -> None:
    bench.look_after()
    assert set(bench.devices) == {"plate", "trap_rf"}


def test_radio_frequency_that_was_switched_off_ends_the_run(bench: Bench, lab: TinyLab) -> None:
    (server,) = (server for server in lab._servers if server.endpoint is lab.source)
    server.power_cycle(0.0)
    with pytest.raises(NotReady) as caught:
        bench.look_after()
    address = bench.devices["trap_rf"].address
    assert str(caught.value) == (
        f"trap_rf ({address}): cannot go on measuring: it was switched off and on again, its settings are "
        "those of its start-up and the ion is lost; while the link was down: frequency is 100 MHz, not "
        "23.4 MHz; while the link was down: power is -30 dBm, not -2 dBm. See to it, then start again."
    )
    assert lab.source.frequency == 1e8  # that of its start-up: nothing was set again by itself


def test_what_somebody_else_changed_ends_the_run_and_is_set_anew(bench: Bench, lab: TinyLab) -> None:
    wanted: dict[str, dict[str, Value]] = {"trap_rf": {"power": -2.0}}
    with closing(make_link(lab.resources["simulated:trap_rf"])) as other:
        other.open()
        assert other.exchange(b"POW -3;*OPC?\n", b"\n", 5.0) == b"1"
    with pytest.raises(NotReady) as caught:
        bench.look_after()
    address = bench.devices["trap_rf"].address
    assert str(caught.value) == (
        f"trap_rf ({address}): cannot go on measuring: somebody else has changed it: power is -3 dBm, not "
        "-2 dBm. See to it, then start again."
    )
    bench.set(wanted)
    bench.look_after()
    assert bench.devices["trap_rf"].read("power") == -2.0


def test_a_device_whose_link_was_away_is_set_anew(
    bench: Bench, lab: TinyLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap_rf, told = bench.devices["trap_rf"], []
    monkeypatch.setattr(trap_rf, "set", lambda name, value: told.append((name, value)))
    wanted: dict[str, dict[str, Value]] = {"trap_rf": {"power": -2.0}, "plate": {"angle": 0.0}}
    bench.look_after()
    bench.set(wanted)
    assert told == []
    trap_rf.disconnect()
    bench.look_after()  # all is well, as far as can be read
    bench.set(wanted)
    bench.set(wanted)
    assert told == [("power", -2.0)]


def test_it_does_not_look_all_the_time(bench: Bench, lab: TinyLab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benches, "LOOK_SECONDS", 60.0)
    for server in lab._servers:
        server.close()
    bench.look_after()  # nobody is asked


def test_an_instrument_that_stays_away_ends_the_run(bench: Bench, lab: TinyLab) -> None:
    (server,) = (server for server in lab._servers if server.endpoint is lab.source)
    server.unplug()
    address = bench.devices["trap_rf"].address
    with pytest.raises(NotReady) as caught:
        bench.look_after()
    assert str(caught.value) == (
        f"trap_rf ({address}): cannot go on measuring: it does not answer any more (connection refused). "
        "See to it, then start again."
    )


@pytest.mark.parametrize("after", [2, 9])
def test_a_power_cycle_ends_a_simulated_run_whenever_it_comes(
    after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the last point too: what was measured while it was away cannot be told from the rest."""
    opened: list[SimulatedLab] = []
    start = SimulatedLab.open

    def watched(*arguments: Any) -> SimulatedLab:
        opened.append(start(*arguments))
        return opened[-1]

    def cut(progress: Progress) -> None:
        if progress.stage == "measuring" and progress.done == after:
            opened[0].bench.cause("trap_rf", "power cycle")

    monkeypatch.setattr(SimulatedLab, "open", watched)
    monkeypatch.setattr(runner, "MADE_TIME_LOOK_SECONDS", 0.0)
    with pytest.raises(NotReady, match=r"trap_rf .*cannot go on measuring") as caught:
        run(TenIonRegister(ions=2, trains=1), seed=1, out=tmp_path, progress=cut)
    (path,) = tmp_path.rglob("*.h5")
    with open_run(path) as recorded:
        assert len(recorded) == after
        assert recorded.status != "complete"
    assert any(f"{after} of 9 points were measured" in note for note in caught.value.__notes__)
