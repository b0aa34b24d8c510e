"""Pulse sequences: what to play, when, on which channel.

Blocks are written with the language, compiled into a `Program` for a `Target`, and read as text. The errors
are in `sequences.errors`, blocks for the node in `sequences.library`, single passes in `sequences.compiler`.
"""

from sequences.compiler import Template, compile_sequence
from sequences.conditions import AllOf, AnyOf, Condition, Herald
from sequences.declarations import choice, count, declarations, flag, quantity
from sequences.dispatcher import Dispatcher
from sequences.errors import CompileError, SequenceError, Source
from sequences.ir import Alignment, Attempt, Block, Envelope, Readout, Sequence
from sequences.language import (
    Camera,
    Detector,
    Electrode,
    Frame,
    Line,
    Tone,
    Trigger,
    at,
    attempt,
    branch,
    delay,
    herald,
    mark,
    named,
    parallel,
    pattern,
    readout,
    repeat,
    sequence,
    serial,
    subsequence,
)
from sequences.parameters import Parameter, Value, per_shot
from sequences.program import AttemptLoop, Branch, Play, Program, ReadoutChannel, RepeatLoop, ShotValues, Wait
from sequences.shapes import Edge, Shape
from sequences.target import Channel, Kind, Limit, Quantity, Target
from sequences.text import parse_program, print_program
from sequences.timeline import Label, Operation, Timeline
from sequences.units import GHz, MHz, deg, kHz, ms, mV, ns, um, us

__all__ = [
    "Alignment",
    "AllOf",
    "AnyOf",
    "Attempt",
    "AttemptLoop",
    "Block",
    "Branch",
    "Camera",
    "Channel",
    "CompileError",
    "Condition",
    "Detector",
    "Dispatcher",
    "Edge",
    "Electrode",
    "Envelope",
    "Frame",
    "GHz",
    "Herald",
    "Kind",
    "Label",
    "Limit",
    "Line",
    "MHz",
    "Operation",
    "Parameter",
    "Play",
    "Program",
    "Quantity",
    "Readout",
    "ReadoutChannel",
    "RepeatLoop",
    "Sequence",
    "SequenceError",
    "Shape",
    "ShotValues",
    "Source",
    "Target",
    "Template",
    "Timeline",
    "Tone",
    "Trigger",
    "Value",
    "Wait",
    "at",
    "attempt",
    "branch",
    "choice",
    "compile_sequence",
    "count",
    "declarations",
    "deg",
    "delay",
    "flag",
    "herald",
    "kHz",
    "mV",
    "mark",
    "ms",
    "named",
    "ns",
    "parallel",
    "parse_program",
    "pattern",
    "per_shot",
    "print_program",
    "quantity",
    "readout",
    "repeat",
    "sequence",
    "serial",
    "subsequence",
    "um",
    "us",
]
