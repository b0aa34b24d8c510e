from __future__ import annotations

import base64
import json
import math
from typing import Any

import numpy as np
import pytest
from instrument_clients import dial

from hardware_sim.instruments.endpoint import SessionEndedError
from hardware_sim.instruments.errors import InstrumentSetupError
from hardware_sim.instruments.highfinesse import Piezo, SimulatedWavemeterController, WavemeterInput
from hardware_sim.instruments.pc_rpc import INPUT_BUFFER, RpcSession
from hardware_sim.instruments.pyon_text import PyonError, decode_v1, decode_v2, encode_v1, encode_v2
from hardware_sim.instruments.tcp import serve_tcp
from hardware_sim.instruments.wavemeter_optics import Wavemeter, WavemeterSpecification

REFERENCE = 346e12
OFFER = b'{"targets":["control"],"description":null,"features":["pyon_v2"]}\n'
SPECTRUM = {"__jsonclass__": ["nparray", [[0], "<f8", ""]]}


class Laser:
    """A laser that a piezo tunes by 100 MHz/V."""

    def __init__(self) -> None:
        self.volts, self.power, self.jump = 60.0, 20e-3, 0.0

    def light(self, now: float) -> tuple[float, float]:
        return REFERENCE + 1e8 * (self.volts - 60.0) + self.jump, self.power

    def move(self, volts: float, now: float) -> None:
        self.volts = volts


@pytest.fixture
def laser() -> Laser:
    return Laser()


@pytest.fixture
def controller(laser: Laser) -> SimulatedWavemeterController:
    piezo = Piezo(lambda now: laser.volts, laser.move)
    inputs = {
        "866": WavemeterInput(laser.light, REFERENCE, piezo, gain=5e-9, poll_time=1.0),
        "397": WavemeterInput(lambda now: (755e12, 20e-3), 755e12),
    }
    return SimulatedWavemeterController(np.random.default_rng(1), inputs)


@pytest.fixture
def line(controller: SimulatedWavemeterController) -> RpcSession:
    return greeted(controller)


def greeted(controller: SimulatedWavemeterController, now: float = 0.0) -> RpcSession:
    session = controller.connect()
    assert session.receive(b"ARTIQ pc_rpc\n", now) == OFFER
    methods = json.loads(session.receive(b"control pyon_v2\n", now))
    assert {"ping", "get_freq", "lock", "unlock"} <= set(methods["__jsonclass__"][1][0])
    return session


def request(name: str, *args: object, **kwargs: object) -> bytes:
    call = {"action": "call", "name": name, "args": args, "kwargs": kwargs}
    return encode_v2(call).encode() + b"\n"


def call(line: RpcSession, now: float, name: str, *args: object, **kwargs: object) -> Any:
    said = line.receive(request(name, *args, **kwargs), now)
    while not said:
        due = line.due()
        assert due is not None
        said = line.receive(b"", due)
    reply = json.loads(said)
    return reply["ret"] if reply["status"] == "ok" else reply["exception"]


def measured(result: Any) -> tuple[int, float]:
    status, frequency, spectrum = result["__jsonclass__"][1][0]
    assert spectrum == SPECTRUM
    return status, frequency


def test_a_measurement_is_a_tuple_with_an_empty_spectrum(line: RpcSession) -> None:
    status, frequency = measured(call(line, 1.0, "get_freq", "866"))
    assert status == 0
    assert frequency == pytest.approx(REFERENCE, abs=5e6)
    status, offset = measured(call(line, 2.0, "get_freq", "866", offset_mode=True))
    assert abs(offset) < 5e6


def test_the_noise_is_that_of_the_specification(line: RpcSession) -> None:
    offsets = [measured(call(line, 10.0 * n, "get_freq", "866", offset_mode=True))[1] for n in range(1, 401)]
    # The standard deviation of 400 measurements is right within 20 % but for one case in 10 000.
    assert np.std(offsets) == pytest.approx(WavemeterSpecification().noise, rel=0.2)


