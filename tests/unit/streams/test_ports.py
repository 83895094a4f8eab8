"""Where a port-forward leads: pairs of ports, the pod that is chosen, and the port of it."""

from __future__ import annotations

import pytest

from common.api.meta import Object
from console.streams.ports import NoTarget, Pair, check_pod, choose, offered, parse, port_of


def pod(name: str, *, ready: bool = True, made: int = 1, **extra: object) -> Object:
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": {"app": "web"},
            "creationTimestamp": f"2026-01-01T00:00:0{made}Z",
            **extra,
        },
        "spec": {"nodeName": "n1", "containers": [{"ports": [{"name": "http", "containerPort": 8080}]}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]},
    }


SERVICE: Object = {
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"name": "www", "port": 80, "targetPort": "http"}, {"port": 81}]},
}


@pytest.mark.parametrize(
    ("text", "pair"),
    [("80", Pair(80, "80")), ("8080:80", Pair(8080, "80")), (":80", Pair(0, "80")), ("8080:http", Pair(8080, "http")),
     ("http", Pair(0, "http")), ("0:80", Pair(0, "80"))],
)  # fmt: skip
def test_pairs(text: str, pair: Pair) -> None:
    assert parse(text) == pair


@pytest.mark.parametrize("text", ["", ":", "1:2:3", "80:", "x:80", "70000:80", "80:70000", "80:0", "-1:80", "²:80"])
def test_what_is_no_pair_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(ValueError, match=r"forward|port"):
        parse(text)


def test_the_oldest_ready_pod_is_chosen_and_one_that_goes_is_not() -> None:
    pods = [pod("young", made=3), pod("unready", ready=False), pod("old", made=2)]
    going = pod("going", deletionTimestamp="2026-01-01T00:01:00Z")
    assert choose(SERVICE, [*pods, going])["metadata"]["name"] == "old"
    with pytest.raises(NoTarget, match=r"no pod of service/web is ready \(2 in all\)"):
        choose(SERVICE, [pods[1], going])
    with pytest.raises(NoTarget, match="selects no pods"):
        choose({"kind": "Service", "metadata": {"name": "ext"}, "spec": {}}, pods)


@pytest.mark.parametrize(("remote", "port"), [("80", 8080), ("www", 8080), ("81", 81)])
def test_a_services_port_leads_to_its_target(remote: str, port: int) -> None:
    assert port_of(SERVICE, pod("web-1"), remote) == port


def test_ports_that_are_not_there_are_named() -> None:
    with pytest.raises(NoTarget, match="Service web does not have a service port 99"):
        port_of(SERVICE, pod("web-1"), "99")
    with pytest.raises(NoTarget, match="pod web-1 has no port named 'grpc'"):
        port_of(pod("web-1"), pod("web-1"), "grpc")
    assert port_of(pod("web-1"), pod("web-1"), "http") == 8080
    assert offered(SERVICE) == ["80", "81"]
    assert offered({"kind": "Deployment", "spec": {"template": {"spec": pod("x")["spec"]}}}) == ["8080"]


def test_a_pod_that_does_not_run_is_refused_in_kubernetes_words() -> None:
    with pytest.raises(NoTarget, match=r"pod is not running\. Current status=Pending"):
        check_pod({"status": {"phase": "Pending"}})
