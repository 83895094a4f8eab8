"""What containers see and how they end, as Kubernetes' conformance cases look at it: variables, commands, users,
restarts, last words, init containers, `/etc/hosts`, expressions in subPaths."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.bench import SECONDS, Bench, config_map, container, opened, pod, secret
from tests.e2e.cluster import Cluster

WORDS = {"data-1": "value-1", "data-2": "value-2"}
ENTRY = "qd-test/entry:1"
RESOURCES = {"requests": {"cpu": "250m", "memory": "32Mi"}, "limits": {"cpu": "1250m", "memory": "64Mi"}}
PREFIXES = ("p_", "p-", "$_-", "1-", "a.b/")
THIRD_TIME = (
    "echo hello >> /count/runs; n=$(busybox wc -l < /count/runs); [ $n -eq 1 ] && exit 1; [ $n -eq 2 ] && exit 0;"
    " while true; do sleep 1; done"
)


def _env(name: str, **source: Any) -> dict[str, Any]:
    return {"name": name, "valueFrom": source}


def _environment() -> dict[str, Any]:
    fields = {
        "POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace", "POD_UID": "metadata.uid",
        "POD_IP": "status.podIP", "HOST_IP": "status.hostIP", "HOST_IPS": "status.hostIPs",
    }  # fmt: skip
    amounts = ("limits.cpu", "limits.memory", "requests.cpu", "requests.memory")
    env = [
        {"name": "FOO", "value": "foo-value"}, {"name": "FOOBAR", "value": "$(FOO);;$(TEST)"},
        _env("CONFIG_DATA_1", configMapKeyRef={"name": "words", "key": "data-1"}),
        _env("SECRET_DATA_1", secretKeyRef={"name": "words", "key": "data-1"}),
        *(_env(name, fieldRef={"fieldPath": path}) for name, path in fields.items()),
        *(_env(name, resourceFieldRef={"resource": name}) for name in amounts),
        *(_env(f"bare {name}", resourceFieldRef={"containerName": "bare", "resource": name}) for name in amounts[:2]),
    ]  # fmt: skip
    sources = [{"prefix": prefix, "configMapRef": {"name": "words"}} for prefix in PREFIXES]
    sources += [{"prefix": f"s{prefix}", "secretRef": {"name": "words"}} for prefix in PREFIXES]
    main = container("", command=["busybox", "env"], env=env, envFrom=sources, resources=RESOURCES)
    return pod("environment", main, container("true", "bare"))


def _commands() -> dict[str, Any]:
    """The image says `echo entry` with the arguments `one two`; and what $(NAME) in the pod's own words becomes."""
    image = {"image": ENTRY}
    env = [{"name": "TEST_VAR", "value": "test-value"}]
    said = 'TEST_VAR=wrong echo "$(TEST_VAR)"'
    return pod(
        "commands",
        container("", "defaults", **image),
        container("", "arguments", **image, args=["override", "arguments"]),
        container("", "command", **image, command=["/bin/echo", "command"]),
        container("", "both", **image, command=["/bin/echo", "both"], args=["override", "arguments"]),
        container(said, "expanded-command", env=env),
        container("", "expanded-args", command=["sh", "-c"], args=[said], env=env),
    )


def _users() -> dict[str, Any]:
    context = "securityContext"
    return pod(
        "users",
        container("id", "nobody", **{context: {"runAsUser": 65534}}),
        container("id", "own-group", **{context: {"runAsUser": 1001, "runAsGroup": 2002}}),
        container("id", "pods-group"),
        container("busybox ip link add dummy0 type dummy 2>&1 || echo refused", "plain",
                  **{context: {"privileged": False, "runAsUser": 0}}),
        container("echo checking > /file && cat /file", "writable",
                  **{context: {"readOnlyRootFilesystem": False, "runAsUser": 0}}),
        container("echo test > /file; sleep 0.1", "read-only", **{context: {"readOnlyRootFilesystem": True}}),
        container("id -u; busybox grep NoNewPrivs /proc/self/status", "no-escalation",
                  **{context: {"allowPrivilegeEscalation": False, "runAsUser": 1000}}),
        container("busybox grep NoNewPrivs /proc/self/status", "escalation",
                  **{context: {"allowPrivilegeEscalation": True, "runAsUser": 1000}}),
        **{context: {"runAsUser": 1003, "runAsGroup": 2003}},
    )  # fmt: skip


