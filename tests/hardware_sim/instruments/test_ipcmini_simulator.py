"""The simulated ion-pump controller: bytes of the protocol sheet, its physics, what people do to it."""

from __future__ import annotations

import pytest
import serial

from hardware_sim.instruments import InstrumentSetupError, serve_pty
from hardware_sim.instruments.ipcmini import IonPumpSpecification, SimulatedIonPump
from hardware_sim.instruments.shared_line import LineSession

ACK, NACK, UNKNOWN, WRONG_TYPE, OUT_OF_RANGE, DISABLED = "\x06", "\x15", "\x32", "\x33", "\x34", "\x35"


def frame(text: str, address: int = 0x80) -> bytes:
    body = bytes([address]) + text.encode("ascii") + b"\x03"
    total = 0
    for byte in body:
        total ^= byte
    return b"\x02" + body + b"%02X" % total


def read(line: LineSession, window: int, now: float = 100.0) -> str:
    """Return the data of a window, or the code that came instead."""
    return unpack(line.receive(frame(f"{window:03}0"), now), f"{window:03}0")


def write(line: LineSession, window: int, data: str, now: float = 100.0) -> str:
    return unpack(line.receive(frame(f"{window:03}1{data}"), now))


def unpack(reply: bytes, header: str = "") -> str:
    content = reply[2:-3].decode("ascii")
    assert reply == frame(content)
    return content.removeprefix(header)


@pytest.fixture
def pump() -> SimulatedIonPump:
    return SimulatedIonPump(lambda now: 2.1e-8)


@pytest.fixture
def line(pump: SimulatedIonPump) -> LineSession:
    return pump.connect()


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        ("02 80 38 31 32 30 03 38 38", "02 80 38 31 32 30 32 2e 31 45 2d 31 30 03 43 43"),
        ("02 80 30 31 31 31 30 03 42 32", "02 80 06 03 38 35"),
        ("02 80 39 39 39 30 03 38 41", "02 80 32 03 42 31"),
    ],
)
def test_bytes_of_the_sheet(line: LineSession, request_: str, reply: str) -> None:
    assert line.receive(bytes.fromhex(request_), 100.0).hex(" ") == reply


def test_windows_of_a_pump_that_runs(line: LineSession) -> None:
    windows = {
        8: "000000", 11: "1", 205: "000005", 206: "000000", 319: "IPCMini", 323: "IT2310L021", 503: "000001",
        504: "0", 600: "000001", 601: "0", 602: "1", 603: "0", 610: "000005", 612: "000040", 613: "007000",
        614: "010000", 615: "1.0E-08", 800: "000031", 801: "000031", 804: "1", 810: "007000", 811: "2.1E-09",
        812: "2.1E-10", 890: "TRAP",
    }  # fmt: skip
    assert {window: read(line, window) for window in windows} == windows


@pytest.mark.parametrize(
    ("window", "data", "code"),
    [
        (613, "003000", ACK),
        (613, "002999", OUT_OF_RANGE),
        (613, "3000", WRONG_TYPE),
        (613, "abcdef", WRONG_TYPE),
        (614, "000001", ACK),
        (614, "010001", OUT_OF_RANGE),
        (612, "000009", OUT_OF_RANGE),
        (615, "2.5E-09", ACK),
        (615, "000001", WRONG_TYPE),
        (601, "1", ACK),
        (601, "01", WRONG_TYPE),
        (600, "000003", OUT_OF_RANGE),
        (890, "ION PUMP", ACK),
        (890, "MUCH TOO LONG", WRONG_TYPE),
        (812, "1.0E-10", DISABLED),
        (700, "1", UNKNOWN),
    ],
)
def test_writing(pump: SimulatedIonPump, line: LineSession, window: int, data: str, code: str) -> None:
    before = read(line, window)
    assert write(line, window, data) == code
    assert read(line, window) == (data if code == ACK else before)
    assert bool(pump.complaints) == (code != ACK)


def test_pressure_is_shown_in_three_units(line: LineSession) -> None:
    assert write(line, 600, "000000") == ACK
    assert read(line, 812) == "1.6E-10"  # Torr
    assert write(line, 600, "000002") == ACK
    assert read(line, 812) == "2.1E-08"  # Pa


