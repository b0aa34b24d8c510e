from __future__ import annotations

import math
from ast import literal_eval

import numpy as np
import pytest
import zmq
from numpy.typing import NDArray

from hardware_sim.instruments import InstrumentSetupError
from hardware_sim.instruments.id900 import SimulatedId900
from hardware_sim.instruments.zmq_server import serve_zmq

RATES = (10_000.0, 20_000.0, 5_000.0, 0.0)
START = 1000.0  # 1/s
DECAY = 1e-6  # s of a photon's wave packet


def build(seed: int = 1) -> SimulatedId900:
    """Return a controller whose inputs are enabled."""
    controller = SimulatedId900(np.random.default_rng(seed), lambda now: RATES, start=lambda now: START)
    for block in ("STAR", "INPU1", "INPU2", "INPU3", "INPU4"):
        assert controller.execute(f"{block}:ENAB ON", 0.0) == "Value set to ON"
    return controller


def tied(seed: int = 1) -> SimulatedId900:
    """Return a controller whose first input sees a photon in two behind each start pulse."""

    def packet(number: int, delays: NDArray[np.float64]) -> NDArray[np.float64]:
        shape = 0.5 / DECAY * np.exp(-np.clip(delays, 0.0, None) / DECAY)
        return np.where(delays >= 0.0, shape, 0.0) if number == 1 else np.zeros(delays.shape)

    controller = SimulatedId900(
        np.random.default_rng(seed), lambda now: (0.5 * START,), start=lambda now: START, arrivals=packet
    )
    controller.execute("STAR:ENAB ON;:INPU1:ENAB ON", 0.0)
    return controller


def assert_counts(found: float, expected: float) -> None:
    """Six standard deviations: a right simulator fails once in 10^9."""
    assert found == pytest.approx(expected, abs=6.0 * math.sqrt(expected))


