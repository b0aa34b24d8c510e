"""Finds setup files, reads their TOML and merges a file over the one that it extends."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

import msgspec

from control.errors import ConfigError, nearest

_SHIPPED: Final = "control.setups"
_ENDING: Final = ".toml"


@dataclass(frozen=True, slots=True)
class SetupFile:
    """What was read.

    Attributes:
        origin: the file, for messages.
        text: TOML of the whole setup: the file as written, or the merged tables if it extends another.
        tables: the same as plain dicts, lists, texts and numbers.
    """

    origin: str
    text: str
    tables: dict[str, Any]


def shipped_setups() -> tuple[str, ...]:
    """Return the names of the setups that come with ionloom."""
    names = [entry.name for entry in resources.files(_SHIPPED).iterdir()]
    return tuple(sorted(name.removesuffix(_ENDING) for name in names if name.endswith(_ENDING)))


def read_file(which: str | Path, seen: tuple[str, ...] = ()) -> SetupFile:
    """Read a setup and what it extends.

    Args:
        which: a file, or the name of a shipped setup.
        seen: the files that led here by `extends`.

    Raises:
        ConfigError: no such setup, unreadable, no TOML, or files that extend each other in a circle.
    """
    path, text = _read_text(which)
    origin = path.name if path else f"{which}{_ENDING}"
    place = str(path.resolve()) if path else str(which)
    if place in seen:
        circle = " -> ".join(Path(name).name for name in (*seen[seen.index(place) :], place))
        raise ConfigError((f"{origin}: extends itself: {circle}; remove one `extends`",))
    tables = _decode(text, origin)
    parent = tables.pop("extends", None)
    if parent is None:
        return SetupFile(origin, text, tables)
    if not isinstance(parent, str):
        raise ConfigError((f"{origin}: extends: must be the name or the file of one setup, not {parent!r}",))
    beside = path.parent / parent if path and _is_path(parent) else parent
    merged = merge(read_file(beside, (*seen, place)).tables, tables)
    return SetupFile(origin, print_tables(merged), merged)


def print_tables(tables: Mapping[str, Any]) -> str:
    """Return the tables of a whole setup as TOML."""
    return "\n".join(_write(tables)) + "\n"


def merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables of `over` laid over those of `under`.

    A sourced value replaces the one below as a whole: a new number must not inherit the old one's reference.

    Example:
        >>> merge({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}})
        {'a': {'x': 1, 'y': 3}}
        >>> merge({"b": {"value": 1, "source": "published"}}, {"b": {"value": 2}})
        {'b': {'value': 2}}
    """
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        both = isinstance(value, dict) and isinstance(below, dict) and "value" not in value
        merged[key] = merge(below, value) if both else value  # type: ignore[arg-type]
    return merged


def _is_path(which: str | Path) -> bool:
    return isinstance(which, Path) or which.endswith(_ENDING) or Path(which).name != which


def _read_text(which: str | Path) -> tuple[Path | None, str]:
    if not _is_path(which):
        entry = resources.files(_SHIPPED) / f"{which}{_ENDING}"
        if entry.is_file():
            return None, entry.read_text(encoding="utf-8")
        hint = nearest(str(which), shipped_setups())
        own = f"A file of your own ends in {_ENDING}."
        raise ConfigError((f"there is no setup {str(which)!r}. {hint} {own}",))
    path = Path(which)
    try:
        return path, path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError((f"the setup file {path} cannot be read: {error.strerror}",)) from None
    except UnicodeDecodeError as error:
        raise ConfigError((f"the setup file {path} is not UTF-8 text (byte {error.start})",)) from None


def _decode(text: str, origin: str) -> dict[str, Any]:
    try:
        return dict(msgspec.toml.decode(text))
    except msgspec.DecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        line = f": {text.splitlines()[int(found[1]) - 1].strip()!r}" if found else ""
        raise ConfigError((f"{origin}: not TOML: {error}{line}",)) from None


def _write(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the lines of a table as TOML: what a setup file can hold, and nothing else."""
    inner = {key: value for key, value in table.items() if isinstance(value, dict) and not _is_leaf(value)}
    plain = {key: value for key, value in table.items() if key not in inner}
    if path and (plain or not inner):
        yield f"\n[{'.'.join(map(_key, path))}]"
    yield from (f"{_key(key)} = {_inline(value)}" for key, value in plain.items())
    for key, value in inner.items():
        yield from _write(value, (*path, key))


def _is_leaf(table: Mapping[str, Any]) -> bool:
    return "value" in table


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _inline(key)


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_inline(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, str):
        # A JSON text is a TOML text, but for this one control character.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower() if isinstance(value, bool) else repr(value)
