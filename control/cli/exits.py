"""How the command line ends: every error as one message, and a code that scripts can trust."""

from __future__ import annotations

import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import click

from control.cli.escapes import say
from control.cli.streams import StreamError, lead_to_nowhere, watched_streams

DONE: Final = 0
FAILED: Final = 1
MISUSED: Final = 2


def exit_code(command: Callable[[], object]) -> int:
    """Run a command and return its exit code, having said what went wrong on stderr."""
    with watched_streams():
        code = _ended(command)
        try:
            sys.stdout.flush()
        except StreamError as error:
            return _cut_short(error)
    return code


def _ended(command: Callable[[], object]) -> int:
    """Run a command and return how it ended."""
    try:
        result = command()
    except click.ClickException as error:
        error.show(sys.stderr)
        return MISUSED
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted")
        return FAILED
    except StreamError as error:
        return _cut_short(error)
    except (Exception, SystemExit) as error:  # the one handler around everything
        return _explain(error)
    return result if isinstance(result, int) else DONE


def _cut_short(error: StreamError) -> int:
    """End because nobody takes what is printed; the reader of a pipe who has seen enough knows why."""
    lead_to_nowhere(error.stream)
    if not isinstance(error.reason, BrokenPipeError):
        _say(f"stdout cannot be written: {_of_system(error.reason)}")
    return FAILED


def _explain(error: BaseException) -> int:
    """Say what an error means and return its code."""
    # Imported here: the errors of the rooms are needed only once something has gone wrong.
    from control.errors import ConfigError, ControlError, ExperimentError, UsageError  # noqa: PLC0415
    from data.errors import AmbiguousRunError, DataError, RunNotFoundError  # noqa: PLC0415
    from sequences.errors import SequenceError  # noqa: PLC0415

    misused = (ConfigError, UsageError, SequenceError, RunNotFoundError, AmbiguousRunError)
    if isinstance(error, misused) or (isinstance(error, ExperimentError) and not error.kept):
        _say(_told(error))
        return MISUSED
    if isinstance(error, ControlError | DataError):
        _say(_told(error))
        return FAILED
    if isinstance(error, OSError):
        _say("\n".join((_placed(error), *_notes(error))))
        return FAILED
    slip = f"this is a mistake in ionloom: {type(error).__name__}: {_text(error)}"
    _say("\n".join((f"{slip}. Please report it with {_keep(error)}", *_notes(error))))
    return FAILED


def _told(error: BaseException) -> str:
    return "\n".join((_text(error), *_notes(error)))


def _text(error: BaseException) -> str:
    """Return what an error says, also if it fails to."""
    try:
        return str(error)
    except Exception as failure:
        return f"{type(error).__name__}, whose own __str__ fails with {type(failure).__name__}"


def _placed(error: OSError) -> str:
    """Return what the system refuses, and where: of a file its name, else the place in the program."""
    if error.filename:
        return f"{error.filename}: {_of_system(error)}"
    return f"the system says: {_of_system(error)}. What was being done then is in {_keep(error)}"


def _of_system(error: OSError) -> str:
    """Return what the system says, without its number."""
    return error.strerror or str(error) or type(error).__name__


def _notes(error: BaseException) -> tuple[str, ...]:
    """Return what was added to an error on its way, such as which file holds what was measured."""
    return tuple(getattr(error, "__notes__", ()))


def _keep(error: BaseException) -> Path | str:
    """Write the traceback of an unexpected error to a file of its own, and return where it is."""
    try:
        with tempfile.NamedTemporaryFile("w", prefix="ionloom-", suffix=".txt", delete=False) as file:
            traceback.print_exception(error, file=file)
    except OSError as full:
        return f"its traceback (which no file takes: {_of_system(full)})"
    return Path(file.name)


def _say(text: str) -> None:
    with suppress(OSError):  # nobody reads stderr any more
        say(f"ionloom: {text}", err=True)