@pytest.mark.parametrize(
    ("message", "reply"),
    [
        ("*IDN?", "ID Quantique,ID900,1908029T010,2.6.0"),
        ("DEVI:RES?", "HIRES"),
        ("DEVIce:RESolution LOWRES", "Value set to LOWRES"),
        ("DEVI:RES LORES;RES?", "Value set to LOWRES\nLOWRES"),
        ("DEVI:RES:BWID?", "13"),
        ("DEVI:RES LOWRES;RES:BWID?", "Value set to LOWRES\n100"),
        ("DEVI:SYNC EXT;SYNC?", "Value set to EXTERNAL\nEXTERNAL"),
        ("DEVI:CONFI:LOAD COUNT", "Value set to COUNT"),
        ("DEVICE:CONFIGURATION:LOAD NOTHING", "SCPI_ERR_PARAM_TYPE"),
        ("DEVI:SAMP:RECA", "Recalibration done"),
        ("INPU1:THRE -0.2V;THRE?", "Value set to -0.2\n-0.2V"),
        ("input1:threshold 0.1", "Value set to 0.1"),
        ("INPU1:THRE 5V", "SCPI_ERR_PARAM_TYPE"),
        ("INPU1:THRE 100mV", "SCPI_ERR_PARAM_UNITS"),
        (
            "INPU1:EDGE FALLING;COUP AC;SELE SHAPED",
            "Value set to FALLING\nValue set to AC\nValue set to SHAPED",
        ),
        ("INPU1:COUN:MODE CYCL;INTE 500;MODE?", "Value set to CYCLE\nValue set to 500\nCYCLE"),
        ("INPU1:COUN:INTE 70000", "SCPI_ERR_PARAM_TYPE"),
        ("INPU1:COUN:RESE", "Counter value set to 0 "),
        ("INPU1:HIRES:ERROR?", "0"),
        ("INPU1:HIREs:ERROr:CLEAr", "Cleared Highres errors"),
        ("DELA1:VALU 1000;VALU?", "Value set to 1000\n1000TB"),
        ("DELAY1:INPORT:LINK INPUT3;:DELA1:LINK?", "Value set to INPU3\nINPU3"),
        ("DELA1:LINK HIST1", "No connection possible from HIST1"),
        ("DELA1:LINK DELA1", "No connection possible from DELA1"),
        ("DELA5:LINK DELA1;:DELA1:LINK DELA5", "Value set to DELA1\nNo connection possible from DELA1"),
        ("DELA1:LINK INPU5", "SCPI_ERR_PARAM_TYPE"),
        ("TSCO7:FIR:LINK DELA2", "Value set to DELA2"),
        (
            "TSCO7:WIND:BEGI:LINK DELA3;DELAY 100000;EDGE RISING",
            "Value set to DELA3\nValue set to 100000\nValue set to RISING",
        ),
        ("TSCO7:OPIN ONLYFIR;OPOUt MUTE;OPIN?", "Value set to ONLYFIRST\nValue set to MUTE\nONLYFIRST"),
        ("HIST1:BCOU 20;BWID 100;BWID?", "Value set to 20\nValue set to 104\n104TB"),
        ("HIST1:BCOU 16385", "SCPI_ERR_PARAM_TYPE"),
        ("HIST1:FLUS", "Flushed Histogram!"),
        ("HIST1:FLUS 1", "SCPI_ERR_PARAM_COUNT"),
        ("HIST1:BCOU 3;DATA?", "Value set to 3\n[0, 0, 0]"),
        ("HIST1:INPO:REF:LINK TSCO5;:HIST1:INPO:STOP:LINK TSCO7", "Value set to TSCO5\nValue set to TSCO7"),
        ("REC:TRIG:ARM:MODE MANUal", "Value set to MANUAL"),
        ("REC:DURation 1000000000000.0;DUR?", "Value set to 1000000000000\n1000000000000TB"),
        ("REC:PWID 5;DUR?", "Value set to 5\n5TB"),
        ("REC:NUM INF;NUMber?", "Value set to INF\nINF"),
        ("REC:STAGe?", "STOPPED"),
        ("REC:PLAY", "\n"),
        ("RAW1:SEND ON;ERRORS?", "Value set to ON\n0"),
        ("INPU5:ENAB ON", "SCPI_ERR_INVALID_CMD"),
        ("INPU1:WEATHER?", "SCPI_ERR_INVALID_CMD"),
        ("INPU1:ENAB ON;NONSENSE 1;COUP AC", "Value set to ON\nSCPI_ERR_INVALID_CMD"),
        ("INPU1:ENAB ON OFF", "SCPI_ERR_PARAM_TYPE"),
        ("INPU1:COUP AC,DC", "SCPI_ERR_PARAM_COUNT"),
        ("INPU1", "SCPI_ERR_INVALID_CMD"),
        ("???", "SCPI_ERR_INVALID_CMD"),
        ("INPU1:COUP 'AC", "SCPI_ERR_INVALID_CMD"),
        ("", "\n"),
    ],
)
def test_golden_messages(message: str, reply: str) -> None:
    controller = SimulatedId900(np.random.default_rng(1))
    assert controller.execute(message, 0.0) == reply
    assert bool(controller.complaints) == ("SCPI_ERR" in reply or "No connection" in reply)


def test_bytes_beyond_utf_8_are_refused() -> None:
    session = SimulatedId900(np.random.default_rng(1)).connect()
    assert session.receive(b"\xff\xfe\x80", 0.0) == b"SCPI_ERR_INVALID_CMD"
    assert session.due() is None


def test_cycling_counter_holds_its_value_through_each_integration_time() -> None:
    controller = build()
    controller.execute("INPU1:COUN:INTE 100;RESE", 10.0)
    assert controller.execute("INPU1:COUN?", 10.099) == "0"
    first = controller.execute("INPU1:COUN?", 10.11)
    assert_counts(int(first), 0.1 * RATES[0])
    assert controller.execute("INPU1:COUN?", 10.19) == first
    later = [int(controller.execute("INPU1:COUN?", 10.15 + 0.1 * step)) for step in range(1, 200)]
    assert np.mean(later) == pytest.approx(1000.0, abs=6 * math.sqrt(1000.0 / 199))
    assert np.var(later) / 1000.0 == pytest.approx(1.0, abs=0.6)  # standard error of 199 draws is 0.1


def test_accumulating_counter_counts_until_it_is_reset() -> None:
    controller = build()
    controller.execute("INPU2:COUN:MODE ACCU;RESEt", 1.0)
    for now in (1.5, 2.0, 3.0):
        controller.execute("*IDN?;INPU2:COUN?", now)
    assert_counts(int(controller.execute("INPU2:COUN?", 3.0)), 2.0 * RATES[1])
    controller.execute("INPU2:ENAB OFF", 3.0)
    before = controller.execute("INPU2:COUN?", 3.0)
    assert controller.execute("INPU2:COUN?", 10.0) == before
    assert controller.execute("INPU2:COUN:RESE;:INPU2:COUN?", 10.0) == "Counter value set to 0 \n0"


