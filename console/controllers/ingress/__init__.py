"""Status of Ingresses, and what cannot be served of them."""

from .controller import IngressController

__all__ = ["IngressController"]
