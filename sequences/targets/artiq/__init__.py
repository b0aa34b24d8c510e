"""ARTIQ on a Kasli crate: exact RTIO events, DMA traces, a player experiment and analyzer dumps."""

from sequences.targets.artiq.analyzer import (
    Dump,
    ExceptionKind,
    MessageKind,
    Messages,
    outputs_of,
    parse_dump,
    print_dump,
)
from sequences.targets.artiq.devices import (
    Device,
    EdgeCounter,
    Fastino,
    PhaseMode,
    TtlInput,
    TtlOut,
    Urukul,
    Zotino,
)
from sequences.targets.artiq.dma import parse_trace, print_trace
from sequences.targets.artiq.events import RtioEvents
from sequences.targets.artiq.kasli import Kasli
from sequences.targets.artiq.listing import parse_events, print_events, rtio_names
from sequences.targets.artiq.lowering import Lowered, lower_timeline
from sequences.targets.artiq.player import print_player
from sequences.targets.artiq.recording import Recording, record_program
from sequences.targets.artiq.rounding import Rounding, to_machine_units
from sequences.targets.artiq.situation import Situation, Tone
from sequences.targets.artiq.urukul import programming_time

__all__ = [
    "Device",
    "Dump",
    "EdgeCounter",
    "ExceptionKind",
    "Fastino",
    "Kasli",
    "Lowered",
    "MessageKind",
    "Messages",
    "PhaseMode",
    "Recording",
    "Rounding",
    "RtioEvents",
    "Situation",
    "Tone",
    "TtlInput",
    "TtlOut",
    "Urukul",
    "Zotino",
    "lower_timeline",
    "outputs_of",
    "parse_dump",
    "parse_events",
    "parse_trace",
    "print_dump",
    "print_events",
    "print_player",
    "print_trace",
    "programming_time",
    "record_program",
    "rtio_names",
    "to_machine_units",
]
