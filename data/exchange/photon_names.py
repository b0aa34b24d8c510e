"""What readers of Photon-HDF5 look for, in a finished run file.

Times and detectors of a run's photons have the names of that format anyway; these are the fields that
describe the file. Readers are content with that; a validator is not, since the file has other members, too:
`ionloom export --to photon-hdf5` writes what it accepts.
"""

from __future__ import annotations

from typing import Final

import h5py
import numpy as np

from data.exchange.photon_fields import (
    identity_fields,
    put_fields,
    put_root_attributes,
    put_title,
    setup_fields,
)
from data.layout import PHOTON_DATA, SCAN
from data.stored_header import read_header, read_state

_OWN: Final = ("acquisition_duration", "description", "identity", "setup")

# Clicks read at a time.
_SLAB: Final = 2**20


def write_photon_names(file: h5py.File) -> None:
    """Add to a run file what readers of Photon-HDF5 expect; what is there of it is replaced.

    It follows from the rest of the file alone.

    Args:
        file: a whole run, open for writing.
    """
    header, state = read_header(file), read_state(file)
    for name in _OWN:
        if name in file:
            del file[name]
    put_root_attributes(file)
    experiment = header.experiment
    put_fields(
        file,
        {
            "acquisition_duration": float(file[f"{SCAN}/point_duration"][:].sum()) * 1e-12,
            "description": f"Run {state.id} of {experiment}",
            **setup_fields(_count_detectors(file[f"{PHOTON_DATA}/detectors"])),
            **identity_fields(
                f"{state.id}-{experiment}.h5",
                dict(header.provenance.packages).get("ionloom", ""),
                header.provenance.started,
            ),
        },
    )
    for member in ("", "/timestamps", "/detectors", "/timestamps_specs", "/timestamps_specs/timestamps_unit"):
        put_title(file[PHOTON_DATA + member], PHOTON_DATA + member)


def _count_detectors(detectors: h5py.Dataset) -> dict[int, int]:
    """Return the clicks of each detector that has any."""
    counts = np.zeros(2**16, dtype=np.int64)
    for begin in range(0, len(detectors), _SLAB):
        counts += np.bincount(detectors[begin : begin + _SLAB], minlength=len(counts))
    return {int(detector): int(counts[detector]) for detector in np.flatnonzero(counts)}
