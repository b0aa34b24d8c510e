"""Links through PyVISA with its pure-Python backend: VXI-11, HiSLIP, USBTMC, GPIB and raw sockets.

PyVISA raises half a dozen unrelated kinds of exceptions; they leave this file as `OSError` and `EOFError`.
A raw socket (`TCPIP::host::port::SOCKET`) has defects in pyvisa-py 0.8.1, found by trying, which are
repaired here:

- opening a refused port succeeds: the socket's own error is asked for;
- a peer that hung up looks like one that is slow: the socket is watched for the end of the stream;
- `clear()` on a dead socket never returns: it is never called, the link is opened anew instead;
- NODELAY cannot be set as an attribute: it is set on the socket.

So has VXI-11: when the peer has hung up, reading goes round in circles until a second after the deadline, and
closing for five more. Its socket is exchanged for one that raises at the end of the stream, and after trouble
the socket is shut down first, whereupon the instrument ends the VXI-11 link by itself.
"""

from __future__ import annotations

import functools
import os
import select
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from control.errors import ConfigError
from control.transport.link import Link
from control.transport.tcp import tune

if TYPE_CHECKING:
    from pyvisa import ResourceManager

MISSING = {
    "USB": "pip install pyusb libusb-package",
    "GPIB": "install linux-gpib and its Python module, or pip install gpib-ctypes",
}
"""Packages without which pyvisa-py has no such bus, and how to get them."""

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
    except (OSError, EOFError):
        raise
    except VisaIOError as error:
        if error.error_code == StatusCode.error_timeout:
            raise TimeoutError from error
        raise ConnectionError(error.description) from error
    except Exception as error:
        # pyvisa-py raises RuntimeError and bare Exception for a connection that is gone.
        raise ConnectionError(str(error) or type(error).__name__) from error


def _opened(resource: str, seconds: float) -> Any:
    """Open a resource.

    Raises:
        ConfigError: no such address can be, or a package is missing without which it cannot be used.
    """
    from pyvisa import VisaIOError  # noqa: PLC0415
    from pyvisa.constants import StatusCode  # noqa: PLC0415

    manager = _resource_manager()
    try:
        return _translated(manager.open_resource, resource, open_timeout=_milliseconds(seconds))
    except ConnectionError as error:
        cause = error.__cause__
        if isinstance(cause, VisaIOError) and cause.error_code == StatusCode.error_invalid_resource_name:
            raise ConfigError(
                (f"{resource!r} is no address that PyVISA can read; IPv6 needs tcp://[host]:port.",)
            ) from cause
        for bus, advice in MISSING.items():
            # "Please install PyUSB", or that it "does not seem to be properly installed"
            if resource.upper().startswith(bus) and "install" in str(cause):
                raise ConfigError((f"{resource} needs a library for {bus}: {advice}.",)) from cause
        raise


class _EndingSocket(socket.socket):
    """A socket that raises `EOFError` when the other end has hung up."""

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        data = super().recv(size, flags)
        if not data:
            raise EOFError
        return data


def _mended_sockets(interface: Any) -> list[socket.socket]:
    """Return the sockets of a session of pyvisa-py, set up for our use; none for USB and GPIB."""
    # VXI-11 and HiSLIP keep them under these names; a raw socket is one itself.
    vxi11, *hislip = (getattr(interface, name, None) for name in ("sock", "_sync", "_async"))
    if isinstance(vxi11, socket.socket):
        seconds = vxi11.gettimeout()
        vxi11 = interface.sock = _EndingSocket(fileno=vxi11.detach())
        vxi11.settimeout(seconds)
    found = [each for each in (interface, vxi11, *hislip) if isinstance(each, socket.socket)]
    for each in found:
        tune(each)
    return found


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
        self._sockets: list[socket.socket] = []
        self._in_doubt = False  # whether the last call has failed

    def _connect(self, seconds: float) -> None:
        self._visa = _opened(self.resource, seconds)
        self._sockets = _mended_sockets(self._visa.visalib.sessions[self._visa.session].interface)
        self._in_doubt = False

    def _disconnect(self) -> None:
        visa, self._visa = self._visa, None
        sockets, self._sockets = self._sockets, []
        with suppress(OSError, EOFError):  # the other end may be gone
            if self._in_doubt:
                for each in sockets:
                    each.shutdown(socket.SHUT_RDWR)
        with suppress(OSError, EOFError):
            if visa is not None:
                _translated(visa.close)

    def _write(self, data: bytes, seconds: float) -> None:
        visa = self._connected()
        visa.timeout = _milliseconds(seconds)
        self._in_doubt = True
        _translated(visa.write_raw, data)
        self._in_doubt = False

    def _read(self, seconds: float) -> bytes:
        if seconds <= 0.0:
            return b""  # an answer is only sent when it is asked for: there is nothing to throw away
        return self._take(CHUNK, seconds)

    def _take(self, count: int, seconds: float) -> bytes:
        from pyvisa.constants import StatusCode  # noqa: PLC0415

        visa = self._connected()
        visa.timeout = _milliseconds(seconds)
        self._in_doubt = True
        try:
            # To have got as many bytes as were asked for is no reason for a warning.
            with visa.ignore_warning(StatusCode.success_max_count_read):
                data, _ = _translated(visa.visalib.read, visa.session, count)
        except TimeoutError:
            return b""
        self._in_doubt = False
        return bytes(data)

    def _connected(self) -> Any:
        if self._visa is None:
            raise ConnectionError("it is closed")
        return self._visa


class VisaSocketLink(VisaLink):
    """A raw TCP socket through VISA: `TCPIP::host::port::SOCKET`."""

    def _connect(self, seconds: float) -> None:
        super()._connect(seconds)
        error = self._socket().getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))

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
        if not self._sockets:
            raise ConnectionError("it is closed")
        return self._sockets[0]
