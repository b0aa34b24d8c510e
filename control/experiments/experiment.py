"""An experiment: parameters, a sequence, an analysis, in one small class.

A subclass becomes a frozen dataclass. Its declared fields are its parameters: the options of the command
line, the defaults in the run file, the range checks and the keywords in a notebook all come from that one
definition.

Example:
    >>> from sequences.declarations import quantity
    >>> class DarkCounts(Experiment):
    ...     '''Counts photons with all light off.'''
    ...
    ...     window: float = quantity("1 ms", unit="s", low="1 us", high="1 s", help="how long to count")
    ...
    ...     def sequence(self, node: Node) -> Block:
    ...         return node.detector_h.gate(self.window, Readout("dark"))
    >>> DarkCounts.name, DarkCounts.summary
    ('dark_counts', 'Counts photons with all light off.')
    >>> DarkCounts(window=2e-3)
    DarkCounts(ions=1, shots=100, window=0.002)
    >>> DarkCounts(window=5.0)
    Traceback (most recent call last):
    sequences.errors.DeclaredValueError: window: 5 s is outside the limits 1 us to 1 s
"""

from __future__ import annotations

import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self, dataclass_transform

from control.experiments.point import Point
from control.experiments.tables import Table, cell, tabulate
from sequences.declarations import count, declarations

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Run
    from sequences.ir import Block
    from sequences.library import Node
    from sequences.scans import Scan


# No field specifiers: type checkers take a default only from a keyword `default=`, so that naming quantity()
# and its like here would turn every parameter with a default into a required one.
@dataclass_transform(frozen_default=True, kw_only_default=True)
@dataclass(frozen=True, kw_only=True)
class Experiment(ABC):
    """What to measure, how, and what it says.

    Subclasses declare parameters with `quantity`, `count`, `choice` and `flag`, and write `sequence`; the
    other methods have defaults that do for a simple measurement.

    Attributes:
        name: snake_case of the class name; what the command line calls it.
        summary: first line of the class's docstring.
        shots_field: the parameter that says how often each point is played. An experiment with a better word
            for it declares a field of that name and writes it here; `shots` then reads that field.
        ions: how many are loaded before the run.
        shots: how often the sequence is played at each point.
    """

    name: ClassVar[str] = "experiment"
    summary: ClassVar[str] = ""
    shots_field: ClassVar[str] = "shots"

    ions: int = count(1, low=1, high=200, help="ions in the trap")
    shots: int = count(100, low=1, high=10_000_000, help="times that each point is measured")

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", cls.__name__).lower()
        cls.summary = (cls.__doc__ or "").strip().split("\n")[0]
        if cls.shots_field != "shots":
            cls._rename_shots()
        dataclass(frozen=True, kw_only=True)(cls)
        for field in fields(cls):
            if field.name not in declarations(cls):
                raise TypeError(
                    f"parameter {field.name!r} of {cls.__name__} has no declaration; "
                    "give it a quantity(), count(), choice() or flag(), or leave its annotation away"
                )

    @classmethod
    def _rename_shots(cls) -> None:
        # A class variable of the same name is how a dataclass drops a field of its parent.
        cls.__annotations__ = {**inspect.get_annotations(cls), "shots": ClassVar[int]}
        field = cls.shots_field
        setattr(cls, "shots", property(lambda self: getattr(self, field)))  # noqa: B010 - no such attribute to mypy

    def __post_init__(self) -> None:
        for name, declaration in declarations(type(self)).items():
            object.__setattr__(self, name, declaration.read(name, getattr(self, name)))

    def with_shots(self, shots: int) -> Self:
        """Return the same experiment with another number of shots at each point."""
        return replace(self, **{self.shots_field: shots})

    def points(self, node: Node) -> Sequence[Point] | Scan:
        """Return what to measure, in order: points, or a scan; by default one point with nothing scanned.

        Args:
            node: the lab's channels and calibrated values.
        """
        return (Point(),)

    @abstractmethod
    def sequence(self, node: Node) -> Block:
        """Return what to play at every point; what is scanned stands in it as a `Parameter`.

        Args:
            node: the lab's channels and calibrated values.
        """

    def analyse(self, run: Run) -> Mapping[str, object]:
        """Return what the data say: plain numbers, texts, lists and mappings (they are stored as JSON).

        Args:
            run: the finished (or interrupted) run, read back from its file.
        """
        return {"points": [_mean_counts(run, index) for index in range(len(run.points))]}

    def table(self, results: Mapping[str, object]) -> Table:
        """Return what people want to see of the results.

        By default: the rows of `results["points"]` if there are any, else every single value.
        """
        points = results.get("points")
        if isinstance(points, list) and points:
            return tabulate(points, title=self.name)
        single = {key: value for key, value in results.items() if not isinstance(value, list | Mapping)}
        rows = tuple((key, cell(value)) for key, value in single.items())
        return Table(("result", "value"), rows, title=self.name)

    def draw(self, run: Run, results: Mapping[str, object], figure: Figure) -> None:
        """Draw the run on an empty figure; by default the mean counts of every readout at every point."""
        from control.plots import draw_counts  # noqa: PLC0415 - plots are an extra

        draw_counts(figure, run)


def _mean_counts(run: Run, index: int) -> dict[str, object]:
    """Return the values of one point and the mean counts of each readout's windows."""
    counts = run.record(index).counts
    means = {name: [float(mean) for mean in windows.mean(axis=0)] for name, windows in counts.items()}
    return {**run.points[index], **means}
