"""The timing core, simulated exactly: which writes reach their channels, when, and which are lost on the way.

A core is fed from memory, write by write (`events`). A dispatcher with a few queues takes each of them,
or refuses it (`dispatcher`); what leaves the queues meets at the channels (`output`). `rehearsal` walks a
whole program this way, with nothing but integers, and tells every fault at the author's line.
"""

from hardware_sim.rtio.dump import analyzer_dump
from hardware_sim.rtio.errors import CycleError
from hardware_sim.rtio.events import Outcome
from hardware_sim.rtio.faults import Fault
from hardware_sim.rtio.rehearsal import Rehearsal, rehearse

__all__ = ["CycleError", "Fault", "Outcome", "Rehearsal", "analyzer_dump", "rehearse"]
