"""Models that fits know: parameters with units, predictions with slopes, limits, and where to start from."""

from __future__ import annotations

from data.analysis.models.curves import Decay, Polynomial, Saturation
from data.analysis.models.lines import GaussLine, LorentzLine, VoigtLine
from data.analysis.models.model import LevelModel, Model, Parameter
from data.analysis.models.pdh import PdhSignal
from data.analysis.models.rabi import DetunedFlop, RabiFlop, RabiLine, ThermalFlop
from data.analysis.models.ramsey import DelayFringe, PhaseFringe
from data.analysis.models.sidebands import SidebandPair

__all__ = [
    "Decay",
    "DelayFringe",
    "DetunedFlop",
    "GaussLine",
    "LevelModel",
    "LorentzLine",
    "Model",
    "Parameter",
    "PdhSignal",
    "PhaseFringe",
    "Polynomial",
    "RabiFlop",
    "RabiLine",
    "Saturation",
    "SidebandPair",
    "ThermalFlop",
    "VoigtLine",
]
