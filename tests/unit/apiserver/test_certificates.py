"""Requests for certificates: who asks, who approves, and what may change."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from common.pki import certificate_request, new_key

from .identity import World, world

__all__ = ["world"]
PATH = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
CLIENT = "kubernetes.io/kube-apiserver-client"
PEM = base64.b64encode(certificate_request("jane", new_key())).decode()


def request(**spec: Any) -> dict[str, Any]:
    wanted = {"request": PEM, "signerName": CLIENT, "usages": ["client auth"], **spec}
    return {"metadata": {"name": "jane"}, "spec": {name: value for name, value in wanted.items() if value is not None}}


def decided(obj: dict[str, Any], *kinds: str) -> dict[str, Any]:
    conditions = [{"type": kind, "status": "True", "reason": "Test", "message": ""} for kind in kinds]
    return {**obj, "status": {**obj.get("status", {}), "conditions": conditions}}


async def test_who_asks_is_who_is_asked_for(world: World) -> None:
    await world.grant("jim", "create", "certificatesigningrequests", "certificates.k8s.io")
    answer = await world.as_user("jim", "POST", PATH, request(username="root", groups=["system:masters"]))
    assert answer.code == 201
    assert answer.body["spec"]["username"] == "jim"
    assert answer.body["spec"]["groups"] == ["system:authenticated"]


async def test_who_asks_is_kept_with_all_that_is_known_of_them(world: World) -> None:
    headers = {"Impersonate-User": "jim", "Impersonate-Group": "system:masters", "Impersonate-Extra-Team": "deck"}
    answer = await world("POST", PATH, request(extra={"team": ["bridge"], "rank": ["admiral"]}), headers=headers)
    assert answer.code == 201
    assert answer.body["spec"]["extra"] == {"team": ["deck"]}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"request": base64.b64encode(b"x").decode()}, "PEM block type must be CERTIFICATE REQUEST"),
        ({"usages": None}, "spec.usages: Required value"),
        ({"usages": ["client auth", "client auth"]}, 'spec.usages[1]: Duplicate value: "client auth"'),
        ({"usages": ["flying"]}, 'spec.usages[0]: Unsupported value: "flying"'),
        ({"signerName": None}, "spec.signerName: Required value"),
        ({"signerName": "mine"}, "must be a fully qualified domain and path"),
        ({"expirationSeconds": 599}, "may not specify a duration less than 600 seconds"),
    ],
)
async def test_wrong_requests_are_refused(world: World, spec: dict[str, Any], message: str) -> None:
    answer = await world("POST", PATH, request(**spec))
    assert answer.code == 422
    assert message in answer.message


async def test_only_who_may_approves_and_only_through_approval(world: World) -> None:
    made = (await world("POST", PATH, request())).body
    await world.grant("jim", "get update patch", "certificatesigningrequests/approval", "certificates.k8s.io")
    answer = await world.as_user("jim", "PUT", f"{PATH}/jane/approval", decided(made, "Approved"))
    assert answer.code == 403
    assert f'user not permitted to approve requests with signerName "{CLIENT}"' in answer.message
    await world.grant("jim", "approve", "signers", "certificates.k8s.io", "approver")
    assert (await world("PUT", f"{PATH}/jane/status", decided(made, "Approved"))).body["status"] == {}
    answer = await world.as_user("jim", "PUT", f"{PATH}/jane/approval", decided(made, "Approved"))
    assert answer.code == 200
    (condition,) = answer.body["status"]["conditions"]
    assert condition["lastUpdateTime"]


async def test_a_decision_stays(world: World) -> None:
    made = (await world("POST", PATH, request())).body
    made = (await world("PUT", f"{PATH}/jane/approval", decided(made, "Denied"))).body
    answer = await world("PUT", f"{PATH}/jane/approval", decided(made))
    assert 'updates may not remove a condition of type "Denied"' in answer.message
    answer = await world("PUT", f"{PATH}/jane/approval", decided(made, "Approved", "Denied"))
    assert "Approved and Denied conditions are mutually exclusive" in answer.message
    changed = {**made, "spec": {**made["spec"], "usages": ["server auth"]}}
    assert (await world("PUT", f"{PATH}/jane", changed)).body["spec"] == made["spec"]


async def test_nobody_becomes_an_administrator_by_a_request(world: World) -> None:
    names = [(NameOID.COMMON_NAME, "jane"), (NameOID.ORGANIZATION_NAME, "system:masters")]
    subject = x509.Name([x509.NameAttribute(kind, value) for kind, value in names])
    built = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(new_key(), hashes.SHA256())
    pem = base64.b64encode(built.public_bytes(serialization.Encoding.PEM)).decode()
    answer = await world("POST", PATH, request(request=pem))
    assert answer.code == 403
    assert "signer with system:masters group is not allowed" in answer.message
    assert (await world.event(answer))["responseStatus"]["message"] == answer.message
