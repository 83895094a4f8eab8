"""Files in volumes as Kubernetes' conformance cases read them: names, modes, contents, users, subPaths, updates."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.bench import Bench, config_map, container, opened, pod, secret
from tests.e2e.cluster import Cluster

BINARY = bytes([0xDE, 0xCA, 0xFE, 0xBA, 0xD0, 0xFE, 0xFF])
WORDS = {"data-1": "value-1", "data-2": "value-2", "data-3": "value-3"}
ITEMS = [{"key": "data-2", "path": "path/to/data-2"}]
MODED = [{"key": "data-2", "path": "path/to/data-2", "mode": 0o400}]
RESOURCES = {"requests": {"cpu": "250m", "memory": "32Mi"}, "limits": {"cpu": "1250m", "memory": "64Mi"}}
FIGURES = {
    "cpu_limit": ("limits.cpu", "2"),
    "cpu_request": ("requests.cpu", "1"),
    "memory_limit": ("limits.memory", str(64 << 20)),
    "memory_request": ("requests.memory", str(32 << 20)),
}
SHOW = 'show() { for f in "$@"; do echo "$f $(busybox stat -L -c %A $f) $(cat $f 2>&1)"; done; }; '
READABLE, OWNER_ONLY, GROUP = "-rw-r--r--", "-r--------", "-r--r-----"


def _configured(kind: str, **fields: Any) -> dict[str, Any]:
    """A volume source made of the ConfigMap or Secret `words`."""
    return {kind: {("secretName" if kind == "secret" else "name"): "words", **fields}}


def _projected(*sources: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"projected": {"sources": list(sources), **fields}}


def _source(kind: str, **fields: Any) -> dict[str, Any]:
    return {kind: {"name": "words", **fields}}


def _downward(**mode: int) -> dict[str, Any]:
    items: list[dict[str, Any]] = [{"path": "podname", "fieldRef": {"fieldPath": "metadata.name"}, **mode}]
    for path, (resource, _) in FIGURES.items():
        items.append({"path": path, "resourceFieldRef": {"containerName": "main", "resource": resource}})
    for resource in ("limits.cpu", "limits.memory"):
        ref = {"containerName": "bare", "resource": resource}
        items.append({"path": f"node_{resource.removeprefix('limits.')}", "resourceFieldRef": ref})
    return {"items": items}


def _object_volumes() -> dict[str, dict[str, Any]]:
    volumes = {}
    for kind in ("configMap", "secret"):
        short = kind.lower()
        volumes |= {
            short: _configured(kind), f"{short}-again": _configured(kind),
            f"{short}-default": _configured(kind, defaultMode=0o400), f"{short}-items": _configured(kind, items=ITEMS),
            f"{short}-moded": _configured(kind, items=MODED),
            f"p-{short}": _projected(_source(kind)), f"p-{short}-again": _projected(_source(kind)),
            f"p-{short}-default": _projected(_source(kind), defaultMode=0o400),
            f"p-{short}-items": _projected(_source(kind, items=ITEMS)),
            f"p-{short}-moded": _projected(_source(kind, items=MODED)),
        }  # fmt: skip
    return volumes


VOLUMES: dict[str, dict[str, Any]] = {
    **_object_volumes(),
    "downward": {"downwardAPI": _downward()},
    "downward-default": {"downwardAPI": {**_downward(), "defaultMode": 0o400}},
    "downward-moded": {"downwardAPI": _downward(mode=0o400)},
    "p-downward": _projected({"downwardAPI": _downward()}),
    "p-downward-default": _projected({"downwardAPI": _downward()}, defaultMode=0o400),
    "p-downward-moded": _projected({"downwardAPI": _downward(mode=0o400)}),
    "combined": _projected(
        _source("secret", items=[{"key": "data-1", "path": "my/secret"}]),
        _source("configMap", items=[{"key": "data-2", "path": "my/configmap"}]),
        {"downwardAPI": _downward()},
    ),
}


def _mounted(names: Any) -> list[dict[str, Any]]:
    return [{"name": name, "mountPath": f"/v/{name}"} for name in names]


def _volume_list(volumes: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": name, **source} for name, source in volumes.items()]


def _reader(name: str, user: int) -> dict[str, Any]:
    """Shows every file of every volume; a second container has no limits of its own."""
    script = SHOW + "show /v/*/data-* /v/*/dump.bin /v/*/path/to/* /v/*/my/* /v/*downward*/* /v/combined/*_*"
    context = {"runAsUser": user}
    main = container(script, volumeMounts=_mounted(VOLUMES), resources=RESOURCES, securityContext=context)
    return pod(name, main, container("true", "bare"), volumes=_volume_list(VOLUMES))


def _grouped() -> dict[str, Any]:
    volumes = {
        "secret": _configured("secret", defaultMode=0o440),
        "p-secret": _projected(_source("secret"), defaultMode=0o440),
        "empty": {"emptyDir": {}},
    }
    script = SHOW + "show /v/secret/data-1 /v/p-secret/data-1; busybox stat -c '%A %g' /v/empty"
    main = container(script, volumeMounts=_mounted(volumes))
    context = {"runAsUser": 1000, "fsGroup": 1001}
    return pod("grouped", main, volumes=_volume_list(volumes), securityContext=context)


def _emptied(name: str, user: int) -> dict[str, Any]:
    """Makes files of three modes on both media, and shows them and what they lie on."""
    volumes = {"default": {"emptyDir": {}}, "memory": {"emptyDir": {"medium": "Memory"}}}
    script = SHOW + (
        'umask 0; for v in default memory; do busybox stat -c "$v %A" /v/$v; busybox grep " /v/$v " /proc/mounts;'
        " for m in 0644 0666 0777; do echo content > /v/$v/$m; busybox chmod $m /v/$v/$m; done; show /v/$v/*; done"
    )
    main = container(script, volumeMounts=_mounted(volumes), securityContext={"runAsUser": user})
    return pod(name, main, volumes=_volume_list(volumes))


def _shared() -> dict[str, Any]:
    mounts = [{"name": "between", "mountPath": "/between"}]
    main = container("until test -e /between/done; do sleep 0.1; done; cat /between/done", volumeMounts=mounts)
    other = container("echo from the other > /between/part; busybox mv /between/part /between/done", "other",
                      volumeMounts=mounts)  # fmt: skip
    return pod("shared", main, other, volumes=[{"name": "between", "emptyDir": {}}])


SUB_PATHS = {
    "configmap": (_configured("configMap"), "data-1", "value-1"),
    "secret": (_configured("secret"), "data-2", "value-2"),
    "projected": (_projected(_source("configMap")), "data-3", "value-3"),
    "downward": ({"downwardAPI": _downward()}, "podname", "sub-paths"),
}


def _sub_paths() -> dict[str, Any]:
    """Each atomic volume by one of its files, and a file over one that the container has anyway."""
    mounts = [{"name": name, "mountPath": f"/sub/{name}", "subPath": path} for name, (_, path, _) in SUB_PATHS.items()]
    mounts.append({"name": "configmap", "mountPath": "/etc/resolv.conf", "subPath": "data-1"})
    init = container("cat /sub/configmap", "first", volumeMounts=mounts, resources=RESOURCES)
    main = container(SHOW + "show /sub/* /etc/resolv.conf", volumeMounts=mounts, resources=RESOURCES)
    volumes = _volume_list({name: source for name, (source, _, _) in SUB_PATHS.items()})
    return pod("sub-paths", main, container("true", "bare"), initContainers=[init], volumes=volumes)


@pytest.fixture(scope="module")
def bench(shared_cluster: Cluster) -> Iterator[Bench]:
    with opened(shared_cluster, "conformance-volumes") as bench, opened(shared_cluster, "conformance-other") as other:
        other.start(secret("words", {"data-1": "of another namespace"}))
        binary = {"dump.bin": base64.b64encode(BINARY).decode()}
        bench.start(
            config_map("words", WORDS, binaryData=binary), secret("words", WORDS), _reader("root", 0),
            _reader("user", 1000), _grouped(), _emptied("empty-root", 0), _emptied("empty-user", 1001), _shared(),
            _sub_paths(),
        )  # fmt: skip
        yield bench


OBJECT_VOLUMES = ("configmap", "secret", "p-configmap", "p-secret")


@pytest.mark.parametrize("reader", ["root", "user"])
@pytest.mark.parametrize("volume", OBJECT_VOLUMES)
def test_files_of_objects_are_readable_by_all_unless_told_otherwise(bench: Bench, volume: str, reader: str) -> None:
    assert f"/v/{volume}/data-1 {READABLE} value-1" in bench.lines(reader)
    assert f"/v/{volume}-again/data-1 {READABLE} value-1" in bench.lines(reader)
    assert f"/v/{volume}-items/path/to/data-2 {READABLE} value-2" in bench.lines(reader)
    assert f"/v/{volume}-items/data-1" not in bench.log(reader)


@pytest.mark.parametrize("volume", OBJECT_VOLUMES)
def test_files_of_objects_have_the_modes_of_volume_and_item(bench: Bench, volume: str) -> None:
    assert f"/v/{volume}-default/data-1 {OWNER_ONLY} value-1" in bench.lines("root")
    assert f"/v/{volume}-moded/path/to/data-2 {OWNER_ONLY} value-2" in bench.lines("root")
    denied = "cat: can't open '/v/{}': Permission denied"
    for path in (f"{volume}-default/data-1", f"{volume}-moded/path/to/data-2"):
        assert f"/v/{path} {OWNER_ONLY} {denied.format(path)}" in bench.lines("user")


def test_binary_data_lies_beside_texts(bench: Bench) -> None:
    shown = bench.cluster.kubectl("get", "cm", "words", "-n", bench.space, "-o", "jsonpath={.binaryData.dump\\.bin}")
    assert base64.b64decode(shown) == BINARY
    bench.start(pod("binary", container("busybox xxd -p /v/w/dump.bin; cat /v/w/data-1", volumeMounts=_mounted(["w"])),
                    volumes=_volume_list({"w": _configured("configMap")})))  # fmt: skip
    assert bench.log("binary") == f"{BINARY.hex()}\nvalue-1"


@pytest.mark.parametrize("name", ["secret", "p-secret"])
def test_a_group_reads_what_its_users_may(bench: Bench, name: str) -> None:
    assert f"/v/{name}/data-1 {GROUP} value-1" in bench.lines("grouped")
    assert "drwxrwsrwx 1001" in bench.lines("grouped")


@pytest.mark.parametrize("volume", ["downward", "p-downward"])
def test_fields_of_the_pod_and_its_containers_are_files(bench: Bench, volume: str) -> None:
    lines = bench.lines("root")
    assert f"/v/{volume}/podname {READABLE} root" in lines
    assert f"/v/{volume}-default/podname {OWNER_ONLY} root" in lines
    assert f"/v/{volume}-moded/podname {OWNER_ONLY} root" in lines
    assert f"/v/{volume}-moded/cpu_limit {READABLE} 2" in lines
    for path, (_, value) in FIGURES.items():
        assert f"/v/{volume}/{path} {READABLE} {value}" in lines
    node = bench.get("root")["spec"]["nodeName"]
    allocatable = bench.cluster.get("node", node)["status"]["allocatable"]
    assert f"/v/{volume}/node_cpu {READABLE} {allocatable['cpu']}" in lines
    memory = int(allocatable["memory"].removesuffix("Ki")) * 1024
    assert f"/v/{volume}/node_memory {READABLE} {memory}" in lines


def test_all_kinds_of_sources_meet_in_one_volume(bench: Bench) -> None:
    lines = bench.lines("root")
    assert f"/v/combined/my/secret {READABLE} value-1" in lines
    assert f"/v/combined/my/configmap {READABLE} value-2" in lines
    assert f"/v/combined/cpu_limit {READABLE} 2" in lines


@pytest.mark.parametrize("name", ["empty-root", "empty-user"])
@pytest.mark.parametrize("medium", ["default", "memory"])
def test_an_empty_folder_takes_files_of_any_mode_from_any_user(bench: Bench, medium: str, name: str) -> None:
    lines = bench.lines(name)
    last = "t" if medium == "memory" else "x"  # the root of a tmpfs is sticky
    assert f"{medium} drwxrwxrw{last}" in lines
    modes = {"0644": "-rw-r--r--", "0666": "-rw-rw-rw-", "0777": "-rwxrwxrwx"}
    for mode, shown in modes.items():
        assert f"/v/{medium}/{mode} {shown} content" in lines
    mount = next(line for line in lines if f" /v/{medium} " in line)
    assert (mount.split()[2] == "tmpfs") == (medium == "memory")


def test_containers_share_a_folder(bench: Bench) -> None:
    assert bench.log("shared") == "from the other\n"


@pytest.mark.parametrize("name", SUB_PATHS)
def test_one_file_of_an_atomic_volume_can_be_mounted(bench: Bench, name: str) -> None:
    assert f"/sub/{name} {READABLE} {SUB_PATHS[name][2]}" in bench.lines("sub-paths")
    assert bench.log("sub-paths", "first") == "value-1"


def test_a_file_is_mounted_over_one_that_is_there(bench: Bench) -> None:
    assert f"/etc/resolv.conf {READABLE} value-1" in bench.lines("sub-paths")
