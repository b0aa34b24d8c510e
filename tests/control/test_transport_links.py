"""Every kind of byte-stream link keeps the same contract, on real sockets and pseudo-terminals."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from contextlib import closing

import pytest

from control.errors import BadReply, ConfigError, LinkDown, LinkTimeout
from control.transport import Deadline, make_link, open_link
from control.transport import link as link_module

SHORT = 0.15  # s; what a test waits for an answer that does not come
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
        with pytest.raises(LinkDown, match="could not exclusively lock port"):
            second.open()


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


@pytest.mark.parametrize("resource", ["tcp://host", "tcp://:5025", "tcp://host:99999", "tcp://host:12/path"])
def test_a_tcp_resource_needs_host_and_port(resource):
    with pytest.raises(ConfigError, match=r"needs a host and a port from 1 to 65535"):
        make_link(resource)


def test_instrument_libraries_are_imported_late():
    code = "import sys, control.drivers; print(sorted({'pyvisa', 'serial'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
