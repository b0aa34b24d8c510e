"""How the command line ends: every error as one message, and a code that scripts can trust."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

DONE: Final = 0
FAILED: Final = 1
MISUSED: Final = 2


def exit_code(command: Callable[[], object]) -> int:
    """Run a command and return its exit code, having said what went wrong on stderr."""
    try:
        result = command()
    except click.ClickException as error:
        error.show(sys.stderr)
        return MISUSED
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted")
        return FAILED
    except BrokenPipeError:
        # The reader of a pipe has left; nothing may be written any more, not even by the interpreter's exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:  # the one handler around everything
        return _explain(error)
    return result if isinstance(result, int) else DONE


def _explain(error: Exception) -> int:
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
    if isinstance(error, OSError) and error.filename:
        _say("\n".join((f"{error.filename}: {error.strerror}", *_notes(error))))
        return FAILED
    slip = (
        f"this is a mistake in ionloom: {type(error).__name__}: {error}. Please report it with {_keep(error)}"
    )
    _say("\n".join((slip, *_notes(error))))
    return FAILED


def _told(error: Exception) -> str:
    return "\n".join((str(error), *_notes(error)))


def _notes(error: Exception) -> tuple[str, ...]:
    """Return what was added to an error on its way, such as which file holds what was measured."""
    return tuple(getattr(error, "__notes__", ()))


def _keep(error: Exception) -> Path:
    """Write the traceback of an unexpected error to a file of its own."""
    with tempfile.NamedTemporaryFile("w", prefix="ionloom-", suffix=".txt", delete=False) as file:
        traceback.print_exception(error, file=file)
    return Path(file.name)


def _say(text: str) -> None:
    click.echo(f"ionloom: {text}", err=True)
