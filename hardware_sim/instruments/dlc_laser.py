"""One laser of a DLC pro: its current, temperature and piezo drivers, its scan, its lock, and its light."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hardware_sim.instruments.decop_syntax import DecopError, ErrorCode, Value, format_value
from hardware_sim.instruments.dlc_lock import LaserLock
from hardware_sim.instruments.dlc_optics import DiodeOptics, Thermal, Wander, waveform
from hardware_sim.instruments.dlc_parameters import (
    Channel,
    Parameter,
    Settings,
    UserLevel,
    laser_parameters,
)

CLIPPED = 1  # warning of a setting that was clipped; ASSUMED
AMBIENT = 24.0  # degC of a head whose temperature controller is off; ASSUMED
HEATING_TIME, COOLING_TIME = 6.0, 120.0  # s, with the controller on and off; ASSUMED
HOP_SLIP = 0.7  # mode spacings by which the gain slips in a provoked mode hop; ASSUMED
RAIL_EXCESS = 5.0  # V by which a provoked drift exceeds the piezo's range; ASSUMED
TEC_SLOPE = -0.05  # A/K of the Peltier's current; ASSUMED
DIODE_KNEE, DIODE_RESISTANCE = 1.6, 4.0  # V and ohm of the diode; ASSUMED
SEED_SHARE, SEED_SATURATION = 0.5, 5e-3  # of the diode's power, and W that saturate the amplifier; ASSUMED
AMPLIFIER_THRESHOLD, AMPLIFIER_EFFICIENCY, FIBRE_SHARE = 0.9, 0.8, 0.5  # A, W/A, ASSUMED


def standing(now: float) -> float:
    """Return the drift in Hz of a laser that does not drift."""
    return 0.0


@dataclass(frozen=True, slots=True)
class DiodeLaserSpecification:
    """One laser as it was delivered.

    Attributes:
        label: What the lab calls it.
        optics: How it is tuned.
        amplifier: Whether a tapered amplifier follows the diode.
        drift: Drift in Hz of the light without lock, given the lab time in s; comb and gain drift together.
        wander: Drift in Hz on top of it, given the time in s since the lock lost its line; None is that of a
            `Wander` which follows from the label. A lock that closes brings the laser back from it.
    """

    label: str = "866 nm"
    optics: DiodeOptics = field(default_factory=DiodeOptics)
    amplifier: bool = False
    drift: Callable[[float], float] = standing
    wander: Callable[[float], float] | None = None


class DiodeLaser:
    """One laser; times are lab times in s, names are those of its parameters without ``laser1:``.

    Attributes:
        specification: The laser as delivered.
        parameters: Its parameters by name.
        settings: Values of those that can be set and are kept.
        permitted: Whether key, interlock, button and standby of the controller permit light.
        lock: Its lock.
    """

    def __init__(self, specification: DiodeLaserSpecification) -> None:
        """Set the laser up at its nominal operating point, dark and with the head at room temperature."""
        optics = specification.optics
        self.specification = specification
        declared = laser_parameters(
            optics.current * 1e3,
            optics.voltage,
            optics.temperature,
            optics.feed_forward * 1e3,
            specification.amplifier,
        )
        self.parameters = {each.name: each for each in declared}
        self.settings = Settings({each.name: each.first for each in declared if each.first is not None})
        self.settings["label"] = specification.label
        self._saved = dict(self.settings)
        self.permitted = False
        self.lock = LaserLock(self)
        self._wander = specification.wander or Wander.of(specification.label)
        self._thermal = Thermal(-math.inf, AMBIENT, AMBIENT, COOLING_TIME)
        self._mode, self._slip, self._shift = 0, 0.0, 0.0
        self._feed_forward_origin = optics.voltage
        self._scan_began, self._scan_held_at = 0.0, 0.0
        self._readings = self._make_readings()

    def start_running(self) -> None:
        """Be warm, lit and locked on the line at 0 since long ago."""
        warm = self.settings.real("dl:tc:temp-set")
        self._thermal = Thermal(-math.inf, warm, warm, HEATING_TIME)
        self.permitted = True
        self.lock.start_closed()

    def lose_power(self, now: float) -> None:
        """Lose power: the light goes, the head drifts to room temperature, unsaved settings are lost."""
        self.permitted = False
        self._thermal = Thermal(now, self._thermal.at(now), AMBIENT, COOLING_TIME)
        self.lock.open(now)

    def regain_power(self, now: float) -> None:
        """Come back with the settings that were saved; the lock is open."""
        self.settings = Settings(self._saved)
        self._feed_forward_origin = self.settings.real("dl:pc:voltage-set")
        self._steer_temperature(now)

    # What the lab sees.

    def frequency(self, now: float) -> float:
        """Return the frequency in Hz, relative to the nominal one, of the light it gives or would give."""
        self.advance(now)
        return self._tuning(now)

    def power(self, now: float) -> float:
        """Return the power of the diode's light in W."""
        return self.specification.optics.power(self.current(now)) if self.shines() else 0.0

    def piezo_voltage(self, now: float) -> float:
        """Return the voltage on the piezo in V."""
        self.advance(now)
        return self._piezo(now)

    def current(self, now: float) -> float:
        """Return the current through the diode in A."""
        return self._current_at(self.piezo_voltage(now), now) if self.emits() else 0.0

    def temperature(self, now: float) -> float:
        """Return the temperature of the head in degC."""
        return self._thermal.at(now)

    def single_mode(self, now: float) -> bool:
        """Return whether it runs in one mode only; between half a spacing and the hop it does not."""
        self.advance(now)
        return abs(self._mismatch(now)) <= self.specification.optics.mode_spacing / 2.0

    def emits(self) -> bool:
        """Return whether the diode's current is on."""
        settings = self.settings
        return (
            self.permitted
            and settings.on("enabled")
            and settings.on("dl:cc:enabled")
            and not settings.on("dl:cc:forced-off")
        )

    # What the lock sees and does.

    def shines(self) -> bool:
        """Return whether there is laser light."""
        current = (
            self.settings.real("dl:cc:current-set") + self.settings.real("dl:cc:current-offset")
        ) * 1e-3
        return self.emits() and current > self.specification.optics.threshold

    def offset(self, voltage: float, now: float) -> float:
        """Return the frequency in Hz at a piezo voltage in V, in the present mode."""
        optics = self.specification.optics
        comb = optics.comb(voltage, self._current_at(voltage, now), self.temperature(now))
        return comb + self._mode * optics.mode_spacing + self._drift(now)

    def voltage_for(self, offset: float, now: float) -> float:
        """Return the piezo voltage in V at which the frequency is ``offset`` (Hz), in the present mode."""
        optics = self.specification.optics
        slope = optics.piezo_slope + optics.current_slope * self._feed_forward()
        return optics.voltage + (offset - self.offset(optics.voltage, now)) / slope

    def reachable(self, voltage: float) -> bool:
        """Return whether the piezo driver is on and can give a voltage (V)."""
        settings = self.settings
        low, high = settings.real("dl:pc:voltage-min"), settings.real("dl:pc:voltage-max")
        return settings.on("dl:pc:enabled") and low <= voltage <= high

    def commanded_voltage(self, now: float) -> float:
        """Return the piezo voltage in V without the lock: set value or scan."""
        settings = self.settings
        if settings.on("scan:enabled") and settings["scan:output-channel"] == Channel.PIEZO:
            return settings.real("scan:offset") + self._scan(now)
        return settings.real("dl:pc:voltage-set")

    def advance(self, now: float) -> None:
        """Come to what is true at lab time ``now``: mode hops first, then what the lock makes of them."""
        if self.shines():
            mode = self.specification.optics.choose_mode(self._mode, self._mismatch(now))
            if mode != self._mode:
                self._mode = mode
                self.lock.lose(now)
        self.lock.advance(now)

    def provoke(self, fault: str, now: float) -> None:
        """Let something happen: ``mode hop``, ``unlock`` or ``rail``."""
        self.advance(now)
        if fault == "mode hop":
            self._slip += HOP_SLIP * self.specification.optics.mode_spacing
        elif fault == "unlock":
            self.lock.lose(now)
        else:
            beyond = self.settings.real("dl:pc:voltage-max") + RAIL_EXCESS
            self._shift += self.lock.target() - self.offset(beyond, now)
        self.advance(now)

    # What clients see and do.

    def read(self, name: str, now: float) -> Value:
        """Return the value of a parameter.

        Raises:
            DecopError: If there is none of that name.
        """
        if name not in self.parameters:
            raise DecopError(ErrorCode.INVALID_PARAMETER, name)
        self.advance(now)
        return self._readings[name](now) if name in self._readings else self.settings[name]

    def write(self, name: str, value: Value, level: UserLevel, now: float) -> int:
        """Set a parameter.

        Returns:
            0, or a warning above 0.

        Raises:
            DecopError: If there is none of that name, or it cannot have that value.
        """
        if name not in self.parameters:
            raise DecopError(ErrorCode.INVALID_PARAMETER, name)
        self.advance(now)
        value, warning = self._check(self.parameters[name], value, level)
        if name == "scan:enabled" and value and not self.settings.on(name):
            self._scan_began = now
        elif name == "scan:hold":
            self._scan_held_at = now
        elif name == "dl:cc:feedforward-enabled" and value and not self.settings.on(name):
            self._feed_forward_origin = self._piezo(now)
        if name in self.settings:
            self.settings[name] = value
        self._react(name, value, now)
        self.advance(now)
        return warning

    def execute(self, command: str, arguments: Sequence[Value], now: float) -> str:
        """Obey a command.

        Returns:
            What the controller says: lines, the last of which is the value that the command returns.

        Raises:
            DecopError: If there is no such command, or not now, or not with these arguments.
        """
        self.advance(now)
        if command == "dl:lock:select-lockpoint":
            self._select(arguments, now)
            return "()"
        if command == "dl:lock:show-candidates":
            lines = [f"{format_value(voltage)} 0.0 1\r\n" for voltage in self._candidates(now)]
            return "".join(lines) + str(len(lines))
        actions: dict[str, Callable[[float], None]] = {
            "dl:lock:close": self.lock.close,
            "dl:lock:open": self.lock.open,
            "dl:lock:find-candidates": self.lock.find,
            "save": lambda _: self._saved.update(self.settings),
            "load": self.regain_power,
        }
        if command not in actions:
            raise DecopError(ErrorCode.UNKNOWN_OPERATION, command)
        if arguments:
            raise DecopError(ErrorCode.INVALID_VALUE, f"{command} takes no arguments")
        actions[command](now)
        return "()"

    def _react(self, name: str, value: Value, now: float) -> None:
        if name == "dl:lock:lock-enabled":
            (self.lock.close if value else self.lock.open)(now)
        elif name == "dl:lock:hold":
            self.lock.hold(bool(value), now)
        elif name in ("scan:start", "scan:end"):
            self._set_scan_end(name, value)
        elif name.startswith("dl:tc:"):
            self._steer_temperature(now)

    def _check(self, parameter: Parameter, value: Value, level: UserLevel) -> tuple[Value, int]:
        if not parameter.writable:
            raise DecopError(ErrorCode.ACCESS_DENIED, f"{parameter.name} can only be read")
        if level > parameter.level:
            raise DecopError(ErrorCode.INVALID_USER_LEVEL, f"{parameter.name} needs {parameter.level.name}")
        value = parameter.check_type(value)
        if not isinstance(value, float | int) or isinstance(value, bool):
            return value, 0
        low, high = (
            self.settings.real(bound) if isinstance(bound, str) else bound
            for bound in (parameter.lowest, parameter.highest)
        )
        if low <= value <= high:
            return value, 0
        if not parameter.clips:
            raise DecopError(ErrorCode.INVALID_VALUE, f"{parameter.name} must be within {low} and {high}")
        return type(value)(min(max(value, low), high)), CLIPPED

    def _select(self, arguments: Sequence[Value], now: float) -> None:
        if len(arguments) != 3 or not all(isinstance(each, float | int) for each in arguments):
            raise DecopError(ErrorCode.WRONG_TYPE, "select-lockpoint takes position, level and type")
        self.lock.select(float(arguments[0]), self._candidates(now), now)  # type: ignore[arg-type]

    def _candidates(self, now: float) -> list[float]:
        centre, half = self.settings.real("scan:offset"), self.settings.real("scan:amplitude") / 2.0
        return self.lock.candidates(centre - half, centre + half, now)

    def _set_scan_end(self, name: str, value: Value) -> None:
        centre, half = self.settings.real("scan:offset"), self.settings.real("scan:amplitude") / 2.0
        ends = {"scan:start": centre - half, "scan:end": centre + half}
        ends[name] = Settings({name: value}).real(name)
        start, end = ends.values()
        self.settings["scan:offset"], self.settings["scan:amplitude"] = (start + end) / 2.0, abs(end - start)

    def _scan(self, now: float) -> float:
        settings = self.settings
        end = self._scan_held_at if settings.on("scan:hold") else now
        phase = settings.real("scan:frequency") * (end - self._scan_began)
        shape = int(settings.real("scan:signal-type"))
        return settings.real("scan:amplitude") / 2.0 * waveform(shape, phase)

    def _piezo(self, now: float) -> float:
        settings = self.settings
        if not settings.on("dl:pc:enabled"):
            return 0.0
        demanded = self.lock.voltage(now)
        voltage = self.commanded_voltage(now) if demanded is None else demanded
        return min(max(voltage, settings.real("dl:pc:voltage-min")), settings.real("dl:pc:voltage-max"))

    def _feed_forward(self) -> float:
        settings = self.settings
        on = settings.on("dl:cc:feedforward-enabled")
        return settings.real("dl:cc:feedforward-factor") * 1e-3 if on else 0.0

    def _current_at(self, voltage: float, now: float) -> float:
        settings = self.settings
        total = settings.real("dl:cc:current-set") + settings.real("dl:cc:current-offset")
        total += self._feed_forward() * 1e3 * (voltage - self._feed_forward_origin)
        scanned = settings["scan:output-channel"] == Channel.CURRENT and settings.on("scan:enabled")
        if scanned and not self.lock.closed:
            total += self._scan(now)
        return min(max(total, 0.0), settings.real("dl:cc:current-clip")) * 1e-3

    def _drift(self, now: float) -> float:
        free = self.lock.free_time(now)
        return self.specification.drift(now) + self._shift + (0.0 if free is None else self._wander(free))

    def _tuning(self, now: float) -> float:
        return self.lock.target() if self.lock.holds else self.offset(self._piezo(now), now)

    def _mismatch(self, now: float) -> float:
        current = self._current_at(self._piezo(now), now)
        peak = self.specification.optics.gain_peak(current, self.temperature(now))
        return self._tuning(now) - peak - self._drift(now) - self._slip

    def _steer_temperature(self, now: float) -> None:
        settings = self.settings
        on = settings.on("dl:tc:enabled") and settings.on("dl:tc:t-loop:on")
        target = settings.real("dl:tc:temp-set") if on else AMBIENT
        # The limit of the rate of change is taken as K/s. ASSUMED.
        rate = settings.real("dl:tc:temp-roc-limit") if settings.on("dl:tc:temp-roc-enabled") else math.inf
        constant = HEATING_TIME if on else COOLING_TIME
        if (target, rate, constant) != (
            self._thermal.target,
            self._thermal.rate,
            self._thermal.time_constant,
        ):
            self._thermal = Thermal(now, self._thermal.at(now), target, constant, rate)

    def _temperature_ready(self, now: float) -> bool:
        settings = self.settings
        reached = self._thermal.reaches(settings.real("dl:tc:t-loop:ok-tolerance"))
        return settings.on("dl:tc:enabled") and now >= reached + settings.real("dl:tc:t-loop:ok-time")

    def _seed(self, now: float) -> float:
        return SEED_SHARE * self.power(now)

    def _amplifier_current(self) -> float:
        on = self.permitted and self.settings.on("enabled") and self.settings.on("amp:cc:enabled")
        on = on and not self.settings.on("amp:cc:forced-off")
        total = self.settings.real("amp:cc:current-set") + self.settings.real("amp:cc:current-offset")
        return min(max(total, 0.0), self.settings.real("amp:cc:current-clip")) * 1e-3 if on else 0.0

    def _amplified(self, now: float) -> float:
        seed = self._seed(now)
        gain = max(self._amplifier_current() - AMPLIFIER_THRESHOLD, 0.0) * AMPLIFIER_EFFICIENCY
        return gain * seed / (seed + SEED_SATURATION)

    def _make_readings(self) -> dict[str, Callable[[float], Value]]:
        readings = self._light_readings() | self._driver_readings()
        return readings | (self._amplifier_readings() if self.specification.amplifier else {})

    def _light_readings(self) -> dict[str, Callable[[float], Value]]:
        def state() -> str:
            return self.lock.state().name.capitalize()

        def closed(now: float) -> Value:
            return self.lock.closed

        return {
            "type": lambda now: "TA pro" if self.specification.amplifier else "DL pro",
            "emission": lambda now: self.emits(),
            "health": lambda now: 0 if self._temperature_ready(now) else 1,
            "health-txt": lambda now: "Ok" if self._temperature_ready(now) else "Temperature not ready",
            "busy": lambda now: state() in ("Locking", "Resetting", "Relocking"),
            "dl:lock:state": lambda now: int(self.lock.state()),
            "dl:lock:state-txt": lambda now: state(),
            "dl:lock:lock-enabled": closed,
            "dl:lock:pid1:lock-state": closed,
            "dl:lock:pid2:lock-state": lambda now: self.lock.closed and self.settings["dl:lock:pid2:enabled"],
            "dl:lock:pid1:regulating-state": lambda now: self.lock.holds,
            "dl:lock:pid2:regulating-state": lambda now: (
                self.lock.holds and self.settings["dl:lock:pid2:enabled"]
            ),
            "scan:start": lambda now: self._scan_end(-0.5),
            "scan:end": lambda now: self._scan_end(0.5),
            "scan:unit": lambda now: self._scan_unit(),
        }

    def _driver_readings(self) -> dict[str, Callable[[float], Value]]:
        return {
            "dl:cc:emission": lambda now: self.emits(),
            "dl:cc:current-act": lambda now: self.current(now) * 1e3,
            "dl:cc:voltage-act": lambda now: (
                DIODE_KNEE + DIODE_RESISTANCE * self.current(now) if self.emits() else 0.0
            ),
            "dl:cc:status": lambda now: int(self.emits()),
            "dl:cc:status-txt": lambda now: "On" if self.emits() else "Off",
            "dl:tc:temp-act": self.temperature,
            "dl:tc:current-act": lambda now: (
                (self.temperature(now) - AMBIENT) * TEC_SLOPE if self.settings.on("dl:tc:enabled") else 0.0
            ),
            "dl:tc:ready": self._temperature_ready,
            "dl:tc:fault": lambda now: not self.settings.on("dl:tc:t-loop:on"),
            "dl:tc:status-txt": lambda now: "Ready" if self._temperature_ready(now) else "Not ready",
            "dl:pc:voltage-act": self.piezo_voltage,
            "dl:pc:heatsink-temp": lambda now: AMBIENT,
            "dl:pc:status-txt": lambda now: "Ok" if self.settings.on("dl:pc:enabled") else "Off",
        }

    def _amplifier_readings(self) -> dict[str, Callable[[float], Value]]:
        return {
            "amp:cc:emission": lambda now: self._amplifier_current() > 0.0,
            "amp:cc:current-act": lambda now: self._amplifier_current() * 1e3,
            "amp:cc:voltage-act": lambda now: DIODE_KNEE if self._amplifier_current() > 0.0 else 0.0,
            "amp:cc:status": lambda now: int(self._amplifier_current() > 0.0),
            "amp:cc:status-txt": lambda now: "On" if self._amplifier_current() > 0.0 else "Off",
            "amp:pd:seed:power": lambda now: self._seed(now) * 1e3,
            "amp:pd:amp:power": lambda now: self._amplified(now) * 1e3,
            "amp:pd:fiber:power": lambda now: FIBRE_SHARE * self._amplified(now) * 1e3,
        }

    def _scan_end(self, part: float) -> float:
        return self.settings.real("scan:offset") + part * self.settings.real("scan:amplitude")

    def _scan_unit(self) -> str:
        units = {Channel.CURRENT: "mA", Channel.TEMPERATURE: "C"}
        return next((unit for channel, unit in units.items() if channel == self._channel()), "V")

    def _channel(self) -> Value:
        return self.settings["scan:output-channel"]
