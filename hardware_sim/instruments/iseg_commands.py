"""The commands of an iseg NHR: channel lists, numbers with units, and all that one channel can be told.

Queries have the channel list behind a space (``:MEAS:VOLT? (@0)``), commands behind a comma
(``:VOLT 500,(@0)``); a list may name several channels (``(@0,2)``) or a range (``(@0-3)``).

Source: iseg SCPI common instruction set (2020-11-10), and the published clients iseg-nhr 0.2.0 and hvps 0.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from hardware_sim.instruments.iseg_channel import InputError, IsegChannel
from hardware_sim.instruments.scpi_syntax import MessageUnit, compile_header, parse_number

CLEAR = "CLEAR"
EVERY_EVENT = 0xFFFF_FFFF
INHIBIT_ACTIONS = range(5)
OUTPUT_MODE = "1"  # the only one of this module; others divide the nominal voltage
CONTROL_SET_ON, CONTROL_EMERGENCY_OFF = 1 << 3, 1 << 5  # channel control register

_CHANNELS = re.compile(r"(?:(?P<value>.*?)\s*,\s*)?\(@(?P<list>[0-9,\-\s]+)\)")


@dataclass(frozen=True, slots=True)
class ChannelCommand:
    """A header that addresses channels: what it reads of one, and what it writes to one."""

    header: str
    read: Callable[[IsegChannel, float], str] | None = None
    write: Callable[[IsegChannel, str, float], None] | None = None


@dataclass(frozen=True, slots=True)
class ModuleCommand:
    """A header that addresses the module, and whether the command has an argument."""

    header: str
    read: Callable[[float], str] | None = None
    write: Callable[[str, float], None] | None = None
    argument: bool = True


AnyCommand = TypeVar("AnyCommand", ChannelCommand, ModuleCommand)


def order(header: str, action: Callable[[float], None]) -> ModuleCommand:
    """Make a command of the module that has no argument."""
    return ModuleCommand(header, write=lambda _, now: action(now), argument=False)


def constant(text: str) -> Callable[..., str]:
    """Make what reads a value that never changes."""
    return lambda *_: text


def find_command(commands: Sequence[AnyCommand], unit: MessageUnit) -> AnyCommand:
    """Return the command that a unit of a line names.

    Raises:
        InputError: If there is none.
    """
    for command in commands:
        if compile_header(command.header).fullmatch(unit.header):
            return command
    raise InputError(f"{unit.header} is unknown")


def parse_channels(argument: str, count: int) -> tuple[str, list[int]] | None:
    """Split an argument into a value and the channels it is for.

    Args:
        argument: Everything behind the header.
        count: Number of channels of the module.

    Returns:
        The value, empty if there is none, and the numbers of the channels; None without channel list.

    Raises:
        InputError: If the list is broken or names a channel that is not there.

    Example:
        >>> parse_channels("500,(@0,2-3)", 4), parse_channels("(@1)", 4), parse_channels("CLEAR", 4)
        (('500', [0, 2, 3]), ('', [1]), None)
    """
    match = _CHANNELS.fullmatch(argument)
    if match is None:
        return None
    found: list[int] = []
    for part in match["list"].split(","):
        ends = [end.strip() for end in part.split("-")]
        if len(ends) > 2 or not all(end.isdecimal() for end in ends):
            raise InputError(f"(@{match['list']}) is no list of channels")
        numbers = range(int(ends[0]), int(ends[-1]) + 1)
        if not numbers or numbers[-1] >= count:
            raise InputError(f"(@{match['list']}): there are channels 0 to {count - 1}")
        found += numbers
    return match["value"] or "", found


def parse_event_mask(argument: str) -> int:
    """Read which events to clear: ``CLEAR`` for all, or a decimal mask.

    Raises:
        InputError: If it is neither.
    """
    if argument.upper() == CLEAR:
        return EVERY_EVENT
    if not argument.isdecimal():
        raise InputError(f"{argument} is neither CLEAR nor a mask")
    return int(argument) & EVERY_EVENT


def format_unit(value: float, unit: str) -> str:
    """Write a value as replies have it: one digit before the point, exponent without padding.

    Example:
        >>> format_unit(500.0, "V"), format_unit(-3.2e-9, "A")
        ('5.00000E2V', '-3.20000E-9A')
    """
    mantissa, exponent = f"{value + 0.0:.5E}".split("E")
    return f"{mantissa}E{int(exponent)}{unit}"


def format_speed(value: float, unit: str) -> str:
    """Write a ramp speed as replies have it: six digits, exponent in threes.

    Example:
        >>> format_speed(100.0, "V/s"), format_speed(1200.0, "V/s")
        ('100.000E0V/s', '1.20000E3V/s')
    """
    mantissa, exponent = f"{value:.5E}".split("E")
    shift = int(exponent) % 3
    return f"{float(mantissa) * 10**shift:.{5 - shift}f}E{int(exponent) - shift}{unit}"


def _switch(channel: IsegChannel, argument: str, now: float) -> None:
    """Obey ``:VOLT``: a word that switches or a set voltage."""
    actions: dict[str, Callable[[], None]] = {
        "ON": lambda: channel.switch_on(now),
        "OFF": lambda: channel.switch_off(now),
        "EMCY OFF": lambda: channel.shut_in_emergency(now),
        "EMCY CLR": channel.release,
    }
    action = actions.get(argument.upper().replace("_", " "))
    if action is not None:
        action()
    else:
        channel.set_voltage(parse_number(argument, {"V": 1.0, "KV": 1e3}), now)


def _set_emergency(channel: IsegChannel, argument: str, now: float) -> None:
    _switch(channel, f"EMCY {argument}", now)


def _set_polarity(channel: IsegChannel, argument: str, now: float) -> None:
    if argument.lower() not in ("p", "n"):
        raise InputError(f"{argument} is no polarity")
    channel.set_polarity(argument.lower() == "n", now)


def _set_inhibit(channel: IsegChannel, argument: str, now: float) -> None:
    action = parse_number(argument, {})
    if action not in INHIBIT_ACTIONS:
        raise InputError(f"{argument} is no action of the inhibit")
    channel.set_up(inhibit_action=int(action))


def _bounds(name: str, unit: str) -> Callable[[IsegChannel, str, float], None]:
    def write(channel: IsegChannel, argument: str, now: float) -> None:
        nominal: float = getattr(channel.specification, f"nominal_{name}")
        value = parse_number(argument, {unit: 1.0})
        if not 0.0 <= value <= nominal:
            raise InputError(f"{argument} is not within 0 to {nominal} {unit}")
        channel.set_up(**{f"{name}_bounds": value})

    return write


def _ramp(*names: str) -> Callable[[IsegChannel, str, float], None]:
    def write(channel: IsegChannel, argument: str, now: float) -> None:
        slowest, fastest = _speed_range(channel, names[0])
        speed = parse_number(argument, {})
        if not slowest <= speed <= fastest:
            raise InputError(f"{argument} is not within {slowest} to {fastest} 1/s")
        channel.set_ramp(now, **dict.fromkeys(names, speed))

    return write


def _speed_range(channel: IsegChannel, name: str) -> tuple[float, float]:
    kind = channel.specification
    if name.startswith("current"):
        return kind.slowest_ramp * kind.nominal_current, kind.fastest_current_ramp * kind.nominal_current
    return kind.slowest_ramp * kind.nominal_voltage, kind.fastest_ramp * kind.nominal_voltage


def _setting(name: str, unit: str) -> Callable[[IsegChannel, float], str]:
    return lambda channel, now: format_unit(getattr(channel.settings, name), unit)


def _speed(name: str, unit: str) -> Callable[[IsegChannel, float], str]:
    return lambda channel, now: format_speed(getattr(channel.settings, name), unit)


def _signed_nominal(channel: IsegChannel, now: float) -> str:
    sign = -1.0 if channel.settings.negative else 1.0
    return format_unit(sign * channel.specification.nominal_voltage, "V")


def _quantity_commands(word: str, name: str, unit: str, ramps: str) -> list[ChannelCommand]:
    """Make the commands that voltage and current have alike.

    Args:
        word: ``VOLTage`` or ``CURRent``.
        name: ``voltage`` or ``current``.
        unit: ``V`` or ``A``.
        ramps: What the names of the ramp speeds begin with.
    """
    up, down, speed = f"{ramps}ramp_up", f"{ramps}ramp_down", f"{unit}/s"

    def nominal(channel: IsegChannel, now: float) -> str:
        return format_unit(getattr(channel.specification, f"nominal_{name}"), unit)

    def limit(channel: IsegChannel, now: float) -> str:
        return format_unit(getattr(channel, f"{name}_limit"), unit)

    def edge(which: int) -> Callable[[IsegChannel, float], str]:
        return lambda channel, now: format_speed(_speed_range(channel, up)[which], speed)

    return [
        ChannelCommand(f"READ:{word}[:SET]", _setting(name, unit)),
        ChannelCommand(f"READ:{word}:NOMinal", nominal),
        ChannelCommand(f"READ:{word}:LIMit", limit),
        ChannelCommand(f"READ:{word}:BOUnds", _setting(f"{name}_bounds", unit)),
        ChannelCommand(f"{word}:BOUnds", None, _bounds(name, unit)),
        ChannelCommand(f"READ:RAMP:{word}", _speed(up, speed)),
        ChannelCommand(f"READ:RAMP:{word}:MINimum", edge(0)),
        ChannelCommand(f"READ:RAMP:{word}:MAXimum", edge(1)),
        ChannelCommand(f"CONFigure:RAMP:{word}", _speed(up, speed), _ramp(up, down)),
        ChannelCommand(f"CONFigure:RAMP:{word}:UP", _speed(up, speed), _ramp(up)),
        ChannelCommand(f"CONFigure:RAMP:{word}:DOWN", _speed(down, speed), _ramp(down)),
    ]


def _flag(name: str) -> Callable[[IsegChannel, float], str]:
    return lambda channel, now: str(int(getattr(channel, name)))


def _control(channel: IsegChannel, now: float) -> str:
    return str(CONTROL_SET_ON * channel.on | CONTROL_EMERGENCY_OFF * channel.emergency)


def _polarity(channel: IsegChannel, now: float) -> str:
    return "n" if channel.settings.negative else "p"


def _nominal_current(channel: IsegChannel, now: float) -> str:
    return format_unit(channel.specification.nominal_current, "A")


def _write_current(channel: IsegChannel, argument: str, now: float) -> None:
    channel.set_current(parse_number(argument, {"A": 1.0, "MA": 1e-3, "UA": 1e-6}), now)


def _clear_events(channel: IsegChannel, argument: str, now: float) -> None:
    channel.clear_events(parse_event_mask(argument))


def _inhibit_action(channel: IsegChannel, now: float) -> str:
    return str(channel.settings.inhibit_action)


CHANNEL_COMMANDS = (
    ChannelCommand("VOLTage", None, _switch),
    ChannelCommand("VOLTage:EMCY", None, _set_emergency),
    ChannelCommand("READ:VOLTage:ON", _flag("on")),
    ChannelCommand("READ:VOLTage:EMCY", _flag("emergency")),
    ChannelCommand("READ:VOLTage:MODE[:LIST]", _signed_nominal),
    ChannelCommand("MEASure:VOLTage", lambda channel, now: format_unit(channel.measure_voltage(now), "V")),
    *_quantity_commands("VOLTage", "voltage", "V", ""),
    ChannelCommand("CURRent", None, _write_current),
    ChannelCommand("READ:CURRent:MODE[:LIST]", _nominal_current),
    ChannelCommand("MEASure:CURRent", lambda channel, now: format_unit(channel.measure_current(now), "A")),
    *_quantity_commands("CURRent", "current", "A", "current_"),
    ChannelCommand("CONFigure:OUTPut:POLarity", _polarity, _set_polarity),
    ChannelCommand("CONFigure:OUTPut:POLarity:LIST", constant("p,n")),
    ChannelCommand("CONFigure:OUTPut:MODE[:LIST]", constant(OUTPUT_MODE)),
    ChannelCommand("CONFigure:INHibit:ACTion", _inhibit_action, _set_inhibit),
    ChannelCommand("CONFigure:INHP:ACTion", _inhibit_action, _set_inhibit),
    ChannelCommand("READ:CHANnel:CONTrol", _control),
    ChannelCommand("READ:CHANnel:STATus", lambda channel, now: str(int(channel.status(now)))),
    ChannelCommand("READ:CHANnel:EVent:STATus", lambda channel, now: str(int(channel.events))),
    ChannelCommand("EVent", None, _clear_events),
)
