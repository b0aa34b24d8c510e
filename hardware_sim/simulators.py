"""The simulated instrument that answers each driver, and what of the lab it senses."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from hardware_sim.apparatus import FREQUENCIES, Apparatus
from hardware_sim.constants import LIGHT_SPEED
from hardware_sim.instruments.bristol871 import Bristol871Specification, SimulatedBristol871
from hardware_sim.instruments.dg645 import Dg645Specification, SimulatedDg645
from hardware_sim.instruments.dlc_laser import DiodeLaserSpecification
from hardware_sim.instruments.dlc_pro import DlcProSpecification, SimulatedDlcPro
from hardware_sim.instruments.ell14 import Ell14Mount
from hardware_sim.instruments.highfinesse import (
    Piezo,
    SimulatedWavemeterController,
    WavemeterInput,
)
from hardware_sim.instruments.hmp4040 import Hmp4040Specification, SimulatedHmp4040
from hardware_sim.instruments.id900 import Id900Specification, SimulatedId900
from hardware_sim.instruments.ipcmini import IonPumpSpecification, SimulatedIonPump
from hardware_sim.instruments.iseg_nhr import IsegNhrSpecification, SimulatedIsegNhr
from hardware_sim.instruments.k10cr1 import K10cr1Specification, SimulatedK10cr1
from hardware_sim.instruments.mdt693b import Mdt693bSpecification, SimulatedMdt693b
from hardware_sim.instruments.meerstetter import SimulatedTec, TecSpecification
from hardware_sim.instruments.moglabs_arf import SimulatedArf
from hardware_sim.instruments.moglabs_channel import ArfSpecification
from hardware_sim.instruments.pm100d import PM100D, PM103E, Pm100dSpecification, SimulatedPm100d
from hardware_sim.instruments.red_pitaya import RedPitayaSpecification, SimulatedRedPitaya
from hardware_sim.instruments.smc100a import SimulatedSmc100a, Smc100aSpecification
from hardware_sim.instruments.tpg36x import GaugeSpecification, SimulatedGauge
from hardware_sim.instruments.websq import SimulatedWebSq, WebSqSpecification
from hardware_sim.instruments.websq_detector import DetectorSpecification

PICKED_OFF: Final = 0.01
"""Share of a laser's light that a power meter sees, by a wedge in the beam; ASSUMED."""

DRAWN_DIGITS: Final = 4
"""At the end of a serial number, by which instruments of one kind differ."""

Entry = Mapping[str, Any]
"""An instrument's table in the setup."""

Make = Callable[[Entry, str, Apparatus, np.random.Generator], Any]
"""Makes an instrument from its entry, its role, the apparatus, and a source of its imperfections."""


def _numbered(specification: Any, entry: Entry) -> Any:
    """Return a specification with the serial number that the setup expects, if it does."""
    expected = entry.get("serial_number")
    if expected is None:
        return specification
    kind = type(specification.serial_number)
    return replace(specification, serial_number=kind(expected))


def _one_of_several(specification: Any, entry: Entry) -> Any:
    """Return a specification with a serial number of its own, for kinds of which a lab has several.

    Unless the setup expects another, its last digits are drawn from the resource of the instrument, so that
    they are the same in every run.
    """
    usual = str(specification.serial_number)
    drawn = zlib.crc32(str(entry.get("resource", "")).encode()) % 10**DRAWN_DIGITS
    number = f"{usual[:-DRAWN_DIGITS]}{drawn:0{DRAWN_DIGITS}d}"
    return _numbered(specification, {"serial_number": number, **entry})


def _generator(entry: Entry, role: str, lab: Apparatus, rng: np.random.Generator) -> SimulatedSmc100a:
    return SimulatedSmc100a(_numbered(Smc100aSpecification(), entry))


def _mount(entry: Entry, role: str, lab: Apparatus, rng: np.random.Generator) -> Ell14Mount:
    return Ell14Mount(entry["serial_number"], rng)


def _rotation_mount(entry: Entry, role: str, lab: Apparatus, rng: np.random.Generator) -> SimulatedK10cr1:
    return SimulatedK10cr1(rng, _one_of_several(K10cr1Specification(), entry))


def _high_voltage(entry: Entry, role: str, lab: Apparatus, rng: np.random.Generator) -> SimulatedIsegNhr:
    return SimulatedIsegNhr(rng, specification=_numbered(IsegNhrSpecification(), entry))


def _coil_supply(entry: Entry, role: str, lab: Apparatus, rng: np.random.Generator) -> SimulatedHmp4040:
    return SimulatedHmp4040(specification=_numbered(Hmp4040Specification(), entry))


def _lasers(entry: Entry, role: str, lab: Apparatus, rng: np.random.Generator) -> SimulatedDlcPro:
    names = role.split()[1:] or ["866", "854"]
    lasers = tuple(DiodeLaserSpecification(f"{name} nm") for name in names)
    return SimulatedDlcPro(_one_of_several(DlcProSpecification(lasers, label=" and ".join(names)), entry))


