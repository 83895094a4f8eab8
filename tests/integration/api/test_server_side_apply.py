"""Server-side apply by the real kubectl, beside its other ways to write."""

from __future__ import annotations

import json
from pathlib import Path

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


async def managers(kubectl: Kubectl, kind: str = "deploy") -> list[tuple[str, str, str]]:
    found = json.loads(await kubectl("get", kind, "web", "-o", "json", "--show-managed-fields"))
    return [
        (entry["manager"], entry["operation"], entry.get("subresource", ""))
        for entry in found["metadata"]["managedFields"]
    ]


async def test_what_client_side_apply_owned_moves_to_server_side_apply(kubectl: Kubectl) -> None:
    labelled = MANIFEST.replace("{name: web}", "{name: web, labels: {old: a, both: b}}")
    await kubectl("apply", "-f", "-", stdin=labelled)
    assert await managers(kubectl) == [("kubectl-client-side-apply", "Update", "")]
    await kubectl("apply", "--server-side", "-f", "-", stdin=labelled.replace("old: a, ", ""))
    # kubectl itself keeps the note of what it applied last, under a name apart.
    assert await managers(kubectl) == [("kubectl", "Apply", ""), ("kubectl-last-applied", "Apply", "")]
    # What was applied from the client side and is no longer named goes.
    assert await kubectl("get", "deploy", "web", "-o", "jsonpath={.metadata.labels}") == '{"both":"b"}'
    noted = json.loads(await kubectl("apply", "view-last-applied", "deploy/web", "-o", "json"))
    assert noted["metadata"]["labels"] == {"both": "b"}


async def test_managers_have_the_names_that_they_are_given(kubectl: Kubectl) -> None:
    await kubectl("apply", "--server-side", "--field-manager=one", "-f", "-", stdin=MANIFEST)
    more = MANIFEST.replace("replicas: 2", "replicas: 4")
    error = await kubectl.fails("apply", "--server-side", "--field-manager=two", "-f", "-", stdin=more)
    assert 'Apply failed with 1 conflict: conflict with "one": .spec.replicas' in error
    await kubectl("apply", "--server-side", "--field-manager=two", "--force-conflicts", "-f", "-", stdin=more)
    await kubectl("label", "deploy", "web", "a=b", "--field-manager=three")
    assert await managers(kubectl) == [("one", "Apply", ""), ("two", "Apply", ""), ("three", "Update", "")]


async def test_a_dry_run_and_a_difference_leave_everything_as_it_is(kubectl: Kubectl) -> None:
    await kubectl("apply", "--server-side", "-f", "-", stdin=MANIFEST)
    more = MANIFEST.replace("replicas: 2", "replicas: 4")
    said = await kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=more)
    assert said == "deployment.apps/web serverside-applied (server dry run)\n"
    shown = await kubectl.run("diff", "--server-side", "-f", "-", stdin=more)
    assert (shown.code, "-  replicas: 2" in shown.out, "+  replicas: 4" in shown.out) == (1, True, True)
    assert await kubectl("diff", "--server-side", "-f", "-", stdin=MANIFEST) == ""
    assert await replicas(kubectl) == 2


async def test_last_applied_can_be_set_and_shown(kubectl: Kubectl, tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(MANIFEST)
    await kubectl("create", "-f", str(file))
    error = await kubectl.fails("apply", "set-last-applied", "-f", str(file))
    assert "no last-applied-configuration annotation found" in error
    await kubectl("apply", "set-last-applied", "-f", str(file), "--create-annotation=true")
    noted = json.loads(await kubectl("apply", "view-last-applied", "-f", str(file), "-o", "json"))
    assert noted["spec"]["replicas"] == 2
    said = await kubectl("apply", "edit-last-applied", "deploy/web", EDITOR="sed -i s/replicas:.2/replicas:\\ 5/")
    assert "deployment.apps/web edited" in said
    noted = json.loads(await kubectl("apply", "view-last-applied", "-f", str(file), "-o", "json"))
    assert noted["spec"]["replicas"] == 5
    assert await replicas(kubectl) == 2


async def test_prune_removes_what_is_no_longer_in_the_set(kubectl: Kubectl) -> None:
    one = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME, labels: {set: mine}}\n"
    both = "---\n".join(one.replace("NAME", name) for name in ("a", "b"))
    await kubectl("apply", "--prune", "-l", "set=mine", "-f", "-", stdin=both)
    said = await kubectl("apply", "--prune", "-l", "set=mine", "-f", "-", stdin=one.replace("NAME", "a"))
    assert "configmap/b pruned" in said
    assert await kubectl("get", "cm", "-l", "set=mine", "-o", "name") == "configmap/a\n"


async def test_a_record_ends_with_one_empty_entry_and_with_nothing_else(kubectl: Kubectl) -> None:
    await kubectl("apply", "--server-side", "-f", "-", stdin=MANIFEST)
    for leaves in ("[]", "null"):
        await kubectl("patch", "deploy", "web", "--type=merge", "-p", f'{{"metadata":{{"managedFields":{leaves}}}}}')
        assert await managers(kubectl) == [("kubectl", "Apply", "")]
    await kubectl("patch", "deploy", "web", "--type=merge", "-p", '{"metadata":{"managedFields":[{}]}}')
    ended = json.loads(await kubectl("get", "deploy", "web", "-o", "json", "--show-managed-fields"))
    assert "managedFields" not in ended["metadata"]
    await kubectl("apply", "--server-side", "--field-manager=me", "-f", "-", stdin=MANIFEST)
    assert await managers(kubectl) == [("me", "Apply", ""), ("before-first-apply", "Update", "")]


async def test_replicas_scaled_and_applied_belong_to_both(kubectl: Kubectl) -> None:
    await kubectl("apply", "--server-side", "-f", "-", stdin=MANIFEST)
    await kubectl("scale", "deploy", "web", "--replicas=5")
    assert await managers(kubectl) == [("kubectl", "Apply", ""), ("kubectl", "Update", "scale")]
    error = await kubectl.fails("apply", "--server-side", "-f", "-", stdin=MANIFEST)
    assert 'conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas' in error


async def test_wrong_fields_are_named(kubectl: Kubectl) -> None:
    wrong = MANIFEST.replace("replicas: 2", "replica: 2")
    said = await kubectl.fails("apply", "--server-side", "-f", "-", stdin=wrong)
    what = "failed to create typed patch object (default/web; apps/v1, Kind=Deployment)"
    assert f"{what}: .spec.replica: field not declared in schema" in said
