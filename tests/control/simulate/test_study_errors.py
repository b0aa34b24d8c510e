"""What is said of a study as a whole, word for word; and that it survives pickling."""

from __future__ import annotations

import pickle

import pytest

from control.errors import ControlError
from control.simulate.errors import (
    AnotherStudy,
    BusyStudy,
    InterruptedStudy,
    LostWorker,
    NoCluster,
    UnwritableStudy,
)

ERRORS = {
    AnotherStudy(folder="runs/a", differences=("shots: 1 in the folder, 2 asked for",)): (
        "runs/a holds another study:\n"
        "  - shots: 1 in the folder, 2 asked for\n"
        "Ask for the same again to go on with it, or give a folder of its own with --out."
    ),
    BusyStudy(folder="runs/a"): (
        "runs/a: another program is working on this study. Wait until it has ended, or end it."
    ),
    NoCluster(address="tcp://a:1", reason="it has no workers", advice="Start some."): (
        "the cluster at tcp://a:1 cannot be used: it has no workers. Start some."
    ),
    NoCluster(address="", reason="no port."): "the cluster at '' cannot be used: no port.",
    InterruptedStudy(folder="runs/a", done=3, planned=9): (
        "interrupted after 3 of 9 blocks, which are kept in runs/a; the same command goes on with the others"
    ),
    LostWorker(): (
        "a worker ended in the middle of its work, or nobody answers for it any more. Was the memory "
        "too short? Then give fewer --workers or a smaller --block. (A script that calls "
        "simulate(workers=...) does it under `if __name__ == '__main__':`.) "
        "What was finished is kept; the same command goes on with the rest."
    ),
    UnwritableStudy(folder="runs/a", reason="No space left on device"): (
        "runs/a cannot be written: No space left on device. What was finished before is kept; "
        "mend this, and the same command goes on with the rest."
    ),
}


@pytest.mark.parametrize(("error", "told"), ERRORS.items(), ids=lambda value: type(value).__name__)
def test_messages(error: ControlError, told: str) -> None:
    assert str(error) == told
    assert str(pickle.loads(pickle.dumps(error))) == told  # noqa: S301 - our own
