"""Figures of nodes and pods: metrics.k8s.io as metrics-server serves it, and series of our own for charts.

Nothing of it is stored; console/metrics makes each object when it is asked for.
"""

from __future__ import annotations

from common.api import kinds
from common.api.kinds import Resource
from common.api.meta import Object
from console.registry import schema
from console.registry.columns import NAME, at, field
from console.registry.row import Column, Row

_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
_QUANTITY = {"$ref": "#/$defs/io.k8s.apimachinery.pkg.api.resource.Quantity"}
_USAGE = {"type": "object", "additionalProperties": _QUANTITY, "description": "Use by resource: cpu and memory."}
_METRICS = "io.k8s.metrics.pkg.apis.metrics.v1beta1"


def _define(name: str, resource: Resource, description: str, properties: Object) -> str:
    text = {"type": "string"}
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    schema.define(
        name,
        {
            "type": "object",
            "description": description,
            "properties": {
                "apiVersion": text,
                "kind": text,
                "metadata": {"$ref": f"#/$defs/{_META}.ObjectMeta"},
                **properties,
            },
            "x-kubernetes-group-version-kind": [kind],
        },
    )
    return name


_SAMPLE: Object = {
    "timestamp": {"$ref": f"#/$defs/{_META}.Time", "description": "When it was measured."},
    "window": {"type": "string", "description": "The time before the timestamp that the figures are an average of."},
}
schema.define(
    f"{_METRICS}.ContainerMetrics",
    {
        "type": "object",
        "description": "What one container uses.",
        "properties": {"name": {"type": "string", "description": "Name of the container."}, "usage": _USAGE},
    },
)
_CONTAINERS = {"type": "array", "items": {"$ref": f"#/$defs/{_METRICS}.ContainerMetrics"}}
_POINTS = {"type": "array", "items": {"type": "integer", "format": "int64"}}
_SERIES: Object = {
    "start": {"$ref": f"#/$defs/{_META}.Time", "description": "The moment of the first point."},
    "stepSeconds": {"type": "integer", "format": "int32", "description": "Seconds from one point to the next."},
    "cpu": {**_POINTS, "description": "CPU in millicores; null where nothing was measured."},
    "memory": {**_POINTS, "description": "Memory in bytes; null where nothing was measured."},
}


def _total(name: str) -> Column:
    def value(obj: Object, _now: object) -> str:
        parts = [obj] if "usage" in obj else obj.get("containers") or ()
        unit = {"cpu": "n", "memory": "Ki"}[name]
        return f"{sum(int(part['usage'][name].removesuffix(unit)) for part in parts)}{unit}"

    return Column(name, value, description=f"Use of {name}.")


def _metrics(resource: Resource, definition: str) -> Row:
    return Row(
        resource,
        resource.kind.lower(),
        columns=(NAME, _total("cpu"), _total("memory"), field("Window", "window")),
        verbs=("get", "list"),
        durable=False,
        computed=True,
        schema=definition,
        has_spec_generation=False,
    )


def _last(name: str) -> Column:
    def value(obj: Object, _now: object) -> str:
        known = [point for point in at(obj, name, ()) if point is not None]
        if not known:
            return "<unknown>"
        return f"{known[-1]}m" if name == "cpu" else f"{known[-1] >> 20}Mi"

    return Column(name, value, description=f"The newest value of {name}.")


_NUMBERS = {"type": "array", "items": {"type": "number"}}
_FLOWS: Object = {
    "requests": {**_NUMBERS, "description": "Requests a second through Ingresses; null where nothing was counted."},
    "latency": {**_NUMBERS, "description": "Milliseconds until an answer to them; null without one."},
    "connections": {**_NUMBERS, "description": "New connections a second to Services that no Ingress leads to."},
}


def _series(resource: Resource, about: str, more: Object | None = None) -> Row:
    fields = {**_SERIES, **(more or {})}
    definition = _define(
        f"io.quarterdeck.v1.{resource.kind}", resource, f"CPU and memory of {about} over time.", fields
    )
    return Row(
        resource,
        resource.kind.lower(),
        columns=(NAME, _last("cpu"), _last("memory"), field("Since", "start")),
        verbs=("get", "list"),
        durable=False,
        computed=True,
        schema=definition,
        has_spec_generation=False,
    )


def _newest(title: str, path: str) -> Column:
    def value(obj: Object, _now: object) -> str:
        known = [point for point in at(obj, path, ()) if point is not None]
        return f"{known[-1]:g}" if known else "<unknown>"

    return Column(title, value, description=f"The newest value of {path}.")


_SERVICES = Row(
    kinds.SERVICE_SERIES,
    "serviceseries",
    columns=(
        NAME,
        field("Of", "of"),
        _newest("Per-Second", "perSecond"),
        _newest("Latency", "latency"),
        field("Since", "start"),
    ),
    verbs=("get", "list"),
    durable=False,
    computed=True,
    schema=_define(
        "io.quarterdeck.v1.ServiceSeries",
        kinds.SERVICE_SERIES,
        "What came to a Service over time.",
        {
            "start": _SERIES["start"],
            "stepSeconds": _SERIES["stepSeconds"],
            "of": {"type": "string", "description": "requests, through Ingresses, or else connections."},
            "perSecond": {**_NUMBERS, "description": "So many a second; null where nothing was counted."},
            "latency": {**_NUMBERS, "description": "Milliseconds until an answer; null without one."},
        },
    ),
    has_spec_generation=False,
)


def _sum(name: str, of: str, figure: str) -> Column:
    def value(obj: Object, _now: object) -> str:
        return f"{sum((entry.get('http') or {}).get(figure, 0) for entry in obj.get(of) or ()):g}"

    return Column(name, value, description=f"{figure} of all {of} together.")


_ENTRIES = {"type": "array", "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
_BALANCER = Row(
    kinds.LOADBALANCERS,
    "loadbalancer",
    columns=(
        NAME,
        _sum("Requests/s", "ingresses", "requestsPerSecond"),
        _sum("Errors/s", "ingresses", "errorsPerSecond"),
    ),
    verbs=("get", "list"),
    durable=False,
    computed=True,
    schema=_define(
        "io.quarterdeck.v1.LoadBalancer",
        kinds.LOADBALANCERS,
        "What the nodes' balancers counted.",
        {"nodes": _ENTRIES, "services": _ENTRIES, "ingresses": _ENTRIES},
    ),
    has_spec_generation=False,
)

ROWS = (
    _metrics(
        kinds.NODE_METRICS,
        _define(f"{_METRICS}.NodeMetrics", kinds.NODE_METRICS, "What a node uses.", {**_SAMPLE, "usage": _USAGE}),
    ),
    _metrics(
        kinds.POD_METRICS,
        _define(
            f"{_METRICS}.PodMetrics", kinds.POD_METRICS, "What a pod uses.", {**_SAMPLE, "containers": _CONTAINERS}
        ),
    ),
    _series(kinds.CLUSTER_SERIES, "the whole cluster", _FLOWS),
    _series(kinds.NODE_SERIES, "a node"),
    _series(kinds.POD_SERIES, "a pod"),
    _SERVICES,
    _BALANCER,
)
