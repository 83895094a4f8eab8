"""CertificateSigningRequests through all verbs, decided on and signed by the signers that a cluster has."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .plane import MERGE, Plane, until

PATH = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
CLIENT = ["digital signature", "key encipherment", "client auth"]
SERVER = ["digital signature", "key encipherment", "server auth"]


def _request(common_name: str, *organizations: str, dns: str = "") -> tuple[str, str]:
    """A request in base64, and its key in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    names += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organizations]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names))
    if dns:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(dns)]), critical=False)
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    secret = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return base64.b64encode(pem).decode(), secret.decode()


def _body(request: str, signer: str, usages: list[str], **spec: Any) -> Any:
    spec = {"request": request, "signerName": signer, "usages": usages, **spec}
    return {"metadata": {"generateName": "e2e-example-csr-"}, "spec": spec}


def _approve(plane: Plane, request: Any) -> None:
    condition = {"type": "Approved", "status": "True", "reason": "E2E", "message": "Set from an e2e test"}
    request["status"]["conditions"] = [condition]
    plane.update(f"{PATH}/{request['metadata']['name']}/approval", request)


def test_all_verbs(plane: Plane, space: str) -> None:
    names = {resource["name"] for resource in plane.get("/apis/certificates.k8s.io/v1")["resources"]}
    plural = "certificatesigningrequests"
    assert {plural, f"{plural}/approval", f"{plural}/status"} <= names
    signer = f"example.com/e2e-{space.rpartition('/')[2]}"
    body = _body(_request("e2e.example.com", dns="e2e.example.com")[0], signer, SERVER, expirationSeconds=3600)
    made = [plane.create(PATH, body) for _ in range(3)][-1]
    one = f"{PATH}/{made['metadata']['name']}"
    assert plane.get(one)["spec"]["expirationSeconds"] == 3600
    listed = plane.get(PATH, fieldSelector=f"spec.signerName={signer}")
    assert len(listed["items"]) == 3
    choice = f"metadata.name={made['metadata']['name']}"
    watch = plane.watch(PATH, fieldSelector=choice, resourceVersion=listed["metadata"]["resourceVersion"])
    patched = plane.patch(one, {"metadata": {"annotations": {"patched": "true"}}}, MERGE)
    patched["metadata"]["annotations"]["updated"] = "true"
    assert plane.update(one, patched)["metadata"]["annotations"] == {"patched": "true", "updated": "true"}
    assert [kind for kind, _ in watch.take(2)] == ["MODIFIED", "MODIFIED"]
    watch.close()
    approval = plane.get(f"{one}/approval")
    assert (approval["kind"], approval["metadata"]["uid"]) == ("CertificateSigningRequest", made["metadata"]["uid"])
    condition = {"type": "ApprovalPatch", "status": "True", "reason": "e2e"}
    patch = {"metadata": {"annotations": {"patchedapproval": "true"}}, "status": {"conditions": [condition]}}
    approved = plane.patch(f"{one}/approval", patch, MERGE)
    assert [item["type"] for item in approved["status"]["conditions"]] == ["ApprovalPatch"]
    assert approved["metadata"]["annotations"]["patchedapproval"] == "true"
    approved["status"]["conditions"].append({**condition, "type": "Approved", "reason": "E2E"})
    approved = plane.update(f"{one}/approval", approved)
    assert [item["type"] for item in approved["status"]["conditions"]] == ["ApprovalPatch", "Approved"]
    _check_status(plane, one, made)
    plane.delete(one)
    assert plane.get(one, 404)["reason"] == "NotFound"
    plane.delete(PATH, fieldSelector=f"spec.signerName={signer}")
    assert plane.get(PATH, fieldSelector=f"spec.signerName={signer}")["items"] == []


