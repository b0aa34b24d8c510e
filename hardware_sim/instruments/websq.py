r"""A simulated Single Quantum WebSQ driver (Eos) with superconducting-nanowire detectors.

One port takes JSON objects one after the other, without terminators, and sends JSON objects that ETB (17h)
ends; changes are told to every client. A second port (`SimulatedWebSq.stream`) takes nothing and sends, at
the end of each measurement period, one line ``unixtime,c1,...,cN\n``.

Source: the maker's Python client as mirrored in qcodes_contrib_drivers (SingleQuantum.py): commands, labels,
units, and that objects may come glued ``}{``. Bounds, start-up values and the wording of errors are ASSUMED.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from hardware_sim.instruments.instrument import Instrument
from hardware_sim.instruments.websq_counts import TCP_RESOURCE, WebSqCounts
from hardware_sim.instruments.websq_detector import UA, Detector, DetectorSpecification
from hardware_sim.instruments.websq_messages import ETB, WebSqError, find_objects, parse_numbers

MV = 1e-3  # V
MS = 1e-3  # s
LONGEST_BACKLOG = 10_000  # periods that are still told after a jump of the clock; free choice

Rates = Callable[[float], Sequence[float]]


@dataclass(frozen=True, slots=True)
class WebSqSpecification:
    """One driver as it was delivered. All numbers ASSUMED.

    Attributes:
        detectors: The detectors, in order of their channels.
        highest_bias: Largest bias current in A.
        highest_trigger: Largest trigger level in V.
        shortest_period: Shortest measurement period in s.
        longest_period: Longest measurement period in s.
        period: Measurement period after power-on in s.
        calibration_time: Duration of the automatic bias calibration in s.
        flash_time: How long the light of the fault ``over-exposure`` lasts, in s.
        flash: Photons a second of that light on each detector.
        boot_time: From power-on to the first answer in s.
        epoch: Unix time in s at lab time 0, which the lines of counts begin with.
    """

    detectors: tuple[DetectorSpecification, ...] = (DetectorSpecification(), DetectorSpecification())
    highest_bias: float = 40.0 * UA
    highest_trigger: float = 1000.0 * MV
    shortest_period: float = 10.0 * MS
    longest_period: float = 10_000.0 * MS
    period: float = 100.0 * MS
    calibration_time: float = 10.0
    flash_time: float = 1.0
    flash: float = 1e9
    boot_time: float = 30.0
    epoch: float = 1.79e9


def darkness(now: float) -> tuple[float, ...]:
    """Return no light on any detector."""
    return ()


class SimulatedWebSq(Instrument):
    r"""The driver of the photon detectors; serve it and its `stream` with `serve_tcp`.

    Found as it has run for months: cold, biased and counting. After a power cycle it is neither biased nor
    enabled. Channels count from 1.

    Attributes:
        specification: The driver as delivered.
        stream: The second port, which sends the counts.

    Example:
        >>> websq = SimulatedWebSq(np.random.default_rng(1))
        >>> websq.connect().receive(b'{"request":"BiasCurrent"}', now=0.0)
        b'{"label": "BiasCurrent", "value": [18.0, 18.0]}\x17'
        >>> websq.efficiency(1)
        1.0
    """

    KNOBS: ClassVar[tuple[str, ...]] = ("bias_current", "detector_enable", "measurement_period")
    """Current of all detectors in A, whether they are enabled, and a time in s, set on the web page."""
    FAULTS: ClassVar[tuple[str, ...]] = ("latch", "over-exposure", "warm-up", "cool-down")
    """All detectors latch, at once; bright light for a second; no detector is superconducting until
    ``cool-down``."""
    REFUSAL: ClassVar[type[Exception]] = WebSqError
    tcp_resource = TCP_RESOURCE
    loses_link = True

    def __init__(
        self,
        rng: np.random.Generator,
        rates: Rates = darkness,
        specification: WebSqSpecification | None = None,
    ) -> None:
        """Find the driver running.

        Args:
            rng: Source of the counts' noise.
            rates: Photons a second that arrive at each detector, given the lab time in s; missing ones are
                in the dark.
            specification: The driver as delivered; one with two detectors if None.
        """
        self.specification = own = specification or WebSqSpecification()
        super().__init__(own.boot_time)
        self.stream = WebSqCounts(self)
        self._rng, self._rates = rng, rates
        self._sessions: list[WebSqSession] = []
        # One frozen tuple, replaced as a whole: the lab world reads it from another thread.
        self._detectors = tuple(Detector(kind, kind.nominal_bias) for kind in own.detectors)
        self._dark_targets = [100.0] * len(own.detectors)
        self._period, self._period_began = own.period, math.nan
        self._flash_until = self._calibrated_at = -math.inf
        self._calibrating = False
        self._properties = self._own_properties()
        self._commands: dict[str, Callable[[Any, float], list[str]]] = {
            "SetMeasurementPeriod": self._set_period,
            "SetAllBiasCurrents": self._set_bias,
            "SetAllTriggerLevels": self._set_trigger,
            "DetectorEnable": self._enable,
            "DarkCountsAutoIV": self._set_dark_targets,
            "AutoCaliBiasCurrents": self._calibrate,
        }

    def connect(self) -> WebSqSession:
        """Accept a client on the control port."""
        session = WebSqSession(self)
        self._sessions.append(session)
        return session

    def disconnect(self, session: WebSqSession) -> None:
        """Stop telling a client what changes."""
        self._sessions.remove(session)

    def switch_off(self, now: float) -> None:
        """Cut the power of the driver at lab time ``now`` (s); the cryostat stays cold."""
        super().switch_off(now)
        self._calibrating = False
        self._detectors = tuple(
            Detector(each.specification, bias=0.0, enabled=False, cold=each.cold) for each in self._detectors
        )
        for session in self._sessions:
            session.forget()
        self.stream.forget()

    def switch_on(self, now: float) -> None:
        """Finish booting at lab time ``now`` (s): no current, detectors disabled, factory settings."""
        super().switch_on(now)
        self._period, self._period_began = self.specification.period, now
        self._dark_targets = [100.0] * len(self._detectors)

    def efficiency(self, channel: int) -> float:
        """Return the system efficiency of a channel relative to that at its nominal bias, there exactly 1."""
        return self._detectors[channel - 1].efficiency

    def dark_rate(self, channel: int) -> float:
        """Return the dark counts of a channel in 1/s."""
        return self._detectors[channel - 1].dark_rate

    def bias(self, channel: int) -> float:
        """Return the current through a detector in A."""
        detector = self._detectors[channel - 1]
        return detector.bias if detector.enabled else 0.0

    def latched(self, channel: int) -> bool:
        """Return whether a detector has latched."""
        return self._detectors[channel - 1].latched

    def due(self) -> float | None:
        """Return the lab time in s at which the calibration ends, None if there is none."""
        return self._calibrated_at if self._calibrating else None

    def period_end(self) -> float:
        """Return the lab time in s at which the present measurement period ends; -inf before the first."""
        return -math.inf if math.isnan(self._period_began) else self._period_began + self._period

    def advance(self, now: float) -> None:
        """Do what was to be done by lab time ``now`` (s): end periods and calibrations."""
        if not self.powered:
            return
        if math.isnan(self._period_began):
            self._period_began = now
        ended = math.floor((now - self._period_began) / self._period + 1e-9)
        skipped = max(ended - LONGEST_BACKLOG, 0) if self.stream.heard else ended
        self._period_began += skipped * self._period
        for _ in range(ended - skipped):
            self._end_period()
        self._settle(now)
        if self._calibrating and now >= self._calibrated_at:
            self._end_calibration(now)

    def obey(self, text: str, now: float) -> bytes:
        """Take one object of a client.

        Args:
            text: The object as it came.
            now: Lab time in s.

        Returns:
            What only this client is told.
        """
        try:
            message = _parse(text)
            if "request" in message:
                return self._answer(str(message["request"]))
            command = self._commands.get(str(message.get("command")))
            if command is None:
                raise WebSqError(f"unknown command {message.get('command')}")
            self._tell(command(message.get("value"), now), now)
        except WebSqError as error:
            self.complaints.append(f"{text}: {error}")
            return _encode({"label": "Error", "value": str(error)}) + ETB
        return b""

    def _turn(self, knob: str, value: float | bool | str, now: float) -> None:
        self.advance(now)
        if knob == "bias_current":
            changed = self._set_bias([float(value) / UA] * len(self._detectors), now)
        elif knob == "detector_enable":
            changed = self._enable(bool(value), now)
        else:
            changed = self._set_period(float(value) / MS, now)
        self._tell(changed, now)

    def _suffer(self, fault: str, now: float) -> None:
        self.advance(now)
        if fault == "latch":
            self._detectors = tuple(replace(each, latched=each.bias > 0.0) for each in self._detectors)
        elif fault == "over-exposure":
            self._flash_until = now + self.specification.flash_time
        else:
            cold = fault == "cool-down"
            self._detectors = tuple(replace(each, cold=cold) for each in self._detectors)
        self._settle(now)

    def _answer(self, label: str) -> bytes:
        if label == "labelProps":
            parts = [{"label": name, "value": self._describe(name)} for name in self._properties]
            return b"".join(_encode(part) + ETB for part in parts)
        if label not in self._properties:
            raise WebSqError(f"unknown label {label}")
        return _encode({"label": label, "value": self._properties[label][0]()}) + ETB

    def _describe(self, label: str) -> dict[str, Any]:
        read, bounds, unit = self._properties[label]
        return {"value": read(), "bounds": bounds, "unit": unit}

    def _own_properties(self) -> dict[str, tuple[Callable[[], Any], list[float], str]]:
        own = self.specification
        periods = [round(own.shortest_period / MS, 6), round(own.longest_period / MS, 6)]
        return {
            "NumberOfDetectors": (lambda: len(self._detectors), [], ""),
            "BiasCurrent": (
                lambda: [round(each.bias / UA, 6) for each in self._detectors],
                [0.0, round(own.highest_bias / UA, 6)],
                "uA",
            ),
            "TriggerLevel": (
                lambda: [round(each.trigger / MV, 6) for each in self._detectors],
                [0.0, round(own.highest_trigger / MV, 6)],
                "mV",
            ),
            "BiasVoltage": (lambda: [round(each.voltage / MV, 4) for each in self._detectors], [], "mV"),
            "InptMeasurementPeriod": (lambda: round(self._period / MS, 6), periods, "ms"),
            "DetectorEnable": (lambda: self._detectors[0].enabled, [], ""),
            "DarkCountsAutoIV": (lambda: self._dark_targets, [0.0, 1e6], "Hz"),
            "StartAutoIV": (lambda: self._calibrating, [], ""),
        }

    def _tell(self, labels: Sequence[str], now: float) -> None:
        """Tell every client what changed; what changed together comes glued, as it does from the driver."""
        self._settle(now)
        parts = [_encode({"label": label, "value": self._properties[label][0]()}) for label in labels]
        for session in self._sessions:
            session.tell(b"".join(parts) + ETB)

    def _bounded(self, value: Any, label: str, count: int | None) -> list[float]:
        low, high = self._properties[label][1]
        return parse_numbers(value, label, count, low, high)

    def _set_period(self, value: Any, now: float) -> list[str]:
        (milliseconds,) = self._bounded([value], "InptMeasurementPeriod", 1)
        self._period, self._period_began = milliseconds * MS, now
        return ["InptMeasurementPeriod"]

    def _set_bias(self, value: Any, now: float) -> list[str]:
        currents = self._bounded(value, "BiasCurrent", len(self._detectors))
        self._detectors = tuple(
            replace(each, bias=current * UA) for each, current in zip(self._detectors, currents, strict=True)
        )
        return ["BiasCurrent", "BiasVoltage"]

    def _set_trigger(self, value: Any, now: float) -> list[str]:
        levels = self._bounded(value, "TriggerLevel", len(self._detectors))
        self._detectors = tuple(
            replace(each, trigger=level * MV) for each, level in zip(self._detectors, levels, strict=True)
        )
        return ["TriggerLevel"]

    def _enable(self, value: Any, now: float) -> list[str]:
        if not isinstance(value, bool):
            raise WebSqError("DetectorEnable takes true or false")
        self._detectors = tuple(replace(each, enabled=value) for each in self._detectors)
        return ["DetectorEnable", "BiasVoltage"]

    def _set_dark_targets(self, value: Any, now: float) -> list[str]:
        self._dark_targets = self._bounded(value, "DarkCountsAutoIV", len(self._detectors))
        return ["DarkCountsAutoIV"]

    def _calibrate(self, value: Any, now: float) -> list[str]:
        if value is not True:
            raise WebSqError("AutoCaliBiasCurrents takes true")
        self._calibrating = True
        self._calibrated_at = now + self.specification.calibration_time
        return ["StartAutoIV"]

    def _end_calibration(self, now: float) -> None:
        """Set each bias to where the counter reaches its dark counts; light makes it stop too early."""
        self._calibrating = False
        light = self._light(self._calibrated_at)
        self._detectors = tuple(
            replace(
                each,
                bias=round(each.bias_for(target, photons, self.specification.highest_bias) / UA, 2) * UA,
                latched=False,
            )
            for each, target, photons in zip(self._detectors, self._dark_targets, light, strict=True)
        )
        self._tell(["BiasCurrent", "BiasVoltage", "StartAutoIV"], now)

    def _light(self, now: float) -> list[float]:
        rates = [*self._rates(now)][: len(self._detectors)]
        rates += [0.0] * (len(self._detectors) - len(rates))
        flash = self.specification.flash if now < self._flash_until else 0.0
        return [rate + flash for rate in rates]

    def _settle(self, now: float) -> None:
        light = self._light(now)
        self._detectors = tuple(
            each.settled(photons) for each, photons in zip(self._detectors, light, strict=True)
        )

    def _end_period(self) -> None:
        middle, end = self._period_began + 0.5 * self._period, self._period_began + self._period
        self._settle(middle)
        light = self._light(middle)
        rates = [each.count_rate(photons) for each, photons in zip(self._detectors, light, strict=True)]
        counts = self._rng.poisson(np.array(rates) * self._period)
        line = ",".join([f"{self.specification.epoch + end:.3f}", *map(str, counts)])
        self.stream.tell(line.encode("ascii") + b"\n")
        self._period_began = end


class WebSqSession:
    """One client of the control port."""

    __slots__ = ("_buffer", "_outgoing", "_websq")

    def __init__(self, websq: SimulatedWebSq) -> None:
        self._websq = websq
        self._buffer = self._outgoing = b""

    def tell(self, data: bytes) -> None:
        """Keep what the client is to be told until it is collected."""
        self._outgoing += data

    def forget(self) -> None:
        """Lose what was half received or not yet sent."""
        self._buffer = self._outgoing = b""

    def receive(self, data: bytes, now: float) -> bytes:
        """Take bytes, obey the objects that are complete, and give what there is to tell.

        Args:
            data: Bytes from the client.
            now: Lab time in s.
        """
        if not self._websq.powered:
            return b""
        self._websq.advance(now)
        objects, self._buffer = find_objects(self._buffer + data)
        for text in objects:
            answer = self._websq.obey(text, now)
            self._outgoing += answer
        sent, self._outgoing = self._outgoing, b""
        return sent

    def due(self) -> float | None:
        """Return the lab time in s of the next output, None if the driver waits for the client."""
        return -math.inf if self._outgoing else self._websq.due()

    def close(self) -> None:
        """Hang up."""
        self._websq.disconnect(self)


def _encode(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode("ascii")


def _parse(text: str) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise WebSqError("not JSON") from None
    if not isinstance(message, dict):
        raise WebSqError("not an object")
    return message
