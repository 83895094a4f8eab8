"""Deployments: roll a workload from one pod template to the next without losing more replicas than allowed."""

from .controller import DeploymentController

__all__ = ["DeploymentController"]
