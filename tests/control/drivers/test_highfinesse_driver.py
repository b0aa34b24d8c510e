"""The HighFinesse driver and its link against scripted RPC servers; bytes of the protocol's description."""

from __future__ import annotations

import math

import pytest

from control.device import State
from control.device.readings import Quality
from control.drivers.highfinesse import HighFinesse
from control.errors import (
    BadReading,
    BadReply,
    ConfigError,
    IdentityError,
    LinkDown,
    LinkTimeout,
    NotReady,
    Refused,
    UsageError,
)
from control.rpc.dialects import V1, V2
from control.rpc.rpc_link import RpcLink, rpc_link
from control.transport.tcp import TcpLink

HANG_UP = ()
BANNER = b"ARTIQ pc_rpc\n"
OFFER = b'{"targets":["control"],"description":"WAnD","features":["pyon_v2"]}\n'
METHODS = b'{"__jsonclass__":["set",[["get_freq","lock","unlock","ping"]]]}\n'
HANDSHAKE = ((BANNER, OFFER), (b"control pyon_v2\n", METHODS))
OLD_HANDSHAKE = (
    (BANNER, b'{"targets": ["control", "notify"], "description": null}\n'),
    (b"control\n", b'{"get_freq", "lock", "unlock"}\n'),
)
METER = 754.3e12  # Hz; 397.4 nm


def packed(items):
    return f'{{"__jsonclass__":["tuple",[[{items}]]]}}'


def call(name, items, reply, kwargs="{}"):
    request = f'{{"action":"call","name":"{name}","args":{packed(items)},"kwargs":{kwargs}}}\n'
    return request.encode(), reply.encode() + b"\n"


def returned(value):
    return f'{{"status":"ok","ret":{value}}}'


def failed(kind, message):
    exception = f'{{"class":"{kind}","message":"{message}","traceback":[]}}'
    return f'{{"status":"failed","exception":{exception}}}'


def seen(status, frequency):
    return call("get_freq", '"397"', returned(packed(f"{status},{frequency},null")))


@pytest.fixture
def server(tcp_peer):
    """Start a scripted server and return an open link to it; closed afterwards."""
    links = []

    def begin(*script, target="control"):
        peer = tcp_peer(*script)
        links.append(rpc_link(f"sipyco://127.0.0.1:{peer.port}/{target}"))
        links[-1].open(0.3)
        return links[-1]

    yield begin
    for link in links:
        link.close()


@pytest.fixture
def laser(begin, tcp_peer):
    """Start a scripted controller and return the laser 397 behind it."""

    def make(*script, handshake=HANDSHAKE, peer=None, name="cooling", address="397"):
        peer = peer or tcp_peer(*handshake, *script)
        resource = f"sipyco://127.0.0.1:{peer.port}/control"
        return begin(HighFinesse, peer, resource=resource, name=name, address=address)

    return make


# --- the link


@pytest.mark.parametrize(
    "resource",
    [
        "sipyco://host/control",
        "sipyco://host:3251",
        "sipyco://host:3251/",
        "sipyco://:3251/control",
        "sipyco://host:99999/control",
        "sipyco://host:3251/a/b",
        "sipyco://host:3251/a%20b",
    ],
)
def test_a_resource_that_is_incomplete(resource):
    with pytest.raises(ConfigError) as caught:
        rpc_link(resource)
    assert str(caught.value) == (
        f"{resource!r} needs a host, a port and a target, as in sipyco://192.168.1.30:3251/control."
    )


def test_the_handshake(server):
    link = server(*HANDSHAKE)
    assert (link.dialect, link.methods, link.description) == (V2, METHODS[:-1], "WAnD")
    assert link.is_open


def test_the_handshake_of_an_old_server(server):
    link = server(*OLD_HANDSHAKE)
    assert (link.dialect, link.description) == (V1, "")


def test_the_greeting_may_come_in_pieces(server, pieces):
    assert server((BANNER, *pieces(OFFER)), HANDSHAKE[1]).is_open


