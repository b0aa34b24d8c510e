"""What each imperfection of the modelled node costs the ten-ion register in Bell fidelity.

Nothing of this is published for ten ions: the budget is the model's own. The tests hold what must be true of
any such budget; run at high statistics, `error_budget` is the table in hardware_sim/README.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from unittest import mock

import numpy as np
import pytest

from control.experiments.pair_tomography import TRANSMITTED_IS_MINUS
from control.experiments.ten_ion_register import TenIonRegister
from control.setup import Setup, read_setup
from data.analysis import SETTINGS, classify_bright, count_outcomes, linear_bell_fidelity
from hardware_sim import NodeProperties
from hardware_sim.core import illumination
from hardware_sim.core.core import SimulatedCore
from hardware_sim.core.ensemble import Ensemble
from hardware_sim.physics.calcium import D52
from hardware_sim.properties import read_properties
from hardware_sim.surroundings import Surroundings, confinement
from hardware_sim.wiring import read_wiring
from sequences.compiler import compile_sequence
from sequences.language import sequence
from sequences.library import Node


@dataclass(frozen=True, slots=True)
class Outcome:
    """Means over the ions of a string, of Bell fidelity and detection probability, with standard errors."""

    fidelity: float
    fidelity_error: float
    detection: float
    detection_error: float


@contextmanager
def stable_d52() -> Iterator[None]:
    """Let nothing leave D5/2 by itself."""
    evolve = Ensemble.evolve
    forever = replace(D52, lifetime=1e12)

    def held(
        self: Ensemble,
        shots: np.ndarray,
        ions: slice,
        offset_ps: int,
        lifetime: float = 0.0,
        *,
        phases: bool = True,
    ) -> None:
        evolve(self, shots, ions, offset_ps, math.inf, phases=phases)

    with mock.patch.object(Ensemble, "evolve", held), mock.patch.object(illumination, "D52", forever):
        yield


IMPERFECTIONS: Mapping[str, Mapping[str, float]] = {
    "birefringence of the cavity": {"cavity_birefringence": 0.0},
    "extinction of the beam splitter": {"splitter_extinction_h": 0.0, "splitter_extinction_v": 0.0},
    "retardance of the wave plates": {
        "half_wave_plate_retardance": 0.5,
        "quarter_wave_plate_retardance": 0.25,
    },
    "dark counts": {"detector_dark_rate_h": 0.0, "detector_dark_rate_v": 0.0},
    "magnetic noise": {"magnetic_noise": 0.0, "magnetic_flicker": 0.0, "mains_field": 0.0},
    "line width of the 729 nm laser": {"qubit_linewidth": 0.0},
    "intensity noise of 729 nm": {"qubit_intensity_noise": 0.0},
    "halo of the Raman beam": {"raman_halo": 0.0},
    "impurity of the pumping": {"pumping_impurity": 0.0},
    # Brighter ions on a black background, in a sharper image.
    "readout": {"camera_efficiency": 0.02, "dark_rate": 0.0, "camera_spread": 0.5e-6},
    # Light across the axis feels the stiff radial modes only; Rabi frequencies follow, see `recalibrated`.
    "motion during 729 nm pulses": {"qubit_axial_cosine": 0.0},
}
"""Imperfection -> the properties that switch it off."""

DECAY = "decay of D5/2"


def error_budget(trains: int, seed: int) -> dict[str, Outcome]:
    """Return the outcome of the node as it is, with each imperfection off, and with all of them off.

    All without further losses of the path, for the sake of statistics.

    Args:
        trains: in each of the nine settings.
        seed: of all randomness.
    """
    setup = read_setup("innsbruck")
    real, _ = read_properties(setup.tables["node"])
    assert real is not None
    real = replace(real, path_transmission=1.0)
    cases: dict[str, tuple[NodeProperties, AbstractContextManager[None]]] = {"none": (real, nullcontext())}
    for name, off in IMPERFECTIONS.items():
        cases[name] = recalibrated(setup, replace(real, **off)), nullcontext()
    cases[DECAY] = real, stable_d52()
    everything = {key: value for off in IMPERFECTIONS.values() for key, value in off.items()}
    cases["all"] = recalibrated(setup, replace(real, **everything)), stable_d52()
    outcomes = {}
    for name, (properties, circumstances) in cases.items():
        with circumstances:
            outcomes[name] = play_register(setup, properties, trains, seed)
    return outcomes


def recalibrated(setup: Setup, properties: NodeProperties) -> NodeProperties:
    """Return the properties with 729 nm Rabi frequencies for which the calibrated pulse times are right."""
    if properties.qubit_axial_cosine != 0:
        return properties
    # Doppler-cooled radial modes weaken the carrier by their mean Debye-Waller factor, the same for all ions:
    # 9.39 kHz recoil, 7.4 quanta at 2.4 MHz, half of the beam along each direction.
    weakened = math.exp(-9.39e3 / 2.42e6 * (7.4 + 0.5))
    mapping, analysis = setup.calibration.mapping_pi_time, setup.calibration.analysis_pi_time
    return replace(
        properties,
        qubit_rabi_mapping=0.5 / mapping / weakened,
        qubit_rabi_analysis=0.5 / analysis / weakened,
    )


def play_register(
    setup: Setup,
    properties: NodeProperties,
    trains: int,
    seed: int,
    ions: int = 10,
    plate_errors: tuple[float, float] = (0.0, 0.0),
) -> Outcome:
    """Return the outcome of the whole tomography of a register.

    Args:
        setup: channels and calibration.
        properties: of the node.
        trains: in each of the nine settings.
        seed: of all randomness.
        ions: in the string.
        plate_errors: of half- and quarter-wave plate, turns.
    """
    experiment = TenIonRegister(ions=ions)
    node = Node.of(setup.target, setup.calibration)
    whole = sequence("register", experiment.sequence(node))
    core = SimulatedCore(properties, read_wiring(setup.tables)[0].parts, np.random.default_rng(seed))
    radial, loss = confinement(properties, properties.rf_frequency, properties.rf_power)
    counts = np.zeros((ions, len(SETTINGS), 4), dtype=np.int64)
    clicks = []
    for number, point in enumerate(experiment.points(node)):
        half, quarter = (
            point.instruments[name]["angle"] for name in ("half_wave_plate", "quarter_wave_plate")
        )
        around = Surroundings(radial, loss, half + plate_errors[0], quarter + plate_errors[1])
        if number == 0:
            core.load(ions, around)
        record = core.play(compile_sequence(whole, setup.target, point.parameters), trains, around)
        assert not record.notes
        transmitted, reflected = record.counts["photon_h"] > 0, record.counts["photon_v"] > 0
        bright = classify_bright(record.counts["ions"], int(setup.calibration.bright_threshold))
        ion_basis, photon_basis = point.labels["ion_basis"], point.labels["photon_basis"]
        setting = SETTINGS.index(f"{ion_basis}{photon_basis}")
        minus = transmitted if TRANSMITTED_IS_MINUS[photon_basis] else reflected
        for ion, rows in enumerate((transmitted ^ reflected).T):
            chosen = np.full(rows.sum(), setting)
            counts[ion] += count_outcomes(chosen, ~bright[rows, ion], minus[rows, ion])
        clicks.append((transmitted | reflected).mean())
    found = [linear_bell_fidelity(pair) for pair in counts]
    detection = float(np.mean(clicks))
    return Outcome(
        float(np.mean([estimate.value for estimate in found])),
        math.sqrt(sum(estimate.error**2 for estimate in found)) / ions,
        detection,
        math.sqrt(detection * (1 - detection) / (trains * len(clicks) * ions)),
    )


@pytest.fixture(scope="module")
def setup() -> Setup:
    return read_setup("innsbruck")


@pytest.fixture(scope="module")
def real(setup: Setup) -> NodeProperties:
    properties, _ = read_properties(setup.tables["node"])
    assert properties is not None
    return properties


@pytest.mark.slow
def test_the_register_reaches_the_published_detection_probability(setup: Setup, real: NodeProperties) -> None:
    # Published average: 9.1(8) %, Canteri et al., PRL 135, 080801 (2025). The path's transmission is set to
    # meet it, so that this only holds that it does.
    outcome = play_register(setup, real, 1000, seed=1)
    assert outcome.detection_error < 0.001
    assert outcome.detection == pytest.approx(0.091, abs=0.008)


@pytest.mark.slow
def test_the_modelled_imperfections_leave_more_than_the_published_fidelity(
    setup: Setup, real: NodeProperties
) -> None:
    # Published average: 92(1) %, same source, whose budget is not published. The modelled imperfections
    # explain less than all of it; no result is adjusted. Statistical error 0.3 %.
    outcome = play_register(setup, replace(real, path_transmission=1.0), 700, seed=2)
    assert outcome.fidelity_error < 0.004
    assert 0.92 < outcome.fidelity < 0.99


@pytest.mark.slow
def test_without_imperfections_pairs_are_perfect_and_each_imperfection_costs() -> None:
    budget = error_budget(300, seed=3)
    assert budget["all"].fidelity == pytest.approx(1.0, abs=0.004)
    for name, outcome in budget.items():
        error = math.hypot(outcome.fidelity_error, budget["none"].fidelity_error)
        # Nothing that is switched off makes it worse by more than five standard errors.
        assert outcome.fidelity > budget["none"].fidelity - 5 * error, name
        assert outcome.detection == pytest.approx(budget["none"].detection, abs=0.02), name


@pytest.mark.slow
def test_wave_plates_at_wrong_angles_cost_fidelity(setup: Setup, real: NodeProperties) -> None:
    clear = replace(real, path_transmission=1.0)
    right = play_register(setup, clear, 300, seed=4, ions=4)
    wrong = play_register(setup, clear, 300, seed=5, ions=4, plate_errors=(4 / 360, 0.0))
    # sin^2(2 x 4 deg) = 1.9 % of flips in each photon basis, 1.5 times as much in fidelity.
    error = math.hypot(right.fidelity_error, wrong.fidelity_error)
    assert right.fidelity - wrong.fidelity == pytest.approx(0.029, abs=5 * error)
