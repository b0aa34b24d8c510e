"""What other formats say of a run beside its columns: a few texts and numbers."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from data.results import encode

if TYPE_CHECKING:
    from data.header import StoredParameter
    from data.run import Run


def run_facts(run: Run) -> dict[str, str | int]:
    """Return id, state, origin, parameters and results of a run.

    Returns:
        Name -> text or number. `parameters` is JSON: name -> value, unit, origin, and error and
        calibrating run where they are known. `results` is JSON, too;
        numpy arrays within are named only ({"$array": name}).
    """
    header, origin = run.header, run.header.provenance
    parameters = {parameter.name: _facts_of(parameter) for parameter in header.parameters}
    return {
        "id": run.id,
        "experiment": run.experiment,
        "status": run.status,
        "message": run.message,
        "started": origin.started.isoformat(),
        "ended": run.ended.isoformat() if run.ended else "",
        "shots_per_point": header.shots_per_point,
        "seed": "" if header.seed is None else str(header.seed),
        "source_file": origin.source_file,
        "git_revision": origin.git_revision,
        "parameters": json.dumps(parameters, ensure_ascii=False),
        "results": encode(run.results).text,
    }


def _facts_of(parameter: StoredParameter) -> dict[str, float | int | str | bool]:
    facts = {"value": _finite(parameter.value), "unit": parameter.unit, "origin": parameter.origin}
    if parameter.error is not None:
        facts["error"] = _finite(parameter.error)
    return facts | ({"run": parameter.run} if parameter.run else {})


def _finite(value: float | int | str | bool) -> float | int | str | bool:
    """Return what strict JSON holds: infinite numbers as texts."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
