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

from data.analysis.correlations import Correlation, accidental_g2, correlate
from data.analysis.counts import BinomialCounts, NormalValues, PoissonCounts
from data.analysis.dips import find_dips
from data.analysis.entanglement import (
    BellFidelity,
    Entanglement,
    bell_fidelity,
    concurrence,
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
from data.analysis.fits import Fit, Free, fit, fit_straight
from data.analysis.flops import fit_flop, fit_resonance
from data.analysis.fringes import fit_coherence, fit_fringe, fit_ramsey
from data.analysis.lines import Line, Spectrum, fit_lines
from data.analysis.measurements import OUTCOMES, SETTINGS, count_outcomes, pauli_effects
from data.analysis.parity import parity_fidelity
from data.analysis.thermometry import fit_sidebands, sideband_ratio
from data.analysis.thresholds import classify_bright, error_matrix, poisson_threshold
from data.analysis.tomography import State, linear_inversion, reconstruct, resample
from data.analysis.trains import TrainStatistics, count_detections
from data.analysis.wave_packets import (
    WavePacket,
    arrival_quantile,
    average_arrival,
    bin_arrivals,
    median_arrival,
)

__all__ = [
    "OUTCOMES",
    "SETTINGS",
    "BellFidelity",
    "BinomialCounts",
    "Correlation",
    "Entanglement",
    "Estimate",
    "Fit",
    "Free",
    "Line",
    "NormalValues",
    "PoissonCounts",
    "Spectrum",
    "State",
    "TrainStatistics",
    "WavePacket",
    "accidental_g2",
    "arrival_quantile",
    "average_arrival",
    "bell_fidelity",
    "bin_arrivals",
    "binomial",
    "binomial_interval",
    "classify_bright",
    "concurrence",
    "correlate",
    "count_detections",
    "count_outcomes",
    "error_matrix",
    "find_dips",
    "fit",
    "fit_coherence",
    "fit_flop",
    "fit_fringe",
    "fit_lines",
    "fit_ramsey",
    "fit_resonance",
    "fit_sidebands",
    "fit_straight",
    "linear_bell_fidelity",
    "linear_inversion",
    "maximally_entangled_fidelity",
    "mean",
    "median_arrival",
    "parity_fidelity",
    "pauli_effects",
    "poisson_error",
    "poisson_threshold",
    "purity",
    "quantify_entanglement",
    "reconstruct",
    "resample",
    "sideband_ratio",
    "weighted_mean",
]
