"""What the kinds that make pods have in common: their pod template, their selector, and shares such as `25%`."""

from __future__ import annotations

from collections.abc import Sequence

from common.api import intstr, selectors
from common.api.meta import Object
from common.api.meta import annotations as annotations_of
from common.errors import Cause
from console.registry import validation

from .pod_defaults import default_pod_spec
from .pod_validation import validate_template

REVISION_HISTORY = 10  # old revisions kept, Kubernetes' default
CONTAINERS = "spec.template.spec.containers"
_PERCENT = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
    "regex used for validation is '[0-9]+%')"
)


def default_template(spec: Object) -> None:
    template = spec.setdefault("template", {})
    template.setdefault("metadata", {})
    default_pod_spec(template.setdefault("spec", {}))


def default_labels(obj: Object) -> None:
    """The labels of the template, for an object that brings none."""
    labels = (obj["spec"]["template"].get("metadata") or {}).get("labels") or {}
    if labels and not obj["metadata"].get("labels"):
        obj["metadata"]["labels"] = dict(labels)


def validate_selector(spec: Object, old: Object | None, word: str) -> list[Cause]:
    """A selector that is there, is not empty, fits the template and never changes; `word` is what messages call it."""
    wanted = spec.get("selector")
    # Of DaemonSets Kubernetes tells neither: what follows from it says enough.
    told = word != "daemonset"
    if wanted is None:
        # No selector is one that nothing matches, the template's labels neither.
        causes = [validation.required("spec.selector")] if told else []
        causes.append(mismatch(spec))
    elif causes := validation.label_selector("spec.selector", wanted):
        causes += [validation.wrong("spec.selector", wanted, "invalid label selector")] if told else []
    else:
        causes = _match(spec, wanted, word)
    if old is not None:
        causes += validation.unchanged("spec.selector", wanted, (old.get("spec") or {}).get("selector"))
    return causes


def _match(spec: Object, wanted: Object, word: str) -> list[Cause]:
    parsed = selectors.from_label_selector(wanted)
    if parsed.is_empty:
        return [validation.wrong("spec.selector", wanted, f"empty selector is invalid for {word}")]
    return [] if parsed.matches(template_labels(spec)) else [mismatch(spec)]


def template_labels(spec: Object) -> dict[str, str]:
    return (spec["template"].get("metadata") or {}).get("labels") or {}


def mismatch(spec: Object) -> Cause:
    labels = template_labels(spec)
    return validation.wrong("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")


def validate_pods(spec: Object, old: Object | None, kind: str, volumes: Sequence[str] = ()) -> list[Cause]:
    """The template of pods that always run; `kind` is what messages call their owner, which gives each pod `volumes`
    besides those of the template. `old` is the owner as it was."""
    template = _with_volumes(spec["template"], volumes)
    policy = template["spec"].get("restartPolicy")
    causes = validate_template(template, "spec.template", old and old["spec"]["template"])
    if policy in {"OnFailure", "Never"}:
        causes.append(validation.unsupported("spec.template.spec.restartPolicy", policy, ("Always",)))
    if template["spec"].get("activeDeadlineSeconds") is not None:
        path, text = "spec.template.spec.activeDeadlineSeconds", f"activeDeadlineSeconds in {kind} is not Supported"
        causes.append(validation.forbidden(path, text))
    return causes


def _with_volumes(template: Object, volumes: Sequence[str]) -> Object:
    if not volumes:
        return template
    declared = [volume for volume in template["spec"].get("volumes") or () if volume.get("name") not in volumes]
    given = [{"name": name, "emptyDir": {}} for name in volumes]
    return {**template, "spec": {**template["spec"], "volumes": [*declared, *given]}}


def validate_switch(workload: Object, annotation: str) -> list[Cause]:
    """An annotation of ours that turns something on or off."""
    found = annotations_of(workload).get(annotation)
    if found in {None, "true", "false"}:
        return []
    return [validation.unsupported(f"metadata.annotations[{annotation}]", found, ("false", "true"))]


def validate_share(path: str, value: int | str, *, limited: bool) -> list[Cause]:
    """A number or a percentage, of at most 100 % when `limited`."""
    if isinstance(value, int):
        return validation.non_negative(path, value)
    try:
        share = intstr.scaled(value, 100, round_up=True)
    except ValueError:
        return [validation.wrong(path, value, _PERCENT)]
    return [validation.wrong(path, value, "must not be greater than 100%")] if limited and share > 100 else []


def is_zero(value: int | str) -> bool:
    """Whether a valid share is none."""
    return intstr.scaled(value, 100, round_up=True) == 0
