"""From a resource string to a link.

==============================================  =============================================
`tcp://host:port`                               plain TCP
`/dev/ttyUSB0`, `/dev/pts/3`, `COM3`            serial line
`socket://host:port`, `rfc2217://host:port`     serial line over the network
`ASRL/dev/ttyUSB0::INSTR`                       serial line (through pyserial, not VISA)
`TCPIP::host::5025::SOCKET`                     raw socket through VISA
`TCPIP::...::INSTR`, `USB...`, `GPIB...`        VISA
`zmq://host:port`                               ZeroMQ, a request socket
==============================================  =============================================
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from control.errors import ConfigError, LinkError
from control.transport.link import OPEN_SECONDS, Link
from control.transport.serial_line import LineSettings, SerialLink
from control.transport.tcp import TcpLink
from control.transport.visa import VisaLink, VisaSocketLink
from control.transport.zmq_link import ZmqLink

CONTROLLER: Final = "controller://"
"""What a resource starts with behind which a network controller is: it owns the link, here there is none."""

FORMS = (
    "tcp://host:port, /dev/ttyUSB0, COM3, socket://host:port, rfc2217://host:port, "
    "TCPIP::host::port::SOCKET, TCPIP::host::inst0::INSTR, USB0::0x1313::0x8078::serial::INSTR, zmq://host:port"
)

_SERIAL = re.compile(r"/.+|COM\d+")  # a link to a device file may lie anywhere
_VISA = re.compile(r"(?:TCPIP|USB|GPIB|PXI|VXI)\d*::.+::(?:INSTR|SOCKET|RAW)", re.IGNORECASE)
_VISA_SERIAL = re.compile(r"ASRL(.+?)(?:::INSTR)?", re.IGNORECASE)

# The one table that a process has to keep: a port of the machine can be opened once, whoever asks.
_LINKS: WeakValueDictionary[str, Link] = WeakValueDictionary()
_GUARD = threading.Lock()


def make_link(resource: str, line: LineSettings | None = None) -> Link:
    """Make the kind of link that a resource string names; nothing is opened.

    Args:
        resource: where the instrument is, in one of the forms above.
        line: line settings, used by serial lines only.

    Raises:
        ConfigError: a resource string of no known form.

    Example:
        >>> type(make_link("TCPIP::192.168.1.20::5025::SOCKET")).__name__
        'VisaSocketLink'
        >>> type(make_link("/dev/ttyUSB0")).__name__
        'SerialLink'
    """
    if match := _VISA_SERIAL.fullmatch(resource):
        return make_link(match[1] if not match[1].isdigit() else f"COM{match[1]}", line)
    if _VISA.fullmatch(resource):
        return VisaSocketLink(resource) if resource.upper().endswith("::SOCKET") else VisaLink(resource)
    scheme = resource.partition("://")[0]
    if scheme in {"socket", "rfc2217"}:
        _peer_in(resource)
    if scheme in {"socket", "rfc2217"} or _SERIAL.fullmatch(resource):
        return SerialLink(resource, line or LineSettings())
    if scheme == "tcp":
        return TcpLink(resource, *_peer_in(resource))
    if scheme == "zmq":
        return ZmqLink(resource, *_peer_in(resource))
    raise ConfigError((f"{resource!r} is not a resource that ionloom knows. Known forms: {FORMS}.",))


def _peer_in(resource: str) -> tuple[str, int]:
    """Return host and port of a URL; only pyserial's may say more than that, as options."""
    try:
        parts = urlsplit(resource)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
        parts = urlsplit("")
    options = bool(parts.query) and parts.scheme in {"tcp", "zmq"}
    if not host or not port or parts.path or options:
        example = f"{resource.partition('://')[0]}://192.168.1.20:5025"
        raise ConfigError(
            (f"{resource!r} needs a host and a port from 1 to 65535 and nothing else, as in {example}.",)
        )
    return host, port


def open_link(
    resource: str,
    user: str,
    *,
    shared: bool = False,
    line: LineSettings | None = None,
    seconds: float = OPEN_SECONDS,
    make: Callable[[str, LineSettings | None], Link] = make_link,
) -> Link:
    """Open the link to a resource, or join the one that the process already has.

    Args:
        resource: where the instrument is, in one of the forms above.
        user: name of the device that will own the link; it gives it back with `Link.release`.
        shared: whether the instruments on this resource have bus addresses, so that several devices use it.
        line: line settings, used by serial lines only.
        seconds: how long to try.
        make: makes the link, for resources that only some instruments have.

    Raises:
        ConfigError: a resource string of no known form, or one that another device of this process owns.
        LinkDown: nobody there.
        LinkTimeout: no sign of life in time.
    """
    with _GUARD:
        link = _LINKS.get(resource)
        if link is None or not link.users:
            link = _LINKS[resource] = make(resource, line)
            link.shared = shared
        elif user in link.users or not (shared and link.shared):
            owners = ", ".join(sorted(link.users))
            raise ConfigError(
                (f"{user} cannot use {resource}: it belongs to {owners}. Give each device its own.",)
            )
        link.users.add(user)
    try:
        with link.lock:
            if not link.is_open:
                link.open(seconds)
    except BaseException as error:
        link.release(user)
        if isinstance(error, LinkError):
            error.device = user
        raise
    return link
