"""``ionloom device``."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import click
import numpy as np

from control.bench import Bench
from control.bench_client import is_simulated, reach
from control.cli.arguments import ValueCommand, plain_minus, read_value
from control.cli.devices import show_reading
from control.cli.escapes import say
from control.cli.options import json_option, lab_option, setup_option
from control.cli.printing import console, jsonable, print_json, print_table
from control.device import Device
from control.device.settings import Range, Setting
from control.errors import ConfigError, LimitError, NotReady, UnknownName, UsageError
from control.experiments.tables import Table, cell
from control.setup import read_setup
from sequences.units import show

DEEDS: Final = ("show", "get", "set", "do", "park")

ANEW: Final = "each command starts anew: if you have homed it, add --acknowledge"
"""For an instrument that cannot tell whether it was homed."""

LONGEST_LIST: Final = 10
"""Values of a result that are printed for people; of longer ones it is told how many there are."""


@click.command("device", cls=ValueCommand)
@click.argument("name", metavar="NAME")
@click.argument("deed", type=click.Choice(DEEDS), default="show")
@click.argument("arguments", nargs=-1, metavar="[PARAM] [VALUE]")
@click.option(
    "--acknowledge", is_flag=True, help="Accept what was lost, as after a power cycle, before it is set."
)
@setup_option
@lab_option()
@json_option
def device(
    name: str,
    deed: str,
    arguments: tuple[str, ...],
    acknowledge: bool,
    setup: str,
    lab: str | None,
    as_json: bool,
) -> None:
    """Read or set one instrument.

    \b
    ionloom device trap_rf                        all that it can tell, with limits
    ionloom device trap_rf get power
    ionloom device trap_rf set power '-3 dBm'
    ionloom device half_wave_plate do home        an action of its driver
    ionloom device coils do heat 4 '5 V' '3 A' seconds='20 s'
    ionloom device snspds park                    its safe state
    """  # noqa: D301 (the \b keeps click from filling these lines)
    given = tuple(map(plain_minus, arguments))
    with _connected(setup, lab, name, lasting=deed not in {"show", "get"}) as connected:
        if acknowledge:
            connected.acknowledge()
        if deed == "show":
            _expect(given, "NAME alone", 0)
            told = _show(connected, as_json=as_json)
        elif deed == "get":
            told = _get(connected, *_expect(given, "get PARAM", 1))
        elif deed == "set":
            told = _set(connected, *_expect(given, "set PARAM VALUE", 2))
        elif deed == "do":
            told = _do(connected, given, as_json=as_json)
        else:
            _expect(given, "park", 0)
            told = {"parked": connected.park()}
            if not as_json:
                say(f"{name}: {told['parked']}")
        if as_json:
            print_json(jsonable({"name": name, **told}))
        elif deed in {"get", "set"}:
            say(show_reading(connected.latest(given[0]), time.time()))


@contextmanager
def _connected(setup: str, lab: str | None, name: str, *, lasting: bool) -> Iterator[Device]:
    """Connect to an instrument; say so if what is done to it is gone when the command ends."""
    read = read_setup(setup)
    chosen = [each for each in read.instruments if each.name == name]
    if not chosen:
        raise UnknownName(kind="instrument", name=name, known=tuple(each.name for each in read.instruments))
    with reach(read, lab) as resources, Bench(read.instruments, resources) as bench:
        try:
            yield bench.device(name)
        except NotReady as error:
            if "acknowledge()" in error.advice:
                homing = not bench.device(name).TELLS_HOMED
                advice = f"Do home first; {ANEW}." if homing else "Look at it, then give --acknowledge."
                error.advice = advice
            raise
        if lasting and lab is None and is_simulated(chosen[0]):
            note = f"{name} was simulated for this command only; one of `ionloom lab` lasts (--lab)"
            say(f"ionloom: {note}", err=True)


def _expect(arguments: tuple[str, ...], form: str, count: int) -> tuple[str, ...]:
    if len(arguments) < count:
        deed, *needed = form.split()
        raise UsageError(what=f"{deed} needs {' and '.join(needed)}", advice="See ionloom device --help.")
    if len(arguments) != count:
        given = " ".join(arguments) or "nothing"
        raise UsageError(
            what=f"{given!r} after the deed is not {form!r}", advice="See ionloom device --help."
        )
    return arguments


def _show(device: Device, *, as_json: bool) -> dict[str, Any]:
    """Return all that an instrument can tell; for people, print it."""
    who = device.identify()
    readings = {each.name: _get(device, each.name) for each in device.SETTINGS}
    told: dict[str, Any] = {
        "address": device.address,
        "state": device.state,
        "trouble": device.trouble,
        "maker": who.maker,
        "model": who.model,
        "serial_number": who.serial_number,
        "firmware": who.firmware,
        "settings": readings,
    }
    if as_json:
        return told
    on = console()
    lines = [" ".join((who.maker, who.model))]
    lines += [f"serial number {who.serial_number}"] if who.serial_number else []
    lines += [f"firmware {who.firmware}"] if who.firmware else []
    on.print(f"{device.name}: {', '.join(lines)}", markup=False, soft_wrap=True)
    on.print(f"at {device.address}, {device.state}\n", markup=False, soft_wrap=True)
    print_table(_table(device), on)
    if lacking := [why for each in device.SETTINGS if (why := device.lacks(each.name))]:
        reasons = "; ".join(dict.fromkeys(lacking))
        on.print(f"{len(lacking)} left out: {reasons}", markup=False, soft_wrap=True)
    on.print()
    deeds = [(f"do {action}{_form(device, action)}", _meaning(device, action)) for action in device.ACTIONS]
    print_table(Table(("action", "meaning"), (*deeds, ("park", device.PARKING))), on)
    if device.trouble:
        on.print(f"trouble: {device.trouble}", markup=False, soft_wrap=True)
    return told


def _table(device: Device) -> Table:
    """Return the settings that it has as they were just read, and what they may be."""
    rows = []
    for setting in device.SETTINGS:
        if device.lacks(setting.name):
            continue
        reading, bounds = device.latest(setting.name), device.range(setting.name)
        value = f"- ({reading.note})" if reading.value is None else setting.show(reading.value)
        allowed, origin = _allowed(setting, bounds)
        rows.append((setting.name, value, allowed, origin, setting.doc))
    return Table(("setting", "value", "allowed", "limited by", "meaning"), tuple(rows))


def _allowed(setting: Setting, bounds: Range) -> tuple[str, str]:
    """Return what a setting may be set to and who says so, for people."""
    if not setting.writable:
        return "read only", ""
    if not setting.number:
        return setting.allowed, ""
    if bounds == Range():
        return "any number", ""
    return f"{show(bounds.low, setting.unit)} to {show(bounds.high, setting.unit)}", bounds.origins


def _get(device: Device, param: str) -> dict[str, Any]:
    reading = device.measure(param)
    return {
        "setting": param,
        "value": reading.value,
        "unit": reading.unit,
        "quality": reading.quality,
        "note": reading.note,
    }


def _set(device: Device, param: str, text: str) -> dict[str, Any]:
    setting = device.setting(param)
    try:
        device.set(param, setting.parse(text))
    except ConfigError as error:
        problems = tuple(f"{device.name}: {param}: {problem}" for problem in error.problems)
        raise ConfigError(problems) from None
    except LimitError as error:
        raise UsageError(what=str(error).rstrip(".")) from error
    return _get(device, param)


def _do(device: Device, given: tuple[str, ...], *, as_json: bool) -> dict[str, Any]:
    """Call an action; for people, print what it returns."""
    if not given:
        known = ", ".join(device.ACTIONS) or "none"
        raise UsageError(what=f"{device.name}: no action was named", advice=f"Its actions: {known}.")
    action, *rest = given
    if action not in device.ACTIONS:
        raise UnknownName(what=device.name, kind="action", name=action, known=device.ACTIONS)
    plain, named = _arguments(device, action, rest)
    result = device.perform(action, *plain, **named)
    if not as_json:
        _tell_result(device.name, action, result)
    if action == "home" and not device.TELLS_HOMED:
        say(f"ionloom: {ANEW}", err=True)
    return {"action": action, "result": result}


def _arguments(device: Device, action: str, given: list[str]) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments of an action, plain ones and named ones, having seen that it takes them."""
    plain: list[Any] = []
    named: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if equals and name.isidentifier():
            named[name] = read_value(value)
        else:
            plain.append(read_value(text))
    signature = _signature(device, action)
    try:
        signature.bind(*plain, **named)
    except TypeError as error:
        raise UsageError(
            what=f"{device.name}: {action}: {error}", advice=f"Write: do {action}{_form(device, action)}"
        ) from None
    return plain, named


