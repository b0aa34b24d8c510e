"""Models of fits: slopes against differences, closed forms and limits against other formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from data.analysis.flops import averaged_flop, blue_sideband, rabi_line
from data.analysis.models import (
    DelayFringe,
    DetunedFlop,
    GaussLine,
    LorentzLine,
    PdhSignal,
    PhaseFringe,
    RabiFlop,
    RabiLine,
    SidebandPair,
    ThermalFlop,
    VoigtLine,
)
from data.analysis.thermal import carrier_factors
from data.analysis.thermal_tables import carrier_table, sideband_table, split_rows
from data.errors import RangeError


def test_slopes_are_those_of_the_prediction(case: Any) -> None:
    """Central differences over 1e-5 of each parameter, right to about 1e-5 of the greatest slope."""
    values = np.array([case.truth])
    _, slopes = case.model.evaluate(case.places[None, :], values)
    for index, value in enumerate(case.truth):
        step = 1e-5 * max(abs(value), 1e-3)
        shift = np.zeros((1, len(case.truth)))
        shift[0, index] = step
        up, down = (case.model.evaluate(case.places[None, :], values + sign * shift)[0] for sign in (1, -1))
        found = (up - down)[0] / (2 * step)
        assert slopes[0, index] == pytest.approx(found, abs=2e-5 * np.abs(found).max()), index


def test_parameters_are_documented_and_lie_within_their_limits(case: Any) -> None:
    rng = np.random.default_rng(1)
    low, high = case.model.limits(case.places[None, :], case.sets(rng, 2))
    assert (low[0] < case.truth).all()
    assert (high[0] > case.truth).all()
    assert len({parameter.name for parameter in case.model.parameters}) == len(case.truth)
    assert all(parameter.meaning for parameter in case.model.parameters)


def test_flops_and_lines_agree_with_the_closed_forms() -> None:
    times, detunings = np.linspace(0, 1e-4, 41), np.linspace(-4e4, 4e4, 41)
    assert RabiFlop().predict(times, [0.0, 1.0, 3e4, 0.0]) == pytest.approx(rabi_line(0.0, times, 3e4))
    assert DetunedFlop().predict(times, [0, 1, 3e4, 2e4]) == pytest.approx(rabi_line(2e4, times, 3e4))
    line = RabiLine(5e-5).predict(detunings, [0.1, 0.9, 2e3, 1.2e4])
    assert line == pytest.approx(0.1 + 0.8 * rabi_line(detunings - 2e3, 5e-5, 1.2e4))


@pytest.mark.parametrize("quanta", [0.0, 0.4, 7.0, 20.0])
def test_warm_flops_agree_with_the_quadrature_of_one_temperature(quanta: float) -> None:
    times = np.linspace(2e-6, 1.2e-4, 61)
    expected = averaged_flop(times, 5e4, *carrier_factors([0.07], [quanta]))
    assert ThermalFlop(0.07).predict(times, [0.0, 1.0, 5e4, quanta]) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("quanta", [0.0, 0.4, 7.0])
def test_sidebands_agree_with_the_quadrature_of_one_temperature(quanta: float) -> None:
    apart = np.linspace(-25e3, 25e3, 31)
    places = np.concatenate([apart - 9e5, apart + 9e5])
    blue = blue_sideband(apart, 1.4e-4, 5.4e4, quanta, 0.07)
    expected = np.concatenate([blue * quanta / (quanta + 1), blue])
    found = SidebandPair(1.4e-4, 0.07).predict(places, [0.0, 1.0, quanta, 9e5, 0.0, 5.4e4])
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("quanta", [0.0, 0.003, 0.3, 2.0, 11.0, 33.0])
def test_tables_average_over_phonon_numbers(quanta: float) -> None:
    """Against sums over phonon numbers: the mean of a wave, and its slope by differences of weights."""
    from scipy.special import eval_genlaguerre, eval_laguerre

    square, turns = 0.05**2, np.linspace(0, 6, 25)
    numbers = np.arange(int(40 * quanta + 60))

    def weights(mean: float) -> Any:
        return (mean / (mean + 1)) ** numbers / (mean + 1)

    factors = np.exp(-square / 2) * eval_laguerre(numbers, square)
    ((size, _),) = split_rows(np.array([2 * np.pi * 6 * square * quanta]), np.array([quanta]))
    nodes, chances, tilts = (column[0] for column in carrier_table(0.05, size).at(np.array([quanta])))
    wave, found = (np.cos(2 * np.pi * np.outer(turns, column)) for column in (factors, nodes))
    assert found @ chances == pytest.approx(wave @ weights(quanta), abs=1e-6)
    step = 1e-4 * (quanta + 0.1)
    lower = max(quanta - step, 0.0)
    slope = wave @ (weights(quanta + step) - weights(lower)) / (quanta + step - lower)
    assert found @ tilts == pytest.approx(slope, abs=2e-5)
    rates = np.exp(-square / 2) * 0.05 * eval_genlaguerre(numbers, 1.0, square) / np.sqrt(numbers + 1)
    nodes, chances, _ = (column[0] for column in sideband_table(0.05, size).at(np.array([quanta])))
    assert chances @ nodes**2 == pytest.approx(weights(quanta) @ rates**2, rel=1e-6)


def test_voigt_lies_between_its_limits() -> None:
    places = np.linspace(-20.0, 20.0, 81)
    lorentz, gauss = (
        line.predict(places, [1.0, 3.0, 0.5, 4.0]) for line in (LorentzLine("s"), GaussLine("s"))
    )
    assert VoigtLine("s").predict(places, [1.0, 3.0, 0.5, 0.01, 4.0]) == pytest.approx(lorentz, rel=1e-4)
    assert VoigtLine("s").predict(places, [1.0, 3.0, 0.5, 4.0, 0.0]) == pytest.approx(gauss, rel=1e-9)


def test_an_error_signal_far_from_its_sidebands_is_dispersive() -> None:
    """Im F = (2 d / w) / (1 + (2 d / w)^2) for a matched cavity, to first order in w over the modulation."""
    places = np.linspace(-3e3, 3e3, 31)
    model, values = PdhSignal(1e8), np.array([0.1, 2.0, 0.0, 2e3, 0.0])
    place = 2 * places / 2e3
    assert model.predict(places, values) == pytest.approx(0.1 + 2.0 * place / (1 + place**2), abs=1e-4)
    assert float(model.slope(values)) == pytest.approx(2 * 2.0 / 2e3, rel=1e-4)


def test_an_error_signal_has_sidebands_of_the_opposite_slope() -> None:
    model, values = PdhSignal(2e4), np.array([0.0, 1.0, 0.0, 1e3, 0.0])
    near = [np.diff(model.predict(np.array([at - 50.0, at + 50.0]), values))[0] for at in (-2e4, 0.0, 2e4)]
    assert near[0] == pytest.approx(-near[1] / 2, rel=0.05)
    assert near[2] == pytest.approx(-near[1] / 2, rel=0.05)


def test_derived_values() -> None:
    values = np.array([[0.1, 0.9, 0.2], [0.2, 0.6, 0.0]])
    assert PhaseFringe.contrast(values) == pytest.approx([0.8, 0.4])
    assert PhaseFringe.offset(values) == pytest.approx([0.5, 0.4])
    assert LorentzLine.height(np.array([5.0, 2.0, 0.0, 1.0])) == -3.0


def test_phases_are_quoted_within_half_a_turn() -> None:
    assert PhaseFringe().settle(np.array([[0.1, 0.9, 0.8]]))[0, 2] == pytest.approx(-0.2)
    assert DelayFringe().settle(np.array([[0.1, 0.9, 1e3, 1.4, 0.0]]))[0, 3] == pytest.approx(0.4)


@pytest.mark.parametrize(("quanta", "flops"), [(50.0, 5), (50.0, 20), (20.0, 40), (200.0, 10)])
def test_warm_flops_are_sums_where_oscillations_run_apart(quanta: float, flops: int) -> None:
    from scipy.special import eval_laguerre

    times, square = np.linspace(0.0, flops / 50e3, 41), 0.1**2
    numbers = np.arange(8000)
    weights = (quanta / (quanta + 1)) ** numbers / (quanta + 1)
    rates = 50e3 * np.exp(-square / 2) * eval_laguerre(numbers, square)
    expected = (1 - np.cos(2 * np.pi * np.outer(times, rates)) @ weights) / 2
    assert ThermalFlop(0.1, 200.0).predict(times, [0.0, 1.0, 50e3, quanta]) == pytest.approx(
        expected, abs=1e-5
    )


@pytest.mark.parametrize(("quanta", "area"), [(20.0, 3.0), (20.0, 7.0), (200.0, 7.0)])
def test_sidebands_are_sums_where_oscillations_run_apart(quanta: float, area: float) -> None:
    """Up to the strongest pulse and the hottest ion that a fit may look at."""
    from scipy.special import eval_genlaguerre

    duration, eta, apart = 1e-4, 0.08, np.linspace(-50e3, 50e3, 21)
    rabi = area * 0.5 / (duration * eta)
    numbers = np.arange(8000)
    weights = (quanta / (quanta + 1)) ** numbers / (quanta + 1)
    rates = rabi * np.exp(-(eta**2) / 2) * eta * eval_genlaguerre(numbers, 1.0, eta**2) / np.sqrt(numbers + 1)
    blue = np.array([rabi_line(step, duration, np.abs(rates)) @ weights for step in apart])
    places, expected = (
        np.concatenate([apart - 1e6, apart + 1e6]),
        np.concatenate([blue * quanta / (quanta + 1), blue]),
    )
    found = SidebandPair(duration, eta, 200.0).predict(places, [0.0, 1.0, quanta, 1e6, 0.0, rabi])
    assert found == pytest.approx(expected, abs=1e-5)


def test_ions_too_hot_for_the_tables_are_refused() -> None:
    with pytest.raises(RangeError) as told:
        ThermalFlop(0.07).predict(np.linspace(0.0, 1e-4, 5), [0.0, 1.0, 5e4, 250.0])
    assert str(told.value) == (
        "phonons is 250.0, but must be between 0 and 200; "
        "of a hotter ion no sideband and no flop of a carrier tells the temperature"
    )
