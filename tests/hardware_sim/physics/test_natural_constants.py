from __future__ import annotations

import pytest
from scipy.constants import physical_constants

from hardware_sim import constants

CODATA_NAMES = {
    "LIGHT_SPEED": "speed of light in vacuum",
    "PLANCK": "Planck constant",
    "HBAR": "reduced Planck constant",
    "ELEMENTARY_CHARGE": "elementary charge",
    "VACUUM_PERMITTIVITY": "vacuum electric permittivity",
    "BOHR_MAGNETON": "Bohr magneton",
    "ATOMIC_MASS": "atomic mass constant",
}


@pytest.mark.parametrize("name", CODATA_NAMES)
def test_constant_agrees_with_codata(name: str) -> None:
    # 2e-9 allows for scipy versions that still carry CODATA 2018.
    assert getattr(constants, name) == pytest.approx(physical_constants[CODATA_NAMES[name]][0], rel=2e-9)


def test_ion_is_one_electron_lighter_than_the_atom() -> None:
    atom = 39.96259085 * physical_constants["atomic mass constant"][0]
    electron = physical_constants["electron mass"][0]
    assert atom - constants.CALCIUM_MASS == pytest.approx(electron, rel=1e-4)
