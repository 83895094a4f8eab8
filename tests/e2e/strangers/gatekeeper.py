"""A kopf operator that admits: it registers its own webhooks, and is asked through its Service."""

# mypy: ignore-errors
from __future__ import annotations

import os

import kopf

GARDENS = ("strangers.example.com", "v1", "gardens")


class ThroughService(kopf.WebhookServer):
    """As kopf's documentation has it for servers in a cluster: the same server, under the name of its Service."""

    async def __call__(self, fn):
        async for config in super().__call__(fn):
            service = {"name": "gatekeeper", "namespace": os.environ["NAMESPACE"], "port": 443}
            yield {"caBundle": config["caBundle"], "service": service}


@kopf.on.startup()
def settings(settings: kopf.OperatorSettings, **_) -> None:
    settings.admission.managed = "gatekeeper.strangers.example.com"
    settings.admission.server = ThroughService(
        addr="0.0.0.0", port=8443, host=f"gatekeeper.{os.environ['NAMESPACE']}.svc",
        certfile="/keys/tls.crt", pkeyfile="/keys/tls.key", cafile="/keys/ca.crt",
    )  # fmt: skip


@kopf.on.validate(*GARDENS, id="size")
def size(spec, warnings, **_):
    if spec.get("beds", 1) > 100:
        raise kopf.AdmissionError("too large for anybody", code=418)
    if spec.get("beds", 1) > 50:
        warnings.append("this is a large one")


@kopf.on.mutate(*GARDENS, id="kind", operation="CREATE")
def soil(spec, patch, **_):
    if "soil" not in spec:
        patch.spec["soil"] = "loam"
