"""Every message of the control room says what, where, the value, the limit, and what to do."""

from __future__ import annotations

import math
import pickle

import pytest

from control.errors import (
    BadReading,
    BadReply,
    ConfigError,
    ControlError,
    DeviceError,
    IdentityError,
    LimitError,
    LinkDown,
    LinkError,
    LinkTimeout,
    NotReady,
    ReadBackError,
    Refused,
    UnknownName,
    UsageError,
    quote,
)

AT = {"device": "trap_rf", "address": "TCPIP::10.0.0.7::5025::SOCKET"}
WHERE = "trap_rf (TCPIP::10.0.0.7::5025::SOCKET)"


def limit(value, origin="site"):
    return LimitError(setting="power", value=value, unit="dBm", low=-30.0, high=3.0, origin=origin, **AT)


MESSAGES = [
    (ConfigError(("core.period: missing",)), "core.period: missing"),
    (ConfigError(("first", "second")), "2 problems:\n  - first\n  - second"),
    (
        UsageError(what="trap_rf: power cannot be 'loud'", advice="Give a number."),
        "trap_rf: power cannot be 'loud'. Give a number.",
    ),
    (
        UnknownName(kind="driver", name="ell41", known=("ell14", "smc100a")),
        "there is no driver 'ell41'. Did you mean ell14?",
    ),
    (
        UnknownName(what="hwp", kind="setting", name="colour", known=("angle", "velocity")),
        "hwp: there is no setting 'colour'. Known: angle, velocity.",
    ),
    (
        LinkDown(tried="open it", reason="connection refused", **AT),
        f"{WHERE}: the link is down: connection refused (tried to open it). Is it powered and plugged in? "
        "Is the address right? Is another program connected to it?",
    ),
    (
        LinkTimeout(tried="send 'POW?\\n'", seconds=0.5, **AT),
        f"{WHERE}: no answer within 0.5 s, nothing came (tried to send 'POW?\\n'). "
        "Is it busy or switched off? Are the address and the line settings right?",
    ),
    (
        LinkTimeout(tried="send '0gp'", seconds=1.0, heard=b"0PO", **AT),
        f"{WHERE}: no answer within 1 s, only '0PO' came (tried to send '0gp'). "
        "Is it busy or switched off? Are the address and the line settings right?",
    ),
    (
        BadReply(tried="ask POW?", reply=b"-1\xff", expected="plain ASCII", **AT),
        f"{WHERE}: the answer '-1\\xff' is not plain ASCII (tried to ask POW?). Is the line noisy, "
        "is another program talking to it, or is it another kind of instrument?",
    ),
    (
        Refused(command="POW 99", code=-222, text="Data out of range", **AT),
        f"{WHERE} refused 'POW 99' with error -222: Data out of range. "
        "What it was set to before still holds.",
    ),
    (
        NotReady(
            action="turn to an angle", reason="it has not been homed", advice="Call home() first.", **AT
        ),
        f"{WHERE}: cannot turn to an angle: it has not been homed. Call home() first.",
    ),
    (
        limit(5.0),
        f"{WHERE}: power cannot be 5 dBm: above 3 dBm, the limit of the site. "
        "Give a value from -30 to 3 dBm or change the limit in the setup file.",
    ),
    (
        limit(-31.5, origin="driver"),
        f"{WHERE}: power cannot be -31.5 dBm: below -30 dBm, the limit of the driver. "
        "Give a value from -30 to 3 dBm.",
    ),
    (
        LimitError(
            setting="frequency", value=100e6, unit="Hz", low=23e6, high=24e6, origin="instrument", **AT
        ),
        f"{WHERE}: frequency cannot be 100 MHz: above 24 MHz, the limit of the instrument. "
        "Give a value from 23 MHz to 24 MHz.",
    ),
    (
        LimitError(setting="bias", value=4e-5, unit="A", low=0.0, high=2e-5, origin="driver", **AT),
        f"{WHERE}: bias cannot be 40 uA: above 20 uA, the limit of the driver. "
        "Give a value from 0 A to 20 uA.",
    ),
    (
        LimitError(setting="bits", value=9.0, unit="furlong", low=0.0, high=8.0, origin="driver", **AT),
        f"{WHERE}: bits cannot be 9 furlong: above 8 furlong, the limit of the driver. "
        "Give a value from 0 to 8 furlong.",
    ),
    (limit(math.nan), f"{WHERE}: power cannot be nan dBm: not a finite number. Give one from -30 to 3 dBm."),
    (
        ReadBackError(setting="angle", wanted=0.125, actual=0.0, tolerance=0.0011, unit="turn", **AT),
        f"{WHERE}: angle was set to 0.125 turn but reads 0 turn (tolerance 0.0011 turn). "
        "Is somebody else setting it, or is it blocked?",
    ),
    (
        IdentityError(what="serial number", expected="101234", found="999999", **AT),
        f"{WHERE}: the serial number is '999999', not '101234' as the setup says. Is the address right? "
        "Were two instruments exchanged? If this one is meant, correct the setup file.",
    ),
    (
        IdentityError(what="serial number", expected="1", found="2", known="an earlier answer", **AT),
        f"{WHERE}: the serial number is '2', not '1' as an earlier answer says. Is the address right? "
        "Were two instruments exchanged? If this one is meant, connect to it anew.",
    ),
    (
        LinkDown(tried="open it", reason="this port is in use", advice="End that program.", **AT),
        f"{WHERE}: the link is down: this port is in use (tried to open it). End that program.",
    ),
    (
        ReadBackError(setting="mode", wanted="flash", actual="steady", tolerance=0.0, unit="", **AT),
        f"{WHERE}: mode was set to 'flash' but reads 'steady'. "
        "Is somebody else setting it, or is it blocked?",
    ),
    (
        BadReading(setting="frequency", note="under-exposed", **AT),
        f"{WHERE}: frequency has no valid reading: under-exposed. Nothing was used in its place.",
    ),
]


@pytest.mark.parametrize(("error", "text"), MESSAGES, ids=lambda part: type(part).__name__)
def test_messages(error, text):
    assert str(error) == text


@pytest.mark.parametrize("error", [error for error, _ in MESSAGES], ids=lambda error: type(error).__name__)
def test_errors_survive_pickling(error):
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert type(copy) is type(error)
    assert repr(copy) == repr(error)


def test_a_device_may_be_known_by_half():
    assert str(LinkDown(tried="open it", reason="refused")).startswith("instrument: ")
    assert str(LinkDown(tried="open it", reason="refused", address="COM3")).startswith("COM3: ")
    assert str(LinkDown(tried="open it", reason="refused", device="hwp")).startswith("hwp: ")


@pytest.mark.parametrize("value", [math.inf, 3.01])
def test_the_broken_limit_above(value):
    assert limit(value).limit == 3.0


def test_the_broken_limit_below():
    assert limit(-math.inf).limit == -30.0


def test_the_tree():
    assert issubclass(ConfigError, ControlError)
    assert issubclass(UnknownName, UsageError)
    for kind in (LinkDown, LinkTimeout, BadReply):
        assert issubclass(kind, LinkError)
    for kind in (LinkError, Refused, NotReady, LimitError, ReadBackError, IdentityError):
        assert issubclass(kind, DeviceError)
    assert not issubclass(UsageError, DeviceError)


def test_long_bytes_are_cut():
    assert quote(b"x" * 61) == repr("x" * 60) + "..."
