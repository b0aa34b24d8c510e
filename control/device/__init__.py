"""What all instruments have in common: settings and limits, readings, memory, and a state that does not lie.

| module | what |
|---|---|
| `device` | what users see of an instrument: read, set, park |
| `acquaintance` | how it is met again whenever the link was away |
| `settings`, `readings` | what can be set and read, with limits; what was read, with time and quality |
| `wants` | what it was asked to be |
| `happenings` | what happened to it |
| `heartbeat` | asks it now and then, and brings it back |
| `patience`, `variants`, `options` | drivers that wait, drivers of boxes with fewer channels, arguments |
"""

from control.device.device import Device
from control.device.identity import Identity, State

__all__ = ["Device", "Identity", "State"]
