"""Seconds to machine units: the correct way and the two of ARTIQ."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequences import ms, us
from sequences.targets.artiq import Kasli, Rounding, to_machine_units

# what `core.seconds_to_mu`, compiled and on the host, returns for times as they are written: 5 * us
MEASURED = [
    # s, kernel, host
    (1 * us, 999, 999),
    (2 * us, 1999, 1999),
    (3 * us, 3000, 2999),
    (5 * us, 4999, 4999),
    (10 * us, 9999, 9999),
    (100 * us, 99_999, 99_999),
    (300 * us, 299_999, 299_999),
    (1 * ms, 1_000_000, 999_999),
    (1.5 * us, 1500, 1499),
    (1.0, 999_999_999, 999_999_999),
]


@pytest.mark.parametrize(("seconds", "kernel", "host"), MEASURED)
def test_artiq_truncates(seconds: float, kernel: int, host: int) -> None:
    assert to_machine_units(seconds, 1e-9, Rounding.KERNEL) == kernel
    assert to_machine_units(seconds, 1e-9, Rounding.HOST) == host == seconds // 1e-9
    assert to_machine_units(seconds, 1e-9) == round(seconds * 1e9)


@given(st.lists(st.integers(0, 10**12), max_size=20))
def test_correct_rounding_returns_whole_nanoseconds(units: list[int]) -> None:
    seconds = np.array(units, dtype=np.float64) * 1e-9
    assert to_machine_units(seconds, 1e-9).tolist() == units


def test_a_crate_counts_in_its_own_unit(kasli: Kasli) -> None:
    assert kasli.machine_units(2.6e-9) == 3
    assert kasli.machine_units(1e-6, Rounding.KERNEL) == 999
