"""The Red Pitaya driver against a scripted SCPI server; through PyVISA, as in the lab, and plain TCP."""

from __future__ import annotations

import math

import numpy as np
import pytest

from control.device import State
from control.drivers.red_pitaya import BUFFER, RedPitaya
from control.errors import (
    BadReply,
    IdentityError,
    LimitError,
    LinkDown,
    LinkTimeout,
    NotReady,
    ReadBackError,
    UsageError,
)

IDN = (b"*IDN?\r\n", b"REDPITAYA,INSTR2020,0,01-02\r\n")
HANG_UP = ()


def armed(*, decimation=8, level=b"0.000000", gain=b"LV"):
    return b"".join(
        line + b"\r\n"
        for line in (
            b"ACQ:RST",
            b"ACQ:DEC %d" % decimation,
            b"ACQ:AVG ON",
            b"ACQ:DATA:UNITS VOLTS",
            b"ACQ:DATA:FORMAT BIN",
            b"ACQ:SOUR1:GAIN " + gain,
            b"ACQ:SOUR2:GAIN " + gain,
            b"ACQ:TRIG:LEV " + level,
            b"ACQ:TRIG:DLY 8192",
            b"ACQ:START",
        )
    )


def status(answer):
    return b"ACQ:TRIG:STAT?\r\n", answer + b"\r\n"


def filled(answer=b"1"):
    return b"ACQ:TRIG:FILL?\r\n", answer + b"\r\n"


def block(data):
    size = b"%d" % len(data)
    return b"#%d" % len(size) + size + data + b"\r\n"


def data(channel, volts):
    question = b"ACQ:SOUR%d:DATA:OLD:N? %d\r\n" % (channel, len(volts))
    return question, block(np.array(volts, ">f4").tobytes())


@pytest.fixture
def pitaya(begin, tcp_peer):
    def make(*script, **options):
        return begin(RedPitaya, tcp_peer(*script), name="monitor", **options)

    return make


def test_identity(pitaya):
    device = pitaya(IDN)
    found = device.identify()
    assert (found.maker, found.model, found.serial_number) == ("Red Pitaya", "INSTR2020", "0")
    assert found.firmware == "01-02"


def test_through_visa(begin, tcp_peer):
    peer = tcp_peer(IDN, (b"ANALOG:PIN? AIN3\r\n", b"0.5\r\n"))
    assert begin(RedPitaya, peer, resource=peer.visa_resource).read("input_3") == 0.5


def test_another_instrument(pitaya):
    with pytest.raises(IdentityError, match="the model is 'DG645', not 'INSTR2020 or INSTR2014'"):
        pitaya((b"*IDN?\r\n", b"Stanford Research Systems,DG645,s/n001013,ver1.10.016\r\n")).identify()


@pytest.mark.parametrize("pin", range(4))
def test_slow_inputs(pitaya, pin):
    assert pitaya(IDN, (b"ANALOG:PIN? AIN%d\r\n" % pin, b"1.234\r\n")).read(f"input_{pin}") == 1.234


@pytest.mark.parametrize("pin", range(4))
def test_slow_outputs(pitaya, pin):
    command = b"ANALOG:PIN AOUT%d,1.2500\r\nANALOG:PIN? AOUT%d\r\n" % (pin, pin)
    assert pitaya(IDN, (command, b"1.2494\r\n")).set(f"output_{pin}", 1.25) == 1.2494


def test_an_output_that_did_not_take_it(pitaya):
    device = pitaya(IDN, (b"ANALOG:PIN AOUT0,1.2500\r\nANALOG:PIN? AOUT0\r\n", b"0.5\r\n"))
    with pytest.raises(ReadBackError, match=r"output_0 was set to 1\.25 V but reads 500 mV"):
        device.set("output_0", 1.25)


@pytest.mark.parametrize("value", [-0.01, 1.81, math.nan, math.inf])
def test_limits_of_the_outputs(pitaya, value):
    with pytest.raises(LimitError) as caught:
        pitaya().set("output_0", value)
    assert (caught.value.low, caught.value.high) == (0.0, 1.8)


def test_an_input_is_not_set(pitaya):
    with pytest.raises(UsageError, match="input_0 can be read only"):
        pitaya().set("input_0", 1.0)


