"""Finds experiments: those that come with ionloom by name, and a user's own by file.

Example:
    >>> find_experiment("ten_ion_registry")
    Traceback (most recent call last):
    control.errors.ConfigError: there is no experiment 'ten_ion_registry'. Did you mean ten_ion_register? ...
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import sysconfig
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Final

from control import experiments
from control.errors import ConfigError, ControlError, ExperimentError, nearest
from control.experiments.experiment import Experiment
from sequences.errors import AuthoringError, SequenceError

_STDLIB: Final = sysconfig.get_path("stdlib")
GROUPS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "the network node": (
        "control.experiments",
        ("multiplexed_photons", "photon_efficiency", "single_ion_photon", "ten_ion_register"),
    ),
    "the textbook": (
        "control.experiments.textbook",
        (
            "carrier_rabi",
            "detuned_rabi",
            "ramsey",
            "spin_echo",
            "sideband_spectroscopy",
            "sideband_thermometry",
            "doppler_scan",
            "repump_scan",
            "string_image",
            "raman_spectroscopy",
            "photon_wave_packet",
            "photon_correlation",
            "ms_parity",
        ),
    ),
}
"""What the experiments that come with ionloom are about -> their package, and their names.

Each is the class of that name in a module of that name.
"""

_SHIPPED: Final = {name: package for package, names in GROUPS.values() for name in names}


def experiment_names() -> tuple[str, ...]:
    """Return the names of the experiments that come with ionloom."""
    return tuple(_SHIPPED)


def find_experiment(which: str) -> type[Experiment]:
    """Return the experiment that a user means.

    Args:
        which: the name of one that comes with ionloom, or ``file.py``, or ``file.py:ClassName``.

    Raises:
        ConfigError: no such experiment or file, or a file with none or several.
        ExperimentError: the file has a mistake; its line is told.
    """
    file, _, wanted = which.partition(".py:")
    if wanted or which.endswith(".py"):
        return _pick(Path(f"{file.removesuffix('.py')}.py"), wanted)
    if which not in _SHIPPED:
        hint = nearest(which, _SHIPPED)
        raise ConfigError((f"there is no experiment {which!r}. {hint} One of your own is given as FILE.py.",))
    module = importlib.import_module(f"{_SHIPPED[which]}.{which}")
    return next(kind for kind in _defined_in(module) if kind.name == which)


def source_file(kind: type[Experiment]) -> Path | None:
    """Return the file that an experiment was written in, or None for one typed at a prompt."""
    try:
        file = inspect.getsourcefile(kind)
    except (TypeError, OSError):
        return None
    return Path(file) if file and Path(file).is_file() else None


@contextmanager
def author_errors(
    what: str,
    kept: str = "",
    passing: tuple[type[Exception], ...] = (ControlError, SequenceError),
    place: str = "",
) -> Iterator[None]:
    """Turn whatever an experiment's own code raises into an error that names its file and line.

    That includes `sys.exit()`: it would end the program of whoever only wanted an experiment. A Ctrl-C stays
    one.

    Args:
        what: the part that runs, for the message.
        kept: file that holds the data, if they are measured already.
        passing: errors that say enough themselves.
        place: to be told if it fails in no line of the author's, as annotations do.
    """
    try:
        yield
    except (KeyboardInterrupt, GeneratorExit):  # the latter ends a generator with its block around a `yield`
        raise
    except passing:
        raise
    except BaseException as error:
        where = _place(error) or place or _innermost(error)
        raise ExperimentError(what=what, place=where, reason=_reason(error), kept=kept) from error


def _pick(file: Path, wanted: str) -> type[Experiment]:
    found = {kind.__name__: kind for kind in _defined_in(load_file(file))}
    if wanted and wanted not in found:
        raise ConfigError((f"{file} has no experiment {wanted!r}. {nearest(wanted, found)}",))
    if not found:
        raise ConfigError((f"{file} has no experiment: write a class that inherits from control.Experiment",))
    if len(found) > 1 and not wanted:
        several = " or ".join(f"{file}:{name}" for name in found)
        raise ConfigError((f"{file} has {len(found)} experiments; say which: {several}",))
    return found[wanted] if wanted else next(iter(found.values()))


def load_file(file: Path) -> ModuleType:
    """Import a user's file, as if it had been started from its own folder."""
    if not file.is_file():
        raise ConfigError((f"there is no file {file}",))
    name = f"experiment_file_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file.resolve())
    if spec is None or spec.loader is None:
        raise ConfigError((f"{file} cannot be imported",))
    module = importlib.util.module_from_spec(spec)
    folder = str(file.resolve().parent)
    sys.modules[name] = module  # dataclasses look up the module of a class there
    sys.path.insert(0, folder)
    try:
        with author_errors(f"reading {file.name}", passing=(ControlError, AuthoringError)):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    finally:
        sys.path.remove(folder)
    return module


def _defined_in(module: ModuleType) -> list[type[Experiment]]:
    kinds = [
        kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, Experiment)
    ]
    return [kind for kind in kinds if kind.__module__ == module.__name__ and not inspect.isabstract(kind)]


def _place(error: BaseException) -> str:
    """Return the innermost line that lies in nobody's library: what its author can mend; empty if none."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    return next((_shown(frame) for frame in reversed(frames) if not _is_library(frame.filename)), "")


def _innermost(error: BaseException) -> str:
    return _shown(traceback.extract_tb(error.__traceback__)[-1])


def _shown(frame: traceback.FrameSummary) -> str:
    return f"{Path(frame.filename).name}:{frame.lineno}"


def _is_library(filename: str) -> bool:
    house = Path(__file__).parents[2]
    rooms = tuple(str(house / room) for room in ("control", "data", "sequences", "hardware_sim"))
    shipped = str(Path(experiments.__path__[0]))
    inside = filename.startswith(rooms) and (filename == __file__ or not filename.startswith(shipped))
    return inside or "site-packages" in filename or filename.startswith(("<", _STDLIB))


def _reason(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg}"
    if isinstance(error, SequenceError):
        return _text(error)
    return f"{type(error).__name__}: {_text(error)}".rstrip(": ")


def _text(error: BaseException) -> str:
    """Return what an error says, also if it fails to."""
    try:
        return str(error)
    except (Exception, SystemExit) as failure:
        return f"its own __str__ fails with {type(failure).__name__}"
