r"""The mnemonics of Pfeiffer (and Inficon) vacuum gauge controllers.

A request is a mnemonic of three letters, perhaps with parameters behind commas, and CR. The controller
acknowledges it (ACK, or NAK if it does not like it), and sends its answer when it gets an enquiry (ENQ),
once more with each further enquiry. ETX makes it forget everything that was sent, and stops an output that
repeats by itself.

Source:
    Pfeiffer TPG 261/262 manual BG5195, pages 67 and 68; TPG 361/362 manual BG5510; Inficon VGC50x manual
    tina96e1, page 72.
"""

from __future__ import annotations

from dataclasses import dataclass

from control.protocols.text import number_in, whole_number_in

ENQUIRE, RESET = b"\x05", b"\x03"
ACKNOWLEDGED, REFUSED = b"\x06", b"\x15"
END = b"\r\n"

ERRORS = {
    "1000": "controller error, see its display",
    "0100": "no such hardware is there",
    "0010": "inadmissible parameter",
    "0001": "syntax error",
}
"""The answer to `ERR`, which forgets it thereby."""

STATUS = (
    "ok",
    "under-range: less than the gauge can tell",
    "over-range: more than the gauge can tell",
    "sensor error",
    "the gauge is off",
    "no gauge is connected",
    "the gauge cannot be identified",
    "error of the gauge",
)
"""What the first number of a measurement says."""

PASCAL = (100.0, 133.322_368, 1.0, 0.133_322_368)
"""What one unit of pressure is in pascal, by the answer to `UNI`: mbar, Torr, Pa, micron."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a gauge says.

    Attributes:
        status: index into `STATUS`.
        pressure: in the unit that the controller shows.
    """

    status: int
    pressure: float


def encode(mnemonic: str, *parameters: int) -> bytes:
    r"""Return a request.

    Example:
        >>> encode("SEN", 0, 2)
        b'SEN,0,2\r\n'
    """
    return ",".join([mnemonic, *map(str, parameters)]).encode("ascii") + END


def decode_measurement(fields: list[str]) -> Measurement | None:
    """Return the measurement in two fields of an answer; None if there is none in them.

    Example:
        >>> decode_measurement(["0", "+1.2300E-10"])
        Measurement(status=0, pressure=1.23e-10)
        >>> decode_measurement(["9", "+1.2300E-10"]) is None
        True
    """
    if len(fields) != 2:
        return None
    status, pressure = whole_number_in(fields[0]), number_in(fields[1].strip())
    if status is None or status >= len(STATUS) or pressure is None:
        return None
    return Measurement(status, pressure)
