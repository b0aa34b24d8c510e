"""Run files and journals that cannot be read or written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from data.errors.root import DataError


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
class OlderSchemaError(RunFileError):
    """A run in the layout of an earlier ionloom, which this one does not read any more.

    Attributes:
        version: Layout of the file.
        known: Layout that this ionloom reads.
    """

    version: int
    known: int

    def __str__(self) -> str:
        return (
            f"{self.path} has layout {self.version}, but this ionloom reads layout {self.known}; "
            "use the ionloom that wrote it (its attribute `creator` tells which), or plain h5py"
        )


@dataclass(eq=False)
class SealBrokenError(RunFileError):
    """A finished file is not what it was when it was sealed."""

    def __str__(self) -> str:
        return (
            f"{self.path} is not as it was when it was finished: its bytes do not match its seal; nothing "
            "was changed; `ionloom verify` tells what is still sound, a copy or a backup may be whole"
        )


@dataclass(eq=False)
class NoFileYetError(RunFileError):
    """The HDF5 file of a run was asked for that has only a journal."""

    def __str__(self) -> str:
        return (
            f"{self.path} is a journal, there is no HDF5 file yet; it is made when the run ends, or by "
            "`ionloom repair` if the run was cut off; columns, records and photons can be read now"
        )


@dataclass(eq=False)
class EmptyJournalError(RunFileError):
    """A journal in which not even the head of a run is whole."""

    def __str__(self) -> str:
        return (
            f"{self.path} holds no run: its writer was stopped before the run began, so no point is lost; "
            "`ionloom repair` removes it"
        )


@dataclass(eq=False)
class JournalElsewhereError(RunFileError):
    """Only a pointer to the journal of a run can be seen from here.

    Attributes:
        journal: Where the journal is, on its computer.
        host: Name of that computer.
        is_here: It is this one, so that the journal should be there.
    """

    journal: Path
    host: str
    is_here: bool

    def __str__(self) -> str:
        if self.is_here:
            return (
                f"the journal of this run is not where {self.path} says, {self.journal}: connect its disk, "
                "or put the journal back; if it is lost, so are the points: then delete the pointer"
            )
        return (
            f"{self.path}: until its file is made, this run can only be read on the computer {self.host}, "
            f"where its journal is: {self.journal}; if it was cut off, finish it there with `ionloom repair`"
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
    """Another program has the file open for writing, which ionloom never does with the file of a run."""

    def __str__(self) -> str:
        return (
            f"{self.path} is open for writing in another program (ionloom itself never writes into the file "
            "of a run); close it there, then open it again"
        )


@dataclass(eq=False)
class CopyBusyError(RunFileError):
    """Another program is making the next copy of a run's file, with the results of its own analysis.

    Attributes:
        part: The copy that is being made.
        waited: Seconds for which it was waited.
    """

    part: Path
    waited: float

    def __str__(self) -> str:
        return (
            f"nothing was written into {self.path}: another program has been writing into its copy "
            f"{self.part.name} for more than {self.waited:g} s, as another analysis of this run or a repair "
            "does; try again when it has ended"
        )


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
        what: What cannot be written, in the plural.
    """

    reason: str
    what: str = "runs"

    def __str__(self) -> str:
        return (
            f"cannot write {self.what} to {self.path}: {self.reason}; choose another folder or mend its "
            "permissions"
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
class ForeignJournalError(RunFileError):
    """The file is no journal.

    Attributes:
        size: Its length in bytes.
    """

    size: int

    def __str__(self) -> str:
        return (
            f"{self.path} is no journal of ionloom ({self.size} bytes that begin otherwise), so no run can "
            "be restored from it; give the .journal file of a run"
        )


@dataclass(eq=False)
class NewerJournalError(RunFileError):
    """A journal written by a later ionloom, in a format that this one does not know.

    Attributes:
        version: Format of the journal.
        known: Latest format that this ionloom reads.
    """

    version: int
    known: int

    def __str__(self) -> str:
        return (
            f"{self.path} has journal format {self.version}, but this ionloom reads formats up to "
            f"{self.known}; update ionloom, or restore the run with the one that wrote it"
        )


@dataclass(eq=False)
class JournalBusyError(RunFileError):
    """Another program is writing the journal."""

    def __str__(self) -> str:
        return (
            f"{self.path} is being written by another program, and only one may; wait until its run has "
            "ended, or stop that program (reading the run is possible meanwhile)"
        )


@dataclass(eq=False)
class RemarkError(RunFileError):
    """A tag or comment cannot be kept beside its run.

    Attributes:
        problem: What is wrong with it, or with the place.
        advice: What to do about it.
    """

    problem: str
    advice: str

    def __str__(self) -> str:
        return f"nothing was said about {self.path}: {self.problem}; {self.advice}"
