"""Fits: questions where replicas of a pod, or the pods of a node that is drained, would land, answered by the scheduler
and kept nowhere.

The pod is admitted like one that is really made, so that defaults and priority count and mistakes are named.
"""

from __future__ import annotations

from common.api.kinds import PODS
from common.api.meta import Object
from common.api.pods import node_name
from common.errors import NotFound, ServiceUnavailable
from console.registry import admission
from console.registry.catalog import Registry

from .backends import Explainer
from .caller import Caller
from .verbs import Verbs


class Fitting:
    def __init__(self, verbs: Verbs, registry: Registry, explainer: Explainer | None) -> None:
        self._verbs = verbs
        self._registry = registry
        self._explainer = explainer

    def answer(self, caller: Caller, question: Object) -> Object:
        """The status. Raises what admission raises for the pod, ServiceUnavailable without a scheduler."""
        if self._explainer is None:
            raise ServiceUnavailable("this API server is not connected to a scheduler")
        spec = question["spec"]
        if "drain" in spec:
            return {"moves": self._explainer.moves(spec["drain"]["node"], self._leaving(spec["drain"]))}
        template = spec["template"]
        found = template.get("metadata") or {}
        metadata = {
            "name": "fit",
            "namespace": spec.get("namespace") or "default",
            "labels": found.get("labels") or {},
            "annotations": found.get("annotations") or {},
        }
        made = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
        pod = admission.admit_create(self._registry.row_for(PODS), made, self._verbs.context(caller))
        return self._explainer.fit(pod, int(spec.get("replicas", 1)))

    def _leaving(self, drain: Object) -> list[Object]:
        """The named pods that are on the node still, in the order of the question."""
        row, found = self._registry.row_for(PODS), []
        for asked in drain.get("pods") or ():
            try:
                pod = self._verbs.get(row, asked["namespace"], asked["name"]).obj
            except NotFound:
                continue
            if node_name(pod) == drain["node"]:
                found.append(pod)
        return found
