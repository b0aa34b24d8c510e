"""The little language that says which runs are wanted.

A condition compares what runs have with values, and joins comparisons by ``and``, ``or``, ``not`` and
parentheses::

    parameters.power > 0.5 and results.bell_fidelity >= 92 % and axis.duration

    condition   = conjunction { "or" conjunction }
    conjunction = negation { "and" negation }
    negation    = "not" negation | "(" condition ")" | comparison
    comparison  = operand { operator operand }          at most two operators: 1 us < duration <= 20 us
    operator    = "<" | "<=" | ">" | ">=" | "=" | "==" | "!=" | "~"      the last means: contains
    operand     = name | number [unit] | date | text
    name        = [scope "."] word { "." word }         a word with other characters stands in double quotes
    scope       = "parameter" | "result" | "axis" | "run", also in the plural

A name alone asks whether the run has it. A comparison with something that a run does not have is false. A
word opposite to a name is a text and needs no quotes: ``experiment = rabi``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast

from data.errors import ConditionError

Operator: TypeAlias = Literal["<", "<=", ">", ">=", "=", "!=", "~"]

LONGEST: Final = 2000
"""Characters of a condition: SQLite takes at most 1000 parts one within the other."""
_DEEPEST: Final = 50  # parentheses and `not`s one within the other

_KEYWORDS: Final = ("and", "or", "not")
_MIRRORED: Final[dict[Operator, Operator]] = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_TOKEN: Final = re.compile(
    r"""
    (?P<date>\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?)
  | (?P<number>[+\-\u2212]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?
        (?:\s*(?!(?:and|or|not)\b)(?P<unit>[^\s()<>=!~'"]+))?)
  | (?P<name>[^\W\d]\w*(?:\.(?:\w+|"[^"]*"))*)
  | (?P<text>'[^']*'|"[^"]*")
  | (?P<operator><=|>=|==|!=|<|>|=|~)
  | (?P<bracket>[()])
    """,
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Name:
    """Something that a run may have.

    Attributes:
        text: as it was written, without quotes.
        position: of its first character, from 1.
    """

    text: str
    position: int


@dataclass(frozen=True, slots=True)
class Value:
    """A value to compare with.

    Attributes:
        kind: what it looks like.
        text: as it was written, without quotes.
        position: of its first character, from 1.
    """

    kind: Literal["number", "date", "text"]
    text: str
    position: int


@dataclass(frozen=True, slots=True)
class Has:
    """Whether a run has something at all."""

    name: Name


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether what a run has stands in a relation to a value; the name is always on the left."""

    name: Name
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    inner: Condition


@dataclass(frozen=True, slots=True)
class Joined:
    """Several conditions of which all ("and") or one ("or") must hold."""

    word: Literal["and", "or"]
    parts: tuple[Condition, ...]


Condition: TypeAlias = Has | Comparison | Not | Joined


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


def parse_condition(text: str) -> Condition:
    """Read a condition.

    Raises:
        ConditionError: if it cannot be understood; tells where, and what is expected there.

    Example:
        >>> parse_condition("1 us < wait")
        Comparison(name=Name(text='wait', position=8), operator='>',
                   value=Value(kind='number', text='1 us', position=1))
    """
    if len(text) > LONGEST:
        raise ConditionError(text, LONGEST + 1, "it goes on", f"at most {LONGEST} characters")
    parser = _Parser(text)
    condition = parser.condition(0)
    parser.expect_end()
    return condition


def _tokens(text: str) -> Iterator[_Token]:
    place = 0
    while text[place:].strip():
        place += len(text[place:]) - len(text[place:].lstrip())
        match = _TOKEN.match(text, place)
        if match is None:
            quote = text[place] in "'\""
            found, wanted = (
                ("a quote begins", "its end") if quote else (f"there is {text[place]!r}", _OPERANDS)
            )
            raise ConditionError(text, place + 1, found, wanted)
        kind = next(kind for kind in ("date", "number", "name", "text", "operator", "bracket") if match[kind])
        keyword = kind == "name" and match[0].lower() in _KEYWORDS
        yield _Token(match[0].lower() if keyword else kind, match[0], place + 1)
        place = match.end()
    yield _Token("end", "", len(text.rstrip()) + 1)


_OPERANDS: Final = "a name, a number with its unit, a date or a text in quotes"


class _Parser:
    """Takes tokens one after the other; each method takes what its rule of the grammar describes."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._next = 0

    def condition(self, depth: int) -> Condition:
        return self._joined("or", depth)

    def expect_end(self) -> None:
        if self._peek().kind != "end":
            raise self._error("`and`, `or`, or the end")

    def _joined(self, word: Literal["and", "or"], depth: int) -> Condition:
        parts = [self._part(word, depth)]
        while self._take(word):
            parts.append(self._part(word, depth))
        return parts[0] if len(parts) == 1 else Joined(word, tuple(parts))

    def _part(self, word: Literal["and", "or"], depth: int) -> Condition:
        return self._joined("and", depth) if word == "or" else self._negation(depth)

    def _negation(self, depth: int) -> Condition:
        if depth > _DEEPEST:
            raise self._error(f"at most {_DEEPEST} parentheses one within the other")
        if self._take("not"):
            return Not(self._negation(depth + 1))
        if self._peek().text == "(":
            self._next += 1
            inner = self.condition(depth + 1)
            if self._peek().text != ")":
                raise self._error("`and`, `or`, or )")
            self._next += 1
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        operands = [self._operand()]
        operators: list[Operator] = []
        while self._peek().kind == "operator" and len(operators) < 2:
            operators.append(self._operator())
            operands.append(self._operand())
        if not operators:
            if operands[0].kind != "name":
                raise self._error("a comparison, as in `power > 0.5`")
            return Has(_name(operands[0]))
        parts = [
            self._pair(left, operator, right)
            for left, operator, right in zip(operands, operators, operands[1:], strict=False)
        ]
        return parts[0] if len(parts) == 1 else Joined("and", tuple(parts))

    def _pair(self, left: _Token, operator: Operator, right: _Token) -> Comparison:
        """Return a comparison with its name on the left; a word opposite to a name is a text."""
        if left.kind == "name":
            return Comparison(_name(left), operator, _literal(right))
        if right.kind == "name" and operator != "~":
            return Comparison(_name(right), _MIRRORED.get(operator, operator), _literal(left))
        raise ConditionError(self._text, left.position, f"{left.text} is no name", "a name to compare with")

    def _operand(self) -> _Token:
        token = self._peek()
        if token.kind not in ("name", "number", "date", "text"):
            raise self._error(_OPERANDS)
        self._next += 1
        return token

    def _operator(self) -> Operator:
        text = self._peek().text
        self._next += 1
        return cast("Operator", "=" if text == "==" else text)

    def _take(self, kind: str) -> bool:
        found = self._peek().kind == kind
        self._next += found
        return found

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _error(self, expected: str) -> ConditionError:
        token = self._peek()
        found = "it ends" if token.kind == "end" else f"there is {token.text!r}"
        return ConditionError(self._text, token.position, found, expected)


def _name(token: _Token) -> Name:
    return Name(token.text.replace('"', ""), token.position)


def _literal(token: _Token) -> Value:
    kind = token.kind if token.kind in ("number", "date") else "text"
    text = token.text[1:-1] if token.kind == "text" else token.text
    return Value(cast("Literal['number', 'date', 'text']", kind), text, token.position)
