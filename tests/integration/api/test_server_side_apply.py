"""Server-side apply by the real kubectl, beside its other ways to write."""

from __future__ import annotations

import json

import pytest

from .kubectl import Kubectl

pytestmark = pytest.mark.kubectl

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: main, image: "app:1", ports: [{containerPort: 80}]}]
"""


async def replicas(kubectl: Kubectl) -> int:
    return int(await kubectl("get", "deploy", "web", "-o", "jsonpath={.spec.replicas}"))


async def test_creates_and_changes_nothing_twice(kubectl: Kubectl) -> None:
    for _ in range(2):
        said = await kubectl("apply", "--server-side", "-f", "-", stdin=MANIFEST)
        assert said == "deployment.apps/web serverside-applied\n"
    found = json.loads(await kubectl("get", "deploy", "web", "-o", "json", "--show-managed-fields"))
    assert found["metadata"]["generation"] == 1
    assert [(entry["manager"], entry["operation"]) for entry in found["metadata"]["managedFields"]] == [
        ("kubectl", "Apply")
    ]


async def test_who_scaled_owns_the_replicas(kubectl: Kubectl) -> None:
    await kubectl("apply", "--server-side", "-f", "-", stdin=MANIFEST)
    await kubectl("scale", "deploy", "web", "--replicas=5")
    error = await kubectl.fails("apply", "--server-side", "-f", "-", stdin=MANIFEST)
    assert "Apply failed with 1 conflict" in error
    assert ".spec.replicas" in error
    await kubectl("apply", "--server-side", "-f", "-", stdin=MANIFEST.replace("  replicas: 2\n", ""))
    assert await replicas(kubectl) == 5
    await kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=MANIFEST)
    assert await replicas(kubectl) == 2


async def test_turning_from_client_side_apply_is_no_conflict(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=MANIFEST)
    await kubectl("apply", "--server-side", "-f", "-", stdin=MANIFEST.replace("replicas: 2", "replicas: 3"))
    assert await replicas(kubectl) == 3
    await kubectl("apply", "-f", "-", stdin=MANIFEST)
    assert await replicas(kubectl) == 2


async def test_wrong_fields_are_named(kubectl: Kubectl) -> None:
    wrong = MANIFEST.replace("replicas: 2", "replica: 2")
    said = await kubectl.fails("apply", "--server-side", "-f", "-", stdin=wrong)
    what = "failed to create typed patch object (default/web; apps/v1, Kind=Deployment)"
    assert f"{what}: .spec.replica: field not declared in schema" in said
