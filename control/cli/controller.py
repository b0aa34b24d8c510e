"""``ionloom controller``."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from control.bench import Bench, lines
from control.bench_client import is_simulated, reach, simulating
from control.cli.escapes import say
from control.cli.options import lab_option, setup_option
from control.cli.stopping import stop_wish
from control.device.heartbeat import Heartbeat
from control.errors import ConfigError, DeviceError, UnknownName, UsageError
from control.rpc import Server
from control.rpc.logging_forward import LineFormatter
from control.rpc.tls import server_context
from control.service import Service
from control.setup import Setup, read_setup

LOOK_SECONDS: Final = 0.1  # between two looks at whether to stop
LOCALHOST: Final = ("127.0.0.1", "::1")
REAL_TIME: Final = 1.0  # lab seconds per second of a simulated instrument: who calls it expects a real one

logger = logging.getLogger(__name__)


@click.command("controller")
@click.argument("name", metavar="NAME")
@click.option(
    "-p", "--port", type=click.IntRange(0, 65_535), help="TCP port; else that of the setup's `controller`."
)
@click.option(
    "--bind", "binds", metavar="ADDRESS", multiple=True, help="Listen here too; * for all. Repeatable."
)
@click.option("--no-localhost-bind", is_flag=True, help="Do not listen on this machine's own address.")
@click.option(
    "-d",
    "--device",
    "resource",
    metavar="RESOURCE",
    help="Where the instrument is, if not where the setup says.",
)
@click.option("--simulation", is_flag=True, help="Serve the simulated instrument instead of the real one.")
@click.option(
    "--ssl",
    "tls",
    nargs=3,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="CERT KEY PEER",
    help="Mutual TLS, as ARTIQ 9 does it.",
)
@click.option("-v", "--verbose", count=True, help="Log more.")
@click.option("-q", "--quiet", count=True, help="Log less.")
@setup_option
@lab_option()
def controller(
    name: str,
    port: int | None,
    binds: tuple[str, ...],
    no_localhost_bind: bool,
    resource: str | None,
    simulation: bool,
    tls: tuple[Path, Path, Path] | None,
    verbose: int,
    quiet: int,
    setup: str,
    lab: str | None,
) -> None:
    """Serve an instrument to other programs, as ARTIQ does.

    It becomes a network controller: sipyco_rpctool, an ARTIQ master and artiq_ctlmgr use it as any other
    (`ping`, `close`, `terminate`). Nothing is set when it starts: the instrument goes on as it is. Those that
    share its line are served with it, each as a target of its own name.
    """
    with ExitStack() as stack:
        stack.enter_context(_logging_as_artiq_does(verbose, quiet))
        wish = stack.enter_context(stop_wish())
        read = _chosen(read_setup(setup), name, resource, lab, simulated=simulation)
        addresses = _hosts(binds, localhost=not no_localhost_bind)
        number = _port(read, name) if port is None else port
        server = Server(
            _services(stack, read, name, lab),
            description=f"ionloom controller of {name}",
            host=addresses,
            port=number,
            ssl=server_context(*tls) if tls else None,
        )
        stack.callback(server.close)
        say(f"controller of {name} at {', '.join(server.addresses)}")
        sys.stdout.flush()
        while not (server.wait(LOOK_SECONDS) or wish.is_set()):
            pass
        if wish.is_set():
            say("terminating")


def _chosen(setup: Setup, name: str, resource: str | None, lab: str | None, *, simulated: bool) -> Setup:
    """Return the setup as this controller shall see it: it reaches the instrument itself."""
    known = tuple(each.name for each in setup.instruments)
    if name not in known:
        raise UnknownName(kind="instrument", name=name, known=known)
    if simulated and (resource or lab):
        raise UsageError(
            what="--simulation starts an instrument of its own",
            advice="Leave out --simulation, or --device and --lab.",
        )
    if simulated:
        setup = simulating(setup, name)
    if resource:
        instruments = (
            replace(each, resource=resource) if each.name == name else each for each in setup.instruments
        )
        setup = replace(setup, instruments=tuple(instruments))
    return setup


def _services(stack: ExitStack, setup: Setup, name: str, lab: str | None) -> dict[str, Service]:
    """Connect to the instrument and to those on its line, adopt what they are doing, and keep them alive."""
    (line,) = (line for line in lines(setup.instruments) if name in line)
    owned = [replace(each, controller=None) for each in setup.instruments if each.name in line]
    wanted = any(map(is_simulated, owned))
    resources = (
        stack.enter_context(reach(replace(setup, instruments=tuple(owned)), lab, REAL_TIME)) if wanted else {}
    )
    bench = stack.enter_context(Bench(owned, resources))
    services = {}
    for each in owned:
        try:
            device = bench.device(each.name)
            device.adopt()
        except DeviceError as error:
            if each.name == name:
                raise
            logger.warning("it is not served: %s", error)
            continue
        heartbeat = stack.enter_context(Heartbeat(device))
        services[each.name] = Service(device, heartbeat.rest)
    return services


def _port(setup: Setup, name: str) -> int:
    for each in setup.instruments:
        if each.name == name and each.controller:
            return int(each.controller.rpartition(":")[2])
    problem = (
        f"the setup {setup.name} names no port for {name}: give --port, "
        f"or write controller = '127.0.0.1:3270' under [instruments.{name}]"
    )
    raise ConfigError((problem,))


def _hosts(binds: Sequence[str], *, localhost: bool) -> tuple[str, ...]:
    """Return where to listen: each address once, whatever ARTIQ's manager of controllers binds as well."""
    if "*" in binds:
        return ("*",)
    wanted = [*(LOCALHOST if localhost else ())]
    for address in binds:
        wanted += LOCALHOST if address == "localhost" else (address.strip("[]"),)
    if not wanted:
        raise UsageError(
            what="nowhere to listen", advice="Give --bind ADDRESS, or leave --no-localhost-bind out."
        )
    return tuple(dict.fromkeys(wanted))


@contextmanager
def _logging_as_artiq_does(verbose: int, quiet: int) -> Iterator[None]:
    """Log to stderr in the lines that a controller manager reads, while the block lasts."""
    root, handler = logging.getLogger(), logging.StreamHandler()
    handler.setFormatter(LineFormatter())
    level_before = root.level
    root.setLevel(logging.WARNING - 10 * verbose + 10 * quiet)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level_before)
