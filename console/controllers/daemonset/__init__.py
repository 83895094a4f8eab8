"""DaemonSets: a pod on every node that fits, and an orderly way from one template to the next."""

from .controller import DaemonSetController

__all__ = ["DaemonSetController"]
