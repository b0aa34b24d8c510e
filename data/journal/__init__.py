"""Append-only journals: bytes in, bytes out, and nothing that was synced is ever lost.

It knows nothing of runs: what the kinds of frames mean is for those who write them.
"""

from data.journal.frames import Frame
from data.journal.machine import this_machine
from data.journal.reader import Gap, JournalReader
from data.journal.writer import JournalWriter

__all__ = ["Frame", "Gap", "JournalReader", "JournalWriter", "this_machine"]
