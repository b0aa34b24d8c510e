"""A link to one target of an RPC server in sipyco's protocol: `sipyco://host:port/target`.

After a handshake the protocol is one line of text for each call and one for each return, on a connection that
serves nothing else. That is what a link is; so a device can be behind such a server and keep all that devices
have. Calls are made of lines and lines of calls by whoever uses the link.

Source:
    sipyco 1.4, `sipyco.pc_rpc`: banner, greeting, choice of target and features, names of the methods.
"""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from control.errors import ConfigError
from control.rpc.dialects import V2, Dialect
from control.rpc.errors import BadPyon
from control.rpc.greeting import BANNER, Offer, choice, offer_in
from control.transport.link import Deadline
from control.transport.tcp import TcpLink


def rpc_link(resource: str) -> RpcLink:
    """Make the link that a resource string of this kind names; nothing is opened.

    Args:
        resource: as `sipyco://192.168.1.30:3251/control`.

    Raises:
        ConfigError: host, port or target are missing.

    Example:
        >>> rpc_link("sipyco://192.168.1.30:3251/control").target
        'control'
    """
    try:
        parts = urlsplit(resource)
        host, port, target = parts.hostname, parts.port, unquote(parts.path.removeprefix("/"))
    except ValueError:
        host, port, target = None, None, ""
    if not host or not port or not target or set(target) & set("/ \t"):
        raise ConfigError(
            (f"{resource!r} needs a host, a port and a target, as in sipyco://192.168.1.30:3251/control.",)
        )
    return RpcLink(resource, host, port, target)


class RpcLink(TcpLink):
    """A connection to one target; like any TCP connection it is resynchronised by connecting anew.

    Args:
        resource: the resource string, for messages.
        host: name or address of the server.
        port: its TCP port.
        target: name of the target.

    Attributes:
        target: name of the target.
        dialect: the version of PYON that both sides speak; known when the link is open.
        methods: the names of the target's methods, as the server wrote them; known when the link is open.
        description: what the server says of itself, empty if nothing.
    """

    def __init__(self, resource: str, host: str, port: int, target: str) -> None:
        super().__init__(resource, host, port)
        self.target = target
        self.dialect: Dialect = V2
        self.methods = b""
        self.description = ""

    def _connect(self, seconds: float) -> None:
        super()._connect(seconds)
        deadline = Deadline.after(seconds)
        self._write(BANNER + b"\n", deadline.left())
        offer = self._examine(self._read_line(deadline))
        self.dialect, self.description = offer.dialect, str(offer.description or "")
        self._write(choice(self.target, offer.dialect), deadline.left())
        self.methods = self._read_line(deadline)

    def _examine(self, greeting: bytes) -> Offer:
        """Return what a server offers, having seen that it has the target."""
        try:
            offer = offer_in(V2.value(greeting))
        except BadPyon:
            offer = None
        if offer is None:
            raise ConnectionError("whoever answers there is no RPC server")
        if self.target not in offer.targets:
            known = ", ".join(offer.targets) or "none"
            raise ConnectionError(f"the server has no target {self.target!r}, only {known}")
        return offer

    def _read_line(self, deadline: Deadline) -> bytes:
        """Return the next line; a server says nothing more before it is asked."""
        heard = b""
        while not heard.endswith(b"\n"):
            piece = self._read(deadline.left())
            if not piece:
                raise TimeoutError
            heard += piece
        return heard[:-1]
