"""An instrument behind its network controller: the same settings, limits and states, a program further away.

Whoever has such a device need not know: it is set and read as if the link were here. The controller owns the
link and checks again; what it refuses comes back as the error that it raised.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from control.device import Device, Identity
from control.device.readings import Judged, Quality, judged
from control.device.settings import Setting, Value
from control.errors import ConfigError, ControlError, LinkDown
from control.rpc import AUTO, Client
from control.rpc.errors import CallTimeout, ControllerDown, LineTooLong, NotRpc, RemoteError, UnknownTarget
from control.transport import CONTROLLER, Link

CALL_SECONDS: Final = 10.0  # an instrument that has to be reconnected first takes a while
LONGEST_RAMP: Final = 120.0  # s: a frequency that goes in steps of 1 kHz takes its time
LONGEST_ACTION: Final = 600.0  # s: calibrations take minutes

LOST: Final = (ControllerDown, CallTimeout, NotRpc, LineTooLong)
"""What says that the connection to the controller is broken, and not the instrument's own link."""

_PEER = re.compile(r"\[?(?P<host>[^\]]+?)\]?:(?P<port>\d{1,5})(?:/(?P<target>\S+))?")


class ControllerLink(Link):
    """The connection to a controller. It carries calls, not bytes.

    Args:
        resource: ``controller://host:port``, with ``/target`` if the instrument has another name there.
        name: of the instrument: its target, at a controller that has several.
    """

    def __init__(self, resource: str, name: str = "") -> None:
        super().__init__(resource)
        peer = _PEER.fullmatch(resource.removeprefix(CONTROLLER))
        if peer is None or not 0 < int(peer["port"]) < 1 << 16:
            problem = (
                f"{resource!r} needs a host and a port from 1 to 65535, as in controller://127.0.0.1:3270."
            )
            raise ConfigError((problem,))
        self._peer = peer
        self._name = name
        self._client: Client | None = None

    def call(self, name: str, *arguments: Any, seconds: float) -> Any:
        """Call a method of the controller's instrument and return what it returns.

        Args:
            name: of the method.
            *arguments: of the call.
            seconds: how long the answer may take.

        Raises:
            LinkError: no answer; the next call connects anew.
            ControlError: what the controller raised; `RemoteError` for what is none of ours.
        """
        with self.lock:
            if self._client is None:
                raise LinkDown(address=self.resource, tried=f"call {name}", reason="it is closed")
            self._client.timeout = seconds
            try:
                return self._client.call(name, *arguments)
            except LOST:
                self.close()
                raise
            except ControlError as error:
                # Its facts say all; where in the controller's code it was raised helps nobody here.
                vars(error).pop("__notes__", None)
                raise
            except Exception as error:
                raise RemoteError(
                    device=self._client.target,
                    address=self._client.address,
                    method=name,
                    kind=type(error).__name__,
                    message=str(error),
                    parent_traceback=getattr(error, "parent_traceback", ()),
                ) from None

    def _connect(self, seconds: float) -> None:
        host, port, target = self._peer["host"], int(self._peer["port"]), self._peer["target"]
        try:
            self._client = Client(host, port, target or AUTO, timeout=seconds)
        except UnknownTarget as error:
            if target or not self._name:
                raise
            # It has several: those that share a line have one controller.
            if self._name not in error.known:
                error.name = self._name
                raise
            self._client = Client(host, port, self._name, timeout=seconds)

    def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _write(self, data: bytes, seconds: float) -> None:
        raise ConnectionError("a controller is called, not sent bytes")

    def _read(self, seconds: float) -> bytes:
        return b""  # nothing comes unasked


