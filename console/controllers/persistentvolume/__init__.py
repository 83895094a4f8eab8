"""Claims get volumes: bound to free ones, or made by the built-in provisioners; what is released is reclaimed."""

from .controller import PersistentVolumeController

__all__ = ["PersistentVolumeController"]
