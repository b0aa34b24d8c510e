"""Trees that tell about their changes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.rpc import Notifier
from control.rpc.errors import BadMod, NotEncodable
from control.rpc.notifier import Mod, apply_mod


def recorded(notifier: Notifier) -> list[Mod]:
    mods: list[Mod] = []
    notifier.watch(lambda mod: lambda: mods.append(mod))
    return mods


def test_each_change_is_a_mod() -> None:
    tree = Notifier({"list": [1], 7: {"status": "pending"}})
    mods = recorded(tree)
    tree["list"].append(2)
    tree["list"].insert(0, 0)
    assert tree["list"].pop() == 2
    assert tree["list"].pop(0) == 0
    tree[7]["status"] = "running"
    tree["new"] = (True, [], {})
    tree["new"][1].append(0.5)
    del tree[7]
    assert mods == [
        {"action": "append", "path": ["list"], "x": 2},
        {"action": "insert", "path": ["list"], "i": 0, "x": 0},
        {"action": "pop", "path": ["list"], "i": -1},
        {"action": "pop", "path": ["list"], "i": 0},
        {"action": "setitem", "path": [7], "key": "status", "value": "running"},
        {"action": "setitem", "path": [], "key": "new", "value": (True, [0.5], {})},
        {"action": "append", "path": ["new", 1], "x": 0.5},
        {"action": "delitem", "path": [], "key": 7},
    ]
    assert tree.read() == {"list": [1], "new": (True, [0.5], {})}


def test_arrays_change_in_part() -> None:
    tree = Notifier({"image": (False, np.zeros((2, 3)), {})})
    copy = {"image": (False, np.zeros((2, 3)), {})}
    tree.watch(lambda mod: lambda: apply_mod(copy, mod))
    tree["image"][1][slice(0, 1), slice(1, 3)] = 5
    assert copy["image"][1].tolist() == [[0, 5, 5], [0, 0, 0]]


def test_update_changes_only_what_differs() -> None:
    nan = float("nan")
    old = {
        "same": [1, np.arange(3), {"a": nan}],
        "array": np.array([1.0, nan]),
        "kind": 1,
        "gone": 0,
        "length": [1],
    }
    tree = Notifier(old)
    mods = recorded(tree)
    new = {
        "same": [1, np.arange(3), {"a": nan}],
        "array": np.array([1.0, nan]),
        "kind": np.ones(1),
        "length": [1, 2],
    }
    tree.update(new)
    assert [(mod["action"], mod["key"]) for mod in mods] == [
        ("delitem", "gone"),
        ("setitem", "kind"),
        ("setitem", "length"),
    ]
    tree.update({**new, "new": (1,), "array": np.array([1, 2]), "length": [1, True + 1.0]})
    assert [mod["key"] for mod in mods[3:]] == ["array", "length", "new"]


def test_a_mod_that_a_watcher_refuses_is_not_made() -> None:
    tree = Notifier({"a": 1})
    heard = recorded(tree)

    def refuse(mod: Mod) -> Callable[[], object]:
        raise NotEncodable(kind="object", version="v2")

    tree.watch(refuse)
    with pytest.raises(NotEncodable):
        tree["b"] = object()
    assert (tree.read(), heard) == ({"a": 1}, [])
    tree.unwatch(refuse)
    tree["b"] = 2
    assert len(heard) == 1


@pytest.mark.parametrize(
    ("mod", "text"),
    [
        ({"action": "setitem", "path": ["no"], "key": 1, "value": 2}, "cannot setitem at no: KeyError: 'no'"),
        ({"action": "delitem", "path": [], "key": "b"}, "cannot delitem at the root: KeyError: 'b'"),
        ({"action": "pop", "path": ["a", 0], "i": 5}, "cannot pop at a/0: IndexError: pop from empty list"),
        ({"action": "append", "path": [], "x": 5},
         "cannot append at the root: AttributeError: 'dict' object has no attribute 'append'"),
        ({"action": "explode", "path": []},
         "cannot explode at the root: ValueError: there is no such action, or it lacks something"),
        ({"action": "setitem", "path": [], "key": [], "value": 1},
         "cannot setitem at the root: TypeError: unhashable type: 'list'"),
        ({"action": "init", "struct": {}}, "cannot init at the root: a tree begins only once"),
        ({"action": "append", "path": 5, "x": 1},
         "cannot append at 5: TypeError: 'int' object is not iterable"),
        ({}, "there is no such action"),
    ],
)  # fmt: skip
def test_mods_from_elsewhere_that_do_not_fit_change_nothing(mod: Any, text: str) -> None:
    tree = Notifier({"a": [[]]})
    heard = recorded(tree)
    with pytest.raises(BadMod) as told:
        tree.make(mod)
    assert text in str(told.value)
    assert (tree.read(), heard) == ({"a": [[]]}, [])


def test_mods_from_elsewhere_are_made() -> None:
    tree = Notifier({"a": []})
    tree.make({"action": "append", "path": ["a"], "x": 1})
    assert tree.read() == {"a": [1]}


def test_all_watchers_see_the_same_order() -> None:
    tree = Notifier({"a": []})
    first, second = recorded(tree), recorded(tree)
    threads = [threading.Thread(target=lambda: [tree["a"].append(n) for n in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert first == second
    assert [mod["x"] for mod in first] == tree.read()["a"]


def test_who_holds_the_lock_sees_no_change() -> None:
    tree = Notifier({"a": 0})
    begun = threading.Event()

    def change() -> None:
        begun.set()
        tree["a"] = 1

    thread = threading.Thread(target=change)
    with tree.lock:
        thread.start()
        begun.wait(5.0)
        assert tree.read() == {"a": 0}
    thread.join()
    assert tree.read() == {"a": 1}


STEPS = st.lists(
    st.tuples(st.sampled_from(["set", "del", "append", "insert", "pop"]), st.integers(0, 5)), max_size=30
)


@given(steps=STEPS)
def test_a_copy_that_makes_the_mods_stays_the_same(steps: list[tuple[str, int]]) -> None:
    tree, copy = Notifier({"list": []}), {"list": []}  # type: ignore[var-annotated]
    tree.watch(lambda mod: lambda: apply_mod(copy, mod))
    for step, number in steps:
        items = tree.read()["list"]
        if step == "set":
            tree[number] = {"value": number}
        elif step == "del" and number in tree.read():
            del tree[number]
        elif step == "append":
            tree["list"].append(number)
        elif step == "insert":
            tree["list"].insert(number, -number)
        elif step == "pop" and number < len(items):
            tree["list"].pop(number)
    assert copy == tree.read()