def test_a_measurement_takes_the_switch_and_three_exposures(line: RpcSession) -> None:
    assert line.receive(request("get_freq", "866"), 1.0) == b""
    assert line.due() == pytest.approx(1.0 + 0.05 + 2 * 0.017 + 0.008)
    assert line.receive(b"", 1.09) == b""
    assert b'"ok"' in line.receive(b"", 1.0921)
    assert line.due() is None
    line.receive(request("get_freq", "866"), 2.0)
    # No switching now, and automatic exposure has added a millisecond to both exposures.
    assert line.due() == pytest.approx(2.0 + 2 * 0.019 + 0.008)


def test_the_light_is_that_at_the_begin_of_the_measurement(line: RpcSession, laser: Laser) -> None:
    seen: list[float] = []
    original = laser.light

    def light(now: float) -> tuple[float, float]:
        seen.append(now)
        return original(now)

    laser_input = WavemeterInput(light, REFERENCE)
    controller = SimulatedWavemeterController(np.random.default_rng(1), {"866": laser_input})
    measured(call(greeted(controller), 1.0, "get_freq", "866"))
    assert seen == [pytest.approx(1.05)]
    assert line.due() is None


def test_old_measurements_serve_who_asks_for_no_new_one(line: RpcSession, laser: Laser) -> None:
    first = measured(call(line, 1.0, "get_freq", "866"))
    laser.jump = 1e9
    assert json.loads(line.receive(request("get_freq", "866", age=5), 3.0))["ret"]
    assert measured(call(line, 3.0, "get_freq", "866", 5)) == first
    assert measured(call(line, 7.0, "get_freq", "866", age=5.0))[1] > first[1] + 9e8


def test_tasks_are_done_by_priority_and_shared(controller: SimulatedWavemeterController) -> None:
    lines = [greeted(controller) for _ in range(4)]
    lines[0].receive(request("get_freq", "397"), 1.0)
    lines[1].receive(request("get_freq", "397", priority=1), 1.01)
    lines[2].receive(request("get_freq", "866", priority=2), 1.01)
    queue = call(lines[3], 1.02, "get_measurement_queue")
    assert [(task["laser"], task["priority"]) for task in queue] == [("397", 3), ("397", 1), ("866", 2)]
    said = [each.receive(b"", 1.095) for each in lines]
    assert [b'"ok"' in each for each in said] == [True, True, False, False]
    assert b'"ok"' in lines[2].receive(b"", 2.0)


def test_a_task_that_nobody_waits_for_has_a_number(line: RpcSession) -> None:
    assert call(line, 1.0, "get_freq", "866", blocking=False) == 0
    assert call(line, 1.0, "get_freq", "866", mute=True) == 1
    assert measured(call(line, 2.0, "get_freq", "866", age=10))[0] == 0


@pytest.mark.parametrize(
    ("fault", "status"),
    [("over-exposure", 2), ("under-exposure", 1), ("timeout", 3), ("program closed", 3)],
)
def test_faults_are_told_by_the_status(
    controller: SimulatedWavemeterController, line: RpcSession, fault: str, status: int
) -> None:
    controller.provoke(fault, 0.5)
    assert measured(call(line, 1.0, "get_freq", "866")) == (status, 0.0)
    assert measured(call(line, 4.0, "get_freq", "866", offset_mode=True, age=100)) == (status, -REFERENCE)
    controller.front_panel("fibre", 1.0, 5.0)
    controller.front_panel("program", True, 5.0)
    assert measured(call(line, 6.0, "get_freq", "866"))[0] == 0


def test_a_timeout_takes_its_time_once(controller: SimulatedWavemeterController, line: RpcSession) -> None:
    controller.provoke("timeout", 0.5)
    line.receive(request("get_freq", "866"), 1.0)
    assert line.due() == pytest.approx(2.15)


def test_a_pipeline_that_is_not_flushed_gives_another_laser(
    controller: SimulatedWavemeterController, line: RpcSession
) -> None:
    assert measured(call(line, 1.0, "get_freq", "397"))[1] == pytest.approx(755e12, rel=1e-6)
    controller.provoke("stale", 2.0)
    stale = measured(call(line, 3.0, "get_freq", "866"))[1]
    assert stale == pytest.approx(755e12, rel=1e-6)
    assert measured(call(line, 4.0, "get_freq", "866"))[1] == pytest.approx(REFERENCE, rel=1e-6)


