"""What the constructor of every device takes by name, for drivers that hand it on to `Device`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from control.transport import Link


class DeviceOptions(TypedDict, total=False):
    """The named arguments of `control.device.Device`, which says what they mean."""

    address: str | None
    serial_number: str | None
    limits: Mapping[str, tuple[float, float]] | None
    stream: Link | None
