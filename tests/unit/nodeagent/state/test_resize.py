"""Resizing in place: decided by the node, brought to running containers, told in the status, kept over restarts."""

from __future__ import annotations

from typing import Any

from common.api.meta import Object
from common.api.resizing import Figures, figures
from nodeagent.resizes import Resizes
from nodeagent.state import events, instructions
from nodeagent.state.machine import PodMachine

from .driver import Driver, container, pod, seen

SMALL: Object = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "200m", "memory": "128Mi"}}
LARGE: Object = {"requests": {"cpu": "200m", "memory": "96Mi"}, "limits": {"cpu": "400m", "memory": "256Mi"}}


def sized(resources: Object, generation: int = 1, **more: Any) -> Object:
    return pod(container(resources=resources, **more), meta={"generation": generation})


def running(resources: Object = SMALL, **more: Any) -> Driver:
    return Driver(sized(resources, **more)).run()


def grown(driver: Driver, resources: Object = LARGE, **more: Any) -> Driver:
    driver.tell(events.Assigned(sized(resources, 2, **more)))
    return driver


def conditions(driver: Driver) -> dict[str, tuple[str, str]]:
    return {
        item["type"]: (item.get("reason", ""), item.get("message", ""))
        for item in driver.status["conditions"]
        if item["type"].startswith("PodResize")
    }


def test_a_wish_waits_for_the_node_and_is_then_brought_to_the_container() -> None:
    driver = grown(running())
    assert driver.machine.wishes_resize
    assert driver.asked(instructions.UpdateContainer) == []
    assert driver.container_status()["allocatedResources"] == SMALL["requests"]
    driver.tell(events.ResizeDecided())
    update = driver.asked(instructions.UpdateContainer)[0]
    assert (update.id, update.has, update.resources) == ("web-0", figures(SMALL), LARGE)
    assert conditions(driver) == {"PodResizeInProgress": ("", "")}
    assert driver.container_status()["allocatedResources"] == LARGE["requests"]
    assert driver.container_status()["resources"] == SMALL
    driver.tell(events.ContainerUpdated("web", 0, LARGE))
    assert conditions(driver) == {}
    assert driver.container_status()["resources"] == LARGE
    assert driver.container_status()["restartCount"] == 0
    assert driver.status["observedGeneration"] == 2
    assert [reason for reason in driver.reasons() if reason.startswith("Resize")] == [
        "ResizeStarted",
        "ResizeCompleted",
    ]


def test_a_wish_that_the_node_cannot_meet_says_why_until_it_is_withdrawn() -> None:
    driver = grown(running())
    why = "Node didn't have enough resource: cpu, requested: 200, used: 900, capacity: 1000"
    driver.tell(events.ResizeDecided("Deferred", why))
    assert conditions(driver) == {"PodResizePending": ("Deferred", why)}
    assert driver.container_status()["resources"] == SMALL
    assert driver.machine.wishes_resize
    assert driver.machine.allocated["spec"]["containers"][0]["resources"] == SMALL
    grown(driver, SMALL)
    assert conditions(driver) == {}
    assert not driver.machine.wishes_resize


def test_equal_figures_need_no_update() -> None:
    driver = grown(running({"requests": {"cpu": "2m"}, "limits": {"cpu": "10m"}}), {
        "requests": {"cpu": "1m"}, "limits": {"cpu": "5m"}
    })  # fmt: skip
    driver.tell(events.ResizeDecided())
    assert driver.ever(instructions.UpdateContainer) == []
    assert driver.container_status()["resources"] == {"requests": {"cpu": "1m"}, "limits": {"cpu": "5m"}}


def test_a_container_whose_policy_says_so_starts_anew() -> None:
    policy = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
    driver = grown(running(resizePolicy=policy), resizePolicy=policy)
    driver.tell(events.ResizeDecided())
    assert driver.ever(instructions.UpdateContainer) == []
    assert [item.container for item in driver.asked(instructions.StopContainer)] == ["web"]
    assert "Container web resize requires restart" in driver.messages()
    driver.die(code=143)
    assert "PodResizeInProgress" in conditions(driver)
    driver.again()
    status = driver.container_status()
    assert (status["restartCount"], status["resources"]) == (1, LARGE)
    assert conditions(driver) == {}
    assert driver.reasons().count("ResizeCompleted") == 1


def test_cpu_alone_restarts_nothing_where_only_memory_does() -> None:
    policy = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
    more_cpu = {"requests": {**SMALL["requests"], "cpu": "150m"}, "limits": SMALL["limits"]}
    driver = grown(running(resizePolicy=policy), more_cpu, resizePolicy=policy)
    driver.tell(events.ResizeDecided())
    assert len(driver.asked(instructions.UpdateContainer)) == 1