def test_current_follows_the_pressure() -> None:
    pump = SimulatedIonPump(lambda now: 1e-7 if now < 50.0 else 1e-5)
    line = pump.connect()
    assert pump.current(10.0) == pytest.approx(1e-8)
    assert read(line, 811, 60.0) == "1.0E-06"
    assert read(line, 812, 60.0) == "1.0E-07"


def test_leakage_looks_like_pressure_and_small_currents_are_not_seen() -> None:
    leaky = SimulatedIonPump(lambda now: 1e-10, specification=IonPumpSpecification(leakage=5e-9))
    assert read(leaky.connect(), 812) == "5.0E-10"
    good = SimulatedIonPump(lambda now: 1e-10)
    assert read(good.connect(), 811) == "1.0E-10"
    assert read(good.connect(), 812) == "1.0E-11"


def test_high_voltage_comes_up_slowly_and_goes_at_once(pump: SimulatedIonPump, line: LineSession) -> None:
    assert write(line, 11, "0") == ACK
    assert (read(line, 11), read(line, 205), read(line, 810)) == ("0", "000000", "000000")
    assert (read(line, 811), read(line, 812)) == ("0.0E+00", "0.0E+00")
    assert not pump.pumping()
    assert write(line, 11, "1", now=200.0) == ACK
    assert read(line, 810, 202.5) == "003500"
    assert pump.voltage(203.0) == pytest.approx(4200.0)
    assert read(line, 812, 202.5) == "2.1E-10"  # the controller knows its voltage
    assert write(line, 11, "1", now=202.5) == ACK  # it is on already
    assert read(line, 810, 206.0) == "007000"


def test_supply_gives_no_more_than_its_power() -> None:
    pump = SimulatedIonPump(lambda now: 0.09)
    assert pump.voltage(0.0) * pump.current(0.0) == pytest.approx(40.0)
    assert pump.voltage(0.0) < 7000.0


def test_too_much_current_switches_off_where_that_is_wanted() -> None:
    pressures = iter([1e-8] * 4 + [1e-2] * 100)
    pump = SimulatedIonPump(lambda now: next(pressures))
    line = pump.connect()
    write(line, 614, "000100")
    assert read(line, 205) == "000005"
    for _ in range(4):
        read(line, 319)
    assert (read(line, 205), read(line, 206), read(line, 11)) == ("000006", "000128", "0")
    assert write(line, 602, "0") == ACK
    assert write(line, 11, "0") == ACK
    assert (read(line, 205), read(line, 206)) == ("000000", "000000")
    assert write(line, 11, "1", 200.0) == ACK
    assert read(line, 205, 300.0) == "000005"


@pytest.mark.parametrize(
    ("fault", "bits"),
    [("interlock", 0x20), ("short circuit", 0x40), ("over-temperature", 0x04), ("current trip", 0x80)],
)
def test_fault_stays_until_high_voltage_is_switched_again(
    pump: SimulatedIonPump, line: LineSession, fault: str, bits: int
) -> None:
    pump.provoke(fault, 100.0)
    assert not pump.pumping()
    assert (read(line, 205), read(line, 206)) == ("000006", f"{bits:06}")
    assert read(line, 801) == ("000085" if fault == "over-temperature" else "000031")
    pump.front_panel("interlock", True, 100.0)
    assert read(line, 205) == "000006"
    assert write(line, 11, "1") == ACK
    assert (read(line, 205), read(line, 206)) == ("000005", "000000")


def test_no_high_voltage_while_a_cable_is_out(pump: SimulatedIonPump, line: LineSession) -> None:
    pump.front_panel("interlock", False, 100.0)
    assert write(line, 11, "1") == ACK
    assert (read(line, 11), read(line, 206)) == ("0", "000032")


@pytest.mark.parametrize("mode", ["remote", "local"])
def test_front_panel_locks_software_out(pump: SimulatedIonPump, line: LineSession, mode: str) -> None:
    pump.front_panel("mode", mode, 100.0)
    assert write(line, 11, "0") == DISABLED
    assert read(line, 11) == "1"
    assert write(line, 8, "000003") == ACK
    assert write(line, 11, "0") == ACK


def test_somebody_switches_high_voltage_by_hand(pump: SimulatedIonPump, line: LineSession) -> None:
    pump.front_panel("high voltage", False, 100.0)
    assert read(line, 11) == "0"
    pump.front_panel("high voltage", True, 100.0)
    assert (read(line, 11), read(line, 810), read(line, 810, 105.0)) == ("1", "000000", "007000")


