"""The instruments of a setup as ARTIQ knows them: controllers in a device database.

The text is a Python file that ARTIQ's master reads. It defines `device_db`, or adds to one: a lab keeps the
entries of its core device, which `artiq_ddb_template` makes from the description of the crate, beside these.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any, Final

from control.bench import lines
from control.errors import UsageError
from control.setup import Setup

FIRST_PORT: Final = 3270
"""Of instruments to which the setup gives none; ARTIQ leaves ports from 3252 on to controllers."""

LAST_PORT: Final = 65_535


def controllers(
    setup: Setup, source: str, host: str, first_port: int = FIRST_PORT, lab: str | None = None
) -> dict[str, dict[str, Any]]:
    """Return instrument -> its entry in ARTIQ's device database.

    Instruments that share a line have one controller; all but the first of them are further targets of it.

    Args:
        setup: of the lab.
        source: how controllers find the setup: its name, or its file with the whole path.
        host: where the controllers run, for instruments to which the setup gives no `controller`.
        first_port: of those; each following one has the next.
        lab: host and port of a running ``ionloom lab`` that all of them find simulated instruments in.

    Raises:
        UsageError: there are not as many ports.

    Example:
        >>> from control.setup import read_setup
        >>> entries = controllers(read_setup("innsbruck"), "innsbruck", "127.0.0.1")
        >>> entries["trap_rf"]["command"]
        'ionloom controller trap_rf --setup innsbruck -p {port} --bind {bind}'
        >>> entries["quarter_wave_plate"]["controller"]
        'half_wave_plate'
    """
    places = {each.name: _place(each.controller) for each in setup.instruments if each.controller}
    free = _free_ports(first_port, {port for _, port in places.values()})
    found = {}
    for first, *others in lines(setup.instruments):
        known = next((places[name] for name in (first, *others) if name in places), None)
        where, port = known or (host, next(free))
        command = f"ionloom controller {first} --setup {_quoted(source)} -p {{port}} --bind {{bind}}"
        command += f" --lab {_quoted(lab)}" if lab else ""
        found[first] = {
            "type": "controller",
            "host": where,
            "port": port,
            "target_name": first,
            "command": command,
        }
        for other in others:
            found[other] = {"type": "controller_aux_target", "controller": first, "target_name": other}
    return {each.name: found[each.name] for each in setup.instruments}


def device_db_text(
    setup: Setup, source: str, host: str, first_port: int = FIRST_PORT, lab: str | None = None
) -> str:
    """Return the device database of a setup's instruments as a Python file; as for `controllers`."""
    # Texts and whole numbers are written alike in JSON and in Python.
    entries = json.dumps(controllers(setup, source, host, first_port, lab), indent=4)
    return (
        f'"""Controllers of the instruments of {setup.name}, written by `ionloom device-db`."""\n\n'
        'device_db = globals().get("device_db", {})\n'
        f"device_db.update({entries})\n"
    )


def _place(controller: str) -> tuple[str, int]:
    host, _, port = controller.rpartition(":")
    return host.strip("[]"), int(port)


def _free_ports(first: int, taken: set[int]) -> Iterator[int]:
    yield from (port for port in range(first, LAST_PORT + 1) if port not in taken)
    raise UsageError(
        what=f"from port {first} on there are fewer than there are instruments",
        advice="Give a lower --first-port.",
    )


def _quoted(source: str) -> str:
    """Return a path as ARTIQ's manager of controllers reads it: it fills braces in, then splits words."""
    return shlex.quote(source).replace("{", "{{").replace("}", "}}")
