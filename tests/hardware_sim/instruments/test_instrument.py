"""What all instruments have in common: a power switch, knobs and faults by name."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from hardware_sim.instruments import InstrumentSetupError
from hardware_sim.instruments.bristol871 import SimulatedBristol871
from hardware_sim.instruments.dg645 import SimulatedDg645
from hardware_sim.instruments.dlc_pro import SimulatedDlcPro
from hardware_sim.instruments.ell14 import Ell14Mount
from hardware_sim.instruments.ell14_bus import Ell14Bus
from hardware_sim.instruments.highfinesse import SimulatedWavemeterController
from hardware_sim.instruments.hmp4040 import SimulatedHmp4040
from hardware_sim.instruments.id900 import SimulatedId900
from hardware_sim.instruments.instrument import Instrument
from hardware_sim.instruments.ipcmini import SimulatedIonPump
from hardware_sim.instruments.iseg_nhr import SimulatedIsegNhr
from hardware_sim.instruments.k10cr1 import SimulatedK10cr1
from hardware_sim.instruments.mdt693b import SimulatedMdt693b
from hardware_sim.instruments.meerstetter import SimulatedTec
from hardware_sim.instruments.moglabs_arf import SimulatedArf
from hardware_sim.instruments.pm100d import SimulatedPm100d
from hardware_sim.instruments.red_pitaya import SimulatedRedPitaya
from hardware_sim.instruments.smc100a import SimulatedSmc100a
from hardware_sim.instruments.tpg36x import SimulatedGauge
from hardware_sim.instruments.websq import SimulatedWebSq

Make = Callable[[np.random.Generator], Instrument]

INSTRUMENTS: dict[str, Make] = {
    "arf": lambda rng: SimulatedArf(),
    "bristol871": SimulatedBristol871,
    "dg645": lambda rng: SimulatedDg645(),
    "dlc_pro": lambda rng: SimulatedDlcPro(),
    "ell14": lambda rng: Ell14Bus({"0": Ell14Mount("11400197", rng)}),
    "highfinesse": SimulatedWavemeterController,
    "hmp4040": lambda rng: SimulatedHmp4040(),
    "id900": SimulatedId900,
    "ipcmini": lambda rng: SimulatedIonPump(),
    "iseg_nhr": SimulatedIsegNhr,
    "k10cr1": SimulatedK10cr1,
    "mdt693b": SimulatedMdt693b,
    "meerstetter": lambda rng: SimulatedTec(),
    "pm100d": SimulatedPm100d,
    "red_pitaya": lambda rng: SimulatedRedPitaya(),
    "smc100a": lambda rng: SimulatedSmc100a(),
    "tpg36x": lambda rng: SimulatedGauge(),
    "websq": SimulatedWebSq,
}


@pytest.fixture(params=INSTRUMENTS)
def instrument(request: pytest.FixtureRequest) -> Instrument:
    return INSTRUMENTS[request.param](np.random.default_rng(1))


def test_unknown_knob_is_told_with_those_that_there_are(instrument: Instrument) -> None:
    with pytest.raises(InstrumentSetupError) as caught:
        instrument.front_panel("volume", 11.0, 0.0)
    known = ", ".join(instrument.KNOBS) or "none"
    assert str(caught.value) == f"knob = 'volume' is not possible: allowed is {known}; name one of these"


def test_unknown_fault_is_told_with_those_that_there_are(instrument: Instrument) -> None:
    with pytest.raises(InstrumentSetupError) as caught:
        instrument.provoke("rust", 0.0)
    known = ", ".join(instrument.FAULTS) or "none"
    assert str(caught.value) == f"fault = 'rust' is not possible: allowed is {known}; name one of these"


@pytest.mark.parametrize("value", ["far", math.inf])
def test_knob_that_needs_a_number_says_so(value: float | str) -> None:
    with pytest.raises(InstrumentSetupError) as caught:
        SimulatedDg645().front_panel("trigger_source", value, 0.0)
    assert str(caught.value).startswith(
        f"trigger_source = {value!r} is not possible: allowed is what the instrument takes; "
    )


def test_knob_that_the_instrument_refuses_says_why() -> None:
    meter = SimulatedPm100d(np.random.default_rng(1))
    meter.provoke("sensor pulled", 0.0)
    with pytest.raises(InstrumentSetupError) as caught:
        meter.front_panel("wavelength", 866.0, 0.0)
    assert str(caught.value) == (
        "wavelength = 866.0 is not possible: allowed is what the instrument takes; "
        '-241,"Hardware missing; no sensor"'
    )


def test_each_fault_can_happen_and_the_instrument_boots_after_it(instrument: Instrument) -> None:
    for fault in instrument.FAULTS:
        instrument.provoke(fault, 1.0)
        instrument.switch_off(2.0)
        assert not instrument.powered
        instrument.switch_on(2.0 + instrument.boot_time)
        assert instrument.powered


def test_nothing_is_said_without_power(instrument: Instrument) -> None:
    session = instrument.connect()
    instrument.switch_off(1.0)
    assert session.receive(b"*IDN?\r\n", 2.0) == b""
    assert not instrument.complaints
