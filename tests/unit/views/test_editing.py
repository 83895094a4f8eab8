"""Objects edited as text: what is shown, what is read back, and what meets the writes of others."""

from __future__ import annotations

from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.api.meta import Object
from common.errors import Cause, Invalid, ServiceUnavailable
from console.views import editing
from console.views.editing import Overlap, Remark, Unreadable

WEB: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "web", "namespace": "default", "uid": "u1", "resourceVersion": "7", "generation": 2,
        "creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": [{"manager": "m"}], "labels": {"app": "web"},
    },
    "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "c", "image": "web:1"}]}}},
    "status": {"replicas": 2},
}  # fmt: skip


def changed(obj: Object, **spec: object) -> Object:
    copy = deepcopy(obj)
    copy["spec"].update(spec)
    return copy


def test_what_the_server_sets_is_not_in_the_text() -> None:
    text = editing.opening(WEB)
    assert "Deployment default/web" in text.splitlines()[0]
    assert not any(word in text for word in ("uid", "resourceVersion", "generation", "managedFields", "status"))
    assert editing.parse(text, WEB) == editing.shown(WEB)


def test_dates_stay_what_they_are() -> None:
    text = editing.opening(WEB).replace("app: web", "since: 2026-01-01T00:00:00Z")
    assert editing.parse(text, WEB)["metadata"]["labels"] == {"since": "2026-01-01T00:00:00Z"}


def test_text_that_is_no_yaml_is_refused_at_its_line() -> None:
    text = editing.opening(WEB).replace("replicas: 2", "replicas: [")
    with pytest.raises(Unreadable, match="no YAML") as caught:
        editing.parse(text, WEB)
    assert caught.value.remark.line > 1


@pytest.mark.parametrize("text", ["", "[]", "a: b", "metadata: x"])
def test_text_that_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(Unreadable, match="no object"):
        editing.parse(text, WEB)


def test_another_object_is_refused_at_its_field() -> None:
    text = editing.opening(WEB).replace("name: web", "name: other")
    with pytest.raises(Unreadable, match="another object") as caught:
        editing.parse(text, WEB)
    assert caught.value.remark.field == "metadata.name"


def test_what_others_wrote_stays() -> None:
    fresh = changed(WEB, replicas=5)
    fresh["metadata"]["resourceVersion"] = "9"
    fresh["status"] = {"replicas": 5}
    after = editing.shown(changed(WEB, paused=True))
    result = editing.merged(WEB, after, fresh)
    assert result == changed(fresh, paused=True)


def test_a_field_that_both_changed_is_named() -> None:
    with pytest.raises(Overlap) as caught:
        editing.merged(WEB, editing.shown(changed(WEB, replicas=3)), changed(WEB, replicas=5))
    assert caught.value.fields == ("spec.replicas",)


def test_a_removed_field_goes() -> None:
    after = editing.shown(WEB)
    after = {**after, "metadata": {name: value for name, value in after["metadata"].items() if name != "labels"}}
    assert "labels" not in editing.merged(WEB, after, WEB)["metadata"]


@given(
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 2)),
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 2)),
)
def test_without_others_the_edit_is_what_is_written(before: Object, after: Object) -> None:
    """Whatever was edited, an object that nobody else wrote becomes exactly what the text says."""
    old, new = {**WEB, "spec": before}, {**editing.shown(WEB), "spec": after}
    assert editing.merged(old, new, old)["spec"] == after


def test_remarks_stand_above_their_line_and_go_again() -> None:
    text = editing.opening(WEB)
    remarks = [
        Remark("no such image", field="spec.template.spec.containers[0].image"),
        Remark("too many", field="spec.replicas"),
        Remark("all of it is wrong"),
    ]
    lines = editing.remarked(text, remarks).splitlines()
    assert lines[0] == "#> all of it is wrong"
    assert lines[lines.index("  #> too many") + 1] == "  replicas: 2"
    place = next(index for index, line in enumerate(lines) if "no such image" in line)
    assert "image: web:1" in lines[place + 1]
    assert editing.plain("\n".join(lines) + "\n") == editing.plain(text)


def test_a_field_that_is_not_there_is_said_at_what_should_hold_it() -> None:
    lines = editing.remarked(editing.opening(WEB), [Remark("missing", field="spec.template.spec.volumes[3].name")])
    shown = lines.splitlines()
    assert shown[shown.index("    #> missing") + 1] == "    spec:"


def test_the_difference_has_what_changed_and_a_little_around() -> None:
    lines = editing.difference(WEB, changed(WEB, replicas=3))
    assert [line for line, _ in lines if line[0] in "+-"] == ["-   replicas: 2", "+   replicas: 3"]
    assert len(lines) < 8
    assert editing.difference(WEB, WEB) == []


@pytest.mark.parametrize("value", [".nan", ".inf", "!!binary aGk=", "{1: !!set {a}}"])
def test_values_that_only_yaml_has_are_refused(value: str) -> None:
    with pytest.raises(Unreadable, match="cannot be sent"):
        editing.parse(editing.opening(WEB).replace("replicas: 2", f"replicas: {value}"), WEB)


def test_text_nested_beyond_reason_is_refused() -> None:
    text = editing.opening(WEB).replace("replicas: 2", "replicas: " + "[" * 3000 + "]" * 3000)
    with pytest.raises(Unreadable) as caught:
        editing.parse(text, WEB)
    assert editing.remarked(text, [caught.value.remark])


def test_every_failure_has_its_words_at_its_place() -> None:
    causes = (Cause("spec.replicas", "too many"),)
    assert editing.remarks_of(Invalid("it is invalid", causes=causes)) == [Remark("too many", field="spec.replicas")]
    assert editing.remarks_of(ServiceUnavailable("no answer")) == [Remark("no answer")]
    assert editing.remarks_of(Overlap(["spec.paused"]))[0].field == "spec.paused"
    assert editing.remarks_of(OSError("cut")) == [Remark("cut")]


def test_a_file_may_be_called_after_any_object() -> None:
    long = {**WEB, "metadata": {**WEB["metadata"], "name": "a" * 253}}
    assert editing.file_name(long) == "deployment.yaml"
