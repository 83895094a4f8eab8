"""Which requests for certificates of nodes are approved, and of whom."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from common.api.kinds import CERTIFICATESIGNINGREQUESTS
from common.api.meta import Key, Object, format_time
from common.client import SharedInformers
from common.clock import FakeClock
from common.events import Recorder
from common.pki import NODES, new_key, node_user
from console.controllers.base import Kit
from console.controllers.certificateapproval import RETRY_SECONDS, CertificateApprovalController, ways
from tests.fakes.api import FakeApi

NOW = datetime(2026, 1, 1, tzinfo=UTC)
USAGES = ["digital signature", "client auth"]


def request(common_name: str = "system:node:n1", username: str = "system:node:n1", **spec: Any) -> Object:
    names = [(NameOID.COMMON_NAME, common_name), (NameOID.ORGANIZATION_NAME, NODES)]
    subject = x509.Name([x509.NameAttribute(kind, value) for kind, value in names])
    built = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(new_key(), hashes.SHA256())
    pem = built.public_bytes(serialization.Encoding.PEM)
    wanted = {
        "request": base64.b64encode(pem).decode(), "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
        "usages": USAGES, "username": username, "groups": [NODES], **spec,
    }  # fmt: skip
    metadata = {"name": "n1", "creationTimestamp": format_time(NOW)}
    return {"metadata": metadata, "spec": wanted, "status": {}}


def asked(obj: Object) -> list[str]:
    return [review["resourceAttributes"]["subresource"] for review, _message in ways(obj)]


def test_a_node_may_have_one_of_its_own_or_one_of_any() -> None:
    assert asked(request()) == ["selfnodeclient", "nodeclient"]
    assert asked(request(username="bootstrapper")) == ["nodeclient"]
    review, message = next(iter(ways(request())))
    assert (review["user"], review["groups"]) == (node_user("n1"), [NODES])
    assert message == "Auto approving self kubelet client certificate after SubjectAccessReview."


@pytest.mark.parametrize(
    "obj",
    [
        request(signerName="kubernetes.io/kubelet-serving", usages=["digital signature", "server auth"]),
        request(signerName="kubernetes.io/kube-apiserver-client"),
        request(usages=["client auth"]),
        request("jane"),
        request(request="!"),
        {**request(), "status": {"conditions": [{"type": "Denied"}]}},
        {**request(), "status": {"conditions": [{"type": "Approved"}]}},
    ],
)
def test_others_are_for_people_to_decide(obj: Object) -> None:
    assert asked(obj) == []


class Rights:
    """Who may, as it is now."""

    def __init__(self) -> None:
        self.given: set[str] = set()

    def __call__(self, review: Object) -> bool:
        return review["resourceAttributes"]["subresource"] in self.given


@pytest.fixture
async def world() -> AsyncIterator[tuple[FakeApi, FakeClock, Rights]]:
    clock, rights = FakeClock(NOW), Rights()
    api = FakeApi(clock)
    client = api.client()
    informers = SharedInformers(client, clock)
    controller = CertificateApprovalController(Kit(client, informers, clock, Recorder(client, clock, "test")), rights)
    informers.start()
    controller.start()
    yield api, clock, rights
    await controller.close()
    await informers.close()


async def test_it_is_approved_once_its_maker_may(world: tuple[FakeApi, FakeClock, Rights]) -> None:
    api, clock, rights = world
    api.seed(CERTIFICATESIGNINGREQUESTS, request())
    await clock.advance(1)
    assert not (api.find(CERTIFICATESIGNINGREQUESTS, Key("", "n1")) or {})["status"]
    rights.given = {"nodeclient"}
    await clock.advance(RETRY_SECONDS)
    found = api.find(CERTIFICATESIGNINGREQUESTS, Key("", "n1"))
    assert found is not None
    (condition,) = found["status"]["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == ("Approved", "True", "AutoApproved")
    assert condition["message"] == "Auto approving kubelet client certificate after SubjectAccessReview."
