"""What can go wrong in the data room.

The facts of an error are its fields; the text is made from them in ``__str__``::

    DataError
    ├── RunFileError                  a run file, or the folder where it should be (always with its path)
    │   ├── NotHDF5Error              no HDF5 file at all
    │   ├── TruncatedFileError        shorter than it says
    │   ├── ForeignFileError          HDF5, but not ours
    │   ├── NewerSchemaError          ours, but of a later ionloom
    │   ├── DamagedRunError           bytes that are not those that were written
    │   ├── OlderSchemaError          ours, but of an earlier ionloom
    │   ├── SealBrokenError           not what it was when it was sealed
    │   ├── NoFileYetError            there is only a journal
    │   ├── EmptyJournalError         a journal without the head of a run
    │   ├── JournalElsewhereError     a journal that cannot be seen from here
    │   ├── RunBusyError              another program has it open for writing
    │   ├── CopyBusyError             another program is making a new copy of it
    │   ├── RunClosedError            used after its end
    │   ├── UnreadableFileError       the system does not let us read
    │   ├── UnwritableFolderError     the system does not let us write
    │   ├── NoSpaceError              too little room on the disk
    │   ├── WriteFailedError          the system refused to write
    │   ├── ForeignJournalError       no journal at all
    │   ├── NewerJournalError         a journal of a later ionloom
    │   ├── RemarkError               a tag or comment that cannot be kept
    │   ├── JournalBusyError          another program is writing the journal
    │   ├── OutputExistsError         a file to write is there already
    │   ├── UnwritableFileError       the system does not let us write a file
    │   ├── OwnFileError              a file to import that is a run already
    │   ├── UnknownFormatError        HDF5, of no program that we know
    │   ├── NewerFormatError          another program's, of a later version than we know
    │   └── ForeignMemberError        another program's, with a member that is not what it should be
    ├── ExportError                   a run that a format cannot hold
    ├── MissingPackageError           an optional package is needed
    ├── RunNotFoundError              no run answers to the name
    ├── AmbiguousRunError             several runs answer to the name
    ├── UnknownColumnError            a run has nothing of that name (also a KeyError)
    ├── ConditionError                a condition for runs that cannot be understood
    ├── MomentError                   a time that cannot be understood
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
        ├── PreparationsError         input states that do not determine a process
        ├── ConvergenceError          the certified gap was not reached
        ├── ProjectionError           no nearest process was found
        ├── NoSignalError             nothing in the data but a constant
        ├── UndeterminedError         a parameter that the data leave open
        ├── SearchLimitError          a fit that ended where its search does
        ├── MisfitError               a model that does not describe the data
        ├── UnfinishedFitError        a fit that reached no minimum
        └── UnitError                 estimates of different units cannot be averaged
"""

from __future__ import annotations

from data.errors.analysis import (
    AnalysisError,
    ConvergenceError,
    EffectsError,
    EmptySettingError,
    IncompleteSettingsError,
    InsufficientDataError,
    MisfitError,
    NoSignalError,
    PreparationsError,
    ProjectionError,
    RangeError,
    SearchLimitError,
    ShapeError,
    UndeterminedError,
    UnfinishedFitError,
    UnitError,
)
from data.errors.exchange import (
    ExportError,
    ForeignMemberError,
    MissingPackageError,
    NewerFormatError,
    OutputExistsError,
    OwnFileError,
    UnknownFormatError,
    UnwritableFileError,
)
from data.errors.files import (
    CopyBusyError,
    DamagedRunError,
    EmptyJournalError,
    ForeignFileError,
    ForeignJournalError,
    JournalBusyError,
    JournalElsewhereError,
    NewerJournalError,
    NewerSchemaError,
    NoFileYetError,
    NoSpaceError,
    NotHDF5Error,
    OlderSchemaError,
    RemarkError,
    RunBusyError,
    RunClosedError,
    RunFileError,
    SealBrokenError,
    TruncatedFileError,
    UnreadableFileError,
    UnwritableFolderError,
    WriteFailedError,
)
from data.errors.requests import (
    AmbiguousRunError,
    ConditionError,
    HeaderError,
    MomentError,
    PointError,
    ResultsError,
    RunNotFoundError,
    UnknownColumnError,
)
from data.errors.root import (
    DataError,
)

__all__ = [
    "AmbiguousRunError",
    "AnalysisError",
    "ConditionError",
    "ConvergenceError",
    "CopyBusyError",
    "DamagedRunError",
    "DataError",
    "EffectsError",
    "EmptyJournalError",
    "EmptySettingError",
    "ExportError",
    "ForeignFileError",
    "ForeignJournalError",
    "ForeignMemberError",
    "HeaderError",
    "IncompleteSettingsError",
    "InsufficientDataError",
    "JournalBusyError",
    "JournalElsewhereError",
    "MisfitError",
    "MissingPackageError",
    "MomentError",
    "NewerFormatError",
    "NewerJournalError",
    "NewerSchemaError",
    "NoFileYetError",
    "NoSignalError",
    "NoSpaceError",
    "NotHDF5Error",
    "OlderSchemaError",
    "OutputExistsError",
    "OwnFileError",
    "PointError",
    "PreparationsError",
    "ProjectionError",
    "RangeError",
    "RemarkError",
    "ResultsError",
    "RunBusyError",
    "RunClosedError",
    "RunFileError",
    "RunNotFoundError",
    "SealBrokenError",
    "SearchLimitError",
    "ShapeError",
    "TruncatedFileError",
    "UndeterminedError",
    "UnfinishedFitError",
    "UnitError",
    "UnknownColumnError",
    "UnknownFormatError",
    "UnreadableFileError",
    "UnwritableFileError",
    "UnwritableFolderError",
    "WriteFailedError",
]
