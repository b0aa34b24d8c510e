"""Parameters of an analysis, as its signature declares them: read from texts, typed by annotation.

Example:
    >>> def analyse(run, *, window: Annotated[float, "s"] = 1e-6, bins: int = 10): ...
    >>> bind(parameters_of(analyse), {"window": "2 us", "bins": "20"}, "analyse()")
    {'window': 2e-06, 'bins': 20}
    >>> bind(parameters_of(analyse), {"bins": "many"}, "analyse()")
    Traceback (most recent call last):
    ...
    control.errors.ConfigError: bins: 'many' is not a plain finite number (%, ppm are accepted)
"""

from __future__ import annotations

import ast
import inspect
import types
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from control.errors import ConfigError, nearest
from sequences.declarations import Declaration
from sequences.errors import DeclaredValueError, SequenceError, UnitError
from sequences.units import check_unit, parse

RANDOM: Final = "rng"
"""The parameter that is given a numpy Generator, seeded by the id of the run."""

_UNITS: Final = ("", "s", "Hz", "V", "A", "W", "m", "T", "turn", "Pa", "1/s")
_SWITCHES: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_KINDS: Final = (float, int, str, bool)


@dataclass(frozen=True, slots=True)
class Given:
    """A parameter that a person can give.

    Attributes:
        name: of it.
        declared: what it accepts; None where only a text can tell what it is.
        default: if it is not given; `inspect.Parameter.empty` if it must be.
    """

    name: str
    declared: Declaration | None
    default: Any = inspect.Parameter.empty

    def read(self, text: str) -> Any:
        """Return the value that a text means.

        Raises:
            DeclaredValueError: it is not accepted.
        """
        if self.declared is None:
            return guess(text)
        if self.declared.kind is str and not self.declared.choices:
            return text
        if self.declared.kind is float and not self.declared.unit:
            number = guess(text)  # without a declared unit, any will do
            return self.declared.read(self.name, text if isinstance(number, str | bool) else float(number))
        return self.declared.read(self.name, text)


@dataclass(frozen=True, slots=True)
class Signature:
    """The parameters of an analysis.

    Attributes:
        named: by name.
        open: whether it takes others, too.
        random: whether it wants random numbers.
    """

    named: Mapping[str, Given]
    open: bool = False
    random: bool = False


def parameters_of(function: Callable[..., Any]) -> Signature:
    """Return what can be given to an analysis: everything behind its first argument, which is the run.

    Raises:
        ConfigError: it takes no run, or has an annotation that no text can be read as.
    """
    declared = list(inspect.signature(function).parameters.values())
    first = declared[0] if declared else None
    others = declared[1:]
    if first is None or first.kind in {first.KEYWORD_ONLY, first.VAR_KEYWORD}:
        raise ConfigError((f"{place_of(function)}: analyse() has no argument for the run",))
    named = {}
    problems = []
    for parameter in others:
        if parameter.kind in {parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL} or parameter.name == RANDOM:
            continue
        try:
            named[parameter.name] = Given(parameter.name, _declared(function, parameter), parameter.default)
        except (TypeError, NameError, SequenceError) as error:
            problems.append(f"{place_of(function)}: parameter {parameter.name!r} {error}")
    if problems:
        raise ConfigError(tuple(problems))
    kinds = {parameter.kind for parameter in others}
    wants_random = any(parameter.name == RANDOM for parameter in others)
    return Signature(named, inspect.Parameter.VAR_KEYWORD in kinds, wants_random)


def bind(signature: Signature, texts: Mapping[str, str], what: str) -> dict[str, Any]:
    """Return the values that texts mean, with defaults for the others.

    Args:
        signature: of the analysis.
        texts: name -> what was typed.
        what: the analysis is called, for the errors.

    Raises:
        ConfigError: names that it does not have, values that it does not accept: all of them.
    """
    problems = []
    values = {name: given.default for name, given in signature.named.items() if name not in texts}
    for name, default in values.items():
        if default is inspect.Parameter.empty:
            problems.append(f"{what} needs a value for {name}: -p {name}=...")
    for name, text in texts.items():
        given = signature.named.get(name) or (Given(name, None) if signature.open else None)
        if given is None:
            problems.append(unknown_parameter(what, name, signature.named))
            continue
        try:
            values[name] = given.read(text)
        except DeclaredValueError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError(tuple(problems))
    return values


def unknown_parameter(what: str, name: str, known: Iterable[str]) -> str:
    """Return the sentence that tells that an analysis has no such parameter."""
    names = list(known)
    return f"{what} has no parameter {name!r}. {nearest(name, names) if names else 'It has none.'}"


def guess(text: str) -> Any:
    """Return what a text means where nothing is declared: a number in SI units, a switch, or itself.

    Example:
        >>> guess("20 ms"), guess("3"), guess("on"), guess("photon_h")
        (0.02, 3, True, 'photon_h')
    """
    if text.lower() in _SWITCHES:
        return _SWITCHES[text.lower()]
    with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
        number = ast.literal_eval(text)
        return number if isinstance(number, int | float) else text
    for unit in _UNITS:
        with suppress(UnitError):
            return parse(text, unit)
    return text


def place_of(function: Callable[..., Any]) -> str:
    """Return file and line of a function, as messages tell it."""
    code = getattr(function, "__code__", None)
    return f"{code.co_filename.rpartition('/')[2]}:{code.co_firstlineno}" if code else repr(function)


def _declared(function: Callable[..., Any], parameter: inspect.Parameter) -> Declaration | None:
    """Return what an annotation, or else the kind of the default, accepts."""
    if parameter.annotation is inspect.Parameter.empty:
        kind = type(parameter.default)
        return Declaration(kind, "", optional=True) if kind in _KINDS else None
    holder = types.SimpleNamespace(__annotations__={parameter.name: parameter.annotation})
    hint = get_type_hints(holder, vars(inspect.getmodule(function)), include_extras=True)[parameter.name]
    return _accepts(hint, parameter.name)


def _accepts(hint: Any, name: str) -> Declaration:
    """Return the declaration that an annotation stands for.

    Raises:
        TypeError: it is none that a text can be read as.
    """
    if get_origin(hint) is Annotated:
        inner, *extras = get_args(hint)
        found = next((extra for extra in extras if isinstance(extra, Declaration)), None)
        if found is not None:
            return found
        plain = _accepts(inner, name)
        unit = next((extra for extra in extras if isinstance(extra, str)), "")
        check_unit(name, unit)
        return Declaration(plain.kind, "", unit, choices=plain.choices, optional=plain.optional)
    if get_origin(hint) in {Union, types.UnionType}:
        kinds = [kind for kind in get_args(hint) if kind is not type(None)]
        if len(kinds) == 1:
            plain = _accepts(kinds[0], name)
            return Declaration(plain.kind, "", plain.unit, choices=plain.choices, optional=True)
    if get_origin(hint) is Literal and all(isinstance(choice, str) for choice in get_args(hint)):
        return Declaration(str, "", choices=get_args(hint))
    if hint in _KINDS:
        return Declaration(hint, "")
    told = getattr(hint, "__name__", None) or hint
    raise TypeError(f"is annotated {told}; use float, int, str, bool, or Literal of texts")
