"""Jobs as the API stores them, and what nodes do to their pods."""

from __future__ import annotations

from typing import Any

from common.api.kinds import PODS
from common.api.meta import Key, Object, format_time, is_deleting, key
from common.api.pods import is_terminal
from tests.fakes.api import FakeApi, copy


def job(name: str = "work", *, restart: str = "Never", **spec: Any) -> Object:
    """A Job with the defaults that the registry fills in."""
    labels = {"job": name}
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "completions": 1,
            "parallelism": 1,
            "backoffLimit": 6,
            "completionMode": "NonIndexed",
            "suspend": False,
            "podReplacementPolicy": "TerminatingOrFailed",
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "containers": [{"name": "main"}],
                    "restartPolicy": restart,
                    "terminationGracePeriodSeconds": 1,
                },
            },
            **spec,
        },
        "status": {},
    }


def indexed(name: str = "work", completions: int = 3, **spec: Any) -> Object:
    return job(name, completionMode="Indexed", completions=completions, **{"parallelism": completions, **spec})


def end(api: FakeApi, pod: Object, *, code: int = 0, conditions: list[Object] | None = None) -> None:
    """The pod's container ends with that exit code."""
    changed = copy(pod)
    ended = {"exitCode": code, "finishedAt": format_time(api.clock.now())}
    changed["status"] |= {
        "phase": "Failed" if code else "Succeeded",
        "conditions": conditions or [],
        "containerStatuses": [{"name": "main", "state": {"terminated": ended}}],
    }
    api.update(PODS, changed, "status")


def put_away(api: FakeApi) -> None:
    """Nodes end what is being deleted: it has failed, and its object goes once nobody holds it."""
    for pod in api.items(PODS):
        if is_deleting(pod):
            if not is_terminal(pod):
                end(api, pod, code=143)
            found = api.find(PODS, key(pod))
            if found is not None:
                api.delete(PODS, key(pod), None, 0, None)


def find(api: FakeApi, resource: Any, name: str = "work") -> Object:
    found = api.find(resource, Key("default", name))
    assert found is not None, f"{name} is gone"
    return found
