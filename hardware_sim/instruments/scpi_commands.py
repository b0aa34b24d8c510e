"""How an instrument declares its SCPI commands: header, query, numeric range, switch, choice of words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from hardware_sim.instruments.scpi_syntax import (
    MessageUnit,
    ScpiError,
    compile_header,
    parse_boolean,
    parse_choice,
    parse_number,
)

Reader = Callable[[str, float], str]
Writer = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Command:
    """One header of an instrument's command tree and what it does.

    Attributes:
        header: Header as manuals print it, see `compile_header`.
        read: Answers the query, given its argument (empty if none) and the lab time in s; None if it cannot
            be asked. Each character of the answer is a byte (latin-1), so that blocks can be answered too.
        write: Obeys the command, given its argument and the lab time in s; None if it can only be asked.
        read_argument: Whether the query may have an argument, or how many; several arrive joined by commas,
            see `split_arguments`.
        write_argument: Whether the command has an argument, or how many at most; it needs at least one.
    """

    header: str
    read: Reader | None = None
    write: Writer | None = None
    read_argument: int = False
    write_argument: int = True

    def check_arguments(self, unit: MessageUnit) -> str:
        """Return the argument of a unit, several joined by commas, empty if it has none.

        Raises:
            ScpiError: -108 or -109 if the unit has too many or too few.
        """
        possible = self.read_argument if unit.query else self.write_argument
        if len(unit.arguments) > possible:
            raise ScpiError(-108, unit.header)
        if possible and not unit.query and not unit.arguments:
            raise ScpiError(-109, unit.header)
        return ",".join(unit.arguments)


@dataclass(frozen=True, slots=True)
class Quantity:
    """How a numeric parameter is written: its suffixes, range and resolution, in its own unit.

    Attributes:
        suffixes: Factor to the parameter's unit by suffix in capitals.
        minimum: Smallest value, also given by ``MIN``.
        maximum: Largest value, also given by ``MAX``.
        default: Value after ``*RST``, also given by ``DEF``.
        resolution: Values are rounded to multiples of this; 0 takes them as they are.
        step: Change by ``UP`` and ``DOWN``; 0 if there are none.
        decimals: Digits behind the point in replies; None for as many as there are.
    """

    suffixes: Mapping[str, float]
    minimum: float
    maximum: float
    default: float
    resolution: float
    step: float = 0.0
    decimals: int | None = None

    def shifted(self, offset: float) -> Quantity:
        """Return the same quantity with its range moved by ``offset``."""
        return replace(self, minimum=self.minimum + offset, maximum=self.maximum + offset)

    def special(self, text: str) -> float | None:
        """Return what ``MIN``, ``MAX`` or ``DEF`` stands for, None for any other text."""
        words = {"MINimum": self.minimum, "MAXimum": self.maximum, "DEFault": self.default}
        return next((v for word, v in words.items() if compile_header(word).fullmatch(text.upper())), None)

    def clip(self, value: float) -> float:
        """Return the value within the range that comes closest, as a knob stops at its end."""
        return min(max(value, self.minimum), self.maximum)

    def parse(self, text: str, present: float) -> float:
        """Read a value.

        Args:
            text: Argument of a command.
            present: Value that ``UP`` and ``DOWN`` start from.

        Returns:
            The value, rounded to the resolution.

        Raises:
            ScpiError: -222 outside the range, else as `parse_number`.
        """
        value = self.special(text)
        if value is None and self.step and text.upper() in ("UP", "DOWN"):
            value = present + (self.step if text.upper() == "UP" else -self.step)
        if value is None:
            value = parse_number(text, self.suffixes)
        if not self.minimum <= value <= self.maximum:
            raise ScpiError(
                -222, f"{text} is not within {self.format(self.minimum)} to {self.format(self.maximum)}"
            )
        if not self.resolution:
            return value
        # Ten decimals take the binary dust off the multiple; adding 0.0 makes negative zero positive.
        return round(round(value / self.resolution) * self.resolution, 10) + 0.0

    def format(self, value: float) -> str:
        """Write a value as replies have it: a plain number without suffix.

        Example:
            >>> Quantity({"HZ": 1.0}, 9e3, 3.2e9, 1e8, 0.01).format(23.4e6)
            '23400000'
            >>> Quantity({"V": 1.0}, 0.0, 32.05, 0.0, 1e-3, decimals=3).format(3.3)
            '3.300'
        """
        return f"{value:.12g}" if self.decimals is None else f"{value:.{self.decimals}f}"


def action_command(header: str, action: Callable[[float], None]) -> Command:
    """Make the command without argument or query that does something at a lab time in s."""
    return Command(header, write=lambda _, now: action(now), write_argument=False)


def numeric_command(
    header: str,
    quantity: Callable[[], Quantity],
    get: Callable[[], float],
    put: Callable[[float, float], None],
) -> Command:
    """Make the command of a numeric parameter, with ``MIN``, ``MAX`` and ``DEF`` in command and query.

    Args:
        header: Header as manuals print it.
        quantity: Gives the parameter's range as it is now.
        get: Gives the present value.
        put: Takes a new value and the lab time in s.
    """

    def read(argument: str, now: float) -> str:
        value = get() if not argument else quantity().special(argument)
        if value is None:
            raise ScpiError(-141, argument)
        return quantity().format(value)

    def write(argument: str, now: float) -> None:
        put(quantity().parse(argument, get()), now)

    return Command(header, read, write, read_argument=True)


def boolean_command(header: str, get: Callable[[], bool], put: Callable[[bool, float], None]) -> Command:
    """Make the command of a switch; queries reply ``0`` or ``1``."""
    return Command(
        header,
        read=lambda _, now: str(int(get())),
        write=lambda argument, now: put(parse_boolean(argument), now),
    )


def choice_command(
    header: str, choices: Sequence[str], get: Callable[[], str], put: Callable[[str, float], None]
) -> Command:
    """Make the command of a parameter that is one of several words; queries reply the short form."""
    return Command(
        header,
        read=lambda _, now: get(),
        write=lambda argument, now: put(parse_choice(argument, choices), now),
    )