def test_acquiring(pitaya):
    first, second = np.linspace(-1.0, 1.0, 8000), np.full(8000, 0.25)
    device = pitaya(
        IDN,
        (armed() + b"ACQ:TRIG NOW\r\n" + status(b"")[0], b"WAIT\r\n"),
        status(b"TD"),
        filled(b"0"),
        filled(),
        data(1, first),
        data(2, second),
    )
    # 0.512 ms fit into the buffer with a decimation of 8: 64 ns a sample
    volts, times = device.perform("acquire", 512e-6)
    assert (volts.shape, times.shape) == ((2, 8000), (8000,))
    assert (volts.dtype, times.dtype) == (np.float64, np.float64)
    np.testing.assert_allclose(volts, [first, second], atol=1e-7)
    assert (times[0], times[1]) == (0.0, pytest.approx(64e-9))


@pytest.mark.parametrize(
    ("seconds", "decimation", "count"),
    [
        (8e-9, 1, 1),
        (131.072e-6, 1, BUFFER),
        (131.08e-6, 8, 2048),
        (5e-3, 64, 9766),
        (0.1, 1024, 12207),
        (1.0, 8192, 15259),
        (8.58, 65536, 16365),
    ],
)
def test_the_smallest_decimation_that_holds_the_time(pitaya, seconds, decimation, count):
    device = pitaya(
        IDN,
        (armed(decimation=decimation) + b"ACQ:TRIG NOW\r\n" + status(b"")[0], b"TD\r\n"),
        filled(),
        data(1, np.zeros(count)),
        data(2, np.ones(count)),
    )
    volts, times = device.acquire(seconds)
    assert volts.shape == (2, count)
    assert times[-1] == pytest.approx((count - 1) * decimation / 125e6)


def test_acquiring_from_a_trigger_on(pitaya):
    device = pitaya(
        IDN,
        (
            armed(decimation=1, level=b"0.150000", gain=b"HV") + b"ACQ:TRIG CH2_NE\r\n" + status(b"")[0],
            b"TD\r\n",
        ),
        filled(),
        data(1, [0.0]),
        data(2, [19.5]),
    )
    volts, _ = device.acquire(8e-9, "input 2 falling", 0.15, input_range="20 V")
    np.testing.assert_array_equal(volts, [[0.0], [19.5]])


def test_a_trigger_that_does_not_come(pitaya):
    waits = [status(b"WAIT")] * 4
    device = pitaya(
        IDN,
        (armed(decimation=1) + b"ACQ:TRIG EXT_PE\r\n" + status(b"")[0], b"WAIT\r\n"),
        *waits,
        (b"ACQ:STOP\r\n*IDN?\r\n", IDN[1]),
    )
    with pytest.raises(NotReady) as caught:
        device.acquire(1e-6, "external rising", patience=0.018)
    assert str(caught.value) == (
        f"monitor ({device.address}): cannot acquire: no trigger, external rising, within 0.018 s. "
        "Is there light on the detector, and is the level right?"
    )
    assert device.state is State.UP
    assert device.check() is State.UP


def test_a_buffer_that_does_not_fill(pitaya):
    script = (armed(decimation=1) + b"ACQ:TRIG NOW\r\n" + status(b"")[0], b"TD\r\n")
    device = pitaya(IDN, script, filled(b"0"), filled(b"0"), filled(b"0"), stride=0.6)
    with pytest.raises(NotReady, match=r"its buffer does not fill up\. Restart its SCPI server"):
        device.acquire(1e-6)


@pytest.mark.parametrize("seconds", [0.0, -1.0, 7e-9, 8.6, math.nan])
def test_limits_of_the_time(pitaya, seconds):
    with pytest.raises(LimitError, match="seconds cannot be"):
        pitaya().acquire(seconds)


@pytest.mark.parametrize("patience", [-1.0, 601.0, math.inf, math.nan])
def test_limits_of_patience(pitaya, patience):
    with pytest.raises(LimitError, match="patience cannot be"):
        pitaya().acquire(1e-6, patience=patience)


def test_who_waits_for_a_trigger_makes_way_for_who_wants_it_safe(pitaya):
    device = pitaya(IDN, (armed(decimation=1) + b"ACQ:TRIG EXT_PE\r\n",))
    device.identify()
    device._overtaking.set()
    with pytest.raises(NotReady, match="cannot go on waiting: somebody wants it safe"):
        device.acquire(1e-6, "external rising")


