from __future__ import annotations

import pytest

from hardware_sim.physics.errors import (
    ConfinementError,
    IonCountError,
    PhysicsError,
    StabilityError,
    SublevelError,
    ZigzagError,
)

MESSAGES = [
    (IonCountError(0), "a string of 0 ions cannot exist: give a number of ions of at least 1"),
    (
        SublevelError("P1/2", 1.5, 0.5),
        "P1/2 has no sublevel m = 1.5: m goes from -0.5 to 0.5 in steps of 1; choose one of these",
    ),
    (
        ConfinementError("axial", "the mean endcap voltage", -3.0, 0.0, "V"),
        "no axial confinement: the mean endcap voltage is -3 V but must be above 0 V; raise it",
    ),
    (
        StabilityError(1.0, 0.908, 3000.0),
        "the ion is unstable: a radio-frequency amplitude of 3000.0 V gives q = 1.000, "
        "the limit is 0.908; stay below 2724.0 V",
    ),
    (
        ZigzagError(10, 0.6e6, 0.5222e6, 2.4e6),
        "a string of 10 ions buckles at an axial frequency of 0.6000 MHz: with a radial frequency of "
        "2.4000 MHz it is linear only below 0.5222 MHz; lower the endcap voltage or raise the radial "
        "confinement",
    ),
]


@pytest.mark.parametrize(("error", "text"), MESSAGES, ids=lambda value: type(value).__name__)
def test_message(error: PhysicsError, text: str) -> None:
    assert str(error) == text
    assert isinstance(error, ValueError)


def test_facts_are_fields() -> None:
    error = ZigzagError(10, 0.6e6, 0.5222e6, 2.4e6)
    assert (error.ions, error.axial_frequency, error.limit) == (10, 0.6e6, 0.5222e6)
