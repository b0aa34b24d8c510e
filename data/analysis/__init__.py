"""Analysis: columns in, values with errors out. It opens no file and draws no plot.

A pair of an ion and its photon, from clicks to numbers:

>>> import numpy as np
>>> counts = np.full((9, 4), 50)
>>> counts[[0, 4, 8]] = [98, 2, 2, 98], [96, 4, 4, 96], [4, 96, 96, 4]
>>> samples = resample(np.random.default_rng(1), counts, samples=200)
>>> pair = quantify_entanglement(reconstruct(counts).density, reconstruct(samples).density)
>>> print(f"{pair.bell_fidelity:%}")
95.0(12) %
"""

from __future__ import annotations

from data.analysis.batches import fit_model, fit_sets
from data.analysis.bell_tests import (
    best_axes,
    chsh,
    chsh_operator,
    greatest_chsh,
    linear_chsh,
    split_chsh,
)
from data.analysis.bootstrap import Judged, StateBootstrap, bootstrap_state
from data.analysis.coincidences import accidental_rate, count_groups, find_groups, find_pairs
from data.analysis.correlations import Correlation, accidental_g2, correlate, correlate_tags
from data.analysis.counts import BinomialCounts, NormalValues, PoissonCounts
from data.analysis.delays import DelayBins, PairHistogram
from data.analysis.dips import find_dips
from data.analysis.drifts import Drift, fit_drift
from data.analysis.entanglement import (
    BellFidelity,
    Entanglement,
    bell_fidelity,
    concurrence,
    entanglement_of_formation,
    linear_bell_fidelity,
    maximally_entangled_fidelity,
    purity,
    quantify_entanglement,
)
from data.analysis.estimates import (
    Estimate,
    binomial,
    binomial_interval,
    mean,
    poisson_error,
    weighted_mean,
)
from data.analysis.fidelities import BELL_STATES, Rotation, TurnedFidelity, fidelity, linear_fidelity
from data.analysis.fit_results import FailedFit, FitSets
from data.analysis.fit_samples import Samples, bootstrap_fit, bootstrap_shots, simulate_p_value
from data.analysis.fits import Fit, Free, fit, fit_straight
from data.analysis.flops import fit_flop, fit_resonance
from data.analysis.fringes import fit_coherence, fit_fringe, fit_ramsey
from data.analysis.g2 import G2, PulsedG2, normalise_g2, pulsed_g2, signal_share
from data.analysis.hong_ou_mandel import (
    Interference,
    accidental_pairs,
    exposure_of_attempts,
    indistinguishability,
    measure_interference,
)
from data.analysis.ion_correlations import IonCorrelations, correlate_ions
from data.analysis.lines import Line, Spectrum, fit_lines
from data.analysis.measurements import (
    OUTCOMES,
    SETTINGS,
    count_outcomes,
    fold_detection_errors,
    pauli_effects,
    pauli_settings,
)
from data.analysis.negativities import log_negativity, negativity, partial_transpose
from data.analysis.observables import estimate_observable, estimate_observables
from data.analysis.outcomes import Outcome
from data.analysis.pair_report import PairReport, report_pair
from data.analysis.pairs import PairCounter, count_pairs
from data.analysis.parity import parity_fidelity
from data.analysis.populations import Populations, correct_ions, correct_populations, fit_populations
from data.analysis.process_forms import (
    apply_process,
    average_gate_fidelity,
    chi_matrix,
    choi_matrix,
    choi_of_transfer,
    pauli_matrices,
    pauli_transfer,
    process_fidelity,
)
from data.analysis.process_tomography import (
    Process,
    invert_process,
    pauli_preparations,
    projected_process,
    reconstruct_process,
)
from data.analysis.projection import project_processes, project_simplex, project_states
from data.analysis.rates import Bounded, net_rate, poisson_rate, rate_ratio
from data.analysis.ratios import poisson_ratio, ratio_interval
from data.analysis.readout_errors import ReadoutErrors, choose_thresholds, count_patterns, measure_errors
from data.analysis.readout_models import ReadoutModel, count_distribution, fit_mixture, fit_readout
from data.analysis.resampling import resample, resample_shots, resample_state, split_counts
from data.analysis.stability import AllanDeviation, allan_deviation
from data.analysis.thermometry import fit_sidebands, sideband_ratio
from data.analysis.thresholds import (
    best_threshold,
    classify_bright,
    decay_probability,
    error_matrix,
    poisson_threshold,
)
from data.analysis.tomography import State, linear_inversion, projected_least_squares, reconstruct
from data.analysis.trains import TrainStatistics, count_detections, poisson_binomial
from data.analysis.wave_packets import (
    WavePacket,
    arrival_quantile,
    average_arrival,
    bin_arrivals,
    detection_probability,
    median_arrival,
)

