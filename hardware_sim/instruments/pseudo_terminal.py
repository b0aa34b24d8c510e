"""Serves an instrument on a pseudo-terminal, which programs open as they open ``/dev/ttyUSB0``."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from hardware_sim.instruments.endpoint import Endpoint
from hardware_sim.instruments.errors import PseudoTerminalError
from hardware_sim.instruments.server import Server


class TerminalChannel:
    """The instrument's side of a pseudo-terminal; the line exists whether or not a client has it open."""

    def __init__(self) -> None:
        # POSIX only, so not at the top: the rest of the package works on every system.
        import tty  # noqa: PLC0415

        self._instrument, self._client = os.openpty()
        # The client's side stays open here, or the instrument would read EIO between two clients.
        tty.setraw(self._client)
        os.set_blocking(self._instrument, False)
        self.path = os.ttyname(self._client)

    def fileno(self) -> int:
        """Return the file descriptor of the instrument's side."""
        return self._instrument

    def read(self) -> bytes | None:
        """Return what came; a pseudo-terminal has no end of stream."""
        try:
            return os.read(self._instrument, 4096)
        except BlockingIOError:
            return b""

    def write(self, data: bytes) -> int:
        """Send; what no one reads is lost once the terminal's buffer is full, as on a serial line."""
        try:
            os.write(self._instrument, data)
        except BlockingIOError:
            return len(data)
        return len(data)

    def close(self, abort: bool = False) -> None:
        """Unplug: a client that has the terminal open reads an end or an error from now on."""
        os.close(self._client)
        os.close(self._instrument)


class TerminalServer(Server):
    """An instrument on a pseudo-terminal; made by `serve_pty`."""

    def __init__(
        self, endpoint: Endpoint, clock: Callable[[], float], speed: float, link: Path | None
    ) -> None:
        if not hasattr(os, "openpty"):
            raise PseudoTerminalError(os.name)
        super().__init__(endpoint, clock, speed)
        self._link = link
        self._path = ""
        self._start()

    @property
    def resource(self) -> str:
        """Path to open: the link if there is one, else ``/dev/pts/N``, which a pulled cable changes."""
        return str(self._link) if self._link is not None else self._path

    def _open(self) -> None:
        channel = TerminalChannel()
        self._path = channel.path
        self._add_line(channel)
        if self._link is not None:
            self._unlink()
            self._link.symlink_to(channel.path)

    def _shut(self, abort: bool) -> None:
        for descriptor in list(self._lines):
            self._drop_line(descriptor, abort)
        self._unlink()

    def _unlink(self) -> None:
        if self._link is not None and self._link.is_symlink():  # never a file of someone else's
            self._link.unlink()

    def _accept(self, descriptor: int) -> None:
        """Do nothing: a pseudo-terminal has one line and no callers."""


class LastingTerminalServer(TerminalServer):
    """An instrument on a pseudo-terminal whose path outlives a pulled cable, as that of a real adapter does.

    The path is a link in a folder of its own, which is gone when it is closed.
    """

    def __init__(self, endpoint: Endpoint, clock: Callable[[], float], speed: float) -> None:
        """Serve from now until `close`; the arguments are those of `serve_pty`."""
        self._folder = TemporaryDirectory(prefix="ionloom-")
        try:
            super().__init__(endpoint, clock, speed, Path(self._folder.name) / "line")
        except BaseException:
            self._folder.cleanup()
            raise

    def close(self) -> None:
        """Stop serving, and remove the link and its folder."""
        super().close()
        self._folder.cleanup()


def serve_pty(
    endpoint: Endpoint,
    clock: Callable[[], float] = time.monotonic,
    speed: float = 1.0,
    link: Path | None = None,
) -> TerminalServer:
    """Serve an instrument on a pseudo-terminal, from now until `Server.close`.

    Args:
        endpoint: The instrument.
        clock: Gives seconds of wall time, or those of a clock moved by hand, whose mover calls `Server.wake`.
        speed: Lab seconds per second of the clock.
        link: Symbolic link to keep pointing at the terminal, so that the path outlives a pulled cable as
            ``/dev/serial/by-id/...`` does.

    Returns:
        The running server.

    Raises:
        InstrumentSetupError: If ``speed`` is not a positive number.
        PseudoTerminalError: If the system has no pseudo-terminals.
        OSError: If ``link`` cannot be made, for instance because a file has its name.
    """
    return TerminalServer(endpoint, clock, speed, link)
