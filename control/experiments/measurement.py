"""A measurement: an experiment in a lab, and which of its numbers can be left open for a scan.

Every declared float of an experiment, and every calibrated value, can be scanned without a change of the
experiment's code: a copy of the experiment holds a `Parameter` where the number was, and the sequence that it
builds leaves it open.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from control.experiments.experiment import Experiment
from control.experiments.point import Point
from control.experiments.registry import author_errors
from sequences import Parameter, Sequence, Target, declarations, sequence
from sequences.declarations import Declaration
from sequences.library import Calibration, Node
from sequences.scans import Scan


@dataclass(frozen=True, slots=True)
class Measurement:
    """An experiment with everything that its sequence is built from.

    Attributes:
        experiment: with its parameters.
        target: the channels of the lab.
        calibration: what the lab believes.
    """

    experiment: Experiment
    target: Target
    calibration: Calibration

    @property
    def node(self) -> Node:
        """The lab as the experiment sees it."""
        return Node.of(self.target, self.calibration)

    def sequence(self) -> Sequence:
        """Return what is played at every point.

        Raises:
            SequenceError: it cannot be played; the author's line is told.
            ExperimentError: the experiment's own code fails.
        """
        name = self.experiment.name
        with author_errors(f"sequence() of {name}"):
            return sequence(name, self.experiment.sequence(self.node))

    def points(self) -> tuple[Point, ...]:
        """Return what the experiment measures by itself, in order.

        Raises:
            ExperimentError: the experiment's own code fails.
        """
        with author_errors(f"points() of {self.experiment.name}"):
            given = self.experiment.points(self.node)
            return tuple(map(Point, given)) if isinstance(given, Scan) else tuple(given)

    @property
    def declared(self) -> dict[str, Declaration]:
        """The experiment's parameters, and the calibrated values that none of them hides."""
        return {**declarations(Calibration), **declarations(type(self.experiment))}

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Every declared float, as the parameter that stands in for it while it is left open."""
        return {
            name: Parameter(name, declared.unit, declared.low, declared.high, declared.help)
            for name, declared in self.declared.items()
            if declared.kind is float
        }

    @property
    def values(self) -> dict[str, float]:
        """The present value of every declared float, in its base unit; None is left out."""
        own = declarations(type(self.experiment))
        found = {
            name: getattr(self.experiment if name in own else self.calibration, name)
            for name in self.parameters
        }
        return {name: value for name, value in found.items() if value is not None}

    def opened(self, parameters: Iterable[Parameter]) -> Measurement:
        """Return the same measurement with parameters in place of the numbers that they are named after."""
        own, calibrated = self._shared_out({parameter.name: parameter for parameter in parameters})
        experiment = copy.copy(self.experiment)
        vars(experiment).update(own)  # not `replace`: the checks of a new experiment would ask for numbers
        return replace(self, experiment=experiment, calibration=replace(self.calibration, **calibrated))

    def with_values(self, values: Mapping[str, float]) -> Measurement:
        """Return the same measurement with other numbers, in their base units.

        Raises:
            DeclaredValueError: the experiment does not accept one of them.
            ExperimentError: the experiment's own checks fail.
        """
        own, calibrated = self._shared_out(values)
        with author_errors(f"making {self.experiment.name}"):
            experiment = replace(self.experiment, **own)
        return replace(self, experiment=experiment, calibration=replace(self.calibration, **calibrated))

    def _shared_out(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what belongs to the experiment, and what to the calibration."""
        own = declarations(type(self.experiment))
        return (
            {name: value for name, value in given.items() if name in own},
            {name: value for name, value in given.items() if name not in own},
        )
