"""Red Pitaya STEMlab 125-14 with its SCPI server: transmission and error signal of the cavity, slow outputs.

TCP port 5000, one client; lines end with CR LF in both directions. The server keeps no errors and obeys or
ignores silently, so what was set is read back. If it dies its port is closed. All serial numbers are "0":
which one answers, only its address tells.

`RedPitaya.acquire` records both fast inputs: the smallest decimation whose buffer of 16384 samples holds the
time, the mean over the samples left out, and a trigger delay of half a buffer, which puts the trigger at the
buffer's beginning. Samples come as a block of 32-bit floats, the high byte first.

Source:
    RedPitaya/tools/scpi and PyMeasure's driver; that slow outputs can be read back, from the redpitaya-scpi
    crate.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from control.device import Identity
from control.device.patience import PatientDevice
from control.device.settings import Evidence, Setting, Value
from control.errors import BadReply, LimitError, NotReady, UsageError, nearest
from control.protocols.scpi import ScpiDevice

SAMPLE_RATE = 125e6  # 1/s, of the converters
BUFFER = 16_384  # samples
DECIMATIONS = (1, 8, 64, 1024, 8192, 65_536)
LONGEST = BUFFER * DECIMATIONS[-1] / SAMPLE_RATE  # 8.6 s

TRIGGERS: Mapping[str, str] = MappingProxyType(
    {
        "now": "NOW",
        "input 1 rising": "CH1_PE",
        "input 1 falling": "CH1_NE",
        "input 2 rising": "CH2_PE",
        "input 2 falling": "CH2_NE",
        "external rising": "EXT_PE",
        "external falling": "EXT_NE",
    }
)
RANGES: Mapping[str, str] = MappingProxyType({"1 V": "LV", "20 V": "HV"})  # the jumpers at the inputs
POLL_SECONDS = 0.005
LONGEST_PATIENCE = 600.0  # s, for a trigger; meanwhile the instrument is busy for everybody else

OUTPUTS = tuple(
    Setting(
        f"output_{pin}",
        unit="V",
        doc=f"slow analog output AOUT{pin}",
        low=0.0,
        high=1.8,
        tolerance=0.012,  # a step of its 8 bits, 7 mV, and what its filter leaves of the pulses
        evidence=Evidence.CLIENT,
    )
    for pin in range(4)
)
INPUTS = tuple(
    Setting(
        f"input_{pin}",
        unit="V",
        doc=f"slow analog input AIN{pin}",
        writable=False,
        key=True,
        evidence=Evidence.CLIENT,
    )
    for pin in range(4)
)


class RedPitaya(PatientDevice, ScpiDevice):
    """One Red Pitaya; the arguments are those of `PatientDevice`."""

    SETTINGS: ClassVar[tuple[Setting, ...]] = (*OUTPUTS, *INPUTS)
    MODELS: ClassVar[tuple[str, ...]] = ("INSTR2020", "INSTR2014")
    ACTIONS: ClassVar[tuple[str, ...]] = ("acquire",)
    PARKING: ClassVar[str] = "the slow outputs hold their voltages"
    END: ClassVar[bytes] = b"\r\n"
    STATUS: ClassVar[str] = ""
    DONE: ClassVar[str] = ""
    ERRORS: ClassVar[str] = ""

    def acquire(
        self,
        seconds: float,
        trigger: str = "now",
        level: float = 0.0,
        patience: float = 1.0,
        input_range: str = "1 V",
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Record both fast inputs from a trigger on.

        Args:
            seconds: how long, at most 8.6 s; a longer time means fewer samples a second.
            trigger: one of `TRIGGERS`.
            level: of a trigger on an input, V.
            patience: how long to wait for the trigger, s; ten minutes at most.
            input_range: where the jumpers at the inputs stand, "1 V" or "20 V".

        Returns:
            Voltages, V, of shape (2, n): a row for each input; and their times after the trigger, s, of
            shape (n,).

        Raises:
            UsageError: no such trigger or range.
            LimitError: no time, or one that the buffer does not hold; or too much patience.
            NotReady: no trigger in time.
            LinkError: no answer.
        """
        self._require_words(trigger, input_range)
        self._require_time("seconds", seconds, 1.0 / SAMPLE_RATE, LONGEST, "instrument")
        self._require_time("patience", patience, 0.0, LONGEST_PATIENCE, "driver")
        decimation = next(each for each in DECIMATIONS if seconds <= BUFFER * each / SAMPLE_RATE)
        interval = decimation / SAMPLE_RATE
        count = min(BUFFER, max(1, round(seconds / interval)))
        with self._transaction():
            self._arm(decimation, level, RANGES[input_range])
            self._tell(f"ACQ:TRIG {TRIGGERS[trigger]}")
            if not self._await("ACQ:TRIG:STAT?", "TD", patience):
                self._tell("ACQ:STOP")
                raise NotReady(
                    action="acquire",
                    reason=f"no trigger, {trigger}, within {patience:g} s",
                    advice="Is there light on the detector, and is the level right?",
                )
            # Filling goes on by the clock of the converters; a second more covers the server's own pace.
            if not self._await("ACQ:TRIG:FILL?", "1", BUFFER * interval + 1.0):
                raise NotReady(
                    action="acquire",
                    reason="its buffer does not fill up",
                    advice="Restart its SCPI server.",
                )
            volts = np.stack([self._fetch(channel, count) for channel in (1, 2)])
        return volts, interval * np.arange(count, dtype=np.float64)

    def _identify(self) -> Identity:
        found = super()._identify()
        return Identity("Red Pitaya", found.model, found.serial_number, found.firmware)

    def _read(self, setting: Setting) -> Value:
        return self._ask_number(f"ANALOG:PIN? {_pin(setting)}")

    def _write(self, setting: Setting, value: Value) -> None:
        self._tell(f"ANALOG:PIN {_pin(setting)},{value:.4f}")

    def _require_words(self, trigger: str, input_range: str) -> None:
        for what, word, known in (
            ("the trigger", trigger, TRIGGERS),
            ("the input range", input_range, RANGES),
        ):
            if word not in known:
                raise UsageError(
                    what=f"{self.name}: {what} cannot be {word!r}", advice=nearest(str(word), known)
                )

    def _require_time(self, what: str, seconds: float, low: float, high: float, origin: str) -> None:
        if not low <= seconds <= high:
            raise LimitError(
                device=self.name,
                address=self.address,
                setting=what,
                value=seconds,
                unit="s",
                low=low,
                high=high,
                origin=origin,
            )

    def _arm(self, decimation: int, level: float, gain: str) -> None:
        """Prepare the acquisition and start it; from then on it waits for a trigger."""
        for command in (
            "ACQ:RST",
            f"ACQ:DEC {decimation}",
            "ACQ:AVG ON",
            "ACQ:DATA:UNITS VOLTS",
            "ACQ:DATA:FORMAT BIN",
            f"ACQ:SOUR1:GAIN {gain}",
            f"ACQ:SOUR2:GAIN {gain}",
            f"ACQ:TRIG:LEV {level:.6f}",
            f"ACQ:TRIG:DLY {BUFFER // 2}",
            "ACQ:START",
        ):
            self._tell(command)

    def _await(self, question: str, answer: str, seconds: float) -> bool:
        """Ask until the answer comes; tell whether it came in time."""
        for _ in self._patiently(seconds, pause=POLL_SECONDS):
            self._give_way()
            if self._ask(question) == answer:
                return True
        return False

    def _fetch(self, channel: int, count: int) -> NDArray[np.float64]:
        """Return the oldest samples in the buffer, which begins at the trigger, in volts; shape (count,)."""
        question = f"ACQ:SOUR{channel}:DATA:OLD:N? {count}"
        block = self._ask_block(question)
        if len(block) != 4 * count:
            raise BadReply(tried=f"ask {question}", reply=block, expected=f"a block of {4 * count} bytes")
        volts = np.frombuffer(block, dtype=">f4").astype(np.float64)
        if not np.isfinite(volts).all():
            raise BadReply(tried=f"ask {question}", reply=block, expected="a block of finite numbers")
        return volts


def _pin(setting: Setting) -> str:
    """Return the pin of a setting: AOUT2 for "output_2"."""
    kind, _, number = setting.name.partition("_")
    return f"{'AOUT' if kind == 'output' else 'AIN'}{number}"
