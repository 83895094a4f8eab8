"""The `resize` subresource: cpu and memory of containers may change, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.meta import Object

from .builders import PODS, changed, container, created, pod, update_causes, updated


def resources(cpu: str = "100m", memory: str = "64Mi", **limits: Object) -> Object:
    return {"requests": {"cpu": cpu, "memory": memory}, **limits}


def two(first: Object, second: Object | None = None, **spec: Any) -> Object:
    main = container(name="a", resources=first)
    return created(PODS, pod(containers=[main, container(name="b", resources=second or resources())], **spec))


OLD = two(resources())


def test_requests_and_limits_come_through_and_nothing_else() -> None:
    wanted = changed(OLD, "spec.containers.0.resources", resources("200m", "128Mi", limits={"cpu": "300m"}))
    wanted = changed(wanted, "spec.containers.0.image", "other:2")
    wanted["metadata"]["labels"] = {"not": "through here"}
    wanted["spec"]["activeDeadlineSeconds"] = 5
    found = updated(PODS, wanted, OLD, "resize")
    assert found["spec"]["containers"][0]["resources"] == resources("200m", "128Mi", limits={"cpu": "300m"})
    assert found["spec"]["containers"][0]["image"] == OLD["spec"]["containers"][0]["image"]
    assert "activeDeadlineSeconds" not in found["spec"]
    assert "labels" not in found["metadata"]
    assert found["metadata"]["generation"] == 2
    assert found["status"] == OLD["status"]


@pytest.mark.parametrize(
    ("old", "first", "expected"),
    [
        (resources("1"), {"requests": {"cpu": "1"}}, "resource requests cannot be removed"),
        (
            resources(limits={"cpu": "1"}), resources(),
            "spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed",
        ),
        (
            resources(), {"requests": {"cpu": "100m", "memory": "64Mi", "ephemeral-storage": "1"}},
            "spec: Forbidden: only cpu and memory resources are mutable",
        ),
        (resources(), resources(limits={"cpu": "50m"}), "must be less than or equal to cpu limit of 50m"),
    ],
)  # fmt: skip
def test_what_a_resize_must_not_do(old: Object, first: Object, expected: str) -> None:
    before = two(old)
    assert expected in "\n".join(
        update_causes(PODS, changed(before, "spec.containers.0.resources", first), before, "resize")
    )


def test_containers_keep_their_names_and_their_order() -> None:
    wanted = changed(OLD, "spec.containers", [OLD["spec"]["containers"][1], OLD["spec"]["containers"][0]])
    rule = "Forbidden: containers may not be renamed or reordered on resize"
    assert update_causes(PODS, wanted, OLD, "resize") == [f"spec.containers[{i}].name: {rule}" for i in (0, 1)]
    fewer = changed(OLD, "spec.containers", OLD["spec"]["containers"][:1])
    assert update_causes(PODS, fewer, OLD, "resize") == [
        "spec.containers: Forbidden: containers may not be added or removed on resize"
    ]


def test_the_quality_of_service_stays() -> None:
    rule = "Pod QOS Class may not change as a result of resizing"
    bare = created(PODS, pod(containers=[container(name="a")]))
    assert any(rule in cause for cause in update_causes(
        PODS, changed(bare, "spec.containers.0.resources", resources()), bare, "resize"
    ))  # fmt: skip
    limited = resources("200m", limits={"cpu": "400m", "memory": "64Mi"})
    burstable = created(PODS, pod(containers=[container(name="a", resources=limited)]))
    even = {"requests": {"cpu": "400m", "memory": "64Mi"}, "limits": {"cpu": "400m", "memory": "64Mi"}}
    wanted = changed(burstable, "spec.containers.0.resources", even)
    assert f'spec: Invalid value: "Burstable": {rule}' in update_causes(PODS, wanted, burstable, "resize")


def test_init_containers_that_run_to_their_end_are_not_resized_and_sidecars_are() -> None:
    init = container(name="init", resources=resources())
    old = two(resources(), initContainers=[init, {**init, "name": "side", "restartPolicy": "Always"}])
    wanted = changed(old, "spec.initContainers.0.resources", resources("1", "1Gi"))
    assert update_causes(PODS, wanted, old, "resize") == [
        "spec.initContainers[0].resources: Forbidden: resources for non-sidecar init containers are immutable"
    ]
    assert (
        update_causes(PODS, changed(old, "spec.initContainers.1.resources", resources("1", "1Gi")), old, "resize") == []
    )


def test_a_resize_policy_stays() -> None:
    def with_policy(*policies: Object, **spec: Any) -> Object:
        return pod(containers=[container(name="a", resources=resources(), resizePolicy=list(policies))], **spec)

    restart = {"resourceName": "memory", "restartPolicy": "RestartContainer"}
    old = created(PODS, with_policy(restart))
    assert update_causes(PODS, changed(old, "spec.containers.0.resizePolicy", []), old, "resize") == [
        "spec: Forbidden: only cpu and memory resources are mutable"
    ]
