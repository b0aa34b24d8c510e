"""A way to an instrument that is not its own: a protocol around its line, or a second line beside it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Generic, TypeVar

from hardware_sim.instruments.endpoint import Powered

Inner = TypeVar("Inner", bound=Powered)


class Port(Generic[Inner]):
    """An endpoint that has lock, power and boot time in common with the instrument behind it.

    Attributes:
        inner: The instrument.
    """

    def __init__(self, inner: Inner) -> None:
        """Belong to an instrument.

        Args:
            inner: The instrument.
        """
        self.inner = inner

    @property
    def lock(self) -> AbstractContextManager[bool]:
        """The instrument's own lock."""
        return self.inner.lock

    @property
    def boot_time(self) -> float:
        """Time from power-on of the instrument to its first answer in s."""
        return self.inner.boot_time

    def switch_off(self, now: float) -> None:
        """Cut the instrument's power at lab time ``now`` (s)."""
        self.inner.switch_off(now)

    def switch_on(self, now: float) -> None:
        """Finish the instrument's booting at lab time ``now`` (s)."""
        self.inner.switch_on(now)
