"""Plugins: what other Python packages add through entry points. `load` finds them; each part says what it takes."""

from .loading import Plugin, load, names

__all__ = ["Plugin", "load", "names"]