def test_a_target_that_the_server_has_not(server):
    with pytest.raises(LinkDown, match="the server has no target 'wlm', only control"):
        server(HANDSHAKE[0], target="wlm")


@pytest.mark.parametrize("greeting", [b"hello\n", b"[]\n", b'{"target":1}\n', b"\xff\n", b'{"targets":3}\n'])
def test_no_rpc_server(server, greeting):
    with pytest.raises(LinkDown, match="whoever answers there is no RPC server"):
        server((BANNER, greeting))


def test_a_server_that_says_nothing(server):
    with pytest.raises(LinkTimeout, match=r"no answer within 0\.3 s"):
        server((BANNER,))


def test_a_server_that_hangs_up(server):
    with pytest.raises(LinkDown, match="the other end hung up"):
        server((BANNER,), HANG_UP)


def test_nobody_there(free_port):
    link = RpcLink("sipyco://127.0.0.1/control", "127.0.0.1", free_port, "control")
    with pytest.raises(LinkDown, match="onnection refused"):
        link.open(0.3)


# --- the laser


def test_identity(laser):
    device = laser()
    found = device.identify()
    assert (found.maker, found.model) == ("HighFinesse", "wavemeter controller")
    assert (found.serial_number, found.firmware) == ("control", "WAnD")
    assert device.address.endswith("/control, address 397")
    assert device.state is State.UP


def test_a_controller_of_something_else(laser):
    methods = (b"control pyon_v2\n", b'{"__jsonclass__":["set",[["lock","ping"]]]}\n')
    with pytest.raises(IdentityError, match="the model is 'controller without get_freq, unlock'"):
        laser(handshake=(HANDSHAKE[0], methods)).identify()


def test_methods_that_are_no_names(laser):
    for line in (b"4\n", b"{[\n"):
        with pytest.raises(BadReply, match="is not a set of names"):
            laser(handshake=(HANDSHAKE[0], (b"control pyon_v2\n", line))).identify()


def test_frequency(laser):
    reading = laser(seen(0, METER)).measure("frequency")
    assert (reading.value, reading.unit, reading.quality) == (METER, "Hz", Quality.GOOD)


def test_frequency_from_an_old_server(laser):
    request = b'{"action": "call", "name": "get_freq", "args": ("397", ), "kwargs": {}}\n'
    answer = b'{"status": "ok", "ret": (0, 754300000000000.0, null)}\n'
    assert laser((request, answer), handshake=OLD_HANDSHAKE).read("frequency") == METER


@pytest.mark.parametrize(
    ("status", "note"),
    [
        (1, "under-exposed: too little light on the fibre"),
        (2, "over-exposed: too much light on the fibre"),
        (3, "the wavemeter reports an error"),
    ],
)
def test_what_is_no_reading_is_never_delivered(laser, status, note):
    device = laser(seen(status, METER), seen(status, "null"))
    reading = device.measure("frequency")
    assert (reading.value, reading.quality, reading.note) == (None, Quality.BAD, note)
    with pytest.raises(BadReading, match=f"frequency has no valid reading: {note}"):
        device.read("frequency")


@pytest.mark.parametrize(
    "reply",
    [
        returned("null"),
        returned(packed("0")),
        returned(packed('0,"754"')),
        returned(packed("0,0.0")),
        returned(packed("0,NaN")),
        returned(packed("4,754.3e12")),
        returned(packed("0,true")),
        returned(packed("0,754.3")),
        '{"status":"ok"}',
        '{"status":"maybe","ret":1}',
        '{"status":"failed"}',
        "[1]",
        "754.3",
        '{"status":"ok","ret":',
        "\x00",
    ],
)
def test_garbage_is_asked_again_on_a_new_connection(laser, reply):
    device = laser(call("get_freq", '"397"', reply), *HANDSHAKE, seen(0, METER))
    assert device.read("frequency") == METER


