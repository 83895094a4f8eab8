"""What Kubernetes warns of in pods and templates of pods, though it accepts them; in its words and order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from common.api import meta, quantity
from common.api.meta import Object
from console.registry import validation
from console.registry.columns import at
from console.registry.recurring import Recurring

from . import address_warnings
from .path_warnings import path_warnings
from .pod_annotations import APPARMOR_OF, noted_profile

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_NO_MATCH = "a null labelSelector results in matching no pod"
_LABELS = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
}
_ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": 'non-functional in v1.16+; use the "priorityClassName" field instead',
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
}
_VOLUMES = {
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "gitRepo": "deprecated in v1.11",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "flocker": "deprecated in v1.22, non-functional in v1.25+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
    "quobyte": "deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
}
_SHOWN_VOLUMES = {"storageos": "storageOS"}
_SECCOMP = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_OF = "container.seccomp.security.alpha.kubernetes.io/"
_WHOLE = ("memory", "ephemeral-storage")
_known: Recurring[tuple[str, ...]] = Recurring()
"""The warnings of specs without annotations, by the path to them."""


def pod_warnings(pod: Object) -> list[str]:
    return [*_name_warnings(pod, "this is used in the Pod's hostname"), *_warnings(pod, "")]


def template_warnings(path: str) -> Callable[[Object], list[str]]:
    """The warnings of a workload whose template is at the dotted `path`."""

    def warnings(workload: Object) -> list[str]:
        named = _name_warnings(workload, "this is used in Pod names and hostnames")
        return [*named, *_warnings(at(workload, path, {}), f"{path}.")]

    return warnings


def _name_warnings(obj: Object, use: str) -> list[str]:
    problems = validation.dns_label(meta.name(obj))
    if not problems:
        return []
    why = f"which can result in surprising behavior; a DNS label is recommended: [{' '.join(problems)}]"
    return [f"metadata.name: {use}, {why}"]


def _warnings(holder: Object, path: str) -> list[str]:
    spec, notes = holder.get("spec") or {}, meta.annotations(holder)
    if notes:
        return _warnings_of(spec, notes, path)
    return [*_known.find(path, spec, lambda spec: tuple(_warnings_of(spec, {}, path)))]


def _warnings_of(spec: Object, notes: Mapping[str, str], path: str) -> list[str]:
    where = f"{path}spec"
    found = [*_place_warnings(spec, where)]
    found += [f"{path}metadata.annotations[{key}]: {text}" for key, text in _ANNOTATIONS.items() if key in notes]
    found += _volume_warnings(spec.get("volumes") or (), f"{where}.volumes")
    found += path_warnings(spec.get("volumes") or ())
    found += _repeated(spec.get("hostAliases") or (), "ip", "ip", f"{where}.hostAliases")
    found += _repeated(spec.get("imagePullSecrets") or (), "name", "name", f"{where}.imagePullSecrets")
    found += [
        f'{where}.imagePullSecrets[{index}].name: invalid empty name ""'
        for index, secret in enumerate(spec.get("imagePullSecrets") or ())
        if not secret.get("name")
    ]
    found += _fractions(spec.get("overhead") or {}, f"{where}.overhead")
    if _SECCOMP in notes and not (spec.get("securityContext") or {}).get("seccompProfile"):
        text = 'non-functional in v1.27+; use the "seccompProfile" field instead'
        found.append(f"{path}metadata.annotations[{_SECCOMP}]: {text}")
    for container, place in _containers(spec, where):
        found += _container_warnings(container, place, spec, notes, path)
    found += [*_port_warnings(spec, where), *_port_name_warnings(spec, where)]
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        text = "must be >= 0; negative values are invalid and will be treated as 1"
        found.append(f"{where}.terminationGracePeriodSeconds: {text}")
    found += _affinity_warnings(spec.get("affinity") or {}, f"{where}.affinity")
    return [*found, *_address_warnings(spec, where)]


def _address_warnings(spec: Object, path: str) -> Iterator[str]:
    for index, server in enumerate((spec.get("dnsConfig") or {}).get("nameservers") or ()):
        yield from address_warnings.address(f"{path}.dnsConfig.nameservers[{index}]", server)
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        yield from address_warnings.address(f"{path}.hostAliases[{index}].ip", str(alias.get("ip")))


def _containers(spec: Object, path: str) -> Iterator[tuple[Object, str]]:
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for index, container in enumerate(spec.get(kind) or ()):
            yield container, f"{path}.{kind}[{index}]"


def _place_warnings(spec: Object, path: str) -> Iterator[str]:
    for key in spec.get("nodeSelector") or ():
        if key in _LABELS:
            yield f"{path}.nodeSelector[{key}]: {_LABELS[key]}"
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    where = f"{path}.affinity.nodeAffinity"
    for index, term in enumerate((affinity.get(_REQUIRED) or {}).get("nodeSelectorTerms") or ()):
        yield from term_warnings(term, f"{where}.{_REQUIRED}.nodeSelectorTerms[{index}]")
    for index, term in enumerate(affinity.get(_PREFERRED) or ()):
        place = f"{where}.{_PREFERRED}[{index}].preference"
        yield from term_warnings(term.get("preference") or {}, place, values=True)
    for index, constraint in enumerate(spec.get("topologySpreadConstraints") or ()):
        place, key = f"{path}.topologySpreadConstraints[{index}]", constraint.get("topologyKey")
        if key in _LABELS:
            yield f"{place}.topologyKey: {key} is {_LABELS[key]}"
        if constraint.get("labelSelector") is None:
            yield f"{place}.labelSelector: {_NO_MATCH}"


def term_warnings(term: Object, path: str, *, values: bool = False) -> Iterator[str]:
    """Of a `nodeSelectorTerm` or label selector: labels that nodes have under another name now, and `values` that no
    label can have."""
    for index, expression in enumerate(term.get("matchExpressions") or ()):
        key, where = expression.get("key"), f"{path}.matchExpressions[{index}]"
        if key in _LABELS:
            yield f"{where}.key: {key} is {_LABELS[key]}"
        for place, value in enumerate((expression.get("values") or ()) if values else ()):
            for problem in validation.label_value(value):
                yield f"{where}.values[{place}]: {value} is invalid, {problem}"
    for key in term.get("matchLabels") or ():
        if key in _LABELS:
            yield f"{path}.matchLabels.{key}: {_LABELS[key]}"


def label_warning(path: str, key: str | None) -> Iterator[str]:
    """Of a label of nodes that is named at a path."""
    if key in _LABELS:
        yield f"{path}: {_LABELS[key]}"


def _affinity_warnings(affinity: Object, path: str) -> Iterator[str]:
    for kind in ("podAffinity", "podAntiAffinity"):
        found = affinity.get(kind) or {}
        for index, term in enumerate(found.get(_REQUIRED) or ()):
            if term.get("labelSelector") is None:
                yield f"{path}.{kind}.{_REQUIRED}[{index}].labelSelector: {_NO_MATCH}"
        for index, term in enumerate(found.get(_PREFERRED) or ()):
            if (term.get("podAffinityTerm") or {}).get("labelSelector") is None:
                yield f"{path}.{kind}.{_PREFERRED}[{index}].podAffinityTerm.labelSelector: {_NO_MATCH}"


def _volume_warnings(volumes: Iterable[Object], path: str) -> Iterator[str]:
    for index, volume in enumerate(volumes):
        for name, text in _VOLUMES.items():
            if volume.get(name) is not None:
                yield f"{path}[{index}].{_SHOWN_VOLUMES.get(name, name)}: {text}"


def _repeated(items: Iterable[Object], field: str, word: str, path: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, item in enumerate(items):
        value = str(item.get(field) or "")
        if value in seen:
            yield f"{path}[{index}].{field}: duplicate {word} {validation.shown(value)}"
        seen.add(value)


def _fractions(amounts: Mapping[str, str], path: str) -> Iterator[str]:
    for name in _WHOLE:
        if name in amounts and quantity.parse(amounts[name]).denominator != 1:
            shown = validation.shown(str(amounts[name]))
            yield f"{path}[{name}]: fractional byte value {shown} is invalid, must be an integer"


def _container_warnings(
    container: Object, place: str, spec: Object, notes: Mapping[str, str], path: str
) -> Iterator[str]:
    context, name = container.get("securityContext") or {}, container.get("name")
    if notes:
        key = f"{_SECCOMP_OF}{name}"
        if key in notes and not context.get("seccompProfile"):
            text = 'non-functional in v1.27+; use the "seccompProfile" field instead'
            yield f"{path}metadata.annotations[{key}]: {text}"
        key = f"{APPARMOR_OF}{name}"
        if key in notes and _is_old_profile(notes[key], context, spec, template=bool(path)):
            text = 'deprecated since v1.30; use the "appArmorProfile" field instead'
            yield f"{path}metadata.annotations[{key}]: {text}"
    resources = container.get("resources") or {}
    for kind in ("limits", "requests"):
        yield from _fractions(resources.get(kind) or {}, f"{place}.resources.{kind}")
    seen: set[str] = set()
    for index, variable in enumerate(container.get("env") or ()):
        key, value = str(variable.get("name")), str(variable.get("value") or "")
        reference = f"$({key})"
        hides = variable.get("valueFrom") is not None or value == reference or reference not in value
        if key in seen and hides:
            shown = validation.shown(key)
            yield f"{place}.env[{index}]: hides previous definition of {shown}, which may be dropped when using apply"
        seen.add(key)


def _is_old_profile(note: str, context: Object, spec: Object, *, template: bool) -> bool:
    """Whether the annotation says of AppArmor what no field says; the field of a pod's container may come from it."""
    own, noted = context.get("appArmorProfile"), noted_profile(note)
    if template or noted is None:
        return own is None
    return own == noted and noted != (spec.get("securityContext") or {}).get("appArmorProfile")


