"""Pulse sequences: what to play, when, on which channel.

Blocks are written with the language, compiled into a `Program` for a `Target`, and read as text. The errors
are in `sequences.errors`, blocks for the node in `sequences.library`, single passes in `sequences.compiler`.
"""

from sequences.compiler import compile_sequence
from sequences.declarations import choice, count, declarations, flag, quantity
from sequences.errors import CompileError, SequenceError, Source
from sequences.ir import Alignment, Attempt, Block, Herald, Readout, Sequence, Shape
from sequences.language import (
    Camera,
    Detector,
    Electrode,
    Line,
    Tone,
    attempt,
    delay,
    herald,
    parallel,
    readout,
    repeat,
    sequence,
    serial,
)
from sequences.parameters import Parameter, Value
from sequences.program import AttemptLoop, Play, Program, ReadoutChannel, RepeatLoop
from sequences.target import Channel, Kind, Limit, Quantity, Target
from sequences.text import parse_program, print_program
from sequences.timeline import Operation, Timeline
from sequences.units import GHz, MHz, deg, kHz, ms, mV, ns, um, us

__all__ = [
    "Alignment",
    "Attempt",
    "AttemptLoop",
    "Block",
    "Camera",
    "Channel",
    "CompileError",
    "Detector",
    "Electrode",
    "GHz",
    "Herald",
    "Kind",
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
    "Source",
    "Target",
    "Timeline",
    "Tone",
    "Value",
    "attempt",
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
    "ms",
    "ns",
    "parallel",
    "parse_program",
    "print_program",
    "quantity",
    "readout",
    "repeat",
    "sequence",
    "serial",
    "um",
    "us",
]
