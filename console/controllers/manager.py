"""Makes, starts and closes all controllers, on one set of informers and one event recorder."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from common.api.kinds import EVENTS, Resource
from common.client import Client, SharedInformers
from common.clock import Clock
from common.events import Recorder
from common.pki import LIFETIME
from common.settings import ClusterConfig

from .aggregated import Aggregated
from .base import Controller, Kit
from .certificateapproval import Allowed, CertificateApprovalController
from .certificates import CertificateController, Sign
from .clusterroleaggregation import ClusterRoleAggregationController
from .configrollout import ConfigRolloutController
from .cronjob import CronJobController
from .daemonset import DaemonSetController
from .deployment import DeploymentController
from .disruption import DisruptionController
from .endpointslice import (
    ApiEndpointsController,
    EndpointsController,
    EndpointSliceController,
    MirroringController,
)
from .ephemeralvolume import EphemeralVolumeController
from .eventttl import EventLifetimeController
from .fencing import FencingController
from .garbagecollector import GarbageCollector
from .horizontalpodautoscaler import HorizontalPodAutoscalerController
from .ingress import IngressController
from .job import JobController
from .jobttl import JobLifetimeController
from .namespace import NamespaceController
from .namespacedefaults import RootCaPublisher, ServiceAccountController
from .nodeipam import NodeIpamController
from .nodelifecycle import NodeLifecycleController
from .persistentvolume import PersistentVolumeController
from .podgc import PodGarbageCollector
from .replicaset import ReplicaSetController, ReplicationControllerController
from .resourceclaims import ClaimReservationController, PodClaimController
from .resourcequota import ResourceQuotaController
from .serviceaccounttokens import Issue, TokenController
from .serviceaddresses import ServiceAddressController, ServiceRangeController
from .servicelb import ServiceBalancerController
from .statefulset import StatefulSetController
from .storageprotection import ClaimProtection, VolumeProtection


class Controllers:
    """All controllers as one component; `owns_informers` when those end with it."""

    def __init__(self, kit: Kit, controllers: Sequence[Controller[Any]], *, owns_informers: bool) -> None:
        self.controllers = list(controllers)
        self._kit = kit
        self._owns_informers = owns_informers

    def start(self) -> None:
        self._kit.events.start()
        self._kit.informers.start()
        for controller in self.controllers:
            controller.start()

    async def close(self) -> None:
        """Stop acting, then stop mirroring."""
        await asyncio.gather(*(controller.close() for controller in self.controllers))
        if self._owns_informers:
            await self._kit.informers.close()
        await self._kit.events.close()


def all_controllers(
    client: Client,
    clock: Clock,
    config: ClusterConfig,
    *,
    resources: Sequence[Resource],
    ca_pem: str = "",
    issue_token: Issue | None = None,
    sign: Sign | None = None,
    allowed: Allowed | None = None,
    informers: SharedInformers | None = None,
    aggregated: Aggregated | None = None,
    versions: Mapping[Resource, Resource] | None = None,
) -> Controllers:
    """`resources` are all that the API keeps: their objects are garbage collected, and emptied out of a namespace that
    ends; references to owners may name them in other `versions`. Events own nothing and are not owned, as they
    outlive what they are about. Without `ca_pem` no kube-root-ca.crt is published, without `issue_token` Secrets
    for tokens stay empty, without `sign` approved requests for certificates wait, without `allowed` no node's is
    approved. `informers` are those of the process, which whoever made them closes; so is `aggregated`, without which
    objects of servers behind ours are neither collected nor emptied out of namespaces."""
    owned = [resource for resource in resources if resource.group_resource != EVENTS.group_resource]
    mirrors = informers or SharedInformers(client, clock)
    kit = Kit(client, mirrors, clock, Recorder(client, clock, "kube-controller-manager"))
    controllers: list[Controller[Any]] = [
        DeploymentController(kit),
        ReplicaSetController(kit),
        ReplicationControllerController(kit),
        StatefulSetController(kit),
        DaemonSetController(kit),
        ConfigRolloutController(kit),
        JobController(kit),
        CronJobController(kit),
        JobLifetimeController(kit),
        EndpointSliceController(kit),
        EndpointsController(kit),
        MirroringController(kit),
        ApiEndpointsController(kit, config),
        ServiceBalancerController(kit, config),
        ServiceAddressController(kit),
        ServiceRangeController(kit),
        IngressController(kit),
        NodeLifecycleController(kit),
        FencingController(kit),
        NodeIpamController(kit, config),
        HorizontalPodAutoscalerController(kit, resources),
        GarbageCollector(kit, owned, aggregated, versions),
        PodGarbageCollector(kit),
        PodClaimController(kit),
        ClaimReservationController(kit),
        NamespaceController(kit, resources, aggregated),
        ServiceAccountController(kit),
        ClusterRoleAggregationController(kit),
        EventLifetimeController(kit),
        PersistentVolumeController(kit),
        EphemeralVolumeController(kit),
        DisruptionController(kit),
        ResourceQuotaController(kit, owned),
        ClaimProtection(kit),
        VolumeProtection(kit),
    ]
    if ca_pem:
        controllers.append(RootCaPublisher(kit, ca_pem))
    if issue_token is not None:
        controllers.append(TokenController(kit, ca_pem, issue_token))
    if sign is not None:
        controllers.append(CertificateController(kit, sign, LIFETIME))
    if allowed is not None:
        controllers.append(CertificateApprovalController(kit, allowed))
    return Controllers(kit, controllers, owns_informers=informers is None)
