"""A heartbeat: keeps one instrument's readings fresh, notices when it is gone, and brings it back.

An idle link says nothing about the instrument at its end: a pulled cable shows when something is asked, and
not before. So somebody asks every few seconds. When the instrument does not answer, it is tried again, first
soon and then less and less often, each time a little at random, so that twenty instruments behind one switch
that reboots do not all call at once.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from typing import Final

from control.device.device import Device, State
from control.device.happenings import Severity
from control.errors import ControlError

logger = logging.getLogger(__name__)

BEAT_SECONDS: Final = 2.0
"""Between two beats of an instrument that answers."""

FIRST_RETRY, LAST_RETRY = 0.2, 30.0
"""Seconds until the first try to reach it again, and the longest between two; each one doubles."""

JITTER: Final = 0.25
"""Share of such a time that is random, to both sides."""

COMPARE_EVERY: Final = 5
"""Beats between two looks at what somebody at the front panel may have changed."""


class Heartbeat:
    """Asks one instrument at intervals; use it in a `with` statement, or call `beat` yourself.

    Args:
        device: whom to ask; its lock keeps beats and commands apart.
        seconds: between two beats.
        chance: gives a number from 0 to 1, for the random part of waiting.
    """

    def __init__(
        self, device: Device, seconds: float = BEAT_SECONDS, chance: Callable[[], float] = random.random
    ) -> None:
        self._device = device
        self._seconds = seconds
        self._chance = chance
        self._failures = 0
        self._beats = 0
        self._resting = False
        self._beating = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"heartbeat of {device.name}", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Beat in a thread from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Stop beating, and wait until the last beat is over."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def beat(self) -> float:
        """Ask the instrument once: whether it is there, its key readings, and now and then what was changed.

        Returns:
            Seconds to wait until the next beat.
        """
        with self._beating:
            if self._resting and self._device.state is State.DOWN:
                return self._seconds
            self._resting = False
            try:
                self._ask()
            except ControlError as error:
                return self._wait_after(error)
            if self._failures:
                tries = "one try" if self._failures == 1 else f"{self._failures} tries"
                self._device.logbook.add(Severity.NOTE, f"it is back after {tries}")
                logger.warning("%s is back after %s", self._device.name, tries)
            self._failures = 0
            return self._seconds

    def rest(self) -> None:
        """Ask nothing until somebody else has taken the instrument's link again; waits for a beat to end."""
        with self._beating:
            self._resting = True

    def _ask(self) -> None:
        device = self._device
        device.check()
        for setting in device.SETTINGS:
            if setting.key:
                device.measure(setting.name)
        self._beats += 1
        if self._beats % COMPARE_EVERY == 0 and device.state is State.UP:
            device.drifts()

    def _wait_after(self, error: ControlError) -> float:
        if self._failures == 0:
            self._device.logbook.add(Severity.WARNING, f"it does not answer: {error}")
            logger.warning("%s", error)
        wait = min(FIRST_RETRY * 2.0 ** min(self._failures, 10), LAST_RETRY)
        self._failures += 1
        return wait * (1.0 + JITTER * (2.0 * self._chance() - 1.0))

    def _run(self) -> None:
        wait = 0.0
        while not self._stopping.wait(wait):
            try:
                wait = self.beat()
            except Exception:  # a mistake in a driver must not end what brings instruments back
                logger.exception("the heartbeat of %s stumbled", self._device.name)
                wait = LAST_RETRY
