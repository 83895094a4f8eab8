"""CustomResourceDefinitions and their objects, by the real kubectl and over restarts."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from common.api.kinds import CUSTOMRESOURCEDEFINITIONS, Resource
from common.api.meta import Object
from common.client.http import HttpClient
from common.clock import SystemClock
from common.errors import ApiError, NotFound
from common.settings import ClusterConfig
from console.apiserver.server import ApiServer
from console.registry.catalog import default_registry

from .conftest import Running, python_client
from .kubectl import Kubectl

pytestmark = pytest.mark.kubectl

CRONTABS = Resource("stable.example.com", "v1", "crontabs", "CronTab")
DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: crontabs.stable.example.com}
spec:
  group: stable.example.com
  scope: Namespaced
  names: {plural: crontabs, singular: crontab, kind: CronTab, shortNames: [ct], categories: [all]}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              required: [cronSpec]
              properties:
                cronSpec:
                  type: string
                  description: When it runs.
                  pattern: '^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$'
                image: {type: string}
                replicas: {type: integer, minimum: 1, maximum: 10, default: 1}
                color: {type: string, enum: [red, green]}
              x-kubernetes-validations:
                - {rule: "!has(self.image) || self.image != 'bad'", message: this image is bad}
            status:
              type: object
              properties:
                replicas: {type: integer}
                labelSelector: {type: string}
                conditions:
                  type: array
                  items: {type: object, properties: {type: {type: string}, status: {type: string}}}
      subresources:
        status: {}
        scale:
          specReplicasPath: .spec.replicas
          statusReplicasPath: .status.replicas
          labelSelectorPath: .status.labelSelector
      selectableFields: [{jsonPath: .spec.color}]
      additionalPrinterColumns:
        - {name: Spec, type: string, jsonPath: .spec.cronSpec}
        - {name: Replicas, type: integer, jsonPath: .spec.replicas}
        - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
"""
CRONTAB = """
apiVersion: stable.example.com/v1
kind: CronTab
metadata: {name: mine}
spec: {cronSpec: "* * * * */5", image: app, color: red}
"""


@pytest.fixture
async def defined(kubectl: Kubectl) -> Kubectl:
    await kubectl("apply", "-f", "-", stdin=DEFINITION)
    await kubectl("wait", "--for=condition=established", "crd/crontabs.stable.example.com", "--timeout=60s")
    return kubectl


async def _get(kubectl: Kubectl, path: str) -> str:
    return await kubectl("get", "ct", "mine", "-o", f"jsonpath={path}")


async def test_objects_by_every_verb(defined: Kubectl) -> None:
    kubectl = defined
    assert await kubectl("apply", "-f", "-", stdin=CRONTAB) == "crontab.stable.example.com/mine created\n"
    assert await kubectl("apply", "-f", "-", stdin=CRONTAB) == "crontab.stable.example.com/mine unchanged\n"
    lines = (await kubectl("get", "ct")).splitlines()
    assert lines[0].split() == ["NAME", "SPEC", "REPLICAS", "AGE"]
    assert lines[1].split()[:-1] == ["mine", "*", "*", "*", "*", "*/5", "1"]
    assert "crontab.stable.example.com/mine" in await kubectl("get", "all", "-o", "name")
    assert "mine" in await kubectl("get", "crontabs", "--field-selector", "spec.color=red", "-o", "name")
    assert await kubectl("get", "crontabs", "--field-selector", "spec.color=green", "-o", "name") == ""
    assert "When it runs." in await kubectl("explain", "crontab.spec.cronSpec")
    assert "Cron Spec" in await kubectl("describe", "ct", "mine")
    await kubectl("scale", "ct/mine", "--replicas=3")
    assert await _get(kubectl, "{.spec.replicas}") == "3"
    await kubectl("patch", "ct", "mine", "--type=json", "-p", '[{"op":"replace","path":"/spec/replicas","value":4}]')
    await kubectl("annotate", "ct", "mine", "a=b")
    await kubectl("label", "ct", "mine", "a=b")
    assert await _get(kubectl, "{.metadata.generation}") == "3"
    await kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=CRONTAB)
    await kubectl("delete", "ct", "--all")
    assert await kubectl("get", "ct", "-o", "name") == ""


