"""``ionloom bench-check``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final

import click

from control.bench import Bench
from control.bench_client import reach
from control.cli.exits import DONE, FAILED
from control.cli.options import json_option, lab_option, setup_option
from control.cli.printing import console, jsonable, print_json, print_table
from control.device import Device
from control.device.readings import Quality
from control.device.settings import Evidence
from control.errors import (
    BadReply,
    ConfigError,
    ControlError,
    IdentityError,
    LinkDown,
    LinkTimeout,
    MissingExtra,
    UnknownName,
    quote,
)
from control.experiments.tables import Table
from control.setup import read_setup

AS_EXPECTED: Final = "all as expected"

AWAY: Final = (IdentityError, LinkDown)
"""What tells nothing of a driver: another instrument is there, or none."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one question.

    Attributes:
        instrument: who was asked.
        asked: the setting that was read, or "identity".
        evidence: how well the command was known before.
        answer: the value, or what was wrong.
        good: whether it was answered as expected.
        reached: whether the right instrument was there to answer.
    """

    instrument: str
    asked: str
    evidence: str
    answer: str
    good: bool
    reached: bool = True


@click.command("bench-check")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@setup_option
@lab_option()
@json_option
def bench_check(names: tuple[str, ...], setup: str, lab: str | None, as_json: bool) -> int:
    """Check drivers at real instruments, reading only.

    Asks everything that a driver can read, and tells what was answered otherwise. For the first day at real
    hardware. Nothing is set: queries only. The column "known from" says how well a command was known before:
    tried with another program, read in a published client, read in the manual, or from memory. NAME picks
    instruments; without, all are asked.
    """
    read = read_setup(setup)
    with reach(read, lab) as resources, Bench(read.instruments, resources) as bench:
        for name in names:
            if name not in bench.names:
                raise UnknownName(kind="instrument", name=name, known=bench.names)
        findings = [found for name in dict.fromkeys(names or bench.names) for found in _check(bench, name)]
    if as_json:
        print_json(jsonable({"findings": [asdict(found) for found in findings]}))
    else:
        _print(findings)
    return DONE if all(found.good for found in findings) else FAILED


def _check(bench: Bench, name: str) -> Iterator[Finding]:
    try:
        device = bench.device(name)
    except ControlError as error:
        reached = not isinstance(error, (*AWAY, LinkTimeout, ConfigError, MissingExtra))
        yield Finding(name, "identity", "", str(error), good=False, reached=reached)
        return
    who = device.identity
    yield Finding(
        name,
        "identity",
        "",
        f"{who.model} {who.serial_number}, firmware {who.firmware or 'not told'}" if who else "",
        good=True,
    )
    for setting in device.SETTINGS:
        yield _ask(device, setting.name, setting.evidence)


def _ask(device: Device, name: str, evidence: Evidence) -> Finding:
    try:
        reading = device.measure(name)
    except BadReply as error:
        return Finding(
            device.name, name, evidence, f"{quote(error.reply)} is not {error.expected}", good=False
        )
    except ControlError as error:
        reached = not isinstance(error, AWAY)
        return Finding(device.name, name, evidence, str(error), good=False, reached=reached)
    if reading.value is None:
        # The command was understood; that there is nothing to measure is no fault of the driver.
        return Finding(device.name, name, evidence, f"no value: {reading.note}", good=True)
    doubt = "" if reading.quality is Quality.GOOD else f" ({reading.quality}: {reading.note})"
    return Finding(device.name, name, evidence, device.setting(name).show(reading.value) + doubt, good=True)


def _print(findings: list[Finding]) -> None:
    on = console()
    rows = tuple(
        (found.instrument, found.asked, found.evidence, "" if found.good else "NO", found.answer)
        for found in findings
    )
    print_table(Table(("instrument", "asked", "known from", "", "answer"), rows), on)
    asked = "one question" if len(findings) == 1 else f"{len(findings)} questions"
    on.print(f"\n{asked}, {_verdict(findings)}", markup=False, soft_wrap=True)


def _verdict(findings: list[Finding]) -> str:
    """Return what is to be done: at the setup by its owner, at a driver by who wrote it."""
    away = len({found.instrument for found in findings if not found.reached})
    wrong = sum(found.reached and not found.good for found in findings)
    verdicts = [f"{away} not reached: mend address or serial number in the setup"] if away else []
    if wrong:
        commands = "1 command" if wrong == 1 else f"{wrong} commands"
        verdicts.append(f"{commands} answered otherwise: please report them, with the firmware")
    return "; ".join(verdicts) or AS_EXPECTED
