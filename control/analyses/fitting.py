"""Fits by name: a model through what a readout gives over an axis, of any run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from control.analyses.chosen import choose
from control.errors import UsageError
from control.experiments.textbook.fitted import curve_of, quality
from sequences.declarations import Declaration

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Run
    from data.analysis import Estimate
    from data.analysis.fits import Fit
    from data.analysis.models import Model

Whole = Annotated[int, Declaration(int, "", low=0, high=10**9, optional=True)]
Duration = Annotated[float, Declaration(float, "of the pulse", unit="s", low=1e-9, high=10.0, optional=True)]

Name = Literal[
    "decay",
    "fringe",
    "gaussian",
    "lorentzian",
    "parabola",
    "rabi",
    "rabi-line",
    "ramsey",
    "saturation",
    "straight",
    "thermal-rabi",
    "voigt",
]
"""Of a model; each has its line in `MODELS`."""


POLYNOMIALS: Final = frozenset({"parabola", "straight"})

DERIVED: Final = ("contrast", "offset", "height")
"""What people ask for rather than for two levels, where a model knows it."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What a model may have to be told that the scan does not say.

    Attributes:
        unit: of the scanned places.
        duration: of the pulse, s.
        lamb_dicke: parameter of the motion.
        harmonic: fringes in a turn.
    """

    unit: str
    duration: float | None
    lamb_dicke: float | None
    harmonic: int


def analyse(
    run: Run,
    model: Name = "lorentzian",
    readout: str | None = None,
    axis: str | None = None,
    window: Whole | None = None,
    threshold: Whole | None = None,
    error: float | None = None,
    duration: Duration | None = None,
    lamb_dicke: float | None = None,
    harmonic: Annotated[int, Declaration(int, "", low=1, high=1000)] = 1,
) -> Mapping[str, object]:
    """Return the parameters of a model with their errors, how well it describes the data, and the curve.

    Args:
        run: in which something was scanned.
        model: name of the model.
        readout: name of a readout or channel; None for the only one, or the camera.
        axis: name of what was scanned; None for the first.
        window: of the readout, from 1; None for all together.
        threshold: counts from which an ion is bright; None for the calibrated one if it is the camera.
        error: of each value of a channel; None to take it from the scatter of its neighbours.
        duration: of the pulse, s, for a line of it.
        lamb_dicke: parameter, for flops of a warm ion.
        harmonic: fringes in a turn.

    Raises:
        UsageError: the run has no such thing, or the model has to be told more.
        DataError: the data do not show what the model describes.
    """
    from data.analysis.batches import fit_model  # noqa: PLC0415 - late, as all analysis

    chosen = choose(run, readout, axis, window=window, threshold=threshold, error=error)
    described = MODELS[model](Beside(chosen.axis_unit, duration, lamb_dicke, harmonic))
    # A model that does not describe the data is told as such, with its curve: people want to see where.
    found = fit_model(described, chosen.places, chosen.data, gate=0.0)
    return {
        **_estimates(found, chosen.axis_unit, polynomial=model in POLYNOMIALS),
        **{name: found.derived(getattr(described, name)) for name in DERIVED if hasattr(described, name)},
        **quality(found),
        "model": model,
        "readout": chosen.name,
        "axis": chosen.axis,
        "axis_unit": chosen.axis_unit,
        "quantity": chosen.quantity,
        "data": {"x": chosen.places, "y": chosen.data.values, "y_error": chosen.errors},
        "curve": curve_of(chosen.places, lambda places: described.predict(places, found.values)),
    }


def draw(_run: Run, results: Mapping[str, Any], figure: Figure) -> None:
    """Draw the points with their errors and the fitted curve; `draw_residuals` adds how far they are."""
    from control.plots import DATA, MEAN  # noqa: PLC0415 - an extra
    from control.plots.figures import label_quantity  # noqa: PLC0415
    from data.pages import quantities_of  # noqa: PLC0415

    axes, data, curve = figure.subplots(), results["data"], results["curve"]
    axes.errorbar(data["x"], data["y"], yerr=data["y_error"], fmt="o", ms=3, lw=0.8, capsize=2, color=DATA)
    axes.plot(curve["x"], curve["y"], color=MEAN, lw=1.2, zorder=3)
    label_quantity(axes, results["axis"], results["axis_unit"])
    axes.set_ylabel(results["quantity"])
    told = [f"{one.title} {one}" for one in quantities_of(results) if one.error == one.error]
    line = "    ".join([*told, f"p = {results['p_value']:.2g}"])
    figure.suptitle(f"{results['model']}:  {line}", fontsize=8, x=0.01, ha="left")


def _estimates(found: Fit, unit: str, *, polynomial: bool) -> dict[str, Estimate]:
    """Return what was found; coefficients of a polynomial with powers of the unit of the axis."""
    if not polynomial or not unit:
        return {name: replace(one, unit="") if polynomial else one for name, one in found.estimates.items()}
    units = ("", f"1/{unit}", f"1/{unit}^2")
    return {
        name: replace(one, unit=power)
        for (name, one), power in zip(found.estimates.items(), units, strict=False)
    }


def _plain(name: str, **facts: Any) -> Callable[[Beside], Model]:
    """Return what makes a model that needs to be told nothing."""

    def make(_beside: Beside) -> Model:
        from data.analysis import models  # noqa: PLC0415 - late, as all analysis

        made: Model = getattr(models, name)(**facts)
        return made

    return make


def _of_unit(name: str) -> Callable[[Beside], Model]:
    """Return what makes a model whose places have a unit."""
    return lambda beside: _plain(name, unit=beside.unit)(beside)


def _rabi_line(beside: Beside) -> Model:
    if beside.duration is None:
        advice = "-p duration='10 us' does."
        raise UsageError(what="the line of a pulse needs its length", advice=advice)
    return _plain("RabiLine", duration=beside.duration)(beside)


def _thermal(beside: Beside) -> Model:
    if beside.lamb_dicke is None:
        advice = "-p lamb_dicke=0.06 does."
        raise UsageError(what="flops of a warm ion need its Lamb-Dicke parameter", advice=advice)
    return _plain("ThermalFlop", lamb_dicke=beside.lamb_dicke)(beside)


MODELS: Final[Mapping[str, Callable[[Beside], Model]]] = MappingProxyType(
    {
        "decay": _plain("Decay"),
        "fringe": lambda beside: _plain("PhaseFringe", harmonic=beside.harmonic)(beside),
        "gaussian": _of_unit("GaussLine"),
        "lorentzian": _of_unit("LorentzLine"),
        "parabola": _plain("Polynomial", degree=2),
        "rabi": _plain("RabiFlop"),
        "rabi-line": _rabi_line,
        "ramsey": _plain("DelayFringe"),
        "saturation": _of_unit("Saturation"),
        "straight": _plain("Polynomial", degree=1),
        "thermal-rabi": _thermal,
        "voigt": _of_unit("VoigtLine"),
    }
)
"""Name of a model -> what makes it, told what the scan does not say."""