__all__ = [
    "BELL_STATES",
    "G2",
    "OUTCOMES",
    "SETTINGS",
    "AllanDeviation",
    "BellFidelity",
    "BinomialCounts",
    "Bounded",
    "Correlation",
    "DelayBins",
    "Drift",
    "Entanglement",
    "Estimate",
    "FailedFit",
    "Fit",
    "FitSets",
    "Free",
    "Interference",
    "IonCorrelations",
    "Judged",
    "Line",
    "NormalValues",
    "Outcome",
    "PairCounter",
    "PairHistogram",
    "PairReport",
    "PoissonCounts",
    "Populations",
    "Process",
    "PulsedG2",
    "ReadoutErrors",
    "ReadoutModel",
    "Rotation",
    "Samples",
    "Spectrum",
    "State",
    "StateBootstrap",
    "TrainStatistics",
    "TurnedFidelity",
    "WavePacket",
    "accidental_g2",
    "accidental_pairs",
    "accidental_rate",
    "allan_deviation",
    "apply_process",
    "arrival_quantile",
    "average_arrival",
    "average_gate_fidelity",
    "bell_fidelity",
    "best_axes",
    "best_threshold",
    "bin_arrivals",
    "binomial",
    "binomial_interval",
    "bootstrap_fit",
    "bootstrap_shots",
    "bootstrap_state",
    "chi_matrix",
    "choi_matrix",
    "choi_of_transfer",
    "choose_thresholds",
    "chsh",
    "chsh_operator",
    "classify_bright",
    "concurrence",
    "correct_ions",
    "correct_populations",
    "correlate",
    "correlate_ions",
    "correlate_tags",
    "count_detections",
    "count_distribution",
    "count_groups",
    "count_outcomes",
    "count_pairs",
    "count_patterns",
    "decay_probability",
    "detection_probability",
    "entanglement_of_formation",
    "error_matrix",
    "estimate_observable",
    "estimate_observables",
    "exposure_of_attempts",
    "fidelity",
    "find_dips",
    "find_groups",
    "find_pairs",
    "fit",
    "fit_coherence",
    "fit_drift",
    "fit_flop",
    "fit_fringe",
    "fit_lines",
    "fit_mixture",
    "fit_model",
    "fit_populations",
    "fit_ramsey",
    "fit_readout",
    "fit_resonance",
    "fit_sets",
    "fit_sidebands",
    "fit_straight",
    "fold_detection_errors",
    "greatest_chsh",
    "indistinguishability",
    "invert_process",
    "linear_bell_fidelity",
    "linear_chsh",
    "linear_fidelity",
    "linear_inversion",
    "log_negativity",
    "maximally_entangled_fidelity",
    "mean",
    "measure_errors",
    "measure_interference",
    "median_arrival",
    "negativity",
    "net_rate",
    "normalise_g2",
    "parity_fidelity",
    "partial_transpose",
    "pauli_effects",
    "pauli_matrices",
    "pauli_preparations",
    "pauli_settings",
    "pauli_transfer",
    "poisson_binomial",
    "poisson_error",
    "poisson_rate",
    "poisson_ratio",
    "poisson_threshold",
    "process_fidelity",
    "project_processes",
    "project_simplex",
    "project_states",
    "projected_least_squares",
    "projected_process",
    "pulsed_g2",
    "purity",
    "quantify_entanglement",
    "rate_ratio",
    "ratio_interval",
    "reconstruct",
    "reconstruct_process",
    "report_pair",
    "resample",
    "resample_shots",
    "resample_state",
    "sideband_ratio",
    "signal_share",
    "simulate_p_value",
    "split_chsh",
    "split_counts",
    "weighted_mean",
]
