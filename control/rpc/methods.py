"""What of an object can be called from afar, and what is told about it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from control.errors import UnknownName, UsageError, nearest
from control.rpc import pyon
from control.rpc.bounds import glimpse
from control.rpc.errors import NotEncodable

Method = Callable[..., Any]


def public_methods(target: object) -> dict[str, Method]:
    """Return what may be called of an object, by name.

    These are its public methods, or those of them that its attribute ``rpc_methods`` names. Nothing is
    computed to find them: a property of a driver would talk to its instrument.

    Args:
        target: any object.

    Raises:
        UsageError: ``rpc_methods`` names something private.
        UnknownName: ``rpc_methods`` names something that is not there.

    Example:
        >>> class Shutter:
        ...     def open(self): ...
        ...     def _wire(self): ...
        >>> list(public_methods(Shutter()))
        ['open']
    """
    chosen = getattr(target, "rpc_methods", None)
    if chosen is None:
        names = [name for name in dir(target) if not name.startswith("_") and _is_method(target, name)]
        return {name: getattr(target, name) for name in names}
    for name in chosen:
        if name.startswith("_"):
            raise UsageError(
                what=f"rpc_methods of {type(target).__name__} names {name!r}, which is private",
                advice="Name public methods only",
            )
        if not callable(getattr(target, name, None)):
            what = f"rpc_methods of {type(target).__name__}"
            raise UnknownName(kind="method", name=name, known=tuple(dir(target)), what=what)
    return {name: getattr(target, name) for name in sorted(chosen)}


def find_method(methods: Mapping[str, Method], name: object) -> Method:
    """Return the method of a name that came over the wire.

    Raises:
        AttributeError: there is none, or it is not to be called from afar. Python's own error, which every
            client knows.
    """
    if isinstance(name, str) and name in methods:
        return methods[name]
    shown = glimpse(name)
    raise AttributeError(f"there is no method {shown!r}. {nearest(shown, methods)}")


def describe(target: object, methods: Mapping[str, Method]) -> dict[str, Any]:
    """Return docstring, signatures and docstrings of methods, as clients want to be told."""
    return {
        "docstring": inspect.getdoc(target),
        "methods": {name: (_signature(method), inspect.getdoc(method)) for name, method in methods.items()},
    }


def _is_method(target: object, name: str) -> bool:
    found = inspect.getattr_static(target, name, None)
    return inspect.isroutine(found) or isinstance(found, (staticmethod, classmethod))


def _signature(method: Method) -> dict[str, Any]:
    try:
        spec = inspect.getfullargspec(method)
    except TypeError:  # written in C, and silent about its arguments
        spec = inspect.getfullargspec(lambda *args, **kwargs: None)
    keywords = spec.kwonlydefaults
    return {
        "args": spec.args,
        "varargs": spec.varargs,
        "varkw": spec.varkw,
        "defaults": None if spec.defaults is None else tuple(map(_sendable, spec.defaults)),
        "kwonlyargs": spec.kwonlyargs,
        "kwonlydefaults": None if keywords is None else {key: _sendable(keywords[key]) for key in keywords},
        "annotations": {key: _type_name(value) for key, value in spec.annotations.items()},
    }


def _sendable(default: Any) -> Any:
    try:
        pyon.encode(default)
    except NotEncodable:
        return repr(default)
    return default


def _type_name(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)
