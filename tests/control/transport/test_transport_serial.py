"""What only serial lines have: line settings, RTS, owners of a port, a package that takes pyserial's name."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from control.errors import LinkDown
from control.transport import LineSettings, make_link, serial_line
from control.transport.port_owner import describe_owners

HOLDER = """
import os, sys, fcntl
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
fcntl.flock(fd, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(pty_peer):
    """Another program that has a port open: the port, and the program."""
    peer = pty_peer()
    command = [sys.executable, "-c", HOLDER, peer.resource]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        program.stdout.readline()
        yield peer.resource, program
        program.stdin.close()


def test_who_else_has_the_port_is_told(holder):
    port, program = holder
    with pytest.raises(LinkDown) as caught:
        make_link(port).open()
    text = str(caught.value)
    name = Path(f"/proc/{program.pid}/comm").read_text().strip()
    assert text.startswith(f"{port}: the link is down: this port is in use by ")
    assert f"{name} (process {program.pid})" in text
    advice = "End that program, or let a network controller serve the instrument to both."
    assert text.endswith(f"(tried to open it). {advice}")


def test_an_owner_behind_a_symbolic_link(holder, tmp_path):
    port, program = holder
    by_name = tmp_path / "usb-Thorlabs-K10CR1"
    by_name.symlink_to(port)
    assert f"(process {program.pid})" in describe_owners(str(by_name))


def test_an_owner_that_cannot_be_found(tmp_path):
    assert describe_owners(str(tmp_path / "ttyUSB0")) == "another program"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open everything")
def test_a_port_of_somebody_else(tmp_path):
    port = tmp_path / "ttyUSB0"
    port.touch(mode=0)
    link = serial_line.SerialLink(str(port), LineSettings())
    with pytest.raises(LinkDown, match="add the user to the group that owns it, often dialout"):
        link.open()


def test_rts_is_raised_and_dropped_where_there_are_modem_lines(pty_peer):
    # A pseudo-terminal has none: the line is opened all the same.
    peer = pty_peer((b"a\n", b"1\n"))
    line = LineSettings(baud=115_200, hardware_flow=True, toggle_rts=True)
    with closing(make_link(peer.resource, line)) as link:
        start = time.monotonic()
        link.open()
        assert time.monotonic() - start >= serial_line.RTS_SECONDS
        assert link._port.rtscts
        assert link.exchange(b"a\n", b"\n", 1.0) == b"1"


def test_a_package_that_took_the_name_of_pyserial(tmp_path):
    impostor = tmp_path / "serial"
    impostor.mkdir()
    (impostor / "__init__.py").write_text("__version__ = '0.0.97'\n")
    code = (
        "from control.transport import make_link\n"
        "from control.errors import ConfigError\n"
        "try:\n    make_link('/dev/ttyUSB0').open()\n"
        "except ConfigError as error:\n    print(error)\n"
    )
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == (
        f"The package 'serial' in {impostor / '__init__.py'} is not pyserial, but has taken its place: "
        "pip uninstall serial, then pip install --force-reinstall pyserial."
    )
