from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from hardware_sim.constants import CALCIUM_MASS, HBAR
from hardware_sim.physics.cooling import (
    Cooling,
    scattering_rate,
)

WIDTH = 22.4e6
RED = Cooling(detuning=-WIDTH / 2, saturation=0.5, cosine=math.sqrt(0.5), linewidth=WIDTH)
BLUE = dataclasses.replace(RED, detuning=+WIDTH / 2)
MODES = np.array([0.3e6, 0.9e6, 2.4e6])


class TestScattering:
    def test_strong_light_keeps_the_ion_half_excited(self) -> None:
        assert scattering_rate(1e9, 0.0, WIDTH) == pytest.approx(math.pi * WIDTH, rel=1e-6)

    def test_half_maximum_lies_half_a_linewidth_off_for_weak_light(self) -> None:
        ratio = scattering_rate(1e-6, WIDTH / 2, WIDTH) / scattering_rate(1e-6, 0.0, WIDTH)
        assert ratio == pytest.approx(0.5, rel=1e-5)

    def test_saturation_one_on_resonance_gives_half_the_maximum(self) -> None:
        assert scattering_rate(1.0, 0.0, WIDTH) == pytest.approx(math.pi * WIDTH / 2)


class TestDamping:
    @pytest.mark.parametrize("cooling", [RED, BLUE, dataclasses.replace(RED, saturation=3.0, cosine=1.0)])
    def test_agrees_with_the_work_of_the_light_on_a_swinging_ion(self, cooling: Cooling) -> None:
        """Mean of force times velocity over a swing, from the Doppler-shifted scattering rate itself."""
        phase = 2 * math.pi * (np.arange(64) + 0.5) / 64
        speed = 1e-3 * np.cos(phase)
        momentum = 2 * math.pi * HBAR / cooling.wavelength * cooling.cosine
        work = 0.0
        for v in speed:
            shifted = cooling.detuning - v * cooling.cosine / cooling.wavelength
            work += momentum * scattering_rate(cooling.saturation, shifted, cooling.linewidth) * v / 64
        energy = CALCIUM_MASS * (1e-3) ** 2 / 2
        assert -work / energy == pytest.approx(cooling.damping, rel=1e-5)


class TestCooled:
    def test_fifty_microseconds_cool_a_string_between_attempts(self) -> None:
        """The node cools for 50 us between attempts: the time constant must be of that order."""
        assert 5e-6 < 1 / RED.damping < 50e-6
