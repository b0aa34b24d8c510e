"""Objects that are used from other programs, over the wire protocols of sipyco, which ARTIQ's programs speak.

====================  ======================================================================================
`Server`, `Client`    call the methods of an object in another program: an instrument, a scheduler
`Notifier`            a tree of dicts and lists that tells about its changes
`Publisher`           serves such trees
`Subscriber`          keeps a copy of one in another program
`Broadcaster`         sends messages to whoever listens
`Receiver`            listens
====================  ======================================================================================

Records of logs travel by `control.rpc.logging_forward`; TLS for any of these is made by `control.rpc.tls`.

**Calls.** A driver becomes a controller by being served; its public methods can be called:

    >>> class Supply:
    ...     def __init__(self) -> None:
    ...         self.volts = 0.0
    ...     def set_voltage(self, volts: float) -> None:
    ...         if volts > 5.0:
    ...             raise ValueError("more than 5 V")
    ...         self.volts = volts
    ...     def voltage(self) -> float:
    ...         return self.volts
    >>> server = Server({"supply": Supply()})
    >>> supply = Client("127.0.0.1", server.port)
    >>> supply.set_voltage(3.3)
    >>> supply.voltage()
    3.3

What the method raises is raised here, with its traceback there as a note; what is wrong on the way is a
`DeviceError`, never a silent None:

    >>> supply.set_voltage(7.0)
    Traceback (most recent call last):
    ValueError: more than 5 V
    At supply (127.0.0.1:...), in set_voltage:
      File ..., in set_voltage
        raise ValueError("more than 5 V")
    >>> server.close()
    >>> supply.voltage()
    Traceback (most recent call last):
    control.rpc.errors.ControllerDown: supply (127.0.0.1:...): no connection: ...
    >>> supply.close()

**Who may call.** Servers listen on this machine alone unless told otherwise. Public methods are callable, or
those that ``rpc_methods`` of the object names, and nothing else. What comes over the wire is parsed, never
evaluated. Beyond this machine use TLS with certificates: the protocol itself knows no passwords.

**What travels.** None, bool, numbers, str, bytes, list, tuple, set, dict with any keys, slice, Fraction,
numpy arrays and scalars (`control.rpc.pyon`). The old version of the text, of ARTIQ up to 8, is spoken with
whoever knows no other: calls find that out by themselves, publishers and broadcasters are told
(``dialect=V1``).
"""

from control.rpc.broadcast import Broadcaster, Receiver
from control.rpc.client import AUTO, Client
from control.rpc.dialects import V1, V2, Dialect
from control.rpc.notifier import Notifier
from control.rpc.server import Server
from control.rpc.sync_struct import Publisher, Subscriber

__all__ = [
    "AUTO",
    "V1",
    "V2",
    "Broadcaster",
    "Client",
    "Dialect",
    "Notifier",
    "Publisher",
    "Receiver",
    "Server",
    "Subscriber",
]
