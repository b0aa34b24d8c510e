"""What happens to the lab while shots are played, and what the shots see of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from data.columns import Record
from hardware_sim.constants import BOLTZMANN
from hardware_sim.core import core as core_module
from hardware_sim.core.core import SimulatedCore, _batches
from hardware_sim.world.melting import collision_heat, melting_heat
from hardware_sim.world.world import STILL, World
from sequences.ir import Block
from sequences.language import attempt, herald, readout, serial
from sequences.library import (
    doppler_cool,
    generate_photon,
    hold,
    optical_pump,
    plan_transport,
    read_ions,
    rotate,
)
from sequences.program import Program

COOL, READ = 3e-3, 1.5e-3
NEVER = dict.fromkeys(STILL, 0.0)


class Room:
    """A core with a world in which only what is provoked happens, and a program to play on it."""

    def __init__(self, lab: Any, block: Block, ions: int, seed: int = 3) -> None:
        self.lab = lab.but(**NEVER)
        self.world = World(self.lab.properties, np.random.default_rng(seed))
        parts, rng = lab.wiring.parts, np.random.default_rng(seed)
        self.core = SimulatedCore(self.lab.properties, parts, rng, self.world)
        self.program: Program = lab.program(block)
        self.pitch = self.program.duration(heralded=True) * self.program.target.period
        self.load(ions)

    def load(self, ions: int) -> None:
        self.core.load(ions, self.lab.surroundings())

    def play(self, shots: int) -> Record:
        return self.core.play(self.program, shots, self.lab.surroundings())


def look(lab: Any, *before: Block) -> Block:
    node = lab.node
    return serial(doppler_cool(node, COOL), *before, read_ions(node, READ))


def photon(lab: Any) -> Block:
    """One ion emits one photon into gates that are open for all of it."""
    node = lab.node
    there = hold(node, plan_transport(node.calibration, 1), 0)
    return serial(
        there, doppler_cool(node, COOL), optical_pump(node, 20e-6), generate_photon(node, 50e-6, 55e-6)
    )


def happened(record: Record) -> list[str]:
    """Return the notes of what happened, without doubts about models that are told beside them."""
    return [note for note in record.notes if note.startswith("at ")]


def bright(record: Record) -> np.ndarray:
    return (record.counts["ions"] >= 8).mean(axis=0)


def all_bright(quiet: Any, ions: int) -> Room:
    return Room(quiet, look(quiet), ions)


def test_a_lab_in_which_nothing_happens_plays_what_it_did(innsbruck: Any) -> None:
    still, plain = Room(innsbruck, photon(innsbruck), 1), innsbruck.core(1, 3)
    first, second = still.play(300), plain.play(still.program, 300, innsbruck.surroundings())
    assert np.array_equal(first.tags.t_ps, second.tags.t_ps)
    assert first.notes == second.notes == ()


def test_the_others_move_together_when_an_ion_is_lost(quiet: Any) -> None:
    room = all_bright(quiet, 3)
    room.world.provoke("ion loss", 40.5 * room.pitch)
    record = room.play(100)
    seen = record.counts["ions"]
    assert seen.shape == (100, 3)
    assert (seen[:40] >= 8).all()
    # Two ions have no ion in the middle; what the camera's regions see of them is dimmer at the sides.
    assert (seen[40:, 1] < 8).mean() > 0.9
    sides = seen[40:, [0, 2]].mean() / seen[:40, [0, 2]].mean()
    assert 0.1 < sides < 0.95
    at = f"at {1e-12 * round(40.5 * room.pitch * 1e12) * 1e3:.6g} ms"
    assert record.notes == (f"{at} an ion was lost: 2 of 3 are left",)
    # It stays lost, and is told again; the next string is whole.
    assert (room.play(10).counts["ions"][:, 1] < 8).mean() > 0.9
    room.load(3)
    whole = room.play(10)
    assert (whole.counts["ions"] >= 8).all()
    assert whole.notes == ()


def test_a_trap_that_has_lost_its_last_ion_is_empty(quiet: Any) -> None:
    room = all_bright(quiet, 2)
    room.world.provoke("ion loss", 0.0)
    room.world.provoke("ion loss", 10.5 * room.pitch)
    record = room.play(30)
    assert record.notes[-1] == "no ions in the trap: the last ion was lost"
    assert bright(Record(**{**_fields(record), "counts": {"ions": record.counts["ions"][10:]}})).max() < 0.02
    assert record.counts["ions"].shape == (30, 2)


def _fields(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in ("shots", "start_ps", "duration_ps", "attempts", "tags")}


def test_a_collision_heats_all_modes_until_light_has_cooled_them(quiet: Any) -> None:
    room = Room(quiet, serial(read_ions(quiet.node, 10e-6), doppler_cool(quiet.node, 1e-3)), 3)
    room.world.provoke("gas collision", 10.5 * room.pitch)
    first = room.play(12)
    began = f"at {10.5 * room.pitch * 1e3:.6g} ms a collision with background gas melted the string"
    assert happened(first) == [f"{began}, and it has not frozen since"]
    hot = room.world.heat
    assert hot is not None
    assert melting_heat(10e-6) < hot < collision_heat(BOLTZMANN * 1000.0, 3)
    # Far beyond the width of the line ions scatter little and cool slowly: it takes many shots, not one.
    (note,) = happened(room.play(300))
    assert note.startswith(f"{began}; it was a crystal again at ")
    assert room.world.heat is None
    assert happened(room.play(3)) == []


def test_a_string_that_nothing_cools_stays_molten_and_has_no_images(quiet: Any) -> None:
    hot, cold = (Room(quiet, serial(optical_pump(quiet.node, 20e-6)), 3) for _ in range(2))
    hot.world.provoke("gas collision", 0.0)
    record = hot.play(3)
    assert record.notes == (
        "at 0 s a collision with background gas melted the string, and it has not frozen since",
    )
    stages = [
        room.core._set_stage(room.program, np.zeros(2, dtype=np.int64), room.lab.surroundings())
        for room in (hot, cold)
    ]
    every = np.arange(2)
    assert stages[0].image_spread(every) > 5e-6
    assert stages[1].image_spread(every) == pytest.approx(1.5e-6, rel=0.01)
    assert stages[0].ensemble.quanta(every).min() > 1e2
    hot.load(3)
    assert hot.world.heat is None


def test_a_molten_string_emits_no_photons(quiet: Any) -> None:
    node = quiet.node
    there = hold(node, plan_transport(node.calibration, 1), 0)
    room = Room(quiet, serial(there, optical_pump(node, 20e-6), generate_photon(node, 50e-6, 55e-6)), 1)
    cold = room.play(100).tags
    room.world.provoke("gas collision", 0.0)
    assert len(cold.t_ps) > 30
    assert len(room.play(100).tags.t_ps) < len(cold.t_ps) / 6


@pytest.mark.parametrize("event", ["cavity unlock", "393 unlock"])
def test_no_photons_while_laser_or_cavity_are_not_locked(quiet: Any, event: str) -> None:
    room = Room(quiet, photon(quiet), 1)
    gone = (200.0 + 0.5) * room.pitch
    room.world.provoke(event, gone)
    shots = round((gone + 5.0) / room.pitch) + 201
    record = room.play(shots)
    clicked = np.bincount(record.tags.shot, minlength=shots)
    assert clicked[:200].sum() > 20
    assert clicked[200:-201].sum() == 0
    assert clicked[-200:].sum() > 20
    assert len(happened(record)) == 1


@pytest.mark.parametrize("event", ["cavity unlock", "393 unlock"])
@pytest.mark.parametrize("hop", [20e6, 396e6, 403e6, 420e6])
def test_light_or_cavity_may_hop_anywhere_even_onto_a_line(quiet: Any, event: str, hop: float) -> None:
    lab = quiet.but(laser_hop=hop, cavity_hop=hop)
    for seed in range(4):  # to either side
        room = Room(lab, photon(lab), 1, seed)
        room.world.provoke(event, 0.0)
        record = room.play(60)
        assert len(record.tags.t_ps) == 0
        assert len(happened(record)) == len(record.notes) == 1


def test_light_that_hops_onto_a_line_empties_the_ground_state(quiet: Any) -> None:
    node, dark = quiet.node, {}
    there = hold(node, plan_transport(node.calibration, 1), 0)
    light = generate_photon(node, 50e-6, 55e-6)
    for hop in (403e6, 2e9):
        seen = []
        for seed in range(4):
            lab = quiet.but(laser_hop=hop)
            room = Room(lab, serial(there, optical_pump(node, 20e-6), light, read_ions(node, READ)), 1, seed)
            room.world.provoke("393 unlock", 0.0)
            seen.append((room.play(100).counts["ions"] < 8).mean())
        dark[hop] = max(seen)
    # Of what P3/2 loses from S1/2, nine in ten come to D5/2 and stay dark.
    assert dark[403e6] > 0.7
    assert dark[2e9] < 0.1


def test_fast_drifts_do_not_depend_on_how_shots_are_batched(
    quiet: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The cavity's node, 2.6 um from its antinode, passes the ion around shot 225.
    node, seen = quiet.node, []
    lab = quiet.but(**NEVER | {"place_drift": 5.2e-6, "place_settling": 1.0})
    pulse = serial(optical_pump(node, 20e-6), generate_photon(node, 50e-6, 55e-6), doppler_cool(node, COOL))
    for batch in (200_000, 50):
        monkeypatch.setattr(core_module, "BATCH", batch)
        world, rng = World(lab.properties, np.random.default_rng(1)), np.random.default_rng(2)
        core = SimulatedCore(lab.properties, lab.wiring.parts, rng, world)
        core.load(1, lab.surroundings())
        seen.append(core.play(lab.program(pulse), 400, lab.surroundings()).tags.shot)
    assert np.count_nonzero(seen[0] < 60) > 12
    assert np.count_nonzero(abs(seen[0] - 225) < 15) <= 3
    assert np.array_equal(seen[0], seen[1])


def test_no_fluorescence_while_the_cooling_laser_is_not_locked(quiet: Any) -> None:
    room = all_bright(quiet, 1)
    room.world.provoke("397 unlock", 20.5 * room.pitch)
    record = room.play(60)
    assert (record.counts["ions"][:20] >= 8).all()
    assert (record.counts["ions"][20:] < 8).mean() > 0.95


def test_no_rotations_while_the_qubit_laser_is_not_locked(quiet: Any) -> None:
    node = quiet.node
    room = Room(quiet, serial(optical_pump(node, 40e-6), rotate(node, 0.5), read_ions(node, READ)), 1)
    room.world.provoke("729 unlock", 20.5 * room.pitch)
    record = room.play(60)
    assert (record.counts["ions"][:20] < 8).mean() > 0.8
    assert (record.counts["ions"][20:] >= 8).all()


def test_same_seed_same_clicks_with_events(innsbruck: Any) -> None:
    def played(ions: int, *events: str) -> Record:
        room = Room(innsbruck, photon(innsbruck) if ions == 1 else look(innsbruck), ions)
        for at, event in enumerate(events):
            room.world.provoke(event, 0.1 + 0.2 * at)
        return room.play(400)

    for case in ((1, "elevator", "cavity unlock", "729 unlock"), (4, "gas collision", "ion loss")):
        one, other = played(*case), played(*case)
        assert np.array_equal(one.tags.t_ps, other.tags.t_ps)
        assert all(np.array_equal(one.counts[name], other.counts[name]) for name in one.counts)
        assert one.notes == other.notes
        assert len(happened(one)) == len(case) - 1


def test_shots_that_are_played_in_spells_follow_each_other(quiet: Any) -> None:
    room, alone = all_bright(quiet, 1), all_bright(quiet, 1)
    for at in (10.5, 20.5, 21.5):
        room.world.provoke("elevator", at * room.pitch)
    record, usual = room.play(50), alone.play(50)
    assert np.array_equal(record.start_ps, usual.start_ps)
    assert record.duration_ps == usual.duration_ps
    assert np.array_equal(record.attempts.start_ps, usual.attempts.start_ps)


def test_events_come_in_time_though_attempts_make_shots_long(quiet: Any) -> None:
    # Most of twenty attempts are needed: shots are many times longer than with one attempt only.
    lab = quiet.but(path_transmission=0.05)
    node = lab.node
    emit = serial(doppler_cool(node, 100e-6), optical_pump(node, 20e-6), generate_photon(node, 50e-6, 55e-6))
    there = hold(node, plan_transport(node.calibration, 1), 0)
    seen = herald(readout("photon_h"), readout("photon_v"))
    room = Room(lab, serial(there, attempt(emit, until=seen, maximum=20), read_ions(node, READ)), 1)
    room.world.provoke("cavity unlock", 2.0)
    record = room.play(3000)
    at = record.tags.t_ps * 1e-12
    assert record.duration_ps > 6e12
    assert len(at) > 200
    last, back = at[at < 4.0].max(), at[at > 4.0].min()
    assert last == pytest.approx(2.0, abs=0.1)
    assert back == pytest.approx(7.0, abs=0.1)


def test_batches_of_a_spell_are_alike() -> None:
    spell = [batch.tolist() for batch in _batches(3, 9, 2, 2)]
    assert spell == [[3, 5], [7], [4, 6], [8]]


def test_loading_takes_lab_time_only_if_asked(innsbruck: Any) -> None:
    room = Room(innsbruck, look(innsbruck), 1)
    room.core.load(1, room.lab.surroundings())
    assert room.core.now_ps == 0
    room.core.load(1, room.lab.surroundings(), taking=450.0)
    assert room.core.now_ps == 450 * 10**12
    assert room.play(2).start_ps[0] == 450 * 10**12


def test_a_drifted_lab_is_what_the_shots_see(quiet: Any) -> None:
    # 360 kHz off, half turns of 10 us do nothing.
    lab = quiet.but(**NEVER | {"qubit_drift": 360.0})
    node = lab.node
    pulses = serial(optical_pump(node, 40e-6), rotate(node, 0.5), read_ions(node, READ))
    aged = replace(lab, properties=replace(lab.properties, qubit_drift=360e3, lab_age=3600.0))
    dark = {}
    for name, now in (("new", lab), ("old", aged)):
        world = World(now.properties, np.random.default_rng(1))
        core = SimulatedCore(now.properties, now.wiring.parts, np.random.default_rng(2), world)
        core.load(1, now.surroundings())
        record = core.play(now.program(pulses), 100, now.surroundings())
        dark[name] = (record.counts["ions"] < 8).mean()
    assert dark["new"] > 0.8
    assert dark["old"] < 0.3


def test_it_is_told_when_the_endcaps_rest_lower_for_a_long_string(quiet: Any) -> None:
    room = Room(quiet.but(endcap_rest=1000.0), look(quiet), 10)
    first, second = room.play(1), room.play(1)
    (told,) = first.notes
    assert told.startswith("the endcaps rest at 26")
    assert told.endswith(" V instead of 1000 V: 10 ions would buckle, or nearly so")
    assert second.notes == ()
    room.load(2)
    assert room.play(1).notes == ()
