"""Published clients of the ELLx protocol, written by others for real mounts, against the simulated ones."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import numpy as np
import pytest

from hardware_sim.instruments import TerminalServer, serve_pty
from hardware_sim.instruments.ell14 import Ell14Mount
from hardware_sim.instruments.ell14_bus import Ell14Bus


@pytest.fixture
def mount() -> Ell14Mount:
    return Ell14Mount("11400197", np.random.default_rng(6))


@pytest.fixture
def server(mount: Ell14Mount) -> Iterator[TerminalServer]:
    with serve_pty(Ell14Bus({"3": mount}), speed=50.0) as server:
        yield server


def test_thorlabs_elliptec(mount: Ell14Mount, server: TerminalServer) -> None:
    client = importlib.import_module("thorlabs_elliptec")
    stage = client.ELLx(server.resource, x=14, device_serial="11400197", device_id=3)
    try:
        assert (stage.model_number, stage.travel, stage.units) == ("ELL14/M", 360, "°")
        stage.home(blocking=True)
        assert mount.homed
        stage.move_absolute(45.0, blocking=True)
        assert stage.get_position() == pytest.approx(45.0, abs=0.02)
        assert mount.angle(server.now()) * 360.0 == pytest.approx(45.0, abs=0.6)
        stage.move_relative(-90.0, blocking=True)
        assert stage.get_position() == pytest.approx(-45.0, abs=0.03)
        with pytest.raises(client.ELLError) as caught:
            stage.move_absolute(400.0, blocking=True)
        assert caught.value.status == client.ELLStatus.OUT_OF_RANGE
        mount.jammed = True
        with pytest.raises(client.ELLError) as caught:
            stage.move_absolute(0.0, blocking=True)
        assert caught.value.status == client.ELLStatus.MECH_TIMEOUT
    finally:
        stage.close()
        # Its close() stops the event loop without waking it.
        stage._eventloop.call_soon_threadsafe(lambda: None)
        stage._thread.join()


def test_elliptec(mount: Ell14Mount, server: TerminalServer) -> None:
    client = importlib.import_module("elliptec")
    controller = client.Controller(server.resource, debug=False)
    try:
        rotator = client.Rotator(controller, address="3", debug=False)
        assert (rotator.serial_no, rotator.motor_type, rotator.range) == ("11400197", 14, 360)
        rotator.home()
        assert mount.homed
        assert rotator.set_angle(120.0) == pytest.approx(120.0, abs=0.02)
        assert mount.angle(server.now()) * 360.0 == pytest.approx(120.0, abs=0.6)
        rotator.change_address("7")
        assert rotator.get_angle() == pytest.approx(120.0, abs=0.02)
    finally:
        controller.close_connection()
