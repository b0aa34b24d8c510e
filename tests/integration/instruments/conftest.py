"""Every driver beside the simulated instrument that answers it, on real sockets and serial lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from control.device import Device
from control.device.readings import Reading
from control.drivers import connect, driver_class
from control.transport import Link, open_link
from hardware_sim.constants import LIGHT_SPEED
from hardware_sim.instruments.bristol871 import SimulatedBristol871
from hardware_sim.instruments.dg645 import SimulatedDg645
from hardware_sim.instruments.dlc_pro import SimulatedDlcPro
from hardware_sim.instruments.ell14 import Ell14Mount
from hardware_sim.instruments.ell14_bus import Ell14Bus
from hardware_sim.instruments.highfinesse import Piezo, SimulatedWavemeterController, WavemeterInput
from hardware_sim.instruments.hmp4040 import SimulatedHmp4040
from hardware_sim.instruments.id900 import SimulatedId900
from hardware_sim.instruments.ipcmini import SimulatedIonPump
from hardware_sim.instruments.iseg_nhr import SimulatedIsegNhr
from hardware_sim.instruments.k10cr1 import SimulatedK10cr1
from hardware_sim.instruments.light import steady
from hardware_sim.instruments.mdt693b import SimulatedMdt693b
from hardware_sim.instruments.meerstetter import SimulatedTec
from hardware_sim.instruments.moglabs_arf import SimulatedArf
from hardware_sim.instruments.pm100d import SimulatedPm100d
from hardware_sim.instruments.red_pitaya import SimulatedRedPitaya
from hardware_sim.instruments.server import Server
from hardware_sim.instruments.smc100a import SimulatedSmc100a
from hardware_sim.instruments.tpg36x import SimulatedGauge
from hardware_sim.instruments.websq import SimulatedWebSq
from hardware_sim.ways import serve

SPEED = 1000.0  # lab seconds per second: an instrument that boots for a minute keeps a test for 60 ms
PATIENCE = 0.25  # s, of a driver whose instrument is made to fail
RECOVERY = 10.0  # s after which an instrument whose line is healed must have answered

LIGHT = steady(LIGHT_SPEED / 866.452e-9, 20e-3)  # Hz, W
DIM = 5e-9  # W; so little that a power meter can take it for darkness, as for its zero
VACUUM = 3e-7  # Pa; within the reach of both the gauge and the pump

Make = Callable[[np.random.Generator], Any]
MESSAGES = ("highfinesse", "id900")  # whose links do more than to carry bytes
TABLE: pytest.StashKey[dict[tuple[str, str], float]] = pytest.StashKey()


@dataclass(frozen=True)
class Pair:
    """A driver and the instrument that answers it.

    Attributes:
        driver: its name.
        make: makes the instrument.
        serial_number: that the instrument tells.
        ways: to reach it; the first is the usual one.
        address: on its bus.
        prepare: what has to be done once before everything can be set.
        spans: what to set, where the driver's range is that of other models too.
        speed: lab seconds per second.
    """

    driver: str
    make: Make
    serial_number: str
    ways: tuple[str, ...] = ("tcp",)
    address: str | None = None
    prepare: Callable[[Device], object] = lambda device: None
    spans: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    speed: float = SPEED

    def __str__(self) -> str:
        return self.driver


SERIAL = ("pty", "tcp", "rfc2217")


def _steady(value: float) -> Callable[[float], float]:
    return lambda now: value


def _unmoved() -> Piezo:
    """Return a laser's piezo that keeps its voltage to itself."""
    volts = [70.0]
    return Piezo(lambda now: volts[0], lambda value, now: volts.__setitem__(0, value))


def _unlocked(device: Device) -> None:
    """Let the piezo of a laser be moved, which a lock would hold."""
    device.perform("unlock", "laser2")


def _homed(device: Device) -> None:
    device.perform("home")


def _binned(device: Device) -> None:
    """Make the bins of histograms whole steps of the resolution, which they are not from the start."""
    for number in range(1, 5):
        device.set(f"histogram_{number}_bin_width", 104e-12)


BINS = {f"histogram_{number}_bin_width": (13e-12, 1.3e-9, 0.13) for number in range(1, 5)}
DELAYS = {f"delay_{channel}": (0.0, 1.25e-6, 2000.0) for channel in "abcdefgh"}  # s after the start
POSITIVE = {f"voltage_{channel}": (0.0, 300.0, 6000.0) for channel in range(4)}
SENSOR = {"range": (1e-6, 1e-3, 1e-2), "beam_diameter": (1e-4, 1e-2, 5e-2)}  # W and m, of the S130VC
PERIODS = {"measurement_period": (0.5, 5.0, 10.0)}  # s; shorter ones would come by the thousand here
VOLTS = (0.25, 0.5, 1.0, 1.5)


