from __future__ import annotations

import numpy as np
import pytest

from hardware_sim.constants import LIGHT_SPEED
from hardware_sim.physics.calcium import (
    D32,
    D52,
    LINE_393,
    LINE_397,
    LINE_729,
    LINE_850,
    LINE_854,
    LINE_866,
    P12,
    P32,
    S12,
    Level,
    Line,
    recoil,
    zeeman_shift,
)
from hardware_sim.physics.errors import SublevelError


def vacuum_frequency(line: Line) -> float:
    """Frequency in Hz; refractive index of standard air from Ciddor, Appl. Opt. 35, 1566 (1996)."""
    waves = (1e-6 / line.wavelength) ** 2
    index = 1 + 0.05792105 / (238.0185 - waves) + 0.00167917 / (57.362 - waves)
    return LIGHT_SPEED / (line.wavelength * index)


LINES = [LINE_393, LINE_397, LINE_729, LINE_850, LINE_854, LINE_866]


@pytest.mark.parametrize(
    ("closing", "path"),
    [
        (LINE_393, [LINE_729, LINE_854]),
        (LINE_393, [LINE_397, LINE_850, LINE_866]),
    ],
    ids=["S-D5/2-P3/2", "S-P1/2-D3/2-P3/2"],
)
def test_lines_close_loops(closing: Line, path: list[Line]) -> None:
    """Vacuum energies add up (Ritz), to the rounding of the wavelengths."""
    energy = {line: vacuum_frequency(line) for line in LINES}
    # S -> P1/2 -> (866 down) D3/2 -> (850 up) P3/2, hence the minus sign.
    total = sum(-energy[line] if line is LINE_866 else energy[line] for line in path)
    assert total == pytest.approx(energy[closing], rel=2e-6)


@pytest.mark.parametrize("level", [P12, P32, D52])
def test_branchings_of_a_level_sum_to_one(level: Level) -> None:
    assert sum(line.branching for line in LINES if line.upper is level) == pytest.approx(1.0, abs=2e-5)


def test_linewidths_agree_with_published_half_rates() -> None:
    assert P32.linewidth / 2 == pytest.approx(11.49e6, abs=0.03e6)
    assert P12.linewidth == pytest.approx(22.4e6, abs=0.05e6)
    assert S12.linewidth == 0.0
    assert D52.linewidth == pytest.approx(0.136, abs=0.001)


@pytest.mark.parametrize(
    ("line", "kilohertz"),
    [(LINE_393, 32.3), (LINE_397, 31.7), (LINE_729, 9.39), (LINE_854, 6.84)],
    ids=lambda value: str(value) if isinstance(value, float) else "",
)
def test_recoil(line: Line, kilohertz: float) -> None:
    assert recoil(line.wavelength) / 1e3 == pytest.approx(kilohertz, rel=2e-3)


def test_zeeman_splitting_agrees_with_spectroscopy() -> None:
    """Measured 7.107(1) MHz between D5/2 sublevels at 4.229 G, whose last digit limits the comparison."""
    splitting = zeeman_shift(D52, -1.5, 4.229e-4) - zeeman_shift(D52, -2.5, 4.229e-4)
    assert splitting == pytest.approx(7.107e6, rel=5e-4)


@pytest.mark.parametrize(
    ("upper", "lower", "sensitivity"),
    [
        ((D52, -1.5), (S12, -0.5), -1.118e6),
        ((D52, -2.5), (S12, -0.5), -2.797e6),
        ((D52, -1.5), (D52, -2.5), 1.680e6),
    ],
)
def test_field_sensitivities(
    upper: tuple[Level, float], lower: tuple[Level, float], sensitivity: float
) -> None:
    gauss = 1e-4
    shift = zeeman_shift(*upper, gauss) - zeeman_shift(*lower, gauss)
    assert shift == pytest.approx(sensitivity, rel=2e-3)


def test_zeeman_shift_follows_an_array_of_fields() -> None:
    fields = np.array([[0.0, 1e-4], [2e-4, -1e-4]])
    shifts = zeeman_shift(P32, 1.5, fields)
    assert shifts.shape == (2, 2)
    np.testing.assert_allclose(shifts, fields * zeeman_shift(P32, 1.5, 1.0))


@pytest.mark.parametrize(("level", "m"), [(P12, 1.5), (D32, 1.0), (S12, 0.0)])
def test_foreign_sublevel_is_refused(level: Level, m: float) -> None:
    with pytest.raises(SublevelError, match="has no sublevel"):
        zeeman_shift(level, m, 1e-4)
