"""get, apply, delete, scale, describe and rollout against a real API server, and beside kubectl."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from console.cli.exits import Exit

from .conftest import Command

HELLO = str(Path(__file__).parents[3] / "docs" / "examples" / "hello")
CONFIG: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "c", "labels": {"app": "x"}},
    "data": {"a": "1", "b": "2"},
}


def config(**data: str) -> str:
    return json.dumps({**CONFIG, "data": data})


async def test_apply_creates_then_finds_nothing_to_do_then_changes(quarterdeck: Command) -> None:
    first = await quarterdeck("apply", "-f", HELLO)
    assert first.out.splitlines() == ["deployment.apps/hello created", "service/hello created"]
    second = await quarterdeck("apply", "-f", HELLO)
    assert second.out.splitlines() == ["deployment.apps/hello unchanged", "service/hello unchanged"]
    assert (await quarterdeck("apply", "-f", "-", stdin=config(a="1", b="2"))).out == "configmap/c created\n"
    assert (await quarterdeck("apply", "-f", "-", stdin=config(a="1", c="3"))).out == "configmap/c configured\n"
    found = json.loads((await quarterdeck("get", "cm/c", "-o", "json")).out)
    assert found["data"] == {"a": "1", "c": "3"}


@pytest.mark.kubectl
async def test_apply_and_kubectl_apply_continue_each_others_work(quarterdeck: Command, kubectl: Command) -> None:
    assert (await quarterdeck("apply", "-f", "-", stdin=config(a="1", b="2"))).code == Exit.OK
    theirs = await kubectl("apply", "-f", "-", stdin=config(a="1", b="2"))
    assert theirs.out == "configmap/c unchanged\n", theirs.err
    theirs = await kubectl("apply", "-f", "-", stdin=config(b="3"))
    assert theirs.out == "configmap/c configured\n", theirs.err
    ours = await quarterdeck("apply", "-f", "-", stdin=config(c="4"))
    assert ours.out == "configmap/c configured\n"
    assert json.loads((await quarterdeck("get", "cm", "c", "-o", "json")).out)["data"] == {"c": "4"}


@pytest.mark.kubectl
async def test_containers_are_changed_by_name_and_what_others_set_stays(quarterdeck: Command, kubectl: Command) -> None:
    await quarterdeck("apply", "-f", HELLO)
    await kubectl("set", "env", "deploy/hello", "FROM=elsewhere")
    text = Path(HELLO, "hello.yaml").read_text().replace("quarterdeck/hello:1", "quarterdeck/hello:2")
    assert "deployment.apps/hello configured" in (await quarterdeck("apply", "-f", "-", stdin=text)).out
    deployment = json.loads((await quarterdeck("get", "deploy/hello", "-o", "json")).out)
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "quarterdeck/hello:2"
    assert container["env"] == [{"name": "FROM", "value": "elsewhere"}]


@pytest.mark.kubectl
@pytest.mark.parametrize(
    "words",
    [
        ("get", "ns"),
        ("get", "svc", "-A"),
        ("get", "deploy,svc"),
        ("get", "svc/hello", "deploy/hello"),
        ("get", "deploy", "-o", "wide"),
        ("get", "all", "-o", "name"),
        ("get", "deploy", "hello", "-o", "name"),
        ("get", "svc", "-l", "app=hello"),
        ("get", "pods"),
    ],
    ids=" ".join,
)
async def test_get_prints_what_kubectl_prints(quarterdeck: Command, kubectl: Command, words: tuple[str, ...]) -> None:
    await quarterdeck("apply", "-f", HELLO)
    ours, theirs = await quarterdeck(*words), await kubectl(*words)
    assert ours.code == theirs.code == Exit.OK, ours.err + theirs.err
    assert _without_ages(ours.out) == _without_ages(theirs.out)
    assert ours.err == theirs.err


def _without_ages(text: str) -> list[list[str]]:
    """Words of each line, but for ages: a second may pass between the two commands."""
    return [
        [word for word in line.split() if not (word[0].isdigit() and word.endswith("s"))] for line in text.split("\n")
    ]


async def test_a_wrong_object_is_named_and_the_others_are_applied(quarterdeck: Command) -> None:
    wrong = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: bad}\nspec: {replicas: -1}\n"
    done = await quarterdeck("apply", "-f", "-", stdin=f"{wrong}---\n{config(a='1')}")
    assert done.code == Exit.FAILED
    assert done.out == "configmap/c created\n"
    assert done.err.startswith("error: standard input, document 1:")
    assert "\n  line 4: spec.replicas: " in done.err


async def test_a_dry_run_shows_what_would_change_and_writes_nothing(quarterdeck: Command) -> None:
    tried = await quarterdeck("apply", "--dry-run", "-f", "-", stdin=config(a="1"))
    assert tried.out.startswith("configmap/c created (dry run)\n  + apiVersion: v1\n")
    assert (await quarterdeck("get", "cm/c")).code == Exit.FAILED
    await quarterdeck("apply", "-f", "-", stdin=config(a="1"))
    changed = await quarterdeck("apply", "--dry-run", "-f", "-", stdin=config(a="2"))
    assert changed.out.startswith("configmap/c configured (dry run)\n")
    assert "  -   a: '1'\n  +   a: '2'\n" in changed.out
    same = await quarterdeck("apply", "--dry-run", "-f", "-", stdin=config(a="1"))
    assert same.out == "configmap/c unchanged (dry run)\n"


async def test_what_is_not_there_is_named(quarterdeck: Command) -> None:
    missing = await quarterdeck("get", "pod/none")
    assert (missing.code, missing.err) == (Exit.FAILED, 'error: (NotFound) pods "none" not found\n')
    unknown = await quarterdeck("get", "widgets")
    assert unknown.code == Exit.FAILED
    assert 'the server doesn\'t have a resource type "widgets"; it has: ' in unknown.err
    assert "configmaps" in unknown.err
    kind = await quarterdeck(
        "apply", "-f", "-", stdin='{"apiVersion": "apps/v2", "kind": "Deployment", "metadata": {"name": "a"}}'
    )
    assert 'no matches for kind "Deployment" in version "apps/v2"; served versions of that kind: apps/v1' in kind.err


async def test_a_namespace_that_contradicts_the_manifest_is_refused(quarterdeck: Command) -> None:
    refused = await quarterdeck("apply", "-n", "kube-public", "-f", HELLO)
    assert refused.code == Exit.FAILED
    assert '"default" is not the namespace "kube-public" that you name' in refused.err


async def test_delete_waits_until_the_objects_are_gone(quarterdeck: Command) -> None:
    await quarterdeck("apply", "-f", HELLO)
    done = await quarterdeck("delete", "-f", HELLO)
    assert done.out == 'deployment.apps "hello" deleted\nservice "hello" deleted\n'
    assert (await quarterdeck("get", "deploy/hello")).code == Exit.FAILED
    assert (await quarterdeck("delete", "deploy/hello")).code == Exit.FAILED
    assert (await quarterdeck("delete", "deploy/hello", "--ignore-not-found")).code == Exit.OK


async def test_delete_says_what_holds_an_object(quarterdeck: Command) -> None:
    held = json.dumps({**CONFIG, "metadata": {"name": "c", "finalizers": ["example.com/hold"]}})
    await quarterdeck("apply", "-f", "-", stdin=held)
    done = await quarterdeck("delete", "cm/c", "--timeout", "0.3s")
    assert done.code == Exit.TIMEOUT
    assert "c is still there after 0.3 s: finalizers" in done.err
    assert (await quarterdeck("delete", "cm", "--all", "--no-wait")).code == Exit.OK


async def test_delete_by_label_takes_only_those(quarterdeck: Command) -> None:
    await quarterdeck("apply", "-f", "-", stdin=config(a="1"))
    other = json.dumps({**CONFIG, "metadata": {"name": "d"}})
    await quarterdeck("apply", "-f", "-", stdin=other)
    assert (await quarterdeck("delete", "cm", "-l", "app=x")).out == 'configmap "c" deleted\n'
    assert (await quarterdeck("get", "cm", "-o", "name")).out == "configmap/d\n"


async def test_scale_and_rollout(quarterdeck: Command) -> None:
    await quarterdeck("apply", "-f", HELLO)
    assert (await quarterdeck("scale", "deploy", "hello", "--replicas", "5")).out == "deployment.apps/hello scaled\n"
    assert json.loads((await quarterdeck("get", "deploy/hello", "-o", "json")).out)["spec"]["replicas"] == 5
    assert (await quarterdeck("rollout", "restart", "deploy/hello")).out == "deployment.apps/hello restarted\n"
    assert (await quarterdeck("rollout", "pause", "deploy", "hello")).out == "deployment.apps/hello paused\n"
    assert "is paused" in (await quarterdeck("rollout", "undo", "deploy/hello")).err
    assert (await quarterdeck("rollout", "resume", "deploy/hello")).out == "deployment.apps/hello resumed\n"
    late = await quarterdeck("rollout", "status", "deploy/hello", "--timeout", "0.2s")
    assert (late.code, late.out) == (Exit.TIMEOUT, "Waiting for deployment spec update to be observed...\n")
    now = json.loads((await quarterdeck("rollout", "status", "deploy/hello", "-o", "json")).out)
    assert (now["kind"], now["name"], now["done"], now["wanted"], now["replicas"]) == (
        "Deployment",
        "hello",
        False,
        5,
        [],
    )
    assert json.loads((await quarterdeck("rollout", "history", "deploy/hello", "-o", "json")).out) == []
    nothing = await quarterdeck("rollout", "undo", "deploy/hello")
    assert (nothing.code, nothing.err) == (
        Exit.FAILED,
        "error: no rollout history found to go back to; revisions kept: none\n",
    )
    assert (
        "a Deployment, StatefulSet or DaemonSet has a rollout, a Service has none"
        in (await quarterdeck("rollout", "status", "svc/hello")).err
    )


async def test_xray_shows_what_objects_are_made_of(quarterdeck: Command) -> None:
    await quarterdeck("apply", "-f", HELLO)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "alone"}, "spec": {
        "containers": [{"name": "web", "image": "x:1", "envFrom": [{"configMapRef": {"name": "lost"}}]}]}}  # fmt: skip
    await quarterdeck("apply", "-f", "-", stdin=json.dumps(pod))
    (tree,) = json.loads((await quarterdeck("xray", "deploy/hello", "-o", "json")).out)
    assert (tree["kind"], tree["name"], tree["children"]) == ("Deployment", "hello", [])
    shown = (await quarterdeck("xray", "pods", "-A")).out.splitlines()
    assert shown[0].split() == ["TREE", "STATUS", "ABOUT"]
    assert [line.split()[1:] for line in shown if "lost" in line] == [["└─", "configmap", "lost", "missing"]]
    assert (await quarterdeck("xray", "sts")).out == "there is nothing of that kind here\n"
    assert (await quarterdeck("xray", "nonsense")).code == Exit.FAILED


async def test_describe_tells_the_events_too(quarterdeck: Command) -> None:
    await quarterdeck("apply", "-f", HELLO)
    text = (await quarterdeck("describe", "deploy/hello")).out
    assert text.startswith("Name:             hello\n")
    assert "quarterdeck/hello:1" in text
    assert "Events:" in text


async def test_several_objects_as_json_and_yaml_can_be_applied_again(quarterdeck: Command) -> None:
    await quarterdeck("apply", "-f", HELLO)
    for form in ("json", "yaml"):
        text = (await quarterdeck("get", "deploy,svc", "-l", "app=hello", "-o", form)).out
        again = await quarterdeck("apply", "-f", "-", stdin=text)
        assert again.code == Exit.OK, again.err
    deployment = json.loads((await quarterdeck("get", "deploy/hello", "-o", "json")).out)
    assert deployment["metadata"]["generation"] == 1  # only the record of what was applied changed
