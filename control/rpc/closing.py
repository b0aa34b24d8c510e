"""What has an end: servers, clients and listeners are closed by name, or by leaving a `with` statement."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

from control.rpc.listener import Listener


class Closing(ABC):
    """Something that lasts until `close`."""

    @abstractmethod
    def close(self) -> None:
        """End it; closing twice does no harm."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Serving(Closing):
    """Something that listens on a port; it starts its listener when what a conversation needs is there."""

    _listener: Listener

    @property
    def port(self) -> int:
        """TCP port."""
        return self._listener.port

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where it listens, as host:port."""
        return self._listener.addresses

    def close(self) -> None:
        """Stop; port, connections and thread are gone when this returns. Closing twice does no harm."""
        self._listener.close()
