"""Links through PyVISA with its pure-Python backend: VXI-11, HiSLIP, USBTMC, GPIB and raw sockets.

PyVISA raises half a dozen unrelated kinds of exceptions; they leave this file as `OSError` and `EOFError`.
A raw socket (`TCPIP::host::port::SOCKET`) has defects in pyvisa-py 0.8.1, found by trying, which are
repaired here:

- opening a refused port succeeds: the socket's own error is asked for;
- a peer that hung up looks like one that is slow: the socket is watched for the end of the stream;
- `clear()` on a dead socket never returns: it is never called, the link is opened anew instead;
- NODELAY cannot be set as an attribute: it is set on the socket.
"""

from __future__ import annotations

import functools
import os
import select
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from control.transport.link import Link
from control.transport.tcp import tune

if TYPE_CHECKING:
    from pyvisa import ResourceManager

CHUNK = 65_536  # bytes asked for at once; a message-based interface ends earlier, at the end of the message


@functools.cache
def _resource_manager() -> ResourceManager:
    # One for the process, never closed: closing one closes the sessions of all.
    from pyvisa import ResourceManager  # noqa: PLC0415 (late: it takes 0.4 s)

    return ResourceManager("@py")


def _translated(call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call PyVISA; whatever it raises becomes `TimeoutError`, `EOFError` or another `OSError`."""
    from pyvisa import VisaIOError  # noqa: PLC0415
    from pyvisa.constants import StatusCode  # noqa: PLC0415

    try:
        return call(*arguments, **options)
    except OSError:
        raise
    except VisaIOError as error:
        if error.error_code == StatusCode.error_timeout:
            raise TimeoutError from error
        raise ConnectionError(error.description) from error
    except Exception as error:
        # pyvisa-py raises RuntimeError and bare Exception for a connection that is gone.
        raise ConnectionError(str(error) or type(error).__name__) from error


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1e3))


class VisaLink(Link):
    """A VISA resource that ends its messages itself: `...::INSTR`.

    Args:
        resource: the VISA resource string.
    """

    def __init__(self, resource: str) -> None:
        super().__init__(resource)
        self._visa: Any = None

    def _connect(self, seconds: float) -> None:
        manager = _resource_manager()
        self._visa = _translated(manager.open_resource, self.resource, open_timeout=_milliseconds(seconds))

    def _disconnect(self) -> None:
        visa, self._visa = self._visa, None
        if visa is not None:
            try:
                _translated(visa.close)
            except OSError:
                return  # the other end is gone: closed enough

    def _write(self, data: bytes, seconds: float) -> None:
        visa = self._connected()
        visa.timeout = _milliseconds(seconds)
        _translated(visa.write_raw, data)

    def _read(self, seconds: float) -> bytes:
        if seconds <= 0.0:
            return b""  # an answer is only sent when it is asked for: there is nothing to throw away
        return self._take(CHUNK, seconds)

    def _take(self, count: int, seconds: float) -> bytes:
        from pyvisa.constants import StatusCode  # noqa: PLC0415

        visa = self._connected()
        visa.timeout = _milliseconds(seconds)
        try:
            # To have got as many bytes as were asked for is no reason for a warning.
            with visa.ignore_warning(StatusCode.success_max_count_read):
                data, _ = _translated(visa.visalib.read, visa.session, count)
        except TimeoutError:
            return b""
        return bytes(data)

    def _connected(self) -> Any:
        if self._visa is None:
            raise ConnectionError("it is closed")
        return self._visa


class VisaSocketLink(VisaLink):
    """A raw TCP socket through VISA: `TCPIP::host::port::SOCKET`."""

    def _connect(self, seconds: float) -> None:
        super()._connect(seconds)
        connection = self._socket()
        error = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))
        tune(connection)

    def _read(self, seconds: float) -> bytes:
        connection = self._socket()
        readable, _, _ = select.select([connection], [], [], seconds)
        if not readable:
            return b""
        waiting = len(connection.recv(CHUNK, socket.MSG_PEEK))
        if waiting == 0:
            raise EOFError
        return self._take(waiting, max(seconds, 1e-3))

    def _socket(self) -> socket.socket:
        visa = self._connected()
        connection = visa.visalib.sessions[visa.session].interface
        if not isinstance(connection, socket.socket):
            raise ConnectionError("the VISA library does not show its socket")
        return connection