def test_counters_of_all_blocks_in_one_message() -> None:
    controller = build()
    blocks = ["STARt", "INPU1", "INPU2", "INPU3", "INPU4", "TSCO5", "TSCO6"]
    reply = controller.execute(";:".join(f"{block}:COUNter?" for block in blocks), 1.05)
    counts = [int(line) for line in reply.splitlines()]
    for found, expected in zip(counts, (START, *RATES, *RATES[:2]), strict=True):
        assert_counts(found, expected) if expected else assert_silent(found)


def assert_silent(found: int) -> None:
    assert found == 0


@pytest.mark.parametrize(
    ("threshold", "counts"), [("0.3V", True), ("0.7V", False), ("-0.2V", False), ("0.01", False)]
)
def test_threshold_must_lie_within_the_pulses(threshold: str, counts: bool) -> None:
    controller = build()
    controller.execute(f"INPU1:THRE {threshold};COUN:RESE", 0.0)
    assert (int(controller.execute("INPU1:COUN?", 1.05)) > 0) is counts


def test_combiner_joins_mutes_and_takes_the_second() -> None:
    controller = build()
    rates = []
    for operation in ("ONLYFIR", "ONLYSEC", "OR", "MUTE", "AND"):
        controller.execute(
            f"TSCO1:FIR:LINK INPU1;:TSCO1:SEC:LINK INPU2;:TSCO1:OPOU {operation};COUN:RESE", 0.0
        )
        rates.append(int(controller.execute("TSCO1:COUN?", 1.05)))
    for found, expected in zip(rates[:3], (RATES[0], RATES[1], RATES[0] + RATES[1]), strict=True):
        assert_counts(found, expected)
    assert rates[3:] == [0, 0]


def test_window_passes_what_falls_into_it_by_chance() -> None:
    controller = build()
    controller.execute("TSCO1:FIR:LINK INPU1;:TSCO1:OPIN ONLYFIR;OPOU MUTE;WIND:ENAB ON", 0.0)
    controller.execute("TSCO1:WIND:BEGI:LINK INPU2;DELA 0;:TSCO1:WIND:END:LINK INPU2;DELA 10000000", 0.0)
    controller.execute("TSCO1:COUN:INTE 10000;RESE", 0.0)
    share = 1.0 - math.exp(-RATES[1] * 10e-6)
    assert_counts(int(controller.execute("TSCO1:COUN?", 10.1)), 10.0 * RATES[0] * share)


def test_accidental_coincidences_of_the_maker_s_configuration() -> None:
    controller = build()
    window = 1_000_000  # ps
    controller.execute("DEVI:CONFI:LOAD COUNT", 0.0)
    controller.execute("INPU1:ENAB ON;:INPU2:ENAB ON", 0.0)
    delay = int(controller.execute("DELA2:VALU?", 0.0).removesuffix("TB"))
    controller.execute(f"DELA6:VALU {delay + window}", 0.0)
    controller.execute(f"TSCO6:WIND:BEGI:DELA {window // 2};:TSCO6:WIND:END:DELA {window * 3 // 2}", 0.0)
    controller.execute("TSCO6:COUN:MODE CYCL;INTE 60000;RESEt", 0.0)
    assert_counts(int(controller.execute("TSCO6:COUN?", 60.1)), 60.0 * RATES[0] * RATES[1] * 1e-6)


def test_window_behind_the_start_catches_the_photon() -> None:
    controller = tied()
    controller.execute("TSCO1:FIR:LINK INPU1;:TSCO1:OPIN ONLYFIR;OPOU MUTE;WIND:ENAB ON", 0.0)
    controller.execute("TSCO1:WIND:BEGI:LINK STAR;DELA 0;:TSCO1:WIND:END:LINK STAR;DELA 1000000", 0.0)
    controller.execute("TSCO1:COUN:INTE 10000;RESE", 0.0)
    caught = 10.0 * START * 0.5 * (1.0 - math.exp(-1.0))
    assert_counts(int(controller.execute("TSCO1:COUN?", 10.1)), caught)
    controller.execute("DELA1:VALU 1000000;:TSCO1:FIR:LINK DELA1;:TSCO1:COUN:RESE", 20.0)
    assert controller.execute("TSCO1:COUN?", 30.1) == "0"  # delayed out of its window


