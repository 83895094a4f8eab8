"""Garbage collection: objects go with their owners."""

from .controller import GarbageCollector

__all__ = ["GarbageCollector"]
