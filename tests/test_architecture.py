"""The rules of the house that a machine can check."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("control", "data", "hardware_sim", "sequences")
MODULES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
FACES = [path for path in MODULES if path.name == "__init__.py"]
LONGEST_MODULE = 600
LONGEST_FUNCTION = 60


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Return all nodes of a module's tree, which several rules look at."""
    return tuple(ast.walk(ast.parse(path.read_text())))


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_resolve_to_this_checkout(room: str) -> None:
    found = Path(importlib.import_module(room).__file__ or "").resolve()
    assert found == ROOT / room / "__init__.py", (
        f"import {room} finds {found}: uninstall the package that took the name"
    )


def test_import_contracts_are_kept() -> None:
    lint = [
        sys.executable,
        "-c",
        "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())",
    ]
    done = subprocess.run(lint, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", FACES, ids=name_of)
def test_faces_hold_imports_and_all_only(path: Path) -> None:
    """A package's face names what it offers, and every name is there."""
    tree = ast.parse(path.read_text())
    allowed = (ast.Import, ast.ImportFrom, ast.Expr, ast.Assign, ast.AnnAssign, ast.If, ast.FunctionDef)
    strangers = [type(node).__name__ for node in tree.body if not isinstance(node, allowed)]
    assert not strangers
    module = importlib.import_module(name_of(path))
    for name in getattr(module, "__all__", ()):
        assert getattr(module, name, None) is not None, f"{name_of(path)} has no {name}"
    assert list(getattr(module, "__all__", ())) == sorted(getattr(module, "__all__", ()), key=ruff_order)


def ruff_order(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions: how ruff sorts `__all__`."""
    kind = 0 if name.isupper() else 1 if name[:1].isupper() else 2
    return kind, name


def test_modules_and_functions_stay_small() -> None:
    long = []
    for path in MODULES:
        place = path.relative_to(ROOT)
        if path.read_text().count("\n") > LONGEST_MODULE:
            long.append(f"split {place} by concept")
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    long.append(f"{place}:{node.lineno} {node.name} has {length} lines")
    assert long == []


def test_module_names_are_nouns_of_the_field() -> None:
    banned = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
    assert not [path for path in MODULES if path.stem in banned]


def test_every_third_party_import_is_declared() -> None:
    """A fresh environment with the declared dependencies can import every module."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {name: needed for name, needed in project["optional-dependencies"].items() if name != "dev"}
    declared = [*project["dependencies"], *(each for needed in extras.values() for each in needed)]
    names = {requirement.split(">=")[0].strip().lower().replace("-", "_") for requirement in declared}
    names |= {"serial"} if "pyserial" in names else set()
    names |= {"zmq"} if "pyzmq" in names else set()
    imported = {
        (alias.name if isinstance(node, ast.Import) else node.module or "").split(".")[0]
        for path in MODULES
        for node in nodes(path)
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and node.level == 0)
        for alias in node.names
    }
    strangers = imported - names - set(ROOMS) - set(sys.stdlib_module_names)
    assert not strangers, f"imported but not declared: {sorted(strangers)}"
