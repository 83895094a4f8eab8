"""What watches tell: every change once, in one order, through selectors, from where the last watch ended."""

from __future__ import annotations

import threading
from typing import Any

from .plane import TABLE, Plane

LABEL = "watch-this-configmap"


def _make(plane: Plane, space: str, name: str, label: str) -> Any:
    return plane.create(f"{space}/configmaps", {"metadata": {"name": name, "labels": {LABEL: label}}})


def _mutate(plane: Plane, space: str, name: str, value: str) -> Any:
    return plane.patch(f"{space}/configmaps/{name}", {"data": {"mutation": value}})


def _seen(events: list[tuple[str, Any]]) -> list[tuple[str, str, str]]:
    return [(kind, obj["metadata"]["name"], (obj.get("data") or {}).get("mutation", "")) for kind, obj in events]


def test_each_watcher_sees_what_its_selector_chooses(plane: Plane, space: str) -> None:
    path = f"{space}/configmaps"
    watch_a = plane.watch(path, labelSelector=f"{LABEL}=a")
    watch_b = plane.watch(path, labelSelector=f"{LABEL}=b")
    both = plane.watch(path, labelSelector=f"{LABEL} in (a,b)")
    _make(plane, space, "one", "a")
    _mutate(plane, space, "one", "1")
    _mutate(plane, space, "one", "2")
    plane.delete(f"{path}/one")
    _make(plane, space, "two", "b")
    plane.delete(f"{path}/two")
    of_a = [("ADDED", "one", ""), ("MODIFIED", "one", "1"), ("MODIFIED", "one", "2"), ("DELETED", "one", "2")]
    of_b = [("ADDED", "two", ""), ("DELETED", "two", "")]
    assert _seen(watch_a.take(4)) == of_a
    assert _seen(watch_b.take(2)) == of_b
    assert _seen(both.take(6)) == [*of_a, *of_b]
    for watch in (watch_a, watch_b, both):
        watch.close()


def test_a_watch_begins_behind_the_revision_that_it_names(plane: Plane, space: str) -> None:
    _make(plane, space, "one", "a")
    first = _mutate(plane, space, "one", "1")
    _mutate(plane, space, "one", "2")
    plane.delete(f"{space}/configmaps/one")
    watch = plane.watch(f"{space}/configmaps", resourceVersion=first["metadata"]["resourceVersion"])
    assert _seen(watch.take(2)) == [("MODIFIED", "one", "2"), ("DELETED", "one", "2")]
    watch.close()


def test_a_watch_goes_on_where_the_last_one_ended(plane: Plane, space: str) -> None:
    path = f"{space}/configmaps"
    watch = plane.watch(path, labelSelector=f"{LABEL}=a")
    _make(plane, space, "one", "a")
    _mutate(plane, space, "one", "1")
    last = watch.take(2)[-1][1]["metadata"]["resourceVersion"]
    watch.close()
    _mutate(plane, space, "one", "2")
    plane.delete(f"{path}/one")
    again = plane.watch(path, labelSelector=f"{LABEL}=a", resourceVersion=last)
    assert _seen(again.take(2)) == [("MODIFIED", "one", "2"), ("DELETED", "one", "2")]
    again.close()


def test_an_object_that_leaves_the_selection_is_deleted_to_the_watcher(plane: Plane, space: str) -> None:
    path = f"{space}/configmaps"
    watch = plane.watch(path, labelSelector=f"{LABEL}=a")
    _make(plane, space, "one", "a")
    _mutate(plane, space, "one", "1")
    plane.patch(f"{path}/one", {"metadata": {"labels": {LABEL: "b"}}})
    _mutate(plane, space, "one", "2")
    plane.patch(f"{path}/one", {"metadata": {"labels": {LABEL: "a"}}})
    _mutate(plane, space, "one", "3")
    plane.delete(f"{path}/one")
    assert _seen(watch.take(6)) == [
        ("ADDED", "one", ""), ("MODIFIED", "one", "1"), ("DELETED", "one", "1"),
        ("ADDED", "one", "2"), ("MODIFIED", "one", "3"), ("DELETED", "one", "3"),
    ]  # fmt: skip
    watch.close()


