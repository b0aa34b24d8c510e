"""Devices that wait, and devices that lack what others of their family have."""

from __future__ import annotations

import pytest

from control.device import Identity
from control.device.patience import PatientDevice
from control.device.readings import Quality
from control.device.settings import Setting
from control.device.variants import VariedDevice
from control.errors import BadReading, NotReady


class Kettle(PatientDevice, VariedDevice):
    """An instrument that asks only who is there: the models with one plate lack the second."""

    SETTINGS = (Setting("heat_1", "W", "of plate 1"), Setting("heat_2", "W", "of plate 2"))
    MODELS = ("K1", "K2")

    def look(self, seconds, pause):
        return [self._clock() for _ in self._patiently(seconds, pause=pause)]

    def _absence(self, setting):
        return "this kettle has one plate" if setting.name == "heat_2" and self.model == "K1" else ""

    def _identify(self):
        answer = self._link.exchange(b"who\n", b"\n", self.ANSWER_SECONDS).decode()
        self.model = answer
        return Identity("maker", answer, "1", "1")

    def _check(self):
        self._identify()

    def _read(self, setting):
        return 5.0

    def _write(self, setting, value):
        raise AssertionError("nothing may be sent")


@pytest.fixture
def kettle(begin, tcp_peer):
    def make(*script, **options):
        return begin(Kettle, tcp_peer(*script), name="tea", **options)

    return make


def test_it_looks_at_once_and_after_each_pause_and_once_when_time_is_over(kettle):
    device = kettle()
    assert device.look(1.0, 0.25) == [100.0, 100.25, 100.5, 100.75, 101.0]
    assert device.time.naps == [0.25] * 4


def test_no_time_is_one_look(kettle):
    assert kettle().look(0.0, 0.25) == [100.0]


def test_a_pause_that_takes_longer_is_no_reason_to_look_less_than_twice(kettle):
    assert kettle(stride=6.0).look(1.0, 0.25) == [100.0, 106.0]


def test_what_an_instrument_lacks_has_no_reading(kettle):
    device = kettle((b"who\n", b"K1\n"))
    reading = device.measure("heat_2")
    assert (reading.value, reading.quality, reading.note) == (None, Quality.BAD, "this kettle has one plate")
    with pytest.raises(BadReading, match="heat_2 has no valid reading: this kettle has one plate"):
        device.read("heat_2")
    assert device.read("heat_1") == 5.0


def test_what_an_instrument_lacks_cannot_be_set(kettle):
    device = kettle((b"who\n", b"K1\n"))
    with pytest.raises(NotReady) as caught:
        device.set("heat_2", 1.0)
    assert str(caught.value) == (
        f"tea ({device.address}): cannot set heat_2: this kettle has one plate. Use one that it has."
    )


def test_the_larger_model_has_it(kettle):
    assert kettle((b"who\n", b"K2\n")).read("heat_2") == 5.0