@pytest.mark.parametrize("autostart", [False, True])
def test_power_cycle(autostart: bool) -> None:
    pump = SimulatedIonPump(lambda now: 2e-8, specification=IonPumpSpecification(autostart=autostart))
    line = pump.connect()
    write(line, 613, "005000")
    pump.provoke("short circuit", 0.0)
    write(line, 11, "1", 0.0)
    line.receive(frame("8120")[:5], 0.0)  # cut off by the power
    pump.switch_off(10.0)
    assert not pump.pumping()
    assert line.receive(frame("8120"), 10.0) == b""
    pump.switch_on(15.0)
    assert read(line, 613) == "005000"
    assert pump.pumping() is autostart
    assert pump.voltage(17.5) == (2500.0 if autostart else 0.0)


def test_frames_are_understood_at_every_cut_and_glued(line: LineSession) -> None:
    stream = frame("8120") + frame("3190")
    expected = frame("81202.1E-10") + frame("3190IPCMini")
    for cut in range(1, len(stream)):
        assert line.receive(stream[:cut], 1.0) + line.receive(stream[cut:], 1.0) == expected


@pytest.mark.parametrize("noise", [b"\xff\x00garbage\r\n", b"\x03\x03\x03", b"\x02\x80812", b"\x02" * 200])
def test_noise_does_not_matter(line: LineSession, noise: bytes) -> None:
    line.receive(noise, 1.0)
    assert read(line, 319) == "IPCMini"


def test_wrong_checksum_is_told(pump: SimulatedIonPump, line: LineSession) -> None:
    assert unpack(line.receive(b"\x02\x808120\x0389", 1.0)) == NACK
    assert list(pump.complaints) == ["window 812: wrong checksum"]
    mute = SimulatedIonPump(specification=IonPumpSpecification(tells_bad_checksum=False))
    assert mute.connect().receive(b"\x02\x808120\x0389", 1.0) == b""


def test_frame_for_another_controller_is_not_answered(line: LineSession) -> None:
    assert line.receive(frame("3190", address=0x85), 1.0) == b""
    bus = SimulatedIonPump(specification=IonPumpSpecification(address=5, bus=True)).connect()
    assert bus.receive(frame("3190"), 1.0) == b""
    assert bus.receive(frame("3190", address=0x85), 1.0) == frame("3190IPCMini", address=0x85)


def test_four_pumps_on_one_controller() -> None:
    pump = SimulatedIonPump(*(lambda now, n=n: n * 1e-8 for n in (1, 2, 3, 4)))  # type: ignore[misc]
    line = pump.connect()
    assert read(line, 319) == "4UHV"
    assert [read(line, window) for window in (812, 822, 832, 842)] == [
        "1.0E-10",
        "2.0E-10",
        "3.0E-10",
        "4.0E-10",
    ]
    assert write(line, 13, "0") == ACK
    assert [read(line, window) for window in (11, 12, 13, 14)] == ["1", "1", "0", "1"]
    assert [pump.pumping(channel) for channel in (1, 2, 3, 4)] == [True, True, False, True]
    assert read(line, 205) == "000005"


def test_what_cannot_be_is_refused(pump: SimulatedIonPump) -> None:
    with pytest.raises(InstrumentSetupError) as caught:
        SimulatedIonPump(*[lambda now: 1e-8] * 5)
    assert str(caught.value) == "pumps = 5 is not possible: allowed is 1 to 4; use a second controller"
    with pytest.raises(InstrumentSetupError) as caught:
        pump.front_panel("mode", "party", 0.0)
    assert str(caught.value) == (
        "mode = 'party' is not possible: allowed is serial, remote, local, lan; name one of these"
    )


def test_two_clients_hear_the_same_words(pump: SimulatedIonPump, line: LineSession) -> None:
    other = pump.connect()
    read(line, 319)
    assert unpack(other.receive(b"", 1.0), "3190") == "IPCMini"


def test_controller_over_pyserial_on_a_pseudo_terminal(pump: SimulatedIonPump) -> None:
    with serve_pty(pump) as server, serial.Serial(server.resource, 9600, timeout=5.0) as port:
        port.write(frame("8120"))
        assert port.read(16) == frame("81202.1E-10")
