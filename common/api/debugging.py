"""Ephemeral containers: one is added to a running pod to look into it with tools that the pod's own images lack.

The patch goes to `…/pods/NAME/ephemeralcontainers`; the command line and the console then attach to the container.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .meta import Object
from .names import generate

SUBRESOURCE = "ephemeralcontainers"
IMAGE = "busybox"  # what is offered first: small, and most people's tools are in it
# Reasons to wait that do not pass by themselves; of an image that cannot be had the agent goes on asking.
_HOPELESS = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "CreateContainerError",
     "CreateContainerConfigError", "RunContainerError"}
)  # fmt: skip


def container(
    image: str, target: str, *, name: str = "", command: Sequence[str] = (), stdin: bool = True, tty: bool = True
) -> Object:
    """An ephemeral container that sees the processes of `target`; named as kubectl names its own."""
    return {
        "name": name or generate("debugger-"),
        "image": image,
        **({"command": list(command)} if command else {}),
        **({"stdin": True} if stdin else {}),
        **({"tty": True} if tty else {}),
        **({"targetContainerName": target} if target else {}),
        "terminationMessagePolicy": "File",
    }


def patch(added: Object) -> Object:
    """A strategic merge patch: the containers that are there stay."""
    return {"spec": {"ephemeralContainers": [added]}}


@dataclass(frozen=True, slots=True)
class Standing:
    """How far it is. `problem` says why it will not run."""

    running: bool = False
    waits: str = ""
    problem: str = ""


def standing(pod: Object, name: str) -> Standing:
    """How far the ephemeral container of that name is."""
    statuses = (pod.get("status") or {}).get("ephemeralContainerStatuses") or ()
    state = next((item.get("state") or {} for item in statuses if item.get("name") == name), {})
    if "running" in state:
        return Standing(running=True)
    if "terminated" in state:
        ended = state["terminated"]
        said = ended.get("message") or ended.get("reason") or ""
        return Standing(problem=f"{name} ended with exit code {ended.get('exitCode')} {said}".rstrip())
    waiting = state.get("waiting") or {}
    reason = str(waiting.get("reason") or "")
    if reason in _HOPELESS:
        return Standing(problem=f"{name}: {reason}: {waiting.get('message') or ''}".rstrip(": "))
    if (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}:
        return Standing(problem="the pod has ended, so nothing starts in it any more")
    return Standing(waits=reason or "not begun")
