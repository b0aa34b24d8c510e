"""Devices of a family of models, of which some lack channels that others have.

A driver declares the settings of the largest model. What an instrument turns out to lack has no valid
reading, and cannot be set.
"""

from __future__ import annotations

import math
from abc import abstractmethod

from control.device.device import Device
from control.device.readings import Judged, Quality
from control.device.settings import Setting
from control.errors import NotReady


class VariedDevice(Device):
    """A device that may lack some of its settings; the arguments are those of `Device`."""

    @abstractmethod
    def _absence(self, setting: Setting) -> str:
        """Return why this very instrument does not have a setting; empty if it has it."""

    def _read_surely(self, setting: Setting) -> Judged:
        absence = self._absence(setting)
        return Judged(math.nan, Quality.BAD, absence) if absence else super()._read_surely(setting)

    def _require_ready(self, setting: Setting) -> None:
        self._require_presence(setting)
        super()._require_ready(setting)

    def _require_presence(self, setting: Setting) -> None:
        if absence := self._absence(setting):
            raise NotReady(action=f"set {setting.name}", reason=absence, advice="Use one that it has.")