PAIRS = (
    Pair("arf", lambda rng: SimulatedArf(), "A20117"),
    Pair("bristol871", lambda rng: SimulatedBristol871(rng, LIGHT), "6789"),
    Pair("dg645", lambda rng: SimulatedDg645(), "001013", ("tcp", "vxi11", "rfc2217"), spans=DELAYS),
    Pair("dlc_pro", lambda rng: SimulatedDlcPro(), "DLC PRO_012345", prepare=_unlocked),
    Pair(
        "ell14",
        lambda rng: Ell14Bus({"0": Ell14Mount("11400001", rng)}),
        "11400001",
        SERIAL,
        address="0",
        prepare=_homed,
    ),
    Pair(
        "highfinesse",
        lambda rng: SimulatedWavemeterController(
            rng, {"866": WavemeterInput(LIGHT, LIGHT_SPEED / 866.452e-9, _unmoved())}
        ),
        "control",
        address="866",
    ),
    Pair("hmp4040", lambda rng: SimulatedHmp4040(), "101545", ("single",)),
    Pair(
        "id900",
        lambda rng: SimulatedId900(rng, lambda now: (1e4, 2e4)),
        "1908029T010",
        ("zmq",),
        prepare=_binned,
        spans=BINS,
    ),
    Pair("ipcmini", lambda rng: SimulatedIonPump(_steady(VACUUM)), "IT2310L021", SERIAL),
    Pair("iseg_nhr", SimulatedIsegNhr, "8200005", SERIAL, spans=POSITIVE),
    Pair("k10cr1", SimulatedK10cr1, "55000197", SERIAL, prepare=_homed),
    Pair("mdt693b", SimulatedMdt693b, "160413115-03", SERIAL),
    Pair("mecom", lambda rng: SimulatedTec(), "21007", SERIAL),
    Pair("pm100d", lambda rng: SimulatedPm100d(rng, _steady(DIM), 635e-9), "P0012345", spans=SENSOR),
    Pair(
        "red_pitaya", lambda rng: SimulatedRedPitaya(slow_inputs=tuple(map(_steady, VOLTS))), "0", ("single",)
    ),
    Pair("smc100a", lambda rng: SimulatedSmc100a(), "101234", ("tcp", "hislip", "vxi11")),
    Pair("tpg36x", lambda rng: SimulatedGauge(_steady(VACUUM), _steady(VACUUM)), "44998061", SERIAL),
    Pair("websq", SimulatedWebSq, "", spans=PERIODS, speed=50.0),  # it pushes counts all the time,
)
BY_NAME: Mapping[str, Pair] = {pair.driver: pair for pair in PAIRS}


