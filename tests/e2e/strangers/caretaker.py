"""A kopf operator that lives on time and finalizers: what it does with a Garden is in the status of the Garden."""

# mypy: ignore-errors
from __future__ import annotations

import kopf

GARDENS = ("strangers.example.com", "v1", "gardens")


@kopf.on.startup()
def settings(settings: kopf.OperatorSettings, **_) -> None:
    settings.persistence.finalizer = "strangers.example.com/caretaker"
    settings.persistence.progress_storage = kopf.StatusProgressStorage()


@kopf.on.create(*GARDENS)
def planted(spec, name, namespace, patch, retry, **_):
    if retry == 0:
        raise kopf.TemporaryError("not at once", delay=0.3)
    patch.status["planted"] = spec["beds"]


@kopf.on.field(*GARDENS, field="spec.beds")
def changed(old, new, patch, **_):
    patch.status["changed"] = f"{old} to {new}"


@kopf.timer(*GARDENS, interval=0.5)
def water(status, patch, **_):
    if status.get("watered", 0) < 3:
        patch.status["watered"] = status.get("watered", 0) + 1


@kopf.daemon(*GARDENS, cancellation_timeout=2)
async def guard(stopped, name, patch, **_):
    print(f"the guard of {name} comes", flush=True)
    await stopped.wait()
    print(f"the guard of {name} leaves", flush=True)


@kopf.on.delete(*GARDENS)
def cleared(name, **_):
    print(f"{name} is cleared", flush=True)
