r"""A simulated SRS DG645, the delay generator that fans out triggers.

Commands end with CR or LF and are separated by semicolons; each query is answered by a line that ends with
CR LF. Errors are numbers in a queue (``LERR?``).

Source: as `dg645_grammar` and `dg645_settings`; the bits of ``INSR`` as dg645-ioc has them. That a changed
link keeps the offset and so moves the edge is a free choice.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from hardware_sim.instruments.dg645_grammar import (
    OPERATION_COMPLETE,
    POWER_ON,
    Fault,
    Order,
    SrsError,
    parse_float,
    parse_integer,
    parse_order,
    split_line,
)
from hardware_sim.instruments.dg645_settings import (
    DELAY_STEP_PS,
    FIRST,
    LAST,
    LONGEST_DELAY,
    PICOSECOND,
    RANGES,
    SINGLE_EXTERNAL,
    SINGLE_SHOT,
    T1,
    Delay,
    Dg645Settings,
    defaults,
)
from hardware_sim.instruments.instrument import Instrument
from hardware_sim.instruments.line_buffer import LineBuffer

REPLY_END = b"\r\n"
INPUT_BUFFER = 1024  # bytes without line end; free choice
ERROR_QUEUE_LENGTH = 20  # errors; free choice
MEMORIES = 10
# Bits of the instrument status register that this simulator can set.
TRIGGERED, RATE, END_OF_DELAY, END_OF_BURST = 1 << 0, 1 << 1, 1 << 2, 1 << 3
PLL_UNLOCKED, RUBIDIUM_UNLOCKED = 1 << 6, 1 << 7
# Bits of the status byte: instrument summary, event summary and master summary.
INSTRUMENT_SUMMARY, EVENT_SUMMARY, MASTER_SUMMARY = 1 << 0, 1 << 5, 1 << 6


@dataclass(frozen=True, slots=True)
class Dg645Specification:
    """One DG645 as it was delivered.

    Attributes:
        model: As replied to ``*IDN?``.
        serial_number: Six digits, as replied to ``*IDN?``.
        firmware: As replied to ``*IDN?``.
        timebase: Reply to ``TIMB?``: 0 internal, 1 crystal oven, 2 rubidium, 3 external.
        boot_time: From power-on to the first answer in s. ASSUMED.
    """

    model: str = "DG645"
    serial_number: str = "001013"
    firmware: str = "1.10.016"
    timebase: int = 2
    boot_time: float = 10.0

    @property
    def identity(self) -> str:
        """Reply to ``*IDN?`` (form from memory)."""
        return f"Stanford Research Systems,{self.model},s/n{self.serial_number},ver{self.firmware}"


class SimulatedDg645(Instrument):
    r"""A delay generator; serve it with `serve_tcp`.

    Attributes:
        specification: The instrument as delivered.
        external_rate: Gives the rate of edges at the trigger input in Hz at a lab time in s.

    Example:
        >>> generator = SimulatedDg645()
        >>> generator.connect().receive(b"DLAY 2,0,1e-6;DLAY?2\n", now=0.0)
        b'0,+0.000001000000\r\n'
        >>> generator.edge(2)
        1e-06
    """

    tcp_resource = "TCPIP::{host}::{port}::SOCKET"
    loses_link = True
    KNOBS: ClassVar[tuple[str, ...]] = (
        *(f"delay_{letter}" for letter in "abcdefgh"),
        "trigger_source",
        "trigger_rate",
        "trigger",
    )
    """Delays in s after the channel's reference, number of the source, rate in Hz, and the key that triggers,
    whatever its value; what the instrument refuses changes nothing."""
    FAULTS: ClassVar[tuple[str, ...]] = ("PLL unlock", "Rb unlock", "locked again")

    def __init__(
        self,
        specification: Dg645Specification | None = None,
        external_rate: Callable[[float], float] = lambda now: 0.0,
    ) -> None:
        """Switch the generator on.

        Args:
            specification: The instrument as delivered.
            external_rate: Gives the rate of edges at the trigger input in Hz at a lab time in s.
        """
        self.specification = specification or Dg645Specification()
        super().__init__(self.specification.boot_time)
        self.external_rate = external_rate
        self._settings = defaults()
        self._memory: dict[int, Dg645Settings] = {}
        self._unlocked = 0
        self._start(0.0)
        self._orders: dict[str, Callable[[Order, float], str | None]] = {
            "DLAY": self._obey_delay,
            "LINK": self._obey_link,
            "LERR": self._tell_error,
            "INSR": self._tell_instrument,
            "INSE": self._obey_mask,
            "TIMB": lambda order, now: self._tell(order, str(self.specification.timebase)),
            "*IDN": lambda order, now: self._tell(order, self.specification.identity),
            "*TST": lambda order, now: self._tell(order, "0"),
            "*RST": self._reset,
            "*CLS": self._clear,
            "*TRG": self._obey_trigger,
            "*OPC": self._obey_completion,
            "*WAI": self._wait,
            "*ESR": self._tell_events,
            "*STB": lambda order, now: self._tell(order, str(self._status_byte(now))),
            "*ESE": self._obey_mask,
            "*SRE": self._obey_mask,
            "*SAV": self._save,
            "*RCL": self._recall,
        }

    def edge(self, channel: int) -> float:
        """Return when the edge of a channel (0 T0, 1 T1, 2 A to 9 H) comes, in s after the trigger's T0."""
        return self._settings.edge(channel)

    def pulse(self, output: int) -> tuple[float, float]:
        """Return start and width in s of the pulse at an output (0 T0, 1 AB to 4 GH).

        The pulse at T0 lasts as long as the cycle, up to T1.
        """
        settings = self._settings
        first, second = (0, T1) if output == 0 else (2 * output, 2 * output + 1)
        edges = sorted((settings.edge(first), settings.edge(second)))
        return edges[0], edges[1] - edges[0]

    def last_trigger(self, now: float) -> float | None:
        """Return the lab time in s of the last trigger that was taken, None if there was none."""
        interval = self._settings.interval(self.external_rate(now))
        count = math.floor((now - self._changed_at) / interval)
        return self._changed_at + count * interval if count > 0 else self._last_shot(now)

    def connect(self) -> Dg645Session:
        """Accept a client; all clients share the instrument's state."""
        return Dg645Session(self)

    def switch_on(self, now: float) -> None:
        """Finish booting at lab time ``now`` (s): settings are kept, queue and registers are new."""
        super().switch_on(now)
        self._start(now)

    def execute(self, line: str, now: float) -> list[str]:
        """Obey one line.

        Args:
            line: Commands and queries, without line end.
            now: Lab time in s.

        Returns:
            The replies to its queries.
        """
        replies = []
        for text in split_line(line):
            try:
                reply = self._perform(parse_order(text), now)
            except SrsError as error:
                self.report(error.fault, text)
            else:
                replies += [] if reply is None else [reply]
        return replies

    def report(self, fault: Fault, detail: str) -> None:
        """Put an error into the queue and its bit into the event status register."""
        self.complaints.append(f"{fault:d} {fault.name}; {detail}")
        self._events |= fault.status_bit
        if len(self._errors) == ERROR_QUEUE_LENGTH:
            self._errors[-1] = Fault.TOO_MANY_ERRORS
        else:
            self._errors.append(fault)

    def _turn(self, knob: str, value: float | bool | str, now: float) -> None:
        match knob:
            case "trigger":
                self.execute("*TRG", now)
            case "trigger_source":
                self.execute(f"TSRC {int(value)}", now)
            case "trigger_rate":
                self.execute(f"TRAT {float(value)!r}", now)
            case _:
                channel = FIRST + "abcdefgh".index(knob[-1])
                reference = self._settings.delays[channel].reference
                self.execute(f"DLAY {channel},{reference},{float(value)!r}", now)

    def _suffer(self, fault: str, now: float) -> None:
        self._note(now)
        self._unlocked |= {"PLL unlock": PLL_UNLOCKED, "Rb unlock": RUBIDIUM_UNLOCKED}.get(fault, 0)
        self._note(now)
        if fault == "locked again":
            self._unlocked = 0

    def _start(self, now: float) -> None:
        self._errors: deque[Fault] = deque()
        self._events, self._instrument = POWER_ON, 0
        self._masks = {"*ESE": 0, "*SRE": 0, "INSE": 0}
        self._changed_at = self._noted_at = now
        self._shot_at: float | None = None
        self._armed_at: float | None = None

    def _perform(self, order: Order, now: float) -> str | None:
        special = self._orders.get(order.mnemonic)
        if special is not None:
            return special(order, now)
        limits = RANGES.get(order.mnemonic)
        if limits is None:
            raise SrsError(Fault.UNDEFINED_COMMAND)
        needed = bool(limits.places) + (not order.query)
        order.count(needed, needed)
        place = 0
        if limits.places:
            place = parse_integer(order.arguments[0], limits.places.start, limits.places.stop - 1)
        if order.query:
            return limits.format(self._settings.value(order.mnemonic, place))
        value = limits.parse(order.arguments[-1])
        self._change(self._settings.with_value(order.mnemonic, place, value), now)
        return None

    def _change(self, settings: Dg645Settings, now: float) -> None:
        self._note(now)
        external = self.external_rate(now)
        if settings.interval(external) != self._settings.interval(external):
            self._changed_at = now
        # One assignment of a frozen value: the lab world may read it from another thread at any time.
        self._settings = settings

    def _last_shot(self, now: float) -> float | None:
        """Return the lab time in s of the last single shot, after an edge that an armed input has seen."""
        rate = self.external_rate(now)
        if self._armed_at is None or not rate or now < self._armed_at + 1.0 / rate:
            return self._shot_at
        return self._armed_at + 1.0 / rate

    def _note(self, now: float) -> None:
        """Set the instrument status bits for what happened since this was last done."""
        settings, since, began = self._settings, self._noted_at, self._changed_at
        external = self.external_rate(now)
        interval, cycle = settings.interval(external), settings.cycle()
        shot = self._last_shot(now)
        if shot != self._shot_at:
            self._shot_at, self._armed_at = shot, None
        for bit, lag in ((TRIGGERED, 0.0), (END_OF_BURST if settings.value("BURM") else END_OF_DELAY, cycle)):
            counts = [max(math.floor((time - began - lag) / interval), 0) for time in (since, now)]
            if counts[1] > counts[0] or (shot is not None and since < shot + lag <= now):
                self._instrument |= bit
                if bit == TRIGGERED and settings.trigger_rate(external) * cycle > 1.0:
                    self._instrument |= RATE
        self._instrument |= self._unlocked
        self._noted_at = now

    def _tell(self, order: Order, reply: str) -> str:
        if not order.query:
            raise SrsError(Fault.ILLEGAL_SET)
        order.count(0, 0)
        return reply

    def _check_plain(self, order: Order) -> None:
        """Refuse a query and arguments."""
        if order.query:
            raise SrsError(Fault.ILLEGAL_QUERY)
        order.count(0, 0)

    def _reset(self, order: Order, now: float) -> None:
        self._check_plain(order)
        self._change(defaults(), now)

    def _obey_delay(self, order: Order, now: float) -> str | None:
        if order.query:
            delay = self._settings.delays[self._find_channel(order, 1)]
            return f"{delay.reference},{delay.offset_ps * PICOSECOND:+.12f}"
        channel = self._find_channel(order, 3)
        reference = parse_integer(order.arguments[1], 0, LAST)
        seconds = parse_float(order.arguments[2])
        if abs(seconds) > LONGEST_DELAY:
            raise SrsError(Fault.ILLEGAL_DELAY)
        offset = round(seconds / PICOSECOND / DELAY_STEP_PS) * DELAY_STEP_PS
        self._set_delay(channel, reference, offset, now)
        return None

    def _obey_link(self, order: Order, now: float) -> str | None:
        if order.query:
            return str(self._settings.delays[self._find_channel(order, 1)].reference)
        channel = self._find_channel(order, 2)
        offset = self._settings.delays[channel].offset_ps
        self._set_delay(channel, parse_integer(order.arguments[1], 0, LAST), offset, now)
        return None

    def _find_channel(self, order: Order, count: int) -> int:
        order.count(count, count)
        return parse_integer(order.arguments[0], FIRST, LAST)

    def _set_delay(self, channel: int, reference: int, offset: int, now: float) -> None:
        if reference == T1:
            raise SrsError(Fault.ILLEGAL_LINK)
        self._change(self._settings.with_delay(channel, Delay(reference, offset)), now)

    def _tell_error(self, order: Order, now: float) -> str:
        self._tell(order, "")
        return str(int(self._errors.popleft())) if self._errors else "0"

    def _tell_instrument(self, order: Order, now: float) -> str:
        self._note(now)
        told, self._instrument = self._take_bits(order, self._instrument)
        return told

    def _tell_events(self, order: Order, now: float) -> str:
        told, self._events = self._take_bits(order, self._events)
        return told

    def _take_bits(self, order: Order, register: int) -> tuple[str, int]:
        """Return what a status query tells, of all bits or one, and the register after it."""
        if not order.query:
            raise SrsError(Fault.ILLEGAL_SET)
        order.count(0, 1)
        if not order.arguments:
            return str(register), 0
        bit = parse_integer(order.arguments[0], 0, 7)
        return str(register >> bit & 1), register & ~(1 << bit)

    def _obey_mask(self, order: Order, now: float) -> str | None:
        order.count(int(not order.query), int(not order.query))
        if order.query:
            return str(self._masks[order.mnemonic])
        self._masks[order.mnemonic] = parse_integer(order.arguments[0], 0, 255)
        return None

    def _status_byte(self, now: float) -> int:
        self._note(now)
        status = INSTRUMENT_SUMMARY if self._instrument & self._masks["INSE"] else 0
        status |= EVENT_SUMMARY if self._events & self._masks["*ESE"] else 0
        return status | (MASTER_SUMMARY if status & self._masks["*SRE"] else 0)

    def _clear(self, order: Order, now: float) -> None:
        self._check_plain(order)
        self._note(now)
        self._errors.clear()
        self._events = self._instrument = 0

    def _obey_trigger(self, order: Order, now: float) -> None:
        self._check_plain(order)
        source = self._settings.value("TSRC")
        if source not in (*SINGLE_EXTERNAL, SINGLE_SHOT):
            raise SrsError(Fault.ILLEGAL_MODE)
        self._note(now)
        if source in SINGLE_EXTERNAL:
            self._armed_at = now
        elif self._shot_at is not None and now < self._shot_at + self._settings.cycle():
            self._instrument |= RATE
        else:
            self._shot_at = now
            self._instrument |= TRIGGERED

    def _obey_completion(self, order: Order, now: float) -> str | None:
        order.count(0, 0)
        if order.query:
            return "1"
        self._events |= OPERATION_COMPLETE
        return None

    def _wait(self, order: Order, now: float) -> None:
        # Every command is carried out at once: there is nothing to wait for.
        self._check_plain(order)

    def _save(self, order: Order, now: float) -> None:
        self._memory[self._find_memory(order)] = self._settings

    def _recall(self, order: Order, now: float) -> None:
        number = self._find_memory(order)
        settings = defaults() if number == 0 else self._memory.get(number)
        if settings is None:
            raise SrsError(Fault.RECALL_FAILED)
        self._change(settings, now)

    def _find_memory(self, order: Order) -> int:
        if order.query:
            raise SrsError(Fault.ILLEGAL_QUERY)
        order.count(1, 1)
        return parse_integer(order.arguments[0], 0, MEMORIES - 1)


class Dg645Session:
    """One client of the generator: cuts its bytes into lines."""

    __slots__ = ("_generator", "_lines")

    def __init__(self, generator: SimulatedDg645) -> None:
        self._generator = generator
        self._lines = LineBuffer(b"\r", b"\n", limit=INPUT_BUFFER)

    def receive(self, data: bytes, now: float) -> bytes:
        """Take bytes, obey the lines that are complete, and give the replies.

        Args:
            data: Bytes from the client.
            now: Lab time in s.
        """
        if not self._generator.powered:
            self._lines.clear()
            return b""
        self._lines.put(data)
        replies: list[str] = []
        for line in iter(self._lines.take, None):
            if line.isascii():
                replies += self._generator.execute(line.decode("ascii"), now)
            else:
                self._generator.report(Fault.COMMUNICATION_ERROR, repr(line))
        if lost := self._lines.overflow():
            self._generator.report(Fault.OVERRUN, f"{len(lost)} bytes")
        return b"".join(reply.encode("ascii") + REPLY_END for reply in replies)

    def due(self) -> float | None:
        """Return None: the generator only answers."""
        return None

    def close(self) -> None:
        """Forget this client."""
