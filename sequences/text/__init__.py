"""A program as text that people read and machines read back, exactly.

One statement a line; what is inside a loop or a timeline is indented by two spaces:

    program NAME
    target NAME period TIME
    channel NUMBER KIND NAME grid TIME latency TIME spacing TIME [limit QUANTITY LOW HIGH]...
    readout NAME INDEX on CHANNEL
    source FILE LINE
    play DURATION
      TIME CHANNEL OPERATION VALUE from SOURCE
    repeat COUNT
      ...
    attempt MAXIMUM until CLICKS in NAME INDEX, NAME INDEX ...
      ...

Readouts and sources are numbered from 0 in the order of their lines. Values have all their digits and units,
times the largest unit that keeps them at 1 or more. A name with blanks or commas stands in double quotes.
"""

from sequences.text.printing import print_program
from sequences.text.reading import parse_program

__all__ = ["parse_program", "print_program"]