def _port_warnings(spec: Object, path: str) -> Iterator[str]:
    known: dict[tuple[int, str], list[tuple[Object, str]]] = {}
    for container, place in _containers(spec, path):
        for index, port in enumerate(container.get("ports") or ()):
            where = f"{place}.ports[{index}]"
            if port.get("hostIP") and not port.get("hostPort"):
                yield f"{where}: hostIP set without hostPort: {_shown_port(port)}"
            others = known.setdefault((port.get("containerPort", 0), port.get("protocol", "")), [])
            for other, at_other in others:
                word = _clash(port, other)
                if word:
                    yield f"{where}: {word} port definition with {at_other}"
            others.append((port, where))


def _shown_port(port: Object) -> str:
    fields = ("name", "hostPort", "containerPort", "protocol", "hostIP")
    shown = (f"{name[0].upper()}{name[1:]}:{port.get(name, 0 if name.endswith('Port') else '')}" for name in fields)
    return f"{{{' '.join(shown)}}}"


def _port_name_warnings(spec: Object, path: str) -> Iterator[str]:
    known: dict[str, str] = {}
    for container, place in _containers(spec, path):
        for index, port in enumerate(container.get("ports") or ()):
            name, where = port.get("name") or "", f"{place}.ports[{index}]"
            if name and (first := known.setdefault(name, where)) != where:
                why = f"services and probes that select ports by name will use {first}"
                yield f"{where}: duplicate port name {validation.shown(name)} with {first}, {why}"


def _clash(one: Object, other: Object) -> str:
    ports = (one.get("hostPort") or 0, other.get("hostPort") or 0)
    addresses = (one.get("hostIP") or "", other.get("hostIP") or "")
    if ports[0] == ports[1] and addresses[0] == addresses[1]:
        return "duplicate"
    if 0 in ports:
        return "overlapping"
    return "dangerously ambiguous" if ports[0] == ports[1] and "" in addresses else ""
