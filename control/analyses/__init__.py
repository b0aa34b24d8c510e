"""Analyses of runs that are there: again, another one, of many runs, and how their results are shown.

`reanalyse` is the way in for many runs, `find_analysis` for one; `registry.SHIPPED` lists what comes with
ionloom, and `present` shows any run.
"""

from control.analyses.analysis import Analysis, FunctionAnalysis, OwnAnalysis, table_of
from control.analyses.batches import Analysed, Wanted
from control.analyses.errors import InterruptedAnalysis
from control.analyses.presentation import Presentation, analysis_of, present
from control.analyses.reanalysis import analyse_one, reanalyse
from control.analyses.registry import SHIPPED, analysis_names, find_analysis

__all__ = [
    "SHIPPED",
    "Analysed",
    "Analysis",
    "FunctionAnalysis",
    "InterruptedAnalysis",
    "OwnAnalysis",
    "Presentation",
    "Wanted",
    "analyse_one",
    "analysis_names",
    "analysis_of",
    "find_analysis",
    "present",
    "reanalyse",
    "table_of",
]
