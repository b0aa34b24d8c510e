"""Benchmarks are slow tests: without `--benchmark-enable` they only show that they still run.

Those that hold one time against another do not run at all then: that means something on a quiet machine only.
"""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    unmeasured = pytest.mark.skip(reason="holds times against each other: run it with --benchmark-enable")
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slow)
            if item.get_closest_marker("timed") and not config.getoption("benchmark_enable"):
                item.add_marker(unmeasured)
