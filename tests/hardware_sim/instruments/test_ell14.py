from __future__ import annotations

import numpy as np
import pytest

from hardware_sim.instruments import InstrumentSetupError
from hardware_sim.instruments.ell14 import Ell14Mount, Ell14Specification, parse_long
from hardware_sim.instruments.ell14_bus import Ell14Bus
from hardware_sim.instruments.shared_line import LineSession

DEGREE = 1.0 / 360.0
EXACT = Ell14Specification(landing=0)


def build(seed: int = 1, specification: Ell14Specification = EXACT) -> tuple[Ell14Mount, LineSession]:
    mount = Ell14Mount("11400197", np.random.default_rng(seed), specification)
    return mount, Ell14Bus({"0": mount}).connect()


def home(line: LineSession, now: float = 0.0) -> float:
    assert line.receive(b"0ho0", now) == b""
    end = line.due()
    assert end is not None
    assert line.receive(b"", end) == b"0PO00000000\r\n"
    return end


def distance(first: float, second: float) -> float:
    return abs((first - second + 0.5) % 1.0 - 0.5)


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        (b"0in", b"0IN0E1140019720231701016800023000\r\n"),
        (b"0gs", b"0GS00\r\n"),
        (b"0gp", b"0PO00000000\r\n"),
        (b"0gj", b"0GJ00004600\r\n"),
        (b"0go", b"0HO00000000\r\n"),
        (b"0gv", b"0GV64\r\n"),
        (b"0sv32", b"0GS00\r\n"),
        (b"0sj00001000", b"0GS00\r\n"),
        (b"0soFFFFFF00", b"0GS00\r\n"),
        (b"0us", b"0GS00\r\n"),
        (b"0ca5", b"5GS00\r\n"),
        (b"0ma00023001", b"0GS0C\r\n"),
        (b"0mrFFFDCFFF", b"0GS0C\r\n"),
        (b"0sv00", b"0GS04\r\n"),
        (b"0sv65", b"0GS04\r\n"),
        (b"0sj00000000", b"0GS04\r\n"),
        (b"0so00023000", b"0GS04\r\n"),
        (b"0ho2", b"0GS04\r\n"),
        (b"0zz", b"0GS03\r\n"),
        (b"0ma0000z", b"0GS03\r\n"),
    ],
)
def test_golden_bytes(command: bytes, reply: bytes) -> None:
    _, line = build()
    assert line.receive(command, now=1.0) == reply


def test_stored_settings_are_read_back() -> None:
    _, line = build()
    line.receive(b"0sv32" + b"0sj00001000" + b"0soFFFFFF00", 0.0)
    assert line.receive(b"0gv0gj0go", 0.0) == b"0GV32\r\n0GJ00001000\r\n0HOFFFFFF00\r\n"


def test_error_is_told_at_once_and_once_more_by_the_next_status() -> None:
    _, line = build()
    assert line.receive(b"0sv65", 0.0) == b"0GS04\r\n"
    assert line.receive(b"0gs0gs", 0.0) == b"0GS04\r\n0GS00\r\n"


def test_move_takes_time_and_is_reported_at_its_end() -> None:
    _, line = build()
    start = home(line)
    assert line.receive(b"0ma00004600", start) == b""
    assert line.due() == pytest.approx(start + 0.125)
    assert line.receive(b"0gp", start + 0.0625) == b"0PO00002300\r\n"
    assert line.receive(b"", start + 0.1249) == b""
    assert line.receive(b"0gs", start + 0.126) == b"0PO00004600\r\n0GS00\r\n"
    assert line.due() is None


def test_moving_mount_is_busy_for_all_but_questions() -> None:
    _, line = build()
    start = home(line)
    line.receive(b"0ma00011800", start)
    for command in (b"0gs", b"0ma00000000", b"0fw", b"0ho0", b"0sv20", b"0us"):
        assert line.receive(command, start + 0.1) == b"0GS09\r\n"
    assert line.receive(b"0in", start + 0.1).startswith(b"0IN0E")
    assert line.receive(b"0gs", start + 0.6) == b"0PO00011800\r\n0GS00\r\n"


@pytest.mark.parametrize(
    ("command", "position"),
    [
        (b"0mrFFFFFFFF", b"FFFFFFFF"),
        (b"0fw", b"00004600"),
        (b"0bw", b"FFFFBA00"),
        (b"0ma00023000", b"00023000"),
    ],
)
def test_relative_and_jog_moves_are_signed(command: bytes, position: bytes) -> None:
    _, line = build()
    start = home(line)
    line.receive(command, start)
    assert line.receive(b"", start + 1.1) == b"0PO" + position + b"\r\n"


def test_plate_that_turns_on_and_on_never_overflows() -> None:
    mount, line = build()
    now = home(line)
    for _ in range(40):
        line.receive(b"0mr0001A400", now)  # three quarters of a turn
        now += 1.0
        assert line.receive(b"", now)[:3] == b"0PO"
        assert abs(mount.position(now)) <= 143_360
    assert distance(mount.angle(now), 0.0) < 0.6 * DEGREE  # thirty whole turns


def test_velocity_sets_the_time_of_a_move() -> None:
    _, line = build()
    start = home(line)
    line.receive(b"0sv320ma00023000", start)
    assert line.due() == pytest.approx(start + 2.0)


