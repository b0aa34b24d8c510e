"""Every kind of byte-stream link keeps the same contract, on real sockets and pseudo-terminals."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from control.errors import BadReply, ConfigError, LinkDown, LinkTimeout
from control.transport import Deadline, make_link, open_link
from control.transport import link as link_module

SHORT = 0.15  # s; what a test waits for an answer that does not come
KEEPALIVE = {
    "alive": (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
    "idle": (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
    "nodelay": (socket.IPPROTO_TCP, socket.TCP_NODELAY),
}
KINDS = ["tcp", "visa", "serial url", "pty"]


@pytest.fixture(params=KINDS)
def start(request, tcp_peer, pty_peer):
    """Start a peer with a script; return it and an open link to it."""
    links = []

    def begin(*script):
        peer = pty_peer(*script) if request.param == "pty" else tcp_peer(*script)
        resource = {
            "tcp": lambda: peer.resource,
            "visa": lambda: peer.visa_resource,
            "serial url": lambda: peer.serial_resource,
            "pty": lambda: peer.resource,
        }[request.param]()
        link = make_link(resource)
        links.append(link)
        link.open()
        return peer, link

    begin.kind = request.param
    yield begin
    for link in links:
        link.close()


def test_a_question_gets_its_answer(start):
    _, link = start((b"*IDN?\n", b"maker,model\n"), (b"FREQ?\n", b"23400000\r\n"))
    assert link.exchange(b"*IDN?\n", b"\n", 1.0) == b"maker,model"
    assert link.exchange(b"FREQ?\n", b"\r\n", 1.0) == b"23400000"


def test_an_answer_may_come_in_two_pieces_cut_anywhere(start):
    answer = b"0PO00004600\r\n"
    script = [(b"0gp", answer[:cut], answer[cut:]) for cut in range(1, len(answer))]
    _, link = start(*script)
    for _ in script:
        assert link.exchange(b"0gp", b"\r\n", 1.0) == answer[:-2]


def test_two_answers_in_one_piece_are_two_answers(start):
    _, link = start((b"a;b\n", b"1\n2\n"))
    assert link.exchange(b"a;b\n", b"\n", 1.0) == b"1"
    assert link.receive(b"\n", Deadline.after(1.0)) == b"2"


def test_silence_is_a_time_out_and_leaves_the_link_dirty(start):
    _, link = start((b"FREQ?\n", b"234"))
    with pytest.raises(LinkTimeout) as caught:
        link.exchange(b"FREQ?\n", b"\n", SHORT)
    assert caught.value.heard == b"234"
    assert link.is_dirty
    assert link.is_open


def test_hanging_up_is_not_a_time_out(start):
    # On a pseudo-terminal the system may throw away what was written just before the hang-up.
    script = [(b"FREQ?\n",), ()]
    _, link = start(*script)
    with pytest.raises(LinkDown) as caught:
        link.exchange(b"FREQ?\n", b"\n", 2.0)
    assert not link.is_open
    assert "FREQ?" in caught.value.tried
    with pytest.raises(LinkDown, match="it is closed"):
        link.exchange(b"FREQ?\n", b"\n", SHORT)


def test_a_late_answer_does_not_answer_the_next_question(start):
    peer, link = start((b"POW?\n",), (b"FREQ?\n", b"23400000\n"))
    with pytest.raises(LinkTimeout):
        link.exchange(b"POW?\n", b"\n", SHORT)
    peer.say(b"-10.00\n")
    assert link.exchange(b"FREQ?\n", b"\n", 1.0) == b"23400000"
    assert not link.is_dirty


def test_what_comes_unasked_is_not_an_answer(start):
    peer, link = start((b"a\n", b"1\n"), (b"b\n", b"2\n"))
    assert link.exchange(b"a\n", b"\n", 1.0) == b"1"
    peer.say(b"0BS00\n0BO00\n")
    # Both have arrived for certain once the first can be read; the second lies in wait.
    assert link.receive(b"\n", Deadline.after(1.0)) == b"0BS00"
    assert link.exchange(b"b\n", b"\n", 1.0) == b"2"


def test_a_talker_without_terminators_is_stopped(start, monkeypatch):
    monkeypatch.setattr(link_module, "LONGEST_REPLY", 1000)
    _, link = start((b"a\n", b"x" * 1500), (b"b\n", b"2\n"))
    with pytest.raises(BadReply, match="is not a line of less than 1000 bytes"):
        link.exchange(b"a\n", b"\n", 1.0)
    assert link.exchange(b"b\n", b"\n", 1.0) == b"2"


def test_opening_again_counts(start):
    _, link = start((b"a\n", b"1\n"))
    assert link.openings == 1
    if start.kind != "pty":
        link.open()
        assert link.openings == 2
    assert link.exchange(b"a\n", b"\n", 1.0) == b"1"


@pytest.mark.parametrize(
    "form", ["tcp://127.0.0.1:{}", "TCPIP::127.0.0.1::{}::SOCKET", "socket://127.0.0.1:{}"]
)
def test_a_refused_connection_says_what_to_look_at(form, free_port):
    resource = form.format(free_port)
    with pytest.raises(LinkDown) as caught:
        open_link(resource, "trap_rf")
    text = str(caught.value)
    assert text.startswith(f"trap_rf ({resource}): the link is down: ")
    assert "refused" in text
    assert text.endswith(
        "(tried to open it). Is it powered and plugged in? Is the address right? "
        "Is another program connected to it?"
    )


def test_a_serial_port_that_does_not_exist():
    with pytest.raises(LinkDown, match="No such file or directory"):
        open_link("/dev/ionloom-has-no-such-port", "hwp")


def test_a_serial_port_is_not_shared_with_another_program(pty_peer):
    peer = pty_peer()
    with closing(make_link(peer.resource)) as first, closing(make_link(peer.resource)) as second:
        first.open()
        with pytest.raises(LinkDown) as caught:
            second.open()
    assert str(caught.value).startswith(f"{peer.resource}: the link is down: this port is in use by ")
    assert (
        f"(process {os.getpid()}, this one) (tried to open it). End that program, or let a "
        "network controller serve the instrument to both." in str(caught.value)
    )


def test_two_threads_get_their_own_answers():
    rounds = 50
    questions = {name: [f"{name}{n:03}\n".encode() for n in range(rounds)] for name in "ab"}
    heard: dict[str, list[bytes]] = {"a": [], "b": []}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        link = make_link(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        link.open()
        connection, _ = listener.accept()

        def echo():
            with connection:
                while data := connection.recv(4096):
                    connection.sendall(data)

        def ask(name):
            heard[name] = [link.exchange(question, b"\n", 2.0) for question in questions[name]]

        threads = [
            threading.Thread(target=echo),
            *(threading.Thread(target=ask, args=(name,)) for name in "ab"),
        ]
        for thread in threads:
            thread.start()
        for thread in threads[1:]:
            thread.join()
        link.close()
        threads[0].join()
    assert heard == {name: [question[:-1] for question in questions[name]] for name in "ab"}


def test_one_resource_has_one_owner(tcp_peer):
    peer = tcp_peer()
    link = open_link(peer.resource, "trap_rf")
    with pytest.raises(ConfigError) as caught:
        open_link(peer.resource, "other_rf", shared=True)
    assert str(caught.value) == (
        f"other_rf cannot use {peer.resource}: it belongs to trap_rf. Give each device its own."
    )
    link.release("trap_rf")
    again = open_link(peer.resource, "other_rf")
    assert again.is_open
    again.release("other_rf")


def test_a_bus_has_one_link_that_the_last_user_closes(tcp_peer):
    peer = tcp_peer()
    first = open_link(peer.resource, "hwp", shared=True)
    assert open_link(peer.resource, "qwp", shared=True) is first
    with pytest.raises(ConfigError, match="it belongs to hwp, qwp"):
        open_link(peer.resource, "qwp", shared=True)
    first.release("hwp")
    assert first.is_open
    first.release("qwp")
    assert not first.is_open


@pytest.mark.parametrize(
    ("resource", "kind"),
    [
        ("tcp://127.0.0.1:5025", "TcpLink"),
        ("tcp://[::1]:5025", "TcpLink"),
        ("/dev/ttyUSB0", "SerialLink"),
        ("COM3", "SerialLink"),
        ("socket://127.0.0.1:4000", "SerialLink"),
        ("rfc2217://127.0.0.1:4000", "SerialLink"),
        ("ASRL/dev/ttyUSB0::INSTR", "SerialLink"),
        ("ASRL3::INSTR", "SerialLink"),
        ("TCPIP::192.168.1.20::5025::SOCKET", "VisaSocketLink"),
        ("TCPIP0::192.168.1.20::inst0::INSTR", "VisaLink"),
        ("TCPIP::192.168.1.20::hislip0::INSTR", "VisaLink"),
        ("USB0::0x1313::0x8078::P0012345::INSTR", "VisaLink"),
        ("GPIB0::12::INSTR", "VisaLink"),
        ("zmq://127.0.0.1:5555", "ZmqLink"),
    ],
)
def test_the_resource_string_chooses_the_link(resource, kind):
    assert type(make_link(resource)).__name__ == kind


@pytest.mark.parametrize("resource", ["", "192.168.1.20", "http://192.168.1.20", "TCPIP::192.168.1.20"])
def test_an_unknown_form_of_resource(resource):
    with pytest.raises(ConfigError) as caught:
        make_link(resource)
    assert str(caught.value).startswith(
        f"{resource!r} is not a resource that ionloom knows. Known forms: tcp://"
    )


@pytest.mark.parametrize("scheme", ["tcp", "zmq", "socket", "rfc2217"])
@pytest.mark.parametrize(
    "rest", ["host", ":5025", "host:99999", "host:0", "host:12/path", "host:port", "[::1:5"]
)
def test_a_network_address_needs_host_and_port(scheme, rest):
    with pytest.raises(ConfigError) as caught:
        make_link(f"{scheme}://{rest}")
    assert str(caught.value) == (
        f"'{scheme}://{rest}' needs a host and a port from 1 to 65535 and nothing else, "
        f"as in {scheme}://192.168.1.20:5025."
    )


def test_options_are_for_serial_lines_over_the_network_only():
    assert make_link("rfc2217://host:4000?ign_set_control").resource.endswith("ign_set_control")
    with pytest.raises(ConfigError, match="and nothing else"):
        make_link("tcp://host:4000?ign_set_control")


def test_a_connection_is_watched_for_a_pulled_cable(tcp_peer):
    link = make_link(tcp_peer().resource)
    link.open()
    option = {name: link._socket.getsockopt(*where) for name, where in KEEPALIVE.items()}
    link.close()
    assert option == {"alive": 1, "idle": 5, "nodelay": 1}


def test_a_serial_line_over_the_network_is_watched_too(tcp_peer):
    link = make_link(tcp_peer().serial_resource)
    link.open()
    assert link._port._socket.getsockopt(*KEEPALIVE["idle"]) == 5
    link.close()


def test_a_message_that_says_how_long_it_is(start):
    _, link = start((b"a\n", b"\x03ab", b"c\x01"), (b"b\n", b"x"))
    deadline = Deadline.after(1.0)
    link.send(b"a\n", deadline)
    assert link.receive_exactly(1, deadline) == b"\x03"
    assert link.receive_exactly(3, deadline) == b"abc"
    assert link.receive_exactly(1, deadline) == b"\x01"
    link.send(b"b\n", deadline)
    with pytest.raises(LinkTimeout) as caught:
        link.receive_exactly(2, Deadline.after(SHORT))
    assert caught.value.heard == b"x"


def test_whatever_is_there(start):
    _, link = start((b"a\n", b"one", b"two"))
    link.send(b"a\n", Deadline.after(1.0))
    heard = b""
    while len(heard) < 6:
        heard += link.receive_any(Deadline.after(1.0))
    assert heard == b"onetwo"
    assert link.receive_any(Deadline.after(0.0)) == b""
    assert link.receive_any(Deadline.after(0.01)) == b""
    assert not link.is_dirty


def test_listening_lasts_as_long_as_it_was_told(start):
    _, link = start()
    began = time.monotonic()
    assert link.receive_any(Deadline.after(0.1)) == b""
    assert time.monotonic() - began >= 0.1


def test_listening_until_nothing_more_comes(start):
    _, link = start((b"a\n", b"one", b"two", b"three"))
    link.send(b"a\n", Deadline.after(1.0))
    assert link.receive_until_quiet(0.2, Deadline.after(5.0)) == b"onetwothree"
    assert link.receive_until_quiet(0.2, Deadline.after(0.0)) == b""


def test_listening_notices_that_the_other_end_hung_up(start):
    _, link = start((b"a\n",), ())
    link.send(b"a\n", Deadline.after(1.0))
    with pytest.raises(LinkDown):
        link.receive_any(Deadline.after(2.0))
    assert not link.is_open


def test_what_was_misconfigured_belongs_to_nobody():
    with pytest.raises(ConfigError):
        open_link("TCPIP::::1::5025::SOCKET", "trap_rf")
    with pytest.raises(ConfigError, match="is no address that PyVISA can read"):
        open_link("TCPIP::::1::5025::SOCKET", "trap_rf")


@pytest.mark.parametrize(
    ("resource", "library", "advice"),
    [
        ("USB0::0x1313::0x8078::P0012345::INSTR", "usb", "pip install pyusb libusb-package"),
        ("GPIB0::12::INSTR", "gpib", "install linux-gpib and its Python module"),
    ],
)
def test_a_bus_without_its_library_says_what_to_install(resource, library, advice):
    if importlib.util.find_spec(library):
        pytest.skip(f"{library} is installed")
    with pytest.raises(ConfigError) as caught:
        make_link(resource).open()
    assert f"{resource} needs a library for {resource[:3]}" in str(caught.value)
    assert advice in str(caught.value)


def test_instrument_libraries_are_imported_late():
    code = "import sys, control.drivers; print(sorted({'pyvisa', 'serial', 'zmq'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
