"""What a Service must satisfy."""

from __future__ import annotations

from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.row import Context

from .service_families import choose_families

TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
PROTOCOLS = ("SCTP", "TCP", "UDP")


def validate(new: Object, old: Object | None, context: Context) -> list[Cause]:
    spec = new["spec"]
    before = (old or {}).get("spec") or {}
    causes = validation.one_of("spec.type", spec["type"], TYPES)
    causes += choose_families(spec, before, context.config.families).causes if spec["type"] != "ExternalName" else ()
    return causes
