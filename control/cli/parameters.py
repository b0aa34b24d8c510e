"""The parameters of an experiment as people read them."""

from __future__ import annotations

import dataclasses
import math

from control.experiments.experiment import Experiment
from sequences.declarations import Declaration, declarations


def parameter_rows(kind: type[Experiment]) -> tuple[tuple[str, str, str, str], ...]:
    """Return name, default, allowed values and help of every parameter of an experiment."""
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    return tuple(
        (name, _default(declaration, defaults[name]), allowed(declaration), declaration.help)
        for name, declaration in declarations(kind).items()
    )


def allowed(declaration: Declaration) -> str:
    """Return what a parameter may be.

    Example:
        >>> allowed(Declaration(float, "", unit="s", low=1e-6, high=1e-3)), allowed(Declaration(bool, ""))
        ('1 us to 1 ms', 'true or false')
    """
    if declaration.kind is bool:
        return "true or false"
    if declaration.choices:
        return ", ".join(declaration.choices)
    low, high = declaration.show(declaration.low), declaration.show(declaration.high)
    match math.isfinite(declaration.low), math.isfinite(declaration.high):
        case True, True:
            return f"{low} to {high}"
        case True, False:
            return f"{low} or more"
        case False, True:
            return f"{high} or less"
    return f"any number in {declaration.unit}" if declaration.unit else "any number"


def _default(declaration: Declaration, default: object) -> str:
    return "(to be given)" if default is dataclasses.MISSING else declaration.show(default)
