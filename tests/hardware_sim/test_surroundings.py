"""The trap's drive as the ions feel it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from hardware_sim.surroundings import confinement


def test_the_nominal_drive_gives_the_nominal_confinement(innsbruck: Any) -> None:
    own = innsbruck.properties
    assert confinement(own, own.rf_frequency, own.rf_power) == (pytest.approx(2.40e6), None)


def test_the_radial_frequency_goes_with_the_amplitude(innsbruck: Any) -> None:
    own = innsbruck.properties
    radial, loss = confinement(own, own.rf_frequency, own.rf_power - 6.0)
    assert loss is None
    assert radial == pytest.approx(2.40e6 * 10 ** (-6 / 20))


def test_the_resonator_passes_a_lorentzian(innsbruck: Any) -> None:
    own = innsbruck.properties
    radial, _ = confinement(own, own.rf_frequency + own.rf_linewidth / 2, own.rf_power)
    assert radial == pytest.approx(2.40e6 / math.sqrt(2))
    assert confinement(own, own.rf_frequency - own.rf_linewidth / 2, own.rf_power)[0] == pytest.approx(radial)


def test_no_drive_holds_nothing(innsbruck: Any) -> None:
    own = innsbruck.properties
    assert confinement(own, own.rf_frequency, -math.inf) == (0.0, "the trap RF is off")


def test_too_much_drive_makes_ions_unstable(innsbruck: Any) -> None:
    radial, loss = confinement(innsbruck.properties, innsbruck.properties.rf_frequency, 12.0)
    assert radial == 0.0
    assert loss is not None
    assert loss.startswith(
        "the trap RF does not hold ions: the ion is unstable: a radio-frequency amplitude of"
    )