def record(controller: SimulatedId900, duration: float, now: float = 0.0) -> float:
    """Take one record as the maker's example does, and return the lab time after it."""
    for command in ("REC:TRIG:ARM:MODE MANUal", "REC:ENABle ON", "REC:STOP", "REC:NUM 1"):
        controller.execute(command, now)
    controller.execute(f"REC:DURation {duration * 1e12}", now)
    controller.execute("HIST1:FLUSh", now)
    controller.execute("REC:PLAY", now)
    assert controller.execute("REC:STAGe?", now + 0.5 * duration) == "PLAYING"
    assert controller.execute("REC:STAGe?", now + 1.01 * duration) == "STOPPED"
    return now + 1.01 * duration


def test_histogram_shows_the_wave_packet_where_the_delay_puts_it() -> None:
    controller = tied()
    controller.execute("DEVI:RES LOWRES;:HIST1:BCOU 100;BWID 100000;:DELA1:VALU 2000000", 0.0)
    after = record(controller, 20.0)
    counts = np.array(literal_eval(controller.execute("HIST1:DATA?", after)))
    assert counts.shape == (100,)
    assert counts[:20].sum() == 0
    assert_counts(counts.sum(), 20.0 * START * 0.5)
    delays = 0.1e-6 * (np.arange(80) + 0.5)
    mean = float((counts[20:] * delays).sum() / counts[20:].sum())
    assert mean == pytest.approx(DECAY, rel=0.05)  # 10 000 photons: standard error 1 %
    assert np.array_equal(np.array(literal_eval(controller.execute("HIST1:DATA?", after + 100.0))), counts)


def test_histogram_of_random_events_falls_with_the_rate_of_the_starts() -> None:
    controller = build()
    controller.execute("DEVI:RES LOWRES;:HIST1:BCOU 200;BWID 10000000;REF:LINK STAR", 0.0)  # 2 ms in all
    counts = np.array(literal_eval(controller.execute("HIST1:DATA?", record(controller, 100.0))))
    ends = 1e-5 * np.arange(201)
    # Starts times the share of stops that come before the next start.
    expected = 100.0 * RATES[0] * -np.diff(np.exp(-START * ends))
    assert_counts(float(counts.sum()), float(expected.sum()))
    residuals = (counts - expected) / np.sqrt(expected)
    assert np.abs(residuals).max() < 6.0
    assert residuals.std() == pytest.approx(1.0, abs=0.3)


def test_window_cuts_the_histogram() -> None:
    controller = tied()
    controller.execute("DEVI:RES LOWRES;:HIST1:BCOU 50;BWID 100000", 0.0)
    controller.execute("TSCO5:WIND:ENAB ON;BEGI:LINK STAR;DELA 1000000", 0.0)
    controller.execute("TSCO5:WIND:END:LINK STAR;DELA 3000000;:TSCO5:OPIN ONLYFIR;OPOU MUTE", 0.0)
    counts = np.array(literal_eval(controller.execute("HIST1:DATA?", record(controller, 20.0))))
    assert (counts[:10].sum(), counts[30:].sum()) == (0, 0)
    assert_counts(counts[10:30].sum(), 20.0 * START * 0.5 * (math.exp(-1.0) - math.exp(-3.0)))


def test_delay_of_the_reference_moves_histogram_and_window_alike() -> None:
    controller = tied()
    controller.execute("DEVI:RES LOWRES;:HIST1:BCOU 50;BWID 100000;REF:LINK TSCO1", 0.0)
    controller.execute("DELA8:LINK STAR;VALU 2000000;:TSCO1:FIR:LINK DELA8;:DELA1:VALU 2000000", 0.0)
    controller.execute("TSCO5:WIND:ENAB ON;BEGI:LINK STAR;DELA 3000000", 0.0)
    controller.execute("TSCO5:WIND:END:LINK STAR;DELA 9000000;:TSCO5:OPIN ONLYFIR;OPOU MUTE", 0.0)
    counts = np.array(literal_eval(controller.execute("HIST1:DATA?", record(controller, 20.0))))
    assert counts[:10].sum() == 0  # 1 us after the start: a delay that both have does not show
    assert_counts(counts[10:].sum(), 20.0 * START * 0.5 * (math.exp(-1.0) - math.exp(-5.0)))


