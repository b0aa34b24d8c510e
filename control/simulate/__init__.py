"""Parameter studies on the simulated lab: one experiment at many settings, played by many workers.

`simulate` is the way in; what it returns, and what lies in the folder of a study, is made of the other names.
"""

from control.simulate.errors import AnotherStudy, BusyStudy, InterruptedStudy, LostWorker, NoCluster
from control.simulate.merging import Outcome
from control.simulate.simulation import Pace, Simulated, simulate
from control.simulate.study import Setting, Study
from control.simulate.tally import Multiset, PointTally, Tally, tally_of

__all__ = [
    "AnotherStudy",
    "BusyStudy",
    "InterruptedStudy",
    "LostWorker",
    "Multiset",
    "NoCluster",
    "Outcome",
    "Pace",
    "PointTally",
    "Setting",
    "Simulated",
    "Study",
    "Tally",
    "simulate",
    "tally_of",
]
