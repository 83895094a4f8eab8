"""The package that evaluates expressions, which does not exist for every machine."""

from __future__ import annotations

import importlib
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=1)
def package() -> Any:
    """The package, None when it is not installed."""
    try:
        return importlib.import_module("cel_expr_python.cel")
    except ImportError:
        return None
