"""Node lifecycle: what a node's condition means for its pods."""

from .controller import NodeLifecycleController

__all__ = ["NodeLifecycleController"]
