"""A tree of dicts and lists that tells whoever is interested about each change: a *mod*.

A mod is a dict: its ``action``, the ``path`` of keys from the root to the container that changes, and what
the action needs. Applied to a copy it makes the same change there, and that is all that a subscriber does.

Example:
    >>> datasets = Notifier({"counts": []})
    >>> told = []
    >>> datasets.watch(lambda mod: lambda: told.append(mod))
    >>> datasets["counts"].append(7)
    >>> told, datasets.read()
    ([{'action': 'append', 'path': ['counts'], 'x': 7}], {'counts': [7]})
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from control.errors import ControlError
from control.rpc.errors import BadMod

Mod = Mapping[str, Any]

Watcher = Callable[[Mod], Callable[[], object]]
"""Gets a mod before it is made, and may refuse it by raising; what it returns is called when it is made."""


class Notifier:
    """The tree, or a container within it.

    Mods are made one at a time, whichever thread makes them, and all watchers see them in the same order. A
    mod that a watcher refuses, because it cannot be sent, is not made.

    Args:
        root: the tree at the beginning; from now on it is changed through this object alone.
    """

    def __init__(self, root: Any) -> None:
        self._tree = _Tree(root)
        self._path: tuple[Any, ...] = ()

    def __getitem__(self, key: Any) -> Notifier:
        """Return a container within this one; for other values use `read`."""
        child = object.__new__(Notifier)
        child._tree, child._path = self._tree, (*self._path, key)
        return child

    def __setitem__(self, key: Any, value: Any) -> None:
        self._make("setitem", key=key, value=value)

    def __delitem__(self, key: Any) -> None:
        self._make("delitem", key=key)

    def append(self, value: Any) -> None:
        """Add an item to the end of a list."""
        self._make("append", x=value)

    def insert(self, index: int, value: Any) -> None:
        """Add an item to a list before an index."""
        self._make("insert", i=index, x=value)

    def pop(self, index: int = -1) -> Any:
        """Take an item out of a list and return it."""
        with self._tree.lock:
            taken = self.read()[index]
            self._make("pop", i=index)
        return taken

    def update(self, wanted: Mapping[Any, Any]) -> None:
        """Make a dict equal to another, with a mod for each key that differs."""
        with self._tree.lock:
            held = self.read()
            for key in [key for key in held if key not in wanted]:
                del self[key]
            for key, value in wanted.items():
                if key not in held or not _equal(held[key], value):
                    self[key] = value

    def make(self, mod: Mod) -> None:
        """Make a mod that came from elsewhere.

        Raises:
            BadMod: it does not fit the tree; nothing has changed.
        """
        if mod.get("action") == "init":  # who follows would have to build everything anew
            raise BadMod(mod=dict(mod), reason="a tree begins only once")
        self._tree.make(mod)

    def read(self) -> Any:
        """Return the container itself: to be read, and to be held only under `lock` while others write."""
        return walk(self._tree.root, self._path)

    @property
    def lock(self) -> AbstractContextManager[bool]:
        """Who holds it sees no change meanwhile; re-entrant."""
        return self._tree.lock

    def watch(self, watcher: Watcher) -> None:
        """Have a watcher told about every mod of the tree from now on."""
        with self._tree.lock:
            self._tree.watchers.append(watcher)

    def unwatch(self, watcher: Watcher) -> None:
        """Have a watcher told no more."""
        with self._tree.lock:
            self._tree.watchers.remove(watcher)

    def _make(self, action: str, **facts: Any) -> None:
        self._tree.make({"action": action, "path": list(self._path), **facts})


class _Tree:
    """What all the containers of one tree share."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self.lock = threading.RLock()
        self.watchers: list[Watcher] = []

    def make(self, mod: Mod) -> None:
        with self.lock:
            tell = [watcher(mod) for watcher in self.watchers]
            self.root = apply_mod(self.root, mod)
            for each in tell:
                each()


def walk(root: Any, path: Any) -> Any:
    """Return what is found by indexing with the keys of a path, one after the other."""
    for key in path:
        root = root[key]
    return root


def apply_mod(root: Any, mod: Mod) -> Any:
    """Make a mod.

    Args:
        root: the tree, which is changed.
        mod: what to do.

    Returns:
        The tree; for ``init`` the new one.

    Raises:
        BadMod: it is none, or does not fit; the tree is as before.
    """
    try:
        match mod:
            case {"action": "init", "struct": struct}:
                return struct
            case {"action": "setitem", "path": path, "key": key, "value": value}:
                walk(root, path)[key] = value
            case {"action": "delitem", "path": path, "key": key}:
                del walk(root, path)[key]
            case {"action": "append", "path": path, "x": value}:
                walk(root, path).append(value)
            case {"action": "insert", "path": path, "i": index, "x": value}:
                walk(root, path).insert(index, value)
            case {"action": "pop", "path": path, "i": index}:
                walk(root, path).pop(index)
            case _:
                raise ValueError("there is no such action, or it lacks something")
    except ControlError:
        raise
    except Exception as error:  # whatever container it is, and whatever that says
        raise BadMod(mod=dict(mod), reason=f"{type(error).__name__}: {error}") from None
    return root


def _equal(left: Any, right: Any) -> bool:
    """Return whether two values are the same, of the same type, also where they hold arrays or no numbers."""
    if type(left) is not type(right):
        return False
    if isinstance(left, np.ndarray):
        numbers = left.dtype.kind in "fc"
        return left.dtype == right.dtype and np.array_equal(left, right, equal_nan=numbers)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(_equal, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_equal(left[key], right[key]) for key in left)
    return bool(left == right or (left != left and right != right))  # noqa: PLR0124 (so is no number)
