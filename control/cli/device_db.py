"""``ionloom device-db``."""

from __future__ import annotations

from pathlib import Path

import click

from control.cli.escapes import say
from control.cli.options import lab_option, setup_option
from control.device_db import FIRST_PORT, device_db_text
from control.setup import read_setup, shipped_setups


@click.command("device-db")
@setup_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the controllers run.")
@click.option(
    "--first-port",
    type=click.IntRange(1, 65_535),
    default=FIRST_PORT,
    show_default=True,
    help="Of instruments to which the setup gives none.",
)
@click.option(
    "-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file instead of stdout."
)
@lab_option()
def device_db(setup: str, host: str, first_port: int, out: Path | None, lab: str | None) -> None:
    """Write ARTIQ's database of a setup's instruments.

    With this `device_db.py` an ARTIQ master finds their controllers, and artiq_ctlmgr starts them.
    """
    # The manager of controllers runs in a folder of its own.
    source = setup if setup in shipped_setups() else str(Path(setup).resolve())
    text = device_db_text(read_setup(setup), source, host, first_port, lab)
    if out is None:
        click.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
        say(f"wrote {out}")
