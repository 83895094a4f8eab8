"""Namespaces that end: all that is in them goes, then they do."""

from .controller import NamespaceController

__all__ = ["NamespaceController"]
