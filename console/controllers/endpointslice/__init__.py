"""EndpointSlices: the addresses behind each Service."""

from .controller import EndpointSliceController

__all__ = ["EndpointSliceController"]
