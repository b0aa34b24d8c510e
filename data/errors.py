"""What can go wrong in the data room.

The facts of an error are its fields; the text is made from them in ``__str__``::

    DataError
    ├── RunFileError                  a run file, or the folder where it should be (always with its path)
    │   ├── NotHDF5Error              no HDF5 file at all
    │   ├── TruncatedFileError        shorter than it says
    │   ├── ForeignFileError          HDF5, but not ours
    │   ├── NewerSchemaError          ours, but of a later ionloom
    │   ├── DamagedRunError           bytes that are not those that were written
    │   ├── RunBusyError              another program is writing it
    │   ├── RunClosedError            used after its end
    │   ├── UnreadableFileError       the system does not let us read
    │   ├── UnwritableFolderError     the system does not let us write
    │   ├── NoSpaceError              too little room on the disk
    │   └── WriteFailedError          the system refused to write
    ├── RunNotFoundError              no run answers to the name
    ├── AmbiguousRunError             several runs answer to the name
    ├── HeaderError                   a head that a file cannot hold
    ├── PointError                    a point that does not fit its run
    ├── ResultsError                  a result that a file cannot hold
    └── AnalysisError                 columns that an estimator cannot use
        ├── ShapeError                an array has not the shape that is needed
        ├── RangeError                a value lies outside what is allowed
        ├── InsufficientDataError     too little was measured to estimate anything
        ├── EmptySettingError         a tomography setting holds no counts
        ├── EffectsError              matrices that are not the effects of a measurement
        ├── IncompleteSettingsError   settings that leave a part of the state unseen
        ├── ConvergenceError          the certified gap was not reached
        ├── NoSignalError             nothing in the data but a constant
        ├── UndeterminedError         a parameter that the data leave open
        └── UnitError                 estimates of different units cannot be averaged
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path


@dataclass(eq=False)
class DataError(Exception):
    """The root: anything that the data room refuses to do."""

    def __reduce__(self) -> tuple[type[DataError], tuple[object, ...]]:
        # Exceptions rebuild from positional arguments; the fields let them cross a process pool.
        return type(self), tuple(getattr(self, field.name) for field in fields(self))


@dataclass(eq=False)
class AnalysisError(DataError):
    """The columns handed to an estimator do not allow an estimate."""


@dataclass(eq=False)
class ShapeError(AnalysisError):
    """An array has not the shape that the estimator needs.

    Attributes:
        name: The argument.
        shape: The shape it has.
        expected: The shape it must have, in words or symbols.
    """

    name: str
    shape: tuple[int, ...]
    expected: str

    def __str__(self) -> str:
        return f"{self.name} has shape {self.shape}, but {self.expected} is needed; reshape or slice it first"


@dataclass(eq=False)
class RangeError(AnalysisError):
    """A value lies outside what is allowed.

    Attributes:
        name: The argument, with its index if it is one element of a column.
        value: The offending value.
        limit: What is allowed, with the unit.
        advice: What to do about it.
    """

    name: str
    value: object
    limit: str
    advice: str

    def __str__(self) -> str:
        return f"{self.name} is {self.value}, but must be {self.limit}; {self.advice}"


@dataclass(eq=False)
class InsufficientDataError(AnalysisError):
    """Too little was measured to estimate anything.

    Attributes:
        what: What was to be estimated.
        available: How many data there are.
        needed: How many are needed.
        unit: What is counted.
    """

    what: str
    available: int
    needed: int
    unit: str

    def __str__(self) -> str:
        return (
            f"{self.what} needs at least {self.needed} {self.unit}, but there are {self.available}; "
            "collect more data or leave this estimate out"
        )


@dataclass(eq=False)
class EmptySettingError(AnalysisError):
    """A tomography setting holds no counts, so nothing is known along its axes.

    Attributes:
        setting: Index of the setting.
        label: Its bases, or an empty string if they have no names.
        data_set: Index of the data set in the batch.
    """

    setting: int
    label: str
    data_set: tuple[int, ...]

    def __str__(self) -> str:
        label = f" ({self.label})" if self.label else ""
        place = f" of data set {', '.join(map(str, self.data_set))}" if self.data_set else ""
        return (
            f"setting {self.setting}{label}{place} has no counts, but a reconstruction needs at least 1 in "
            "every setting; measure this setting longer, or pass only the effects of the settings measured"
        )


@dataclass(eq=False)
class EffectsError(AnalysisError):
    """Matrices that are not the effects of a measurement.

    Attributes:
        setting: Index of the setting at fault.
        fault: What is wrong with its effects.
        deviation: By how much, as the largest matrix element or eigenvalue.
        limit: The deviation that is still taken as rounding.
    """

    setting: int
    fault: str
    deviation: float
    limit: float

    def __str__(self) -> str:
        return (
            f"the effects of setting {self.setting} {self.fault}: off by {self.deviation:.3g}, limit "
            f"{self.limit:.0e}; effects must be Hermitian, positive, and sum to the identity in each setting"
        )


@dataclass(eq=False)
class IncompleteSettingsError(AnalysisError):
    """The settings leave a part of the state unseen.

    Attributes:
        rank: How many real parameters the settings determine.
        needed: How many the state has, its trace included.
    """

    rank: int
    needed: int

    def __str__(self) -> str:
        return (
            f"the settings determine {self.rank} of the {self.needed} parameters of the state; "
            "add settings in other bases (for two qubits: all pairs of Z, X and Y)"
        )


@dataclass(eq=False)
class ConvergenceError(AnalysisError):
    """The certified gap was not reached.

    Attributes:
        gap: The largest log-likelihood that may still be missing.
        limit: The gap that was asked for.
        iterations: How many steps were taken.
    """

    gap: float
    limit: float
    iterations: int

    def __str__(self) -> str:
        return (
            f"after {self.iterations} steps the log-likelihood may still miss {self.gap:.3g}, limit "
            f"{self.limit:.3g}; ask for a larger gap (0.05 is a tenth of a statistical unit)"
        )


@dataclass(eq=False)
class NoSignalError(AnalysisError):
    """The data are as good as constant: what was to be fitted does not show in them.

    Attributes:
        what: What was to be found.
        chance: Probability that a constant scatters as the data do, or more, in the direction of the model.
        limit: Probability below which a signal is believed.
    """

    what: str
    chance: float
    limit: float

    def __str__(self) -> str:
        return (
            f"{self.what} does not show in the data: a constant describes them, too (probability "
            f"{self.chance:.2g}, a signal is believed below {self.limit:g}); measure with more shots, or "
            "look elsewhere"
        )


@dataclass(eq=False)
class UndeterminedError(AnalysisError):
    """The data leave a parameter open: its error is as wide as all that it could be.

    Attributes:
        what: What was fitted.
        parameter: The parameter.
        error: Its standard error in the unit below; infinite if no value is excluded.
        width: Width of the allowed range.
        unit: Of both.
    """

    what: str
    parameter: str
    error: float
    width: float
    unit: str = ""

    def __str__(self) -> str:
        error, width = (f"{value:.3g} {self.unit}".rstrip() for value in (self.error, self.width))
        return (
            f"the data do not determine the {self.parameter} of {self.what}: its error is {error} in a "
            f"range of {width}; scan further, in finer steps, or with more shots"
        )


@dataclass(eq=False)
class UnitError(AnalysisError):
    """Estimates of different units cannot be averaged.

    Attributes:
        units: The units found, in order of appearance.
    """

    units: tuple[str, ...]

    def __str__(self) -> str:
        units = ", ".join(repr(unit) for unit in self.units)
        return f"the estimates have different units ({units}), but an average needs one; convert them first"


@dataclass(eq=False)
class RunFileError(DataError):
    """A run file, or the place where it should be, does not allow what was asked.

    Attributes:
        path: The file or folder at fault.
    """

    path: Path


@dataclass(eq=False)
class NotHDF5Error(RunFileError):
    """The file is no HDF5 file at all.

    Attributes:
        size: Its length in bytes.
    """

    size: int

    def __str__(self) -> str:
        what = f"is no HDF5 file ({self.size} bytes)" if self.size else "is empty (0 bytes)"
        return f"{self.path} {what}, so nothing in it can be read; give the .h5 file of a run"


@dataclass(eq=False)
class TruncatedFileError(RunFileError):
    """The file ends before its contents do, as after a copy that stopped half-way.

    Attributes:
        size: Bytes that are there.
        expected: Bytes that its own head promises.
    """

    size: int
    expected: int

    def __str__(self) -> str:
        return (
            f"{self.path} is cut short: only {self.size} of {self.expected} bytes are there, and HDF5 opens "
            "no part of such a file; copy the original again"
        )


@dataclass(eq=False)
class ForeignFileError(RunFileError):
    """An HDF5 file that ionloom did not write.

    Attributes:
        members: Names in its root group.
    """

    members: tuple[str, ...]

    def __str__(self) -> str:
        members = ", ".join(self.members) or "nothing"
        return (
            f"{self.path} is an HDF5 file, but not a run of ionloom (no attribute `ionloom_schema`); "
            f"it holds {members}; read it with h5py"
        )


@dataclass(eq=False)
class NewerSchemaError(RunFileError):
    """A run written by a later ionloom, in a layout that this one does not know.

    Attributes:
        version: Layout of the file.
        known: Latest layout that this ionloom reads.
    """

    version: int
    known: int

    def __str__(self) -> str:
        return (
            f"{self.path} has layout {self.version}, but this ionloom reads layouts up to {self.known}; "
            "update ionloom (plain h5py reads the file meanwhile)"
        )


@dataclass(eq=False)
class DamagedRunError(RunFileError):
    """Bytes of a run are not those that were written.

    Attributes:
        part: What cannot be read.
        reason: What HDF5 or the checksum says.
        usable: What can still be read.
    """

    part: str
    reason: str
    usable: str

    def __str__(self) -> str:
        return (
            f"{self.path}: {self.part} is damaged ({self.reason}); {self.usable}; "
            "compare with another copy of the file, or check the disk"
        )


@dataclass(eq=False)
class RunBusyError(RunFileError):
    """Another program is writing the run."""

    def __str__(self) -> str:
        return f"{self.path} is being written by another program; open it when that run has ended"


@dataclass(eq=False)
class RunClosedError(RunFileError):
    """A run was used after it was closed or finished.

    Attributes:
        action: What was asked of it.
    """

    action: str

    def __str__(self) -> str:
        return (
            f"cannot {self.action} {self.path}: it is closed already; do it before, inside the `with` block"
        )


@dataclass(eq=False)
class UnreadableFileError(RunFileError):
    """The system does not let the file be read.

    Attributes:
        reason: What the system says.
    """

    reason: str

    def __str__(self) -> str:
        return f"cannot read {self.path}: {self.reason}; check the path and its permissions"


@dataclass(eq=False)
class UnwritableFolderError(RunFileError):
    """The system does not let runs be written to the folder.

    Attributes:
        reason: What the system says.
    """

    reason: str

    def __str__(self) -> str:
        return (
            f"cannot write runs to {self.path}: {self.reason}; choose another folder or mend its permissions"
        )


@dataclass(eq=False)
class NoSpaceError(RunFileError):
    """The disk has too little room left.

    Attributes:
        needed: Bytes that were to be written, with a reserve.
        free: Bytes that are free.
        points: Completed points in the file.
    """

    needed: int
    free: int
    points: int

    def __str__(self) -> str:
        return (
            f"no room for {self.path}: {self.needed / 1e6:.1f} MB are needed with the reserve, "
            f"{self.free / 1e6:.1f} MB are free; its {self.points} completed points are safe; "
            "free some space, then go on"
        )


@dataclass(eq=False)
class WriteFailedError(RunFileError):
    """The system refused to write.

    Attributes:
        reason: What the system says.
        points: Completed points in the file.
    """

    reason: str
    points: int

    def __str__(self) -> str:
        return (
            f"writing {self.path} failed: {self.reason}; its {self.points} completed points are safe and can "
            "be opened; check the disk before you go on"
        )


@dataclass(eq=False)
class RunNotFoundError(DataError):
    """No run answers to the name.

    Attributes:
        which: What was asked for.
        folder: Where it was looked for.
        known: Ids of some runs that are there, newest first.
    """

    which: str
    folder: Path
    known: tuple[str, ...]

    def __str__(self) -> str:
        known = f"the newest are {', '.join(self.known)}" if self.known else "there are no runs at all"
        return (
            f"no run {self.which!r} in {self.folder}; {known}; "
            "give a path, an id, the first digits of an id, or 'latest'"
        )


@dataclass(eq=False)
class AmbiguousRunError(DataError):
    """Several runs answer to the name.

    Attributes:
        which: What was asked for.
        folder: Where it was looked for.
        matches: Ids of the runs, newest first.
    """

    which: str
    folder: Path
    matches: tuple[str, ...]

    def __str__(self) -> str:
        shown = ", ".join(self.matches[:3]) + (", ..." if len(self.matches) > 3 else "")
        return (
            f"{self.which!r} begins the ids of {len(self.matches)} runs in {self.folder} ({shown}); "
            "give more digits"
        )


@dataclass(eq=False)
class HeaderError(DataError):
    """A run's head declares something that a file cannot hold.

    Attributes:
        what: Kind of the thing: axis, readout, parameter.
        name: Its name.
        reason: What is wrong with it.
        advice: What to do about it.
    """

    what: str
    name: str
    reason: str
    advice: str

    def __str__(self) -> str:
        return f"{self.what} {self.name!r} {self.reason}; {self.advice}"


@dataclass(eq=False)
class PointError(DataError):
    """A point does not fit its run; nothing of it was written.

    Attributes:
        index: Number of the point in the run.
        what: The value or column at fault.
        value: What it is.
        expected: What the head of the run needs.
    """

    index: int
    what: str
    value: object
    expected: str

    def __str__(self) -> str:
        return (
            f"point {self.index}: {self.what} is {self.value}, but {self.expected} is needed; "
            f"nothing of this point was written, the {self.index} before it are safe"
        )


@dataclass(eq=False)
class ResultsError(DataError):
    """A result that a file cannot hold.

    Attributes:
        place: Where it stands among the results.
        reason: What is wrong with it.
    """

    place: str
    reason: str

    def __str__(self) -> str:
        return (
            f"result {self.place!r} {self.reason}; results are numbers, texts, truth values, None, numpy "
            "arrays of numbers, dataclasses, and lists or mappings (with text keys) of these"
        )
