"""Drivers by name, and how an instrument of the setup is opened."""

from __future__ import annotations

import math

import pytest

from control.device import Device, State
from control.drivers import DRIVERS, connect, driver_class
from control.errors import ConfigError, IdentityError, LinkDown, NotReady, UnknownName

IDENTITY = b"0E1140051720231701016800023000\r\n"
SMC100A = (
    (b"*IDN?\n", b"Rohde&Schwarz,SMC100A,1411.4002k02/101234,3.1\n"),
    (b"*ESR?\n", b"128\n"),
    (b"SYST:ERR?\n", b'0,"No error"\n'),
    (b"FREQ? MIN\n", b"9000\n"),
    (b"FREQ? MAX\n", b"1100000000\n"),
    (b"POW? MIN\n", b"-120\n"),
    (b"POW? MAX\n", b"13\n"),
)


@pytest.mark.parametrize("name", DRIVERS)
def test_every_name_loads_a_driver_that_declares_what_it_needs(name):
    driver = driver_class(name)
    assert issubclass(driver, Device)
    assert driver.MODELS
    names = [setting.name for setting in driver.SETTINGS]
    assert len(names) == len(set(names))
    for setting in driver.SETTINGS:
        assert setting.doc
        if setting.number and setting.writable and setting.readback:
            assert math.isfinite(setting.low), setting.name
            assert math.isfinite(setting.high), setting.name
            assert setting.tolerance > 0.0 or not setting.unit, setting.name  # a count is exact


def test_an_unknown_driver_tells_the_nearest():
    with pytest.raises(UnknownName) as caught:
        connect("hwp", "ell41", "/dev/ttyUSB0")
    assert str(caught.value) == "there is no driver 'ell41'. Did you mean ell14?"


@pytest.mark.parametrize("form", ["resource", "visa_resource"])
def test_connecting_a_generator(tcp_peer, form):
    peer = tcp_peer(*SMC100A)
    with connect("trap_rf", "smc100a", getattr(peer, form), serial_number="101234") as device:
        assert device.state is State.UP
    assert device.state is State.DOWN
    with pytest.raises(NotReady) as caught:
        device.read("power")
    assert str(caught.value).endswith("cannot talk to it: it was closed. Connect to it again.")


def test_connecting_two_mounts_on_one_line(pty_peer):
    peer = pty_peer(*[(b"0in", b"0IN" + IDENTITY)] * 2, *[(b"Ain", b"AIN" + IDENTITY)] * 2)
    with (
        connect("hwp", "ell14", peer.resource, address="0") as half,
        connect("qwp", "ell14", peer.resource, address="A") as quarter,
    ):
        assert half.state is quarter.state is State.DEGRADED


def test_the_wrong_instrument_is_let_go(tcp_peer):
    peer = tcp_peer(SMC100A[0], *SMC100A)
    with pytest.raises(IdentityError) as caught:
        connect("trap_rf", "smc100a", peer.resource, serial_number="555555")
    assert caught.value.device == "trap_rf"
    connect("other_rf", "smc100a", peer.resource).close()


def test_limits_that_make_no_sense_are_told_without_asking_the_instrument(tcp_peer):
    peer = tcp_peer()
    with pytest.raises(
        ConfigError, match=r"limit nothing: there is no such number to set\. Did you mean power\?"
    ):
        connect("trap_rf", "smc100a", peer.resource, limits={"powr": (-30.0, 3.0)})


def test_nobody_there(free_port):
    with pytest.raises(LinkDown) as caught:
        connect("trap_rf", "smc100a", f"TCPIP::127.0.0.1::{free_port}::SOCKET")
    assert caught.value.device == "trap_rf"


def test_an_instrument_has_one_owner(tcp_peer):
    peer = tcp_peer(*SMC100A)
    with (
        connect("trap_rf", "smc100a", peer.resource),
        pytest.raises(ConfigError, match=r"other_rf cannot use .* it belongs to trap_rf"),
    ):
        connect("other_rf", "smc100a", peer.resource)


def test_a_second_line_that_an_instrument_does_not_have():
    with pytest.raises(ConfigError, match=r"hwp: this kind of instrument has no second line; remove stream"):
        connect("hwp", "ell14", "/dev/ttyUSB0", stream="tcp://192.168.1.20:1999")
