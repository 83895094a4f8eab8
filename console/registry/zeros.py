"""Fields of Kubernetes' types that cannot tell nothing from an empty text, 0 or false.

Go holds them by value and leaves them out when they are zero, so a client written in Go that reads an object and sends
it back sends them no more. Stored as it came, `hostNetwork: false` would be a change then, which a pod refuses.
"""

from __future__ import annotations

from collections.abc import Mapping

# By type (group, version and name), the optional fields of texts, numbers and truth values that are no pointers.
_BY_VALUE: Mapping[str, str] = {
    "apiextensions.v1.CustomResourceColumnDefinition": "description format priority",
    "apiextensions.v1.CustomResourceDefinitionCondition": "message reason",
    "apiextensions.v1.CustomResourceDefinitionNames": "listKind singular",
    "apiextensions.v1.CustomResourceDefinitionSpec": "preserveUnknownFields",
    "apiextensions.v1.CustomResourceDefinitionVersion": "deprecated",
    "apiextensions.v1.ExternalDocumentation": "description url",
    "apiextensions.v1.JSONSchemaProps": (
        "$schema description exclusiveMaximum exclusiveMinimum format id nullable pattern title type uniqueItems "
        "x-kubernetes-embedded-resource x-kubernetes-int-or-string"
    ),
    "apiregistration.v1.APIServiceCondition": "message reason",
    "apiregistration.v1.APIServiceSpec": "group insecureSkipTLSVerify version",
    "apiregistration.v1.ServiceReference": "name namespace",
    "apps.v1.DaemonSetCondition": "message reason",
    "apps.v1.DaemonSetSpec": "minReadySeconds",
    "apps.v1.DaemonSetStatus": "numberAvailable numberUnavailable observedGeneration updatedNumberScheduled",
    "apps.v1.DaemonSetUpdateStrategy": "type",
    "apps.v1.DeploymentCondition": "message reason",
    "apps.v1.DeploymentSpec": "minReadySeconds paused",
    "apps.v1.DeploymentStatus": (
        "availableReplicas observedGeneration readyReplicas replicas unavailableReplicas updatedReplicas"
    ),
    "apps.v1.DeploymentStrategy": "type",
    "apps.v1.ReplicaSetCondition": "message reason",
    "apps.v1.ReplicaSetSpec": "minReadySeconds",
    "apps.v1.ReplicaSetStatus": "availableReplicas fullyLabeledReplicas observedGeneration readyReplicas",
    "apps.v1.StatefulSetCondition": "message reason",
    "apps.v1.StatefulSetSpec": "minReadySeconds podManagementPolicy",
    "apps.v1.StatefulSetStatus": (
        "currentReplicas currentRevision observedGeneration readyReplicas updateRevision updatedReplicas"
    ),
    "apps.v1.StatefulSetUpdateStrategy": "type",
    "authentication.v1.BoundObjectReference": "name uid",
    "authentication.v1.TokenReviewStatus": "authenticated error",
    "authentication.v1.UserInfo": "uid username",
    "authorization.v1.NonResourceAttributes": "path verb",
    "authorization.v1.ResourceAttributes": "group name namespace resource subresource verb version",
    "authorization.v1.SelfSubjectRulesReviewSpec": "namespace",
    "authorization.v1.SubjectAccessReviewSpec": "uid user",
    "authorization.v1.SubjectAccessReviewStatus": "denied evaluationError reason",
    "authorization.v1.SubjectRulesReviewStatus": "evaluationError",
    "autoscaling.v1.ScaleSpec": "replicas",
    "autoscaling.v1.ScaleStatus": "selector",
    "autoscaling.v2.CrossVersionObjectReference": "apiVersion",
    "autoscaling.v2.HorizontalPodAutoscalerCondition": "message reason",
    "batch.v1.CronJobSpec": "concurrencyPolicy",
    "batch.v1.JobCondition": "message reason",
    "batch.v1.JobStatus": "active failed succeeded",
    "certificates.v1.CertificateSigningRequestCondition": "message reason",
    "certificates.v1.CertificateSigningRequestSpec": "uid username",
    "core.v1.AWSElasticBlockStoreVolumeSource": "fsType partition readOnly",
    "core.v1.AzureFilePersistentVolumeSource": "readOnly",
    "core.v1.AzureFileVolumeSource": "readOnly",
    "core.v1.CSIPersistentVolumeSource": "fsType readOnly",
    "core.v1.CephFSPersistentVolumeSource": "path readOnly secretFile user",
    "core.v1.CephFSVolumeSource": "path readOnly secretFile user",
    "core.v1.CinderPersistentVolumeSource": "fsType readOnly",
    "core.v1.CinderVolumeSource": "fsType readOnly",
    "core.v1.ComponentCondition": "error message",
    "core.v1.ConfigMapEnvSource": "name",
    "core.v1.ConfigMapKeySelector": "name",
    "core.v1.ConfigMapNodeConfigSource": "resourceVersion uid",
    "core.v1.ConfigMapProjection": "name",
    "core.v1.ConfigMapVolumeSource": "name",
    "core.v1.Container": (
        "image imagePullPolicy stdin stdinOnce terminationMessagePath terminationMessagePolicy tty workingDir"
    ),
    "core.v1.ContainerImage": "sizeBytes",
    "core.v1.ContainerPort": "hostIP hostPort name protocol",
    "core.v1.ContainerStateTerminated": "containerID message reason signal",
    "core.v1.ContainerStateWaiting": "message reason",
    "core.v1.ContainerStatus": "containerID",
    "core.v1.EmptyDirVolumeSource": "medium",
    "core.v1.EndpointAddress": "hostname",
    "core.v1.EndpointPort": "name protocol",
    "core.v1.EnvFromSource": "prefix",
    "core.v1.EnvVar": "value",
    "core.v1.EphemeralContainer": (
        "image imagePullPolicy stdin stdinOnce targetContainerName terminationMessagePath "
        "terminationMessagePolicy tty workingDir"
    ),
    "core.v1.Event": "action count message reason type",
    "core.v1.EventSeries": "count",
    "core.v1.EventSource": "component host",
    "core.v1.FCVolumeSource": "fsType readOnly",
    "core.v1.FlexPersistentVolumeSource": "fsType readOnly",
    "core.v1.FlexVolumeSource": "fsType readOnly",
    "core.v1.FlockerVolumeSource": "datasetName datasetUUID",
    "core.v1.GCEPersistentDiskVolumeSource": "fsType partition readOnly",
    "core.v1.GitRepoVolumeSource": "directory revision",
    "core.v1.GlusterfsPersistentVolumeSource": "readOnly",
    "core.v1.GlusterfsVolumeSource": "readOnly",
    "core.v1.HTTPGetAction": "host path scheme",
    "core.v1.ISCSIPersistentVolumeSource": "chapAuthDiscovery chapAuthSession fsType iscsiInterface readOnly",
    "core.v1.ISCSIVolumeSource": "chapAuthDiscovery chapAuthSession fsType iscsiInterface readOnly",
    "core.v1.LoadBalancerIngress": "hostname ip",
    "core.v1.LocalObjectReference": "name",
    "core.v1.NFSVolumeSource": "readOnly",
    "core.v1.NamespaceCondition": "message reason",
    "core.v1.NamespaceStatus": "phase",
    "core.v1.NodeCondition": "message reason",
    "core.v1.NodeConfigStatus": "error",
    "core.v1.NodeSpec": "externalID podCIDR providerID unschedulable",
    "core.v1.NodeStatus": "phase",
    "core.v1.ObjectReference": "fieldPath name namespace resourceVersion uid",
    "core.v1.PersistentVolumeClaimCondition": "message reason",
    "core.v1.PersistentVolumeClaimSpec": "volumeName",
    "core.v1.PersistentVolumeClaimStatus": "phase",
    "core.v1.PersistentVolumeClaimVolumeSource": "readOnly",
    "core.v1.PersistentVolumeSpec": "persistentVolumeReclaimPolicy storageClassName",
    "core.v1.PersistentVolumeStatus": "message phase reason",
    "core.v1.PhotonPersistentDiskVolumeSource": "fsType",
    "core.v1.PodCondition": "message observedGeneration reason",
    "core.v1.PodDNSConfigOption": "name",
    "core.v1.PodSpec": (
        "dnsPolicy hostIPC hostNetwork hostPID hostname nodeName priorityClassName restartPolicy "
        "schedulerName serviceAccount serviceAccountName subdomain"
    ),
    "core.v1.PodStatus": "hostIP message nominatedNodeName observedGeneration phase podIP qosClass reason resize",
    "core.v1.PortworxVolumeSource": "fsType readOnly",
    "core.v1.Probe": "failureThreshold initialDelaySeconds periodSeconds successThreshold timeoutSeconds",
    "core.v1.QuobyteVolumeSource": "group readOnly tenant user",
    "core.v1.RBDPersistentVolumeSource": "fsType keyring pool readOnly user",
    "core.v1.RBDVolumeSource": "fsType keyring pool readOnly user",
    "core.v1.ReplicationControllerCondition": "message reason",
    "core.v1.ReplicationControllerSpec": "minReadySeconds",
    "core.v1.ReplicationControllerStatus": "availableReplicas fullyLabeledReplicas observedGeneration readyReplicas",
    "core.v1.ResourceFieldSelector": "containerName",
    "core.v1.SELinuxOptions": "level role type user",
    "core.v1.ScaleIOPersistentVolumeSource": (
        "fsType protectionDomain readOnly sslEnabled storageMode storagePool volumeName"
    ),
    "core.v1.ScaleIOVolumeSource": "fsType protectionDomain readOnly sslEnabled storageMode storagePool volumeName",
    "core.v1.Secret": "type",
    "core.v1.SecretEnvSource": "name",
    "core.v1.SecretKeySelector": "name",
    "core.v1.SecretProjection": "name",
    "core.v1.SecretReference": "name namespace",
    "core.v1.SecretVolumeSource": "secretName",
    "core.v1.ServiceAccountTokenProjection": "audience",
    "core.v1.ServicePort": "name nodePort protocol",
    "core.v1.ServiceSpec": (
        "clusterIP externalName externalTrafficPolicy healthCheckNodePort loadBalancerIP "
        "publishNotReadyAddresses sessionAffinity type"
    ),
    "core.v1.StorageOSPersistentVolumeSource": "fsType readOnly volumeName volumeNamespace",
    "core.v1.StorageOSVolumeSource": "fsType readOnly volumeName volumeNamespace",
    "core.v1.TCPSocketAction": "host",
    "core.v1.Taint": "value",
    "core.v1.Toleration": "effect key operator value",
    "core.v1.VolumeMount": "readOnly subPath subPathExpr",
    "core.v1.VsphereVirtualDiskVolumeSource": "fsType storagePolicyID storagePolicyName",
    "events.v1.Event": "action deprecatedCount note reason reportingController reportingInstance type",
    "meta.v1.Condition": "observedGeneration",
    "meta.v1.ManagedFieldsEntry": "fieldsType manager operation",
    "meta.v1.ObjectMeta": "generateName generation name namespace resourceVersion selfLink uid",
    "networking.v1.HTTPIngressPath": "path",
    "networking.v1.IngressClassSpec": "controller",
    "networking.v1.IngressRule": "host",
    "networking.v1.IngressTLS": "secretName",
    "networking.v1.ServiceBackendPort": "name number",
    "policy.v1.PodDisruptionBudgetStatus": "observedGeneration",
    "rbac.v1.Subject": "apiGroup namespace",
    "scheduling.v1.PriorityClass": "description globalDefault",
    "storage.v1.VolumeError": "message",
}  # fmt: skip
_ZEROS: Mapping[str, object] = {"string": "", "integer": 0, "number": 0, "boolean": False}


def held_by_value(name: str) -> frozenset[str]:
    """The fields of the type of that definition that are left out when they are zero."""
    return frozenset(_BY_VALUE.get(".".join(name.split(".")[-3:]), "").split())


def is_zero(shape: str, value: object) -> bool:
    """Whether a value is the zero of a field of that shape; a value of another type is none."""
    zero = _ZEROS.get(shape)
    return zero is not None and type(value) is type(zero) and value == zero
