"""What is wrong between objects: Services without endpoints, claims without volumes, certificates that end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from common import tlssecret
from common.api import ages, meta, storage
from common.api.kinds import NAMESPACES, PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, SECRETS, SERVICES
from common.api.meta import Key, Object

from .finding import Finding, Severity, of

SOON = timedelta(days=14)  # before a certificate ends that people must be told
SLOW = timedelta(minutes=1)
SERVICE_NAME = "kubernetes.io/service-name"


def of_services(services: Iterable[Object], slices: Iterable[Object]) -> Iterator[Finding]:
    """Services that select pods and have none to send to. Those without selector are their owner's business."""
    ready: dict[Key, list[bool]] = {}
    for item in slices:
        whose = Key(meta.namespace(item), meta.labels(item).get(SERVICE_NAME, ""))
        conditions = [(endpoint.get("conditions") or {}).get("ready") for endpoint in item.get("endpoints") or ()]
        ready.setdefault(whose, []).extend(value is not False for value in conditions)
    for service in services:
        spec = service.get("spec") or {}
        found = ready.get(meta.key(service), [])
        if not spec.get("selector") or spec.get("type") == "ExternalName" or any(found):
            continue
        if found:
            why = f"none of its {len(found)} endpoints is ready" if len(found) > 1 else "its only endpoint is not ready"
            yield of(service, SERVICES, Severity.CRITICAL, "NoReadyEndpoint", why, "enter shows its pods")
        else:
            tags = ",".join(f"{key}={value}" for key, value in sorted(spec["selector"].items()))
            advice = "compare its selector with the labels of the pods, and see that some run"
            yield of(service, SERVICES, Severity.WARNING, "NoEndpoints", f"no pod has {tags}", advice)


def of_claims(
    claims: Iterable[Object], classes: Iterable[Object], troubled: Iterable[Object], now: datetime
) -> Iterator[Finding]:
    """`troubled` are pods that do not run. A claim that waits for its first pod is well while there is none."""
    known = {meta.name(item): item for item in classes}
    wanted = {claim for pod in troubled for claim in storage.claim_keys(pod)}
    for claim in claims:
        phase, named = storage.phase(claim), storage.class_of(claim)
        if phase == "Lost":
            why = f"its volume {storage.spec(claim).get('volumeName')} is gone, and the data with it"
            advice = "restore the data, then delete the claim and make it anew"
            yield of(claim, PERSISTENTVOLUMECLAIMS, Severity.CRITICAL, "ClaimLost", why, advice)
        elif phase == "Pending" and _old(claim, now):
            if storage.waits_for_consumer(known.get(named)) and meta.key(claim) not in wanted:
                continue
            if named in known:
                why = f"no volume for it by class {named} yet"
            else:
                why = f"its class {named} does not exist" if named else "it names no class, and no class is the default"
            since = str(meta.metadata(claim).get("creationTimestamp") or "")
            advice = "E shows what its provisioner says; :sc lists the classes"
            yield of(claim, PERSISTENTVOLUMECLAIMS, Severity.WARNING, "ClaimPending", why, advice, since)


def of_volume(volume: Object) -> Iterator[Finding]:
    if storage.phase(volume) == "Failed":
        why = str((volume.get("status") or {}).get("message") or "it could not be reclaimed")
        advice = "see that the node that has it is Ready; then it is tried again"
        yield of(volume, PERSISTENTVOLUMES, Severity.CRITICAL, "VolumeFailed", why, advice)


def of_namespace(namespace: Object, now: datetime) -> Iterator[Finding]:
    due = meta.metadata(namespace).get("deletionTimestamp")
    if due and now - meta.parse_time(str(due)) >= SLOW:
        conditions = (namespace.get("status") or {}).get("conditions") or ()
        told = [str(item.get("message")) for item in conditions if item.get("status") == "True" and item.get("message")]
        why, advice = (told or ["what is in it does not go"])[-1], "remove the finalizers of what is left, or its cause"
        yield of(namespace, NAMESPACES, Severity.WARNING, "StuckTerminating", why, advice, str(due))


def of_certificate(secret: Object, now: datetime) -> Iterator[Finding]:
    """A TLS Secret: it cannot be used, has ended, or ends soon."""
    try:
        end = tlssecret.not_after(secret)
    except tlssecret.CertificateError as error:
        yield of(secret, SECRETS, Severity.WARNING, "BadCertificate", str(error), "put in a certificate and its key")
        return
    advice = "renew it: the nodes serve the new one as soon as the Secret has it"
    if end <= now:
        why = f"it ended {ages.duration((now - end).total_seconds())} ago ({end:%Y-%m-%d %H:%M}Z)"
        yield of(secret, SECRETS, Severity.CRITICAL, "CertificateEnded", why, advice, meta.format_time(end))
    elif end - now < SOON:
        why = f"it ends in {ages.duration((end - now).total_seconds())} ({end:%Y-%m-%d %H:%M}Z)"
        yield of(secret, SECRETS, Severity.WARNING, "CertificateEnds", why, advice)


def _old(obj: Object, now: datetime) -> bool:
    made = meta.metadata(obj).get("creationTimestamp")
    return bool(made) and now - meta.parse_time(str(made)) >= SLOW
