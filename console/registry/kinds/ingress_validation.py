"""What Ingresses and IngressClasses must satisfy, in the words of networking.k8s.io/v1."""

from __future__ import annotations

import re

from common.api import meta
from common.api.ingressclass import CLASS_ANNOTATION
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.row import Context

from . import address_forms
from .addresses import balancers

PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
MAX_CONTROLLER = 250
_NEVER_IN_PATH = ("//", "/./", "/../", "%2f", "%2F")
_NEVER_AT_END = ("/..", "/.")
_CONTROLLER_PATH = re.compile(r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+")


def validate_ingress(new: Object, old: Object | None, context: Context) -> list[Cause]:
    if context.subresource == "status":
        return _validate_status(new, old)
    spec = new["spec"]
    causes: list[Cause] = []
    rules, default = spec.get("rules") or [], spec.get("defaultBackend")
    if not rules and default is None:
        causes.append(validation.wrong("spec", None, "either `defaultBackend` or `rules` must be specified"))
    if default is not None:
        causes += _validate_backend("spec.defaultBackend", default)
    for index, rule in enumerate(rules):
        causes += _validate_rule(f"spec.rules[{index}]", rule)
    for index, tls in enumerate(spec.get("tls") or ()):
        causes += _validate_tls(f"spec.tls[{index}]", tls)
    named = spec.get("ingressClassName")
    if named is not None:
        causes += validation.each("spec.ingressClassName", named, validation.dns_subdomain(named))
    annotation = meta.annotations(new).get(CLASS_ANNOTATION)
    if old is None and named is not None and annotation is not None:
        problem = "can not be set when the class field is also set"
        causes.append(validation.wrong(f"annotations.{CLASS_ANNOTATION}", annotation, problem))
    return causes


def _validate_rule(path: str, rule: Object) -> list[Cause]:
    causes: list[Cause] = []
    host = rule.get("host") or ""
    if host:
        causes += _validate_host(f"{path}.host", host)
    http = rule.get("http")
    if http is None:
        return causes
    paths = http.get("paths") or []
    if not paths:
        causes.append(validation.required(f"{path}.http.paths"))
    for index, entry in enumerate(paths):
        causes += _validate_path(f"{path}.http.paths[{index}]", entry)
    return causes


def _validate_host(path: str, host: str) -> list[Cause]:
    if "*" in host:
        return validation.each(path, host, validation.wildcard_subdomain(host))
    causes = (
        [validation.wrong(path, host, "must be a DNS name, not an IP address")]
        if address_forms.is_address(host)
        else []
    )
    return causes + validation.each(path, host, validation.dns_subdomain(host))


def _validate_path(path: str, entry: Object) -> list[Cause]:
    kind = entry.get("pathType")
    if kind is None:
        return [validation.required(f"{path}.pathType", "pathType must be specified")]
    causes: list[Cause] = []
    text, where = entry.get("path") or "", f"{path}.path"
    if kind not in PATH_TYPES:
        causes.append(validation.unsupported(f"{path}.pathType", kind, PATH_TYPES))
    elif not text.startswith("/") and (text or kind != "ImplementationSpecific"):
        causes.append(validation.wrong(where, text, "must be an absolute path"))
    if kind in {"Exact", "Prefix"}:
        causes += [
            validation.wrong(where, text, f"must not contain '{part}'") for part in _NEVER_IN_PATH if part in text
        ]
        causes += [
            validation.wrong(where, text, f"cannot end with '{part}'") for part in _NEVER_AT_END if text.endswith(part)
        ]
    return causes + _validate_backend(f"{path}.backend", entry.get("backend") or {})


def _validate_backend(path: str, backend: Object) -> list[Cause]:
    resource, service = backend.get("resource"), backend.get("service")
    if resource is not None and service is not None:
        return [validation.wrong(path, "", "cannot set both resource and service backends")]
    if resource is not None:
        return _validate_reference(f"{path}.resource", resource)
    if service is None:
        return [validation.wrong(path, "", "resource or service backend is required")]
    return _validate_service(path, service)


def _validate_service(path: str, service: Object) -> list[Cause]:
    name = service.get("name") or ""
    causes = validation.name_field(f"{path}.service.name", name, validation.dns_1035_label)
    port = service.get("port") or {}
    port_name, number = port.get("name") or "", port.get("number") or 0
    if port_name and number:
        causes.append(validation.wrong(path, "", "cannot set both port name & port number"))
    elif port_name:
        causes += validation.each(f"{path}.service.port.name", port_name, validation.port_name(port_name))
    elif number:
        causes += validation.port_number(f"{path}.service.port.number", number)
    else:
        causes.append(validation.required(path, "port name or number is required"))
    return causes


def _validate_reference(path: str, reference: Object) -> list[Cause]:
    causes: list[Cause] = []
    group = reference.get("apiGroup")
    if group:
        causes += validation.each(f"{path}.apiGroup", group, validation.dns_subdomain(group))
    for name in ("kind", "name"):
        value = reference.get(name) or ""
        if not value:
            causes.append(validation.required(f"{path}.{name}", f"{name} is required"))
        elif value in {".", ".."} or {"/", "%"} & set(value):
            causes.append(validation.wrong(f"{path}.{name}", value, "may not be '.' or '..' or contain '/' or '%'"))
    return causes


def _validate_tls(path: str, tls: Object) -> list[Cause]:
    causes: list[Cause] = []
    for index, host in enumerate(tls.get("hosts") or ()):
        check = validation.wildcard_subdomain if "*" in host else validation.dns_subdomain
        causes += validation.each(f"{path}.hosts[{index}]", host, check(host))
    secret = tls.get("secretName")
    if secret:
        causes += validation.each(f"{path}.secretName", secret, validation.dns_subdomain(secret))
    return causes


def _validate_status(new: Object, old: Object | None) -> list[Cause]:
    causes: list[Cause] = []
    known = {str(entry.get("ip")) for entry in balancers(old or {})}
    for index, entry in enumerate(balancers(new)):
        path = f"status.loadBalancer.ingress[{index}]"
        address, host = entry.get("ip") or "", entry.get("hostname") or ""
        if address:
            causes += address_forms.ip(f"{path}.ip", address, known)
        if host:
            causes += validation.each(f"{path}.hostname", host, validation.dns_subdomain(host))
        if address_forms.is_address(host):
            causes.append(validation.wrong(f"{path}.hostname", host, "must be a DNS name, not an IP address"))
    return causes


def validate_class(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    spec = new["spec"]
    controller = spec.get("controller") or ""
    causes: list[Cause] = []
    if old is not None:
        before = (old.get("spec") or {}).get("controller") or ""
        causes += validation.unchanged("spec.controller", controller, before)
    if len(controller) > MAX_CONTROLLER:
        causes.append(validation.too_long("spec.controller", MAX_CONTROLLER))
    causes += _validate_controller(controller)
    if spec.get("parameters") is not None:
        causes += _validate_parameters("spec.parameters", spec["parameters"])
    return causes


def _validate_controller(text: str) -> list[Cause]:
    if not text:
        return [validation.required("spec.controller")]
    host, _, path = text.partition("/")
    if not host or not path:
        return [validation.wrong("spec.controller", text, 'must be a domain-prefixed path (such as "acme.io/foo")')]
    causes = validation.each("spec.controller", host, validation.dns_subdomain(host))
    if not _CONTROLLER_PATH.fullmatch(path):
        problem = f"Invalid path (regex used for validation is '{_CONTROLLER_PATH.pattern}')"
        causes.append(validation.wrong("spec.controller", path, problem))
    return causes


def _validate_parameters(path: str, parameters: Object) -> list[Cause]:
    causes = _validate_reference(path, parameters)
    scope, space = parameters.get("scope"), parameters.get("namespace")
    if scope not in {"Cluster", "Namespace"}:
        return [*causes, validation.unsupported(f"{path}.scope", scope, ("Cluster", "Namespace"))]
    if scope == "Namespace" and not space:
        causes.append(validation.required(f"{path}.namespace", "`parameters.scope` is set to 'Namespace'"))
    elif scope == "Cluster" and space is not None:
        causes.append(validation.forbidden(f"{path}.namespace", "`parameters.scope` is set to 'Cluster'"))
    elif space:
        causes += validation.each(f"{path}.namespace", space, validation.dns_label(space))
    return causes
