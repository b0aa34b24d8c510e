"""How stretches of light become illuminations, photon pulses and rotations."""

from __future__ import annotations

from hardware_sim.core.passages import (
    Illumination,
    Passage,
    PhotonPulse,
    Rotation,
    Segment,
    read_passages,
    running_tones,
)
from hardware_sim.core.signals import Stretch, Tone

ON = Tone(200e6, 0.0, 1.0)
V, H, QUBIT, COOL, REPUMP = "raman v tone", "raman h tone", "qubit beam", "doppler beam", "repump beam"


def stretch(start: int, stop: int, *parts: str, exposed: int | None = None, **tones: Tone) -> Stretch:
    return Stretch(start, stop, dict.fromkeys(parts, ON) | tones, exposed)


def kinds(passages: tuple[Passage, ...]) -> list[tuple[str, int]]:
    return [(type(passage).__name__, passage.start) for passage in passages]


def test_each_kind_of_light_makes_its_passage() -> None:
    passages = read_passages(
        [stretch(0, 5, COOL, REPUMP), stretch(5, 9, V, H), stretch(12, 14, QUBIT), stretch(20, 30, exposed=0)]
    )
    assert kinds(passages) == [
        ("Illumination", 0), ("PhotonPulse", 5), ("Rotation", 12), ("Illumination", 20)
    ]  # fmt: skip


def test_cooling_light_spoils_what_it_overlaps_with() -> None:
    passages = read_passages([stretch(0, 5, V), stretch(5, 7, V, COOL, QUBIT), stretch(7, 9, V)])
    assert kinds(passages) == [("PhotonPulse", 0), ("Illumination", 5), ("PhotonPulse", 7)]


def test_repumping_light_spoils_nothing() -> None:
    passages = read_passages([stretch(0, 5, V, REPUMP), stretch(5, 9, V), stretch(9, 10, QUBIT, REPUMP)])
    assert kinds(passages) == [
        ("Illumination", 0), ("PhotonPulse", 0), ("Illumination", 9), ("Rotation", 9)
    ]  # fmt: skip
    pulse = passages[1]
    assert isinstance(pulse, PhotonPulse)
    assert [s.stop for s in pulse.stretches] == [5, 9]


def test_passages_come_in_order_of_their_start_when_raman_and_729_light_overlap() -> None:
    passages = read_passages([stretch(0, 5, V), stretch(5, 7, V, QUBIT), stretch(7, 9, V)])
    assert kinds(passages) == [("PhotonPulse", 0), ("Rotation", 5)]
    assert passages[1] == Rotation((Segment(5, 7, ON),))


def test_an_amplitude_changes_within_a_photon_pulse_but_a_frequency_or_phase_ends_it() -> None:
    def pulses(second: Tone) -> int:
        return len(read_passages([stretch(0, 5, **{V: ON}), stretch(5, 9, **{V: second})]))

    assert pulses(Tone(200e6, 0.0, 0.4)) == 1
    assert pulses(Tone(201e6, 0.0, 1.0)) == 2
    assert pulses(Tone(200e6, 0.1, 1.0)) == 2


def test_a_tone_that_comes_back_with_another_frequency_ends_the_pulse() -> None:
    there_and_back = [stretch(0, 5, V, H), stretch(5, 7, H), stretch(7, 9, H, **{V: Tone(201e6, 0.0, 1.0)})]
    assert kinds(read_passages(there_and_back)) == [("PhotonPulse", 0), ("PhotonPulse", 7)]


def test_a_gap_ends_a_photon_pulse() -> None:
    assert kinds(read_passages([stretch(0, 5, V), stretch(6, 9, V)])) == [
        ("PhotonPulse", 0),
        ("PhotonPulse", 6),
    ]


def test_illuminations_are_cut_where_the_string_comes_to_rest() -> None:
    passages = read_passages([stretch(0, 10, COOL, exposed=3), stretch(10, 20, V)], rests=[15, 4, 10])
    pieces = [p.stretch for p in passages if isinstance(p, Illumination)]
    assert [(p.start, p.stop, p.exposed, dict(p.tones)) for p in pieces] == [
        (0, 4, 3, {COOL: ON}),
        (4, 10, 3, {COOL: ON}),
    ]
    assert len(passages) == 3


def test_running_tones_are_those_that_are_on_at_any_time() -> None:
    late = Tone(87e6, 0.5, 1.0)
    assert running_tones([stretch(0, 5, V, QUBIT), stretch(5, 9, **{V: ON, H: late})]) == {V: ON, H: late}
