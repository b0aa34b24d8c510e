import pytest

from sequences import Channel, Kind, Target
from sequences.compiler.clock import gap_ticks, spacing_ticks, update_ticks


def lab(**timing: float) -> tuple[Channel, Target]:
    channel = Channel("one", Kind.DAC, 1, **{"grid": 8e-9, **timing})
    slowest = Channel("slowest", Kind.TTL, 2, 1e-9, latency=1e-6)
    return channel, Target("lab", 1e-9, (channel, slowest))


def shift(channel: Channel, target: Target) -> int:
    return int(target.shifts[channel.number])


@pytest.mark.parametrize("steps", range(1, 400, 7))
def test_times_on_the_grid_keep_their_steps(steps: int) -> None:
    assert spacing_ticks(*lab(spacing=steps * 8e-9)) == 8 * steps
    assert spacing_ticks(*lab(spacing=sum([8e-9] * steps))) == 8 * steps
    assert shift(*lab(latency=1e-6 - steps * 8e-9)) == 8 * steps


def test_a_spacing_between_two_steps_is_rounded_up() -> None:
    assert spacing_ticks(*lab(spacing=8.1e-9)) == 16
    assert spacing_ticks(*lab(spacing=0.0)) == 0


def test_an_update_takes_at_least_one_step() -> None:
    channel, target = lab()
    assert target.grid_ticks(channel) == 8
    assert update_ticks(*lab(spacing=0.0)) == 8
    assert update_ticks(*lab(spacing=1e-6)) == 1000


def test_a_latency_between_two_steps_is_rounded_to_the_nearest() -> None:
    assert shift(*lab(latency=997e-9)) == 0
    assert shift(*lab(latency=995e-9)) == 8


def test_a_dac_needs_a_step_between_events_and_a_line_nothing() -> None:
    channel, target = lab(spacing=0.0)
    assert gap_ticks(channel, target) == 8
    assert gap_ticks(target.by_name["slowest"], target) == 0
