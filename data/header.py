"""The head of a run: everything that is known before its first point."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from data.errors import HeaderError
from data.provenance import Provenance

Origin: TypeAlias = Literal["default", "calibration", "override"]

Counted: TypeAlias = Literal["windows", "ions", ""]

# Columns that every point has beside those of its axes (see data/README.md).
RESERVED_NAMES: Final = frozenset(
    {
        "point",
        "point_shots",
        "point_attempts",
        "point_gates",
        "point_photons",
        "point_log_lines",
        "point_duration",
    }
)


@dataclass(frozen=True, slots=True)
class StoredParameter:
    """A parameter with the value that the run used.

    Attributes:
        name: what users bind and scan.
        value: in the unit below; SI if it is a number.
        unit: base unit, empty if it has none.
        origin: where the value comes from.
        help: one line for people.
        error: one standard deviation of a calibrated value, in the same unit; None if none is known.
        run: id of the run that a calibrated value comes from; empty if it comes from none.
    """

    name: str
    value: float | int | str | bool
    unit: str = ""
    origin: Origin = "default"
    help: str = ""
    error: float | None = None
    run: str = ""


@dataclass(frozen=True, slots=True)
class Axis:
    """What differs from point to point: a scanned parameter, or the name of a setting.

    Attributes:
        name: of the value that each point gives.
        unit: base unit, empty if it has none.
        text: the values are short texts (at most 64 bytes of UTF-8) instead of numbers.
    """

    name: str
    unit: str = ""
    text: bool = False


@dataclass(frozen=True, slots=True)
class Readout:
    """A counter or camera that gives the same number of counts in each shot.

    Attributes:
        name: key of `Record.counts`.
        width: windows of the counter, or ions of the camera exposure.
        source: channel of the lab that counts; empty if nobody told.
        counted: what there are as many of as the width says; empty if nobody told.
        rows: (gates,) in which the gates of the readout stand in the program's table, as `TimeTags.readout`
            refers to them.
        windows: (gates,) which of the windows each of these is, from 0; 0 for a camera.
    """

    name: str
    width: int
    source: str = ""
    counted: Counted = ""
    rows: tuple[int, ...] = ()
    windows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Channel:
    """A number that each point gives beside its counts: a voltage, a temperature, what an estimator says.

    Attributes:
        name: of the value.
        unit: base unit, empty if it has none.
        help: one line for people.
    """

    name: str
    unit: str = ""
    help: str = ""


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera whose picture of each point is kept.

    Attributes:
        name: key of `Record.images`.
        rows: of pixels.
        columns: of pixels.
    """

    name: str
    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class PointForm:
    """What every point of a run has.

    Attributes:
        axes: what differs from point to point.
        readouts: counts of each shot.
        channels: numbers beside the counts.
        cameras: whose pictures are kept.
    """

    axes: tuple[Axis, ...] = ()
    readouts: tuple[Readout, ...] = ()
    channels: tuple[Channel, ...] = ()
    cameras: tuple[Camera, ...] = ()


@dataclass(frozen=True, slots=True)
class RunHeader:
    """What a run file says before its first point.

    Attributes:
        experiment: its name.
        provenance: what the run was made with, and when it began.
        parameters: every value that the experiment used.
        axes: what differs from point to point.
        readouts: counts of each shot.
        channels: numbers that each point gives beside its counts.
        cameras: whose picture of each point is kept.
        program: text form of the compiled program.
        setup: text of the setup file.
        source: text of the experiment's source file.
        seed: of the random numbers; None if the run drew none.
        shots_per_point: planned shots.

    Raises:
        HeaderError: for names that a file cannot hold, or that occur twice.

    Example:
        >>> from datetime import UTC, datetime
        >>> RunHeader("rabi", Provenance(datetime.now(UTC)), axes=(Axis("point"),))
        Traceback (most recent call last):
        ...
        data.errors.HeaderError: axis 'point' has a name that the run file itself uses; choose another name
    """

    experiment: str
    provenance: Provenance
    parameters: tuple[StoredParameter, ...] = ()
    axes: tuple[Axis, ...] = ()
    readouts: tuple[Readout, ...] = ()
    channels: tuple[Channel, ...] = ()
    cameras: tuple[Camera, ...] = ()
    program: str = ""
    setup: str = ""
    source: str = ""
    seed: int | None = None
    shots_per_point: int = 0

    def __post_init__(self) -> None:
        _check_names("experiment", [self.experiment])
        _check_parameters(self.parameters)
        # A readout's averages stand beside the axes, and its window numbers beside both averages and counts.
        readouts = [readout.name for readout in self.readouts]
        windows = [window_of(name) for name in readouts]
        columns = [
            *(axis.name for axis in self.axes),
            *windows,
            *(a for r in readouts for a in averages_of(r)),
            *(channel.name for channel in self.channels),
            *(name for camera in self.cameras for name in (camera.name, *pixels_of(camera.name))),
        ]
        _check_names("readout", [*readouts, *windows])
        _check_names("axis", columns)
        for name in RESERVED_NAMES.intersection(columns):
            raise HeaderError("axis", name, "has a name that the run file itself uses", "choose another name")
        for readout in self.readouts:
            _check_readout(readout)
        for camera in self.cameras:
            if min(camera.rows, camera.columns) < 1:
                size = f"has {camera.rows} x {camera.columns} pixels"
                raise HeaderError("camera", camera.name, size, "give rows and columns, from 1 each")

    @property
    def form(self) -> PointForm:
        """What every point has."""
        return PointForm(self.axes, self.readouts, self.channels, self.cameras)


def _check_readout(readout: Readout) -> None:
    if readout.width < 1:
        problem, advice = f"has {readout.width} windows", "give the number of counts a shot, from 1"
        raise HeaderError("readout", readout.name, problem, advice)
    if len(readout.rows) != len(readout.windows):
        problem = f"has {len(readout.rows)} rows of gates, but tells the windows of {len(readout.windows)}"
        raise HeaderError("readout", readout.name, problem, "give one window for each row")


def storable(text: str) -> str:
    """Return a text as HDF5 can hold it: NUL, and bytes that are no UTF-8, are written out as escapes."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def averages_of(readout: str) -> tuple[str, str]:
    """Name the columns of a readout's mean counts and of their standard errors."""
    return f"{readout}_mean", f"{readout}_mean_errors"


def window_of(readout: str) -> str:
    """Name the scale that numbers the windows of a readout."""
    return f"{readout}_window"


def pixels_of(camera: str) -> tuple[str, str]:
    """Name the scales that number the rows and columns of a camera's pixels."""
    return f"{camera}_row", f"{camera}_column"


def _check_parameters(parameters: Collection[StoredParameter]) -> None:
    _check_names("parameter", [parameter.name for parameter in parameters])
    for parameter in parameters:
        if isinstance(parameter.value, int) and not -(2**63) <= parameter.value < 2**63:
            raise HeaderError(
                "parameter", parameter.name, "has more than 64 bits", "give a float, or the digits as a text"
            )


def _check_names(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if not name or "/" in name or name in {".", ".."} or storable(name) != name:
            raise HeaderError(
                what, name, "is no name for a member of an HDF5 file", "use letters, digits and _"
            )
        if name in seen:
            raise HeaderError(what, name, "occurs twice", "give each its own name")
        seen.add(name)
