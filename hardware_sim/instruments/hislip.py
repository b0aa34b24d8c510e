"""HiSLIP, the message-based LAN protocol of newer instruments, around any simulated instrument.

A client opens two connections: the synchronous one carries program messages and responses, the asynchronous
one what must not wait for them (status, locks, device clear). Every response carries the number of the
message that it answers, so that a late one is never taken for the answer to something else.

Only the synchronized mode is there. A response that the client did not read before its next message is lost,
and the client is told so on both channels.

Source: IVI-6.1 (HiSLIP), revision 1.1.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import NoReturn

from hardware_sim.instruments.endpoint import Endpoint, SessionEndedError
from hardware_sim.instruments.hislip_locks import LockAnswer, Locks
from hardware_sim.instruments.hislip_messages import (
    HEADER,
    LARGEST_MESSAGE,
    ErrorCode,
    FatalCode,
    HeaderError,
    Message,
    MessageReader,
    MessageType,
)
from hardware_sim.instruments.message_exchange import (
    MESSAGE_AVAILABLE,
    TRIGGER,
    MessageExchange,
    MessagePort,
    Response,
    read_status,
)

VERSION = 1 << 8  # 1.0: major and minor number, a byte each
VENDOR = int.from_bytes(b"IL", "big")  # two letters; free choice
SUB_ADDRESS = b"hislip0"
RESPONSE_READ = 1 << 0  # control code of a message: the response before it was read to its end
SMALLEST_MESSAGE = 256  # bytes; what a client must be able to take at least; free choice
PROGRAM_MESSAGES = (MessageType.DATA, MessageType.DATA_END, MessageType.TRIGGER)
LOCK_REQUEST = 1


class HislipEndpoint(MessagePort):
    """An instrument behind HiSLIP; serve it with `serve_tcp`.

    Attributes:
        locks: Of its clients.

    Example:
        >>> from hardware_sim.instruments.smc100a import SimulatedSmc100a
        >>> HislipEndpoint(SimulatedSmc100a()).tcp_resource.format(host="127.0.0.1", port=4880)
        'TCPIP::127.0.0.1::hislip0,4880::INSTR'
    """

    tcp_resource = "TCPIP::{host}::hislip0,{port}::INSTR"

    def __init__(self, inner: Endpoint, speed: float = 1.0) -> None:
        super().__init__(inner, speed)
        self.locks = Locks()
        self._clients: dict[int, HislipClient] = {}
        self._number = 0

    def connect(self) -> HislipChannel:
        """Accept a connection; its first message tells which channel it is."""
        return HislipChannel(self)

    def awaits_channel(self) -> bool:
        """Return whether a client has opened one of its channels only."""
        return any(client.asynchronous is None for client in self._clients.values())

    def admit(self, channel: HislipChannel) -> HislipClient:
        """Take a new client on its synchronous channel."""
        self._number = self._number % 0xFFFF + 1
        client = self._clients[self._number] = HislipClient(self, self._number, channel)
        return client

    def find(self, number: int) -> HislipClient | None:
        """Return the client with this session id that has no asynchronous channel yet."""
        client = self._clients.get(number)
        return client if client is not None and client.asynchronous is None else None

    def dismiss(self, number: int) -> None:
        """Forget a client and its locks."""
        self._clients.pop(number, None)
        self.locks.forget(number)


class HislipChannel:
    """One connection of a client: a `Session` of the endpoint."""

    def __init__(self, endpoint: HislipEndpoint) -> None:
        self._endpoint = endpoint
        self._reader = MessageReader()
        self._client: HislipClient | None = None
        self._outgoing = b""

    def receive(self, data: bytes, now: float) -> bytes:
        """Take bytes of the client and give what the channel sends.

        Args:
            data: Bytes from the client.
            now: Lab time in s.

        Raises:
            SessionEndedError: After a fatal error, or when the client's other channel is gone.
        """
        try:
            for message in self._reader.feed(data):
                self._obey(message, now)
        except HeaderError:
            self._fail(FatalCode.BAD_HEADER, "Poorly formed message header")
        if self._client is not None:
            if not self._client.alive:
                raise SessionEndedError
            self._client.advance(now)
        sent, self._outgoing = self._outgoing, b""
        return sent

    def due(self) -> float | None:
        """Return the lab time in s of the next output, None if there is none to come by itself."""
        return None if self._client is None else self._client.due(self)

    def close(self) -> None:
        """End the client's session; its other channel goes with this one."""
        if self._client is not None:
            self._client.end()

    def send(self, message: Message) -> None:
        """Put a message on the channel."""
        self._outgoing += message.encode()

    def _obey(self, message: Message, now: float) -> None:
        if message.excess:
            self._complain(ErrorCode.MESSAGE_TOO_LARGE, "Message too large")
        elif message.kind == MessageType.FATAL_ERROR:
            raise SessionEndedError(self._outgoing)
        elif self._client is None:
            self._initialize(message)
        elif self._client.asynchronous is None:
            self._fail(
                FatalCode.CHANNELS_MISSING, "Attempt to use connection without both channels established"
            )
        elif message.kind in (MessageType.INITIALIZE, MessageType.ASYNC_INITIALIZE):
            self._fail(FatalCode.BAD_INITIALIZATION, "Invalid initialization sequence")
        elif self._client.asynchronous is self:
            if not self._client.obey_asynchronous(message, now):
                self._complain(ErrorCode.UNRECOGNIZED_TYPE, "Unrecognized message type")
        elif not self._client.obey_synchronous(message):
            self._complain(ErrorCode.UNRECOGNIZED_TYPE, "Unrecognized message type")

    def _initialize(self, message: Message) -> None:
        if message.kind == MessageType.INITIALIZE and message.payload.lower() in (b"", SUB_ADDRESS):
            self._client = self._endpoint.admit(self)
            parameter = VERSION << 16 | self._client.number
            self.send(Message(MessageType.INITIALIZE_RESPONSE, 0, parameter))
            return
        client = self._endpoint.find(message.parameter & 0xFFFF)
        if message.kind != MessageType.ASYNC_INITIALIZE or client is None:
            self._fail(FatalCode.BAD_INITIALIZATION, "Invalid initialization sequence")
        self._client = client
        client.asynchronous = self
        self.send(Message(MessageType.ASYNC_INITIALIZE_RESPONSE, 0, VENDOR))

    def _complain(self, code: ErrorCode, text: str) -> None:
        self._endpoint.complaints.append(text)
        self.send(Message(MessageType.ERROR, code, 0, text.encode("ascii")))

    def _fail(self, code: FatalCode, text: str) -> NoReturn:
        self._endpoint.complaints.append(text)
        if self._client is not None:
            self._client.end()
        fatal = Message(MessageType.FATAL_ERROR, code, 0, text.encode("ascii"))
        raise SessionEndedError(self._outgoing + fatal.encode())


