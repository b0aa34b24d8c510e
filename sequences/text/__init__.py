"""A program as text that people read and machines read back, exactly.

One statement a line; what is inside a loop or a timeline is indented by two spaces:

    program NAME
    target NAME period TIME
    dispatcher lanes WHOLE depth WHOLE ...
    channel NUMBER KIND NAME grid TIME latency TIME spacing TIME ... [limit QUANTITY LOW HIGH]...
    readout NAME INDEX on CHANNEL
    source FILE LINE
    play DURATION
      label NAME START STOP
      TIME CHANNEL OPERATION VALUE from SOURCE
    repeat COUNT
      ...
    attempt MAXIMUM until CONDITION [timeout TIME] [every COUNT]
      ...
    between
      ...
    branch CONDITION
      ...
    otherwise
      ...
    wait CHANNEL timeout TIME
    vary TIMELINE events ROW, ROW ...
      VALUE, VALUE ...

A condition is `CLICKS in NAME INDEX, NAME INDEX ...`, with CLICKS a least number or `LEAST..MOST`; or several
of them, as `all { CONDITION ; CONDITION }` or `any { ... }`. Below `vary` there is one line for each shot.

Readouts and sources are numbered from 0 in the order of their lines. Values have all their digits and units,
times the largest unit that keeps them at 1 or more. A name with blanks or commas stands in double quotes.
"""

from sequences.text.printing import print_program
from sequences.text.reading import parse_program

__all__ = ["parse_program", "print_program"]
