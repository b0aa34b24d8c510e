"""What all simulated instruments have: a lock, a power switch, complaints, a front panel and faults."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from typing import ClassVar

from hardware_sim.instruments.endpoint import Session
from hardware_sim.instruments.errors import InstrumentSetupError


class Instrument(ABC):
    """One simulated instrument; an `Endpoint` once its class says where it is reached.

    Attributes:
        KNOBS: What a human can change at its front panel, or with the maker's program.
        FAULTS: What can befall it, besides the faults of its line.
        REFUSAL: What it raises at a value that it does not take.
        lock: Held by transports during each call.
        boot_time: Time from power-on to the first answer in s.
        powered: Whether it is switched on and has booted.
        complaints: The last 1000 things that clients did wrong, for tests that allow none.
    """

    KNOBS: ClassVar[tuple[str, ...]] = ()
    FAULTS: ClassVar[tuple[str, ...]] = ()
    REFUSAL: ClassVar[type[Exception]] = ValueError

    def __init__(self, boot_time: float) -> None:
        """Switch the instrument on.

        Args:
            boot_time: Time from power-on to the first answer in s.
        """
        self.lock = threading.RLock()
        self.boot_time = boot_time
        self.powered = True
        self.complaints: deque[str] = deque(maxlen=1000)

    @abstractmethod
    def connect(self) -> Session:
        """Accept a client; all clients share the instrument's state."""

    def switch_off(self, now: float) -> None:
        """Cut the power at lab time ``now`` (s)."""
        self.powered = False

    def switch_on(self, now: float) -> None:
        """Finish booting at lab time ``now`` (s)."""
        self.powered = True

    def front_panel(self, knob: str, value: float | bool | str, now: float) -> None:
        """Let a human turn a knob, press a key or move a switch, within the instrument's own limits.

        Args:
            knob: One of `KNOBS`, where the meaning and the unit of its values stand.
            value: What it is set to.
            now: Lab time in s.

        Raises:
            InstrumentSetupError: If there is no such knob, or it cannot be set so.
        """
        if knob not in self.KNOBS:
            raise InstrumentSetupError.choice("knob", knob, self.KNOBS)
        with self.lock:
            try:
                self._turn(knob, value, now)
            except InstrumentSetupError:
                raise
            except (ValueError, OverflowError, self.REFUSAL) as error:
                raise InstrumentSetupError(knob, value, "what the instrument takes", str(error)) from None

    def provoke(self, fault: str, now: float) -> None:
        """Let something go wrong, or be mended.

        Args:
            fault: One of `FAULTS`, where it stands what they do.
            now: Lab time in s.

        Raises:
            InstrumentSetupError: If there is no such fault.
        """
        if fault not in self.FAULTS:
            raise InstrumentSetupError.choice("fault", fault, self.FAULTS)
        with self.lock:
            self._suffer(fault, now)

    def _turn(self, knob: str, value: float | bool | str, now: float) -> None:
        """Obey a hand at one of the `KNOBS`; an instrument that has some overrides this."""
        raise NotImplementedError(knob)

    def _suffer(self, fault: str, now: float) -> None:
        """Undergo one of the `FAULTS`; an instrument that has some overrides this."""
        raise NotImplementedError(fault)
