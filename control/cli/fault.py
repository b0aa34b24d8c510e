"""``ionloom fault``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from control.bench_client import ask_lab
from control.cli.arguments import ValueCommand, read_number, read_value
from control.cli.escapes import say
from control.cli.options import json_option, lab_option
from control.cli.printing import console, print_json, print_table
from control.errors import UnknownName, UsageError
from control.experiments.tables import Table

Known = Mapping[str, Mapping[str, Any]]
"""Instrument -> its driver, resource, faults and knobs, as the lab lists them."""


@click.command("fault", cls=ValueCommand)
@click.argument("instrument", required=False)
@click.argument("fault", required=False)
@click.argument("amount", required=False)
@click.option(
    "--knob", metavar="KNOB=VALUE", help="Turn a knob at its front panel instead, as a human would."
)
@lab_option(required=True)
@json_option
def fault(
    instrument: str | None, fault: str | None, amount: str | None, knob: str | None, lab: str, as_json: bool
) -> None:
    """Make something go wrong with a simulated instrument.

    It is one of a running `ionloom lab`. Without INSTRUMENT all of them are listed, without FAULT what can go
    wrong with one. AMOUNT is a number (with its unit, or in seconds, bytes, or as a share), for faults that
    can be of any size. The value of a knob has its unit: --knob 'voltage_1=5 V'.
    """
    known: Known = ask_lab(lab, "list")["instruments"]
    if instrument is None:
        _list_all(known, as_json=as_json)
        return
    if instrument not in known:
        raise UnknownName(kind="instrument", name=instrument, known=tuple(known))
    if fault is not None and knob is not None:
        raise UsageError(what="a fault and a knob are two things", advice="Give either one or the other.")
    if knob is not None:
        told = _turn(lab, instrument, knob, tuple(known[instrument]["knobs"]))
    elif fault is not None:
        told = _provoke(lab, instrument, fault, amount, known[instrument]["faults"])
    else:
        _list_one(instrument, known[instrument], as_json=as_json)
        return
    if as_json:
        print_json({"instrument": instrument, "done": told})
    else:
        say(f"{instrument}: {told}")


def _turn(lab: str, instrument: str, given: str, knobs: tuple[str, ...]) -> str:
    """Turn a knob and return what was done."""
    name, equals, text = (part.strip() for part in given.partition("="))
    if not (name and equals and text):
        raise UsageError(what=f"--knob {given!r} is not KNOB=VALUE", advice="Write --knob 'output_1=on'.")
    if name not in knobs:
        raise UnknownName(what=instrument, kind="knob", name=name, known=knobs)
    value = read_value(text)
    ask_lab(lab, "knob", instrument=instrument, knob=name, value=value)
    return f"{name} was turned to {text}"


def _provoke(lab: str, instrument: str, fault: str, amount: str | None, known: Mapping[str, str]) -> str:
    """Provoke a fault and return what happened."""
    if fault not in known:
        raise UnknownName(what=instrument, kind="fault", name=fault, known=tuple(known))
    number = None if amount is None else read_number(amount)
    if amount is not None and number is None:
        raise UsageError(
            what=f"{instrument}: {fault}: {amount!r} is no amount",
            advice="Give a number of s, bytes or a share.",
        )
    ask_lab(lab, "fault", instrument=instrument, fault=fault, amount=number)
    return fault if amount is None else f"{fault} ({amount})"


def _list_all(known: Known, *, as_json: bool) -> None:
    if as_json:
        print_json({"instruments": known})
        return
    rows = tuple((name, each["driver"], each["resource"]) for name, each in known.items())
    print_table(Table(("instrument", "driver", "resource"), rows), console())


def _list_one(name: str, told: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json({"instrument": name, **told})
        return
    faults = tuple(("fault", each, meaning) for each, meaning in told["faults"].items())
    knobs = tuple(("knob", each, "at its front panel") for each in told["knobs"])
    print_table(Table(("kind", "name", "meaning"), faults + knobs), console())
