"""What can be wrong with a simulated instrument's own setup.

```
InstrumentSetupError    a value the simulated bench cannot work with
ServerClosedError       something was asked of a server after its close
PseudoTerminalError     this computer has no pseudo-terminals
```

Mistakes of a *client* are never Python errors here: the instrument answers them on the wire as the real one
does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


@dataclass(eq=False)
class InstrumentSetupError(ValueError):
    """A simulated instrument or its line was given a value it cannot work with.

    Attributes:
        subject: What was being set up, e.g. ``"LineFaults.lost"``.
        value: The value that was given.
        limit: What is allowed, with its unit.
        advice: What to do.
    """

    subject: str
    value: object
    limit: str
    advice: str

    @classmethod
    def choice(cls, subject: str, value: object, choices: Iterable[object]) -> Self:
        """Return the error for a value that is none of a few.

        Example:
            >>> print(InstrumentSetupError.choice("knob", "volume", ("voltage", "output")))
            knob = 'volume' is not possible: allowed is voltage, output; name one of these
        """
        return cls(subject, value, ", ".join(map(str, choices)) or "none", "name one of these")

    def __str__(self) -> str:
        return f"{self.subject} = {self.value!r} is not possible: allowed is {self.limit}; {self.advice}"


@dataclass(eq=False)
class ServerClosedError(RuntimeError):
    """A fault or a power cycle was asked of a server that is closed.

    Attributes:
        resource: Resource string that the server had.
    """

    resource: str

    def __str__(self) -> str:
        return f"the simulated instrument at {self.resource} is no longer served: serve it again first"


@dataclass(eq=False)
class PseudoTerminalError(OSError):
    """Pseudo-terminals were asked for on a system that has none.

    Attributes:
        system: Name of the operating system, as ``os.name`` gives it.
    """

    system: str

    def __str__(self) -> str:
        return (
            f"this system ({self.system}) has no pseudo-terminals: "
            "serve the instrument with serve_tcp and open its socket:// resource with pyserial"
        )
