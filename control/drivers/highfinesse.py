"""HighFinesse wavemeters, WS-U and WS-7, behind a controller that speaks sipyco: one device for each laser.

The wavemeter itself speaks through a library of its maker, on one PC only. There, a controller as Oxford's
WAnD reads it, switches its fibres, sets exposures, and holds lasers by their piezos. This driver is a client
of such a controller. All lasers share one connection, `sipyco://host:port/target`; the bus address is the
name that the controller has for the laser.

A reading that the controller calls under-exposed, over-exposed or wrong is no reading. The safety of a lock -
capture range, steps, rails, time limit, who holds it - is the controller's matter; the driver merely does not
ask for one while the laser cannot be seen.

Source:
    The control interface of WAnD (Oxford Ion Trap Quantum Computing group): names, arguments and states.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

from control.device import Device, Identity
from control.device.options import DeviceOptions
from control.device.readings import Judged, Quality
from control.device.settings import Evidence, Setting, Value
from control.errors import BadReply, ConfigError, NotReady, Refused
from control.rpc.errors import BadPyon
from control.rpc.rpc_link import RpcLink, rpc_link
from control.transport import LineSettings, Link

FREQUENCY = Setting(
    "frequency",
    unit="Hz",
    doc="of the laser's light",
    low=1e14,  # 3 um to 250 nm, what the models reach between them
    high=1.2e15,
    tolerance=1e6,  # of the better models
    writable=False,
    key=True,
    evidence=Evidence.CLIENT,
)

OKAY = 0
STATES = {
    1: "under-exposed: too little light on the fibre",
    2: "over-exposed: too much light on the fibre",
    3: "the wavemeter reports an error",
}
"""What the controller says of a measurement that failed."""

METHODS = frozenset({"get_freq", "lock", "unlock"})
LOCK_SECONDS = 300.0  # after which the controller ends a lock that nobody has asked for again
FAILED = -1  # a failed call has a class and a text, but no number


class HighFinesse(Device):
    """One laser, as a wavemeter sees and holds it.

    Args:
        name: as for `Device`; the controller notes it as the owner of locks.
        link: to the controller; shared by all lasers of the wavemeter.
        options: as for `Device`; the address is the controller's name of the laser, and the name of the
            target stands for the serial number.

    Raises:
        ConfigError: no name of a laser, or a link of another kind.
    """

    SETTINGS: ClassVar[tuple[Setting, ...]] = (FREQUENCY,)
    MODELS: ClassVar[tuple[str, ...]] = ("wavemeter controller",)
    ON_BUS: ClassVar[bool] = True
    # Three exposures of a second each until a reading is new, and others are waiting too.
    ANSWER_SECONDS: ClassVar[float] = 10.0
    ACTIONS: ClassVar[tuple[str, ...]] = ("lock", "unlock")
    PARKING: ClassVar[str] = "locks stay as they are; the controller ends them in time"

    @staticmethod
    def link_to(resource: str, line: LineSettings | None) -> Link:
        """Make a link to a controller, not opened: `sipyco://host:port/target`."""
        return rpc_link(resource)

    def __init__(self, name: str, link: Link, **options: Unpack[DeviceOptions]) -> None:
        address = options.get("address")
        if address is None:
            raise ConfigError((f"{name}: give the controller's name of the laser as address.",))
        if not isinstance(link, RpcLink):
            raise ConfigError((f"{name}: {link.resource} is no RPC server; give sipyco://host:port/target.",))
        super().__init__(name, link, **options)
        self._laser = address
        self._server = link

    def lock(self, set_point: float, timeout: float = LOCK_SECONDS) -> None:
        """Have the controller hold the laser at a frequency.

        Args:
            set_point: Hz, as the controller counts it: from the laser's reference frequency.
            timeout: s, after which the lock ends unless it is asked for again.

        Raises:
            NotReady: the wavemeter does not see the laser.
            Refused: the controller said no; somebody else holds it, perhaps.
        """
        if not math.isfinite(set_point) or not 0.0 < timeout < math.inf:
            raise NotReady(
                device=self.name,
                address=self.address,
                action=f"lock at {set_point} Hz for {timeout} s",
                reason="these are no finite numbers",
                advice="Give a frequency in Hz and a positive time in s.",
            )
        with self._transaction():
            self._require_ready(FREQUENCY)
            seen = self._read(FREQUENCY)
            if isinstance(seen, Judged):
                raise NotReady(
                    action=f"lock {self._laser}",
                    reason=seen.note,
                    advice="Bring its light to the wavemeter first.",
                )
            self._call("lock", self._laser, float(set_point), self.name, timeout=float(timeout))

    def unlock(self) -> None:
        """Have the controller let go of the laser.

        Raises:
            Refused: the controller said no.
        """
        with self._transaction():
            self._call("unlock", self._laser, self.name)

    def _identify(self) -> Identity:
        try:
            methods = set(self._server.dialect.value(self._server.methods))
        except (BadPyon, TypeError):
            raise self._bad_reply("the methods", self._server.methods, "a set of names") from None
        missing = METHODS - methods
        model = f"controller without {', '.join(sorted(missing))}" if missing else self.MODELS[0]
        return Identity("HighFinesse", model, self._server.target, self._server.description)

    def _check(self) -> None:
        # A server that fails to describe itself is there all the same.
        self._ask("get_rpc_method_list", {"action": "get_rpc_method_list"})

    def _read(self, setting: Setting) -> Value | Judged:
        returned = self._call("get_freq", self._laser)
        if not isinstance(returned, list | tuple) or len(returned) < 2:
            raise self._bad_reply("get_freq", repr(returned).encode(), "a state and a frequency")
        state, frequency = returned[:2]
        if state in STATES:
            return Judged(math.nan, Quality.BAD, STATES[state])
        # A controller that counts in terahertz would look like a good one.
        if (
            state != OKAY
            or type(frequency) not in {float, int}
            or not setting.low <= frequency <= setting.high
        ):
            raise self._bad_reply("get_freq", repr(returned).encode(), "a known state and a frequency in Hz")
        return float(frequency)

    def _write(self, setting: Setting, value: Value) -> None:
        raise NotReady(
            action=f"set {setting.name}", reason="it is a measurement", advice="Use lock(set_point)."
        )

    def _call(self, name: str, *arguments: Any, **named: Any) -> Any:
        """Call a method of the controller and return what it returns."""
        request = {"action": "call", "name": name, "args": arguments, "kwargs": named}
        match self._ask(name, request):
            case {"status": "ok", "ret": returned}:
                return returned
            case {"exception": {"class": str(kind), "message": str(message)}}:
                spelled = ", ".join(
                    [*map(repr, arguments), *(f"{key}={each!r}" for key, each in named.items())]
                )
                raise Refused(command=f"{name}({spelled})", code=FAILED, text=f"{kind}: {message}")
            case other:
                raise self._bad_reply(name, repr(other).encode(), "a return or an exception")

    def _ask(self, name: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send a request and return the reply, a return or a failure."""
        line = self._link.exchange(self._server.dialect.line(request), b"\n", self.ANSWER_SECONDS)
        try:
            reply = self._server.dialect.value(line)
        except BadPyon:
            raise self._bad_reply(name, line, "PYON") from None
        if not isinstance(reply, dict) or reply.get("status") not in {"ok", "failed"}:
            raise self._bad_reply(name, line, "the reply of an RPC server")
        return reply

    def _bad_reply(self, name: str, reply: bytes, expected: str) -> BadReply:
        return BadReply(tried=f"call {name}", reply=reply, expected=expected)
