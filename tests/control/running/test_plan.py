"""Plans: values with their origins, programs shared, and checks before the lab is touched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from counting import PlateScan, WindowScan

from control import Experiment, Point, quantity, read_setup
from control.errors import ConfigError, ExperimentError
from control.plan import choose, make_plan
from data import Axis
from sequences import Block, Readout
from sequences.errors import ParameterRangeError, UnknownParameterError
from sequences.library import Calibration, Node


class PulseWait(Experiment):
    """Has a parameter without a default."""

    wait: float = quantity(unit="s", low="1 us", high="1 ms", help="must be said")

    def sequence(self, node: Node) -> Block:
        return node.detector_h.gate(self.wait, Readout("clicks"))


def told(kind: type[Experiment], given: dict[str, str], shots: int | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        choose(kind, given, shots)
    return list(caught.value.problems)


def test_choose_splits_parameters_and_calibrated_values() -> None:
    experiment, calibration = choose(WindowScan, {"steps": "3", "mapping_pi_time": "5 us"}, shots=7)
    assert experiment == WindowScan(steps=3, shots=7)
    assert calibration == {"mapping_pi_time": 5e-6}


def test_choose_tells_all_problems() -> None:
    assert told(PulseWait, {"wiat": "1 us", "mapping_pi_time": "5", "ions": "1.5"}) == [
        "pulse_wait has no parameter 'wiat'. Did you mean wait?",
        "mapping_pi_time: '5' is not a finite time with its unit; write for example '1.5 us' "
        "(units: ps, ns, us, µs, ms, s, min, h)",
        "ions: '1.5' is not a whole number",
        "wait: needs a value: -p wait=...",
    ]
    assert told(WindowScan, {}, shots=0) == ["shots: 0 is outside the limits 1 to 10000000"]


def test_origins(tiny: Path) -> None:
    plan = make_plan(WindowScan(steps=5), read_setup(tiny), {"mapping_pi_time": 5e-6})
    values = {value.name: value for value in plan.values}
    assert (values["steps"].value, values["steps"].origin) == (5, "override")
    longest = values["longest"]
    assert (longest.value, longest.origin, longest.unit) == (1e-3, "default", "s")
    assert (values["mapping_pi_time"].value, values["mapping_pi_time"].origin) == (5e-6, "override")
    assert values["doppler_frequency"].origin == "calibration"
    assert plan.axes == (Axis("window", "s"),)


def test_overrides_reach_the_sequence(tiny: Path) -> None:
    seen: list[Calibration] = []

    class Looks(WindowScan):
        def sequence(self, node: Node) -> Block:
            seen.append(node.calibration)
            return super().sequence(node)

    make_plan(Looks(), read_setup(tiny), {"mapping_pi_time": 5e-6})
    assert [calibration.mapping_pi_time for calibration in seen] == [5e-6]


def test_unknown_override(tiny: Path) -> None:
    with pytest.raises(ConfigError, match="there is no calibrated value 'mapping_time'"):
        make_plan(WindowScan(), read_setup(tiny), {"mapping_time": 5e-6})


def test_points_of_equal_parameters_share_a_program(tiny_bench: Path) -> None:
    plan = make_plan(PlateScan(), read_setup(tiny_bench))
    assert len(plan.programs) == 3
    assert len({id(program) for program in plan.programs}) == 1
    assert plan.axes == (Axis("plate.angle", "turn"), Axis("state", text=True))
    different = make_plan(WindowScan(), read_setup(tiny_bench))
    assert len({id(program) for program in different.programs}) == 4
    assert [next(program.timelines()).duration for program in different.programs] == [
        250_000 + 1_000_000,
        500_000 + 1_000_000,
        750_000 + 1_000_000,
        1_000_000 + 1_000_000,
    ]


def test_points_are_checked_against_the_instruments(tiny_bench: Path) -> None:
    class Wrong(PlateScan):
        def points(self, node: Node) -> Sequence[Point]:
            return [
                Point({}, {"plat": {"angle": 0.1}}),
                Point({}, {"plate": {"angel": 0.1}}, {"state": "x"}),
            ]

    with pytest.raises(ConfigError) as caught:
        make_plan(Wrong(), read_setup(tiny_bench))
    assert caught.value.problems == (
        "tiny has no instrument 'plat'. Did you mean plate?",
        "plate has no setting 'angel'. Did you mean angle?",
        "point 1 has no 'plate.angel', which other points have",
        "point 1 has no 'state', which other points have",
        "point 2 has no 'plat.angle', which other points have",
    )


def test_no_points(tiny: Path) -> None:
    class Empty(WindowScan):
        def points(self, node: Node) -> Sequence[Point]:
            return ()

    with pytest.raises(ConfigError, match="the experiment has no points to measure"):
        make_plan(Empty(), read_setup(tiny))


def test_errors_of_the_sequence_pass_with_their_line(tiny: Path) -> None:
    class TooLong(WindowScan):
        def points(self, node: Node) -> Sequence[Point]:
            return [Point({"window": 1.0})]

    class Misspelt(WindowScan):
        def points(self, node: Node) -> Sequence[Point]:
            return [Point({"window": 1e-3, "widnow": 1e-3})]

    with pytest.raises(ParameterRangeError, match=r"counting\.py"):
        make_plan(TooLong(), read_setup(tiny))
    with pytest.raises(UnknownParameterError, match="widnow"):
        make_plan(Misspelt(), read_setup(tiny))


def test_errors_of_the_author_name_the_line(tiny: Path) -> None:
    class Broken(WindowScan):
        def sequence(self, node: Node) -> Block:
            return node.detektor.gate(1e-3, Readout("x"))  # type: ignore[attr-defined, no-any-return]

    with pytest.raises(
        ExperimentError, match=r"test_plan.py:\d+: sequence\(\) of broken failed: AttributeError"
    ):
        make_plan(Broken(), read_setup(tiny))
