"""The runs of a folder: an index that is made from the files and can be made again."""

from data.catalogue.catalogue import Catalogue, find_runs
from data.catalogue.compiling import ReadQuantity, read_base_unit
from data.catalogue.heads import UsedParameter
from data.catalogue.lineage import Lineage, Relative, trace_run
from data.catalogue.moments import read_moment
from data.catalogue.summary import STATUSES, RunSummary, SummaryStatus
from data.run_names import find_run

__all__ = [
    "STATUSES",
    "Catalogue",
    "Lineage",
    "ReadQuantity",
    "Relative",
    "RunSummary",
    "SummaryStatus",
    "UsedParameter",
    "find_run",
    "find_runs",
    "read_base_unit",
    "read_moment",
    "trace_run",
]