async def test_wrong_objects_are_refused_in_the_words_of_kubernetes(defined: Kubectl) -> None:
    kubectl = defined
    await kubectl("apply", "-f", "-", stdin=CRONTAB)
    wrong = '{"spec":{"replicas":20,"color":"blue","cronSpec":"x"}}'
    said = await kubectl.fails("patch", "ct", "mine", "--type=merge", "-p", wrong)
    assert "spec.replicas: Invalid value: 20: spec.replicas in body should be less than or equal to 10" in said
    assert 'spec.color: Unsupported value: "blue": supported values: "red", "green"' in said
    assert "spec.cronSpec in body should match" in said
    said = await kubectl.fails("patch", "ct", "mine", "--type=merge", "-p", '{"spec":{"image":"bad"}}')
    assert 'The CronTab "mine" is invalid: spec: Invalid value: "object": this image is bad' in said
    said = await kubectl.fails("patch", "ct", "mine", "-p", '{"spec":{"replicas":2}}')
    assert "is not supported by stable.example.com/v1, Kind=CronTab" in said
    said = await kubectl.fails("create", "-f", "-", stdin=CRONTAB.replace("image", "picture"))
    assert 'strict decoding error: unknown field "spec.picture"' in said
    said = (await kubectl.run("apply", "--validate=warn", "-f", "-", stdin=CRONTAB.replace("image", "picture"))).err
    assert 'Warning: unknown field "spec.picture"' in said


async def test_status_is_apart_and_can_be_waited_for(defined: Kubectl) -> None:
    kubectl = defined
    await kubectl("apply", "-f", "-", stdin=CRONTAB)
    status = '{"status":{"replicas":1,"labelSelector":"a=b","conditions":[{"type":"Ready","status":"True"}]}}'
    await kubectl("patch", "ct", "mine", "--type=merge", "-p", status)
    assert await _get(kubectl, "{.status}") == ""
    await kubectl("patch", "ct", "mine", "--subresource=status", "--type=merge", "-p", status)
    await kubectl("wait", "ct/mine", "--for=condition=Ready", "--timeout=60s")
    await kubectl("wait", "ct/mine", "--for=jsonpath={.status.replicas}=1", "--timeout=60s")
    scale = json.loads(await kubectl("get", "ct", "mine", "--subresource=scale", "-o", "json"))
    assert scale["status"] == {"replicas": 1, "selector": "a=b"}
    assert await _get(kubectl, "{.metadata.generation}") == "1"


