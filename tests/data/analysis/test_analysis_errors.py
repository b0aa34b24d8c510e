"""The tree of errors: every member is drawn, and its facts survive a process pool."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from data import errors

EXAMPLES = [
    errors.ShapeError("counts", (3,), "(9, 4)"),
    errors.RangeError("gap", 0.0, "> 0", "give a larger one"),
    errors.InsufficientDataError("a mean", 1, 2, "clicks"),
    errors.EmptySettingError(4, "ion X, photon X", (0, 7)),
    errors.EffectsError(2, "are not positive", 0.1, 1e-9),
    errors.IncompleteSettingsError(9, 16),
    errors.ConvergenceError(0.1, 1e-13, 100),
    errors.NoSignalError("a Rabi flop", 0.3, 1e-4),
    errors.UndeterminedError("a Ramsey fringe", "contrast", 0.8, 1.0),
    errors.SearchLimitError("a Lorentzian line", "centre", 1e4, "Hz"),
    errors.MisfitError("a Rabi line", 301.2, 57, 2e-33, 1e-4),
    errors.UnfinishedFitError("a Voigt line", 100),
    errors.UnitError(("s", "Hz")),
    errors.PreparationsError(3, 4),
    errors.ProjectionError(0.1, 1e-9, 5000),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_errors_survive_pickling(error: errors.AnalysisError) -> None:
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes)
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_all_analysis_errors_are_drawn_and_have_an_example() -> None:
    kinds = set(errors.AnalysisError.__subclasses__())
    assert {type(error) for error in EXAMPLES} == kinds
    assert errors.__doc__ is not None
    assert all(f" {kind.__name__} " in errors.__doc__ for kind in kinds)


def test_message_names_every_axis_of_the_batch() -> None:
    assert str(EXAMPLES[3]).startswith("setting 4 (ion X, photon X) of data set 0, 7 has no counts")


def test_refused_fits_say_what_to_do() -> None:
    assert str(EXAMPLES[7]) == (
        "a Rabi flop does not show in the data: a constant describes them, too (probability 0.3, a signal is "
        "believed below 0.0001); measure with more shots, or look elsewhere"
    )
    assert str(EXAMPLES[8]) == (
        "the data do not determine the contrast of a Ramsey fringe: its error is 0.8 in a range of 1; scan "
        "further, in finer steps, or with more shots"
    )
    in_hertz = errors.UndeterminedError("a line", "width", 2e5, 1e5, "Hz")
    assert "its error is 2e+05 Hz in a range of 1e+05 Hz" in str(in_hertz)


def test_importing_the_analysis_does_not_import_scipy() -> None:
    code = "import sys, data.analysis; print('scipy' in sys.modules)"
    root = Path(errors.__file__).parent.parent
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert found.stdout == "False\n"
