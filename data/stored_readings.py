"""Readings of instruments and messages as members of a run file, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import h5py
import numpy as np

from data.header import storable
from data.layout import FILTERS, WALL_CLOCK
from data.readings import QUALITIES, Message, ReadingLog

INSTRUMENTS: Final = "entry/instruments"
MESSAGES: Final = "entry/messages"

_TEXT: Final = h5py.string_dtype()


def write_readings(file: h5py.File, logs: Mapping[str, ReadingLog]) -> None:
    """Write one log of NeXus a setting, `entry/instruments/<instrument>/<setting>`."""
    file.create_group(INSTRUMENTS).attrs["NX_class"] = "NXcollection"
    for name, log in logs.items():
        group = file.create_group(f"{INSTRUMENTS}/{name}")
        group.attrs["NX_class"] = "NXlog"
        _column(group, "time", log.time, "since the start of the run", "s")
        _tell_clock(group["time"])
        group["time"].make_scale("time")
        value = (
            np.array([storable(text) for text in log.value], _TEXT)
            if log.value.dtype.kind == "U"
            else log.value
        )
        _column(group, "value", value, name, log.unit)
        quality = np.array([QUALITIES.index(each) for each in log.quality], np.uint8)
        _column(group, "quality", quality, "how far the value can be trusted")
        # As the CF conventions tell the meaning of numbers.
        group["quality"].attrs["flag_values"] = np.arange(len(QUALITIES), dtype=np.uint8)
        group["quality"].attrs["flag_meanings"] = " ".join(QUALITIES)
        _column(group, "note", np.array([storable(text) for text in log.note], _TEXT), "why it is not good")
        for member in ("value", "quality", "note"):
            group[member].dims[0].attach_scale(group["time"])


def read_readings(file: h5py.File) -> dict[str, ReadingLog]:
    """Read what instruments said."""
    instruments = file.get(INSTRUMENTS, {})
    return {
        f"{instrument}/{setting}": _log(f"{instrument}/{setting}", group)
        for instrument, settings in instruments.items()
        for setting, group in settings.items()
    }


def write_messages(file: h5py.File, messages: Sequence[Message]) -> None:
    """Write what there was to tell."""
    group = file.create_group(MESSAGES)
    group.attrs["NX_class"] = "NXcollection"
    _column(
        group, "time", np.array([m.time for m in messages], np.float64), "since the start of the run", "s"
    )
    _tell_clock(group["time"])
    group["time"].make_scale("time")
    for name, meaning in (("level", "how much it matters"), ("text", "what there was to tell")):
        texts = [storable(getattr(message, name)) for message in messages]
        _column(group, name, np.array(texts, _TEXT), meaning)
        group[name].dims[0].attach_scale(group["time"])


def read_messages(file: h5py.File) -> tuple[Message, ...]:
    """Read what there was to tell."""
    group = file[MESSAGES]
    rows = zip(group["time"][:].tolist(), group["level"].asstr()[:], group["text"].asstr()[:], strict=True)
    return tuple(Message(time, str(level), str(text)) for time, level, text in rows)


def _column(group: h5py.Group, name: str, values: np.ndarray[Any, Any], meaning: str, unit: str = "") -> None:
    # Texts lie in a heap of the file, which filters do not reach.
    filtered = len(values) and values.dtype.kind != "O"
    dataset = group.create_dataset(name, data=values, **(FILTERS if filtered else {}))
    dataset.attrs["long_name"] = meaning
    if unit:
        dataset.attrs["units"] = unit


def _tell_clock(time: h5py.Dataset) -> None:
    """Say which clock times were read from, and when it showed zero."""
    time.attrs["clock"] = WALL_CLOCK
    time.attrs["epoch"] = time.file["entry/start_time"].asstr()[()]


def _log(name: str, group: h5py.Group) -> ReadingLog:
    value = group["value"]
    is_text = h5py.check_string_dtype(value.dtype) is not None
    return ReadingLog(
        name=name,
        unit=str(value.attrs.get("units", "")),
        time=group["time"][:],
        value=value.asstr()[:].astype(np.str_) if is_text else value[:],
        quality=np.array(QUALITIES)[group["quality"][:]],
        note=group["note"].asstr()[:].astype(np.str_),
    )
