"""Requests for certificates: who asks for which, and what was decided about it."""

from __future__ import annotations

import base64
from datetime import datetime

from cryptography import x509

from common.api import ages, kinds, meta
from common.api.meta import Object
from common.errors import Cause
from common.signers import LEGACY
from console.registry import validation
from console.registry.columns import AGE, NAME, field
from console.registry.row import Column, Context, Row

MIN_SECONDS = 600
_DECISIONS = ("Approved", "Denied")
_TIMES = ("lastUpdateTime", "lastTransitionTime")
_USAGES = (
    "signing", "digital signature", "content commitment", "key encipherment", "key agreement", "data encipherment",
    "cert sign", "crl sign", "encipher only", "decipher only", "any", "server auth", "client auth", "code signing",
    "email protection", "s/mime", "ipsec end system", "ipsec tunnel", "ipsec user", "timestamping", "ocsp signing",
    "microsoft sgc", "netscape sgc",
)  # fmt: skip


def conditions_of(request: Object) -> list[Object]:
    return (request.get("status") or {}).get("conditions") or []


def _prepare(new: Object, old: Object | None, context: Context) -> None:
    if old is None:
        spec = new.setdefault("spec", {})
        for name in ("username", "uid", "groups", "extra"):
            spec.pop(name, None)
        extra = {key: list(values) for key, values in context.extra}
        asker = {"username": context.user, "uid": context.uid, "groups": list(context.groups), "extra": extra}
        spec.update({name: value for name, value in asker.items() if value})
        new["status"] = {}
        return
    new["spec"] = old["spec"]
    if context.subresource == "approval":
        new["status"] = {**(old.get("status") or {}), "conditions": conditions_of(new)}
    elif context.subresource == "status":
        decided = [item for item in conditions_of(old) if item.get("type") in _DECISIONS]
        others = [item for item in conditions_of(new) if item.get("type") not in _DECISIONS]
        new["status"] = {**(new.get("status") or {}), "conditions": [*decided, *others]}
        if not new["status"]["conditions"]:
            del new["status"]["conditions"]
    _stamp(new, old, context.now)


def _stamp(new: Object, old: Object, now: datetime) -> None:
    before = {item.get("type"): item for item in conditions_of(old)}
    moment = meta.format_time(now)
    stamped = []
    for item in conditions_of(new):
        earlier = before.get(item.get("type")) or {}
        missing = {"status": "True", **{name: earlier.get(name, moment) for name in _TIMES}}
        stamped.append({**item, **{name: value for name, value in missing.items() if name not in item}})
    if stamped:
        new["status"] = {**new["status"], "conditions": stamped}


def _validate(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    return _validate_spec(new["spec"]) if old is None else _validate_conditions(new, old)


def _validate_spec(spec: Object) -> list[Cause]:
    causes = _validate_request(spec.get("request", ""))
    usages = spec.get("usages") or []
    if not usages:
        causes.append(validation.required("spec.usages"))
    for index, usage in enumerate(usages):
        if usage not in _USAGES:
            causes.append(validation.unsupported(f"spec.usages[{index}]", usage, sorted(_USAGES)))
        elif usage in usages[:index]:
            causes.append(validation.duplicate(f"spec.usages[{index}]", usage))
    causes += _validate_signer(spec.get("signerName", ""))
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < MIN_SECONDS:
        causes.append(
            validation.wrong(
                "spec.expirationSeconds", seconds, "may not specify a duration less than 600 seconds (10 minutes)"
            )
        )
    return causes


def _validate_request(encoded: str) -> list[Cause]:
    try:
        x509.load_pem_x509_csr(base64.b64decode(encoded))
    except ValueError:
        return [validation.wrong("spec.request", encoded[:64], "PEM block type must be CERTIFICATE REQUEST")]
    return []


def _validate_signer(name: str) -> list[Cause]:
    domain, slash, path = name.partition("/")
    if not name:
        return [validation.required("spec.signerName")]
    if not slash or not path or "." not in domain:
        detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        return [validation.wrong("spec.signerName", name, detail)]
    if name == LEGACY:
        return [validation.wrong("spec.signerName", name, "the legacy signerName is not allowed via this API version")]
    return validation.each("spec.signerName", name, validation.dns_subdomain(domain))


def _validate_conditions(new: Object, old: Object) -> list[Cause]:
    path = "status.conditions"
    found, before = ({str(item.get("type", "")) for item in conditions_of(obj)} for obj in (new, old))
    causes = [
        validation.forbidden(path, f'updates may not remove a condition of type "{kind}"')
        for kind in sorted(before - found)
        if kind in {*_DECISIONS, "Failed"}
    ]
    if found >= set(_DECISIONS):
        causes.append(validation.wrong(path, sorted(found), "Approved and Denied conditions are mutually exclusive"))
    certificate = (old.get("status") or {}).get("certificate")
    if certificate and (new.get("status") or {}).get("certificate") != certificate:
        causes.append(validation.forbidden("status.certificate", "updates may not modify or remove a certificate"))
    return causes


def _condition(request: Object, _now: datetime) -> str:
    words = [str(item.get("type")) for item in conditions_of(request)]
    if not any(word in _DECISIONS for word in words):
        words = ["Pending", *words]
    return ",".join([*words, *(["Issued"] if (request.get("status") or {}).get("certificate") else [])])


def _duration(request: Object, _now: datetime) -> str:
    seconds = (request.get("spec") or {}).get("expirationSeconds")
    return "<none>" if seconds is None else ages.duration(seconds)


CERTIFICATESIGNINGREQUESTS = Row(
    kinds.CERTIFICATESIGNINGREQUESTS,
    "certificatesigningrequest",
    short_names=("csr",),
    columns=(
        NAME,
        AGE,
        field("SignerName", "spec.signerName", description="Who is asked to sign."),
        field("Requestor", "spec.username", description="Who asked."),
        Column("RequestedDuration", _duration, description="How long the certificate is to last."),
        Column("Condition", _condition, description="What was decided about it."),
    ),
    subresources=frozenset({"status", "approval"}),
    schema="io.k8s.api.certificates.v1.CertificateSigningRequest",
    prepare=_prepare,
    validate=_validate,
    fields=("metadata.name", "spec.signerName"),
    has_spec_generation=False,
)
ROWS = (CERTIFICATESIGNINGREQUESTS,)
