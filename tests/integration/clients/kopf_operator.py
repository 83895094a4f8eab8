"""An operator with kopf, as its users write them: what it does with a Widget is in the status of the Widget."""

# mypy: ignore-errors
from __future__ import annotations

import os
from pathlib import Path

import kopf

GROUP, VERSION, PLURAL = "clients.example.com", "v1", "widgets"
KIND = (GROUP, VERSION, PLURAL)


@kopf.on.startup()
def settings(settings: kopf.OperatorSettings, **_) -> None:
    settings.persistence.finalizer = "clients.example.com/kopf"
    settings.persistence.progress_storage = kopf.StatusProgressStorage()
    settings.posting.enabled = True
    folder = Path(os.environ["CERTIFICATES"])
    settings.admission.server = kopf.WebhookServer(
        addr="127.0.0.1",
        host="127.0.0.1",
        port=int(os.environ["WEBHOOK_PORT"]),
        certfile=folder / "server.pem",
        pkeyfile=folder / "server.key",
        cafile=folder / "ca.pem",
    )
    settings.admission.managed = "kopf.clients.example.com"


@kopf.index(*KIND)
def colors(spec, name, **_):
    return {spec.get("color", "none"): name}


@kopf.on.create(*KIND)
def created(spec, patch, retry, **_):
    if retry == 0:
        raise kopf.TemporaryError("not at once", delay=0.3)
    patch.status["made"] = {"size": spec["size"], "retries": retry}
    return {"size": spec["size"]}


@kopf.on.field(*KIND, field="spec.size")
def resized(old, new, patch, **_):
    patch.status["resized"] = f"{old} to {new}"


@kopf.on.update(*KIND)
def updated(diff, patch, colors: kopf.Index, **_):
    patch.status["updated"] = [".".join(field) for _, field, _, _ in diff]
    patch.status["colors"] = {color: sorted(names) for color, names in colors.items()}


@kopf.timer(*KIND, interval=0.5)
def tick(status, patch, **_):
    if status.get("ticks", 0) < 3:
        patch.status["ticks"] = status.get("ticks", 0) + 1


@kopf.daemon(*KIND, cancellation_timeout=2)
async def watching(stopped, name, **_):
    print(f"the daemon of {name} runs", flush=True)
    await stopped.wait()
    print(f"the daemon of {name} ended", flush=True)


@kopf.on.delete(*KIND)
def deleted(body, name, **_):
    kopf.info(body, reason="Cleaned", message="nothing is left")
    print(f"{name} is cleaned up", flush=True)


@kopf.on.validate(*KIND, id="sizes")
def sizes(spec, warnings: list[str], **_):
    if spec.get("size", 1) > 100:
        raise kopf.AdmissionError("too large for anybody", code=418)
    if spec.get("size", 1) > 50:
        warnings.append("this is a large one")


@kopf.on.mutate(*KIND, id="defaults", operation="CREATE")
def defaults(spec, patch, **_):
    if "color" not in spec:
        patch.spec["color"] = "blue"
