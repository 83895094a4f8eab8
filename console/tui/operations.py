"""Changes that the console makes through the API, one function each. Errors are `common.errors.ApiError`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from common.api import debugging, drains, jobs, rollout
from common.api.kinds import CHANGES, DEPLOYMENTS, HOSTS, JOBS, NODES, PODS, Resource
from common.api.meta import Key, Object, name, namespace, uid
from common.api.weights import weight_patch
from common.client import PatchType
from common.errors import ApiError
from console.views import rollouts
from console.views.keyvalues import Draft

from .gateway import Gateway

ATTEMPTS = 3  # a controller may write between our read and our write; three times in a row is a fight of others


async def scale(gateway: Gateway, resource: Resource, obj: Object, replicas: int) -> None:
    """Set the number of replicas, through the scale subresource as `kubectl scale` does."""
    await gateway.patch(
        resource, name(obj), {"spec": {"replicas": replicas}}, namespace(obj) or None, subresource="scale"
    )


async def wanted(gateway: Gateway, resource: Resource, obj: Object) -> int:
    """How many replicas the object asks for; a kind that users defined says it through the scale subresource alone."""
    if resource.group in {"", "apps"}:
        return int((obj.get("spec") or {}).get("replicas", 1))
    scaled = await gateway.get(resource, name(obj), namespace(obj) or None, subresource="scale")
    return int((scaled.get("spec") or {}).get("replicas") or 0)


async def replace(gateway: Gateway, resource: Resource, obj: Object, *, dry_run: bool) -> None:
    """Write the whole object, or only let the server try it. Conflict when it was written meanwhile."""
    path = resource.path(namespace(obj) or None, name(obj))
    await gateway.request_json("PUT", path, [("dryRun", "All")] if dry_run else [], obj)


async def restart(gateway: Gateway, resource: Resource, workload: Object, now: datetime) -> None:
    await gateway.patch(resource, name(workload), rollout.restart_patch(now), namespace(workload))


async def pause(gateway: Gateway, deployment: Object, *, paused: bool) -> None:
    patch = rollout.pause_patch(paused=paused)
    await gateway.patch(DEPLOYMENTS, name(deployment), patch, namespace(deployment))


async def undo(gateway: Gateway, resource: Resource, workload: Object, revision: rollout.Revision) -> None:
    """Go back to a revision; refused when the workload was replaced by a namesake meanwhile."""
    patch = rollout.undo_patch(workload, revision)
    await gateway.patch(resource, name(workload), patch, namespace(workload), kind=PatchType.JSON)


async def suspend(gateway: Gateway, resource: Resource, obj: Object, *, suspended: bool) -> None:
    """Make a Job or CronJob stand still, or let it go on."""
    await gateway.patch(resource, name(obj), jobs.suspend_patch(suspended=suspended), namespace(obj))


async def trigger(gateway: Gateway, cronjob: Object) -> Object:
    """Run a CronJob now; the Job."""
    return await gateway.create(JOBS, jobs.triggered(cronjob), namespace(cronjob))


async def set_image(gateway: Gateway, resource: Resource, workload: Object, container: str, image: str) -> None:
    patch = rollouts.set_image(container, image)
    await gateway.patch(resource, name(workload), patch, namespace(workload), kind=PatchType.STRATEGIC)


async def add_debugger(gateway: Gateway, pod: Object, image: str, target: str, command: Sequence[str]) -> str:
    """Add an ephemeral container to the pod; its name."""
    added = debugging.container(image, target, command=command)
    patch = debugging.patch(added)
    await gateway.patch(
        PODS, name(pod), patch, namespace(pod), kind=PatchType.STRATEGIC, subresource=debugging.SUBRESOURCE
    )
    return str(added["name"])


async def cordon(gateway: Gateway, node: Object, *, cordoned: bool) -> None:
    """Keep new pods off a node, or let them come again."""
    await gateway.patch(NODES, name(node), {"spec": {"unschedulable": True if cordoned else None}})


async def evict(gateway: Gateway, pod: Object) -> None:
    """Ask for the eviction of exactly this pod; TooManyRequests while its budget is spent."""
    await gateway.post(PODS, name(pod), "eviction", drains.eviction(pod), namespace(pod))


def refusal(error: Exception) -> str:
    """Why an eviction was refused: what the budget says, where the API says it."""
    causes = error.causes if isinstance(error, ApiError) else ()
    return causes[0].message if causes else str(error)


async def weigh(gateway: Gateway, pod: Key, weight: int) -> None:
    """Set a pod's part of what is new to its Services."""
    await gateway.patch(PODS, pod.name, weight_patch(weight), pod.namespace)


async def delete(gateway: Gateway, resource: Resource, obj: Object) -> None:
    """Delete exactly this object, not a namesake made meanwhile; what it owns goes with it."""
    await gateway.delete(
        resource, name(obj), namespace(obj) or None, uid=uid(obj) or None, propagation_policy="Background"
    )


async def adopt(gateway: Gateway, host: Object, code: str) -> Object:
    """Make a host a node; the code is the one that its agent prints."""
    return await gateway.post(HOSTS, name(host), "adopt", {"code": code})


async def write_keys(gateway: Gateway, draft: Draft) -> Object:
    """Write the edits of a Secret or ConfigMap in one step; refused when it was written meanwhile."""
    return await gateway.patch(draft.resource, name(draft.obj), draft.patch(), namespace(draft.obj))


async def last_change(gateway: Gateway, obj: Object) -> Object | None:
    """The newest recorded write to this very object."""
    found = await gateway.list(CHANGES, field_selector=f"object.uid={uid(obj)}")
    return found.items[-1] if found.items else None


async def undo_change(gateway: Gateway, change: Object) -> None:
    """Take a recorded write back; refused when the object went on meanwhile."""
    await gateway.post(CHANGES, name(change), "undo", {})
