from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware_sim.instruments import InstrumentSetupError
from hardware_sim.instruments.ell14 import Ell14Mount, Ell14Specification
from hardware_sim.instruments.ell14_bus import Ell14Bus


def build(*addresses: str) -> Ell14Bus:
    rng = np.random.default_rng(4)
    specification = Ell14Specification(landing=0)
    return Ell14Bus(
        {
            address: Ell14Mount(f"1140000{index}", rng, specification)
            for index, address in enumerate(addresses)
        }
    )


def test_each_mount_answers_under_its_address_and_the_rest_is_silence() -> None:
    line = build("0", "2", "F").connect()
    replies = line.receive(b"".join(b"%Xin" % address for address in range(16)), 0.0).split(b"\r\n")
    assert [reply[:13] for reply in replies] == [b"0IN0E11400000", b"2IN0E11400001", b"FIN0E11400002", b""]


def test_command_may_come_byte_by_byte() -> None:
    line = build("0").connect()
    received = [line.receive(bytes([byte]), 0.1 * index) for index, byte in enumerate(b"0sj00001000")]
    assert received == [b""] * 10 + [b"0GS00\r\n"]


def test_line_ends_between_commands_are_ignored() -> None:
    line = build("0").connect()
    assert line.receive(b"\r\n0gs\r\n\r\n0gp\r\n", 0.0) == b"0GS00\r\n0PO00000000\r\n"


def test_incomplete_command_is_dropped_after_two_seconds_and_remembered() -> None:
    line = build("0").connect()
    line.receive(b"0ma0000", 0.0)
    assert line.receive(b"0gs", 2.1) == b"0GS01\r\n"
    assert line.receive(b"0gs", 2.2) == b"0GS00\r\n"


def test_slow_command_within_two_seconds_is_obeyed() -> None:
    line = build("0").connect()
    line.receive(b"0g", 0.0)
    assert line.receive(b"s", 1.9) == b"0GS00\r\n"


def test_incomplete_command_swallows_the_next_one_that_comes_too_soon() -> None:
    line = build("0").connect()
    line.receive(b"0ma0000", 0.0)
    assert line.receive(b"0gs", 1.0) == b"0GS03\r\n"


def test_mounts_move_at_the_same_time_and_report_in_order_of_arrival() -> None:
    line = build("1", "2").connect()
    line.receive(b"1mr000118002mr00004600", 0.0)
    assert line.due() == pytest.approx(0.125)
    assert line.receive(b"", 0.6) == b"2PO00004600\r\n1PO00011800\r\n"


def test_changed_address_holds_for_good_only_when_saved() -> None:
    bus = build("0")
    line = bus.connect()
    assert line.receive(b"0ca5", 0.0) == b"5GS00\r\n"
    assert line.receive(b"0gs5gs", 0.0) == b"5GS00\r\n"
    bus.switch_off(1.0)
    bus.switch_on(2.0)
    assert line.receive(b"5gs0gs", 3.0) == b"0GS00\r\n"
    line.receive(b"0ca55us", 3.0)
    bus.switch_off(4.0)
    bus.switch_on(5.0)
    assert line.receive(b"0gs5gs", 6.0) == b"5GS00\r\n"


def test_two_mounts_at_one_address_both_talk() -> None:
    line = build("0", "1").connect()
    assert line.receive(b"1ca0", 0.0) == b"0GS00\r\n"
    assert line.receive(b"0gs", 0.0) == b"0GS00\r\n0GS00\r\n"


def test_all_clients_hear_the_line_until_they_leave() -> None:
    bus = build("0")
    first, second = bus.connect(), bus.connect()
    assert first.receive(b"0gs", 0.0) == b"0GS00\r\n"
    assert second.receive(b"", 0.0) == b"0GS00\r\n"
    second.close()
    first.receive(b"0gs", 0.0)
    assert second.receive(b"", 0.0) == b""


@pytest.mark.parametrize("address", ["g", "", "a", "00", "G"])
def test_address_must_be_a_hex_digit(address: str) -> None:
    with pytest.raises(InstrumentSetupError) as caught:
        build(address)
    assert str(caught.value) == (
        f"address = {address!r} is not possible: allowed is one of 0-9 and A-F; use one capital hex digit"
    )


@settings(max_examples=100, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=40), st.text("0123456789ABCDEFamhogsjvrciup\r\n", max_size=40).map(str.encode)
    )
)
def test_no_bytes_break_the_bus(noise: bytes) -> None:
    line = build("0", "A").connect()
    line.receive(noise, 0.0)
    line.receive(b"", 10.0)
    assert line.receive(b"0gp", 20.0)[1:3] in (b"PO", b"GS") or b"0ca" in noise
