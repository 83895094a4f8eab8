"""A controller on the `kubernetes` client, of which one replica leads: it counts the gardens of its namespace in a
ConfigMap, and says there who counted."""

# mypy: ignore-errors
from __future__ import annotations

import os
import time

import kubernetes
from kubernetes.client.rest import ApiException
from kubernetes.leaderelection.electionconfig import Config
from kubernetes.leaderelection.leaderelection import LeaderElection
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock

SPACE, ME = os.environ["NAMESPACE"], os.environ["POD"]


def lead():
    core, custom = kubernetes.client.CoreV1Api(), kubernetes.client.CustomObjectsApi()
    print(f"{ME} leads", flush=True)
    while True:
        found = custom.list_namespaced_custom_object("strangers.example.com", "v1", SPACE, "gardens")["items"]
        body = {"metadata": {"name": "counted"}, "data": {"gardens": str(len(found)), "by": ME}}
        try:
            core.patch_namespaced_config_map("counted", SPACE, body)
        except ApiException as error:
            if error.status != 404:
                raise
            core.create_namespaced_config_map(SPACE, body)
        time.sleep(0.5)


kubernetes.config.load_incluster_config()
lock = LeaseLock("electing", SPACE, ME)
LeaderElection(
    Config(lock, lease_duration=6, renew_deadline=5, retry_period=1, onstarted_leading=lead, onstopped_leading=None)
).run()
