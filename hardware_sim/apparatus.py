"""Joins the instruments of the bench to the one state of the lab, in both directions.

Some instruments act: a coil's current makes the magnetic field, a laser's piezo its frequency, the bias of a
detector its efficiency. What they do together is the `Surroundings` in which a program is played. Others
sense: the wavemeter sees the laser's light, the cavity monitor the light that the cavity lets through. They
are given functions of lab time that ask this object.

Only what is wired acts. An instrument that a setup lacks stands where it should: no coil supply in the setup
means the nominal field, not none. So does a real one, which acts elsewhere. And what stands where it should,
acts exactly as if it were not there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hardware_sim.constants import LIGHT_SPEED
from hardware_sim.physics.cavity_lock import PhaseModulation, error_signal
from hardware_sim.physics.resonator import Resonator
from hardware_sim.properties import NodeProperties
from hardware_sim.surroundings import LIT_BY, SHIFTED_BY, Surroundings, confinement
from hardware_sim.world.weather import Weather

FREQUENCIES: Final[Mapping[str, float]] = {
    "375": LIGHT_SPEED / 375.0e-9,
    "393": 761.905_012_7e12,
    "397": 755.222_766_2e12,
    "423": LIGHT_SPEED / 422.792e-9,
    "729": 411.042_129_776_393_2e12,
    "806": LIGHT_SPEED / 806.0e-9,
    "854": 350.862_882_823e12,
    "866": 346.000_234_867e12,
}
"""Of the lasers where they should be, Hz: the lines of 40Ca+ without a field, and that of 40Ca at 423 nm.

375 and 806 are not on lines: any light beyond the ionisation limit, and far off all resonances, does.

Source: 393, Wolf et al., PRL 102, 223901 (2009); 397, Wolf et al., PRA 78, 032511 (2008); 729, Chwalla et
al., PRL 102, 023002 (2009); 866, 346 000 234.867(96) MHz, after Gebert et al., PRL 115, 053003 (2015), and
854, 350 862 882.823(91) MHz, which with 729 adds up to 393 within its 0.5 MHz; 423, the vacuum wavelength
of the NIST Atomic Spectra Database.
"""

LOCKING_MIRRORS: Final = Resonator(19.9057e-3, 380e-6, 112e-6, 32e-6)
"""The cavity at 806 nm. Source: Schupp, thesis Innsbruck 2021, sec. 4.1 and tables 4.1, 4.2."""

LOCKING_MODULATION: Final = PhaseModulation(20e6)
"""Of the light that holds the cavity; the frequency is ASSUMED."""

MONITOR_VOLTS: Final = 1.0
"""That the cavity monitor shows on resonance, and for an error signal of 1; ASSUMED."""

MONITOR_NOISE: Final = 2e-3
"""Volts rms of the photodiodes' noise; ASSUMED."""

DECIMALS: Final[Mapping[str, int]] = {"laser": 0, "cavity": 0, "field": 13, "volt": 4, "share": 6}
"""Of Hz, Hz, T, V and 1: finer than anything that matters, so that what has settled stays the same number."""

FREE_CAVITY: Final = 35e6
"""Hz from the Raman resonance at which the cavity is when nothing holds it; many linewidths, ASSUMED."""

COIL, UPPER, LOWER, LOCK_TONE, DETECTORS = 1, 0, 1, 1, (1, 2)
"""Channels of coil supply, endcap bias, modulator and detectors, as each instrument counts its own."""


