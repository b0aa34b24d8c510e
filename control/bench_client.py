"""The instruments of a running ``ionloom lab``: where they are, and how to make them fail."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any, Final

from control.errors import BadReply, ConfigError, ControlError, LinkError, UsageError
from control.lab import BenchPlugin, find_plugin
from control.setup import Instrument, Setup
from control.transport import make_link

ANSWER_SECONDS: Final = 10.0
"""A power cycle waits until the server of the instrument has let go of its port."""

SEED, SPEED = 0, 50.0
"""Of simulated instruments that a command starts for itself: their seed, and lab seconds per second."""

SIMULATED: Final = "simulated:"
"""What the resource of a simulated instrument starts with."""


def ask_lab(address: str, do: str, **asked: Any) -> Any:
    """Ask the control channel of a running ``ionloom lab``.

    Args:
        address: host and port, as it prints them.
        do: what to do.
        **asked: what belongs to it.

    Returns:
        What it answers.

    Raises:
        ConfigError: nobody answers there, or somebody else.
        UsageError: it cannot do that, and why.
    """
    try:
        with closing(make_link(f"tcp://{address}")) as link:
            link.open()
            line = link.exchange(json.dumps({"do": do, **asked}).encode() + b"\n", b"\n", ANSWER_SECONDS)
        answer = _read_answer(line, do)
    except ConfigError:
        raise _no_lab(address, "write HOST:PORT, as it prints them") from None
    except LinkError as error:
        raise _no_lab(address, _reason(error)) from error
    if not answer["ok"]:
        raise UsageError(what=f"the lab at {address} will not: {answer['error']}")
    return answer["result"]


def _read_answer(line: bytes, do: str) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        answer = None
    if not (isinstance(answer, dict) and isinstance(answer.get("ok"), bool)):
        raise BadReply(tried=f"ask for {do}", reply=line, expected="an answer of ionloom lab")
    return answer


def _no_lab(address: str, reason: str) -> ConfigError:
    advice = "`ionloom lab` starts one and prints where"
    return ConfigError((f"no lab is running at {address!r}: {reason}. {advice}",))


def _reason(error: ControlError) -> str:
    """Return in a few words why nobody answered; what else the error advises is about instruments."""
    match error:
        case BadReply():
            return "another program answers there"
        case LinkError() if reason := getattr(error, "reason", ""):
            return str(reason)
    return "nobody answers there"


@contextmanager
def reach(setup: Setup, lab: str | None, speed: float = SPEED) -> Iterator[Mapping[str, str]]:
    """Give the whereabouts of a setup's instruments; what had to be started for that ends with the block.

    Args:
        setup: of the lab.
        lab: host and port of a running ``ionloom lab`` to find simulated instruments in, or None: then
            simulated ones are started here, and real ones are where the setup says.
        speed: lab seconds per second of those that are started here.

    Raises:
        ConfigError: nobody answers there, or the lab there is that of another setup.
    """
    if lab is not None:
        found: dict[str, str] = ask_lab(lab, "list")["resources"]
        lacking = [
            each.name for each in setup.instruments if is_simulated(each) and each.resource not in found
        ]
        if lacking:
            problem = f"the lab at {lab} has no {' and no '.join(lacking)}: it was started for another setup"
            raise ConfigError((problem,))
        yield found
        return
    plugin = find_plugin(setup.lab)
    if not isinstance(plugin, BenchPlugin) or not any(map(is_simulated, setup.instruments)):
        yield {}
        return
    with closing(plugin.start_bench(setup.tables, SEED, speed)) as bench:
        yield bench.resources


def is_simulated(instrument: Instrument) -> bool:
    """Tell whether it is a simulator, to which no controller stands between, that a setup names."""
    return instrument.controller is None and instrument.resource.startswith(SIMULATED)


def simulating(setup: Setup, name: str) -> Setup:
    """Return a setup in which the simulator of an instrument stands where the real one is.

    Args:
        setup: of the lab.
        name: of the instrument; those that share its line are simulated with it.

    Raises:
        UsageError: the lab of the setup has no simulated instruments.
        ConfigError: there is no simulator of such an instrument.
    """
    (real,) = (each.resource for each in setup.instruments if each.name == name)
    if real.startswith(SIMULATED):
        return setup
    plugin = find_plugin(setup.lab)
    if not isinstance(plugin, BenchPlugin):
        raise UsageError(
            what=f"{name} cannot be simulated: {setup.lab}, which plays {setup.name}, has no instruments",
            advice="Give a setup of a simulated lab with --setup.",
        )
    place = SIMULATED + name
    tables = {
        **setup.tables,
        "instruments": {
            each: {**entry, "resource": place} if entry["resource"] == real else entry
            for each, entry in setup.tables["instruments"].items()
        },
    }
    problems = plugin.problems(tables)
    if problems:
        raise ConfigError(tuple(f"{setup.origin}: with {name} simulated: {each}" for each in problems))
    instruments = tuple(
        replace(each, resource=place, stream=None) if each.resource == real else each
        for each in setup.instruments
    )
    return replace(setup, tables=tables, instruments=instruments)
