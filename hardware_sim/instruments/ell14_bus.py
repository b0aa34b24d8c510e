"""The serial bus of ELL14 mounts: it finds the commands in a stream without terminators and shares one line.

A command is an address, two lower-case letters or digits, and data whose length follows from them. A reply is
the address, two upper-case letters, data and CR LF.

Source: Thorlabs ELLx modules protocol manual, issues 7 to 10. What happens to malformed bytes is a free
choice.
"""

from __future__ import annotations

import string
from collections.abc import Mapping

from hardware_sim.instruments.ell14 import Ell14Mount, Status
from hardware_sim.instruments.errors import InstrumentSetupError
from hardware_sim.instruments.shared_line import SharedLine

ADDRESSES = "0123456789ABCDEF"
# Length of the data of each command that an ELL14 knows.
DATA_LENGTHS = {
    "in": 0, "gs": 0, "gp": 0, "gj": 0, "go": 0, "gv": 0, "us": 0, "fw": 0, "bw": 0,
    "ho": 1, "ca": 1, "sv": 2, "ma": 8, "mr": 8, "sj": 8, "so": 8,
}  # fmt: skip
COMMAND_TIMEOUT = 2.0  # s; an incomplete command is dropped after this silence (manual)


class Ell14Bus(SharedLine):
    r"""Several mounts on one serial line; serve it with `serve_pty` or `serve_tcp`.

    Attributes:
        mounts: The mounts, in the order given.

    Example:
        >>> import numpy as np
        >>> mount = Ell14Mount("11400197", np.random.default_rng(1))
        >>> line = Ell14Bus({"0": mount}).connect()
        >>> line.receive(b"0in0gs", now=0.0)
        b'0IN0E1140019720231701016800023000\r\n0GS00\r\n'
    """

    loses_link = False  # the USB adapter is fed by the computer, the mounts by their own supply

    def __init__(self, mounts: Mapping[str, Ell14Mount]) -> None:
        """Wire the mounts to the bus.

        Args:
            mounts: Mount by its address, one of the digits ``0`` to ``9`` and ``A`` to ``F``.

        Raises:
            InstrumentSetupError: If an address is none.
        """
        for address, mount in mounts.items():
            if len(address) != 1 or address not in ADDRESSES:
                raise InstrumentSetupError(
                    "address", address, "one of 0-9 and A-F", "use one capital hex digit"
                )
            mount.assign(address)
        super().__init__(boot_time=0.0)
        self.mounts = tuple(mounts.values())
        self._partial, self._last_byte_at = "", 0.0

    def switch_off(self, now: float) -> None:
        """Cut the mounts' power at lab time ``now`` (s); they stop and fall silent."""
        super().switch_off(now)
        self._partial = ""
        for mount in self.mounts:
            mount.lose_power(now)

    def due(self) -> float | None:
        """Return the lab time in s at which the next motion ends, None if all rest."""
        return min((end for mount in self.mounts if (end := mount.due()) is not None), default=None)

    def _converse(self, data: bytes, now: float) -> bytes:
        said = self._end_motions(now)
        if self._partial and now - self._last_byte_at > COMMAND_TIMEOUT:
            for mount in self._addressed(self._partial[0]):
                mount.complain(Status.COMMUNICATION_TIMEOUT)
            self.complaints.append(f"{self._partial!r}: incomplete")
            self._partial = ""
        for byte in data:
            said += self._take_byte(chr(byte), now)
        if data:
            self._last_byte_at = now
        return said.encode("ascii")

    def _end_motions(self, now: float) -> str:
        ended = sorted(
            (end, index) for index, mount in enumerate(self.mounts) if (end := mount.due()) is not None
        )
        return "".join(self.mounts[index].finish(now) for _, index in ended)

    def _addressed(self, address: str) -> list[Ell14Mount]:
        return [mount for mount in self.mounts if mount.address == address]

    def _take_byte(self, symbol: str, now: float) -> str:
        place = len(self._partial)
        legal = (ADDRESSES, string.ascii_lowercase + string.digits, string.ascii_lowercase + string.digits)
        if symbol not in (legal[place] if place < 3 else string.hexdigits):
            known, address = place >= 3, self._partial[:1]
            self.complaints.append(f"{self._partial + symbol!r}: no command")
            self._partial = ""
            return self._refuse(address) if known else ""
        self._partial += symbol
        address, command, data = self._partial[:1], self._partial[1:3], self._partial[3:]
        if len(command) < 2 or len(data) < DATA_LENGTHS.get(command, 0):
            return ""
        self._partial = ""
        if command not in DATA_LENGTHS:
            self.complaints.append(f"{address + command!r}: no such command")
            return self._refuse(address)
        return "".join(mount.obey(command, data.upper(), now) for mount in self._addressed(address))

    def _refuse(self, address: str) -> str:
        return "".join(mount.refuse(Status.COMMAND_ERROR) for mount in self._addressed(address))
