"""A serial line through pyserial: device files, pseudo-terminals, `socket://` and `rfc2217://`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from control.transport.link import Link

if TYPE_CHECKING:
    from serial import SerialBase

POLL_SECONDS = (
    0.02  # how long one look at the line lasts; pyserial makes a change of it too dear for each read
)
QUIET_SECONDS = 0.05  # silence after which a line counts as settled: 50 characters at 9600 baud


@dataclass(frozen=True, slots=True)
class LineSettings:
    """How bits travel on a serial line; always 8 data bits, no parity, 1 stop bit.

    Attributes:
        baud: bits per second.
        hardware_flow: whether RTS and CTS hold the other end back.
    """

    baud: int = 9600
    hardware_flow: bool = False


class SerialLink(Link):
    """A serial line.

    There is no connection that could take a late answer along. The line is resynchronised by waiting until it
    is silent; a driver then asks something whose answer it knows.

    Args:
        resource: a device file such as `/dev/ttyUSB0`, `COM3`, or a URL that pyserial knows.
        line: speed and flow control; a network URL without line settings ignores them.
    """

    def __init__(self, resource: str, line: LineSettings) -> None:
        super().__init__(resource)
        self._line = line
        self._port: SerialBase | None = None

    def _connect(self, seconds: float) -> None:
        from serial import serial_for_url  # noqa: PLC0415 (late: `ionloom --help` must not wait for it)

        local = "://" not in self.resource
        try:
            self._port = serial_for_url(
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

    def _disconnect(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            try:
                port.close()
            except OSError:
                return  # the adapter was pulled: closed enough

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
        while (now := time.monotonic()) - last < QUIET_SECONDS:
            if self._read(POLL_SECONDS):
                last = time.monotonic()
            if now > end:
                raise TimeoutError

    def _connected(self) -> SerialBase:
        if self._port is None:
            raise ConnectionError("it is closed")
        return self._port
