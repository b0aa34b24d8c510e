"""What the blocks of an ID900 see: rates of events behind delays, combiners and windows, and histograms.

Events of different inputs are independent and random (Poissonian), except that the events of an input may be
tied to the start pulses by a profile. Rates and shapes of histograms follow from that in closed form; no list
of events is ever made.

Source: intervals between Poissonian events of rate r are exponential (any textbook on point processes): the
share of time within ``width`` of an event is 1 - exp(-r width), and a histogram of delays that each start
begins anew falls as exp(-r delay).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hardware_sim.instruments.id900_commands import NONE, Value

PS = 1e-12  # s
SLICES = 8  # in which a stretch of time is cut to follow rates that change
SAMPLES = 512  # of a profile within a window

Floats = NDArray[np.float64]
Blocks = Mapping[str, Mapping[str, Value]]
Rates = Callable[[float], Sequence[float]]
Arrivals = Callable[[int, Floats], Floats]


@dataclass(frozen=True, slots=True)
class Gate:
    """A window that events have to meet.

    Attributes:
        source: Block at the start of the chain whose events open it.
        opens: From such an event to the opening in s, with the delays on the way.
        closes: The same to its end in s.
        inside: Whether events within pass.
        outside: Whether the others do.
    """

    source: str
    opens: float
    closes: float
    inside: bool
    outside: bool


@dataclass(frozen=True, slots=True)
class Route:
    """The way of events from an input to a block.

    Attributes:
        source: Block at its start; `NONE` if nothing comes.
        delay: On the way in s.
        gates: Windows on the way.
    """

    source: str = NONE
    delay: float = 0.0
    gates: tuple[Gate, ...] = ()


class Signals:
    """The events that run through the blocks as they are set.

    Args of the constructor are shared with the instrument, which changes the settings.
    """

    def __init__(
        self, blocks: Blocks, rates: Rates, start: Callable[[float], float], arrivals: Arrivals | None
    ) -> None:
        """Connect the inputs.

        Args:
            blocks: Settings by block and header.
            rates: Counts a second at the inputs 1 to 4, given the lab time in s.
            start: Counts a second at the start input, given the lab time in s.
            arrivals: Counts a second at an input at delays (s) after a start pulse, if they are tied to it.
        """
        self._blocks, self._rates, self._start, self._arrivals = blocks, rates, start, arrivals

    def input_rate(self, block: str, now: float) -> float:
        """Return the counts a second at a connector, whether or not the input is enabled."""
        if block == "STAR":
            return self._start(now)
        rates, index = self._rates(now), int(block.removeprefix("INPU")) - 1
        return rates[index] if index < len(rates) else 0.0

    def rate(self, block: str, now: float) -> float:
        """Return the events a second that leave a block at lab time ``now`` (s)."""
        if block in (NONE, "REC"):
            return 0.0
        settings = self._blocks[block]
        if block.startswith("TSCO"):
            return self._combined_rate(settings, now)
        if block.startswith("DELA"):
            return self.rate(str(settings["LINK"]), now)
        return self.input_rate(block, now) if settings["ENABle"] == "ON" else 0.0

    def expected(self, block: str, start: float, stop: float) -> float:
        """Return the mean number of events that leave a block between two lab times (s)."""
        step = (stop - start) / SLICES
        return step * sum(self.rate(block, start + (slice_ + 0.5) * step) for slice_ in range(SLICES))

    def route(self, block: str) -> Route:
        """Return the way of the events that leave a block."""
        if block in (NONE, "REC"):
            return Route(block)
        settings = self._blocks[block]
        if block.startswith("DELA"):
            return _later(self.route(str(settings["LINK"])), settings["VALUe"])
        if not block.startswith("TSCO"):
            return Route(block, int(settings["DELAy"]) * PS)
        outside, inside = (settings[name] != "MUTE" for name in ("OPOUt", "OPIN"))
        way = self.route(str(settings["FIRst:LINK"]))
        if settings["WINDow:ENABle"] == "OFF":
            return way if outside else Route()
        opening = self.route(str(settings["WINDow:BEGIn:LINK"]))
        closing = self.route(str(settings["WINDow:END:LINK"]))
        gate = Gate(
            opening.source,
            opening.delay + int(settings["WINDow:BEGIn:DELAy"]) * PS,
            closing.delay + int(settings["WINDow:END:DELAy"]) * PS,
            inside,
            outside,
        )
        return replace(way, gates=(*way.gates, gate))

    def density(self, reference: Route, stop: Route, delays: Floats, now: float) -> Floats:
        """Return the stops a second at delays after a reference event.

        Args:
            reference: Way of the reference events.
            stop: Way of the stop events.
            delays: In s, shape (n,).
            now: Lab time in s.

        Returns:
            Density in 1/s, shape (n,).
        """
        found = np.full(delays.shape, self.rate(stop.source, now))
        if self._tied(reference.source, stop.source):
            found = self._profile(stop.source, delays - (stop.delay - reference.delay))
        for gate in stop.gates:
            if gate.source == reference.source:
                after_opener = delays + reference.delay
                within = (after_opener >= gate.opens) & (after_opener < gate.closes)
                found = np.where(within, found * gate.inside, found * gate.outside)
            else:
                share = self._share(gate, now)
                found = found * (share * gate.inside + (1.0 - share) * gate.outside)
        return found

    def _combined_rate(self, settings: Mapping[str, Value], now: float) -> float:
        first, second = (str(settings[f"{name}:LINK"]) for name in ("FIRst", "SECond"))
        rates = self.rate(first, now), self.rate(second, now)
        outside = _operated(str(settings["OPOUt"]), *rates)
        if settings["WINDow:ENABle"] == "OFF":
            return outside
        inside = _operated(str(settings["OPIN"]), *rates)
        way = self.route(first)
        opening = self.route(str(settings["WINDow:BEGIn:LINK"]))
        closing = self.route(str(settings["WINDow:END:LINK"]))
        opens = opening.delay + int(settings["WINDow:BEGIn:DELAy"]) * PS
        closes = closing.delay + int(settings["WINDow:END:DELAy"]) * PS
        if self._tied(opening.source, way.source):
            caught = self._caught(way, opens, closes) * self.rate(opening.source, now)
            share = min(caught / rates[0], 1.0) if rates[0] > 0.0 else 0.0
        else:
            share = self._share(Gate(opening.source, opens, closes, True, True), now)
        return share * inside + (1.0 - share) * outside

    def _share(self, gate: Gate, now: float) -> float:
        """Return the share of time during which a window is open."""
        return -math.expm1(-self.rate(gate.source, now) * max(gate.closes - gate.opens, 0.0))

    def _caught(self, way: Route, opens: float, closes: float) -> float:
        """Return the events of an input that one start pulse brings into a window."""
        width = max(closes - opens, 0.0)
        middles = opens + width * (np.arange(SAMPLES) + 0.5) / SAMPLES
        return float(self._profile(way.source, middles - way.delay).mean()) * width

    def _tied(self, reference: str, stop: str) -> bool:
        return self._arrivals is not None and reference == "STAR" and stop.startswith("INPU")

    def _profile(self, source: str, delays: Floats) -> Floats:
        if self._arrivals is None or self._blocks[source]["ENABle"] == "OFF":
            return np.zeros(delays.shape)
        return np.asarray(self._arrivals(int(source.removeprefix("INPU")), delays), dtype=np.float64)


def _later(route: Route, delay: Value) -> Route:
    return replace(route, delay=route.delay + int(delay) * PS)


def _operated(operation: str, first: float, second: float) -> float:
    """Return the rate of a combination; independent events never coincide within a resolution of 1 ps."""
    rates = {"ONLYFIRST": first, "ONLYSECOND": second, "OR": first + second, "AND": first * second * PS}
    return rates.get(operation, 0.0)
