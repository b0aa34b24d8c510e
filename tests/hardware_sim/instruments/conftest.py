"""Lets the tests of instruments import what they have in common; a DLC pro and its command line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hardware_sim.instruments.dlc_command_line import WELCOME, CommandLine
from hardware_sim.instruments.dlc_laser import DiodeLaserSpecification, standing
from hardware_sim.instruments.dlc_pro import DlcProSpecification, SimulatedDlcPro

sys.path.insert(0, str(Path(__file__).parent))

STILL = tuple(DiodeLaserSpecification(label, wander=standing) for label in ("866 nm", "854 nm"))
"""Lasers that stay where they are when their locks let them go, so that what tunes them is seen alone."""


@pytest.fixture
def dlc() -> SimulatedDlcPro:
    return SimulatedDlcPro(DlcProSpecification(STILL))


@pytest.fixture
def line(dlc: SimulatedDlcPro) -> CommandLine:
    session = dlc.connect()
    assert session.receive(b"", 0.0) == WELCOME.encode()
    return session
