"""ReplicaSets: keep as many pods of a template as are asked for."""

from .controller import ReplicaSetController

__all__ = ["ReplicaSetController"]