def _last_words() -> Iterator[dict[str, Any]]:
    fallback = {"terminationMessagePolicy": "FallbackToLogsOnError", "terminationMessagePath": "/dev/termination-log"}
    custom = {"terminationMessagePath": "/dev/termination-custom-log", "securityContext": {"runAsUser": 10000}}
    yield pod(
        "last-words",
        container("echo -n DONE > /dev/termination-custom-log", "elsewhere", **custom),
        container("echo -n DONE", "silent", **fallback),
        container("echo -n OK > /dev/termination-log; echo DONE", "file", **fallback),
    )
    yield pod("last-words-failed", container("echo -n DONE; false", **fallback))


def _runs(policy: str) -> dict[str, Any]:
    """It fails the first time, succeeds the second, and runs on the third."""
    mounts = [{"name": "count", "mountPath": "/count"}]
    main = container(THIRD_TIME, volumeMounts=mounts)
    volumes = [{"name": "count", "emptyDir": {"medium": "Memory"}}]
    return pod(f"runs-{policy.lower()}", main, restartPolicy=policy, volumes=volumes)


def _inits() -> Iterator[dict[str, Any]]:
    good, bad = container("true", "init1"), container("false", "init1")
    second, main = container("true", "init2"), container("true")
    yield pod("init-never", main, initContainers=[good, second])
    yield pod("init-always", container("sleep 1000"), initContainers=[good, second], restartPolicy="Always")
    yield pod("init-failed", main, initContainers=[good, container("false", "init2")])
    yield pod("init-looping", main, initContainers=[bad, second], restartPolicy="Always")


def _hosts() -> Iterator[dict[str, Any]]:
    own = [{"name": "hosts", "mountPath": "/etc/hosts"}]
    volumes = [{"name": "hosts", "hostPath": {"path": "/etc/hosts", "type": "File"}}]
    aliases = [{"ip": "123.45.67.89", "hostnames": ["foo", "bar"]}]
    yield pod("hosts", container("cat /etc/hosts"), container("cat /etc/hosts", "mounted", volumeMounts=own),
              volumes=volumes, hostAliases=aliases)  # fmt: skip
    yield pod("host-network", container("cat /etc/hosts"), hostNetwork=True)


def _expressed(name: str, value: str, **fields: Any) -> dict[str, Any]:
    env = [{"name": "POD_NAME", "value": value}]
    mounts = [
        {"name": "work", "mountPath": "/sub", "subPathExpr": "$(POD_NAME)"},
        {"name": "work", "mountPath": "/whole"},
    ]
    main = container(f"test -d /whole/{value}; echo $?", env=env, volumeMounts=mounts)
    return pod(name, main, volumes=[{"name": "work", "emptyDir": {}}], **fields)


def _annotated(name: str, annotations: dict[str, str]) -> dict[str, Any]:
    """A subPath made of an annotation, which may be missing."""
    env = [_env("ANNOTATION", fieldRef={"fieldPath": "metadata.annotations['mysubpath']"})]
    mounts = [
        {"name": "work", "mountPath": "/sub", "subPathExpr": "$(ANNOTATION)/foo"},
        {"name": "work", "mountPath": "/whole"},
    ]
    main = container("sleep 1000", env=env, volumeMounts=mounts)
    return pod(name, main, metadata={"annotations": annotations}, volumes=[{"name": "work", "emptyDir": {}}])


@pytest.fixture(scope="module")
def bench(shared_cluster: Cluster) -> Iterator[Bench]:
    for host in shared_cluster.lab.hosts:
        made = shared_cluster.docker(host, "create", "qd-test/web:1").strip()
        change = ["--change", 'ENTRYPOINT ["/bin/echo", "entry"]', "--change", 'CMD ["one", "two"]']
        shared_cluster.docker(host, "commit", *change, made, ENTRY)
        shared_cluster.docker(host, "rm", made)
    with opened(shared_cluster, "conformance-pods") as bench:
        ports = [{"port": 8765, "targetPort": 8080}]
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "foo-service"}}
        bench.start(config_map("words", WORDS), secret("words", WORDS), {**service, "spec": {"ports": ports}})
        sysctls = [{"name": "kernel.shm_rmid_forced", "value": "1"}]
        bench.start(
            *(_runs(policy) for policy in ("Always", "OnFailure", "Never")), *_inits(), _environment(), _commands(),
            _users(), *_last_words(), *_hosts(),
            pod("sysctls", container("cat /proc/sys/kernel/shm_rmid_forced"), securityContext={"sysctls": sysctls}),
            _expressed("expressed", "expressed"), _expressed("backwards", ".."), _expressed("absolute", "/tmp"),
            _annotated("unannotated", {"other": "path"}), _annotated("annotated", {"mysubpath": "mypath"}),
            pod("isolated", container("true"), hostUsers=False), pod("deadline", container("sleep 1000")),
            pod("failing", container("false"), restartPolicy="Always"),
        )  # fmt: skip
        yield bench


