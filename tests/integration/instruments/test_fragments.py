"""Answers that come in single bytes say the same as those that come at once."""

from __future__ import annotations

import pytest

from hardware_sim.instruments.faults import LineFaults

NOISY = ("bristol871", "dlc_pro", "highfinesse", "id900", "iseg_nhr", "mdt693b", "mecom", "pm100d")
"""Instruments whose measured values are never the same twice."""


def test_byte_by_byte(meet, pair):
    meeting = meet(pair)
    pair.prepare(meeting.device)
    whole = meeting.readings()
    if pair.ways[0] == "zmq":
        pytest.skip("a message of ZeroMQ comes whole, or not at all")
    meeting.server.inject(LineFaults(fragment=1, pause=1e-6))
    pieces = meeting.readings()
    for name, reading in pieces.items():
        setting = meeting.device.setting(name)
        assert reading.quality is whole[name].quality
        if (setting.writable and setting.readback) or pair.driver not in NOISY:
            assert reading.value == whole[name].value, name
    assert meeting.complaints() == []