def test_histogram_against_the_record_is_counts_over_time() -> None:
    controller = build()
    controller.execute("TSCO1:FIR:LINK REC;:HIST1:REF:LINK TSCO1;:HIST1:STOP:LINK TSCO5", 0.0)
    controller.execute("DEVI:RES LOWRES;:HIST1:BCOU 12;BWID 100000000000", 0.0)  # 0.1 s
    counts = np.array(literal_eval(controller.execute("HIST1:DATA?", record(controller, 1.0))))
    for found in counts[:10]:
        assert_counts(float(found), 0.1 * RATES[0])
    assert counts[10:].sum() == 0


def test_endless_record_plays_until_it_is_stopped_and_needs_to_be_enabled() -> None:
    controller = build()
    controller.execute("REC:NUM INF;PLAY", 0.0)
    assert not controller.playing(1.0)
    controller.execute("REC:ENAB ON;PLAY", 1.0)
    assert controller.playing(1e6)
    controller.execute("REC:STOP", 1e6)
    assert not controller.playing(1e6)


def test_rate_that_is_too_high_is_an_error_in_high_resolution_only() -> None:
    controller = SimulatedId900(np.random.default_rng(1), lambda now: (3e7 if now < 5.0 else 0.0,))
    controller.execute("INPU1:ENAB ON", 0.0)
    assert controller.execute("INPU1:HIRES:ERROR?", 1.0) == "1001"
    assert controller.execute("INPU2:HIRES:ERROR?", 1.0) == "0"
    controller.execute("DEVI:RES LOWRES", 1.0)
    assert controller.execute("INPU1:HIRES:ERROR?", 2.0) == "0"
    controller.execute("DEVI:RES HIRES", 6.0)
    assert controller.execute("INPU1:HIRES:ERROR?", 6.0) == "1001"  # kept until it is cleared
    assert controller.execute("INPU1:HIRES:ERROR:CLEAR;ERROR?", 7.0).endswith("SCPI_ERR_INVALID_CMD")
    assert controller.execute("INPU1:HIRES:ERROR?", 7.0) == "0"


def test_provoked_errors_last_until_cleared_or_recalibrated() -> None:
    controller = build()
    controller.provoke("rate too high", 0.0)
    assert controller.execute("STAR:HIRES:ERROR?", 0.0) == "1001"
    controller.execute("STAR:HIRES:ERROR:CLEAR", 0.0)
    assert controller.execute("STAR:HIRES:ERROR?", 0.0) == "0"
    controller.provoke("calibration lost", 1.0)
    controller.execute("INPU1:HIRES:ERROR:CLEAR", 1.0)
    assert controller.execute("INPU1:HIRES:ERROR?", 1.0) == "1"
    controller.execute("DEVI:SAMP:RECA", 2.0)
    assert controller.execute("INPU1:HIRES:ERROR?", 2.0) == "0"


def test_power_cycle_restores_the_defaults() -> None:
    controller = build()
    controller.execute("DELA1:VALU 5000;:REC:ENAB ON;PLAY", 0.0)
    controller.switch_off(1.0)
    assert controller.connect().receive(b"*IDN?", 2.0) == b""
    controller.switch_on(41.0)
    assert controller.execute("DELA1:VALU?;:INPU1:ENAB?;:REC:STAG?", 42.0) == "0TB\nOFF\nSTOPPED"


def test_human_with_the_maker_s_program() -> None:
    controller = build()
    controller.front_panel("threshold_2", 0.5, 0.0)
    controller.front_panel("resolution", "LOWRES", 0.0)
    assert controller.execute("INPU2:THRE?;:DEVI:RES?", 0.0) == "0.5V\nLOWRES"
    with pytest.raises(InstrumentSetupError) as caught:
        controller.front_panel("threshold_1", 9.0, 0.0)
    assert str(caught.value) == (
        "threshold_1 = 9.0 is not possible: allowed is what the instrument takes; SCPI_ERR_PARAM_TYPE"
    )


def test_over_a_real_reply_port() -> None:
    with serve_zmq(build()) as server, zmq.Context() as context, context.socket(zmq.REQ) as client:
        client.linger = 0
        client.rcvtimeo = 5000
        client.connect(server.resource.replace("zmq://", "tcp://"))
        for message, reply in (("*IDN?", "ID Quantique,"), ("INPU1:ENAB?;COUP?", "ON\nDC")):
            client.send_string(message)
            assert client.recv_string().startswith(reply)
