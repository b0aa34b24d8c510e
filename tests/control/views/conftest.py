"""A small program with a bit of everything that views draw, and its pictures."""

from __future__ import annotations

import pytest

from control.views import Panel, describe, tint
from sequences import (
    Camera,
    Channel,
    Detector,
    Electrode,
    Kind,
    Line,
    Program,
    Target,
    Tone,
    attempt,
    compile_sequence,
    herald,
    parallel,
    readout,
    repeat,
    sequence,
    serial,
)
from sequences.picture import compare, depict


def make_program(amplitude: float = 0.4, attempts: int = 1000) -> Program:
    lab = Target(
        "small lab",
        1e-9,
        (
            Channel("shutter", Kind.TTL, 0, 1e-9),
            Channel("raman", Kind.DDS, 1, 4e-9, latency=600e-9),
            Channel("endcap", Kind.DAC, 2, 8e-9, spacing=1e-6),
            Channel("apd", Kind.COUNTER, 3, 1e-9),
            Channel("camera", Kind.CAMERA, 4, 1e-6),
        ),
    )
    shutter, raman, endcap = Line.of(lab, "shutter"), Tone.of(lab, "raman"), Electrode.of(lab, "endcap")
    apd, camera, photon = Detector.of(lab, "apd"), Camera.of(lab, "camera"), readout("photon")
    one = serial(
        shutter.pulse(1e-6), parallel(raman.pulse(8e-6, 80.5e6, amplitude, 0.25), apd.gate(12e-6, photon))
    )
    body = serial(
        parallel(shutter.pulse(3e-3), raman.pulse(3e-3, 190e6)),
        endcap.set(-3.0),
        repeat(
            serial(attempt(one, until=herald(photon), maximum=attempts), endcap.ramp(-3.0, 4.5, 40e-6)), 20
        ),
        camera.expose(1e-3, readout("ions")),
    )
    return compile_sequence(sequence("<link> & more", body), lab)


@pytest.fixture(scope="session")
def panel() -> Panel:
    picture = depict(make_program())
    return Panel(picture.name, describe(picture), picture)


@pytest.fixture(scope="session")
def compared() -> tuple[Panel, Panel]:
    """Two programs, with what differs marked: an amplitude and a number of attempts."""
    old, new = depict(make_program()), depict(make_program(0.5, 2000))
    deviations = compare(old, new)
    return (
        Panel("old", describe(old), old, tint(deviations, after=False)),
        Panel("new", describe(new), new, tint(deviations, after=True)),
    )