def test_words_that_are_none(pitaya):
    device = pitaya()
    with pytest.raises(UsageError) as caught:
        device.acquire(1e-3, "external risng")
    assert str(caught.value) == (
        "monitor: the trigger cannot be 'external risng'. Did you mean external rising or external falling?"
    )
    with pytest.raises(UsageError, match="the input range cannot be '5 V'"):
        device.acquire(1e-3, input_range="5 V")


BLOCK = data(1, [0.25, -0.5])[1]


@pytest.mark.parametrize("cut", range(1, len(BLOCK)))
def test_a_block_may_come_in_two_pieces_cut_anywhere(pitaya, cut):
    device = pitaya(
        IDN,
        (armed(decimation=1) + b"ACQ:TRIG NOW\r\n" + status(b"")[0], b"TD\r\n"),
        filled(),
        (data(1, [0, 0])[0], BLOCK[:cut], BLOCK[cut:]),
        data(2, [1.0, 2.0]),
    )
    volts, _ = device.acquire(16e-9)
    np.testing.assert_array_equal(volts, [[0.25, -0.5], [1.0, 2.0]])


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (b"{0.1,0.2}\r\n", "the start of a block"),
        (b"#0\r\n", "the start of a block"),
        (b"#2x8", "the length of a block"),
        (b"#14" + bytes(4) + b"\r\n", "a block of 8 bytes"),
        (b"#18" + bytes(8) + b"junk\r\n", "the end of 8 bytes"),
        (b"#18" + bytes(4) + b"\x7f\xc0\0\0" + b"\r\n", "a block of finite numbers"),
    ],
)
def test_blocks_that_are_none(pitaya, reply, expected):
    device = pitaya(
        IDN,
        (armed(decimation=1) + b"ACQ:TRIG NOW\r\n" + status(b"")[0], b"TD\r\n"),
        filled(),
        (data(1, [0, 0])[0], reply),
    )
    with pytest.raises(BadReply, match=expected):
        device.acquire(16e-9)
    assert device.state is State.DIRTY


def test_a_block_that_stops_half_way_is_forgotten(pitaya):
    device = pitaya(
        IDN,
        (armed(decimation=1) + b"ACQ:TRIG NOW\r\n" + status(b"")[0], b"TD\r\n"),
        filled(),
        (data(1, [0, 0])[0], BLOCK[:7]),
        IDN,
        (b"ANALOG:PIN? AIN0\r\n", b"0.75\r\n"),
    )
    with pytest.raises(LinkTimeout, match="only"):
        device.acquire(16e-9)
    assert device.read("input_0") == 0.75


@pytest.mark.parametrize("garbage", [b"0.5V\r\n", b"\xff\r\n", b"\r\n", b"ERR!\r\n", b"nan\r\n"])
def test_garbage_is_asked_again_on_a_new_connection(pitaya, garbage):
    question = b"ANALOG:PIN? AIN0\r\n"
    assert pitaya(IDN, (question, garbage), IDN, (question, b"0.5\r\n")).read("input_0") == 0.5


def test_a_late_answer_does_not_answer_the_next_question(pitaya):
    device = pitaya(IDN, (b"ANALOG:PIN? AIN0\r\n",), IDN, (b"ANALOG:PIN? AIN1\r\n", b"0.25\r\n"))
    with pytest.raises(LinkTimeout, match="nothing came"):
        device.read("input_0")
    device.peer.say(b"1.75\r\n")
    assert device.read("input_1") == 0.25


def test_the_server_dies_and_the_outputs_are_gone(pitaya):
    device = pitaya(
        IDN,
        (b"ANALOG:PIN AOUT1,1.0000\r\nANALOG:PIN? AOUT1\r\n", b"1.0\r\n"),
        (b"ANALOG:PIN? AIN0\r\n",),
        HANG_UP,
        IDN,
        (b"ANALOG:PIN? AOUT1\r\n", b"0\r\n"),
        (b"ANALOG:PIN? AIN0\r\n", b"0.5\r\n"),
    )
    device.set("output_1", 1.0)
    with pytest.raises(LinkDown, match="the other end hung up"):
        device.read("input_0")
    assert device.read("input_0") == 0.5
    assert device.trouble == "while the link was down: output_1 is 0 V, not 1 V"


def test_parking_holds_the_outputs(pitaya):
    assert pitaya(IDN).park() == "the slow outputs hold their voltages"
