"""The weight of an endpoint: how many new connections and requests it gets beside the others of its Service.

A Pod says its own by an annotation. EndpointSlices carry the weights to every node, as an annotation that is there only
when some pod has one, because endpoints have no field for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from . import meta
from .meta import Object

WEIGHT = "quarterdeck.io/weight"
"""On a Pod: 0 (drained: nothing new) to `MOST`; `DEFAULT` without it."""
WEIGHTS = "quarterdeck.io/weights"
"""On an EndpointSlice: a JSON object of weights by address, of those that are not `DEFAULT`."""
DEFAULT = 100
MOST = 256  # what HAProxy can tell apart


def parse(text: str) -> int:
    """ValueError says what a weight is."""
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and int(text) <= MOST):
        raise ValueError(f"{text!r} is not a weight: a whole number from 0 (drained) to {MOST}, usually {DEFAULT}")
    return int(text)


def weight_of(pod: Object) -> int:
    """What the annotation says, `DEFAULT` when it is absent or no weight."""
    try:
        return parse(meta.annotations(pod).get(WEIGHT, str(DEFAULT)))
    except ValueError:
        return DEFAULT


def weight_patch(weight: int) -> Object:
    """A merge patch that gives a Pod the weight; the usual one is said by saying nothing."""
    return {"metadata": {"annotations": {WEIGHT: None if weight == DEFAULT else str(weight)}}}


def render(weights: Mapping[str, int]) -> str:
    """The annotation of a slice, empty when every endpoint has the usual weight."""
    unusual = {address: weight for address, weight in weights.items() if weight != DEFAULT}
    return json.dumps(unusual, sort_keys=True, separators=(",", ":")) if unusual else ""


def weights_of(endpoint_slice: Object) -> dict[str, int]:
    """By address, of the endpoints that have not the usual one; what cannot be read counts as absent."""
    text = meta.annotations(endpoint_slice).get(WEIGHTS, "")
    if not text:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {address: weight for address, weight in found.items() if type(weight) is int and 0 <= weight <= MOST}
