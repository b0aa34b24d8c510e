"""What a controller lets be called of its instrument: plain arguments and answers that any RPC client has."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from control.device import Device
from control.device.settings import Value


class Service:
    """An instrument as an RPC target.

    Args:
        device: connected.
        rest: called before the link is let go, so that nobody takes it again of their own accord.

    Attributes:
        rpc_methods: what may be called: the methods below, and the actions of the driver by their own names.
        rpc_while_busy: what is answered during a call that takes long, as a ramp or a calibration.
    """

    def __init__(self, device: Device, rest: Callable[[], None] = lambda: None) -> None:
        self._device = device
        self._rest = rest
        # What `sipyco_rpctool list-methods` shows first.
        self.__doc__ = f"{device.name}: {inspect.getdoc(type(device))}".partition("\n")[0]
        own = [name for name in vars(type(self)) if not name.startswith("_")]
        for action in device.ACTIONS:
            setattr(self, action, getattr(device, action))
        self.rpc_methods = tuple(sorted({*own, *device.ACTIONS}))
        # Who does what he was asked is alive; ARTIQ's manager of controllers kills who does not answer.
        self.rpc_while_busy = {"ping": True}

    def ping(self) -> bool:
        """Return True if the instrument answers, or is busy with a call; else raise what is wrong with it."""
        return self._device.ping()

    def close(self) -> None:
        """Let go of the instrument's link; the next call takes it again. The instrument stays as it is."""
        self._rest()
        self._device.disconnect()

    def identify(self) -> tuple[str, str, str, str]:
        """Return maker, model, serial number and firmware, as the instrument says now."""
        found = self._device.identify()
        return found.maker, found.model, found.serial_number, found.firmware

    def state(self) -> str:
        """Return how far the instrument can be trusted: down, connecting, up, dirty or degraded."""
        return str(self._device.state)

    def check(self) -> str:
        """Ask the instrument something harmless; return what was lost, or an empty text."""
        self._device.check()
        return self._device.trouble

    def settings(self) -> dict[str, dict[str, Any]]:
        """Return what can be read and set: setting -> unit, meaning, limits, whether it can be set."""
        described = {}
        for setting in self._device.SETTINGS:
            bounds = self._device.range(setting.name)
            described[setting.name] = {
                "unit": setting.unit,
                "doc": setting.doc,
                "writable": setting.writable,
                "low": bounds.low,
                "high": bounds.high,
                "choices": list(setting.choices),
                "evidence": str(setting.evidence),
            }
        return described

    def get(self, name: str) -> Value:
        """Read a setting from the instrument, in its unit."""
        return self._device.read(name)

    def set(self, name: str, value: Value) -> Value:
        """Set a value in the setting's unit, and return what the instrument says that it is now."""
        return self._device.set(name, value)

    def judge(self, name: str) -> tuple[Value | None, str, str]:
        """Read a setting; return its value, the quality of the reading, and what is wrong with it."""
        reading = self._device.measure(name)
        return reading.value, str(reading.quality), reading.note

    def latest(self, name: str) -> dict[str, Any]:
        """Return the last reading of a setting without asking the instrument; an old one says that it is."""
        reading = self._device.latest(name)
        return {
            "value": reading.value,
            "unit": reading.unit,
            "time": reading.time,
            "quality": str(reading.quality),
            "note": reading.note,
        }

    def wanted(self) -> dict[str, Value]:
        """Return what the instrument was asked to be: setting -> value."""
        return dict(self._device.wanted)

    def drifts(self) -> list[str]:
        """Return what somebody else has changed, one sentence each."""
        return [str(drift) for drift in self._device.drifts()]

    def acknowledge(self, seen: str | None = None) -> None:
        """Accept that settings were lost, so that the instrument may be set again; as for `Device`."""
        self._device.acknowledge(seen)

    def park(self) -> str:
        """Bring the instrument into its safe state, and return what that is."""
        return self._device.park()

    def perform(self, action: str, arguments: list[Any], named: dict[str, Any]) -> Any:
        """Call an action of the driver."""
        return self._device.perform(action, *arguments, **named)

    def log(self) -> list[tuple[float, str, str]]:
        """Return what happened to the instrument: time (seconds since 1970), severity, sentence."""
        return [(entry.time, str(entry.severity), entry.text) for entry in self._device.logbook]