class Apparatus:
    """What the instruments make of the lab, and what they see of it.

    Args:
        properties: of the node.
        roles: role -> name of the instrument.
        instruments: name -> the simulated instrument; it may be filled later.
        clock: lab time of the instruments, s.
        weather: how far the lab has drifted now, for one shot.
        rng: source of detectors' and photodiodes' noise.

    Attributes:
        properties: of the node.
        weather: how far the lab has drifted now, for one shot.
    """

    def __init__(
        self,
        properties: NodeProperties,
        roles: Mapping[str, str],
        instruments: Mapping[str, Any],
        clock: Callable[[], float],
        weather: Callable[[], Weather],
        rng: np.random.Generator,
    ) -> None:
        self.properties = properties
        self._roles = roles
        self._instruments = instruments
        self._clock = clock
        self.weather = weather
        self._rng = rng

    def surroundings(self) -> Surroundings:
        """Return what the instruments make of the lab at this moment."""
        now, own = self._clock(), self.properties
        radial, loss = confinement(own, *self._trap_drive())
        half = self._plate("half-wave plate", own.half_wave_plate_mount, now)
        quarter = self._plate("quarter-wave plate", own.quarter_wave_plate_mount, now)
        lasers = self.lasers()
        shifts = {SHIFTED_BY[laser]: self.detuning(laser, now) for laser in lasers if laser in SHIFTED_BY}
        shifts |= {"cavity": self.cavity_shift(now), "field": self._field_shift(now)}
        return Surroundings(
            radial,
            loss,
            half,
            quarter,
            {name: shift for name, shift in shifts.items() if shift},
            frozenset(laser for laser in set(LIT_BY.values()) if not self.emits(laser)),
            self._endcap_bias(now),
            *self._detectors(),
        )

    def lasers(self) -> dict[str, tuple[Any, int]]:
        """Return laser -> its controller and the laser's number there, for those that the setup has."""
        found: dict[str, tuple[Any, int]] = {}
        for role, name in self._roles.items():
            if role.startswith("lasers "):
                found |= {
                    laser: (self._instruments[name], at) for at, laser in enumerate(role.split()[1:], start=1)
                }
        return found

    def controls(self, laser: str) -> bool:
        """Tell whether the setup has a controller of a laser."""
        return any(laser in role.split()[1:] for role in self._roles if role.startswith("lasers "))

    def emits(self, laser: str) -> bool:
        """Tell whether a laser gives light; one that the setup lacks does."""
        controller, number = self.lasers().get(laser, (None, 0))
        return controller is None or bool(controller.emission(number))

    def detuning(self, laser: str, now: float) -> float:
        """Return how far its controller has moved a laser from where it should be, Hz."""
        controller, number = self.lasers().get(laser, (None, 0))
        return 0.0 if controller is None else _rounded(controller.frequency(number, now), "laser")

    def light(self, laser: str, now: float) -> tuple[float, float]:
        """Return frequency (Hz) and power (W) of a laser's light at a lab time; no power if there is none."""
        drift = float(getattr(self.weather(), SHIFTED_BY[laser])[0]) if laser in SHIFTED_BY else 0.0
        controller, number = self.lasers().get(laser, (None, 0))
        frequency = FREQUENCIES[laser] + self.detuning(laser, now) + drift
        return frequency, float(controller.power(number, now)) if controller is not None else USUAL_POWER

    def cavity_shift(self, now: float) -> float:
        """Return how far instruments have moved the cavity from the Raman resonance, Hz.

        The lock holds the cavity on a sideband of the 806 nm light; what piezo and temperature do, it undoes
        up to its range, and beyond it follows no more.
        """
        left, modulator = self._beyond_lock(now), self._acting("cavity modulator")
        if modulator is None:
            return _rounded(left, "cavity")
        moved = modulator.signal(LOCK_TONE, now).frequency - self.properties.cavity_modulator_frequency
        # Its steps are 0.2 Hz wide: the nearest of them to where it should be is where it should be.
        return _rounded(left + (moved if abs(moved) > 1.0 else 0.0), "cavity")

    def cavity_strain(self, now: float) -> float:
        """Return how far the cavity would be from its lock point without the lock, Hz."""
        own, piezo, oven = self.properties, self._acting("cavity piezo"), self._acting("cavity oven")
        strain = 0.0
        if piezo is not None:
            strain += own.cavity_piezo_slope * (piezo.voltage("x", now) - own.cavity_piezo_voltage)
        if oven is not None:
            strain += own.cavity_temperature_slope * (oven.object_temperature(now) - own.cavity_temperature)
        return strain

    def transmitted(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the voltages (times,) of the photodiode behind the cavity at lab times (times,), s."""
        share = LOCKING_MIRRORS.transmission(self._monitored(times)) / LOCKING_MIRRORS.transmission(0.0)
        return self._noisy(MONITOR_VOLTS * share)

    def error(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the voltages (times,) of the lock's error signal at lab times (times,), s."""
        return self._noisy(
            MONITOR_VOLTS * error_signal(LOCKING_MIRRORS, LOCKING_MODULATION, self._monitored(times))
        )

    def pressure(self, now: float) -> float:
        """Return the pressure of the vacuum, Pa."""
        return self.properties.pressure

    def detected(self, now: float) -> tuple[float, float]:
        """Return the counts a second of both detectors while no photons come: their dark counts."""
        own = self.properties
        _, dark = self._detectors()
        return own.detector_dark_rate_h * dark[0], own.detector_dark_rate_v * dark[1]

    def _acting(self, role: str) -> Any:
        name = self._roles.get(role)
        return None if name is None else self._instruments[name]

    def _trap_drive(self) -> tuple[float, float]:
        """Return frequency (Hz) and power (dBm) of the trap's drive; minus infinity when it is off."""
        generator = self._acting("trap rf")
        if generator is None:
            return self.properties.rf_frequency, self.properties.rf_power
        return generator.frequency, generator.power if generator.output else -math.inf

    def _plate(self, role: str, mount: float, now: float) -> float:
        """Return the angle (turns) of a plate's mount: by default the one at which its axis is upright."""
        plate = self._acting(role)
        return mount if plate is None else float(plate.angle(now))

    def _field_shift(self, now: float) -> float:
        supply = self._acting("coils")
        if supply is None:
            return 0.0
        own = self.properties
        return _rounded(own.magnetic_field * (supply.current(COIL, now) / own.coil_current - 1.0), "field")

    def _endcap_bias(self, now: float) -> tuple[float, float]:
        supply = self._acting("endcap bias")
        if supply is None:
            return 0.0, 0.0
        return _rounded(supply.voltage(UPPER, now), "volt"), _rounded(supply.voltage(LOWER, now), "volt")

    def _detectors(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return efficiencies and dark rates of both detectors, over what the properties say."""
        driver = self._acting("photon detectors")
        if driver is None:
            return (1.0, 1.0), (1.0, 1.0)
        own = self.properties
        nominal = (own.detector_dark_rate_h, own.detector_dark_rate_v)
        efficiency = tuple(_rounded(driver.efficiency(channel), "share") for channel in DETECTORS)
        dark = tuple(
            _rounded(driver.dark_rate(channel) / usual, "share") if usual else 1.0
            for channel, usual in zip(DETECTORS, nominal, strict=True)
        )
        return (efficiency[0], efficiency[1]), (dark[0], dark[1])

    def _monitored(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the detunings (times,) of the locking light from the cavity at lab times, Hz."""
        drift = float(self.weather().cavity[0])
        # Seldom does it move within a trace: three times are asked, and what is between lies between.
        asked = np.linspace(float(times[0]), float(times[-1]), 3)
        return np.interp(times, asked, [self._beyond_lock(time) + drift for time in asked])

    def _beyond_lock(self, now: float) -> float:
        """Return how far the cavity is from where its lock should hold it, Hz.

        It is what of the strain is beyond the reach of the lock. Without light nothing holds the cavity.
        """
        strain, reach = self.cavity_strain(now), self.properties.cavity_lock_range
        modulator = self._acting("cavity modulator")
        if modulator is not None and modulator.signal(LOCK_TONE, now).power == -math.inf:
            return strain + FREE_CAVITY
        return strain - math.copysign(min(abs(strain), reach), strain)

    def _noisy(self, volts: NDArray[np.float64]) -> NDArray[np.float64]:
        return volts + MONITOR_NOISE * self._rng.standard_normal(volts.shape)


USUAL_POWER: Final = 20e-3
"""W of a laser whose controller the setup lacks, where a fibre brings its light to an instrument; ASSUMED."""


def _rounded(value: float, kind: str) -> float:
    return round(value, DECIMALS[kind]) + 0.0  # and no negative zero
