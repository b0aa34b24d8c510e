"""The command ``ionloom``. Commands are imported when they are called, so that help comes at once."""

from __future__ import annotations

from typing import Final

import click

from control.cli.exits import exit_code
from control.cli.late import Late, LateGroup
from control.cli.streams import open_closed

__all__ = ["ionloom", "main"]

COMMANDS: Final = {
    "run": Late("control.cli.run:run", "Measure an experiment and analyse it."),
    "simulate": Late(
        "control.cli.simulating:simulating", "Vary parameters of a simulated lab, and measure each setting."
    ),
    "list": Late("control.cli.listing:listing", "List the experiments, or the parameters of one."),
    "show": Late("control.cli.show:show", "Show what a run was made with and what it says."),
    "analyze": Late("control.cli.analyze:analyze", "Analyse runs again, from their files."),
    "plot": Late("control.cli.plot:plot", "Draw a run into a picture beside its file."),
    "report": Late("control.cli.report:report", "Write a page about runs that needs nothing else."),
    "runs": Late("control.cli.runs:runs", "List the runs of a folder, newest first."),
    "tag": Late("control.cli.tag:tag", "Tag a run, comment on it, or show what was said about it."),
    "lineage": Late(
        "control.cli.lineage:lineage",
        "Tell which runs calibrated what a run used, and which used what it calibrated.",
    ),
    "follow": Late(
        "control.cli.follow:follow", "Print each point of a run as it is completed, until the run ends."
    ),
    "repair": Late(
        "control.cli.repair:repair", "Finish the runs that a crash, a power cut or a full disk cut off."
    ),
    "verify": Late("control.cli.verify:verify", "Make sure that finished runs are still what they were."),
    "timeline": Late("control.cli.timeline:timeline", "Draw what an experiment plays, in physical units."),
    "diff": Late("control.cli.diff:diff", "Tell in what two runs differ."),
    "compile": Late("control.cli.compiling:compiling", "Compile an experiment without playing it."),
    "check": Late("control.cli.checking:check", "Check before any shot whether the core can keep up."),
    "export": Late(
        "control.cli.exporting:export", "Write what an experiment plays, or a run, for other programs."
    ),
    "import": Late("control.cli.importing:import_", "Make runs of files that other programs wrote."),
    "lab": Late("control.cli.lab:lab", "Start the simulated instruments of a setup, until stopped."),
    "fault": Late("control.cli.fault:fault", "Make something go wrong with a simulated instrument."),
    "devices": Late("control.cli.devices:devices", "Show all instruments and what they read."),
    "device": Late("control.cli.device:device", "Read or set one instrument."),
    "bench-check": Late(
        "control.cli.bench_check:bench_check", "Check drivers at real instruments, reading only."
    ),
    "controller": Late(
        "control.cli.controller:controller", "Serve an instrument to other programs, as ARTIQ does."
    ),
    "device-db": Late("control.cli.device_db:device_db", "Write ARTIQ's database of a setup's instruments."),
    "setup": Late("control.cli.setups:setups", "Look at the setup file of a lab."),
}
"""Every command, with the one line that ``ionloom --help`` shows of it."""


@click.group(cls=LateGroup, late=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ionloom", prog_name="ionloom")
def ionloom() -> None:
    """Run a trapped-ion quantum-network node, real or simulated.

    A first run:  ionloom run ten_ion_register

    Each command tells more with --help. Exit codes are 0 for done, 1 for failed and 2 for used wrongly; what
    went wrong is told on stderr.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 used wrongly; never with a traceback."""
    open_closed()
    raise SystemExit(exit_code(lambda: ionloom.main(arguments, prog_name="ionloom", standalone_mode=False)))
