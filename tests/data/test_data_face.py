from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import data

ROOT = Path(__file__).parents[2]


def test_the_face_costs_nothing_until_it_is_used() -> None:
    code = "import sys, data; print(sorted({'numpy', 'h5py', 'scipy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_what_tools_see_is_what_there_is() -> None:
    """The imports for type checkers and the table for the interpreter name the same things."""
    tree = ast.parse((ROOT / "data" / "__init__.py").read_text())
    declared = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("data")
        for alias in node.names
    }
    assert set(declared) == set(data.__all__)
    for name in set(data.__all__) - {"analysis"}:
        assert getattr(data, name) is getattr(sys.modules[str(declared[name])], name)
    assert data.analysis.__name__ == "data.analysis"


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'data' has no name 'open_runs'"):
        data.open_runs  # noqa: B018


def test_names_are_listed_before_they_are_loaded() -> None:
    code = "import data; print(set(data.__all__) <= set(dir(data)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "True"
