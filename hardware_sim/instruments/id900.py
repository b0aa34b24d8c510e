"""A simulated ID Quantique ID900 time controller: counters, windows, delays, histograms, timed records.

It takes SCPI text in ZeroMQ messages, one reply each (`serve_zmq`). Several commands in one message are
answered by as many lines; the first that fails ends the message with ``SCPI_ERR_...``. Time tags are not
streamed: ``RAW`` blocks can be set, and send nothing.

Source: ID Quantique's Python examples and clients that run on hardware, see `id900_commands`. The integration
time of counters is in milliseconds (1 to 65535: IDQTimeController of the Measurement Standards Laboratory).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from hardware_sim.instruments.id900_commands import (
    INFINITE,
    INVALID_COMMAND,
    NONE,
    WRONG_COUNT,
    WRONG_TYPE,
    Id900Error,
    Number,
    Value,
    defaults,
    find_block,
    find_header,
    kind_of,
)
from hardware_sim.instruments.id900_histogram import Histogram
from hardware_sim.instruments.id900_signals import PS, Arrivals, Rates, Signals
from hardware_sim.instruments.instrument import Instrument
from hardware_sim.instruments.scpi_syntax import MessageUnit, ScpiError, parse_message

# Codes of the reply to HIREs:ERROr? (maker's example).
NO_ERROR, NOT_CALIBRATED, RATE_TOO_HIGH = 0, 1, 1001
CONFIGURATIONS: Final = ("INIT", "HISTO", "COUNT", "BLANK")
INPUTS: Final = ("STAR", "INPU1", "INPU2", "INPU3", "INPU4")

# Second delays, windows and combiners of the configuration COUNT: combiner, its input, who opens its window.
COINCIDENCES: Final = {
    "TSCO6": ("DELA6", "DELA1"),
    "TSCO7": ("DELA7", "DELA1"),
    "TSCO8": ("DELA8", "DELA1"),
    "TSCO3": ("DELA7", "DELA2"),
    "TSCO4": ("DELA8", "DELA2"),
    "TSCO5": ("DELA8", "DELA3"),
}

Reading = Callable[[str, float], str]


@dataclass(frozen=True, slots=True)
class Id900Specification:
    """One time controller as it was delivered.

    Attributes:
        model: As replied to ``*IDN?``, whose form is ASSUMED.
        serial_number: The same.
        firmware: The same.
        bin_width: Of the resolution ``HIRES`` in ps. ASSUMED.
        coarse_bin_width: Of the resolution ``LOWRES`` in ps. ASSUMED.
        highest_rate: Counts a second beyond which an input errs in ``HIRES`` (maker's example: 25 MHz).
        pulse_height: Of the detectors' pulses in V; a threshold between a twentieth and all of it counts.
            ASSUMED.
        boot_time: From power-on to the first answer in s. ASSUMED.
    """

    model: str = "ID900"
    serial_number: str = "1908029T010"
    firmware: str = "2.6.0"
    bin_width: int = 13
    coarse_bin_width: int = 100
    highest_rate: float = 25e6
    pulse_height: float = 0.6
    boot_time: float = 40.0


@dataclass(slots=True)
class Counter:
    """One counter.

    Attributes:
        began: Lab time in s since when it counts.
        period: Index of the integration time that ``value`` belongs to, in mode CYCLE.
        value: Counts.
    """

    began: float = 0.0
    period: int = 0
    value: int = 0


def silence(now: float) -> tuple[float, ...]:
    """Return no counts at any input."""
    return ()


def no_start(now: float) -> float:
    """Return no start pulses."""
    return 0.0


class SimulatedId900(Instrument):
    """A time controller; serve it with `serve_zmq`.

    Attributes:
        specification: The instrument as delivered.

    Example:
        >>> controller = SimulatedId900(np.random.default_rng(1), lambda now: (1000.0,))
        >>> controller.execute("INPU1:ENAB ON;COUN:INTE 500;RESE", now=0.0).splitlines()
        ['Value set to ON', 'Value set to 500', 'Counter value set to 0 ']
        >>> 400 < int(controller.execute("INPU1:COUN?", now=0.6)) < 600
        True
    """

    KNOBS: ClassVar[tuple[str, ...]] = ("resolution", *(f"threshold_{number}" for number in range(1, 5)))
    """``HIRES`` or ``LOWRES``, and the thresholds of the inputs in V, set with the maker's program."""
    FAULTS: ClassVar[tuple[str, ...]] = ("calibration lost", "rate too high")
    """In ``HIRES`` the inputs err until they are cleared or recalibrated."""
    REFUSAL: ClassVar[type[Exception]] = Id900Error
    tcp_resource = "zmq://{host}:{port}"
    loses_link = True

    def __init__(
        self,
        rng: np.random.Generator,
        rates: Rates = silence,
        specification: Id900Specification | None = None,
        *,
        start: Callable[[float], float] = no_start,
        arrivals: Arrivals | None = None,
    ) -> None:
        """Switch the instrument on.

        Args:
            rng: Source of the counts' noise.
            rates: Counts a second at the inputs 1 to 4, given the lab time in s; missing ones are silent.
            specification: The instrument as delivered; an ID900 if None.
            start: Pulses a second at the start input, given the lab time in s.
            arrivals: Counts a second at an input (1 to 4) at delays after a start pulse (s, shape (n,)), if
                they are tied to it; else they come at any time.
        """
        self.specification = specification or Id900Specification()
        super().__init__(self.specification.boot_time)
        self._rng = rng
        self._blocks = defaults()
        self._calibrated = True
        self._readings, self._actions = self._own_readings(), self._own_actions()
        self._signals = Signals(self._blocks, self._audible(rates), start, arrivals)
        self._start_up(0.0)

    def connect(self) -> Id900Session:
        """Accept a client; all clients share the instrument's state."""
        return Id900Session(self)

    def switch_on(self, now: float) -> None:
        """Finish booting at lab time ``now`` (s) in the configuration INIT."""
        super().switch_on(now)
        self._start_up(now)

    def playing(self, now: float) -> bool:
        """Return whether a record is being taken at lab time ``now`` (s)."""
        return self._played_from <= now < self._played_until

    def execute(self, message: str, now: float) -> str:
        """Obey one message.

        Args:
            message: Commands and queries.
            now: Lab time in s.

        Returns:
            The reply, a line for each of them.
        """
        replies: list[str] = []
        try:
            replies.extend(self._perform(unit, now) for unit in parse_message(message.strip()))
        except (Id900Error, ScpiError) as error:
            code = str(error) if isinstance(error, Id900Error) else INVALID_COMMAND
            self.complaints.append(f"{message!r}: {code}")
            replies.append(code)
        return "\n".join(replies) or "\n"

    def _turn(self, knob: str, value: float | bool | str, now: float) -> None:
        block, header = ("DEVI", "RES") if knob == "resolution" else (f"INPU{knob[-1]}", "THRE")
        self._settle(now)
        self._obey(block, [header], (str(value),), now)

    def _suffer(self, fault: str, now: float) -> None:
        self._calibrated = self._calibrated and fault != "calibration lost"
        code = RATE_TOO_HIGH if self._calibrated else NOT_CALIBRATED
        self._input_errors = dict.fromkeys(INPUTS, code)

    def _start_up(self, now: float) -> None:
        self._counters = {
            block: Counter(now) for block in self._blocks if block[:4] in ("STAR", "INPU", "TSCO")
        }
        self._histograms = {block: Histogram() for block in self._blocks if block.startswith("HIST")}
        self._settled_at = now
        self._played_from = self._played_until = math.inf
        self._calibrated = True
        self._input_errors = dict.fromkeys(INPUTS, NO_ERROR)
        self._load("INIT")

    def _load(self, name: str) -> None:
        """Set all blocks as in one of the stored configurations."""
        for block, settings in defaults().items():
            self._blocks[block].update(settings)
        if name == "BLANK":
            return
        for number in range(1, 5):
            self._blocks[f"DELA{number}"]["LINK"] = f"INPU{number}"
            self._blocks[f"TSCO{number + 4}"]["FIRst:LINK"] = f"DELA{number}"
            self._blocks[f"HIST{number}"]["STOP:LINK"] = f"TSCO{number + 4}"
        if name != "COUNT":
            return
        for number in (2, 3, 4):
            self._blocks[f"DELA{number + 4}"]["LINK"] = f"INPU{number}"
        for combiner, (first, opener) in COINCIDENCES.items():
            self._blocks[combiner].update(
                {
                    "FIRst:LINK": first,
                    "WINDow:ENABle": "ON",
                    "WINDow:BEGIn:LINK": opener,
                    "WINDow:END:LINK": opener,
                    "OPOUt": "MUTE",
                }
            )

    def _audible(self, rates: Rates) -> Rates:
        """Return the rates that the discriminators let pass, given those at the connectors."""

        def heard(now: float) -> tuple[float, ...]:
            height = self.specification.pulse_height
            return tuple(
                rate if 0.05 < float(self._blocks[f"INPU{index}"]["THREshold"]) / height < 1.0 else 0.0
                for index, rate in enumerate([*rates(now)][:4], 1)
            )

        return heard

    def _perform(self, unit: MessageUnit, now: float) -> str:
        if unit.header == "*IDN" and unit.query:
            own = self.specification
            return f"ID Quantique,{own.model},{own.serial_number},{own.firmware}"
        name, *words = unit.header.split(":")
        found = find_block(name)
        if found is None or not words:
            raise Id900Error(INVALID_COMMAND)
        self._settle(now)
        block = found[1]
        return self._ask(block, words, now) if unit.query else self._obey(block, words, unit.arguments, now)

    def _ask(self, block: str, words: list[str], now: float) -> str:
        readings = self._readings[block.rstrip("0123456789")]
        reading = find_header(words, list(readings))
        if reading is not None:
            return readings[reading](block, now)
        header = find_header(words, list(self._blocks[block]))
        if header is None:
            raise Id900Error(INVALID_COMMAND)
        return kind_of(block, header).show(self._blocks[block][header])

    def _own_readings(self) -> dict[str, dict[str, Reading]]:
        """Return what can be asked but not set, by kind of block and header."""
        of_input: dict[str, Reading] = {
            "COUNter": lambda block, now: str(self._count(block, now)),
            "HIREs:ERROr": lambda block, now: self._tell_error(block),
        }
        return {
            "STAR": of_input,
            "INPU": of_input,
            "DELA": {},
            "TSCO": {"COUNter": of_input["COUNter"]},
            "HIST": {"DATA": lambda block, now: self._tell_histogram(block)},
            "REC": {"STAGe": lambda block, now: "PLAYING" if self.playing(now) else "STOPPED"},
            "RAW": {"ERRORS": lambda block, now: "0"},
            "DEVI": {"RESolution:BWIDth": lambda block, now: str(self._resolution())},
        }

    def _own_actions(self) -> dict[str, dict[str, Reading]]:
        """Return what can be ordered without a value, by kind of block and header."""
        of_input: dict[str, Reading] = {
            "COUNter:RESEt": self._reset_counter,
            "HIREs:ERROr:CLEAr": lambda block, now: self._clear_error(block),
        }
        return {
            "STAR": of_input,
            "INPU": of_input,
            "DELA": {},
            "TSCO": {"COUNter:RESEt": self._reset_counter},
            "HIST": {"FLUSh": lambda block, now: self._flush(block)},
            "REC": {"PLAY": lambda block, now: self._play(now), "STOP": lambda block, now: self._stop(now)},
            "RAW": {"ERRORS:CLEAR": lambda block, now: "\n"},
            "DEVI": {"SAMPling:RECAlibrate": lambda block, now: self._recalibrate()},
        }

    def _tell_error(self, block: str) -> str:
        fine = self._blocks["DEVI"]["RESolution"] == "HIRES"
        return str(self._input_errors[block] if fine else NO_ERROR)

    def _tell_histogram(self, block: str) -> str:
        counts = self._histograms[block].counts(int(self._blocks[block]["BCOUnt"]))
        return f"[{', '.join(map(str, counts.tolist()))}]"

    def _obey(self, block: str, words: list[str], arguments: tuple[str, ...], now: float) -> str:
        header = find_header(words, list(self._blocks[block]))
        if header is None:
            return self._act(block, words, arguments, now)
        if len(arguments) != 1:
            raise Id900Error(WRONG_COUNT)
        kind = kind_of(block, header)
        value = self._rounded(header, kind.parse(arguments[0]))
        if header == "LINK":
            self._connect(block, value)
        self._blocks[block][header] = value
        if header.startswith("COUNter"):
            self._counters[block] = Counter(now)
        unitless = Number(kind.low, kind.high, infinite=kind.infinite) if isinstance(kind, Number) else kind
        return f"Value set to {unitless.show(value)}"

    def _rounded(self, header: str, value: Value) -> Value:
        if value == "LORES":
            return "LOWRES"
        if header != "BWIDth":
            return value
        # A bin is made of whole steps of the resolution (maker's example rounds up as well).
        return -(-int(value) // self._resolution()) * self._resolution()

    def _act(self, block: str, words: list[str], arguments: tuple[str, ...], now: float) -> str:
        if block == "DEVI" and find_header(words, ["CONFiguration:LOAD"]):
            if len(arguments) != 1 or arguments[0].upper() not in CONFIGURATIONS:
                raise Id900Error(WRONG_TYPE)
            self._load(arguments[0].upper())
            return f"Value set to {arguments[0].upper()}"
        actions = self._actions[block.rstrip("0123456789")]
        action = find_header(words, list(actions))
        if action is None:
            raise Id900Error(INVALID_COMMAND)
        if arguments:
            raise Id900Error(WRONG_COUNT)
        return actions[action](block, now)

    def _reset_counter(self, block: str, now: float) -> str:
        self._counters[block] = Counter(now)
        return "Counter value set to 0 "  # with a blank at its end: MSL's client insists

    def _clear_error(self, block: str) -> str:
        self._input_errors[block] = NO_ERROR if self._calibrated else NOT_CALIBRATED
        return "Cleared Highres errors"

    def _flush(self, block: str) -> str:
        self._histograms[block] = Histogram()
        return "Flushed Histogram!"

    def _recalibrate(self) -> str:
        self._calibrated = True
        self._input_errors = dict.fromkeys(INPUTS, NO_ERROR)
        return "Recalibration done"

    def _connect(self, block: str, source: Value) -> None:
        """Refuse to let a delay wait for itself."""
        while source != NONE:
            if source == block:
                raise Id900Error(f"No connection possible from {source}")
            source = self._blocks[str(source)].get("LINK", NONE)

    def _resolution(self) -> int:
        fine = self._blocks["DEVI"]["RESolution"] == "HIRES"
        return self.specification.bin_width if fine else self.specification.coarse_bin_width

    def _play(self, now: float) -> str:
        record = self._blocks["REC"]
        if record["ENABle"] == "OFF":
            return "\n"
        number, duration = int(record["NUMber"]), int(record["DURation"]) * PS
        period = max(int(record["PPERiod"]) * PS, duration)
        endless = number == INFINITE
        self._played_from = now
        self._played_until = math.inf if endless else now + (number - 1) * period + duration
        return "\n"

    def _stop(self, now: float) -> str:
        self._played_until = min(self._played_until, now)
        return "\n"

    def _settle(self, now: float) -> None:
        """Account for the time since the last message, with the settings that held meanwhile."""
        start, self._settled_at = self._settled_at, max(now, self._settled_at)
        if now <= start:
            return
        for block, counter in self._counters.items():
            if self._blocks[block]["COUNter:MODE"] == "ACCUM":
                counter.value += self._draw(block, start, now)
        for block in INPUTS:
            if self._signals.rate(block, now) > self.specification.highest_rate:
                self._input_errors[block] = RATE_TOO_HIGH
        played = max(start, self._played_from), min(now, self._played_until)
        if played[0] < played[1]:
            for block, histogram in self._histograms.items():
                if self._blocks[block]["ENABle:LINK"] != NONE:
                    histogram.fill(self._signals, self._blocks[block], self._played_from, *played, self._rng)

    def _count(self, block: str, now: float) -> int:
        counter, settings = self._counters[block], self._blocks[block]
        if settings["COUNter:MODE"] == "CYCLE":
            duration = int(settings["COUNter:INTEgrationtime"]) * 1e-3
            period = math.floor((now - counter.began) / duration + 1e-9)
            if period > counter.period:
                end = counter.began + period * duration
                counter.period, counter.value = period, self._draw(block, end - duration, end)
        return counter.value

    def _draw(self, block: str, start: float, stop: float) -> int:
        return int(self._rng.poisson(self._signals.expected(block, start, stop)))


class Id900Session:
    """One request of a client."""

    __slots__ = ("_controller",)

    def __init__(self, controller: SimulatedId900) -> None:
        self._controller = controller

    def receive(self, data: bytes, now: float) -> bytes:
        """Obey one message and give its reply; no message, no reply.

        Args:
            data: The message, UTF-8.
            now: Lab time in s.
        """
        if not self._controller.powered or not data:
            return b""
        return self._controller.execute(data.decode("utf-8", "replace"), now).encode("utf-8")

    def due(self) -> float | None:
        """Return None: each reply comes at once."""
        return None

    def close(self) -> None:
        """Forget this client."""
