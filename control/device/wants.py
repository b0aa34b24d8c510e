"""What an instrument was asked to be: the memory that a power cycle or a lost command is held against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from control.device.settings import Value
from sequences.units import show


@dataclass(frozen=True, slots=True)
class Drift:
    """A setting that is not what it was set to, because somebody else has changed it.

    Attributes:
        setting: name of the setting.
        wanted: what it was set to.
        actual: what it is now.
        unit: of both.
    """

    setting: str
    wanted: Value
    actual: Value
    unit: str

    def __str__(self) -> str:
        return f"{self.setting} is {_spell(self.actual, self.unit)}, not {_spell(self.wanted, self.unit)}"


class Wants:
    """The values that were asked for, and which of them are in doubt or lost."""

    def __init__(self) -> None:
        self._values: dict[str, Value] = {}
        self._before: dict[str, Value | None] = {}
        self._lost: set[str] = set()

    @property
    def values(self) -> Mapping[str, Value]:
        """Setting -> the value that was asked for last, as it is now."""
        return MappingProxyType(dict(self._values))

    @property
    def doubtful(self) -> Mapping[str, Value]:
        """Those whose last command may not have been heard."""
        return MappingProxyType({name: self._values[name] for name in self._before})

    def begin(self, name: str, value: Value) -> None:
        """Take down that a value is being set; it is in doubt until `settle` or `revert`."""
        self._before.setdefault(name, self._values.get(name))
        self._values[name] = value

    def adopt(self, name: str, value: Value) -> None:
        """Want what the instrument is set to already."""
        self._values.setdefault(name, value)

    def settle(self, name: str) -> None:
        """The value was set: no doubt any more."""
        self._before.pop(name, None)
        self._lost.discard(name)

    def revert(self, name: str) -> None:
        """The value was refused, or never arrived: what was wanted before is still what is wanted."""
        before = self._before.pop(name, None)
        if before is None:
            self._values.pop(name, None)
        else:
            self._values[name] = before

    def before(self, name: str) -> Value | None:
        """Return what was wanted before the command that is in doubt; None for nothing."""
        return self._before.get(name)

    def lose(self, name: str) -> None:
        """The instrument has lost the value, and it may not be set again by itself."""
        self._before.pop(name, None)
        self._lost.add(name)

    def forget_lost(self) -> None:
        """Want nothing any more of what was lost: as the instrument is now, it may stay."""
        for name in self._lost:
            self._values.pop(name, None)
        self._lost.clear()


def _spell(value: Value, unit: str) -> str:
    return f"{value!r}" if isinstance(value, bool | str) else show(value, unit)
