"""Packages that only some exports need: imported when they are needed, missed with advice."""

from __future__ import annotations

import importlib
from typing import Any, Final

from data.errors import MissingPackageError

_EXTRA: Final = "analysis"


def import_extra(package: str, what: str) -> Any:
    """Import a package of the extra `analysis`.

    Args:
        package: its name.
        what: what needs it, in the plural.

    Raises:
        MissingPackageError: it is not installed.

    Example:
        >>> import_extra("no_such_package", "Wonders")
        Traceback (most recent call last):
        ...
        data.errors.MissingPackageError: Wonders need no_such_package, which is not installed:
        pip install 'ionloom[analysis]'
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise MissingPackageError(what, error.name or package, _EXTRA) from error