def _bristol(entry: Entry, role: str, lab: Apparatus, rng: np.random.Generator) -> SimulatedBristol871:
    laser = role.partition(" ")[2] or "866"
    return SimulatedBristol871(
        rng, partial(lab.light, laser), _one_of_several(Bristol871Specification(), entry)
    )


def _wavemeter(
    entry: Entry, role: str, lab: Apparatus, rng: np.random.Generator
) -> SimulatedWavemeterController:
    inputs = {
        laser: WavemeterInput(partial(lab.light, laser), frequency, _handle(lab, laser))
        for laser, frequency in FREQUENCIES.items()
    }
    return SimulatedWavemeterController(rng, inputs)


def _handle(lab: Apparatus, laser: str) -> Piezo | None:
    """Return how a wavemeter moves a laser: by the cable to the piezo input of its controller."""
    if not lab.controls(laser):
        return None

    def voltage(now: float) -> float:
        controller, number = lab.lasers()[laser]
        return float(controller.piezo_voltage(number, now))

    def move(volts: float, now: float) -> None:
        controller, number = lab.lasers()[laser]
        controller.front_panel(f"laser{number} piezo", volts, now)

    return Piezo(voltage, move)


def _piezo(entry: Entry, role: str, lab: Apparatus, rng: np.random.Generator) -> SimulatedMdt693b:
    return SimulatedMdt693b(rng, _numbered(Mdt693bSpecification(), entry))


def _digitiser(entry: Entry, role: str, lab: Apparatus, rng: np.random.Generator) -> SimulatedRedPitaya:
    return SimulatedRedPitaya(
        (lab.transmitted, lab.error), specification=_numbered(RedPitayaSpecification(), entry)
    )


def _modulator(entry: Entry, role: str, lab: Apparatus, rng: np.random.Generator) -> SimulatedArf:
    return SimulatedArf(_numbered(ArfSpecification(), entry))


def _oven(entry: Entry, role: str, lab: Apparatus, rng: np.random.Generator) -> SimulatedTec:
    return SimulatedTec(_numbered(TecSpecification(), entry))


def _detectors(entry: Entry, role: str, lab: Apparatus, rng: np.random.Generator) -> SimulatedWebSq:
    own = lab.properties
    kinds = tuple(
        DetectorSpecification(system_efficiency=efficiency, dark_rate=dark)
        for efficiency, dark in (
            (own.detector_efficiency_h, own.detector_dark_rate_h),
            (own.detector_efficiency_v, own.detector_dark_rate_v),
        )
    )
    return SimulatedWebSq(rng, specification=WebSqSpecification(kinds))


def _time_tagger(entry: Entry, role: str, lab: Apparatus, rng: np.random.Generator) -> SimulatedId900:
    return SimulatedId900(rng, lab.detected, _numbered(Id900Specification(), entry))


def _power_meter(
    entry: Entry,
    role: str,
    lab: Apparatus,
    rng: np.random.Generator,
    specification: Pm100dSpecification = PM100D,
) -> SimulatedPm100d:
    laser = role.partition(" ")[2] or "866"
    return SimulatedPm100d(
        rng,
        lambda now: PICKED_OFF * lab.light(laser, now)[1],
        LIGHT_SPEED / FREQUENCIES[laser],
        specification=_one_of_several(specification, entry),
    )


def _pump(entry: Entry, role: str, lab: Apparatus, rng: np.random.Generator) -> SimulatedIonPump:
    return SimulatedIonPump(lab.pressure, specification=_numbered(IonPumpSpecification(), entry))


def _gauge(entry: Entry, role: str, lab: Apparatus, rng: np.random.Generator) -> SimulatedGauge:
    return SimulatedGauge(lab.pressure, specification=_numbered(GaugeSpecification(), entry))


def _delay(entry: Entry, role: str, lab: Apparatus, rng: np.random.Generator) -> SimulatedDg645:
    return SimulatedDg645(specification=_numbered(Dg645Specification(), entry))


SIMULATORS: Final[Mapping[str, Make]] = MappingProxyType(
    {
        "arf": _modulator,
        "bristol871": _bristol,
        "dg645": _delay,
        "dlc_pro": _lasers,
        "ell14": _mount,
        "highfinesse": _wavemeter,
        "hmp4040": _coil_supply,
        "id900": _time_tagger,
        "ipcmini": _pump,
        "iseg_nhr": _high_voltage,
        "k10cr1": _rotation_mount,
        "mdt693b": _piezo,
        "mecom": _oven,
        "pm100d": _power_meter,
        "pm5020": partial(_power_meter, specification=PM103E),
        "red_pitaya": _digitiser,
        "smc100a": _generator,
        "tpg36x": _gauge,
        "websq": _detectors,
    }
)
"""Driver -> what makes the instrument that answers it."""
