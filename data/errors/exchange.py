"""What can go wrong between run files and the files of other programs."""

from __future__ import annotations

from dataclasses import dataclass

from data.errors.files import RunFileError
from data.errors.root import DataError


@dataclass(eq=False)
class MissingPackageError(DataError):
    """An optional package is not installed.

    Attributes:
        what: What needs it, in the plural.
        package: The package.
        extra: The extra of ionloom that brings it.
    """

    what: str
    package: str
    extra: str

    def __str__(self) -> str:
        return f"{self.what} need {self.package}, which is not installed: pip install 'ionloom[{self.extra}]'"


@dataclass(eq=False)
class ExportError(DataError):
    """A run that a format cannot hold, or that does not have what was asked for.

    Attributes:
        run: Id of the run.
        form: The format.
        reason: Why not.
        advice: What to do about it.
    """

    run: str
    form: str
    reason: str
    advice: str

    def __str__(self) -> str:
        return f"run {self.run} cannot be written as {self.form}: {self.reason}; {self.advice}"


@dataclass(eq=False)
class OutputExistsError(RunFileError):
    """A file is there already, and is not overwritten unasked; a run is not at all.

    Attributes:
        is_run: Whether it is a run, or the journal of one.
    """

    is_run: bool = False

    def __str__(self) -> str:
        if self.is_run:
            return f"{self.path} is a run, and no run is ever replaced; give another name with -o"
        return (
            f"{self.path} is there already, nothing was written; give another name with -o, "
            "or --force to replace it"
        )


@dataclass(eq=False)
class UnwritableFileError(RunFileError):
    """The system does not let the file be written.

    Attributes:
        reason: What the system says.
    """

    reason: str

    def __str__(self) -> str:
        return (
            f"cannot write {self.path}: {self.reason}; the run itself is untouched: choose another folder "
            "with -o, or mend its permissions"
        )


@dataclass(eq=False)
class OwnFileError(RunFileError):
    """A file that was to be imported is a run of ionloom already."""

    def __str__(self) -> str:
        return (
            f"{self.path} is a run of ionloom already, there is nothing to import; open it with "
            "`data.open_run`, or look at it with `ionloom show`"
        )


@dataclass(eq=False)
class UnknownFormatError(RunFileError):
    """An HDF5 file of no program that ionloom knows.

    Attributes:
        members: Names in its root group.
        known: Formats that can be imported.
    """

    members: tuple[str, ...]
    known: tuple[str, ...]

    def __str__(self) -> str:
        members = ", ".join(self.members[:8]) + (", ..." if len(self.members) > 8 else "")
        return (
            f"{self.path} is an HDF5 file of no program that is known ({', '.join(self.known)}); it holds "
            f"{members or 'nothing'}; read it with h5py, and write a run with `data.RunWriter`"
        )


@dataclass(eq=False)
class NewerFormatError(RunFileError):
    """A file of a later version of a format than ionloom knows.

    Attributes:
        form: The format.
        version: Version of the file.
        known: Latest version that this ionloom reads.
    """

    form: str
    version: str
    known: str

    def __str__(self) -> str:
        return (
            f"{self.path} has version {self.version} of {self.form}, but this ionloom reads versions up to "
            f"{self.known}; update ionloom (plain h5py reads the file meanwhile)"
        )


@dataclass(eq=False)
class ForeignMemberError(RunFileError):
    """A member of a foreign file is not what its format says.

    Attributes:
        member: Its path in the file.
        reason: What is wrong with it.
        usable: What of the file can still be used.
        advice: What to do about it.
    """

    member: str
    reason: str
    usable: str
    advice: str

    def __str__(self) -> str:
        return f"{self.path}: {self.member} {self.reason}; {self.usable}; {self.advice}"
