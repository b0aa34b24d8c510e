r"""The monitoring line of a DLC pro: clients subscribe to parameters and are told when they change.

Requests are ``(add 'name [interval [threshold]])``, ``(remove 'name)`` and ``(change-ul level "password")``,
each a line; what is told is ``(2026-11-23T06:01:02.123Z 'name value)``, also a line.

Source: toptica-lasersdk 3.3.0. ASSUMED: 100 ms between two updates where the client asks for no interval.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from hardware_sim.instruments.decop_syntax import (
    DecopError,
    ErrorCode,
    Expression,
    Symbol,
    Value,
    constant,
    format_value,
    parse_expression,
    quoted_name,
)
from hardware_sim.instruments.dlc_parameters import UserLevel
from hardware_sim.instruments.endpoint import Powered
from hardware_sim.instruments.line_buffer import LineBuffer
from hardware_sim.instruments.port import Port

DEFAULT_INTERVAL = 0.1  # s
INPUT_BUFFER = 4096  # bytes without a line end; free choice


class Clocked(Protocol):
    """Of a specification, the date at lab time 0."""

    @property
    def epoch(self) -> datetime:
        """Date at lab time 0."""
        ...


class Monitored(Powered, Protocol):
    """What a monitoring line needs of its controller."""

    powered: bool

    @property
    def specification(self) -> Clocked:
        """The controller as delivered."""
        ...

    def read(self, name: str, now: float, level: UserLevel = ...) -> Value:
        """Return the value of a parameter."""
        ...

    def change_level(self, present: UserLevel, arguments: tuple[Value, ...]) -> UserLevel:
        """Return a client's user level after ``change-ul``."""
        ...

    def complain(self, error: DecopError) -> str:
        """Remember an error."""
        ...


@dataclass(slots=True)
class Subscription:
    """One parameter that a client wants to be told of.

    Attributes:
        interval: Least time between two updates in s.
        threshold: Least change of a number that is told; 0 for any.
        next_look: Lab time in s at which it is looked at next.
        told: What the client was told last.
    """

    interval: float
    threshold: float
    next_look: float
    told: Value = field(default=())

    def changed(self, value: Value) -> bool:
        """Return whether the client is to be told of a value."""
        told = self.told
        if isinstance(value, float | int) and isinstance(told, float | int) and self.threshold > 0.0:
            return abs(value - told) >= self.threshold
        return type(value) is not type(told) or value != told


class MonitoringLine(Port[Monitored]):
    """The endpoint of the monitoring line; it lives and dies with its controller."""

    tcp_resource = "TCPIP::{host}::{port}::SOCKET"
    loses_link = True

    def __init__(self, dlc: Monitored) -> None:
        """Belong to a controller.

        Args:
            dlc: The controller.
        """
        super().__init__(dlc)
        self._sessions: list[MonitoringSession] = []

    def connect(self) -> MonitoringSession:
        """Accept a client."""
        session = MonitoringSession(self)
        self._sessions.append(session)
        return session

    def disconnect(self, session: MonitoringSession) -> None:
        """Forget a client."""
        self._sessions.remove(session)

    def forget(self) -> None:
        """Forget all subscriptions, as after a loss of power."""
        for session in self._sessions:
            session.forget()


class MonitoringSession:
    """One client of the monitoring line."""

    __slots__ = ("_level", "_line", "_lines", "_subscriptions")

    def __init__(self, line: MonitoringLine) -> None:
        self._line = line
        self._level = UserLevel.NORMAL
        self._lines = LineBuffer(b"\n", limit=INPUT_BUFFER)
        self._subscriptions: dict[str, Subscription] = {}

    def forget(self) -> None:
        """Forget subscriptions, user level and half a request."""
        self._subscriptions.clear()
        self._level = UserLevel.NORMAL
        self._lines.clear()

    def receive(self, data: bytes, now: float) -> bytes:
        """Take requests, and tell what has changed."""
        if not self._line.inner.powered:
            self._lines.clear()
            return b""
        self._lines.put(data)
        said = ""
        for request in iter(self._lines.take, None):
            said += self._obey(request.decode("latin-1").strip(), now)
        if self._lines.overflow():
            said += self._refuse(DecopError(ErrorCode.PARSE, "the request is too long"), "", now)
        for name, subscription in self._subscriptions.items():
            said += self._look(name, subscription, now)
        return said.encode("latin-1")

    def due(self) -> float | None:
        """Return the lab time in s of the next look at a parameter, None without subscription."""
        return min((each.next_look for each in self._subscriptions.values()), default=None)

    def close(self) -> None:
        """Forget this client."""
        self._line.disconnect(self)

    def _obey(self, request: str, now: float) -> str:
        name = ""
        try:
            match parse_expression(request) if request else ():
                case (Symbol("add"), subject, *rest):
                    name = quoted_name(subject)
                    self._add(name, rest, now)
                case (Symbol("remove"), subject):
                    name = quoted_name(subject)
                    if self._subscriptions.pop(name, None) is None:
                        raise DecopError(ErrorCode.NOT_SUBSCRIBED, name)
                case (Symbol("change-ul"), *rest):
                    values = tuple(constant(each) for each in rest)
                    self._level = self._line.inner.change_level(self._level, values)
                case ():
                    pass
                case _:
                    raise DecopError(ErrorCode.UNKNOWN_OPERATION, request)
        except DecopError as error:
            return self._refuse(error, name, now)
        return ""

    def _add(self, name: str, rest: list[Expression], now: float) -> None:
        self._line.inner.read(name, now, self._level)
        numbers = [constant(each) for each in rest]
        interval, threshold = (*numbers, None, None)[:2]
        if len(numbers) > 2 or not all(type(each) in (int, float) for each in numbers):
            raise DecopError(ErrorCode.WRONG_TYPE, "add takes a name, an interval in ms and a threshold")
        seconds = interval * 1e-3 if isinstance(interval, float | int) else DEFAULT_INTERVAL
        if not seconds > 0.0:
            raise DecopError(ErrorCode.INVALID_VALUE, "the interval must be above 0 ms")
        least = float(threshold) if isinstance(threshold, float | int) else 0.0
        self._subscriptions[name] = Subscription(seconds, least, now)

    def _look(self, name: str, subscription: Subscription, now: float) -> str:
        if now < subscription.next_look:
            return ""
        subscription.next_look = now + subscription.interval
        value = self._line.inner.read(name, now, self._level)
        if not subscription.changed(value):
            return ""
        subscription.told = value
        return f"({self._stamp(now)} '{name} {format_value(value)})\n"

    def _refuse(self, error: DecopError, name: str, now: float) -> str:
        self._line.inner.complain(error)
        return f"(Error: {-error.code} ({self._stamp(now)} '{name}) {error.text})\n"

    def _stamp(self, now: float) -> str:
        date = self._line.inner.specification.epoch + timedelta(seconds=now)
        return date.strftime("%Y-%m-%dT%H:%M:%S.") + f"{date.microsecond // 1000:03d}Z"
