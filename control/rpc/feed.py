"""A connection on which only the server talks, and the thread that listens to it."""

from __future__ import annotations

import logging
import math
import ssl
import threading
from collections.abc import Callable

from control.errors import ControlError, DeviceError
from control.rpc.errors import CallTimeout, ControllerDown, UnknownTarget
from control.rpc.lines import LineSocket, address_of
from control.transport import Deadline

logger = logging.getLogger(__name__)

TIMEOUT = 10.0  # s to connect and for the first line
LONGEST_LINE = 1 << 30  # bytes; all datasets of a lab come in one line
Lost = Callable[[ControlError], object]


class Feed:
    """Lines from a server.

    Args:
        banner: what the server is greeted with.
        name: what is listened to.
        host: name or address of the server.
        port: its TCP port.
        hear: called with each line; in the thread of the feed, except for a first one that is awaited.
        lost: called in that thread when the connection is lost, but not after `close`.
        answers: whether the server answers at once with a first line, and hangs up on names that it does not
            know.
        retry: s after which a lost connection is opened anew, None for never.
        timeout: for connecting and the first line, in s.
        ssl: for TLS; None for plain TCP.

    Raises:
        ControllerDown, CallTimeout: no connection, now; later that is told to `lost`.
        UnknownTarget: the server does not have it.
    """

    def __init__(
        self,
        banner: bytes,
        name: str,
        host: str,
        port: int,
        hear: Callable[[bytes], object],
        lost: Lost | None = None,
        answers: bool = False,
        retry: float | None = None,
        timeout: float = TIMEOUT,
        ssl: ssl.SSLContext | None = None,
    ) -> None:
        self._greeting = banner + b"\n" + name.encode() + b"\n"
        self._name, self._peer, self._address = name, (host, port), address_of(host, port)
        self._hear, self._lost, self._answers = hear, lost, answers
        self._retry, self._timeout, self._ssl = retry, timeout, ssl
        self._line: LineSocket | None = None
        self._closing = threading.Event()
        self._connect()
        self._thread = threading.Thread(target=self._run, name=f"feed of {name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening; nothing is called any more when this returns."""
        self._closing.set()
        if (line := self._line) is not None:
            line.hang_up()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _connect(self) -> None:
        deadline = Deadline.after(self._timeout)
        tried = f"listen to {self._name}"
        try:
            self._line = LineSocket(*self._peer, deadline, self._ssl)
            self._line.send(self._greeting, deadline)
            if self._answers:
                self._hear(self._line.read_line(deadline, LONGEST_LINE))
        except BaseException as error:
            self._drop()
            if isinstance(error, TimeoutError):
                raise CallTimeout(address=self._address, tried=tried, seconds=self._timeout) from None
            if isinstance(error, EOFError):
                raise UnknownTarget(
                    address=self._address, name=self._name, known=(), kind="notifier"
                ) from None
            if isinstance(error, OSError):
                raise self._down(error) from error
            raise

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._listen()
            except (OSError, EOFError) as error:
                self._tell(self._down(error))
            except ControlError as error:
                self._tell(error)
            except Exception as error:  # of a function of the listener's own
                logger.exception("what listens to %s failed", self._name)
                self._tell(self._down(error))
            finally:
                self._drop()
            if not self._again():
                return

    def _listen(self) -> None:
        line, forever = self._line, Deadline.after(math.inf)
        while line is not None and not self._closing.is_set():
            self._hear(line.read_line(forever, LONGEST_LINE))

    def _again(self) -> bool:
        """Connect anew, trying until it succeeds; False if that is not wanted, or no longer."""
        while self._retry is not None and not self._closing.wait(self._retry):
            try:
                self._connect()
            except DeviceError as error:
                logger.debug("%s", error)
            except ControlError as error:
                self._tell(error)
            except Exception:
                logger.exception("what listens to %s failed", self._name)
            else:
                return True
        return False

    def _tell(self, error: ControlError) -> None:
        if self._closing.is_set():
            return
        logger.warning("%s", error)
        try:
            if self._lost is not None:
                self._lost(error)
        except Exception:
            logger.exception("what is told that %s is lost failed", self._name)

    def _down(self, error: Exception) -> ControllerDown:
        reason = (
            "it hung up" if isinstance(error, EOFError) else getattr(error, "strerror", None) or str(error)
        )
        return ControllerDown(address=self._address, tried=f"listen to {self._name}", reason=reason)

    def _drop(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
