"""The memory for arbitrary sequences of an HMP4040: one being edited, three slots that keep.

Source: commands as pymeasure uses them; 128 points, 0.06 to 10 s each, 0 (endless) to 255 repetitions.
"""

from __future__ import annotations

from collections.abc import Callable

from hardware_sim.instruments.hmp4040_channel import Point
from hardware_sim.instruments.scpi_commands import Command, Quantity, numeric_command
from hardware_sim.instruments.scpi_syntax import ScpiError, split_arguments

POINTS, SLOTS = 128, 3
DWELL = Quantity({"S": 1.0, "MS": 1e-3}, 0.06, 10.0, 0.06, 0.01)


class SequenceMemory:
    """What ``ARB`` commands edit before a channel takes it over.

    Attributes:
        points: Sequence being edited.
        repetitions: How often a sequence is played; 0 for endlessly.
    """

    def __init__(self) -> None:
        self.points: tuple[Point, ...] = ()
        self.repetitions = 0
        self._slots: dict[int, tuple[Point, ...]] = {}

    def commands(self, volts: Callable[[], Quantity], amperes: Callable[[], Quantity]) -> list[Command]:
        """Make the commands that concern no channel.

        Args:
            volts: Gives how voltages are written.
            amperes: Gives how currents are written.
        """

        def take(argument: str, now: float) -> None:
            self.points = _read_points(argument, volts(), amperes())

        return [
            Command("ARBitrary:DATA", write=take, write_argument=3 * POINTS),
            numeric_command(
                "ARBitrary:REPetitions",
                lambda: Quantity({}, 0.0, 255.0, 0.0, 1.0),
                lambda: float(self.repetitions),
                self._set_repetitions,
            ),
            Command("ARBitrary:SAVE", write=lambda text, _: self._save(parse_count(text, SLOTS))),
            Command("ARBitrary:RESTore", write=lambda text, _: self._recall(parse_count(text, SLOTS))),
        ]

    def _set_repetitions(self, value: float, now: float) -> None:
        self.repetitions = int(value)

    def _save(self, slot: int) -> None:
        self._slots[slot] = self.points

    def _recall(self, slot: int) -> None:
        if slot not in self._slots:
            raise ScpiError(-221, "nothing was saved there")
        self.points = self._slots[slot]


def parse_count(text: str, largest: int) -> int:
    """Read a whole number from 1 to ``largest``.

    Raises:
        ScpiError: -222 outside of the range, else as `parse_number`.
    """
    return int(Quantity({}, 1.0, largest, 1.0, 1.0).parse(text, 1.0))


def _read_points(argument: str, volts: Quantity, amperes: Quantity) -> tuple[Point, ...]:
    texts = split_arguments(argument)
    if len(texts) % 3:
        raise ScpiError(-109, "points are voltage, current and time")
    return tuple(
        Point(volts.parse(voltage, 0.0), amperes.parse(current, 0.0), DWELL.parse(dwell, 0.0))
        for voltage, current, dwell in zip(texts[::3], texts[1::3], texts[2::3], strict=True)
    )