def _status(found: dict[str, Any], name: str = "main", field: str = "containerStatuses") -> dict[str, Any]:
    return next(dict(item) for item in found["status"][field] if item["name"] == name)


def _condition(found: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(dict(item) for item in found["status"]["conditions"] if item["type"] == kind)


@pytest.mark.parametrize("line", [
    "FOO=foo-value", "FOOBAR=foo-value;;$(TEST)", "CONFIG_DATA_1=value-1", "SECRET_DATA_1=value-1",
    "POD_NAME=environment", "POD_NAMESPACE=conformance-pods",
    "limits.cpu=2", f"limits.memory={64 << 20}", "requests.cpu=1", f"requests.memory={32 << 20}",
    *(f"{prefix}data-1=value-1" for prefix in PREFIXES), *(f"s{prefix}data-2=value-2" for prefix in PREFIXES),
])  # fmt: skip
def test_variables_come_from_objects_fields_and_amounts(bench: Bench, line: str) -> None:
    assert line in bench.lines("environment")


def test_variables_show_the_pods_own_addresses_and_its_node(bench: Bench) -> None:
    lines, found = bench.lines("environment"), bench.get("environment")
    node = bench.cluster.get("node", found["spec"]["nodeName"])
    addresses = [item["address"] for item in node["status"]["addresses"] if item["type"] == "InternalIP"]
    status = found["status"]
    assert f"POD_UID={found['metadata']['uid']}" in lines
    assert f"POD_IP={status['podIP']}" in lines
    assert f"HOST_IP={status['hostIP']}" in lines
    assert status["hostIP"] in addresses
    assert f"HOST_IPS={','.join(item['ip'] for item in status['hostIPs'])}" in lines
    assert len({":" in item["ip"] for item in status["hostIPs"]}) == len(status["hostIPs"])
    allocatable = node["status"]["allocatable"]
    assert f"bare limits.cpu={allocatable['cpu']}" in lines
    assert f"bare limits.memory={int(allocatable['memory'].removesuffix('Ki')) * 1024}" in lines


def test_variables_lead_to_the_services_that_are_there(bench: Bench) -> None:
    lines = bench.lines("environment")
    address = bench.get("foo-service", "service")["spec"]["clusterIP"]
    port = "FOO_SERVICE_PORT_8765_TCP"
    for line in (
        f"FOO_SERVICE_SERVICE_HOST={address}", "FOO_SERVICE_SERVICE_PORT=8765", f"FOO_SERVICE_PORT=tcp://{address}:8765",
        f"{port}=tcp://{address}:8765", f"{port}_PROTO=tcp", f"{port}_PORT=8765", f"{port}_ADDR={address}",
    ):  # fmt: skip
        assert line in lines


@pytest.mark.parametrize(("name", "said"), [
    ("defaults", "entry one two"), ("arguments", "entry override arguments"), ("command", "command"),
    ("both", "both override arguments"), ("expanded-command", "test-value"), ("expanded-args", "test-value"),
])  # fmt: skip
def test_commands_and_arguments_take_the_place_of_the_images(bench: Bench, name: str, said: str) -> None:
    assert bench.log("commands", name) == f"{said}\n"


@pytest.mark.parametrize(("name", "said"), [
    ("nobody", "uid=65534"), ("own-group", "uid=1001 gid=2002"), ("pods-group", "uid=1003 gid=2003"),
    ("plain", "Operation not permitted\nrefused"), ("writable", "checking\n"),
    ("read-only", "/file: Read-only file system"), ("no-escalation", "1000\nNoNewPrivs:\t1"),
    ("escalation", "NoNewPrivs:\t0"),
])  # fmt: skip
def test_processes_run_as_the_security_context_says(bench: Bench, name: str, said: str) -> None:
    assert said in bench.log("users", name)


def test_the_status_says_who_a_container_runs_as_and_what_it_has_mounted(bench: Bench) -> None:
    found = bench.running("annotated")
    assert _status(found)["user"] == {"linux": {"uid": 0, "gid": 0, "supplementalGroups": [0]}}
    assert [mount["mountPath"] for mount in _status(found)["volumeMounts"]] == ["/sub", "/whole"]


def test_a_runtime_class_names_a_runtime_of_the_engine(bench: Bench) -> None:
    overhead = {"podFixed": {"cpu": "10m", "memory": "1Mi"}}
    known = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "conformance"}}
    bench.cluster.apply({**known, "handler": "runc", "overhead": overhead})
    try:
        bench.start(pod("classed", container("true"), runtimeClassName="conformance"))
        found = bench.ended("classed")
        assert (found["status"]["phase"], found["spec"]["overhead"]) == ("Succeeded", overhead["podFixed"])
    finally:
        bench.cluster.kubectl("delete", "runtimeclass", "conformance")