def test_the_pipeline_is_three_deep() -> None:
    wavemeter = Wavemeter(np.random.default_rng(1), WavemeterSpecification(noise=0.0))
    for frequency, expected in ((1e14, 0.0), (2e14, 0.0), (3e14, 1e14), (4e14, 2e14)):
        wavemeter.expose(frequency, 20e-3, (6, 6))
        assert wavemeter.delivered().frequency == expected


def test_a_dark_laser_is_under_exposed(line: RpcSession, laser: Laser) -> None:
    laser.power = 0.0
    assert measured(call(line, 1.0, "get_freq", "866")) == (1, 0.0)


def test_automatic_exposure_goes_by_single_milliseconds(line: RpcSession, laser: Laser) -> None:
    laser.power = 10e-3
    for now in range(1, 20):
        call(line, float(now), "get_freq", "866")
    exposures = call(line, 30.0, "get_laser_db")["866"]["exposure"]
    assert exposures == [16, 16]
    laser.power = 0.0
    call(line, 40.0, "get_freq", "866")
    assert call(line, 50.0, "get_laser_db")["866"]["exposure"] == exposures


def test_exposures_by_hand(controller: SimulatedWavemeterController, line: RpcSession) -> None:
    assert call(line, 1.0, "get_min_exposures") == [1, 2]
    assert call(line, 1.0, "get_max_exposures") == [999, 999]
    assert call(line, 1.0, "get_num_wlm_ccds") == 2
    call(line, 1.0, "set_auto_exposure", "866", False)
    call(line, 1.0, "set_exposure", "866", 20, 1)
    call(line, 2.0, "get_freq", "866")
    assert call(line, 3.0, "get_laser_db")["866"]["exposure"] == [6, 20]
    assert call(line, 3.0, "set_exposure", "866", 1, 1)["message"] == "invalid exposure"
    assert call(line, 3.0, "set_exposure", "866", 5, 2)["message"] == "invalid WLM CCD number"
    controller.front_panel("exposure", 999, 4.0)
    assert measured(call(line, 5.0, "get_freq", "866")) == (2, 0.0)


def poll(line: RpcSession, until: float) -> None:
    """Let the lock go on to a lab time, as a server would."""
    while (due := line.due()) is not None and due <= until:
        line.receive(b"", due)
    line.receive(b"", until)


def test_the_lock_pulls_the_laser_in_small_steps(
    controller: SimulatedWavemeterController, line: RpcSession, laser: Laser
) -> None:
    assert call(line, 1.0, "lock", "866", 100e6, "ana") is None
    assert controller.locked("866")
    poll(line, 2.5)
    assert 60.0 < laser.volts <= 60.5
    poll(line, 60.0)
    # Its noise of 0.5 MHz moves the lock by less than 5 MHz.
    assert laser.light(60.0)[0] - REFERENCE == pytest.approx(100e6, abs=5e6)
    assert call(line, 61.0, "get_laser_db")["866"]["lock_owner"] == "ana"


def test_no_step_is_larger_than_a_quarter_of_a_volt(line: RpcSession, laser: Laser) -> None:
    call(line, 1.0, "lock", "866", 1e9)
    steps = []
    for now in range(2, 12):
        before = laser.volts
        poll(line, float(now))
        steps.append(laser.volts - before)
    assert max(steps) == pytest.approx(0.25)


def test_the_lock_opens_outside_its_capture_range(
    controller: SimulatedWavemeterController, line: RpcSession, laser: Laser
) -> None:
    call(line, 1.0, "lock", "866", 0.0)
    poll(line, 5.0)
    assert controller.locked("866")
    laser.jump = 5e9
    volts = laser.volts
    poll(line, 8.0)
    assert not controller.locked("866")
    assert laser.volts == volts


