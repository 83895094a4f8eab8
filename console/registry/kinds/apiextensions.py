"""CustomResourceDefinitions. What a definition makes of itself (rows, conditions) is in `registry/custom`."""

from __future__ import annotations

from common.api import kinds
from common.api.meta import Object
from common.errors import Cause
from console.registry.columns import NAME, field
from console.registry.custom import definitions, naming, webhookclients
from console.registry.row import ALL_METADATA, Context, Row


def _default(obj: Object) -> None:
    spec = obj.get("spec") or {}
    names = spec.get("names") or {}
    kind = str(names.get("kind") or "")
    if kind:
        for name, value in (("singular", kind.lower()), ("listKind", f"{kind}List")):
            if not names.get(name):
                names[name] = value
    if spec.get("conversion") is None:
        spec["conversion"] = {"strategy": "None"}
    webhookclients.default((spec["conversion"].get("webhook") or {}).get("clientConfig") or {})


def _prepare(new: Object, old: Object | None, context: Context) -> None:
    if old is None:
        new["status"] = {"conditions": [], "acceptedNames": {"kind": "", "plural": ""}}
    status = new.setdefault("status", {})
    if "spec" in new and (context.subresource != "status" or not status.get("storedVersions")):
        status["storedVersions"] = definitions.stored_versions(new)


def _validate(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    return definitions.validate(new, old)


CUSTOMRESOURCEDEFINITIONS = Row(
    kinds.CUSTOMRESOURCEDEFINITIONS,
    "customresourcedefinition",
    short_names=("crd", "crds"),
    categories=("api-extensions",),
    columns=(NAME, field("Created At", "metadata.creationTimestamp", description="When it was created.")),
    subresources=frozenset({"status"}),
    status_keeps=ALL_METADATA,
    schema="io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
    default=_default,
    prepare=_prepare,
    validate=_validate,
    warnings=definitions.warnings,
    deletion_finalizer=naming.CLEANUP,
)
ROWS = (CUSTOMRESOURCEDEFINITIONS,)