def test_users_of_its_own_are_refused_rather_than_left_out(bench: Bench) -> None:
    def told() -> str:
        words = ["get", "events", "-n", bench.space, "--field-selector", "involvedObject.name=isolated", "-o", "json"]
        return bench.cluster.kubectl(*words)

    why = "can't set spec.hostUsers: runtime does not support user namespaces"
    bench.cluster.wait(lambda: why in told(), "the pod's event", SECONDS, told)
    assert bench.get("isolated")["status"]["phase"] == "Pending"


def test_a_safe_sysctl_is_set_for_the_pod(bench: Bench) -> None:
    assert bench.log("sysctls") == "1\n"


def test_last_words_come_from_the_file_or_for_failures_from_the_log(bench: Bench) -> None:
    found = bench.ended("last-words")
    assert found["status"]["phase"] == "Succeeded"
    ended = {item["name"]: item["state"]["terminated"] for item in found["status"]["containerStatuses"]}
    assert ended["elsewhere"]["message"] == "DONE"
    assert "message" not in ended["silent"]
    assert ended["file"]["message"] == "OK"
    failed = bench.ended("last-words-failed")
    assert failed["status"]["phase"] == "Failed"
    assert _status(failed)["state"]["terminated"]["message"] == "DONE"


@pytest.mark.parametrize(("policy", "restarts", "phase", "state", "ready"), [
    ("always", 2, "Running", "running", "True"),
    ("onfailure", 1, "Succeeded", "terminated", "False"),
    ("never", 0, "Failed", "terminated", "False"),
])  # fmt: skip
def test_the_restart_policy_decides_what_runs_again(
    bench: Bench, policy: str, restarts: int, phase: str, state: str, ready: str
) -> None:
    def arrived(found: dict[str, Any]) -> bool:
        count = [item["restartCount"] for item in found["status"].get("containerStatuses", ())]
        return (
            count == [restarts]
            and found["status"]["phase"] == phase
            and list(_status(found)["state"]) == [state]
            and _condition(found, "Ready")["status"] == ready
        )

    bench.wait(f"runs-{policy}", arrived, f"to be {phase}, {state} and Ready {ready} after {restarts} restarts")
    bench.cluster.kubectl("delete", "pod", f"runs-{policy}", "-n", bench.space, "--timeout=60s", timeout=90)


@pytest.mark.parametrize("name", ["init-never", "init-always"])
def test_init_containers_run_one_after_another_before_the_others(bench: Bench, name: str) -> None:
    found = bench.running(name) if name == "init-always" else bench.ended(name)
    assert found["status"]["phase"] == ("Running" if name == "init-always" else "Succeeded")
    assert _condition(found, "Initialized")["status"] == "True"
    first, second = found["status"]["initContainerStatuses"]
    for item in (first, second):
        assert item["ready"]
        assert item["state"]["terminated"]["exitCode"] == 0
        assert item["state"]["terminated"]["reason"] == "Completed"
    assert first["state"]["terminated"]["finishedAt"] <= second["state"]["terminated"]["startedAt"]


