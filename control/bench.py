"""The instruments of a run: connected, homed, set before it and between its points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from control.device import Device
from control.drivers import connect
from control.errors import UnknownName
from control.settings import Value
from control.setup import Instrument


@runtime_checkable
class Homing(Protocol):
    """An instrument that does not know where it stands before it has searched its home position."""

    def home(self) -> float:
        """Search the home position."""


class Bench:
    """Connected instruments, and what each was set to last.

    Attributes:
        devices: by name; the bench closes them.
    """

    def __init__(self) -> None:
        self.devices: dict[str, Device] = {}
        self._last: dict[tuple[str, str], Value] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, instrument: Instrument, resource: str) -> None:
        """Connect an instrument, home it if it needs that, and apply the settings of the setup.

        Args:
            instrument: of the setup.
            resource: where to find it.

        Raises:
            DeviceError: it does not answer, is another one, or refuses.
        """
        device = self.devices[instrument.name] = connect(
            instrument.name,
            instrument.driver,
            resource,
            address=instrument.address,
            serial_number=instrument.serial_number,
            limits=instrument.limits,
        )
        if isinstance(device, Homing):
            device.home()
        self.set({instrument.name: instrument.settings})

    def set(self, wanted: Mapping[str, Mapping[str, Value]]) -> None:
        """Set what differs from what was set last.

        Args:
            wanted: instrument -> setting -> value, in the unit of the setting.

        Raises:
            UnknownName: no such instrument or setting.
            DeviceError: the instrument does not answer, or will not.
        """
        for name, settings in wanted.items():
            if name not in self.devices:
                raise UnknownName(kind="instrument", name=name, known=tuple(self.devices))
            for setting, value in settings.items():
                if self._last.get((name, setting)) != value:
                    self.devices[name].set(setting, value)
                    self._last[name, setting] = value

    def close(self) -> None:
        """Give all links back; the instruments stay as they are."""
        with ExitStack() as stack:
            for device in self.devices.values():
                stack.callback(device.close)


def open_bench(instruments: Iterable[Instrument], resources: Mapping[str, str]) -> Bench:
    """Connect all instruments of a setup, in its order.

    Args:
        instruments: of the setup.
        resources: resource of the setup -> address to connect to instead (`Lab.resources`).

    Raises:
        DeviceError: an instrument does not answer, is another one, or refuses; those connected are closed.
    """
    bench = Bench()
    try:
        for instrument in instruments:
            bench.add(instrument, resources.get(instrument.resource, instrument.resource))
    except BaseException:
        bench.close()
        raise
    return bench
