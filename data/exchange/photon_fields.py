"""The fields of Photon-HDF5 that describe a file, as its version 0.5 wants them.

Each field has a fixed sentence as its attribute TITLE, which validators compare; texts are bytes of fixed
length, because PyTables, which most readers use, has no others.

Source: Photon-HDF5 format definition, version 0.5, http://photon-hdf5.org/
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import h5py
import numpy as np

FORMAT_NAME: Final = "Photon-HDF5"
FORMAT_VERSION: Final = "0.5"
FORMAT_URL: Final = "http://photon-hdf5.org/"
TIME_FORMAT: Final = "%Y-%m-%d %H:%M:%S"

TITLES: Final = {
    "/": "A file format for photon-counting detector based single-molecule spectroscopy experiments.",
    "acquisition_duration": "Measurement duration in seconds.",
    "description": "A user-defined comment describing the data file.",
    "format_name": "Name of the file format.",
    "format_version": "Version for the Photon-HDF5 format.",
    "photon_data": "Group containing arrays of photon-data.",
    "photon_data/timestamps": "Array of photon timestamps. Units specified in timestamps_units (defined in "
    "timestamps_specs/).",
    "photon_data/detectors": "Array of pixel IDs for each timestamp.",
    "photon_data/timestamps_specs": "Specifications for timestamps.",
    "photon_data/timestamps_specs/timestamps_unit": "Value of 1-unit timestamp-increment in seconds.",
    "setup": "Information about the experimental setup.",
    "setup/num_pixels": "Total number of detector pixels.",
    "setup/num_spots": 'Number of excitation (or detection) "spots" in the sample.',
    "setup/num_spectral_ch": "Number of distinct spectral bands which are acquired.",
    "setup/num_polarization_ch": "Number of distinct polarization states which are acquired.",
    "setup/num_split_ch": "Number of distinct detection channels detecting the same spectral band and "
    "polarization. This value is > 1 when using a non-polarizing beam splitter.",
    "setup/modulated_excitation": "True (i.e. 1) if there is any form of excitation modulation of excitation "
    "wavelength (as in us-ALEX or PAX) or polarization. This field is also True for pulse-interleaved "
    "excitation (PIE) or ns-ALEX measurements.",
    "setup/excitation_alternated": "New in version 0.5. Indicates whether each excitation source is "
    "alternated (True, or 1) or not alternated (False, or 0).",
    "setup/lifetime": "True (i.e. 1) if the measurement includes a nanotimes array of photon arrival times "
    "with respect to a laser pulse (as in TCSPC measurements).",
    "setup/detectors": "Metadata relative to each detector's pixel. Each field is an array with size equal "
    "to the number of the detectors.",
    "setup/detectors/id": "Detector IDs as they appear on /photon_data/detectors.",
    "setup/detectors/counts": "Total number of counts detected by each detector.",
    "identity": "Information about the Photon-HDF5 data file.",
    "identity/filename": "Original file name of the current Photon-HDF5 file (i.e. file name at creation "
    "time).",
    "identity/creation_time": "Creation time of the current Photon-HDF5 file.",
    "identity/software": "Name of the software used to create the current Photon-HDF5 file.",
    "identity/software_version": "Version of the software used to create current the Photon-HDF5 file.",
    "identity/format_name": "Name of the file format.",
    "identity/format_version": "Version for the Photon-HDF5 format.",
    "identity/format_url": "Official URL for the Photon-HDF5 format.",
    "provenance": "Information about the original data file.",
    "provenance/filename": "File name of the original data file before conversion to Photon-HDF5.",
    "provenance/creation_time": "Creation time of the original data file.",
    "provenance/software": "Software used to save the original data file.",
    "user": "A user-defined group.",
}


def put_fields(file: h5py.File, fields: Mapping[str, Any]) -> None:
    """Write fields with their titles, and titles on the groups that they are in.

    Args:
        file: open for writing.
        fields: path -> text, number or array.
    """
    places: dict[str, None] = {}
    for path, value in fields.items():
        file[path] = np.bytes_(value.encode()) if isinstance(value, str) else value
        while path and path not in places:
            places[path] = None
            path = path.rpartition("/")[0]  # noqa: PLW2901
    for place in places:
        put_title(file[place], place)


def put_title(member: h5py.Group | h5py.Dataset, path: str) -> None:
    """Give a member the title that the format has for it."""
    member.attrs["TITLE"] = np.bytes_(TITLES[path].encode())


def setup_fields(detectors: Mapping[int, int]) -> dict[str, Any]:
    """Return what the format asks about the apparatus.

    A run does not tell colours, polarizations and splitters: the counts of such channels are 1, and no
    excitation is called alternated.

    Args:
        detectors: number of the input channel -> clicks.
    """
    numbers = {"num_spots": 1, "num_spectral_ch": 1, "num_polarization_ch": 1, "num_split_ch": 1}
    flags = {"modulated_excitation": 0, "lifetime": 0}
    return {
        "setup/num_pixels": len(detectors),
        **{f"setup/{name}": number for name, number in (numbers | flags).items()},
        "setup/excitation_alternated": np.zeros(1, np.uint8),
        "setup/detectors/id": np.array(list(detectors), dtype=np.int64),
        "setup/detectors/counts": np.array(list(detectors.values()), dtype=np.int64),
    }


def identity_fields(filename: str, software_version: str, created: datetime) -> dict[str, str]:
    """Return which file this is, and what made it."""
    facts = {
        "format_name": FORMAT_NAME,
        "format_version": FORMAT_VERSION,
        "format_url": FORMAT_URL,
        "software": "ionloom",
        "software_version": software_version,
        "filename": filename,
        "creation_time": f"{created.astimezone(UTC):{TIME_FORMAT}}",
    }
    # An empty text of fixed length has no bytes, which HDF5 does not have.
    return {f"identity/{name}": text or " " for name, text in facts.items()}


def put_root_attributes(file: h5py.File) -> None:
    """Say at the root which format the file follows."""
    for name, text in (
        ("format_name", FORMAT_NAME),
        ("format_version", FORMAT_VERSION),
        ("format_url", FORMAT_URL),
    ):
        file.attrs[name] = np.bytes_(text.encode())
