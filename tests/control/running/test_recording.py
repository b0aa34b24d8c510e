"""What a run keeps beside its points: readings of instruments, messages, and where its values come from."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from counting import PlateScan, WindowScan

from control import recording, run
from data import open_run

RECORDED = """
[instruments.gauge]
driver = "tpg36x"
resource = "tcp://127.0.0.1:1"
record = true
"""


def test_readings_of_the_instruments_are_in_the_run(
    tiny_bench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "PAUSE_SECONDS", 0.0)
    with open_run(run(PlateScan(), setup=tiny_bench, shots=50, seed=1, out=tmp_path)) as recorded:
        angle, frequency = recorded.readings["plate/angle"], recorded.readings["trap_rf/frequency"]
        assert len(angle) == len(recorded) + 1  # before each point, and at the end
        angles = [point["plate.angle"] for point in recorded.points]
        np.testing.assert_allclose(angle.value[:-1], angles, atol=1e-4)
        assert angle.unit == "turn"
        assert set(frequency.value) == {23.4e6}
        assert set(frequency.quality) == {"good"}
        assert (np.diff(angle.time) > 0).all()
        assert recorded.messages == ()


def test_an_instrument_that_nobody_reaches_does_not_stop_a_run(
    tiny_text: str, write_setup: Callable[..., Path], tmp_path: Path
) -> None:
    setup = write_setup(tiny_text + RECORDED)
    with open_run(run(WindowScan(), setup=setup, seed=1, out=tmp_path)) as recorded:
        assert recorded.status == "complete"
        assert recorded.readings == {}
        [message] = recorded.messages
        assert message.level == "warning"
        assert message.text.startswith("gauge is not recorded: gauge (tcp://127.0.0.1:1): ")


def test_what_is_logged_while_a_run_goes_on_is_in_it(tiny: Path, tmp_path: Path) -> None:
    def talk(_progress: object) -> None:
        logging.getLogger("lab").warning("the ions look %s", "tired")
        logging.getLogger("lab").error("the cat is on the table")

    with open_run(run(WindowScan(), setup=tiny, seed=1, out=tmp_path, progress=talk)) as recorded:
        told = {(message.level, message.text) for message in recorded.messages}
    assert told == {("warning", "the ions look tired"), ("error", "the cat is on the table")}
    assert not any(isinstance(each, recording._RunHandler) for each in logging.getLogger().handlers)


def test_a_calibrated_value_knows_its_error_and_its_run(
    tiny_text: str, write_setup: Callable[..., Path], tmp_path: Path
) -> None:
    old = 'mapping_pi_time = { value = "6.4 us", source = "published", reference = "PRX Quantum 5, 020308"'
    new = (
        'mapping_pi_time = { value = "6.4 us", source = "calibrated", error = "20 ns", '
        'run = "20250314T092653589-07af"'
    )
    assert old in tiny_text
    setup = write_setup(tiny_text.replace(old, new))
    with open_run(run(WindowScan(), setup=setup, seed=1, out=tmp_path)) as recorded:
        pi_time = recorded.parameters["mapping_pi_time"]
        assert (pi_time.origin, pi_time.error, pi_time.run) == (
            "calibration",
            pytest.approx(2e-8),
            "20250314T092653589-07af",
        )
        assert recorded.parameters["doppler_frequency"].error is None
    overridden = run(WindowScan(), setup=setup, seed=1, out=tmp_path, calibration={"mapping_pi_time": 5e-6})
    with open_run(overridden) as recorded:
        pi_time = recorded.parameters["mapping_pi_time"]
        assert (pi_time.value, pi_time.origin, pi_time.error, pi_time.run) == (5e-6, "override", None, "")


def test_the_journal_may_lie_elsewhere(tiny: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    def watch(_progress: object) -> None:
        seen.append((len(list(tmp_path.rglob("journals/*.journal"))), len(list(tmp_path.rglob("runs/*/*")))))

    path = run(
        WindowScan(),
        setup=tiny,
        seed=1,
        out=tmp_path / "runs",
        journals=tmp_path / "journals",
        progress=watch,
    )
    assert (1, 1) in seen  # a pointer to it lies where the runs are
    assert path.exists()
    assert list((tmp_path / "journals").iterdir()) == []
    assert [each.name for each in path.parent.iterdir()] == [path.name]
