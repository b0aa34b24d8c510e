"""A photon's way against the published budgets of the Innsbruck node."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_sim.physics.errors import ModelError
from hardware_sim.physics.path import Element, Path, fibre

SHARES = st.floats(0.0, 1.0)


def long_way(conversion_noise: float = 40.0) -> Path:
    """Return the way through 101 km, as Krutyanskiy et al., PRX Quantum 5, 020308 (2024), app. C, have it."""
    return Path(
        (
            Element("escape", 0.78),
            Element("optics", 0.96),
            Element("fibre coupling", 0.81),
            Element("conversion", 0.30, noise=conversion_noise),
            # Two spools of 50.4 km and what joins them; measured together.
            Element("fibre", 0.0136, delay=fibre(100.8e3).delay),
            Element("joiner", 0.95),
            Element("detector coupling", 0.83),
            Element("detector", 0.75),
        )
    )


def test_the_way_at_854_nm_is_as_published() -> None:
    short = Path(tuple(Element(str(share), share) for share in (0.776, 0.96, 0.81, 0.87)))
    assert short.transmission == pytest.approx(0.53, abs=0.03)
    assert short.transmission == pytest.approx(0.525, abs=0.001)
    assert short.delay == short.noise == 0


def test_the_way_through_101_km_is_as_published() -> None:
    assert long_way().transmission == pytest.approx(15e-4, abs=1.2e-4)
    assert long_way().delay == pytest.approx(494e-6, abs=0.5e-6)


def test_the_way_through_50_km_is_as_published() -> None:
    # Meraner, thesis Innsbruck, ch. 5: half of the photons leave the cavity, half of these into a fibre.
    shares = {"out": 0.5, "into fibre": 0.5, "conversion": 0.25, "fibre": 0.104, "detector": 0.1}
    way = Path(tuple(Element(name, share) for name, share in shares.items()))
    assert way.transmission == pytest.approx(6.5e-4, rel=0.01)
    assert [round(left, 6) for _, left in way.budget()] == [0.5, 0.25, 0.0625, 0.0065, 0.00065]
    assert [name for name, _ in way.budget()] == list(shares)


def test_fibre_attenuates_and_delays_as_published() -> None:
    # Without splices the fibre passes a little more than what was measured: 0.104(5) and 0.0136(4).
    assert fibre(50.47e3).transmission == pytest.approx(0.122, abs=0.001)
    assert fibre(100.8e3).transmission == pytest.approx(0.0150, abs=0.0001)
    assert fibre(50.4e3).delay == pytest.approx(247e-6, abs=0.5e-6)
    assert fibre(1e3, attenuation=3e-3).transmission == pytest.approx(0.501, abs=0.001)  # 854 nm


@given(one=st.floats(0, 1e5), two=st.floats(0, 1e5))
def test_two_fibres_in_a_row_are_one(one: float, two: float) -> None:
    pair, whole = Path((fibre(one), fibre(two))), fibre(one + two)
    assert pair.transmission == pytest.approx(whole.transmission, rel=1e-12)
    assert pair.delay == pytest.approx(whole.delay, rel=1e-12)


@given(before=SHARES, behind=SHARES, noise=st.floats(0, 1e6))
def test_noise_is_lost_like_the_signal_behind_its_place_alone(
    before: float, behind: float, noise: float
) -> None:
    way = Path((Element("a", before), Element("converter", 0.3, noise=noise), Element("b", behind)))
    assert way.noise == pytest.approx(noise * behind)


def test_noise_of_several_elements_adds_up() -> None:
    way = Path((Element("a", 0.5, noise=100.0), Element("b", 0.2, noise=10.0), Element("c", 0.5)))
    assert way.noise == pytest.approx((100.0 * 0.2 + 10.0) * 0.5)


def test_photons_that_are_sent_one_by_one_come_out_as_often_as_the_budget_says() -> None:
    rng, sent = np.random.default_rng(1), 200_000
    left = np.full(sent, True)
    way = Path((Element("a", 0.8), Element("b", 0.3), Element("c", 0.5)))
    for element in way.elements:
        left &= rng.random(sent) < element.transmission
    # Five sigma of a binomial.
    assert left.mean() == pytest.approx(way.transmission, abs=5 * (0.12 * 0.88 / sent) ** 0.5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"transmission": 1.2},
            "transmission of 'lens' is 1.2, but must be from 0 to 1: an element without gain passes a part",
        ),
        (
            {"transmission": -0.1},
            "transmission of 'lens' is -0.1, but must be from 0 to 1: an element without gain passes a part",
        ),
        (
            {"transmission": 1.0, "delay": -1e-9},
            "delay of 'lens' is -1e-09 s, but must be 0 or more: nothing arrives before it was sent",
        ),
        (
            {"transmission": 1.0, "noise": -3.0},
            "noise of 'lens' is -3 1/s, but must be 0 or more: it is a rate of photons",
        ),
    ],
)
def test_impossible_elements_are_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ModelError) as caught:
        Element("lens", **wrong)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ((-1.0, 0.0, 1.5), "length of 'spool' is -1 m, but must be 0 m or more: a fibre is passive matter"),
        (
            (1.0, -0.2e-3, 1.5),
            "attenuation of 'spool' is -0.0002 dB/m, but must be 0 dB/m or more: a fibre is passive matter",
        ),
        ((1.0, 0.0, 0.9), "group index of 'spool' is 0.9, but must be 1 or more: a fibre is passive matter"),
    ],
)
def test_impossible_fibres_are_refused(given_: tuple[float, float, float], message: str) -> None:
    with pytest.raises(ModelError) as caught:
        fibre(*given_, name="spool")
    assert str(caught.value) == message