def test_a_failed_init_container_fails_a_pod_that_is_not_restarted(bench: Bench) -> None:
    found = bench.ended("init-failed")
    assert found["status"]["phase"] == "Failed"
    initialised = _condition(found, "Initialized")
    assert (initialised["status"], initialised["reason"]) == ("False", "ContainersNotInitialized")
    assert initialised["message"] == "containers with incomplete status: [init2]"
    assert _status(found, "init2", "initContainerStatuses")["state"]["terminated"]["exitCode"] == 1
    main = _status(found)
    assert main["state"] == {"waiting": {"reason": "PodInitializing"}}
    assert (main["ready"], main["restartCount"]) == (False, 0)


def test_a_failing_init_container_is_tried_again_and_holds_back_the_others(bench: Bench) -> None:
    def tried(found: dict[str, Any]) -> bool:
        return any(item["restartCount"] >= 2 for item in found["status"].get("initContainerStatuses", ()))

    found = bench.wait("init-looping", tried, "to try its init container again")
    assert found["status"]["phase"] == "Pending"
    assert _condition(found, "Initialized")["message"] == "containers with incomplete status: [init1 init2]"
    for item in (_status(found), _status(found, "init2", "initContainerStatuses")):
        assert item["state"] == {"waiting": {"reason": "PodInitializing"}}
    first = _status(found, "init1", "initContainerStatuses")
    assert first["lastState"]["terminated"]["exitCode"] == 1


def test_the_hosts_file_is_the_pods_unless_it_brings_its_own(bench: Bench) -> None:
    found = bench.ended("hosts")
    managed = "# Kubernetes-managed hosts file"
    text = bench.log("hosts")
    assert text.startswith(managed)
    assert f"{found['status']['podIP']}\thosts" in text
    assert "123.45.67.89\tfoo\tbar" in text.splitlines()
    assert managed not in bench.log("hosts", "mounted")
    assert managed not in bench.log("host-network")


def test_a_sub_path_may_be_made_of_variables(bench: Bench) -> None:
    assert bench.log("expressed") == "0\n"


@pytest.mark.parametrize("name", ["backwards", "absolute", "unannotated"])
def test_a_sub_path_must_not_lead_out_of_its_volume(bench: Bench, name: str) -> None:
    def refused(found: dict[str, Any]) -> bool:
        states = [item["state"] for item in found["status"].get("containerStatuses", ())]
        return bool(states) and states[0].get("waiting", {}).get("reason") == "CreateContainerConfigError"

    assert bench.wait(name, refused, "to be refused")["status"]["phase"] == "Pending"


def test_a_refused_sub_path_is_mended_by_its_annotation(bench: Bench) -> None:
    bench.cluster.kubectl("annotate", "pod", "unannotated", "mysubpath=mypath", "-n", bench.space)
    bench.running("unannotated")


def test_what_is_written_in_a_sub_path_is_in_the_volume(bench: Bench) -> None:
    bench.running("annotated")
    bench.exec("annotated", "touch", "/whole/mypath/foo/test.log")
    bench.exec("annotated", "test", "-f", "/sub/test.log")
    bench.cluster.kubectl("annotate", "--overwrite", "pod", "annotated", "mysubpath=mynewpath", "-n", bench.space)
    bench.running("annotated")
    bench.cluster.kubectl("delete", "pod", "annotated", "-n", bench.space, "--timeout=60s", timeout=90)


def test_an_active_deadline_may_be_set_later_and_ends_the_pod(bench: Bench) -> None:
    bench.running("deadline")
    patch = json.dumps({"spec": {"activeDeadlineSeconds": 5}})
    bench.cluster.kubectl("patch", "pod", "deadline", "-n", bench.space, "-p", patch)
    found = bench.ended("deadline")
    assert (found["status"]["phase"], found["status"]["reason"]) == ("Failed", "DeadlineExceeded")


def test_a_container_that_always_fails_says_why_and_can_be_deleted(bench: Bench) -> None:
    def failed(found: dict[str, Any]) -> bool:
        return "terminated" in {**_status(found)["state"], **_status(found)["lastState"]}

    found = bench.wait(
        "failing", lambda found: bool(found["status"].get("containerStatuses")) and failed(found), "to fail"
    )
    ended = {**_status(found)["lastState"], **_status(found)["state"]}["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("Error", 1)
    bench.cluster.kubectl("delete", "pod", "failing", "-n", bench.space, f"--timeout={SECONDS:.0f}s", timeout=120)
