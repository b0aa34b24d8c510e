"""What all devices do alike: readings with quality, what is wanted, what is lost and found, heartbeat.

A lamp stands for any instrument: lines of text, a power that hurts nobody and a voltage that does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np
import pytest

from control.device import Device, Identity, State
from control.device.happenings import NOISY_REPLIES, Logbook, Severity
from control.device.heartbeat import FIRST_RETRY, JITTER, LAST_RETRY, Heartbeat
from control.device.readings import Judged, Quality, Reading
from control.device.settings import Setting, Value
from control.device.wants import Drift
from control.errors import (
    BadReading,
    BadReply,
    ConfigError,
    LimitError,
    LinkDown,
    LinkTimeout,
    NotReady,
    ReadBackError,
    Refused,
    UnknownName,
    UsageError,
)
from control.transport import Deadline, open_link

WHO = (b"who?\n", b"lamp 7\n")
FRESH = (b"born?\n", b"0\n")
BORN = (b"born?\n", b"1\n")
HANG_UP = ()


class Lamp(Device):
    SETTINGS: ClassVar[tuple[Setting, ...]] = (
        Setting("glow", "", "brightness", low=0.0, high=1.0, tolerance=0.01, restore=True, key=True),
        Setting("volts", "V", "high voltage", low=0.0, high=100.0, tolerance=0.1),
        Setting("mode", "", "how it shines", choices=("steady", "flash")),
        Setting("on", "", "whether it shines", switch=True),
        Setting("label", "", "what is written on it", text=True, writable=False),
        Setting("knob", "V", "set here, read elsewhere", low=0.0, high=9.0, tolerance=2.0, readback=False),
    )
    MODELS: ClassVar[tuple[str, ...]] = ("lamp",)
    ACTIONS: ClassVar[tuple[str, ...]] = ("blink",)
    ANSWER_SECONDS: ClassVar[float] = 0.15
    PARKING: ClassVar[str] = "dark"

    def blink(self, times: int) -> int:
        """Blink some times."""
        return 2 * times

    def _identify(self) -> Identity:
        model, number = self._ask("who?").split()
        return Identity("us", model, number, "1")

    def _has_restarted(self) -> bool:
        return self._ask("born?") == "1"

    def _check(self) -> None:
        self._ask("who?")

    def _park(self) -> None:
        self._ask("glow 0.0")

    def _read(self, setting: Setting) -> Value | Judged:
        answer = self._ask(f"{setting.name}?")
        if answer == "dark":
            return Judged(0.0, Quality.BAD, "no light")
        if answer.endswith("?"):
            return Judged(float(answer[:-1]), Quality.SUSPECT, "under range")
        if setting.text or setting.choices:
            return answer
        if setting.switch:
            return answer == "1"
        try:
            return float(answer)
        except ValueError:
            raise BadReply(tried="read", reply=answer.encode(), expected="a number") from None

    def _write(self, setting: Setting, value: Value) -> None:
        if self._ask(f"{setting.name} {value}") != "ok":
            raise Refused(command=setting.name, code=1, text="no")

    def _ask(self, question: str) -> str:
        return self._link.exchange(question.encode() + b"\n", b"\n", self.ANSWER_SECONDS).decode()


def said(name: str, answer: str) -> tuple[bytes, bytes]:
    return f"{name}?\n".encode(), f"{answer}\n".encode()


def told(name: str, value: object, answer: str = "ok") -> tuple[bytes, bytes]:
    return f"{name} {value}\n".encode(), f"{answer}\n".encode()


@pytest.fixture
def lamp(tcp_peer: Any) -> Iterator[Callable[..., Lamp]]:
    lamps: list[Lamp] = []

    def begin(*script: Any, **options: Any) -> Lamp:
        peer = tcp_peer(WHO, FRESH, *script)
        lamps.append(Lamp("lamp", open_link(peer.resource, "lamp"), **options))
        return lamps[-1]

    yield begin
    for device in lamps:
        device.close()


@pytest.fixture
def idle(tcp_peer: Any) -> Iterator[Lamp]:
    """A lamp that is not asked anything."""
    with Lamp("lamp", open_link(tcp_peer().resource, "lamp")) as device:
        yield device


def told_happenings(device: Device) -> list[str]:
    return [entry.text for entry in device.logbook]


def test_a_reading_has_value_unit_time_and_quality(lamp: Any) -> None:
    device = lamp(said("volts", "5.0"))
    before = time.time()
    reading = device.measure("volts")
    assert (reading.value, reading.unit, reading.quality) == (5.0, "V", Quality.GOOD)
    assert before <= reading.time <= time.time()
    assert device.latest("volts") == reading


def test_what_the_instrument_doubts_is_told_and_what_it_denies_is_not_delivered(lamp: Any) -> None:
    device = lamp(said("volts", "5.0?"), said("volts", "5.0?"), said("volts", "dark"), said("volts", "dark"))
    assert device.measure("volts").quality is Quality.SUSPECT
    assert device.read("volts") == 5.0
    reading = device.measure("volts")
    assert (reading.value, reading.quality, reading.note) == (None, Quality.BAD, "no light")
    with pytest.raises(BadReading) as caught:
        device.read("volts")
    assert str(caught.value) == (
        f"lamp ({device.address}): volts has no valid reading: no light. Nothing was used in its place."
    )


def test_an_old_reading_says_so(lamp: Any) -> None:
    device = lamp(said("volts", "5.0"))
    assert device.latest("volts").note == "not read yet"
    assert device.latest("volts").quality is Quality.BAD
    device.measure("volts")
    device.disconnect()
    assert device.latest("volts").quality is Quality.STALE  # the link is down: nobody knows what it is now
    assert device.latest("volts").value == 5.0
    reading = Reading("volts", 5.0, "V", time=100.0)
    assert reading.aged(9.0, fresh=10.0) is reading
    assert reading.aged(60.0, fresh=10.0).note == "60 s old"
    assert reading.age(90.0) == 0.0  # the clock of the computer was set back


def test_words_and_switches(lamp: Any) -> None:
    device = lamp(told("mode", "flash"), said("mode", "flash"), told("on", True), said("on", "1"))
    assert device.set("mode", "flash") == "flash"
    assert device.set("on", True) is True
    with pytest.raises(UsageError) as caught:
        device.set("mode", "flsh")
    assert str(caught.value) == "lamp: mode cannot be 'flsh'. Did you mean flash?"
    with pytest.raises(UsageError, match="label can be read only"):
        device.set("label", "mine")
    with pytest.raises(UsageError, match=r"glow cannot be 'much'\. Give a number\."):
        device.set("glow", "much")


def test_a_word_that_was_not_taken(lamp: Any) -> None:
    device = lamp(told("mode", "flash"), said("mode", "steady"))
    with pytest.raises(ReadBackError, match="mode was set to 'flash' but reads 'steady'"):
        device.set("mode", "flash")


def test_limits_are_for_numbers(idle: Lamp) -> None:
    with pytest.raises(ConfigError, match="limits 0 to 1 for 'mode' limit nothing"):
        Lamp("lamp", idle._link, limits={"mode": (0.0, 1.0)})


def test_what_is_read_elsewhere_is_not_held_against_what_was_set(lamp: Any) -> None:
    device = lamp(told("knob", 3.0))
    assert device.set("knob", 3.0) == 3.0


def test_what_is_no_setting_is_asked_twice_where_bytes_are_harmed(
    idle: Lamp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answering(*answers: str) -> Callable[[], str]:
        return iter(answers).__next__

    assert idle._surely(answering("1")) == "1"
    monkeypatch.setattr(type(idle._link), "GUARDED", False)
    assert idle._surely(answering("1", "7", "7")) == "7"
    with pytest.raises(BadReply, match="the answer '1, 2, 3' is not the same answer twice"):
        idle._surely(answering("1", "2", "3"))


def test_what_was_refused_is_not_wanted(lamp: Any) -> None:
    device = lamp(told("volts", 5.0), said("volts", "5.0"), told("volts", 6.0, "no"))
    device.set("volts", 5.0)
    with pytest.raises(Refused):
        device.set("volts", 6.0)
    assert device.wanted == {"volts": 5.0}


def test_a_lost_command_is_found_out_when_the_link_is_back(lamp: Any) -> None:
    heard = (told("volts", 5.0)[0],)
    device = lamp(heard, HANG_UP, WHO, FRESH, said("volts", "0.0"), said("volts", "0.0"))
    with pytest.raises(LinkDown):
        device.set("volts", 5.0)
    assert device.wanted == {"volts": 5.0}  # perhaps
    assert device.read("volts") == 0.0
    assert device.wanted == {}
    assert device.state is State.UP
    assert told_happenings(device) == ["volts was not set to 5.0: lost on the way"]


def test_a_command_whose_answer_was_lost_still_holds(lamp: Any) -> None:
    heard = (told("volts", 5.0)[0],)
    found = said("volts", "5.0")
    device = lamp(heard, HANG_UP, WHO, FRESH, found, found, found)
    with pytest.raises(LinkDown):
        device.set("volts", 5.0)
    assert device.read("volts") == 5.0
    assert device.wanted == {"volts": 5.0}
    assert told_happenings(device) == []


def lost_link(*script: Any) -> tuple[Any, ...]:
    """Return a script in which both settings are set and then the link breaks."""
    volts, glow = said("volts", "5.0"), said("glow", "0.5")
    return (told("volts", 5.0), volts, told("glow", 0.5), glow, (b"on?\n",), HANG_UP, WHO, *script)


def break_link(device: Lamp) -> None:
    device.set("volts", 5.0)
    device.set("glow", 0.5)
    with pytest.raises(LinkDown):
        device.read("on")


def test_after_a_power_cycle_harmless_settings_come_back_and_others_wait(lamp: Any) -> None:
    gone = (said("volts", "0.0"), said("glow", "0.0"), told("glow", 0.5))
    again = (told("volts", 5.0), said("volts", "5.0"))
    device = lamp(*lost_link(BORN, *gone, said("on", "0"), *again))
    break_link(device)
    assert device.read("on") is False
    assert device.state is State.DEGRADED
    assert "switched off and on again" in device.trouble
    with pytest.raises(NotReady, match=r"cannot set volts: it was switched off and on again"):
        device.set("volts", 5.0)
    assert told_happenings(device)[0] == Lamp.RESTARTED
    assert "glow was set again to 0.5" in told_happenings(device)
    device.acknowledge()
    assert device.wanted == {"glow": 0.5}
    assert device.set("volts", 5.0) == 5.0


def test_what_changed_while_the_link_was_down_is_named(lamp: Any) -> None:
    gone = (said("volts", "4.0"), said("glow", "0.5"))
    device = lamp(*lost_link(FRESH, *gone, said("on", "0")))
    break_link(device)
    device.read("on")
    assert device.state is State.DEGRADED
    assert device.trouble == "while the link was down: volts is 4 V, not 5 V"


def test_nothing_is_lost_when_nothing_changed(lamp: Any) -> None:
    device = lamp(*lost_link(FRESH, said("volts", "5.0"), said("glow", "0.5"), said("on", "0")))
    break_link(device)
    device.read("on")
    assert device.state is State.UP
    assert device.wanted == {"volts": 5.0, "glow": 0.5}


def test_somebody_at_the_front_panel_is_noticed_and_not_fought(lamp: Any) -> None:
    device = lamp(told("volts", 5.0), said("volts", "5.0"), said("volts", "7.0"))
    device.set("volts", 5.0)
    assert device.drifts() == (Drift("volts", 5.0, 7.0, "V"),)
    assert told_happenings(device) == ["volts is 7 V, not 5 V: somebody else has changed it"]
    assert device.wanted == {"volts": 5.0}


def test_a_running_instrument_is_adopted(lamp: Any) -> None:
    found = (said("glow", "0.5"), said("volts", "5.0"), said("mode", "flash"), said("on", "1"))
    device = lamp(*found)
    device.adopt()
    assert device.wanted == {"glow": 0.5, "volts": 5.0, "mode": "flash", "on": True}


def test_parking(lamp: Any) -> None:
    device = lamp(told("glow", 0.0))
    assert device.park() == "dark"
    assert told_happenings(device) == ["parked: dark"]


def test_actions_go_by_their_names(idle: Lamp) -> None:
    assert idle.perform("blink", 3) == 6
    with pytest.raises(UnknownName) as caught:
        idle.perform("blnk")
    assert str(caught.value) == "lamp: there is no action 'blnk'. Did you mean blink?"


def test_a_second_line_that_nobody_has(idle: Lamp) -> None:
    with pytest.raises(ConfigError, match="this kind of instrument has no second line; remove stream"):
        Lamp("lamp", idle._link, stream=idle._link)


def test_a_noisy_line_is_an_alarm() -> None:
    now = [1000.0]
    book = Logbook(clock=lambda: now[0])
    for _ in range(NOISY_REPLIES):
        book.count_bad_reply()
        now[0] += 10.0
    assert len(book) == 0
    book.count_bad_reply()
    (entry,) = book
    assert entry.severity is Severity.ALARM
    assert entry.text == "the line is noisy: 4 bad replies in a minute"


def test_rare_bad_replies_are_no_alarm() -> None:
    now = [1000.0]
    book = Logbook(clock=lambda: now[0])
    for _ in range(10):
        book.count_bad_reply()
        now[0] += 30.0
    assert len(book) == 0


def test_bad_replies_of_a_device_are_counted(lamp: Any) -> None:
    bad = said("volts", "5.0x")
    script: list[Any] = []
    for turn in range(2):
        # Asked twice, each time on a new connection: the late rest of an answer stays with the old one.
        script += (
            [bad, HANG_UP, WHO, FRESH, bad, HANG_UP]
            if turn == 0
            else [WHO, FRESH, bad, HANG_UP, WHO, FRESH, bad]
        )
    device = lamp(*script)
    for _ in range(2):
        with pytest.raises(BadReply):
            device.read("volts")
    assert told_happenings(device) == ["the line is noisy: 4 bad replies in a minute"]


class TestHeartbeat:
    def test_a_beat_reads_what_is_key(self, lamp: Any) -> None:
        device = lamp((b"who?\n", b"lamp 7\n"), said("glow", "0.5"))
        heart = Heartbeat(device, seconds=3.0)
        assert heart.beat() == 3.0
        assert device.latest("glow").value == 0.5

    def test_it_waits_longer_each_time_nobody_answers(self, lamp: Any, free_port: int) -> None:
        device = lamp((b"who?\n", b"lamp 7\n"), said("glow", "0.5"))
        heart = Heartbeat(device, chance=lambda: 0.5)
        heart.beat()
        device.disconnect()
        device._link._peer = ("127.0.0.1", free_port)  # nobody listens there
        waits = [heart.beat() for _ in range(10)]
        assert waits[:4] == [FIRST_RETRY, 2 * FIRST_RETRY, 4 * FIRST_RETRY, 8 * FIRST_RETRY]
        assert waits[-1] == LAST_RETRY
        assert device.state is State.DOWN
        assert told_happenings(device)[0].startswith("it does not answer: lamp")

    def test_tries_are_spread(self, idle: Any, free_port: int) -> None:
        idle.disconnect()
        idle._link._peer = ("127.0.0.1", free_port)
        early, late = (Heartbeat(idle, chance=lambda chance=chance: chance).beat() for chance in (0.0, 1.0))
        assert early == pytest.approx(FIRST_RETRY * (1 - JITTER))
        assert late == pytest.approx(FIRST_RETRY * (1 + JITTER))

    def test_it_says_when_the_instrument_is_back(self, lamp: Any) -> None:
        beat = ((b"who?\n", b"lamp 7\n"), said("glow", "0.5"))
        device = lamp((b"who?\n",), HANG_UP, WHO, FRESH, *beat)
        heart = Heartbeat(device, seconds=3.0)
        assert heart.beat() < 1.0
        assert heart.beat() == 3.0
        assert told_happenings(device)[-1] == "it is back after one try"

    def test_now_and_then_it_looks_at_the_front_panel(self, lamp: Any) -> None:
        beat = ((b"who?\n", b"lamp 7\n"), said("glow", "0.5"))
        device = lamp(told("volts", 5.0), said("volts", "5.0"), *beat * 5, said("volts", "6.0"))
        device.set("volts", 5.0)
        heart = Heartbeat(device)
        for _ in range(5):
            heart.beat()
        assert told_happenings(device) == ["volts is 6 V, not 5 V: somebody else has changed it"]

    def test_it_runs_in_a_thread_and_stops(self, lamp: Any) -> None:
        beat = ((b"who?\n", b"lamp 7\n"), said("glow", "0.5"))
        device = lamp(*beat)
        with Heartbeat(device, seconds=60.0):
            end = Deadline.after(5.0)
            while device.latest("glow").value is None and end.left():
                time.sleep(0.001)
        assert device.latest("glow").value == 0.5


def test_a_time_out_leaves_the_device_dirty_and_the_next_answer_is_right(lamp: Any) -> None:
    device = lamp((b"volts?\n",), HANG_UP, WHO, FRESH, said("volts", "5.0"))
    with pytest.raises((LinkDown, LinkTimeout)):
        device.read("volts")
    assert device.read("volts") == 5.0


class Guarded(Lamp):
    SETTINGS: ClassVar[tuple[Setting, ...]] = (
        Setting("volts", "V", "high voltage", low=0.0, high=100.0, tolerance=0.1, step=5.0),
        Setting("on", "", "whether it shines", switch=True, guards=("volts",)),
        Setting("glow", "", "brightness", low=0.0, high=1.0, tolerance=0.01, restore=True),
    )


@pytest.fixture
def guarded(tcp_peer: Any) -> Iterator[Callable[..., Guarded]]:
    devices: list[Guarded] = []

    def begin(*script: Any, **options: Any) -> Guarded:
        peer = tcp_peer(WHO, FRESH, *script)
        devices.append(Guarded("lamp", open_link(peer.resource, "lamp"), **options))
        return devices[-1]

    yield begin
    for device in devices:
        device.close()


def test_nothing_is_switched_on_that_is_beyond_the_limits_of_the_site(guarded: Any) -> None:
    device = guarded(said("volts", "80.0"), limits={"volts": (0.0, 10.0)})
    with pytest.raises(NotReady) as caught:
        device.set("on", True)
    assert str(caught.value) == (
        f"lamp ({device.address}): cannot switch on on while volts is 80 V: "
        "the site allows 0 to 10 V. Set volts first."
    )
    assert device.wanted == {}


def test_a_device_shows_who_and_where_it_is(idle: Lamp) -> None:
    assert repr(idle) == f"<Lamp 'lamp' at {idle.address}, {idle.state}>"
    idle.close()
    assert repr(idle).endswith(", down>")


def test_it_can_always_be_switched_off(guarded: Any) -> None:
    device = guarded(told("on", False), said("on", "0"), limits={"volts": (0.0, 10.0)})
    assert device.set("on", False) is False


def test_what_was_found_beyond_the_limits_is_not_wanted(guarded: Any) -> None:
    found = (said("volts", "80.0"), said("on", "1"), said("glow", "0.5"))
    device = guarded(*found, limits={"volts": (0.0, 10.0)})
    device.adopt()
    assert device.wanted == {"on": True, "glow": 0.5}
    assert told_happenings(device)[0].startswith("it was found so, and that is not wanted: lamp (")


def test_a_restart_is_not_forgotten_when_the_next_answer_is_lost(guarded: Any) -> None:
    script = (said("glow", "0.5"), (b"on?\n",), HANG_UP, WHO, BORN, (b"volts?\n",), HANG_UP)
    device = guarded(said("volts", "5.0"), *script, WHO, FRESH, said("volts", "0.0"), said("on", "0"))
    device._wants.adopt("volts", device.read("volts"))
    device.read("glow")
    for _ in range(2):
        with pytest.raises(LinkDown):
            device.read("on")
    device.read("on")
    assert device.state is State.DEGRADED
    assert "switched off and on again" in device.trouble
    assert "volts is 0 V, not 5 V" in device.trouble


def test_what_cannot_be_set_again_does_not_lock_the_device_out(guarded: Any) -> None:
    script = (told("glow", 0.5), said("glow", "0.5"), (b"on?\n",), HANG_UP, WHO, BORN)
    again = (said("glow", "0.0"), told("glow", 0.5, "no"), said("on", "0"), said("volts", "1.0"))
    device = guarded(*script, *again)
    device.set("glow", 0.5)
    with pytest.raises(LinkDown):
        device.read("on")
    assert device.read("on") is False
    assert "glow could not be set again" in device.trouble
    assert device.read("volts") == 1.0


def test_a_ramp_that_was_broken_off_is_neither_here_nor_there(guarded: Any) -> None:
    set_before = (told("volts", 10.0), said("volts", "10.0"))
    device = guarded(*set_before, told("volts", 30.0, "no"), said("volts", "20.0"), said("on", "0"))
    device.set("volts", 10.0)
    with pytest.raises(Refused):
        device.set("volts", 30.0)
    device.read("on")
    assert device.state is State.DEGRADED
    assert device.trouble == "volts is 20 V, not 30 V, and not 10.0 as before: it was broken off on the way"


def test_a_change_by_hand_is_not_undone_because_an_answer_came_late(guarded: Any) -> None:
    script = (told("glow", 0.5), said("glow", "0.5"), (b"on?\n",))
    device = guarded(*script, WHO, FRESH, said("glow", "0.9"), said("on", "0"))
    device.set("glow", 0.5)
    with pytest.raises(LinkTimeout):
        device.read("on")
    assert device.read("on") is False
    assert told_happenings(device) == ["glow is 0.9, not 0.5: somebody else has changed it"]


@pytest.mark.parametrize("value", [None, 1j, [1.0], b"-7", np.bool_(True), 10**400])
def test_what_is_no_number_is_told_so(idle: Lamp, value: Any) -> None:
    with pytest.raises((UsageError, LimitError), match=r"lamp.*volts cannot be"):
        idle.set("volts", value)


def test_trouble_that_came_meanwhile_is_not_acknowledged(idle: Lamp) -> None:
    idle._degrade("the water is off")
    seen = idle.trouble
    idle._degrade("the door is open")
    with pytest.raises(NotReady, match="there is other trouble now: the water is off; the door is open"):
        idle.acknowledge(seen)
    idle.acknowledge(idle.trouble)
    assert idle.trouble == ""


def test_who_wants_it_safe_does_not_wait_for_a_ramp(idle: Lamp) -> None:
    begun, outcome = threading.Event(), []

    def ramp() -> None:
        with idle._link.lock:
            begun.set()
            try:
                while True:
                    idle._give_way()
                    time.sleep(0.001)
            except NotReady as error:
                outcome.append(str(error))

    waiting = threading.Thread(target=ramp)
    waiting.start()
    begun.wait(5.0)
    with pytest.raises(LinkTimeout), idle._urgently():
        pass  # nobody answers, but the ramp was broken off
    waiting.join(5.0)
    assert outcome == [
        "instrument: cannot go on waiting: somebody wants it safe. See what was done, then start again."
    ]