async def test_edit(defined: Kubectl, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/image: app/image: other/' \"$1\"\n")
    editor.chmod(0o755)
    await defined("apply", "-f", "-", stdin=CRONTAB)
    await defined("edit", "ct", "mine", EDITOR=str(editor))
    assert await _get(defined, "{.spec.image}") == "other"


async def test_a_changed_definition_counts_at_once(defined: Kubectl) -> None:
    kubectl = defined
    await kubectl("apply", "-f", "-", stdin=CRONTAB)
    size = "image: {type: string}\n                size: {type: string, default: big}"
    more = DEFINITION.replace("image: {type: string}", size)
    await kubectl("apply", "-f", "-", stdin=more.replace("maximum: 10", "maximum: 20"))
    await kubectl("scale", "ct/mine", "--replicas=20")
    assert await _get(kubectl, "{.spec.size}") == "big"
    assert "size" in await kubectl("explain", "crontab.spec")
    await kubectl("apply", "-f", "-", stdin=DEFINITION)
    assert await _get(kubectl, "{.spec.size}") == ""
    # What was accepted before and is not touched is not held against a change.
    await kubectl("label", "ct", "mine", "a=b")


async def test_several_versions_show_the_same_objects(defined: Kubectl) -> None:
    kubectl = defined
    await kubectl("apply", "-f", "-", stdin=CRONTAB)
    found = json.loads(await kubectl("get", "crd", "crontabs.stable.example.com", "-o", "json"))
    version = found["spec"]["versions"][0]
    found["spec"]["versions"] = [{**version, "storage": False}, {**version, "name": "v2beta1", "storage": True}]
    await kubectl("replace", "-f", "-", stdin=json.dumps(found))
    versions = await kubectl("api-versions")
    assert "stable.example.com/v1\n" in versions
    assert "stable.example.com/v2beta1\n" in versions
    shown = json.loads(await kubectl("get", "crontabs.v2beta1.stable.example.com", "mine", "-o", "json"))
    assert shown["apiVersion"] == "stable.example.com/v2beta1"
    await kubectl("apply", "-f", "-", stdin=CRONTAB.replace("/v1", "/v2beta1").replace("app", "newer"))
    assert await _get(kubectl, "{.apiVersion} {.spec.image}") == "stable.example.com/v1 newer"
    path = "jsonpath={.status.storedVersions}"
    assert await kubectl("get", "crd", "crontabs.stable.example.com", "-o", path) == '["v1","v2beta1"]'


async def test_a_definition_takes_its_objects_along(defined: Kubectl, client: HttpClient) -> None:
    kubectl = defined
    await kubectl("create", "namespace", "other")
    for namespace in ("default", "other"):
        await kubectl("apply", "-n", namespace, "-f", "-", stdin=CRONTAB)
    held = {"metadata": {"finalizers": ["example.com/held"]}}
    await client.patch(CRONTABS, "mine", held, "other")
    await kubectl("delete", "crd", "crontabs.stable.example.com", "--wait=false")
    await kubectl("wait", "--for=delete", "ct/mine", "-n", "default", "--timeout=60s")
    definition = await client.get(CUSTOMRESOURCEDEFINITIONS, "crontabs.stable.example.com")
    assert {item["type"]: item["status"] for item in definition["status"]["conditions"]}["Terminating"] == "True"
    with pytest.raises(ApiError, match="while custom resource definition is terminating"):
        await client.create(CRONTABS, {"metadata": {"name": "late"}, "spec": {"cronSpec": "* * * * *"}}, "default")
    await client.patch(CRONTABS, "mine", {"metadata": {"finalizers": None}}, "other")
    await kubectl("wait", "--for=delete", "crd/crontabs.stable.example.com", "--timeout=60s")
    with pytest.raises(NotFound, match="could not find the requested resource"):
        await client.list(CRONTABS)
    assert "crontabs" not in await kubectl("api-resources", "-o", "name")


async def test_watches_end_with_their_definition(defined: Kubectl, client: HttpClient) -> None:
    listing = await client.list(CRONTABS)

    async def watch() -> list[str]:
        return [event.type async for event in client.watch(CRONTABS, resource_version=listing.resource_version)]

    watching = asyncio.get_running_loop().create_task(watch())
    await defined("apply", "-f", "-", stdin=CRONTAB)
    await defined("delete", "crd", "crontabs.stable.example.com", "--timeout=60s")
    async with asyncio.timeout(60):
        assert await watching == ["ADDED", "DELETED"]


async def test_definitions_are_served_before_the_first_answer_after_a_restart(defined: Kubectl, api: Running) -> None:
    await defined("apply", "-f", "-", stdin=CRONTAB)
    again = ApiServer(api.store, default_registry(), SystemClock(), ClusterConfig.dual_stack())
    await again.start(None)
    found: Object = await again.local_client("test").get(CRONTABS, "mine", "default")
    await again.close()
    assert found["spec"]["replicas"] == 1


async def test_the_dynamic_client_and_leader_election_of_python(defined: Kubectl, api: Running) -> None:
    assert await python_client(api, "dynamic") == {"created": "dyn", "listed": ["dyn"], "replicas": 5, "deleted": True}
    assert await python_client(api, "election") == {"led": True}