def test_angle_is_unknown_until_homed() -> None:
    angles = []
    for seed in range(20):
        mount, line = build(seed)
        assert (mount.position(0.0), mount.homed) == (0, False)
        angles.append(mount.angle(0.0))
        end = home(line)
        assert (mount.position(end), mount.homed) == (0, True)
        assert distance(mount.angle(end), 0.0) <= 0.51 * DEGREE
    assert np.ptp(angles) > 0.5  # uniform: smaller with a probability of 2e-5


@pytest.mark.parametrize(("direction", "sign"), [(b"0", -1.0), (b"1", 1.0)])
def test_homing_turns_the_way_that_was_asked(direction: bytes, sign: float) -> None:
    mount, line = build()
    line.receive(b"0ho" + direction, 0.0)
    end = line.due()
    assert end is not None
    assert 0.0 < end <= 1.0
    assert sign * mount.position(end / 2) > 0


def test_home_offset_moves_zero_off_the_index_mark() -> None:
    mount, line = build()
    line.receive(b"0so00004600", 0.0)
    end = home(line)
    assert distance(mount.angle(end), 0.125) <= 0.51 * DEGREE


def test_true_angle_differs_from_the_reported_one_as_the_data_sheet_says() -> None:
    mount, line = build(seed=7, specification=Ell14Specification())
    line.receive(b"0ho0", 0.0)
    now, deviations, stops = 2.0, [], []
    line.receive(b"", now)
    for target in np.random.default_rng(8).integers(0, 143_360, 200):
        line.receive(f"0ma{target:08X}".encode(), now)
        now += 1.5
        line.receive(b"", now)
        stops.append(mount.position(now) - int(target))
        reported = mount.position(now) / 143_360
        deviations.append((mount.angle(now) - reported + 0.5) % 1.0 - 0.5)
    assert max(map(abs, deviations)) <= 0.5 * DEGREE  # accuracy and repeatability
    assert max(map(abs, deviations)) > 0.1 * DEGREE
    assert min(stops) < 0 < max(stops)
    assert max(map(abs, stops)) <= 4


def test_same_target_is_reached_within_the_repeatability() -> None:
    mount, line = build(seed=2)
    now, angles = home(line), []
    for _ in range(50):
        line.receive(b"0ma00004600", now)
        line.receive(b"", now + 1.0)
        angles.append(mount.angle(now + 1.0))
        line.receive(b"0ma00000000", now + 1.0)
        line.receive(b"", now + 2.0)
        now += 2.0
    assert 0.1 * DEGREE < np.ptp(angles) <= 0.2 * DEGREE  # +-0.1 degree; 50 draws fill over half of it


def test_power_loss_stops_a_move_and_forgets_what_was_not_saved() -> None:
    mount = Ell14Mount("11400197", np.random.default_rng(1), EXACT)
    bus = Ell14Bus({"0": mount})
    line = bus.connect()
    start = home(line)
    line.receive(b"0sv500us0sj00001000", start)
    line.receive(b"0ma00023000", start)
    before = mount.angle(start + 0.5)
    bus.switch_off(start + 0.5)
    assert line.receive(b"0gs", start + 0.6) == b""
    bus.switch_on(start + 1.0)
    assert mount.angle(start + 2.0) == before
    assert mount.homed is False
    assert line.receive(b"0gp0gv0gj0gs", start + 2.0) == b"0PO00000000\r\n0GV50\r\n0GJ00004600\r\n0GS00\r\n"


def test_jammed_plate_times_out_where_it_is() -> None:
    mount, line = build()
    start = home(line)
    mount.jammed = True
    before = mount.angle(start)
    line.receive(b"0ma00004600", start)
    assert line.receive(b"0gs", start + 2.4) == b"0GS09\r\n"
    assert line.receive(b"", start + 2.5) == b"0GS02\r\n"
    assert mount.angle(start + 3.0) == before
    mount.jammed = False
    line.receive(b"0gs0ma00004600", start + 3.0)
    assert line.receive(b"", start + 4.0) == b"0PO00004600\r\n"


def test_jam_during_homing_leaves_the_mount_unhomed() -> None:
    mount, line = build()
    mount.jammed = True
    line.receive(b"0ho0", 0.0)
    assert line.receive(b"", 2.5) == b"0GS02\r\n"
    assert mount.homed is False


@pytest.mark.parametrize(("pause", "position"), [(0.05, b"00000000"), (0.11, b"00004600")])
def test_hasty_move_goes_to_zero(pause: float, position: bytes) -> None:
    _, line = build(specification=Ell14Specification(landing=0, hasty_zero=1.0))
    end = home(line)
    line.receive(b"0ma00004600", end + pause)
    assert line.receive(b"", end + 1.0) == b"0PO" + position + b"\r\n"


@pytest.mark.parametrize("number", ["", "1140019", "1140019X", "114001977"])
def test_serial_number_must_have_eight_digits(number: str) -> None:
    with pytest.raises(InstrumentSetupError) as caught:
        Ell14Mount(number, np.random.default_rng(1))
    assert str(caught.value) == (
        f'serial_number = {number!r} is not possible: allowed is 8 digits; write e.g. "11400197"'
    )


def test_numbers_are_twos_complement() -> None:
    assert [parse_long(text) for text in ("00000000", "7FFFFFFF", "80000000", "FFFFFFFF")] == [
        0,
        2**31 - 1,
        -(2**31),
        -1,
    ]
