"""What a study saw and says, to be compared."""

from __future__ import annotations

from pathlib import Path

import h5py


def contents(folder: Path) -> dict[str, object]:
    """Return what a study saw and says, without what tells when it was played."""
    seen: dict[str, object] = {"csv": (folder / "study.csv").read_bytes()}
    with h5py.File(folder / "study.h5") as file:
        for group in ("settings", "results", "tallies"):
            file[group].visititems(
                lambda name, item, group=group: (
                    seen.update({f"{group}/{name}": item[()].tobytes()})
                    if isinstance(item, h5py.Dataset) and item.dtype.kind != "O"
                    else None
                )
            )
        for name in ("settings/results", "tallies/counts/readout"):
            seen[name] = tuple(file[name][()].tolist())
    for path in sorted(folder.glob("settings/*/*/*.h5")):
        number = path.parents[1].name
        with h5py.File(path) as file:
            for table in ("entry/scan", "entry/shots", "entry/attempts", "photon_data", "entry/photons"):
                file[table].visititems(
                    lambda name, item, table=table, number=number: (
                        seen.update({f"{number}/{table}/{name}": item[()].tobytes()})
                        if isinstance(item, h5py.Dataset)
                        else None
                    )
                )
            seen[f"{number}/seed"] = file["entry/seed"][()]
            seen[f"{number}/results"] = file["analysis/0001/results"][()]
    return seen