class HislipClient:
    """One client: its two channels, its exchange with the instrument, and what it waits for.

    Attributes:
        number: Session id.
        asynchronous: The asynchronous channel, None until it is opened.
        alive: Whether neither channel was closed.
    """

    def __init__(self, endpoint: HislipEndpoint, number: int, synchronous: HislipChannel) -> None:
        self.number = number
        self.asynchronous: HislipChannel | None = None
        self.alive = True
        self._endpoint = endpoint
        self._synchronous = synchronous
        self._exchange = MessageExchange(endpoint.inner)
        self._held: deque[Message] = deque()
        self._latest = 0  # number of the last program message
        self._answered = False  # a response is on its way, and the client did not confirm it yet
        self._clearing = False
        self._largest = LARGEST_MESSAGE
        self._lock_request: tuple[float, bytes] | None = None

    def obey_synchronous(self, message: Message) -> bool:
        """Obey a message on the synchronous channel; return False if it is of no type for that."""
        if message.kind == MessageType.DEVICE_CLEAR_COMPLETE:
            self._clearing = False
            self._synchronous.send(Message(MessageType.DEVICE_CLEAR_ACKNOWLEDGE))
        elif message.kind in PROGRAM_MESSAGES:
            if not self._clearing:
                self._held.append(message)
        else:
            return False
        return True

    def obey_asynchronous(self, message: Message, now: float) -> bool:
        """Obey a message on the asynchronous channel; return False if it is of no type for that.

        Args:
            message: The message.
            now: Lab time in s.
        """
        match message.kind:
            case MessageType.ASYNC_MAX_MESSAGE_SIZE:
                self._largest = max(int.from_bytes(message.payload, "big"), SMALLEST_MESSAGE)
                size = struct.pack("!Q", LARGEST_MESSAGE)
                self._tell(MessageType.ASYNC_MAX_MESSAGE_SIZE_RESPONSE, payload=size)
            case MessageType.ASYNC_STATUS_QUERY:
                self._tell(MessageType.ASYNC_STATUS_RESPONSE, self._status(message, now))
            case MessageType.ASYNC_DEVICE_CLEAR:
                self._clear()
                self._tell(MessageType.ASYNC_DEVICE_CLEAR_ACKNOWLEDGE)
            case MessageType.ASYNC_LOCK:
                self._obey_lock(message, now)
            case MessageType.ASYNC_LOCK_INFO:
                locks = self._endpoint.locks
                self._tell(MessageType.ASYNC_LOCK_INFO_RESPONSE, int(locks.exclusive), locks.holders)
            case MessageType.ASYNC_REMOTE_LOCAL_CONTROL:
                self._tell(MessageType.ASYNC_REMOTE_LOCAL_RESPONSE)
            case _:
                return False
        return True

    def advance(self, now: float) -> None:
        """Do what can be done at lab time ``now`` (s): grant locks, hand messages on, send responses."""
        self._settle_lock(now)
        while self._held and not self._endpoint.locks.bars(self.number):
            self._hand_on(self._held.popleft())
        for response in self._exchange.advance(now):
            self._respond(response)

    def due(self, channel: HislipChannel) -> float | None:
        """Return the lab time in s of the next output on one of the channels, None if there is none."""
        if channel is self.asynchronous:
            return None if self._lock_request is None else self._lock_request[0]
        return self._exchange.due()

    def end(self) -> None:
        """Forget the client."""
        if self.alive:
            self.alive = False
            self._exchange.close()
            self._endpoint.dismiss(self.number)

    def _tell(self, kind: MessageType, control: int = 0, parameter: int = 0, payload: bytes = b"") -> None:
        if self.asynchronous is not None:
            self.asynchronous.send(Message(kind, control, parameter, payload))

    def _hand_on(self, message: Message) -> None:
        self._latest = message.parameter
        if message.control & RESPONSE_READ:
            self._answered = False
        elif self._answered:
            self._interrupt()
        data = TRIGGER if message.kind == MessageType.TRIGGER else message.payload
        self._exchange.put(message.parameter, data, end=message.kind != MessageType.DATA)

    def _respond(self, response: Response) -> None:
        if response.tag != self._latest:  # the client asked something else in the meantime
            self._interrupt()
            return
        size = self._largest - HEADER.size
        pieces = [response.data[at : at + size] for at in range(0, len(response.data), size)]
        for piece in pieces[:-1]:
            self._synchronous.send(Message(MessageType.DATA, 0, response.tag, piece))
        self._synchronous.send(Message(MessageType.DATA_END, 0, response.tag, pieces[-1]))
        self._answered = True

    def _interrupt(self) -> None:
        self._answered = False
        self._synchronous.send(Message(MessageType.INTERRUPTED, 0, self._latest))
        self._tell(MessageType.ASYNC_INTERRUPTED, parameter=self._latest)

    def _clear(self) -> None:
        self._clearing, self._answered = True, False
        self._held.clear()
        self._exchange.clear()

    def _status(self, message: Message, now: float) -> int:
        if message.control & RESPONSE_READ:
            self._answered = False
        status = read_status(self._endpoint.inner, now)
        return status | (MESSAGE_AVAILABLE if self._answered else 0)

    def _obey_lock(self, message: Message, now: float) -> None:
        locks = self._endpoint.locks
        if message.control != LOCK_REQUEST:
            self._tell(MessageType.ASYNC_LOCK_RESPONSE, locks.release(self.number))
        elif locks.holds(self.number, message.payload):
            self._tell(MessageType.ASYNC_LOCK_RESPONSE, LockAnswer.ERROR)
        else:
            patience = message.parameter / 1e3 * self._endpoint.speed
            self._lock_request = (now + patience, message.payload)
            self._settle_lock(now)

    def _settle_lock(self, now: float) -> None:
        if self._lock_request is None:
            return
        deadline, key = self._lock_request
        granted = self._endpoint.locks.grant(self.number, key)
        if granted or now >= deadline:
            self._lock_request = None
            self._tell(MessageType.ASYNC_LOCK_RESPONSE, LockAnswer.SUCCESS if granted else LockAnswer.FAILURE)
