"""ReplicaSets and ReplicationControllers: keep as many pods of a template as are asked for."""

from .controller import ReplicaSetController, ReplicationControllerController

__all__ = ["ReplicaSetController", "ReplicationControllerController"]