def test_the_lock_opens_at_the_rails(
    controller: SimulatedWavemeterController, line: RpcSession, laser: Laser
) -> None:
    laser.volts, laser.jump = 25.1, 3.49e9
    call(line, 1.0, "lock", "866", -1e9)
    poll(line, 10.0)
    assert not controller.locked("866")
    assert laser.volts == 25.1


def test_the_lock_waits_while_the_wavemeter_sees_nothing(
    controller: SimulatedWavemeterController, line: RpcSession, laser: Laser
) -> None:
    call(line, 1.0, "lock", "866", 1e9)
    poll(line, 3.0)
    volts = laser.volts
    controller.provoke("under-exposure", 3.0)
    poll(line, 6.0)
    assert controller.locked("866")
    assert laser.volts == volts


def test_the_lock_times_out(controller: SimulatedWavemeterController, line: RpcSession) -> None:
    call(line, 1.0, "lock", "866", 0.0)
    poll(line, 300.0)
    assert controller.locked("866")
    poll(line, 303.0)
    assert not controller.locked("866")
    call(line, 310.0, "lock", "866", 0.0, timeout=None)
    poll(line, 1000.0)
    assert controller.locked("866")


def test_only_the_owner_may_unlock(controller: SimulatedWavemeterController, line: RpcSession) -> None:
    call(line, 1.0, "lock", "866", 0.0, "ana")
    refusal = call(line, 1.0, "unlock", "866", "ben")
    assert refusal["class"] == "GenericRemoteException"
    assert refusal["message"] == (
        "wand.tools.LaserOwnedException: Laser currently owned by 'ana' (you are 'ben')!"
    )
    assert controller.locked("866")
    call(line, 1.0, "steal", "866")
    call(line, 1.0, "unlock", "866", "ben")
    assert not controller.locked("866")


def test_parameters_of_the_lock(line: RpcSession) -> None:
    call(line, 1.0, "set_lock_params", "866", 1e-9, -2.0, 1e9)
    entry = call(line, 1.0, "get_laser_db")["866"]
    wanted = {"lock_gain": 1e-9, "lock_poll_time": 2.0, "lock_capture_range": 1e9}
    assert {name: entry[name] for name in wanted} == wanted
    call(line, 1.0, "set_lock_params", "866", 1e-9, 0.0)
    call(line, 1.0, "lock", "866", 0.0)
    poll(line, 2.0)
    call(line, 2.0, "set_reference_freq", "397", 754e12)
    assert measured(call(line, 3.0, "get_freq", "397", offset_mode=True))[1] == pytest.approx(1e12, rel=1e-3)
    call(line, 3.0, "set_fast_mode", "397")
    assert call(line, 3.0, "get_laser_db")["397"]["fast_mode"] is True
    assert call(line, 3.0, "get_poll_times") == {"__jsonclass__": ["tuple", [[30.0, 1.0]]]}


@pytest.mark.parametrize(
    ("name", "args", "kind", "message"),
    [
        ("get_freq", ("729",), "ValueError", "unrecognised laser name '729'"),
        ("get_freq", ("866", "soon"), "ValueError", "age must be a numeric type"),
        ("get_freq", ("866", 0, 2.5), "ValueError", "priority must be an integer"),
        ("get_freq", ("866", 0, 3, 1), "ValueError", "get_osa_trace must be a bool"),
        ("lock", ("397", 0.0), "ValueError", "No controller found for '397'"),
        ("_entry", ("866",), "AttributeError", "'WavemeterInterface' object has no attribute '_entry'"),
        ("__class__", (), "AttributeError", "'WavemeterInterface' object has no attribute '__class__'"),
    ],
)
def test_mistakes_are_told_with_class_and_message(
    line: RpcSession, name: str, args: tuple[object, ...], kind: str, message: str
) -> None:
    failure = call(line, 1.0, name, *args)
    assert (failure["class"], failure["message"]) == (kind, message)
    assert all("File" in each for each in failure["traceback"])
    assert call(line, 1.0, "ping") is True