def test_a_call_that_fails(laser):
    device = laser(call("get_freq", '"397"', failed("ValueError", "no laser 397")))
    with pytest.raises(Refused) as caught:
        device.read("frequency")
    assert str(caught.value) == (
        f"cooling ({device.address}) refused \"get_freq('397')\" with error -1: ValueError: no laser 397. "
        "What it was set to before still holds."
    )


LOCK = call("lock", '"397",-5000000.0,"cooling"', returned("null"), kwargs='{"timeout":300.0}')


def test_locking(laser):
    device = laser(seen(0, METER), LOCK)
    assert device.perform("lock", -5e6) is None


def test_no_lock_without_light(laser):
    device = laser(seen(1, "0.0"))
    with pytest.raises(NotReady) as caught:
        device.lock(0.0)
    assert str(caught.value) == (
        f"cooling ({device.address}): cannot lock 397: under-exposed: too little light on the fibre. "
        "Bring its light to the wavemeter first."
    )


@pytest.mark.parametrize(
    ("set_point", "timeout"), [(math.nan, 1.0), (math.inf, 1.0), (0.0, 0.0), (0.0, math.inf)]
)
def test_no_lock_without_numbers(laser, set_point, timeout):
    with pytest.raises(NotReady, match="these are no finite numbers"):
        laser().lock(set_point, timeout)


def test_a_laser_that_somebody_else_holds(laser):
    refusal = call("lock", '"397",0.0,"cooling"', failed("LockOwnedError", "held by bob"), '{"timeout":5.0}')
    with pytest.raises(Refused, match="LockOwnedError: held by bob"):
        laser(seen(0, METER), refusal).lock(0.0, timeout=5.0)


def test_unlocking(laser):
    device = laser(call("unlock", '"397","cooling"', returned("null")))
    assert device.perform("unlock") is None


def test_frequency_cannot_be_set(laser):
    with pytest.raises(UsageError, match="frequency can be read only"):
        laser().set("frequency", METER)


def test_a_check_does_not_measure(laser):
    request = b'{"action":"get_rpc_method_list"}\n'
    fine = b'{"status":"ok","ret":{"docstring":null,"methods":{}}}\n'
    device = laser((request, fine), (request, failed("AttributeError", "__name__").encode() + b"\n"))
    assert device.check() is device.check() is State.UP


ANSWER = seen(0, METER)


def test_replies_may_come_in_two_pieces_cut_anywhere(laser):
    cuts = [(ANSWER[0], ANSWER[1][:cut], ANSWER[1][cut:]) for cut in range(1, len(ANSWER[1]))]
    device = laser(*cuts)
    assert {device.read("frequency") for _ in cuts} == {METER}


def test_a_late_reply_does_not_answer_the_next_call(laser):
    device = laser((ANSWER[0],), *HANDSHAKE, seen(0, METER))
    with pytest.raises(LinkTimeout):
        device.read("frequency")
    assert device.state is State.DIRTY
    assert device.read("frequency") == METER


def test_hanging_up(laser):
    device = laser(HANG_UP, *HANDSHAKE, seen(0, METER))
    with pytest.raises(LinkDown):
        device.read("frequency")
    assert device.state is State.DOWN
    assert device.read("frequency") == METER


def test_two_lasers_share_a_connection(laser):
    other = call("get_freq", '"866"', returned(packed("0,3.46e14,null")))
    device = laser(seen(0, METER), other)
    assert device.read("frequency") == METER
    assert laser(peer=device.peer, name="repumping", address="866").read("frequency") == 3.46e14


def test_a_laser_needs_a_name(server):
    with pytest.raises(ConfigError, match="cooling: give the controller's name of the laser as address"):
        HighFinesse("cooling", server(*HANDSHAKE))


def test_another_kind_of_link():
    with pytest.raises(
        ConfigError, match="cooling: tcp://x:1 is no RPC server; give sipyco://host:port/target"
    ):
        HighFinesse("cooling", TcpLink("tcp://x:1", "x", 1), address="397")