def _check_status(plane: Plane, one: str, made: Any) -> None:
    assert plane.get(f"{one}/status")["metadata"]["uid"] == made["metadata"]["uid"]
    certificate = base64.b64encode(plane.authority).decode()
    patch = {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": {"certificate": certificate}}
    patched = plane.patch(f"{one}/status", patch, MERGE)
    assert patched["status"]["certificate"] == certificate
    assert patched["metadata"]["annotations"]["patchedstatus"] == "true"
    kept = [item["type"] for item in patched["status"]["conditions"]]
    patched["status"]["conditions"].append({"type": "StatusUpdate", "status": "True", "reason": "E2E"})
    updated = plane.update(f"{one}/status", patched)
    assert [item["type"] for item in updated["status"]["conditions"]] == [*kept, "StatusUpdate"]


def _signed(plane: Plane, body: Any) -> x509.Certificate:
    request = plane.create(PATH, body)
    _approve(plane, request)
    path = f"{PATH}/{request['metadata']['name']}"
    until(lambda: plane.get(path)["status"].get("certificate"), "a certificate")
    return x509.load_pem_x509_certificate(base64.b64decode(plane.get(path)["status"]["certificate"]))


def _uses(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


def test_a_client_is_known_by_its_certificate(plane: Plane) -> None:
    encoded, key = _request("tester-csr", "testers")
    body = _body(encoded, "kubernetes.io/kube-apiserver-client", CLIENT, expirationSeconds=3600)
    certificate = _signed(plane, body)
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc <= timedelta(hours=1, minutes=5)
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    found = plane.ask_as(pem, key, "POST", path, review).body["status"]["userInfo"]
    assert (found["username"], found["groups"]) == ("tester-csr", ["testers", "system:authenticated"])


def test_a_kubelet_gets_its_certificates_of_both_sorts(plane: Plane) -> None:
    encoded, _ = _request("system:node:n1", "system:nodes")
    # Nobody has to approve it: whoever asks may create certificatesigningrequests/nodeclient.
    made = plane.create(PATH, _body(encoded, "kubernetes.io/kube-apiserver-client-kubelet", CLIENT))
    path = f"{PATH}/{made['metadata']['name']}"
    until(lambda: plane.get(path).get("status", {}).get("certificate"), "the certificate")
    status = plane.get(path)["status"]
    (approval,) = status["conditions"]
    assert (approval["type"], approval["reason"]) == ("Approved", "AutoApproved")
    assert approval["message"] == "Auto approving kubelet client certificate after SubjectAccessReview."
    client = x509.load_pem_x509_certificate(base64.b64decode(status["certificate"]))
    assert _uses(client) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    encoded, _ = _request("system:node:n1", "system:nodes", dns="n1")
    serving = _signed(plane, _body(encoded, "kubernetes.io/kubelet-serving", SERVER))
    assert _uses(serving) == [ExtendedKeyUsageOID.SERVER_AUTH]
    names = serving.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["n1"]


@pytest.mark.parametrize(
    ("subject", "signer", "usages"),
    [
        (("jane", "system:nodes"), "kubernetes.io/kube-apiserver-client-kubelet", CLIENT),
        (("system:node:n1",), "kubernetes.io/kube-apiserver-client-kubelet", CLIENT),
        (("system:node:n1", "system:nodes"), "kubernetes.io/kubelet-serving", CLIENT),
        (("system:node:n1", "system:nodes"), "kubernetes.io/kubelet-serving", SERVER),
        (("jane",), "kubernetes.io/kube-apiserver-client", SERVER),
    ],
)
def test_what_a_signer_does_not_sign_has_failed(
    plane: Plane, subject: tuple[str, ...], signer: str, usages: list[str]
) -> None:
    request = plane.create(PATH, _body(_request(*subject)[0], signer, usages))
    _approve(plane, request)
    path = f"{PATH}/{request['metadata']['name']}"

    def failed() -> bool:
        conditions = plane.get(path)["status"]["conditions"]
        return any((item["type"], item["reason"]) == ("Failed", "SignerValidationFailure") for item in conditions)

    until(failed, "the refusal")
    assert "certificate" not in plane.get(path)["status"]


def test_decisions_stand(plane: Plane) -> None:
    request = plane.create(PATH, _body(_request("jane")[0], "example.com/none", CLIENT))
    path = f"{PATH}/{request['metadata']['name']}/approval"
    denied = {"type": "Denied", "status": "True", "reason": "E2E"}
    request["status"]["conditions"] = [denied]
    found = plane.update(path, request)
    found["status"]["conditions"] = []
    assert "updates may not remove a condition of type" in plane.update(path, found, 422)["message"]
    found["status"]["conditions"] = [denied, {**denied, "type": "Approved"}]
    assert "Approved and Denied conditions are mutually exclusive" in plane.update(path, found, 422)["message"]
    wrong = _body(_request("jane")[0], "nonsense", ["flying"], expirationSeconds=60)
    message = plane.create(PATH, wrong, 422)["message"]
    for field in ("spec.signerName", "spec.usages[0]", "spec.expirationSeconds"):
        assert field in message
