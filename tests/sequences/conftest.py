"""A small lab with one channel of each kind, and golden texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from sequences import (
    Camera,
    Channel,
    Detector,
    Electrode,
    Kind,
    Limit,
    Line,
    MHz,
    Quantity,
    Target,
    Tone,
    ns,
    us,
)

GOLDEN = Path(__file__).parents[1] / "golden"


@dataclass(frozen=True)
class Lab:
    """A target and a handle for each of its channels."""

    target: Target

    shutter: Line
    marker: Line
    tone: Tone
    second_tone: Tone
    endcap: Electrode
    apd: Detector
    second_apd: Detector
    camera: Camera


def make_lab() -> Lab:
    tones = (Limit(Quantity.FREQUENCY, 1 * MHz, 400 * MHz), Limit(Quantity.AMPLITUDE, 0.0, 0.8))
    volts = (Limit(Quantity.VOLTAGE, -10.0, 10.0),)
    target = Target(
        "test lab",
        1 * ns,
        (
            Channel("shutter", Kind.TTL, 3, 1 * ns, spacing=20e-9),
            Channel("marker", Kind.TTL, 4, 1 * ns),
            Channel("tone", Kind.DDS, 10, 4 * ns, latency=600e-9, limits=tones),
            Channel("second_tone", Kind.DDS, 11, 4 * ns, latency=101e-9),
            Channel("endcap", Kind.DAC, 20, 8 * ns, latency=200e-9, spacing=1 * us, limits=volts),
            Channel("apd", Kind.COUNTER, 30, 1 * ns),
            Channel("second_apd", Kind.COUNTER, 31, 1 * ns),
            Channel("camera", Kind.CAMERA, 40, 1 * us),
        ),
    )
    return Lab(
        target,
        Line.of(target, "shutter"),
        Line.of(target, "marker"),
        Tone.of(target, "tone"),
        Tone.of(target, "second_tone"),
        Electrode.of(target, "endcap"),
        Detector.of(target, "apd"),
        Detector.of(target, "second_apd"),
        Camera.of(target, "camera"),
    )


@pytest.fixture(scope="session")
def lab() -> Lab:
    return make_lab()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--renew-golden", action="store_true", help="write the golden texts instead of comparing"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with the file of that name in tests/golden, or renew the file."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--renew-golden", default=False):
            path.write_text(text, encoding="utf-8")
        advice = "if the difference is meant, renew it with `pytest tests/sequences --renew-golden`"
        assert text == path.read_text(encoding="utf-8"), f"{path} differs; {advice}"

    return compare