def test_an_update_that_fails_is_told_and_tried_again() -> None:
    driver = grown(running())
    driver.tell(events.ResizeDecided())
    driver.tell(events.ContainerUpdateFailed("web", 0, "memory limit (10240) below current usage (99999)"))
    assert conditions(driver) == {"PodResizeInProgress": ("Error", "memory limit (10240) below current usage (99999)")}
    driver.wait(1.5)
    assert len(driver.ever(instructions.UpdateContainer)) == 2
    driver.tell(events.ContainerUpdated("web", 0, LARGE))
    assert conditions(driver) == {}


def test_a_container_that_is_made_again_has_what_is_allocated() -> None:
    driver = grown(running())
    driver.tell(events.ResizeDecided("Deferred", "later"))
    driver.die(code=1)
    driver.again()
    assert driver.track().actual == SMALL
    driver.tell(events.ResizeDecided())
    driver.die(code=1)
    driver.wait(10)
    driver.again()
    assert driver.container_status()["resources"] == LARGE


def reported(resources: Object) -> Object:
    entry = {
        "name": "web", "containerID": "docker://web-0", "allocatedResources": resources.get("requests"),
        "resources": resources, "state": {"running": {}},
    }  # fmt: skip
    return {"containerStatuses": [entry]}


def found(wish: Object, before: Object, has: Figures) -> Driver:
    spec = {**sized(wish, 2), "status": reported(before)}
    return Driver(spec, observed=(seen(""), seen("web", figures=has)))


def test_a_restart_of_the_agent_keeps_what_was_deferred() -> None:
    driver = found(LARGE, SMALL, figures(SMALL))
    assert driver.machine.wishes_resize
    assert driver.ever(instructions.UpdateContainer) == []
    assert driver.container_status()["resources"] == SMALL


def test_a_restart_of_the_agent_in_the_middle_of_a_resize_finishes_it() -> None:
    driver = found(LARGE, LARGE, figures(SMALL))
    assert not driver.machine.wishes_resize
    update = driver.ever(instructions.UpdateContainer)[0]
    assert (update.has, update.resources) == (figures(SMALL), LARGE)
    driver.tell(events.ContainerUpdated("web", 0, LARGE))
    assert driver.container_status()["resources"] == LARGE


def test_a_restart_of_the_agent_takes_nothing_for_changed_that_figures_do_not_tell() -> None:
    before, wish = {"limits": {"memory": "128Mi"}}, {"limits": {"memory": "256Mi"}}
    policy = [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]
    spec = {**sized(wish, 2, resizePolicy=policy), "status": reported(wish)}
    driver = Driver(spec, observed=(seen(""), seen("web", figures=figures(before))))
    assert driver.ever(instructions.StopContainer) == []
    assert [update.resources for update in driver.ever(instructions.UpdateContainer)] == [wish]
    assert driver.container_status()["resources"] == {"limits": {"memory": str(128 << 20)}}


def test_a_restart_of_the_agent_after_a_resize_that_was_not_reported_changes_nothing() -> None:
    driver = found(LARGE, SMALL, figures(LARGE))
    assert not driver.machine.wishes_resize
    assert driver.ever(instructions.UpdateContainer) == []
    assert driver.container_status()["resources"] == LARGE
    assert conditions(driver) == {}


class Pod:
    """A runner with a machine of its own, asked by the node's decisions."""

    def __init__(self, name: str, asks: str, wish: str = "", priority: int = 0) -> None:
        spec = pod(
            container(resources={"requests": {"cpu": asks}}), meta={"name": name, "uid": name}, priority=priority
        )
        self.driver = Driver(spec).run()
        self.machine: PodMachine = self.driver.machine
        if wish:
            self.driver.tell(events.Assigned({**spec, "spec": {**spec["spec"], "containers": [
                container(resources={"requests": {"cpu": wish}})
            ]}}))  # fmt: skip

    def tell(self, event: events.Event) -> None:
        self.driver.tell(event)

    @property
    def pending(self) -> str:
        return self.machine.state.resize[0]


def test_the_node_gives_what_it_has_to_the_most_important_first() -> None:
    node = {"status": {"allocatable": {"cpu": "1", "memory": "1Gi", "pods": "110"}}}
    pods = [Pod("a", "300m", wish="600m"), Pod("b", "300m", wish="600m", priority=5), Pod("c", "300m", wish="2")]
    resizes = Resizes(lambda: pods, lambda: node)
    resizes.decide()
    assert [pod.pending for pod in pods] == ["Deferred", "Deferred", "Infeasible"]
    assert pods[2].machine.state.resize[1] == "Node didn't have enough capacity: cpu, requested: 2000, capacity: 1000"
    assert pods[1].machine.state.resize[1] == (
        "Node didn't have enough resource: cpu, requested: 600, used: 600, capacity: 1000"
    )
    left = pods[:2]
    Resizes(lambda: left, lambda: node).decide()
    assert [pod.pending for pod in left] == ["Deferred", ""]
    assert left[1].driver.track().spec["resources"] == {"requests": {"cpu": "600m"}}
