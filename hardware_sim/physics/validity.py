"""Where a model is used outside of the range in which it is known to be good: told, not refused."""

from __future__ import annotations

from dataclasses import dataclass

from sequences.units import show


@dataclass(frozen=True, slots=True)
class Doubt:
    """A result of a model that is less certain than the model usually is.

    Attributes:
        model: its name, as the room's README has it.
        quantity: what is out of range, in words.
        value: that it has.
        limit: up to which, or down to which, the model was validated.
        unit: of both; empty for a pure number.
        reference: what solves the same problem without the approximation.

    Example:
        >>> print(Doubt("reduced Raman emission", "excited population", 0.03, 0.02, "", "reference.emit"))
        model 'reduced Raman emission' is outside its validated range: excited population is 0.03, validated
        to 0.02; reference.emit solves the same without this approximation
    """

    model: str
    quantity: str
    value: float
    limit: float
    unit: str
    reference: str

    @property
    def subject(self) -> tuple[str, str]:
        """What the doubt is about: one such is told once a run."""
        return self.model, self.quantity

    def __str__(self) -> str:
        value, limit = (show(number, self.unit, 3) for number in (self.value, self.limit))
        return (
            f"model {self.model!r} is outside its validated range: {self.quantity} is {value}, "
            f"validated to {limit}; {self.reference} solves the same without this approximation"
        )
