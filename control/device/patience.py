"""Devices that wait: for a ramp to arrive, a lock to close, a recording to end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Unpack

from control.device.device import Device
from control.device.options import DeviceOptions
from control.transport import Link


class PatientOptions(DeviceOptions, total=False):
    """The named arguments of `PatientDevice`."""

    clock: Callable[[], float]
    sleep: Callable[[float], None]


class PatientDevice(Device):
    """A device whose instrument needs time for what it is told.

    Args:
        name: as for `Device`.
        link: as for `Device`.
        clock: monotonic time in seconds.
        sleep: waits for some seconds.
        options: as for `Device`.
    """

    def __init__(
        self,
        name: str,
        link: Link,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        **options: Unpack[DeviceOptions],
    ) -> None:
        super().__init__(name, link, **options)
        self._clock = clock
        self._sleep = sleep

    def _patiently(self, seconds: float, *, pause: float) -> Iterator[None]:
        """Yield whenever it is time for another look: at once, and after each pause.

        Args:
            seconds: how long to go on; the last look is not before that.
            pause: between two looks, s.
        """
        end = self._clock() + seconds
        yield
        while self._clock() < end:
            self._sleep(pause)
            yield
