"""What is drawn of a program, and how two of them differ; pure values, for any way of drawing.

`depict` lays a program out along one axis of light time, every loop once, and reads from its events when
lines are high, what tones play, how voltages go and when detectors record.
"""

from sequences.picture.depicting import depict
from sequences.picture.difference import Change, Deviation, Thing, compare, deviation_text
from sequences.picture.picture import (
    Bars,
    Bracket,
    Fold,
    Gates,
    Group,
    Mark,
    Picture,
    Row,
    Samples,
    Stretch,
    Strokes,
)

__all__ = [
    "Bars",
    "Bracket",
    "Change",
    "Deviation",
    "Fold",
    "Gates",
    "Group",
    "Mark",
    "Picture",
    "Row",
    "Samples",
    "Stretch",
    "Strokes",
    "Thing",
    "compare",
    "depict",
    "deviation_text",
]
