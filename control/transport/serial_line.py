"""A serial line through pyserial: device files, pseudo-terminals, `socket://` and `rfc2217://`."""

from __future__ import annotations

import errno
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar

from control.errors import ConfigError
from control.transport.link import Link, PortTrouble
from control.transport.port_owner import describe_owners
from control.transport.tcp import tune

if TYPE_CHECKING:
    from serial import SerialBase

POLL_SECONDS = (
    0.02  # how long one look at the line lasts; pyserial makes a change of it too dear for each read
)
RTS_SECONDS = 0.05  # that each state of RTS is held to wake an adapter up, as Thorlabs' own software does

IN_USE = frozenset({errno.EBUSY, errno.EAGAIN})  # "exclusive use" of the port, a lock on it
NO_MODEM_LINES = frozenset({errno.EINVAL, errno.ENOTTY})  # pseudo-terminals have none


@dataclass(frozen=True, slots=True)
class LineSettings:
    """How bits travel on a serial line; always 8 data bits, no parity, 1 stop bit.

    Attributes:
        baud: bits per second.
        hardware_flow: whether RTS and CTS hold the other end back.
        toggle_rts: whether RTS is raised and dropped after opening, which some USB adapters need to wake up.
        quiet: seconds of silence after which the line counts as settled; 50 ms are 50 characters at 9600
            baud.
    """

    baud: int = 9600
    hardware_flow: bool = False
    toggle_rts: bool = False
    quiet: float = 0.05


class SerialLink(Link):
    """A serial line.

    There is no connection that could take a late answer along. The line is resynchronised by waiting until it
    is silent; a driver then asks something whose answer it knows.

    Args:
        resource: a device file such as `/dev/ttyUSB0`, `COM3`, or a URL that pyserial knows.
        line: speed and flow control; a network URL without line settings ignores them.
    """

    GUARDED: ClassVar[bool] = False  # nor is an adapter on a network, whose other end is such a line

    def __init__(self, resource: str, line: LineSettings) -> None:
        super().__init__(resource)
        self._line = line
        self._port: SerialBase | None = None

    def _connect(self, seconds: float) -> None:
        local = "://" not in self.resource
        try:
            self._port = _pyserial().serial_for_url(
                self.resource,
                baudrate=self._line.baud,
                rtscts=self._line.hardware_flow,
                timeout=POLL_SECONDS,
                # rfc2217:// has no write time-out and refuses to be given one.
                write_timeout=seconds if local else None,
                # A second program on the same line would eat half of the answers.
                exclusive=True if local else None,
            )
        except ValueError as error:
            raise ConnectionError(str(error)) from error
        except OSError as error:
            raise self._told_better(error) from error
        connection = getattr(self._port, "_socket", None)
        if isinstance(connection, socket.socket):
            tune(connection)
        if self._line.toggle_rts:
            self._toggle_rts(self._connected())

    def _told_better(self, error: OSError) -> OSError:
        """Return the trouble with opening a port in words that say what to do."""
        # pyserial's errors on Windows have no number, only the system's text.
        if error.errno in IN_USE or (error.errno is None and "Access is denied" in str(error)):
            return PortTrouble(
                f"this port is in use by {describe_owners(self.resource)}",
                "End that program, or let a network controller serve the instrument to both.",
            )
        if error.errno in {errno.EACCES, errno.EPERM}:
            return PortTrouble(
                "this user may not open the port",
                "Add the user to the group that owns it, often dialout, and log in again.",
            )
        return error

    def _toggle_rts(self, port: SerialBase) -> None:
        try:
            for level in (True, False):
                time.sleep(RTS_SECONDS)
                port.rts = level
        except OSError as error:
            if error.errno not in NO_MODEM_LINES:
                raise

    def _disconnect(self) -> None:
        port, self._port = self._port, None
        connection = getattr(port, "_socket", None)
        if port is not None:
            with suppress(OSError):  # the adapter was pulled: closed enough
                port.close()
        if isinstance(connection, socket.socket):
            connection.close()  # pyserial 3.5 forgets one that the other end has reset, and leaves it open

    def _write(self, data: bytes, seconds: float) -> None:
        from serial import SerialTimeoutException  # noqa: PLC0415

        try:
            self._connected().write(data)
        except SerialTimeoutException as error:
            raise TimeoutError from error

    def _read(self, seconds: float) -> bytes:
        port = self._connected()
        waiting: int = port.in_waiting
        if waiting == 0 and seconds <= 0.0:
            return b""
        data: bytes = port.read(max(waiting, 1))
        return data

    def _settle(self, seconds: float) -> None:
        """Read until nothing has come for a while."""
        end = time.monotonic() + seconds
        last = time.monotonic()
        while (now := time.monotonic()) - last < self._line.quiet:
            if self._read(POLL_SECONDS):
                last = time.monotonic()
            if now > end:
                raise TimeoutError

    def _connected(self) -> SerialBase:
        if self._port is None:
            raise ConnectionError("it is closed")
        return self._port


def _pyserial() -> ModuleType:
    """Return the module `serial` if it is pyserial.

    Raises:
        ConfigError: it is the unrelated package of that name, which `mogdevice` pulls in by mistake.
    """
    import serial  # noqa: PLC0415 (late: `ionloom --help` must not wait for it)

    if not hasattr(serial, "serial_for_url"):
        raise ConfigError(
            (
                f"The package 'serial' in {serial.__file__} is not pyserial, but has taken its place: "
                "pip uninstall serial, then pip install --force-reinstall pyserial.",
            )
        )
    module: ModuleType = serial
    return module
