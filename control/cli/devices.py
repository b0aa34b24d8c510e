"""``ionloom devices``."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Final

import click
from rich.console import Console

from control.bench import Bench, whereabouts
from control.bench_client import reach
from control.cli.exits import DONE, FAILED
from control.cli.options import json_option, lab_option, setup_option
from control.cli.printing import console, jsonable, print_json, print_table
from control.cli.stopping import stop_wish
from control.device import Device, State
from control.device.readings import Quality, Reading
from control.errors import ControlError, DeviceError
from control.experiments.tables import Table
from control.setup import read_setup
from sequences.units import show

AT_ONCE: Final = 8
"""Instruments that are asked at the same time: a dead one must not hold up the rest."""

YOUNG: Final = 5.0
"""Seconds up to which the age of a reading is not worth a word."""


@dataclass(frozen=True, slots=True)
class Row:
    """What is told of one instrument.

    Attributes:
        name: of the instrument.
        driver: that talks to it.
        address: where it is.
        state: how far it can be trusted.
        identity: model and serial number.
        readings: of its key settings.
        trouble: what is wrong with it, or empty.
    """

    name: str
    driver: str
    address: str
    state: State
    identity: str
    readings: tuple[Reading, ...]
    trouble: str


@click.command("devices")
@setup_option
@lab_option()
@click.option(
    "--watch",
    metavar="SECONDS",
    type=click.FloatRange(min=0.1),
    help="Show them again every so many seconds, until Ctrl-C.",
)
@json_option
def devices(setup: str, lab: str | None, watch: float | None, as_json: bool) -> int:
    """Show all instruments and what they read.

    Who they are, how far they can be trusted, and what they read now. Nothing is set. Simulated instruments
    are started for the moment, or found in a running `ionloom lab`. With --watch, an instrument that is gone
    keeps its last readings, with their age; with --json, each look is one object on a line. Without --watch,
    the exit code is 1 if an instrument is down.
    """
    read = read_setup(setup)
    with reach(read, lab) as resources, Bench(read.instruments, resources) as bench:
        lines = {each.name: (each.driver, whereabouts(each, resources)[0]) for each in read.instruments}

        def look() -> list[Row]:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                return list(pool.map(lambda name: _row(bench, name, *lines[name]), bench.names))

        tell = _tell_as_json if as_json else _tell_on(console())
        if watch is None:
            rows = look()
            tell(rows)
            return FAILED if any(row.state is State.DOWN for row in rows) else DONE
        with stop_wish() as wish:
            for rows in _watched(look, watch, wish):
                tell(rows)
    return DONE


def _watched(look: Callable[[], list[Row]], seconds: float, wish: threading.Event) -> Iterator[list[Row]]:
    while not wish.is_set():
        started = time.monotonic()
        yield look()
        wish.wait(max(0.0, started + seconds - time.monotonic()))


def _tell_as_json(rows: Sequence[Row]) -> None:
    print_json(jsonable({"instruments": [asdict(row) for row in rows]}))


def _tell_on(on: Console) -> Callable[[Sequence[Row]], None]:
    """Return what draws the rows: on a terminal over the last ones, if there were any."""
    seen = 0

    def tell(rows: Sequence[Row]) -> None:
        nonlocal seen
        if seen:
            if on.is_terminal:
                on.clear()
            else:
                on.print()
        seen += 1
        _print(rows, on)

    return tell


def _row(bench: Bench, name: str, driver: str, resource: str) -> Row:
    """Ask one instrument; one that does not answer is a row, too."""
    try:
        device = bench.device(name)
    except ControlError as error:
        return Row(name, driver, resource, State.DOWN, "", (), _trouble(error))
    troubles: list[str] = []
    keys = [setting.name for setting in device.SETTINGS if setting.key]
    readings = tuple(_reading(device, key, troubles) for key in keys)
    if not keys:
        _attempt(device.check, troubles)
    who = device.identity
    identity = f"{who.model} {who.serial_number}".rstrip() if who else ""
    trouble = device.trouble or (troubles[0] if troubles else "")
    return Row(name, driver, device.address, device.state, identity, readings, trouble)


def _reading(device: Device, name: str, troubles: list[str]) -> Reading:
    """Return a reading: that of now, or else the last one there was; who is gone is not asked twice."""
    now: list[Reading] = []
    if not troubles:
        _attempt(lambda: now.append(device.measure(name)), troubles)
    return now[0] if now else device.latest(name)


def _attempt(ask: Callable[[], object], troubles: list[str]) -> None:
    try:
        ask()
    except ControlError as error:
        troubles.append(_trouble(error))


def _trouble(error: ControlError) -> str:
    """Return what an error says; that it is of this instrument stands in the row."""
    text = str(error)
    return text.removeprefix(f"{error.where}: ") if isinstance(error, DeviceError) else text


def _print(rows: Sequence[Row], on: Console) -> None:
    now = time.time()
    cells = tuple((row.name, row.driver, _state(row), row.identity, _told(row.readings, now)) for row in rows)
    print_table(Table(("instrument", "driver", "state", "identity", "readings"), cells), on)
    troubled = [row for row in rows if row.trouble]
    if troubled:
        on.print()
    for row in troubled:
        on.print(f"{row.name} ({row.address}): {row.trouble}", markup=False, soft_wrap=True)


def _state(row: Row) -> str:
    return f"{row.state}, see below" if row.state is State.DOWN else str(row.state)


def _told(readings: Sequence[Reading], now: float) -> str:
    return "; ".join(show_reading(reading, now) for reading in readings)


def show_reading(reading: Reading, now: float) -> str:
    """Return a reading in a few words: name, value with its unit, age, and what there is to doubt about it.

    Example:
        >>> show_reading(Reading("frequency", 23.4e6, "Hz", time=100.0), now=100.2)
        'frequency 23.4 MHz'
        >>> show_reading(Reading("power", -2.0, "dBm", time=100.0), now=163.0)
        'power -2 dBm (63 s old)'
        >>> show_reading(Reading("power", None, "W", 100.0, Quality.BAD, "it is over its range"), now=100.0)
        'power - (bad: it is over its range)'
    """
    doubts = []
    if reading.value is not None and reading.age(now) > YOUNG:
        doubts.append(f"{reading.age(now):.0f} s old")
    if reading.quality not in {Quality.GOOD, Quality.STALE}:
        doubts.append(f"{reading.quality}: {reading.note}")
    told = f"{reading.name} {_value(reading)}"
    return f"{told} ({'; '.join(doubts)})" if doubts else told


def _value(reading: Reading) -> str:
    match reading.value:
        case None:
            return "-"
        case bool():
            return "on" if reading.value else "off"
        case str():
            return reading.value
        case _:
            return show(reading.value, reading.unit)
