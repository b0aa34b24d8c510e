"""The control channel of a bench: where faults are provoked while a driver talks to the instrument.

A TCP port on loopback, apart from those of the instruments. A request is one line of JSON with what to
``do``, its answer another: ``{"ok": true, "result": ...}`` or ``{"ok": false, "error": "..."}``.

======================================================  =====================================================
``{"do": "list"}``                                      instruments: driver, resource, faults, knobs
``{"do": "fault", "instrument": I, "fault": F}``        provoke one; ``"amount"`` says how much
``{"do": "knob", "instrument": I, "knob": K,            turn a knob at the front panel
"value": V}``
``{"do": "complaints", "instrument": I}``               what the instrument did not understand
``{"do": "stop"}``                                      stop the bench
======================================================  =====================================================

Whatever else is sent is answered with what is wrong about it; only who sends a line without end is sent away.
"""

from __future__ import annotations

import json
import math
import socket
import socketserver
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from hardware_sim.bench import Bench
from hardware_sim.bench_faults import LINE_FAULTS
from hardware_sim.instruments.errors import InstrumentSetupError
from hardware_sim.instruments.loopback import HOST

LONGEST_REQUEST: Final = 65_536  # bytes of a line
LOOK_SECONDS: Final = 0.05  # between two looks at whether to stop
OWN_FAULT: Final = "of this kind of instrument"


class BenchControl:
    """Serves the control channel of a bench until `close`.

    Args:
        bench: whose instruments shall suffer.

    Attributes:
        stopped: set when a client has asked the bench to stop.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.stopped = threading.Event()
        self._deeds: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
            "list": lambda _: self._list(),
            "fault": self._fault,
            "knob": self._knob,
            "complaints": self._complaints,
            "stop": lambda _: self.stopped.set(),
        }
        self._server = _Server(self.answer)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(LOOK_SECONDS,), name="bench control"
        )
        self._thread.start()

    @property
    def address(self) -> str:
        """Host and port, as ``127.0.0.1:40001``."""
        host, port = self._server.server_address[:2]
        return f"{host!s}:{port}"

    def close(self) -> None:
        """Stop serving, and hang up on who is still there."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, line: bytes) -> bytes:
        """Return the answer to one request, each a line."""
        try:
            reply = {"ok": True, "result": self._do(line)}
        except Exception as error:  # whatever an instrument stumbles over, the bench goes on
            told = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
            reply = {"ok": False, "error": told}
        return json.dumps(reply).encode() + b"\n"

    def _do(self, line: bytes) -> Any:
        asked = json.loads(line)
        if not isinstance(asked, dict):
            raise InstrumentSetupError(
                "the request", asked, "a JSON object", "see hardware_sim.bench_control"
            )
        return self._deeds[_word(asked, "do", tuple(self._deeds))](asked)

    def _list(self) -> dict[str, Any]:
        of_the_line = {name: meaning for name, (meaning, _) in LINE_FAULTS.items()}
        return {
            "resources": self._bench.resources,
            "instruments": {
                name: {
                    "driver": member.driver,
                    "resource": member.server.resource,
                    "faults": {fault: of_the_line.get(fault, OWN_FAULT) for fault in member.faults},
                    "knobs": getattr(member.instrument, "KNOBS", ()),
                }
                for name, member in self._bench.members.items()
            },
        }

    def _fault(self, asked: Mapping[str, Any]) -> None:
        name = _word(asked, "instrument", tuple(self._bench.members))
        fault = _word(asked, "fault", self._bench.member(name).faults)
        amount = asked.get("amount")
        if amount is not None and not (_is_number(amount) and amount >= 0):
            raise InstrumentSetupError("amount", amount, "a finite number from 0 on", "or leave it out")
        self._bench.cause(name, fault, None if amount is None else float(amount))

    def _knob(self, asked: Mapping[str, Any]) -> None:
        name = _word(asked, "instrument", tuple(self._bench.members))
        knob, value = _word(asked, "knob"), asked.get("value")
        if isinstance(value, int | float) and _is_number(value):
            value = float(value)
        elif not isinstance(value, bool | str):
            raise InstrumentSetupError(
                "value", value, "a finite number in SI units, true, false or a word", "give one"
            )
        self._bench.turn_knob(name, knob, value)

    def _complaints(self, asked: Mapping[str, Any]) -> list[str]:
        member = self._bench.member(_word(asked, "instrument", tuple(self._bench.members)))
        return [str(complaint) for complaint in member.instrument.complaints]


def _word(asked: Mapping[str, Any], key: str, known: tuple[str, ...] = ()) -> str:
    """Return a text of a request, one of those that are known if any are named."""
    word = asked.get(key)
    if not isinstance(word, str) or (known and word not in known):
        raise InstrumentSetupError(key, word, ", ".join(known) or "a text", "give one of them")
    return word


def _is_number(value: object) -> bool:
    # JSON has whole numbers that no float can be.
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) < 1e300
        and math.isfinite(value)
    )


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = False  # `server_close` waits for them
    allow_reuse_address = True

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self.answer = answer
        self._clients: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__((HOST, 0), _Conversation)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._clients.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._clients.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        with self._lock:
            for client in self._clients:
                with suppress(OSError):  # it has gone meanwhile
                    client.shutdown(socket.SHUT_RDWR)
        super().server_close()


class _Conversation(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        with suppress(OSError):  # the client has gone, which ends it as well
            while line := self.rfile.readline(LONGEST_REQUEST):
                if not line.endswith(b"\n"):
                    self.wfile.write(_refusal(len(line)))
                    return
                self.wfile.write(self.server.answer(line))

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()


def _refusal(size: int) -> bytes:
    told = f"a line without end after {size} bytes; one may have {LONGEST_REQUEST} at most"
    return json.dumps({"ok": False, "error": told}).encode() + b"\n"