class ClippedLink(Link):
    """A link to the session of an instrument itself: no line, no faults, and nobody else hears a word of it.

    Args:
        instrument: simulated.
        now: gives its lab time, s.
    """

    def __init__(self, instrument: Any, now: Callable[[], float]) -> None:
        super().__init__("clipped on")
        self._instrument, self._now = instrument, now
        self._session: Any = None
        self._heard = b""

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let nobody else hear, where all clients share one pair of wires, or take the place of the one."""
        with self._instrument.lock:
            shared = getattr(self._instrument, "_sessions", None)
            only = getattr(self._instrument, "_client", self)
            others = list(shared) if isinstance(shared, list) else []
            if others:
                shared[:] = [self._session] if self._session else []
            if only is not self:
                self._instrument._client = self._session
            try:
                yield
            finally:
                if others:
                    shared[:] = [*others, *(each for each in shared if each not in others)]
                if only is not self:
                    self._instrument._client = only

    def _connect(self, seconds: float) -> None:
        with self._alone():
            self._session = self._instrument.connect()

    def _disconnect(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def _write(self, data: bytes, seconds: float) -> None:
        with self._alone():
            self._heard += self._session.receive(data, self._now())

    def _read(self, seconds: float) -> bytes:
        end = time.monotonic() + seconds
        while True:
            with self._alone():
                heard, self._heard = self._heard + self._session.receive(b"", self._now()), b""
            if heard or time.monotonic() >= end:
                return heard
            time.sleep(1e-4)  # let the instrument's own line have its turn


@dataclass
class Meeting:
    """A driver connected to its instrument.

    Attributes:
        pair: what they are.
        instrument: simulated.
        server: of the instrument's line.
        device: the driver.
        witness: the same driver, clipped on to the instrument itself; None unless asked for.
    """

    pair: Pair
    instrument: Any
    server: Server
    device: Device
    witness: Device | None = None

    def hurry(self) -> None:
        """Be short of patience from now on, but for the witness: each silence is waited out."""
        self.device.ANSWER_SECONDS = PATIENCE  # type: ignore[misc]

    def complaints(self) -> list[str]:
        """Return what the instrument did not understand."""
        return list(self.instrument.complaints)

    def now(self) -> float:
        """Return the lab time of the instrument, s."""
        return self.server.now()

    def readings(self) -> dict[str, Reading]:
        """Return what the instrument says of every setting: a reading without its time."""
        return {
            setting.name: replace(self.device.measure(setting.name), time=0.0)
            for setting in self.device.SETTINGS
        }


def _clip_on(pair: Pair, instrument: Any, server: Server, closing: ExitStack) -> Link:
    """Return a link that nothing befalls."""
    if pair.driver not in MESSAGES:
        return ClippedLink(instrument, server.now)
    own = closing.enter_context(serve(instrument, pair.ways[0], time.monotonic, pair.speed))
    return open_link(own.resource, "witness", make=driver_class(pair.driver).link_to)


@pytest.fixture
def meet(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Meeting]]:
    """Make a driver and its instrument meet: `meet(pair, way)`.

    With `serial` they meet on a serial line, through an adapter if need be; with a `witness` the same driver
    listens on a second line.
    """
    with ExitStack() as closing:

        def begin(
            pair: Pair,
            way: str = "",
            *,
            serial_number: str | None = None,
            seed: int = 7,
            serial: bool = False,
            witness: bool = False,
        ) -> Meeting:
            kind = driver_class(pair.driver)
            if hasattr(kind, "QUIET_SECONDS"):
                monkeypatch.setattr(kind, "QUIET_SECONDS", 0.01)
            instrument = pair.make(np.random.default_rng(seed))
            way = way or pair.ways[0]
            server = closing.enter_context(serve(instrument, way, time.monotonic, pair.speed))
            stream = getattr(instrument, "stream", None)
            options: dict[str, Any] = {"address": pair.address, "serial_number": serial_number}
            witnesses = []
            if witness:
                link = _clip_on(pair, instrument, server, closing)
                witnesses.append(kind("witness", link, address=pair.address))
                closing.callback(witnesses[0].close)
                witnesses[0].identify()
            if stream is not None and kind.STREAM:
                pushed = closing.enter_context(serve(stream, "tcp", time.monotonic, pair.speed))
                options["stream"] = pushed.resource
            adapter = serial and way != "pty"
            resource = f"socket://127.0.0.1:{server.port}" if adapter else server.resource
            device = connect("it", pair.driver, resource, **options)
            closing.callback(device.close)
            return Meeting(pair, instrument, server, device, *witnesses)

        yield begin


@pytest.fixture
def pairs() -> Mapping[str, Pair]:
    """Driver -> the pair."""
    return BY_NAME


@pytest.fixture
def limits() -> SimpleNamespace:
    """Give the times that tests count with, s."""
    return SimpleNamespace(patience=PATIENCE, recovery=RECOVERY)


@pytest.fixture
def recoveries(request: pytest.FixtureRequest) -> Callable[[Pair, str, float], None]:
    """Take down how long recovery took: `recoveries(pair, fault, seconds)`; ``-v`` shows the table."""
    table = request.config.stash.setdefault(TABLE, {})

    def take_down(pair: Pair, fault: str, seconds: float) -> None:
        table[pair.driver, fault] = seconds

    return take_down


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the recovery times, if somebody wants to see more than dots."""
    table = config.stash.get(TABLE, {})
    if not table or config.get_verbosity() < 1:
        return
    faults = list(dict.fromkeys(fault for _, fault in table))
    terminalreporter.write_line("seconds from the end of a fault to right answers")
    terminalreporter.write_line(" " * 12 + "".join(f"{fault:>16}" for fault in faults))
    for driver in dict.fromkeys(driver for driver, _ in table):
        cells = (
            f"{table[driver, fault]:16.3f}" if (driver, fault) in table else " " * 16 for fault in faults
        )
        terminalreporter.write_line(f"{driver:12}" + "".join(cells))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes a `pair` for all of them, and one that takes a `way` for all ways of each."""
    if "way" in metafunc.fixturenames:
        cases = [pytest.param(pair, way, id=f"{pair}-{way}") for pair in PAIRS for way in pair.ways]
        metafunc.parametrize(("pair", "way"), cases)
    elif "pair" in metafunc.fixturenames:
        metafunc.parametrize("pair", PAIRS, ids=str)
