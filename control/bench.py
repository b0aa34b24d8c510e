"""The instruments of a run: connected, homed, set before it and between its points."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from types import MappingProxyType, TracebackType
from typing import Final, Self

from control.device import Device
from control.device.settings import Value
from control.drivers import connect, driver_class
from control.errors import LinkDown, NotReady, UnknownName
from control.lab import STREAM
from control.setup import Instrument
from control.transport import CONTROLLER

LOOK_SECONDS: Final = 2.0
"""Between two looks at the instruments of a run: a point that takes milliseconds must not wait for that."""

NOWHERE: Final[Mapping[str, str]] = MappingProxyType({})
"""No simulated instruments: all are where the setup says."""


class Bench:
    """The instruments of a setup, connected when they are first needed, and what each was set to last.

    Args:
        instruments: of the setup.
        resources: resource of the setup -> address to connect to instead (`Lab.resources`).

    Attributes:
        devices: those that are connected, by name; the bench closes them.
    """

    def __init__(
        self, instruments: Iterable[Instrument] = (), resources: Mapping[str, str] = NOWHERE
    ) -> None:
        self.devices: dict[str, Device] = {}
        self._instruments = {instrument.name: instrument for instrument in instruments}
        self._resources = resources
        self._last: dict[tuple[str, str], Value] = {}
        self._openings: dict[str, int] = {}  # at which each was met when last looked at
        self._looked = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def recorded(self) -> tuple[str, ...]:
        """Names of the instruments whose readings every run keeps."""
        return tuple(name for name, instrument in self._instruments.items() if instrument.record)

    @property
    def names(self) -> tuple[str, ...]:
        """Of all instruments, in the order of the setup."""
        return tuple(self._instruments)

    def device(self, name: str) -> Device:
        """Return an instrument, connecting it if that is due; nothing is set.

        Raises:
            UnknownName: the setup has no such instrument.
            DeviceError: it does not answer, or is another one.
        """
        if name not in self._instruments:
            raise UnknownName(kind="instrument", name=name, known=self.names)
        if name not in self.devices:
            instrument = self._instruments[name]
            resource, stream = whereabouts(instrument, self._resources)
            self.devices[name] = connect(
                name,
                instrument.driver,
                resource,
                stream=stream,
                address=instrument.address,
                serial_number=instrument.serial_number,
                limits=instrument.limits,
            )
            self._openings[name] = self.devices[name].opening
        return self.devices[name]

    def prepare(self) -> None:
        """Home the instruments that do not know where they stand, and apply the settings of the setup.

        Raises:
            DeviceError: an instrument does not answer, is another one, or refuses.
        """
        for name, instrument in self._instruments.items():
            acts_when_homed = instrument.role and "home" in driver_class(instrument.driver).ACTIONS
            if instrument.settings or acts_when_homed:
                device = self.device(name)
                if "home" in device.ACTIONS and device.trouble:
                    device.perform("home")
                self.set({name: instrument.settings})

    def set(self, wanted: Mapping[str, Mapping[str, Value]]) -> None:
        """Set what differs from what was set last.

        Args:
            wanted: instrument -> setting -> value, in the unit of the setting.

        Raises:
            UnknownName: no such instrument or setting.
            DeviceError: the instrument does not answer, or will not.
        """
        for name, settings in wanted.items():
            device = self.device(name)
            for setting, value in settings.items():
                if self._last.get((name, setting)) != value:
                    device.set(setting, value)
                    self._last[name, setting] = value

    def look_after(self, pause: float | None = None) -> None:
        """Make sure that every connected instrument is as it was set, unless that was done just now.

        Args:
            pause: since the last look before there is another, s of the wall's time; 0 to look in any case,
                None for `LOOK_SECONDS`.

        Raises:
            NotReady: one is gone, was without power, lost something else that only somebody can put right,
                or was changed by somebody else, at its front panel for instance.
            DeviceError: one answers late, or nonsense.
        """
        now = time.monotonic()
        if now - self._looked < (LOOK_SECONDS if pause is None else pause):
            return
        self._looked = now
        for name, device in self.devices.items():
            change = _change_of(device)
            if change or device.opening != self._openings[name]:
                # Whatever comes next is set, even if it was set so before.
                self._openings[name] = device.opening
                self._last = {each: value for each, value in self._last.items() if each[0] != name}
            if change:
                raise NotReady(
                    device=device.name,
                    address=device.address,
                    action="go on measuring",
                    reason=change,
                    advice="See to it, then start again.",
                )

    def close(self) -> None:
        """Give all links back; the instruments stay as they are."""
        with ExitStack() as stack:
            for device in self.devices.values():
                stack.callback(device.close)


def _reach(device: Device) -> None:
    """Ask an instrument something harmless; a link that was cut is made anew, which tells what was lost."""
    try:
        device.check()
    except LinkDown:
        device.check()


def _change_of(device: Device) -> str:
    """Return what is not as it was set, in a few words; empty if all is well."""
    try:
        _reach(device)
    except LinkDown as error:
        return f"it does not answer any more ({error.reason})"
    drifts = () if device.trouble else device.drifts()
    if device.trouble or not drifts:
        return device.trouble
    return f"somebody else has changed it: {', '.join(map(str, drifts))}"


def open_bench(instruments: Iterable[Instrument], resources: Mapping[str, str]) -> Bench:
    """Prepare the instruments of a setup for a run; those that nobody has to set are left alone.

    Args:
        instruments: of the setup.
        resources: resource of the setup -> address to connect to instead (`Lab.resources`).

    Raises:
        DeviceError: an instrument does not answer, is another one, or refuses; those connected are closed.
    """
    bench = Bench(instruments, resources)
    try:
        bench.prepare()
    except BaseException:
        bench.close()
        raise
    return bench


def whereabouts(instrument: Instrument, resources: Mapping[str, str]) -> tuple[str, str | None]:
    """Return where an instrument is, and where its second line is if it has one.

    Args:
        instrument: of the setup.
        resources: resource of the setup -> address to connect to instead.
    """
    if instrument.controller is not None:
        return CONTROLLER + instrument.controller, None
    stream = instrument.stream
    if stream is None and driver_class(instrument.driver).STREAM:
        stream = resources.get(instrument.resource + STREAM)
    return resources.get(instrument.resource, instrument.resource), stream


def lines(instruments: Iterable[Instrument]) -> tuple[tuple[str, ...], ...]:
    """Return the names of the instruments, those on one line together: a line has one owner.

    Example:
        >>> from control.setup import read_setup
        >>> lines(read_setup("innsbruck").instruments)[:2]
        (('trap_rf',), ('half_wave_plate', 'quarter_wave_plate'))
    """
    found: dict[str, tuple[str, ...]] = {}
    for each in instruments:
        place = each.resource if driver_class(each.driver).ON_BUS else each.name
        found[place] = (*found.get(place, ()), each.name)
    return tuple(found.values())
