"""StatefulSets and DaemonSets as people see them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from common.api import kinds
from common.api.meta import Object, controller_reference
from common.api.revisions import template_patch
from console.views.columns import columns_for, tone_of
from console.views.describe import Related, describe
from console.views.rollouts import progress
from console.views.status import Status, Tone, workload_status
from console.views.summary import summary
from tests.fakes.objects import daemonset, pod, statefulset

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def revision(owner: Object, number: int) -> Object:
    reference = controller_reference(owner, "apps/v1", owner["kind"])
    name = f"{owner['metadata']['name']}-h{number}"
    meta = {
        "name": name,
        "uid": name,
        "ownerReferences": [reference],
        "labels": {"controller-revision-hash": name[-2:]},
    }
    data = template_patch(owner["spec"]["template"])
    return {"kind": "ControllerRevision", "metadata": meta, "data": data, "revision": number}


def with_uid(obj: Object, **status: Any) -> Object:
    obj["metadata"] |= {"uid": "u", "generation": 1}
    obj["status"] = {"observedGeneration": 1, **status}
    return obj


def member(owner: Object, name: str, mark: str) -> Object:
    reference = controller_reference(owner, "apps/v1", owner["kind"])
    return pod(name, ready=True, owner=reference, labels={"controller-revision-hash": mark})


def test_a_statefulsets_rollout_counts_pods_by_their_revision() -> None:
    owner = with_uid(
        statefulset("db", 3), replicas=3, readyReplicas=3, availableReplicas=3, updatedReplicas=1,
        currentRevision="db-h1", updateRevision="db-h2",
    )  # fmt: skip
    pods = [member(owner, "db-0", "db-h1"), member(owner, "db-1", "db-h1"), member(owner, "db-2", "db-h2")]
    found = progress(owner, [revision(owner, 1), revision(owner, 2)], [*pods, pod("stranger")], NOW)
    assert [(item.revision, item.new) for item in found.replicas] == [(2, True), (1, False), (1, False)]
    assert (found.wanted, found.ready_new, found.needed, found.most) == (3, 1, 2, 3)
    assert found.status.word == "Progressing"


def test_a_daemonsets_rollout_counts_nodes() -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    owner = with_uid(
        daemonset("log", updateStrategy=rolling), desiredNumberScheduled=2, numberAvailable=2, updatedNumberScheduled=1
    )
    pods = [member(owner, "log-a", "h1"), member(owner, "log-b", "h2")]
    found = progress(owner, [revision(owner, 1), revision(owner, 2)], pods, NOW)
    assert (found.wanted, found.available, found.needed, found.most) == (2, 2, 2, 3)
    assert [item.new for item in found.replicas] == [True, False]


def test_what_is_updated_by_hand_says_so() -> None:
    owner = with_uid(statefulset("db", 1, updateStrategy={"type": "OnDelete"}), availableReplicas=1, replicas=1)
    found = progress(owner, [revision(owner, 1)], [], NOW)
    assert found.status == Status("By hand", Tone.WARN)
    assert (found.needed, found.most) == (0, 1)
    assert workload_status(owner).word == "Available"


@pytest.mark.parametrize(
    ("obj", "word"),
    [
        (with_uid(statefulset("db", 2), availableReplicas=1), "Progressing"),
        (with_uid(statefulset("db", 0)), "Scaled to 0"),
        (with_uid(daemonset("log")), "No nodes"),
        (with_uid(daemonset("log"), desiredNumberScheduled=1), "Progressing"),
        (
            with_uid(daemonset("log"), desiredNumberScheduled=1, numberAvailable=1, updatedNumberScheduled=1),
            "Available",
        ),
    ],
)
def test_one_word_says_how_they_stand(obj: Object, word: str) -> None:
    assert workload_status(obj).word == word


def test_descriptions_tell_what_is_asked_and_what_is_kept() -> None:
    claim = {"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}
    owner = with_uid(statefulset("db", 2, volumeClaimTemplates=[claim], image="db:7"))
    text = "\n".join(describe(owner, Related(revisions=[revision(owner, 4)]), NOW))
    for part in ("Pod Order:", "OrderedReady", "data", "1Gi", "db-h4", "db:7"):
        assert part in text
    daemons = with_uid(daemonset("log"), desiredNumberScheduled=3)
    assert "3 desired" in "\n".join(describe(daemons, Related(), NOW))
    assert "StatefulSet/db" in "\n".join(describe(revision(owner, 4), Related(), NOW))
    assert ("Wanted", "3", Tone.TEXT) in summary(daemons, (), NOW)
    assert ("Wanted", "2", Tone.BRIGHT) in summary(owner, (), NOW)


def test_tables_show_them() -> None:
    daemons = with_uid(daemonset("log"), desiredNumberScheduled=3, numberReady=2)
    cells = [column.value(daemons, NOW) for column in columns_for(kinds.DAEMONSETS)]
    assert "2/3" in cells
    assert tone_of(kinds.DAEMONSETS, daemons) is Tone.BUSY
    cells = [column.value(revision(daemons, 7), NOW) for column in columns_for(kinds.CONTROLLERREVISIONS)]
    assert {"log", "7", "hello:1"} <= {str(cell) for cell in cells}
    assert "db" in [column.value(with_uid(statefulset("db")), NOW) for column in columns_for(kinds.STATEFULSETS)]
