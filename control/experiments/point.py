"""Points: what changes between one measurement of a run and the next.

Example:
    >>> from sequences.parameters import Parameter
    >>> wait = Parameter("wait", unit="s")
    >>> [point.parameters["wait"] for point in scan(wait, [1e-6, 2e-6])]
    [1e-06, 2e-06]
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sequences.parameters import Parameter


@dataclass(frozen=True, slots=True)
class Point:
    """One setting of everything that is scanned; the sequence is played there many times.

    Attributes:
        parameters: name of a sequence `Parameter` -> its value, in the parameter's base unit.
        instruments: instrument -> setting -> value in the setting's base unit, as the driver declares it.
        labels: words that tell the analysis what this point is.

    Example:
        >>> plates = {"half_wave_plate": {"angle": 0.0625}}
        >>> Point({"phase": 0.25}, plates, {"ion_basis": "Y"}).columns()
        {'phase': 0.25, 'half_wave_plate.angle': 0.0625, 'ion_basis': 'Y'}
    """

    parameters: Mapping[str, float] = field(default_factory=dict)
    instruments: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    def columns(self) -> dict[str, float | str]:
        """Return all values of the point under the names that they have in the run file."""
        settings = {
            f"{instrument}.{setting}": value
            for instrument, wanted in self.instruments.items()
            for setting, value in wanted.items()
        }
        return {**self.parameters, **settings, **self.labels}


def scan(parameter: Parameter, values: Iterable[float]) -> tuple[Point, ...]:
    """Return one point for each value of a parameter.

    Args:
        parameter: one that the sequence uses.
        values: in the parameter's base unit.
    """
    return tuple(Point({parameter.name: float(value)}) for value in values)