def test_wrong_numbers_of_arguments_and_missing_fields(line: RpcSession) -> None:
    assert call(line, 1.0, "get_freq")["class"] == "TypeError"
    reply = json.loads(line.receive(b'{"action":"call","name":"ping","args":[]}\n', 1.0))
    assert (reply["exception"]["class"], reply["exception"]["message"]) == ("KeyError", "'kwargs'")
    reply = json.loads(line.receive(b'{"action":"bogus"}\n', 1.0))
    assert reply["exception"]["message"] == "Unknown action: bogus"


def test_the_list_of_methods(line: RpcSession) -> None:
    listed = json.loads(line.receive(b'{"action":"get_rpc_method_list"}\n', 1.0))["ret"]
    assert listed["docstring"] == "RPC interface to the wavemeter."
    specification, text = listed["methods"]["get_freq"]["__jsonclass__"][1][0]
    assert specification["args"] == [
        "self", "laser", "age", "priority", "get_osa_trace", "blocking", "mute", "offset_mode",
    ]  # fmt: skip
    assert specification["defaults"] == {"__jsonclass__": ["tuple", [[0, 3, False, True, False, False]]]}
    assert text.startswith("Measure the frequency of a laser.")
    assert not any(name.startswith("_") for name in listed["methods"])


def test_version_1_on_the_wire(controller: SimulatedWavemeterController) -> None:
    session = controller.connect()
    assert session.receive(b"ARTIQ pc_rpc\n", 0.0) == OFFER
    methods = session.receive(b"control\n", 0.0)
    assert methods.startswith(b'{"get_freq", ')
    ping = b'{"action": "call", "name": "ping", "args": (), "kwargs": {}}\n'
    assert session.receive(ping, 0.0) == b'{"status": "ok", "ret": true}\n'
    session.receive(ping.replace(b"ping", b"get_freq").replace(b"()", b'("866", )'), 1.0)
    reply = session.receive(b"", 2.0)
    assert reply.startswith(b'{"status": "ok", "ret": (0, 34')
    assert reply.endswith(b", nparray((0, ), \"<f8\", b''))}\n")


@pytest.mark.parametrize(
    "lines",
    [
        b"ARTIQ sync_struct\n",
        b"GET / HTTP/1.1\r\n",
        b"ARTIQ pc_rpc\nother pyon_v2\n",
        b"ARTIQ pc_rpc\ncontrol pyon_v3\n",
        b"ARTIQ pc_rpc\ncontrol pyon_v2\nnonsense\n",
        b"ARTIQ pc_rpc\ncontrol pyon_v2\n[1]\n",
        b"ARTIQ pc_rpc\ncontrol pyon_v2\n\xff\n",
        b"ARTIQ pc_rpc\ncontrol pyon_v2\n" + b"[" * 5000 + b"\n",
        b'ARTIQ pc_rpc\ncontrol pyon_v2\n{"__jsonclass__":["os.system",["true"]]}\n',
        b"ARTIQ pc_rpc\ncontrol\n__import__('os').system('true')\n",
        b"x" * (INPUT_BUFFER + 1),
    ],
)
def test_who_does_not_speak_the_protocol_is_cut_off(
    controller: SimulatedWavemeterController, lines: bytes
) -> None:
    session = controller.connect()
    with pytest.raises(SessionEndedError, match="hangs up after b''"):
        session.receive(lines, 0.0)
    assert len(controller.complaints) == 1


def test_fragments_and_pipelined_calls(controller: SimulatedWavemeterController) -> None:
    stream = b"ARTIQ pc_rpc\ncontrol pyon_v2\n" + request("ping") + request("get_num_wlm_ccds")
    whole = controller.connect().receive(stream, 0.0)
    assert whole.endswith(b'{"status":"ok","ret":true}\n{"status":"ok","ret":2}\n')
    for cut in range(len(stream)):
        session = controller.connect()
        assert session.receive(stream[:cut], 0.0) + session.receive(stream[cut:], 0.0) == whole


def test_answers_keep_the_order_of_the_calls(line: RpcSession) -> None:
    assert line.receive(request("get_freq", "866") + request("ping"), 1.0) == b""
    assert [json.loads(each)["ret"] is True for each in line.receive(b"", 2.0).splitlines()] == [False, True]


