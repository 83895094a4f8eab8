"""Approved requests are signed, wrong ones fail with a reason, old ones go."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.api.kinds import CERTIFICATESIGNINGREQUESTS, EVENTS
from common.api.meta import Key, Object, format_time
from common.client import SharedInformers
from common.clock import FakeClock
from common.events import Recorder
from common.pki import Authority, PkiError, certificate_request, common_name, new_key, parse_certificate
from console.controllers.base import Kit
from console.controllers.certificates import CertificateController, ends, is_due
from tests.fakes.api import FakeApi

NOW = datetime(2026, 1, 1, tzinfo=UTC)
AUTHORITY = Authority.create("test", NOW)
PEM = certificate_request("jane", new_key())


def request(*conditions: str, **spec: Any) -> Object:
    wanted = {
        "request": base64.b64encode(PEM).decode(), "signerName": "kubernetes.io/kube-apiserver-client",
        "usages": ["client auth"], **spec,
    }  # fmt: skip
    found = [{"type": kind, "status": "True", "lastUpdateTime": format_time(NOW)} for kind in conditions]
    return {
        "metadata": {"name": "jane", "creationTimestamp": format_time(NOW)},
        "spec": wanted,
        "status": {"conditions": found} if found else {},
    }


@pytest.mark.parametrize(
    ("found", "due"),
    [
        (request(), False),
        (request("Approved"), True),
        (request("Approved", "Denied"), False),
        (request("Approved", "Failed"), False),
        (request("Approved", signerName="example.com/own"), False),
        ({**request("Approved"), "status": {**request("Approved")["status"], "certificate": "x"}}, False),
    ],
)
def test_what_is_approved_and_ours_is_signed(found: Object, due: bool) -> None:
    assert is_due(found) is due


def test_requests_end() -> None:
    assert ends(request()) == NOW + timedelta(hours=24)
    assert ends(request("Denied")) == NOW + timedelta(hours=1)
    assert ends(request("Failed")) == NOW + timedelta(hours=1)
    assert ends(request("Approved")) is None
    for lifetime, end in ((timedelta(minutes=10), timedelta(minutes=10)), (timedelta(days=1), timedelta(hours=1))):
        certificate = base64.b64encode(AUTHORITY.sign_as_asked(PEM, NOW, lifetime)).decode()
        issued = request("Approved")
        issued["status"]["certificate"] = certificate
        assert ends(issued) == NOW + end


@pytest.fixture
async def world() -> AsyncIterator[tuple[FakeApi, FakeClock]]:
    clock = FakeClock(NOW)
    api = FakeApi(clock)
    client = api.client()
    informers = SharedInformers(client, clock)

    def sign(pem: bytes, lifetime: timedelta, /, *, names: tuple[str, ...], server: bool) -> bytes:
        return AUTHORITY.sign_as_asked(pem, clock.now(), lifetime, names=names, server=server)

    kit = Kit(client, informers, clock, Recorder(client, clock, "test"))
    controller = CertificateController(kit, sign, timedelta(days=365))
    informers.start()
    controller.start()
    yield api, clock
    await controller.close()
    await informers.close()
    assert not api.items(EVENTS)


async def _settled(api: FakeApi, clock: FakeClock, wanted: str = "") -> Object | None:
    """The request; once its status has the field that is wanted, as signing happens in a thread."""
    for _ in range(20):
        await clock.advance(0.1)
        await asyncio.sleep(0.01)
    async with asyncio.timeout(60):
        while wanted and wanted not in str(api.find(CERTIFICATESIGNINGREQUESTS, Key("", "jane"))):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return api.find(CERTIFICATESIGNINGREQUESTS, Key("", "jane"))


async def test_an_approved_request_gets_its_certificate(world: tuple[FakeApi, FakeClock]) -> None:
    api, clock = world
    api.seed(CERTIFICATESIGNINGREQUESTS, request("Approved", expirationSeconds=3600))
    found = await _settled(api, clock, "'certificate':")
    assert found is not None
    certificate = parse_certificate(base64.b64decode(found["status"]["certificate"]))
    assert common_name(certificate) == "jane"
    assert certificate.not_valid_after_utc - NOW < timedelta(hours=1, minutes=1)
    assert [item["type"] for item in found["status"]["conditions"]] == ["Approved"]


async def test_what_cannot_be_signed_fails_with_a_reason(world: tuple[FakeApi, FakeClock]) -> None:
    api, clock = world
    api.seed(CERTIFICATESIGNINGREQUESTS, request("Approved", request=base64.b64encode(b"x").decode()))
    found = await _settled(api, clock, "SignerValidationFailure")
    assert found is not None
    failed = found["status"]["conditions"][-1]
    assert (failed["type"], failed["reason"]) == ("Failed", "SignerValidationFailure")
    assert "certificate" not in found["status"]


async def test_a_request_that_is_over_is_forgotten(world: tuple[FakeApi, FakeClock]) -> None:
    api, clock = world
    api.seed(CERTIFICATESIGNINGREQUESTS, request("Denied"))
    assert await _settled(api, clock) is not None
    await clock.advance(3600)
    assert await _settled(api, clock) is None


def test_what_is_no_request_is_not_signed() -> None:
    with pytest.raises(PkiError, match="not a PEM signing request"):
        AUTHORITY.sign_as_asked(b"x", NOW)
