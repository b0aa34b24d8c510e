"""Experiments by name and by file; every way to get it wrong."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from control import experiments
from control.errors import ConfigError, ExperimentError, UsageError
from control.experiments.experiment import Experiment
from control.experiments.registry import author_errors, experiment_names, find_experiment, source_file
from control.interrupts import Interrupts
from sequences.errors import DeclaredValueError

GOOD = '''"""A user's file."""
from control import Experiment, quantity
from sequences import Readout

class DarkCounts(Experiment):
    """Counts in the dark."""
    window: float = quantity("1 ms", unit="s", low="1 us", high="1 s", help="how long")

    def sequence(self, node):
        return node.detector_h.gate(self.window, Readout("dark"))
'''


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write_file(text: str) -> Path:
        path = tmp_path / "mine.py"
        path.write_text(text)
        return path

    return write_file


def told(which: str) -> str:
    with pytest.raises((ConfigError, ExperimentError)) as caught:
        find_experiment(which)
    return str(caught.value)


def test_every_shipped_experiment_is_listed_and_found() -> None:
    defined = set()
    for module in pkgutil.walk_packages(experiments.__path__, "control.experiments."):
        for kind in vars(importlib.import_module(module.name)).values():
            if isinstance(kind, type) and issubclass(kind, Experiment) and not inspect.isabstract(kind):
                defined.add(kind.name)
    assert defined == set(experiment_names())
    for name in experiment_names():
        kind = find_experiment(name)
        assert kind.name == name
        assert kind.summary
        kind()


def test_unknown_name_tells_the_nearest() -> None:
    assert told("ten_ion_registry") == (
        "there is no experiment 'ten_ion_registry'. Did you mean ten_ion_register? "
        "One of your own is given as FILE.py."
    )


def test_file(write: Callable[[str], Path]) -> None:
    path = write(GOOD)
    kind = find_experiment(str(path))
    assert (kind.name, kind.summary) == ("dark_counts", "Counts in the dark.")
    assert source_file(kind) == path
    assert find_experiment(f"{path}:DarkCounts").name == "dark_counts"


def test_file_may_import_its_neighbours(write: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_mine.py").write_text("WINDOW = '2 ms'\n")
    changed = GOOD.replace('"1 ms"', "WINDOW").replace(
        "from sequences", "from neighbour_of_mine import WINDOW\nfrom sequences"
    )
    assert find_experiment(str(write(changed)))().window == 2e-3  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n", "{path} has no experiment: write a class that inherits from control.Experiment"),
        (
            GOOD + "class Other(DarkCounts):\n    pass\n",
            "{path} has 2 experiments; say which: {path}:DarkCounts or {path}:Other",
        ),
        ("def f(:\n", "mine.py:1: reading mine.py failed: SyntaxError: invalid syntax."),
        (
            "x = 1\nimport no_such_package\n",
            "mine.py:2: reading mine.py failed: ModuleNotFoundError: No module named 'no_such_package'.",
        ),
        (
            "def f():\n    return 1 / 0\nf()\n",
            "mine.py:2: reading mine.py failed: ZeroDivisionError: division by zero.",
        ),
        (
            GOOD.replace('"1 ms"', '"1 m"'),
            "mine.py:7: reading mine.py failed: default: '1 m' is not a finite time with its unit; "
            "write for example '1.5 us' (units: ps, ns, us, µs, ms, s, min, h).",
        ),
    ],
)
def test_wrong_files(write: Callable[[str], Path], text: str, message: str) -> None:
    path = write(text)
    assert told(str(path)) == message.format(path=path)


def test_wrong_class_and_missing_file(write: Callable[[str], Path], tmp_path: Path) -> None:
    path = write(GOOD)
    assert told(f"{path}:DarkCount") == f"{path} has no experiment 'DarkCount'. Did you mean DarkCounts?"
    assert told(str(tmp_path / "other.py")) == f"there is no file {tmp_path / 'other.py'}"


def test_author_errors_names_the_line_of_the_author() -> None:
    with pytest.raises(ExperimentError) as caught, author_errors("analyse() of x", kept="run.h5"):
        [].pop()
    line = test_author_errors_names_the_line_of_the_author.__code__.co_firstlineno + 2
    assert str(caught.value) == (
        f"test_registry.py:{line}: analyse() of x failed: IndexError: pop from empty list. "
        "The data are kept in run.h5: mend the code, then `ionloom analyze` them."
    )


MUTE = """
class Mute(Exception):
    def __str__(self):
        return 1 / 0


raise Mute
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import sys\nsys.exit(0)\n", "mine.py:2: reading mine.py failed: SystemExit: 0."),
        ("import sys\nsys.exit('done')\n", "mine.py:2: reading mine.py failed: SystemExit: done."),
        ("raise SystemExit\n", "mine.py:1: reading mine.py failed: SystemExit."),
        (
            "import asyncio\nraise asyncio.CancelledError\n",
            "mine.py:2: reading mine.py failed: CancelledError.",
        ),
        (
            "import argparse\nargparse.ArgumentParser().parse_args(['-x'])\n",
            "mine.py:2: reading mine.py failed: SystemExit: 2.",
        ),
        (MUTE, "mine.py:7: reading mine.py failed: Mute: its own __str__ fails with ZeroDivisionError."),
    ],
)
def test_a_file_that_wants_to_end_the_program(write: Callable[[str], Path], text: str, message: str) -> None:
    assert told(str(write(text))) == message


def test_a_ctrl_c_stays_one(write: Callable[[str], Path]) -> None:
    """Also if the author's code catches it to clear up, whatever it does afterwards."""
    pressed = (
        "import signal\ntry:\n    signal.raise_signal(signal.SIGINT)\nexcept KeyboardInterrupt:\n    {}\n"
    )
    for then in ("raise", "raise KeyboardInterrupt", "raise KeyboardInterrupt from None"):
        with pytest.raises(KeyboardInterrupt):
            find_experiment(str(write(pressed.format(then))))
        with Interrupts(), pytest.raises(KeyboardInterrupt):
            find_experiment(str(write(pressed.format(then))))
    assert told(str(write(pressed.format("raise SystemExit(1)")))).endswith("SystemExit: 1.")


def test_a_block_around_a_yield_can_be_left() -> None:
    def numbers() -> Generator[int]:
        with author_errors("points()"):
            yield 1

    begun = numbers()
    next(begun)
    begun.close()


def test_author_errors_passes_what_says_enough() -> None:
    for error in (DeclaredValueError("wait", "too long"), UsageError(what="no such thing")):
        with pytest.raises(type(error)) as caught, author_errors("x"):
            raise error
        assert caught.value is error