class RemoteDevice(Device):
    """An instrument that a controller owns; `connect_remote` makes it for a driver."""

    _link: ControllerLink
    _trouble_there = ""
    _answer: Value  # to the last `set`

    def acknowledge(self, seen: str | None = None) -> None:
        """Accept that settings were lost, here and at the controller; as `Device.acknowledge`."""
        with self._transaction():
            super().acknowledge(seen)
            self._call("acknowledge")

    def set(self, name: str, value: Value) -> Value:
        """Set a value; as `Device.set`, but the controller reads it back: no other client comes between."""
        setting = self.setting(name)
        wanted = self._accept(setting, value)
        with self._transaction():
            self._require_ready(setting)
            self._intend(setting, wanted)
            actual = self._answer
        self._take_down(setting, judged(actual))
        return actual

    def perform(self, action: str, *arguments: Any, **named: Any) -> Any:
        """Call one of the `ACTIONS` by its name; errors are those of `Device.perform`."""
        self._require_action(action)
        with self._transaction():
            return self._call("perform", action, list(arguments), named, seconds=LONGEST_ACTION)

    def _identify(self) -> Identity:
        maker, model, serial_number, firmware = self._call("identify")
        return Identity(maker, model, serial_number, firmware)

    def _greet(self, *, first: bool) -> None:
        self._check()

    def _check(self) -> None:
        trouble: str = self._call("check")
        if trouble == self._trouble_there:
            return
        self._troubles.pop(self._trouble_there, None)  # somebody has acknowledged it there
        if trouble:
            self._degrade(trouble)
        self._trouble_there = trouble

    def _read(self, setting: Setting) -> Judged:
        value, quality, note = self._call(
            "judge", setting.name, seconds=setting.deadline + self.ANSWER_SECONDS
        )
        return Judged("" if value is None else value, Quality(quality), note)

    def _write(self, setting: Setting, value: Value) -> None:
        self._answer = self._call("set", setting.name, value, seconds=setting.deadline + LONGEST_RAMP)

    def _recover(self, *, was_down: bool) -> None:
        # What the instrument loses is the controller's matter; other clients may have set it meanwhile.
        self._clear_doubts()
        self._restarted = False

    def _park(self) -> None:
        self._call("park", seconds=LONGEST_RAMP)

    def _call(self, name: str, *arguments: Any, seconds: float | None = None) -> Any:
        return self._link.call(name, *arguments, seconds=CALL_SECONDS if seconds is None else seconds)


def connect_remote(
    name: str,
    kind: type[Device],
    resource: str,
    *,
    serial_number: str | None = None,
    limits: Mapping[str, tuple[float, float]] | None = None,
) -> Device:
    """Connect to an instrument through its controller and make sure that it is the right one.

    Args:
        name: what to call it.
        kind: its driver.
        resource: ``controller://host:port``.
        serial_number: refuse any other instrument of the kind.
        limits: site limits, setting name to (lowest, highest), in the setting's unit.

    Raises:
        ConfigError: a resource or limits that make no sense.
        LinkError: no controller there, or its instrument does not answer.
        IdentityError: another instrument is there.
    """
    link = ControllerLink(resource, name)
    remote = _remote(kind)
    try:
        device = remote(name, link, serial_number=serial_number, limits=limits)
        device.identify()
    except BaseException:
        link.close()
        raise
    return device


@functools.cache
def _remote(kind: type[Device]) -> type[RemoteDevice]:
    """Return a driver's settings and actions as those of a device that a controller owns."""
    declared = ("SETTINGS", "MODELS", "ACTIONS", "PARKING", "PARKS", "RESTARTED", "ANSWER_SECONDS")
    own: dict[str, Any] = {each: getattr(kind, each) for each in declared}
    own |= {"__doc__": kind.__doc__, "__module__": __name__}
    own |= {action: _forwarded(getattr(kind, action)) for action in kind.ACTIONS}
    return type(f"Remote{kind.__name__}", (RemoteDevice,), own)


def _forwarded(action: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that looks like an action of a driver, and has the controller do it."""

    @functools.wraps(action)
    def forward(self: RemoteDevice, *arguments: Any, **named: Any) -> Any:
        return self.perform(action.__name__, *arguments, **named)

    return forward