def test_watches_opened_along_the_way_agree_on_the_order(plane: Plane, space: str) -> None:
    path = f"{space}/configmaps"
    count = 24
    start = plane.get(path)["metadata"]["resourceVersion"]
    first = plane.watch(path, resourceVersion=start)

    def write() -> None:
        for number in range(count // 3):
            _make(plane, space, f"cm-{number}", "a")
            _mutate(plane, space, f"cm-{number}", "x")
            plane.delete(f"{path}/cm-{number}")

    writer = threading.Thread(target=write)
    writer.start()
    revisions = []
    others = []
    for _, obj in first.take(count):
        revisions.append(obj["metadata"]["resourceVersion"])
        others.append(plane.watch(path, resourceVersion=revisions[-1]))
    writer.join()
    assert revisions == sorted(revisions, key=int)
    for index, other in enumerate(others[:-1], 1):
        found = [obj["metadata"]["resourceVersion"] for _, obj in other.take(count - index)]
        assert found == revisions[index:]
    for watch in (first, *others):
        watch.close()


def test_initial_events_end_with_a_bookmark_that_says_so(plane: Plane, space: str) -> None:
    path = f"{space}/configmaps"
    _make(plane, space, "one", "a")
    options = {"sendInitialEvents": "true", "allowWatchBookmarks": "true", "resourceVersionMatch": "NotOlderThan"}
    watch = plane.watch(path, labelSelector=LABEL, **options)
    (added, obj), (kind, mark) = watch.take(2)
    assert (added, obj["metadata"]["name"], kind) == ("ADDED", "one", "BOOKMARK")
    assert mark["kind"] == "ConfigMap"
    assert mark["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert int(mark["metadata"]["resourceVersion"]) >= int(obj["metadata"]["resourceVersion"])
    _mutate(plane, space, "one", "1")
    assert _seen([watch.next()]) == [("MODIFIED", "one", "1")]
    watch.close()


def test_tables_of_a_watch_have_their_columns_once(plane: Plane, space: str) -> None:
    watch = plane.watch(f"{space}/configmaps", TABLE, labelSelector=LABEL)
    _make(plane, space, "one", "a")
    _mutate(plane, space, "one", "1")
    first, second = watch.take(2)
    assert [column["name"] for column in first[1]["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert first[1]["rows"][0]["cells"][0] == "one"
    assert not second[1].get("columnDefinitions")
    assert second[1]["rows"][0]["cells"][:2] == ["one", 1]
    watch.close()


def test_a_watch_may_begin_without_what_is_there(plane: Plane, space: str) -> None:
    _make(plane, space, "one", "a")
    options = {"sendInitialEvents": "false", "resourceVersionMatch": "NotOlderThan"}
    watch = plane.watch(f"{space}/configmaps", labelSelector=LABEL, **options)
    _mutate(plane, space, "one", "1")
    assert _seen([watch.next()]) == [("MODIFIED", "one", "1")]
    watch.close()


def test_a_watch_lasts_as_long_as_it_was_asked_to(plane: Plane, space: str) -> None:
    _make(plane, space, "one", "a")
    watch = plane.watch(f"{space}/configmaps", labelSelector=LABEL, timeoutSeconds=1)
    assert [kind for kind, _ in watch.rest()] == ["ADDED"]


def test_who_watches_metadata_gets_its_bookmarks_as_such(plane: Plane, space: str) -> None:
    options = {"sendInitialEvents": "true", "allowWatchBookmarks": "true", "resourceVersionMatch": "NotOlderThan"}
    accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
    _make(plane, space, "one", "a")
    watch = plane.watch(f"{space}/configmaps", accept, labelSelector=LABEL, **options)
    (_, added), (kind, mark) = watch.take(2)
    assert (added["kind"], added["metadata"]["name"], kind) == ("PartialObjectMetadata", "one", "BOOKMARK")
    assert (mark["kind"], mark["apiVersion"]) == ("PartialObjectMetadata", "meta.k8s.io/v1")
    assert mark["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    watch.close()
