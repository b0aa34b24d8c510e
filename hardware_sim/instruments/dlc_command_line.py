"""The command line of a DLC pro: an interpreter of expressions in parentheses, with a prompt.

Source: requests and replies as TOPTICA's Python client (toptica-lasersdk 3.3.0) sends and expects them; the
welcome as QMI waits for it. ASSUMED: the form of ``param-disp``, and that an expression may take several
lines.
"""

from __future__ import annotations

from typing import Protocol

from hardware_sim.instruments.decop_syntax import (
    DecopError,
    ErrorCode,
    Expression,
    Marked,
    Symbol,
    Value,
    constant,
    format_value,
    is_open,
    parse_expression,
    quoted_name,
)
from hardware_sim.instruments.dlc_parameters import UserLevel

PROMPT = "\r\n> "
WELCOME = "Welcome to DLC pro DeCoF Command Line" + PROMPT
ECHO_OFF, CANCEL = "\x12", "\x03"
LINE_LIMIT = 65_536  # characters of one expression; free choice


class Controller(Protocol):
    """What a command line needs of its controller."""

    powered: bool

    def read(self, name: str, now: float, level: UserLevel = ...) -> Value:
        """Return the value of a parameter."""
        ...

    def write(self, name: str, value: Value, level: UserLevel, now: float) -> int:
        """Set a parameter and return 0 or a warning."""
        ...

    def execute(self, command: str, arguments: tuple[Value, ...], now: float) -> str:
        """Obey a command and return what the controller says."""
        ...

    def names(self) -> list[str]:
        """Return the names of all parameters."""
        ...

    def change_level(self, present: UserLevel, arguments: tuple[Value, ...]) -> UserLevel:
        """Return a client's user level after ``change-ul``."""
        ...

    def complain(self, error: DecopError) -> str:
        """Remember an error that a client is told, and return its text."""
        ...


class CommandLine:
    """One client of the command line: an interpreter of expressions with a prompt."""

    __slots__ = ("_dlc", "_level", "_text", "_welcomed")

    def __init__(self, dlc: Controller) -> None:
        self._dlc = dlc
        self._level = UserLevel.NORMAL
        self._text = ""
        self._welcomed = False

    def receive(self, data: bytes, now: float) -> bytes:
        """Take bytes and answer each expression that is complete and ended by a line feed."""
        if not self._dlc.powered:
            self._text = ""
            return b""
        said = "" if self._welcomed else WELCOME
        self._welcomed = True
        for letter in data.decode("latin-1"):
            said += self._take(letter, now)
        return said.encode("latin-1")

    def due(self) -> float | None:
        """Return None: the command line speaks only when spoken to."""
        return None

    def close(self) -> None:
        """Forget this client."""

    def _take(self, letter: str, now: float) -> str:
        if letter == ECHO_OFF:  # nothing to switch off: only the serial line of the real controller echoes
            return PROMPT
        if letter == CANCEL:
            self._text = ""
            return PROMPT
        self._text += letter
        if len(self._text) > LINE_LIMIT:
            self._text = ""
            return self._dlc.complain(DecopError(ErrorCode.PARSE, "the expression is too long")) + PROMPT
        if letter != "\n" or is_open(self._text):
            return ""
        text, self._text = self._text.strip(), ""
        return (self._answer(text, now) if text else "") + PROMPT

    def _answer(self, text: str, now: float) -> str:
        try:
            if not text.isascii():
                raise DecopError(ErrorCode.PARSE, "a character is not ASCII")
            return self._say(parse_expression(text), now)
        except DecopError as error:
            return self._dlc.complain(error)

    def _say(self, expression: Expression, now: float) -> str:
        """Return what the interpreter prints for an expression."""
        if isinstance(expression, Marked) and expression.mark == "`":
            return format_value(self._fill(expression.body, now))
        if not isinstance(expression, tuple):
            return format_value(constant(expression))
        if not expression or not isinstance(expression[0], Symbol):
            raise DecopError(ErrorCode.UNKNOWN_OPERATION, "an operation is needed after the parenthesis")
        operation, arguments = expression[0].name, expression[1:]
        if operation == "param-set!":
            return self._set(arguments, now)
        if operation == "exec":
            return self._execute(arguments, now)
        if operation == "param-disp":
            return self._display(arguments, now)
        return format_value(self._evaluate(expression, now))

    def _evaluate(self, expression: Expression, now: float) -> Value:
        if not isinstance(expression, tuple):
            return constant(expression)
        match expression:
            case (Symbol("param-ref" | "param-gsv"), name):
                return self._dlc.read(quoted_name(name), now, self._level)
            case (Symbol("param-ref" | "param-gsv"), *_):
                raise DecopError(ErrorCode.PARSE, "param-ref takes one name")
            case (Symbol(operation), *_):
                raise DecopError(ErrorCode.UNKNOWN_OPERATION, operation)
        raise DecopError(ErrorCode.UNKNOWN_OPERATION, "an operation is needed after the parenthesis")

    def _fill(self, expression: Expression, now: float) -> Value:
        if isinstance(expression, Marked) and expression.mark == ",":
            return self._evaluate(expression.body, now)
        if isinstance(expression, tuple):
            return tuple(self._fill(each, now) for each in expression)
        return constant(expression)

    def _set(self, arguments: tuple[Expression, ...], now: float) -> str:
        if len(arguments) != 2:
            raise DecopError(ErrorCode.PARSE, "param-set! takes a name and a value")
        name = quoted_name(arguments[0])
        try:
            return str(self._dlc.write(name, constant(arguments[1]), self._level, now))
        except DecopError as error:
            self._dlc.complain(error)
            return str(-error.code)

    def _execute(self, arguments: tuple[Expression, ...], now: float) -> str:
        if not arguments:
            raise DecopError(ErrorCode.PARSE, "exec takes a name")
        command = quoted_name(arguments[0])
        values = tuple(constant(each) for each in arguments[1:])
        if command == "change-ul":
            self._level = self._dlc.change_level(self._level, values)
            return str(int(self._level))
        return self._dlc.execute(command, values, now)

    def _display(self, arguments: tuple[Expression, ...], now: float) -> str:
        branch = quoted_name(arguments[0]) if arguments else ""
        names = [name for name in self._dlc.names() if not branch or (name + ":").startswith(branch + ":")]
        if not names:
            raise DecopError(ErrorCode.INVALID_PARAMETER, branch)
        lines = (f"{name} = {format_value(self._dlc.read(name, now, self._level))}" for name in names)
        return "\r\n".join(lines)