def _signature(device: Device, action: str) -> inspect.Signature:
    found: Callable[..., Any] = getattr(device, action)
    return inspect.signature(found)


def _form(device: Device, action: str) -> str:
    """Return how the arguments of an action are written, those that may be left out in brackets."""
    told = ""
    for name, parameter in _signature(device, action).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            continue
        word = f"{name}..." if parameter.kind is inspect.Parameter.VAR_POSITIONAL else name
        needed = parameter.default is inspect.Parameter.empty and word == name
        told += f" {word.upper()}" if needed else f" [{name}={cell(parameter.default)}]"
    return told


def _meaning(device: Device, action: str) -> str:
    """Return the first line of what the driver says of an action."""
    first = (inspect.getdoc(getattr(device, action)) or "").partition("\n")[0].rstrip(".")
    return first[:1].lower() + first[1:]


def _tell_result(name: str, action: str, result: Any) -> None:
    if result is None:
        say(f"{name}: {action} done")
    elif isinstance(result, Mapping):
        rows = tuple((str(key), _brief(value)) for key, value in result.items())
        print_table(Table((action, ""), rows), console())
    else:
        say(f"{name}: {action}: {_brief(result)}")


def _brief(value: Any) -> str:
    """Return a result in a few words; all of a long list is in --json.

    Example:
        >>> _brief(np.zeros((2, 100))), _brief([0.5, 2])
        ('array of 2 x 100, from 0 to 0', '0.5, 2')
    """
    if isinstance(value, np.ndarray) and value.size > LONGEST_LIST:
        shape = " x ".join(map(str, value.shape))
        return f"array of {shape}, from {np.nanmin(value):.6g} to {np.nanmax(value):.6g}"
    if isinstance(value, np.ndarray):
        return cell(value.tolist())
    if isinstance(value, list | tuple) and len(value) > LONGEST_LIST:
        return f"{cell(list(value[:LONGEST_LIST]))}, ... ({len(value)} in all)"
    return cell(value)
