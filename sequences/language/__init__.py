"""What authors call: channels that know what they can play, and the ways to put blocks together.

A handle wraps one channel of the target and offers only what that kind of channel can do, so that an editor
completes it and a typo is an error before anything runs. Numbers are SI floats (seconds, hertz, volts; phases
in turns; amplitudes 0 to 1 of full scale), and each may be a `Parameter` or an expression of parameters.

Example:
    >>> from sequences.target import Channel, Kind, Target
    >>> from sequences.units import MHz, us
    >>> channels = (Channel("shutter", Kind.TTL, 0, 1e-9), Channel("raman", Kind.DDS, 1, 4e-9))
    >>> lab = Target("lab", 1e-9, channels)
    >>> shutter, raman = Line.of(lab, "shutter"), Tone.of(lab, "raman")
    >>> body = parallel(shutter.pulse(10 * us), raman.pulse(4 * us, 80 * MHz), align=Alignment.CENTRE)
    >>> sequence("flash", repeat(body, 100)).name
    'flash'
"""

from sequences.ir import Alignment
from sequences.language.deciding import attempt, branch, herald, readout, repeat
from sequences.language.frames import Frame
from sequences.language.handles import Camera, Detector, Electrode, Line, Tone, Trigger
from sequences.language.joining import at, delay, mark, named, parallel, serial
from sequences.language.patterns import pattern
from sequences.language.sequences import sequence
from sequences.language.subsequences import subsequence

__all__ = [
    "Alignment",
    "Camera",
    "Detector",
    "Electrode",
    "Frame",
    "Line",
    "Tone",
    "Trigger",
    "at",
    "attempt",
    "branch",
    "delay",
    "herald",
    "mark",
    "named",
    "parallel",
    "pattern",
    "readout",
    "repeat",
    "sequence",
    "serial",
    "subsequence",
]
