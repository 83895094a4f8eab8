"""A believable cluster for tests and pictures: three nodes, a dozen workloads, a rollout under way, some trouble."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from common.api import kinds
from common.api.meta import Object, format_micro_time, format_time, key, name, uid
from common.api.names import template_hash
from common.clock import FakeClock
from tests.fakes.api import FakeApi, copy
from tests.tui.fleet_access import add_access
from tests.tui.fleet_batch import add_batch
from tests.tui.fleet_figures import add_figures, cluster_series
from tests.tui.fleet_storage import add_storage
from tests.tui.fleet_traffic import add_traffic
from tests.tui.gateway import FakeGateway

NOW = datetime(2026, 11, 22, 9, 14, 2, tzinfo=UTC)
ROLLING = {"maxSurge": "25%", "maxUnavailable": "25%"}
NODES = ("berth-1", "berth-2", "berth-3")
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
APPS = (
    ("default", "web-frontend", 4, "shop/web:2.4.1", "100m", "128Mi"),
    ("default", "checkout-api", 3, "shop/checkout:2.5.0", "250m", "256Mi"),
    ("default", "ledger", 2, "shop/ledger:1.9.3", "200m", "192Mi"),
    ("default", "image-resizer", 3, "tools/resizer:0.8", "500m", "512Mi"),
    ("iot", "mqtt-bridge", 2, "iot/mqtt:5.0.2", "50m", "64Mi"),
    ("iot", "home-assistant", 1, "iot/hass:2026.11", "300m", "512Mi"),
    ("metrics", "prometheus", 1, "prom/prometheus:v3.1", "400m", "1Gi"),
    ("metrics", "grafana", 2, "grafana/grafana:12.1", "100m", "256Mi"),
    ("network", "pihole", 1, "net/pihole:2026.4", "50m", "128Mi"),
)


class Fleet:
    """Writes objects straight into an API in memory, always the same ones."""

    def __init__(self, *, hollow: bool = False) -> None:
        self.clock = FakeClock(NOW)
        self.api = FakeApi(self.clock)
        self.gateway = FakeGateway(self.api)
        self._random = random.Random(20261122)
        self._hollow = hollow
        self._next_address = dict.fromkeys(NODES, 2)

    def fill(self) -> Fleet:
        for space in ("default", "iot", "metrics", "network", "kube-system"):
            self._seed(kinds.NAMESPACES, {"metadata": self._meta(space, "", 40), "status": {"phase": "Active"}})
        for index, node in enumerate(NODES):
            self.node(node, index)
        for space, app, replicas, image, cpu, memory in APPS:
            self.deployment(space, app, replicas, image, cpu, memory)
        self._trouble()
        self._rollout()
        self._services()
        self._config()
        self._hosts()
        self._writes()
        add_batch(self.api, NOW)
        add_storage(self.api, NOW)
        add_figures(self.api, NOW)
        self.gateway.series[kinds.CLUSTER_SERIES.path(None, "cluster")] = cluster_series(NOW)
        add_traffic(self.api)
        add_access(self.api, NOW)
        return self

    def _seed(self, resource: kinds.Resource, obj: Object) -> Object:
        return self.api.seed(resource, {"apiVersion": resource.api_version, "kind": resource.kind, **obj})

    def _meta(self, named: str, space: str, days: float, **rest: Any) -> Object:
        found: Object = {"name": named, "creationTimestamp": format_time(NOW - timedelta(days=days)), **rest}
        return {**found, "namespace": space} if space else found

    def _suffix(self, length: int = 5) -> str:
        return "".join(self._random.choice(_LETTERS) for _ in range(length))

    # Nodes and hosts

    def node(self, named: str, index: int) -> None:
        labels = {
            "kubernetes.io/hostname": named,
            "kubernetes.io/arch": "amd64",
            "zone": ("garage", "attic")[index % 2],
        }
        if self._hollow:
            labels["quarterdeck.io/hollow"] = "true"
        amounts = {"cpu": "4", "memory": "8Gi", "pods": "110"}
        ready = {
            "type": "Ready", "status": "True", "reason": "AgentReady", "message": "the agent is up",
            "lastTransitionTime": format_time(NOW - timedelta(days=12)),
        }  # fmt: skip
        info = {
            "kubeletVersion": "v1.36.0", "containerRuntimeVersion": "docker://29.1.2", "architecture": "amd64",
            "osImage": "Debian GNU/Linux 13", "kernelVersion": "6.12.0",
        }  # fmt: skip
        addresses = [
            {"type": "InternalIP", "address": f"192.168.7.{11 + index}"},
            {"type": "InternalIP", "address": f"fd00:7::{11 + index}"},
            {"type": "Hostname", "address": named},
        ]
        spec = {"podCIDRs": [f"10.42.{index}.0/24", f"fd42:7:0:{index}::/64"]}
        status = {
            "capacity": amounts, "allocatable": amounts, "conditions": [ready], "addresses": addresses,
            "nodeInfo": info,
        }  # fmt: skip
        self._seed(
            kinds.NODES, {"metadata": self._meta(named, "", 40 - index, labels=labels), "spec": spec, "status": status}
        )

    def _hosts(self) -> None:
        for index, (named, phase) in enumerate(
            (("attic-pi", "Discovered"), ("garage-nuc", "Discovered"), ("berth-1", "Adopted"), ("old-nas", "Foreign"))
        ):
            status = {
                "phase": phase, "addresses": [f"192.168.7.{40 + index}", f"fd00:7::{40 + index}"], "port": 10250,
                "agentVersion": "0.1.0", "engine": "docker 29.1.2", "arch": "amd64" if index else "arm64",
                "cpu": "4", "memory": "8Gi", "fingerprint": f"{index + 10:x}7c2e91b4d0f3a55" * 4,
                "lastSeen": format_time(NOW - timedelta(seconds=1 + index)),
                "nodeName": named if phase == "Adopted" else "",
            }  # fmt: skip
            self._seed(kinds.HOSTS, {"metadata": self._meta(named, "", 1), "status": status})

    # Workloads

    def deployment(self, space: str, app: str, replicas: int, image: str, cpu: str, memory: str) -> Object:
        days = self._random.randint(3, 40)
        deployment = self._seed(
            kinds.DEPLOYMENTS,
            {
                "metadata": self._meta(
                    app, space, days, labels={"app": app}, generation=3,
                    annotations={"deployment.kubernetes.io/revision": "1"},
                ),
                "spec": {
                    "replicas": replicas,
                    "selector": {"matchLabels": {"app": app}},
                    "strategy": {"type": "RollingUpdate", "rollingUpdate": dict(ROLLING)},
                    "template": self._template(app, image, cpu, memory),
                },
                "status": {
                    "observedGeneration": 3, "replicas": replicas, "updatedReplicas": replicas,
                    "readyReplicas": replicas, "availableReplicas": replicas,
                    "conditions": [
                        {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable",
                         "message": "Deployment has minimum availability.",
                         "lastTransitionTime": format_time(NOW - timedelta(days=days))},
                    ],
                },
            },
        )  # fmt: skip
        replicaset = self.replicaset(deployment, 1, replicas, days)
        for index in range(replicas):
            self.pod(replicaset, NODES[(index + len(app)) % 3], days - self._random.random())
        return deployment

    def _template(self, app: str, image: str, cpu: str, memory: str) -> Object:
        container = {
            "name": app, "image": image, "ports": [{"containerPort": 8080}],
            "resources": {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}},
            "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 5},
        }  # fmt: skip
        return {"metadata": {"labels": {"app": app}}, "spec": {"containers": [container]}}

    def replicaset(self, deployment: Object, revision: int, replicas: int, days: float) -> Object:
        template = deployment["spec"]["template"]
        digest = template_hash({"of": name(deployment), "revision": revision})
        labels = {**template["metadata"]["labels"], "pod-template-hash": digest}
        return self._seed(
            kinds.REPLICASETS,
            {
                "metadata": self._meta(
                    f"{name(deployment)}-{digest}", deployment["metadata"]["namespace"], days, labels=labels,
                    annotations={"deployment.kubernetes.io/revision": str(revision)},
                    ownerReferences=[_owner(deployment, "apps/v1")],
                ),
                "spec": {
                    "replicas": replicas, "selector": {"matchLabels": labels},
                    "template": {**template, "metadata": {"labels": labels}},
                },
                "status": {"replicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas,
                           "observedGeneration": 1},
            },
        )  # fmt: skip

    def pod(self, replicaset: Object, node: str, days: float, **changed: Any) -> Object:
        """A pod of a ReplicaSet, Running unless `changed` says otherwise (status fields)."""
        made = NOW - timedelta(days=days)
        spec = {**replicaset["spec"]["template"]["spec"], "terminationGracePeriodSeconds": 30}
        if node:
            spec["nodeName"] = node
        app = spec["containers"][0]
        index = NODES.index(node) if node else 0
        address = self._next_address[node] if node else 0
        if node:
            self._next_address[node] += 1
        running = {"running": {"startedAt": format_time(made + timedelta(seconds=2))}}
        status = {
            "phase": "Running", "startTime": format_time(made), "hostIP": f"192.168.7.{11 + index}",
            "podIP": f"10.42.{index}.{address}", "qosClass": "Burstable",
            "podIPs": [{"ip": f"10.42.{index}.{address}"}, {"ip": f"fd42:7:0:{index}::{address:x}"}],
            "conditions": [
                {"type": "PodScheduled", "status": "True", "lastTransitionTime": format_time(made)},
                {"type": "Ready", "status": "True", "lastTransitionTime": format_time(made + timedelta(seconds=4))},
            ],
            "containerStatuses": [
                {"name": app["name"], "ready": True, "restartCount": 0, "image": app["image"], "state": running,
                 "containerID": f"docker://{self._random.getrandbits(64):016x}"},
            ],
            **changed,
        }  # fmt: skip
        metadata = self._meta(
            f"{name(replicaset)}-{self._suffix()}", replicaset["metadata"]["namespace"], days,
            labels=replicaset["metadata"].get("labels", {}), ownerReferences=[_owner(replicaset, "apps/v1")],
        )  # fmt: skip
        return self._seed(kinds.PODS, {"metadata": metadata, "spec": spec, "status": status})

    # What is wrong, and what is going on

    def _trouble(self) -> None:
        mqtt = self.pods_of("mqtt-bridge")[0]
        mqtt["status"]["conditions"][1]["status"] = "False"
        mqtt["status"]["containerStatuses"][0] |= {
            "ready": False, "restartCount": 7,
            "state": {"waiting": {"reason": "CrashLoopBackOff",
                                  "message": "back-off 2m40s restarting failed container"}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error",
                                         "finishedAt": format_time(NOW - timedelta(seconds=95))}},
        }  # fmt: skip
        self.api.seed(kinds.PODS, mqtt)
        self.event(mqtt, "Warning", "BackOff", "Back-off restarting failed container mqtt-bridge", 20, count=14)
        self.event(mqtt, "Normal", "Pulled", "Container image already present on this node", 96)
        resizer = self.replicasets_of("image-resizer")[0]
        pending = self.pod(
            resizer, "", 41 / 86400, phase="Pending", podIP="", podIPs=[], containerStatuses=[],
            conditions=[{
                "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                "message": "0/3 nodes are available: 2 Insufficient cpu, 1 node(s) were unschedulable.",
                "lastTransitionTime": format_time(NOW - timedelta(seconds=41)),
            }],
        )  # fmt: skip
        message = pending["status"]["conditions"][0]["message"]
        self.event(pending, "Warning", "FailedScheduling", message, 40, count=2)
        self.gateway.explanations[name(pending)] = self.explanation(pending, message)
        for pod in self.pods_of("web-frontend")[:2]:
            self.gateway.logs[f"{name(pod)}/web-frontend"] = access_log(60)
        self.gateway.logs[f"{name(mqtt)}/mqtt-bridge"] = [
            _line(10 - i, text) for i, text in enumerate((
                "INFO  mqtt-bridge 5.0.2 starts", "INFO  reading /etc/mqtt/bridge.conf",
                "WARN  tls.verify is off: any broker is trusted", "INFO  connecting to broker.lan:8883",
                "ERROR connection refused: broker.lan:8883", "ERROR giving up after 5 tries, exit code 1"))
        ]  # fmt: skip

    def explanation(self, pod: Object, message: str) -> Object:
        asked = {"cpu": "500m", "memory": "512Mi", "pods": "1"}
        offered = {"cpu": "4", "memory": "8Gi", "pods": "110"}
        verdicts = (
            ("berth-1", ["Insufficient cpu: 500m asked, 300m free of 4"], {"cpu": "300m", "memory": "3Gi"}),
            ("berth-2", ["node is cordoned (spec.unschedulable)",
                         "taint node.kubernetes.io/unschedulable:NoSchedule is not tolerated"],
             {"cpu": "1900m", "memory": "4Gi"}),
            ("berth-3", ["Insufficient cpu: 500m asked, 150m free of 4"], {"cpu": "150m", "memory": "2560Mi"}),
        )  # fmt: skip
        nodes = [
            {"name": node, "fits": False, "reasons": reasons, "score": None, "requested": asked,
             "allocatable": offered, "free": free}
            for node, reasons, free in verdicts
        ]  # fmt: skip
        return {
            "kind": "Explanation", "apiVersion": "quarterdeck.io/v1", "pod": name(pod), "message": message,
            "nodes": nodes,
        }  # fmt: skip

    def _rollout(self) -> None:
        """checkout-api goes from 2.4.1 to 2.5.0: two new replicas, one of them not ready, two old ones left."""
        deployment = self.api.items(kinds.DEPLOYMENTS, "default")[0]
        old = self.replicasets_of("checkout-api")[0]
        old["spec"]["template"]["spec"] = {
            "containers": [{**old["spec"]["template"]["spec"]["containers"][0], "image": "shop/checkout:2.4.1"}]
        }
        old["spec"]["replicas"] = 2
        self.api.seed(kinds.REPLICASETS, old)
        new = self.replicaset(deployment, 2, 2, 72 / 86400)
        self.pod(new, "berth-2", 70 / 86400)
        waiting = {"name": "checkout-api", "ready": False, "restartCount": 0, "image": "shop/checkout:2.5.0",
                   "state": {"waiting": {"reason": "ContainerCreating"}}}  # fmt: skip
        fresh = self.pod(
            new, "berth-3", 9 / 86400, phase="Pending", containerStatuses=[waiting],
            conditions=[{"type": "PodScheduled", "status": "True"}],
        )  # fmt: skip
        leaving = self.pods_of("checkout-api")[0]
        if leaving["metadata"]["ownerReferences"][0]["name"] == name(old):
            leaving["metadata"]["deletionTimestamp"] = format_time(NOW - timedelta(seconds=6))
            self.api.seed(kinds.PODS, leaving)
        deployment = {**deployment, "status": {
            "observedGeneration": 3, "replicas": 4, "updatedReplicas": 2, "readyReplicas": 3, "availableReplicas": 3,
            "unavailableReplicas": 1,
            "conditions": [{"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated",
                            "message": f'ReplicaSet "{name(new)}" is progressing.',
                            "lastTransitionTime": format_time(NOW - timedelta(seconds=72))}],
        }}  # fmt: skip
        deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "2"
        self.api.seed(kinds.DEPLOYMENTS, deployment)
        self.event(deployment, "Normal", "ScalingReplicaSet", f"Scaled up replica set {name(new)} from 1 to 2", 9)
        self.event(deployment, "Normal", "ScalingReplicaSet", f"Scaled down replica set {name(old)} from 3 to 2", 14)
        self.event(deployment, "Normal", "ScalingReplicaSet", f"Scaled up replica set {name(new)} from 0 to 1", 72)
        self.event(fresh, "Normal", "Scheduled", f"Successfully assigned default/{name(fresh)} to berth-3", 9)

    def _writes(self) -> None:
        """What people wrote lately."""
        checkout = next(d for d in self.api.items(kinds.DEPLOYMENTS) if name(d) == "checkout-api")
        frontend = next(d for d in self.api.items(kinds.DEPLOYMENTS) if name(d) == "web-frontend")
        image = {"path": "spec.template.spec.containers[name=checkout-api].image", "old": "shop/checkout:2.4.1",
                 "new": "shop/checkout:2.5.0"}  # fmt: skip
        self.change(frontend, "update", "anna", 5400, {"path": "spec.replicas", "old": "3", "new": "4"})
        self.change(checkout, "update", "quarterdeck-admin", 74, image)
        job = {"kind": "ConfigMap", "metadata": {"name": "banner", "namespace": "default", "uid": "gone"}}
        self.change(job, "delete", "anna", 600)

    def change(self, about: Object, verb: str, user: str, seconds: float, *differences: Object) -> None:
        """A recorded write, `seconds` ago."""
        then = NOW - timedelta(seconds=seconds)
        ref = {"kind": about["kind"], "name": name(about), "namespace": about["metadata"]["namespace"],
               "uid": uid(about)}  # fmt: skip
        self._seed(kinds.CHANGES, {
            "metadata": {"name": then.strftime("%Y%m%d-%H%M%S-%f"), "creationTimestamp": format_time(then)},
            "time": format_micro_time(then), "verb": verb, "user": user, "source": "tls kubectl/v1.36.0 (linux/amd64)",
            "object": ref, "differences": list(differences),
        })  # fmt: skip

    def _services(self) -> None:
        for index, (space, app, *_rest) in enumerate(APPS):
            ips = [f"10.43.0.{10 + index}", f"fd43:7::{10 + index:x}"]
            dual = index % 3 == 0
            port = {"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}
            if index == 0:
                port["nodePort"] = 30080
            spec = {
                "type": "NodePort" if index == 0 else "ClusterIP", "clusterIP": ips[0],
                "clusterIPs": ips if dual else ips[:1], "ipFamilies": ["IPv4", "IPv6"] if dual else ["IPv4"],
                "ipFamilyPolicy": "PreferDualStack" if dual else "SingleStack", "selector": {"app": app},
                "ports": [port],
            }  # fmt: skip
            service = self._seed(kinds.SERVICES, {"metadata": self._meta(app, space, 20 + index), "spec": spec})
            endpoints = [
                {"addresses": [pod["status"]["podIP"]], "conditions": {"ready": True},
                 "nodeName": pod["spec"]["nodeName"], "targetRef": {"kind": "Pod", "name": name(pod)}}
                for pod in self.pods_of(app) if pod["spec"].get("nodeName")
            ]  # fmt: skip
            self._seed(kinds.ENDPOINTSLICES, {
                "metadata": self._meta(f"{app}-{self._suffix()}", space, 20 + index,
                                       labels={"kubernetes.io/service-name": app},
                                       ownerReferences=[_owner(service, "v1")]),
                "addressType": "IPv4", "endpoints": endpoints, "ports": [{"name": "http", "port": 8080}],
            })  # fmt: skip

    def _config(self) -> None:
        self._seed(kinds.CONFIGMAPS, {"metadata": self._meta("checkout", "default", 22),
                                      "data": {"LOG_LEVEL": "info", "limits.conf": "burst=40\nrate=10\n"}})  # fmt: skip
        self._seed(kinds.SECRETS, {"metadata": self._meta("checkout-db", "default", 22), "type": "Opaque",
                                   "data": {"DB_USER": "c2hvcA==", "DB_PASSWORD": "Y29yc2Fpci05IXZYMg=="}})  # fmt: skip
        self._seed(kinds.LEASES, {"metadata": self._meta("quarterdeck-controllers", "kube-system", 12),
                                  "spec": {"holderIdentity": "bridge_7f3a", "leaseDurationSeconds": 15,
                                           "renewTime": format_time(NOW - timedelta(seconds=2))}})  # fmt: skip

    def event(self, about: Object, kind: str, reason: str, message: str, seconds: float, count: int = 1) -> Object:
        moment = format_time(NOW - timedelta(seconds=seconds))
        space = about["metadata"].get("namespace", "default")
        return self._seed(
            kinds.EVENTS,
            {
                "metadata": self._meta(f"{name(about)}.{self._suffix(12)}", space, seconds / 86400),
                "involvedObject": {"kind": about["kind"], "name": name(about), "namespace": space, "uid": uid(about)},
                "type": kind, "reason": reason, "message": message, "count": count,
                "firstTimestamp": moment, "lastTimestamp": moment, "source": {"component": "quarterdeck"},
            },
        )  # fmt: skip

    def stateful(self, space: str, app: str, replicas: int, images: tuple[str, str]) -> Object:
        """A StatefulSet on its way from the first image to the second: its last pod has it already."""
        owner: Object = {
            "metadata": self._meta(app, space, 12, generation=2),
            "spec": {
                "replicas": replicas, "serviceName": app, "selector": {"matchLabels": {"app": app}},
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
                "template": self._template(app, images[1], "100m", "256Mi"),
            },
            "status": {
                "observedGeneration": 2, "replicas": replicas, "readyReplicas": replicas,
                "availableReplicas": replicas, "currentReplicas": replicas - 1, "updatedReplicas": 1,
                "currentRevision": f"{app}-r1", "updateRevision": f"{app}-r2",
            },
        }  # fmt: skip
        owner = self._seed(kinds.STATEFULSETS, owner)
        for number, image in enumerate(images, start=1):
            template = self._template(app, image, "100m", "256Mi")
            meta = self._meta(f"{app}-r{number}", space, 12, ownerReferences=[_owner(owner, "apps/v1")])
            data = {"spec": {"template": {**template, "$patch": "replace"}}}
            self._seed(kinds.CONTROLLERREVISIONS, {"metadata": meta, "data": data, "revision": number})
        for index in range(replicas):
            made = self.pod(owner, NODES[index % 3], 10 - index)
            self.api.vanish(kinds.PODS, key(made))
            made["metadata"] |= {
                "name": f"{app}-{index}", "uid": f"{app}-{index}",
                "labels": {"app": app, "controller-revision-hash": f"{app}-r{1 + (index == replicas - 1)}"},
            }  # fmt: skip
            self.api.seed(kinds.PODS, made)
        return owner

    def written(self) -> list[tuple[str, str, str]]:
        """(verb, resource/name, subresource) of every request that changed something."""
        return [
            (call.verb, f"{call.resource.plural}/{call.key.name}", call.subresource)
            for call in self.api.calls
            if call.verb not in {"get", "list", "watch"}
        ]

    def pods_of(self, app: str) -> list[Any]:
        return [copy(item) for item in self.api.items(kinds.PODS) if item["metadata"]["labels"].get("app") == app]

    def replicasets_of(self, app: str) -> list[Any]:
        return [copy(i) for i in self.api.items(kinds.REPLICASETS) if i["metadata"]["labels"].get("app") == app]


def _owner(owner: Object, api_version: str) -> Object:
    return {
        "apiVersion": api_version, "kind": owner["kind"], "name": name(owner), "uid": uid(owner), "controller": True,
        "blockOwnerDeletion": True,
    }  # fmt: skip


def _line(seconds: float, text: str) -> str:
    moment = NOW - timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}000000Z {text}"


def access_log(count: int) -> list[str]:
    """Lines of a web server; now and then a slow or failed request."""
    source = random.Random(7)
    paths: Sequence[str] = ("/", "/cart", "/api/items?page=2", "/static/app.css", "/api/checkout", "/healthz")
    lines = []
    for index in range(count):
        path, took = source.choice(paths), source.randint(1, 90)
        code = 503 if index % 17 == 11 else 200
        level = "ERROR" if code == 503 else "WARN " if took > 80 else "INFO "
        lines.append(
            _line((count - index) * 1.5, f'{level} 10.42.0.{source.randint(2, 40)} "GET {path}" {code} {took}ms')
        )
    return lines
