"""Result files as the worker of ARTIQ writes them, and datasets as ndscan hands them to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py

RID = 12345


def write_artiq_file(
    path: Path,
    datasets: Mapping[str, Any],
    archive: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Mapping[str, Any]] | None = None,
    expid: Mapping[str, Any] | str | None = None,
) -> Path:
    """Write a file with the calls that the worker makes, in its order."""
    described = expid if expid is not None else {"class_name": "Rabi", "file": "rabi.py", "arguments": {}}
    with h5py.File(path, "w") as file:
        for name, values in (("datasets", datasets), ("archive", archive or {})):
            group = file.create_group(name)
            for key, value in values.items():
                group[key] = value
                for field, fact in (metadata or {}).get(key, {}).items():
                    group[key].attrs[field] = fact
        file["artiq_version"] = "9.9003+1f5c5d6"
        file["rid"] = RID
        file["start_time"] = 1741944413.5
        file["run_time"] = 1741944414.25
        file["expid"] = (
            described if isinstance(described, str) else json.dumps(described, separators=(",", ":"))
        )
    return path


def axis_schema(fqn: str, **spec: Any) -> dict[str, Any]:
    """Describe a scanned parameter of type float."""
    return {
        "param": {
            "fqn": fqn,
            "description": fqn.rpartition(".")[2].capitalize(),
            "type": "float",
            "default": "1e-06",
            "spec": {"is_scannable": True, "scale": 1.0, "step": 0.1, **spec},
            "explanation": "",
        },
        "path": "*",
    }


def channel_schema(path: str, **facts: Any) -> dict[str, Any]:
    """Describe a channel of numbers."""
    return {"path": path, "description": "", "type": "float", "scale": 1.0, "unit": "", **facts}


def ndscan_datasets(
    axes: list[dict[str, Any]],
    channels: Mapping[str, dict[str, Any]],
    points: Mapping[str, Any],
    /,
    **others: Any,
) -> dict[str, Any]:
    """Return datasets of a scan in the order in which ndscan pushes them."""
    facts = {
        "ndscan_schema_revision": 2,
        "source_id": f"rid_{RID}",
        "completed": True,
        "fragment_fqn": "rabi.RabiFlop",
        "axes": json.dumps(axes),
        "seed": 7,
        "channels": json.dumps(channels),
        "annotations": "[]",
        "online_analyses": "{}",
        "analysis_results": "{}",
        **{f"points.{name}": values for name, values in points.items()},
    } | others
    return {f"ndscan.rid_{RID}.{name}": value for name, value in facts.items()}
