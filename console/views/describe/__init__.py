"""An object in words: everything an operator asks about it, as lines of text in `kubectl describe`'s layout."""

from .text import Related, describe

__all__ = ["Related", "describe"]