def test_a_power_cycle_forgets_locks_and_measurements(
    controller: SimulatedWavemeterController, line: RpcSession, laser: Laser
) -> None:
    call(line, 1.0, "lock", "866", 100e6, "ana")
    call(line, 1.0, "set_reference_freq", "397", 754e12)
    line.receive(request("get_freq", "397"), 2.0)
    controller.switch_off(2.01)
    volts = laser.volts
    assert line.receive(request("ping"), 30.0) == b""
    assert line.due() is None
    controller.switch_on(62.0)
    assert not controller.locked("866")
    assert laser.volts == volts
    fresh = greeted(controller, 63.0)
    entries = call(fresh, 63.0, "get_laser_db")
    assert (entries["866"]["lock_owner"], entries["397"]["f_ref"]) == ("", 754e12)
    assert measured(call(fresh, 64.0, "get_freq", "866", age=100))[0] == 0


def test_knobs_have_their_limits(controller: SimulatedWavemeterController) -> None:
    with pytest.raises(
        InstrumentSetupError, match=r"exposure = 1\.0 is not possible: allowed is 2 to 999 ms"
    ):
        controller.front_panel("exposure", 1, 0.0)
    with pytest.raises(InstrumentSetupError, match="fibre = inf"):
        controller.front_panel("fibre", math.inf, 0.0)


def test_over_tcp(controller: SimulatedWavemeterController) -> None:
    with (
        serve_tcp(controller, speed=10.0) as server,
        dial(server) as client,
        client.makefile("rb") as replies,
    ):
        client.sendall(b"ARTIQ pc_rpc\n")
        assert replies.readline() == OFFER
        client.sendall(b"control pyon_v2\n")
        replies.readline()
        client.sendall(request("get_freq", "866"))
        assert measured(json.loads(replies.readline())["ret"])[0] == 0
        client.sendall(b"nonsense\n")
        assert replies.readline() == b""


VALUES = [None, True, 5, -7, 1.5, 1e-5, 1e22, "µ😀", [1, (2,)], (), {"a": [1.0]}, {"x", "y"}]


@pytest.mark.parametrize("value", VALUES)
def test_values_come_back_in_version_2(value: object) -> None:
    assert decode_v2(encode_v2(value)) == value


@pytest.mark.parametrize("value", [each for each in VALUES if not isinstance(each, set | str)])
def test_values_come_back_in_version_1(value: object) -> None:
    assert decode_v1(encode_v1(value)) == value


def test_version_1_splits_characters_beyond_16_bits_as_the_real_one_does() -> None:
    assert decode_v1(encode_v1("µ😀")) == "µ\ud83d\ude00"


@pytest.mark.parametrize(
    ("value", "v1", "v2"),
    [
        ((1, 2), "(1, 2)", '{"__jsonclass__":["tuple",[[1,2]]]}'),
        ((1,), "(1, )", '{"__jsonclass__":["tuple",[[1]]]}'),
        (math.inf, "inf", "Infinity"),
        (-math.inf, "-inf", "-Infinity"),
        ("µ", '"\\u00b5"', '"\\u00b5"'),
        ({1}, "{1}", '{"__jsonclass__":["set",[[1]]]}'),
    ],
)
def test_golden_texts(value: object, v1: str, v2: str) -> None:
    assert (encode_v1(value), encode_v2(value)) == (v1, v2)


def test_numbers_of_numpy_are_understood() -> None:
    data = base64.b64encode(np.int32(5).tobytes()).decode()
    assert decode_v2(f'{{"__jsonclass__":["npscalar",["<i4","{data}"]]}}') == 5
    assert decode_v1(f'npscalar("<i4", b"{data}")') == 5


@pytest.mark.parametrize(
    "text", ["", "1 +", "open('x')", "nul", "[x for x in y]", "{**a}", "-'a'", "npscalar('<i4')", "f'{1}'"]
)
def test_version_1_runs_nothing(text: str) -> None:
    with pytest.raises(PyonError):
        decode_v1(text)
