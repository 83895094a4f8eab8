"""CustomResourceDefinitions: what is refused, which names they get, which rows they become."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest

from common.api.conditions import get_condition
from common.api.kinds import CUSTOMRESOURCEDEFINITIONS
from common.api.meta import Object
from common.errors import BadRequest, InternalError, Invalid, UnsupportedMediaType
from console.registry.admission import admit_create, admit_update, apply_scale, decode, decode_applied, scale_of
from console.registry.apply import Request, server_side_apply
from console.registry.catalog import Registry
from console.registry.custom import celfunctions, definitions, naming, rules
from console.registry.intents import Untyped
from console.registry.openapi import OpenApi
from console.registry.openapi_v2 import OpenApiV2, unpacked
from console.registry.patch import PatchType, apply_patch
from console.registry.scale import require_replicas
from console.registry.tables import table
from tests.unit.registry.builders import NOW, causes, context, created, updated

from .definition import NAMES, SCHEMA, definition, established, row, version, widget

SPEC = "spec.versions[0].schema.openAPIV3Schema"


def with_schema(**fields: Any) -> Object:
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"f": fields}}}}
    return definition(version(schema={"openAPIV3Schema": schema}))


def test_a_definition_is_completed() -> None:
    names = {"plural": "widgets", "kind": "Widget"}
    made = created(CUSTOMRESOURCEDEFINITIONS, definition(names=names))
    assert made["spec"]["names"] == {**names, "singular": "widget", "listKind": "WidgetList"}
    assert made["spec"]["conversion"] == {"strategy": "None"}
    assert made["status"] == {
        "conditions": [], "acceptedNames": {"kind": "", "plural": ""}, "storedVersions": ["v1"],
    }  # fmt: skip


def hooked(**service: Any) -> Object:
    client = {"service": {"namespace": "default", "name": "hook", "port": 443, **service}}
    return {"strategy": "Webhook", "webhook": {"clientConfig": client, "conversionReviewVersions": ["v1"]}}


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (definition(group="com"), "spec.group: Invalid value: \"com\": should be a domain with at least one dot"),
        (definition(group="x.k8s.io"), "metadata.annotations[api-approved.kubernetes.io]: Required value: protected"),
        (definition(group="other.com"), "must be spec.names.plural+\".\"+spec.group"),
        (definition(scope="World"), 'spec.scope: Unsupported value: "World": supported values: "Cluster"'),
        (definition(version(), version()), "spec.versions: Invalid value: [\"v1\",\"v1\"]: must contain unique"),
        (definition(version(storage=False)), "must have exactly one version marked as storage version"),
        (definition(version(deprecationWarning="old")), "Invalid value: \"old\": can only be set for deprecated"),
        (definition(version(deprecated=True, deprecationWarning="")), "Invalid value: \"\": must not be empty"),
        (definition(version(deprecated=True, deprecationWarning="x" * 257)), "must be <= 256 characters in length"),
        (definition(version(deprecated=True, deprecationWarning="a\nb")), "must only contain printable UTF-8"),
        (definition(version(schema=None)), f"{SPEC}: Required value: schemas are required"),
        (definition(names={**NAMES, "listKind": "Widget"}), "kind and listKind may not be the same"),
        (definition(conversion=hooked(path="////x")), "path: Invalid value: \"////x\": segment[0] may not be empty"),
        (definition(conversion=hooked(path="x/A")), "path: Invalid value: \"x/A\": must start with a '/'"),
        (definition(conversion=hooked(path="/a/B/")), "path: Invalid value: \"/a/B/\": segment[1]: a lowercase"),
        (definition(conversion=hooked(name="")), "service.name: Required value: service name is required"),
        (definition(conversion={"strategy": "Webhook"}), "spec.conversion.webhook.clientConfig: Required"),
        (definition(version(subresources={"scale": {"specReplicasPath": ".x", "statusReplicasPath": ".status.n"}})),
         "subresources.scale.specReplicasPath: Invalid value: \".x\": should be a json path under .spec"),
        (definition(version(additionalPrinterColumns=[{"name": "A", "type": "text", "jsonPath": ".spec["}])),
         "Columns[0].type: Invalid value: \"text\": must be one of boolean,date,integer,number,string"),
        (definition(version(additionalPrinterColumns=[{"name": "A", "type": "date", "format": "x", "jsonPath": ".a"}])),
         "additionalPrinterColumns[0].format: Invalid value: \"x\": must be one of byte,date,date-time,double,float,"),
        (definition(version(additionalPrinterColumns=[{"name": "A", "type": "date", "jsonPath": "a"}])),
         "additionalPrinterColumns[0].JSONPath: Invalid value: \"a\": must be a simple json path starting with ."),
        (definition(version(additionalPrinterColumns=[{"name": "A", "jsonPath": ".a"}])),
         "additionalPrinterColumns[0].type: Required value: must be one of boolean,date,integer,number,string"),
        (definition(version(subresources={"scale": {"specReplicasPath": "spec.x", "statusReplicasPath": ".status.x"}})),
         "specReplicasPath: Invalid value: \"spec.x\": must be a simple json path starting with ."),
        (definition(version(subresources={"scale": {"specReplicasPath": ".spec.x", "statusReplicasPath": ".status.x",
                                                    "labelSelectorPath": ".x"}})),
         "labelSelectorPath: Invalid value: \".x\": should be a json path under either .spec or .status"),
        (definition(version(selectableFields=[{"jsonPath": ".spec.free"}])), "must point to a field of type string"),
        (with_schema(), f"{SPEC}.properties[spec].properties[f].type: Required value: must not be empty"),
        (with_schema(type="array"), f"{SPEC}.properties[spec].properties[f].items: Required value: must be specified"),
        (with_schema(type="array", items={"type": "string"}, uniqueItems=True), "uniqueItems cannot be set to true"),
        (with_schema(type="object", properties={"a": {"type": "string"}}, additionalProperties={"type": "string"}),
         "additionalProperties and properties are mutual exclusive"),
        (with_schema(type="string", pattern="("), "must be a valid regular expression"),
        (with_schema(type="integer", default="x"), "must be of type integer"),
        (with_schema(type="string", anyOf=[{"type": "string"}]), "anyOf[0].type: Forbidden: must be empty"),
        (with_schema(type="object", oneOf=[{"properties": {"z": {"minimum": 1}}}]),
         f"{SPEC}.properties[spec].properties[f].properties[z]: Required value: because it is defined in"),
        (with_schema(**{"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "map"}),
         "x-kubernetes-list-map-keys: Required value"),
    ],
)  # fmt: skip
def test_what_is_refused(wrong: Object, text: str) -> None:
    assert text in "\n".join(causes(CUSTOMRESOURCEDEFINITIONS, wrong))


@pytest.mark.parametrize(
    ("said", "status", "reason", "message", "refused"),
    [
        ("", "False", "MissingAnnotation", "protected groups must have approval annotation", "Required value"),
        ("because", "False", "InvalidAnnotation", 'either a URL or a reason starting with "unapproved"',
         'Invalid value: "because"'),
        ("unapproved, for a test", "False", "UnapprovedAnnotation", 'not approved: "unapproved, for a test"', ""),
        ("https://example.com/pull/1", "True", "ApprovedAnnotation", "approved in https://example.com/pull/1", ""),
    ],
)  # fmt: skip
def test_kubernetes_own_groups_want_an_approval(
    said: str, status: str, reason: str, message: str, refused: str
) -> None:
    made = definition(group="sigs.k8s.io")
    made["metadata"] = {"name": "widgets.sigs.k8s.io", "annotations": {"api-approved.kubernetes.io": said}}
    found = "\n".join(causes(CUSTOMRESOURCEDEFINITIONS, made))
    assert found == "" if not refused else refused in found
    condition = get_condition({"status": naming.status_of(made, [], NOW)}, "KubernetesAPIApprovalPolicyConformant")
    assert condition is not None
    assert (condition["status"], condition["reason"]) == (status, reason)
    assert message in condition["message"]


def test_rules_that_nobody_had_checked_stand_in_the_way_of_no_update() -> None:
    def refused(rule: str, before: str) -> bool:
        new, old = (
            with_schema(**{"type": "string", "x-kubernetes-validations": [{"rule": text}]}) for text in (rule, before)
        )
        return any("compilation failed" in cause.message for cause in definitions.validate(new, old))

    assert not refused("self.nope == 1", "self.nope == 1")
    assert refused("self.no == 1", "self.nope == 1")


def test_int_or_string_may_be_written_out() -> None:
    fields = {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]}
    assert causes(CUSTOMRESOURCEDEFINITIONS, with_schema(**fields)) == []


def test_what_an_update_may_not_change() -> None:
    made = {**established(), "metadata": {"name": "widgets.example.com", "resourceVersion": "1"}}
    for change in ({"scope": "Cluster"}, {"names": {**NAMES, "kind": "Gadget", "listKind": "GadgetList"}}):
        with pytest.raises(Invalid, match="field is immutable"):
            updated(CUSTOMRESOURCEDEFINITIONS, {**made, "spec": {**made["spec"], **change}}, made)


def test_a_version_in_which_objects_are_stored_must_stay() -> None:
    made = created(CUSTOMRESOURCEDEFINITIONS, definition(version("v1beta1")))
    moved = {**made, "spec": {**made["spec"], "versions": [version("v1beta1", storage=False), version("v1")]}}
    after = updated(CUSTOMRESOURCEDEFINITIONS, moved, made)
    assert after["status"]["storedVersions"] == ["v1beta1", "v1"]
    with pytest.raises(
        Invalid, match=r"status.storedVersions\[0\]: Invalid value: \"v1beta1\": missing from spec.versions"
    ):
        updated(CUSTOMRESOURCEDEFINITIONS, {**after, "spec": {**after["spec"], "versions": [version("v1")]}}, after)


def test_there_is_always_a_version_that_is_stored() -> None:
    old = created(CUSTOMRESOURCEDEFINITIONS, definition())
    new = {**old, "status": {**old["status"], "storedVersions": []}}
    assert updated(CUSTOMRESOURCEDEFINITIONS, new, old, "status")["status"]["storedVersions"] == ["v1"]


def test_an_update_that_changes_what_may_not_change_says_that_alone() -> None:
    old = created(CUSTOMRESOURCEDEFINITIONS, definition())
    with pytest.raises(Invalid) as caught:
        updated(CUSTOMRESOURCEDEFINITIONS, {**old, "spec": {**old["spec"], "group": "other.com"}}, old)
    assert [cause.field for cause in caught.value.causes] == ["spec.group"]


def test_names_are_given_once() -> None:
    first = definition()
    first["metadata"]["uid"] = "1"
    first["status"] = naming.status_of(first, [], NOW)
    assert get_condition(first, "Established")["status"] == "True"  # type: ignore[index]
    second = definition(names={**NAMES, "plural": "gadgets"})
    second["metadata"] = {"name": "gadgets.example.com", "uid": "2"}
    second["status"] = naming.status_of(second, [first, second], NOW)
    accepted = get_condition(second, "NamesAccepted")
    assert accepted is not None
    assert (accepted["status"], accepted["reason"]) == ("False", "ListKindConflict")
    assert get_condition(second, "Established")["reason"] == "NotAccepted"  # type: ignore[index]
    second["status"] = naming.status_of(second, [second], NOW + timedelta(seconds=1))
    assert get_condition(second, "Established")["status"] == "True"  # type: ignore[index]
    assert naming.status_of(second, [second], NOW + timedelta(seconds=9)) == second["status"]


def test_a_definition_that_goes_says_so() -> None:
    going = established()
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    going["status"] = naming.status_of(going, [], NOW)
    assert get_condition(going, "Terminating")["reason"] == "InstanceDeletionInProgress"  # type: ignore[index]
    assert row(**going["spec"]).custom is not None


def test_warnings_of_formats_that_nobody_checks() -> None:
    assert definitions.warnings(with_schema(type="string", format="shoe")) == ['unrecognized format "shoe"']


# Objects of a defined kind.


def test_unknown_fields_are_dropped_and_told() -> None:
    body = orjson.dumps({**widget(size=2, bogus=1), "more": {}})
    obj, warnings = decode(row(), body, "application/json", "Warn")
    assert obj["spec"] == {"size": 2}
    assert warnings == ['unknown field "spec.bogus"', 'unknown field "more"']
    with pytest.raises(BadRequest, match='strict decoding error: unknown field "spec\\.bogus", unknown field "more"'):
        decode(row(), body, "application/json", "Strict")
    twice = b'{"kind":"Widget","apiVersion":"example.com/v1","spec":{"size":1,"size":2}}'
    with pytest.raises(BadRequest, match='duplicate field "spec\\.size"'):
        decode(row(), twice, "application/json", "Strict")


def test_apply_refuses_what_nobody_could_own() -> None:
    text = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w, odd: 1}\nspec:\n  size: 1\n"
    with pytest.raises(Untyped) as error:
        decode_applied(row(), f"{text}more: 1\n".encode(), "Ignore")
    assert error.value.message == (
        "failed to create typed patch object (/w; example.com/v1, Kind=Widget): errors:\n"
        "  .metadata.odd: field not declared in schema\n  .more: field not declared in schema"
    )
    twice = text.replace(", odd: 1", "") + "  size: 2\n"
    with pytest.raises(BadRequest, match='line 6: key "size" already set in map'):
        decode_applied(row(), twice.encode(), "Strict")
    obj, warnings = decode_applied(row(), twice.encode(), "Warn")
    assert obj["spec"] == {"size": 2}
    assert "already set in map" in warnings[0]


def test_conditions_of_others_are_left_alone() -> None:
    odd = {"message": "patched"}
    found = established()
    found["status"]["conditions"].append(odd)
    assert odd in naming.status_of(found, [], NOW)["conditions"]


def test_an_object_is_completed_and_judged() -> None:
    assert admit_create(row(), widget(), context())["spec"] == {"size": 1}
    with pytest.raises(Invalid) as error:
        admit_create(row(), widget(size=-1, color="blue"), context())
    assert str(error.value) == (
        'Widget.example.com "w" is invalid: [spec.size: Invalid value: -1: spec.size in body should be greater than or '
        'equal to 0, spec.color: Unsupported value: "blue": supported values: "red", "green"]'
    )


def test_generation_and_status() -> None:
    plain, split = row(), row(version(subresources={"status": {}}))
    made = admit_create(plain, {**widget(), "status": {"size": 1}}, context())
    assert made["status"] == {"size": 1}
    assert admit_update(plain, {**made, "status": {"size": 2}}, made, context())["metadata"]["generation"] == 2
    made = admit_create(split, {**widget(), "status": {"size": 1}}, context())
    assert "status" not in made
    labelled = {
        **made,
        "metadata": {**made["metadata"], "labels": {"a": "b"}},
        "status": {"size": 2},
        "spec": {"size": 9},
    }
    after = admit_update(split, labelled, made, context(), "status")
    assert (after["status"], after["spec"], after["metadata"].get("labels")) == ({"size": 2}, {"size": 1}, None)
    assert after["metadata"]["generation"] == 1


def test_scale_goes_where_the_definition_says() -> None:
    paths = {
        "specReplicasPath": ".spec.size",
        "statusReplicasPath": ".status.size",
        "labelSelectorPath": ".status.selector",
    }
    scaled = row(version(subresources={"scale": paths}))
    obj = {**widget(size=3), "status": {"size": 2, "selector": "a=b"}}
    scale = scale_of(scaled, obj)
    assert (scale["spec"], scale["status"]) == ({"replicas": 3}, {"replicas": 2, "selector": "a=b"})
    assert apply_scale(scaled, obj, {"spec": {"replicas": 5}})["spec"] == {"size": 5}
    with pytest.raises(Invalid, match=r"\.spec\.size: Invalid value: -1: should be a non-negative integer"):
        apply_scale(scaled, obj, {"spec": {"replicas": -1}})
    require_replicas(scaled, obj)
    with pytest.raises(InternalError, match=r'the spec replicas field "\.spec\.size" does not exist'):
        require_replicas(scaled, {**obj, "spec": {}})


def test_another_kind_or_version_is_refused() -> None:
    with pytest.raises(Invalid, match='kind: Invalid value: "Gadget": must be Widget'):
        decode(row(), orjson.dumps({**widget(), "kind": "Gadget"}), "application/json", "Strict")
    words = r"the API version in the data \(v1\) does not match the expected API version \(example.com/v1\)"
    with pytest.raises(BadRequest, match=words):
        decode(row(), orjson.dumps({**widget(), "apiVersion": "v1"}), "application/json", "Strict")


def test_columns() -> None:
    printed = row(version(additionalPrinterColumns=[
        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
        {"name": "Port", "type": "string", "jsonPath": '.spec.ports[?(@.name=="web")].port'},
        {"name": "Made", "type": "date", "jsonPath": ".metadata.creationTimestamp", "priority": 1},
        {"name": "Names", "type": "string", "jsonPath": ".spec.ports[*].name"},
        {"name": "Ports", "type": "string", "jsonPath": ".spec.ports"},
        {"name": "Ratio", "type": "string", "jsonPath": ".spec.free.ratio"},
        {"name": "None", "type": "string", "jsonPath": ".spec["},
        {"name": "Lost", "type": "string", "jsonPath": ".spec.size"},
    ]))  # fmt: skip
    obj = widget(size=2, free={"ratio": 2.0}, ports=[{"port": "<http>", "name": "web"}, {"name": "more"}])
    obj["metadata"]["creationTimestamp"] = "2026-01-01T11:00:00Z"
    shown = table(printed, [obj, widget()], NOW, {}, "None")
    assert [(column["name"], column["type"], column["priority"]) for column in shown["columnDefinitions"]] == [
        ("Name", "string", 0), ("Size", "integer", 0), ("Port", "string", 0), ("Made", "date", 1),
        ("Names", "string", 0), ("Ports", "string", 0), ("Ratio", "string", 0),
    ]  # fmt: skip
    ports = '[{"name":"web","port":"\\u003chttp\\u003e"},{"name":"more"}]'  # as Go writes it
    assert [cells["cells"] for cells in shown["rows"]] == [
        ["w", 2, "<http>", "60m", "web", ports, "2"], ["w", 1, None, None, None, None, None],
    ]  # fmt: skip


def test_a_version_shows_what_another_one_stored() -> None:
    small = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}
    old = row(version("v1beta1", storage=False, schema={"openAPIV3Schema": small}), version("v1"))
    shown = old.show({**widget(size=2, color="red")})
    assert (shown["apiVersion"], shown["spec"]) == ("example.com/v1beta1", {"size": 2})


def test_apply_knows_lists_by_their_keys_and_free_fields() -> None:
    first = server_side_apply(
        row(), None, widget(ports=[{"name": "a", "port": 1}], free={"x": {"y": 1}}), Request("one"), NOW
    )
    config = widget(ports=[{"name": "b", "port": 2}], free={"x": {"z": 2}})
    both = server_side_apply(row(), first, config, Request("two"), NOW)
    assert both["spec"] == {
        "ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}], "free": {"x": {"y": 1, "z": 2}}, "size": 1,
    }  # fmt: skip


def test_strategic_patches_are_for_built_in_kinds() -> None:
    with pytest.raises(UnsupportedMediaType, match="application/merge-patch"):
        apply_patch(row(), widget(), b"{}", PatchType.STRATEGIC)


async def test_older_clients_find_the_kind_in_openapi_v2() -> None:
    document = await OpenApiV2(Registry([row()])).encoded((), protobuf=False)
    found = orjson.loads(unpacked(document))["definitions"]
    items = found["com.example.v1.WidgetList"]["properties"]["items"]["items"]
    assert items == {"$ref": "#/definitions/com.example.v1.Widget"}
    spec = found["com.example.v1.Widget"]["properties"]["spec"]["properties"]
    assert spec["size"] == {"type": "integer", "minimum": 0}
    assert spec["free"] == {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    reference = found["com.example.v1.Widget"]["properties"]["metadata"]["$ref"]
    assert reference.removeprefix("#/definitions/") in found


def test_selectable_fields_are_published() -> None:
    chosen = row(version(selectableFields=[{"jsonPath": ".spec.color"}]))
    assert chosen.type.source["x-kubernetes-selectable-fields"] == [{"fieldPath": "spec.color"}]
    assert "spec.color" in chosen.fields


def test_openapi_follows_the_rows() -> None:
    registry = Registry([row()])
    documents = OpenApi(registry)
    before = documents.index()
    published = orjson.loads(documents.document("example.com", "v1"))["components"]["schemas"]["com.example.v1.Widget"]
    assert published["x-kubernetes-group-version-kind"] == [{"group": "example.com", "version": "v1", "kind": "Widget"}]
    assert published["properties"]["metadata"]["allOf"][0]["$ref"] == (
        "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
    )
    assert published["properties"]["spec"]["properties"]["color"]["enum"] == ["red", "green"]
    schema = {**SCHEMA, "description": "changed"}
    registry.add(row(version(schema={"openAPIV3Schema": schema})))
    assert documents.index() != before


def test_without_the_evaluator_rules_are_accepted_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(celfunctions, "environment", lambda: None)
    ruled = with_schema(**{"type": "string", "x-kubernetes-validations": [{"rule": "self != 'a'"}]})
    assert causes(CUSTOMRESOURCEDEFINITIONS, ruled) == []
    assert definitions.warnings(ruled) == [rules.NOT_ENFORCED]
    lenient = row(*ruled["spec"]["versions"])
    assert admit_create(lenient, widget(f="a"), context())["spec"] == {"f": "a"}
