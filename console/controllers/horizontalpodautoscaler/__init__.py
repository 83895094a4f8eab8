"""Horizontal autoscaling: `calculator`, `behavior` and `plan` decide, `controller` reads and acts."""

from .controller import HorizontalPodAutoscalerController

__all__ = ["HorizontalPodAutoscalerController"]
