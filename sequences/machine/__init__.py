"""The machine's limits, proved against a whole program before it is played.

Every rule is a comparison of columns; a loop is followed until its passes repeat themselves, not to its end.

    lanes    more events in one cycle than the dispatcher has lanes; events that go back in time
    slack    events that are handed over too late: by the rate, or because a decision is not made yet
    buses    channels on a shared bus that cannot be programmed in time
    slew     voltages that change too fast
    pulses   pulses and gates that are too short
    sizes    memory, length of a shot, nesting of loops
"""

from sequences.machine.proof import Report, SlackTrace, examine, prove
from sequences.machine.slots import slots

__all__ = ["Report", "SlackTrace", "examine", "prove", "slots"]
