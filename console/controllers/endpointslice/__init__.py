"""The addresses behind each Service: EndpointSlices, and Endpoints for clients of old."""

from .apiservice import ApiEndpointsController
from .controller import EndpointSliceController
from .endpoints_controller import EndpointsController
from .mirroring import MirroringController

__all__ = ["ApiEndpointsController", "EndpointSliceController", "EndpointsController", "MirroringController"]
