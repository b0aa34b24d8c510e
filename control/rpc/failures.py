"""An exception on its way through the wire, and back into an exception.

What every client understands is a class name, a text and a traceback. Between two sides that are ionloom's
the facts of an error travel along, so that a limit that is broken far away is a `LimitError` here too.
"""

from __future__ import annotations

import ast
import builtins
import traceback
from typing import Any

from control import errors
from control.errors import ControlError
from control.rpc.dialects import Dialect
from control.rpc.errors import NotEncodable, RemoteError

GENERIC = "GenericRemoteException"  # the class name for all that is not Python's own
FACTS = "control_error"  # the additional key; other clients do not look at it


def pack_error(error: BaseException, dialect: Dialect) -> dict[str, Any]:
    """Return what is sent of an error.

    Args:
        error: as it was caught.
        dialect: that it is sent in.
    """
    frames = traceback.format_tb(error.__traceback__)[1:]  # the first is our own call
    message = text_of(error)
    # Clients make it of its text alone, and those of others stumble where that cannot be done.
    if type(_builtin(type(error).__name__, message)) is type(error):
        return {"class": type(error).__name__, "message": message, "traceback": frames}
    last = traceback.format_exception_only(error)[-1].strip()
    packed: dict[str, Any] = {"class": GENERIC, "message": last, "traceback": frames}
    if isinstance(error, ControlError) and type(error).__module__ == errors.__name__:
        names = getattr(type(error), "__dataclass_fields__", ())
        try:
            facts = {name: getattr(error, name) for name in names}
            dialect.encode(facts)
        except (NotEncodable, AttributeError):
            return packed
        packed[FACTS] = (type(error).__name__, facts)
    return packed


def text_of(error: BaseException) -> str:
    """Return the text of an error, also of one that fails to make it.

    Example:
        >>> text_of(ValueError("more than 5 V"))
        'more than 5 V'
    """
    try:
        return str(error)
    except Exception as another:
        return f"{type(error).__name__}, whose text cannot be made ({type(another).__name__})"


def unpack_error(packed: dict[str, Any], device: str, address: str, method: str) -> Exception:
    """Return the error that was sent, to be raised here.

    Its ``parent_traceback`` holds the lines of the traceback at the other end, which a note shows as well.

    Args:
        packed: as it came, of whatever origin.
        device: the target that was called.
        address: of its server.
        method: what was called.
    """
    told = packed.get("traceback")
    lines = tuple(line for line in told if isinstance(line, str)) if isinstance(told, list) else ()
    kind, message = str(packed.get("class")), str(packed.get("message"))
    error = _known(packed.get(FACTS)) or _builtin(kind, message)
    if error is None:
        error = RemoteError(device=device, address=address, method=method, kind=kind, message=message)
    error.parent_traceback = lines  # type: ignore[attr-defined]
    error.add_note(f"At {device} ({address}), in {method}:\n{''.join(lines)}".rstrip())
    return error


def _known(sent: Any) -> Exception | None:
    """Return an error of the control room from its facts, None if they are not those of one."""
    try:
        name, facts = sent
        kind = getattr(errors, name)
        if not issubclass(kind, ControlError):
            return None
        error: Exception = kind(**facts)
        str(error)  # its text has to come out as well
    except Exception:
        return None
    return error


def _builtin(kind: str, message: str) -> Exception | None:
    """Return one of Python's own errors, None if it has no such or it wants more than a text."""
    found = getattr(builtins, kind, None)
    if not isinstance(found, type) or not issubclass(found, Exception):
        return None
    if issubclass(found, (StopIteration, StopAsyncIteration)):
        return None  # raised from a call, it would silently end the caller's loop
    try:
        error: Exception = found(_key(message) if found is KeyError else message)
    except TypeError:  # UnicodeDecodeError and ExceptionGroup want more than a text
        return None
    return error


def _key(message: str) -> Any:
    """Return the key of a KeyError, whose text is the key as Python writes it."""
    try:
        return ast.literal_eval(message)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return message
