"""Digital patterns: edges of many lines as arrays, for what no pulse-by-pulse description is short enough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sequences.errors import DurationError, NumberError, Source, raise_together
from sequences.ir import Edges
from sequences.language.handles import Line
from sequences.parameters import Value
from sequences.rules import duration_problems
from sequences.samples import Samples
from sequences.sources import caller


def pattern(
    lines: Sequence[Line],
    times: ArrayLike,
    which: ArrayLike,
    levels: ArrayLike,
    duration: Value | None = None,
) -> Edges:
    """Switch many lines many times.

    Args:
        lines: that are used.
        times: (edges,) s from the start of the block, in any order.
        which: (edges,) whole numbers: the row of `lines` that each edge is on.
        levels: (edges,) 0 or 1: what each edge switches to.
        duration: of the block, s; by default it ends with the last edge.

    Raises:
        NumberError: arrays of different lengths or of the wrong content.
        DurationError: an edge before the start or after the end of the block.

    Example:
        >>> from sequences.target import Channel, Kind
        >>> lines = [Line(Channel(name, Kind.TTL, row, 1e-9)) for row, name in enumerate("ab")]
        >>> len(pattern(lines, times=[0.0, 1e-6, 2e-6], which=[0, 1, 0], levels=[1, 1, 0]).times)
        3
    """
    source = caller()
    _check_lines(lines, source)
    seconds = _seconds(times, source)
    rows = _whole(which, len(lines) - 1, "the rows of the lines of the pattern", len(seconds), source)
    values = _whole(levels, 1, "the levels of the pattern", len(seconds), source)
    last = float(seconds.values.max(initial=0.0))
    block = Edges(
        tuple(line.channel for line in lines),
        seconds,
        rows.astype(np.uint16),
        values.astype(np.uint8),
        last if duration is None else duration,
        source=source,
    )
    raise_together([*duration_problems(block)])
    return block


def _check_lines(lines: Any, source: Source) -> None:
    if not (isinstance(lines, Sequence) and all(isinstance(line, Line) for line in lines)):
        raise DurationError(source, "what the pattern is for", repr(lines), "a list of lines")
    if len(set(lines)) < len(lines):
        names = ", ".join(line.channel.name for line in lines)
        raise DurationError(source, "what the pattern is for", names, "lines that are all different")


def _seconds(times: ArrayLike, source: Source) -> Samples:
    try:
        seconds = Samples.of(times)
    except (TypeError, ValueError) as error:
        raise NumberError(source, "the times of the pattern", str(error)) from None
    first = float(seconds.values.min(initial=0.0))
    if not (np.isfinite(first) and np.isfinite(seconds.values.max(initial=0.0))):
        raise NumberError(source, "a time of the pattern", "nan or infinite")
    if first < 0:
        raise DurationError(source, "the first time of the pattern", f"{first:g} s", "zero or more")
    return seconds


def _whole(given: ArrayLike, most: int, what: str, count: int, source: Source) -> NDArray[Any]:
    values = np.asarray(given)
    if values.shape != (count,) or (count and values.dtype.kind not in "iub"):
        text = f"an array of shape {values.shape} and type {values.dtype}"
        raise NumberError(source, f"{what} (one whole number for each of {count} times)", text)
    if count and (values.min() < 0 or values.max() > most):
        extreme = int(values.max() if values.max() > most else values.min())
        raise DurationError(source, f"one of {what}", str(extreme), f"0 to {most}")
    return values
