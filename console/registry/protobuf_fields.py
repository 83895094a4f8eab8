"""Field numbers of Kubernetes' protobuf messages: facts of the published API.

Types are not repeated here, they are those of the schema. A star marks a field that can be present and zero (a pointer
in Kubernetes' own types): zeroes of all others mean absent. A plus marks a message whose fields are those of the
message around it. A number that is not listed is refused, never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

_OBJECT = "1:metadata 2:spec 3:status"
_KEY_REFERENCE = "1:+core.v1.LocalObjectReference 2:key 3:optional*"
_ENV_REFERENCE = "1:+core.v1.LocalObjectReference 2:optional*"
_PROJECTION = "1:+core.v1.LocalObjectReference 2:items 4:optional*"
_REQUIRED_PREFERRED = (
    "1:requiredDuringSchedulingIgnoredDuringExecution 2:preferredDuringSchedulingIgnoredDuringExecution"
)
_CONTAINER = (
    "1:name 2:image 3:command 4:args 5:workingDir 6:ports 7:env 8:resources 9:volumeMounts 10:livenessProbe "
    "11:readinessProbe 12:lifecycle 13:terminationMessagePath 14:imagePullPolicy 15:securityContext 16:stdin "
    "17:stdinOnce 18:tty 19:envFrom 20:terminationMessagePolicy 21:volumeDevices 22:startupProbe 23:resizePolicy "
    "24:restartPolicy* 25:restartPolicyRules"
)

_MESSAGES = {
    "meta.v1.ObjectMeta": (
        "1:name 2:generateName 3:namespace 4:selfLink 5:uid 6:resourceVersion 7:generation 8:creationTimestamp "
        "9:deletionTimestamp 10:deletionGracePeriodSeconds* 11:labels 12:annotations 13:ownerReferences 14:finalizers "
        "17:managedFields"
    ),
    "meta.v1.OwnerReference": "1:kind 3:name 4:uid 5:apiVersion 6:controller* 7:blockOwnerDeletion*",
    "meta.v1.ManagedFieldsEntry": "1:manager 2:operation 3:apiVersion 4:time 6:fieldsType 7:fieldsV1 8:subresource",
    "meta.v1.LabelSelector": "1:matchLabels 2:matchExpressions",
    "meta.v1.LabelSelectorRequirement": "1:key 2:operator 3:values",
    "meta.v1.Condition": "1:type 2:status 3:observedGeneration 4:lastTransitionTime 5:reason 6:message",
    "core.v1.Namespace": _OBJECT,
    "core.v1.NamespaceSpec": "1:finalizers",
    "core.v1.NamespaceStatus": "1:phase 2:conditions",
    "core.v1.NamespaceCondition": "1:type 2:status 4:lastTransitionTime 5:reason 6:message",
    "core.v1.ResourceQuota": _OBJECT,
    "core.v1.ResourceQuotaSpec": "1:hard 2:scopes 3:scopeSelector",
    "core.v1.ResourceQuotaStatus": "1:hard 2:used",
    "core.v1.ScopeSelector": "1:matchExpressions",
    "core.v1.ScopedResourceSelectorRequirement": "1:scopeName 2:operator 3:values",
    "core.v1.LimitRange": "1:metadata 2:spec",
    "core.v1.LimitRangeSpec": "1:limits",
    "core.v1.LimitRangeItem": "1:type 2:max 3:min 4:default 5:defaultRequest 6:maxLimitRequestRatio",
    "core.v1.PodTemplate": "1:metadata 2:template",
    "core.v1.ConfigMap": "1:metadata 2:data 3:binaryData 4:immutable*",
    "core.v1.Secret": "1:metadata 2:data 3:type 4:stringData 5:immutable*",
    "core.v1.ServiceAccount": "1:metadata 2:secrets 3:imagePullSecrets 4:automountServiceAccountToken*",
    "core.v1.ObjectReference": "1:kind 2:namespace 3:name 4:uid 5:apiVersion 6:resourceVersion 7:fieldPath",
    "core.v1.LocalObjectReference": "1:name",
    "core.v1.Service": _OBJECT,
    "core.v1.ServiceSpec": (
        "1:ports 2:selector 3:clusterIP 4:type 5:externalIPs 7:sessionAffinity 8:loadBalancerIP "
        "9:loadBalancerSourceRanges 10:externalName 11:externalTrafficPolicy 12:healthCheckNodePort "
        "13:publishNotReadyAddresses 14:sessionAffinityConfig 17:ipFamilyPolicy* 18:clusterIPs 19:ipFamilies "
        "20:allocateLoadBalancerNodePorts* 21:loadBalancerClass* 22:internalTrafficPolicy* 23:trafficDistribution*"
    ),
    "core.v1.ServicePort": "1:name 2:protocol 3:port 4:targetPort 5:nodePort 6:appProtocol*",
    "core.v1.SessionAffinityConfig": "1:clientIP",
    "core.v1.ClientIPConfig": "1:timeoutSeconds*",
    "core.v1.ServiceStatus": "1:loadBalancer 2:conditions",
    "core.v1.LoadBalancerStatus": "1:ingress",
    "core.v1.LoadBalancerIngress": "1:ip 2:hostname 3:ipMode* 4:ports",
    "core.v1.PortStatus": "1:port 2:protocol 3:error*",
    "core.v1.Endpoints": "1:metadata 2:subsets",
    "core.v1.EndpointSubset": "1:addresses 2:notReadyAddresses 3:ports",
    "core.v1.EndpointAddress": "1:ip 2:targetRef 3:hostname 4:nodeName*",
    "core.v1.EndpointPort": "1:name 2:port 3:protocol 4:appProtocol*",
    "policy.v1.PodDisruptionBudget": _OBJECT,
    "policy.v1.PodDisruptionBudgetSpec": "1:minAvailable 2:selector 3:maxUnavailable 4:unhealthyPodEvictionPolicy*",
    "policy.v1.PodDisruptionBudgetStatus": (
        "1:observedGeneration 2:disruptedPods 3:disruptionsAllowed 4:currentHealthy 5:desiredHealthy 6:expectedPods "
        "7:conditions"
    ),
    "core.v1.Event": (
        "1:metadata 2:involvedObject 3:reason 4:message 5:source 6:firstTimestamp 7:lastTimestamp 8:count 9:type "
        "10:eventTime 11:series 12:action 13:related 14:reportingComponent 15:reportingInstance"
    ),
    "core.v1.EventSource": "1:component 2:host",
    "core.v1.EventSeries": "1:count 2:lastObservedTime",
    "autoscaling.v1.HorizontalPodAutoscaler": _OBJECT,
    "autoscaling.v1.HorizontalPodAutoscalerSpec": (
        "1:scaleTargetRef 2:minReplicas* 3:maxReplicas 4:targetCPUUtilizationPercentage*"
    ),
    "autoscaling.v1.CrossVersionObjectReference": "1:kind 2:name 3:apiVersion",
    "autoscaling.v1.HorizontalPodAutoscalerStatus": (
        "1:observedGeneration* 2:lastScaleTime 3:currentReplicas 4:desiredReplicas 5:currentCPUUtilizationPercentage*"
    ),
    "autoscaling.v2.HorizontalPodAutoscaler": _OBJECT,
    "autoscaling.v2.HorizontalPodAutoscalerSpec": (
        "1:scaleTargetRef 2:minReplicas* 3:maxReplicas 4:metrics 5:behavior"
    ),
    "autoscaling.v2.CrossVersionObjectReference": "1:kind 2:name 3:apiVersion",
    "autoscaling.v2.HorizontalPodAutoscalerStatus": (
        "1:observedGeneration* 2:lastScaleTime 3:currentReplicas 4:desiredReplicas"
    ),
    "autoscaling.v2.MetricSpec": "1:type 2:object 3:pods 4:resource 5:external 7:containerResource",
    "autoscaling.v2.MetricTarget": "1:type 2:value* 3:averageValue* 4:averageUtilization*",
    "autoscaling.v2.MetricIdentifier": "1:name 2:selector",
    "autoscaling.v2.ResourceMetricSource": "1:name 2:target",
    "autoscaling.v2.ContainerResourceMetricSource": "1:name 2:target 3:container",
    "autoscaling.v2.PodsMetricSource": "1:metric 2:target",
    "autoscaling.v2.ObjectMetricSource": "1:describedObject 2:target 3:metric",
    "autoscaling.v2.ExternalMetricSource": "1:metric 2:target",
    "autoscaling.v2.HorizontalPodAutoscalerBehavior": "1:scaleUp 2:scaleDown",
    "autoscaling.v2.HPAScalingRules": "1:selectPolicy* 2:policies 3:stabilizationWindowSeconds* 4:tolerance*",
    "autoscaling.v2.HPAScalingPolicy": "1:type 2:value 3:periodSeconds",
    "core.v1.Pod": _OBJECT,
    "core.v1.PodTemplateSpec": "1:metadata 2:spec",
    "core.v1.PodSpec": (
        "1:volumes 2:containers 3:restartPolicy 4:terminationGracePeriodSeconds* 5:activeDeadlineSeconds* 6:dnsPolicy "
        "7:nodeSelector 8:serviceAccountName 9:serviceAccount 10:nodeName 11:hostNetwork 12:hostPID 13:hostIPC "
        "14:securityContext 15:imagePullSecrets 16:hostname 17:subdomain 18:affinity 19:schedulerName "
        "20:initContainers 21:automountServiceAccountToken* 22:tolerations 23:hostAliases 24:priorityClassName "
        "25:priority* 26:dnsConfig 27:shareProcessNamespace* 28:readinessGates 29:runtimeClassName* "
        "30:enableServiceLinks* 31:preemptionPolicy* 32:overhead 33:topologySpreadConstraints 34:ephemeralContainers "
        "35:setHostnameAsFQDN* 36:os 37:hostUsers* 38:schedulingGates 39:resourceClaims 40:resources "
        "41:hostnameOverride*"
    ),
    "core.v1.PodStatus": (
        "1:phase 2:conditions 3:message 4:reason 5:hostIP 6:podIP 7:startTime 9:qosClass 11:nominatedNodeName 12:podIPs"
    ),
    "core.v1.PodIP": "1:ip",
    "core.v1.PodCondition": "1:type 2:status 3:lastProbeTime 4:lastTransitionTime 5:reason 6:message",
    "core.v1.Container": _CONTAINER,
    "core.v1.EphemeralContainer": "1:+core.v1.Container 2:targetContainerName",
    "core.v1.ContainerPort": "1:name 2:hostPort 3:containerPort 4:protocol 5:hostIP",
    "core.v1.ContainerResizePolicy": "1:resourceName 2:restartPolicy",
    "core.v1.EnvVar": "1:name 2:value 3:valueFrom",
    "core.v1.EnvVarSource": "1:fieldRef 2:resourceFieldRef 3:configMapKeyRef 4:secretKeyRef",
    "core.v1.EnvFromSource": "1:prefix 2:configMapRef 3:secretRef",
    "core.v1.ObjectFieldSelector": "1:apiVersion 2:fieldPath",
    "core.v1.ResourceFieldSelector": "1:containerName 2:resource 3:divisor",
    "core.v1.ConfigMapKeySelector": _KEY_REFERENCE,
    "core.v1.SecretKeySelector": _KEY_REFERENCE,
    "core.v1.ConfigMapEnvSource": _ENV_REFERENCE,
    "core.v1.SecretEnvSource": _ENV_REFERENCE,
    "core.v1.ResourceRequirements": "1:limits 2:requests 3:claims",
    "core.v1.ResourceClaim": "1:name 2:request",
    "core.v1.Probe": (
        "1:+core.v1.ProbeHandler 2:initialDelaySeconds 3:timeoutSeconds 4:periodSeconds 5:successThreshold "
        "6:failureThreshold 7:terminationGracePeriodSeconds*"
    ),
    "core.v1.ProbeHandler": "1:exec 2:httpGet 3:tcpSocket 4:grpc",
    "core.v1.Lifecycle": "1:postStart 2:preStop 3:stopSignal*",
    "core.v1.LifecycleHandler": "1:exec 2:httpGet 3:tcpSocket 4:sleep",
    "core.v1.ExecAction": "1:command",
    "core.v1.HTTPGetAction": "1:path 2:port 3:host 4:scheme 5:httpHeaders",
    "core.v1.HTTPHeader": "1:name 2:value",
    "core.v1.TCPSocketAction": "1:port 2:host",
    "core.v1.GRPCAction": "1:port 2:service*",
    "core.v1.SleepAction": "1:seconds",
    "core.v1.SecurityContext": (
        "1:capabilities 2:privileged* 3:seLinuxOptions 4:runAsUser* 5:runAsNonRoot* 6:readOnlyRootFilesystem* "
        "7:allowPrivilegeEscalation* 8:runAsGroup* 9:procMount* 11:seccompProfile 12:appArmorProfile"
    ),
    "core.v1.PodSecurityContext": (
        "1:seLinuxOptions 2:runAsUser* 3:runAsNonRoot* 4:supplementalGroups 5:fsGroup* 6:runAsGroup* 7:sysctls "
        "9:fsGroupChangePolicy* 10:seccompProfile 11:appArmorProfile 12:supplementalGroupsPolicy* "
        "13:seLinuxChangePolicy*"
    ),
    "core.v1.Capabilities": "1:add 2:drop",
    "core.v1.SELinuxOptions": "1:user 2:role 3:type 4:level",
    "core.v1.SeccompProfile": "1:type 2:localhostProfile*",
    "core.v1.AppArmorProfile": "1:type 2:localhostProfile*",
    "core.v1.Sysctl": "1:name 2:value",
    "core.v1.VolumeMount": (
        "1:name 2:readOnly 3:mountPath 4:subPath 5:mountPropagation* 6:subPathExpr 7:recursiveReadOnly*"
    ),
    "core.v1.VolumeDevice": "1:name 2:devicePath",
    "core.v1.Volume": "1:name 2:+core.v1.VolumeSource",
    "core.v1.VolumeSource": (
        "1:hostPath 2:emptyDir 6:secret 7:nfs 10:persistentVolumeClaim 16:downwardAPI 19:configMap 26:projected 28:csi "
        "29:ephemeral"
    ),
    "core.v1.EphemeralVolumeSource": "1:volumeClaimTemplate",
    "core.v1.PersistentVolumeClaimTemplate": "1:metadata 2:spec",
    "core.v1.PersistentVolume": _OBJECT,
    "core.v1.PersistentVolumeSpec": (
        "1:capacity 2:+core.v1.PersistentVolumeSource 3:accessModes 4:claimRef 5:persistentVolumeReclaimPolicy "
        "6:storageClassName 7:mountOptions 8:volumeMode* 9:nodeAffinity 10:volumeAttributesClassName*"
    ),
    "core.v1.PersistentVolumeSource": "3:hostPath 5:nfs 20:local 22:csi",
    "core.v1.LocalVolumeSource": "1:path 2:fsType*",
    "core.v1.CSIPersistentVolumeSource": (
        "1:driver 2:volumeHandle 3:readOnly 4:fsType 5:volumeAttributes 6:controllerPublishSecretRef "
        "7:nodeStageSecretRef 8:nodePublishSecretRef 9:controllerExpandSecretRef 10:nodeExpandSecretRef"
    ),
    "core.v1.SecretReference": "1:name 2:namespace",
    "core.v1.VolumeNodeAffinity": "1:required",
    "core.v1.PersistentVolumeStatus": "1:phase 2:message 3:reason 4:lastPhaseTransitionTime",
    "core.v1.PersistentVolumeClaim": _OBJECT,
    "core.v1.PersistentVolumeClaimSpec": (
        "1:accessModes 2:resources 3:volumeName 4:selector 5:storageClassName* 6:volumeMode* 7:dataSource "
        "8:dataSourceRef 9:volumeAttributesClassName*"
    ),
    "core.v1.VolumeResourceRequirements": "1:limits 2:requests",
    "core.v1.TypedLocalObjectReference": "1:apiGroup* 2:kind 3:name",
    "core.v1.TypedObjectReference": "1:apiGroup* 2:kind 3:name 4:namespace*",
    "core.v1.PersistentVolumeClaimStatus": (
        "1:phase 2:accessModes 3:capacity 4:conditions 5:allocatedResources 7:allocatedResourceStatuses "
        "8:currentVolumeAttributesClassName* 9:modifyVolumeStatus"
    ),
    "core.v1.PersistentVolumeClaimCondition": (
        "1:type 2:status 3:lastProbeTime 4:lastTransitionTime 5:reason 6:message"
    ),
    "core.v1.TopologySelectorTerm": "1:matchLabelExpressions",
    "core.v1.TopologySelectorLabelRequirement": "1:key 2:values",
    "storage.v1.StorageClass": (
        "1:metadata 2:provisioner 3:parameters 4:reclaimPolicy* 5:mountOptions 6:allowVolumeExpansion* "
        "7:volumeBindingMode* 8:allowedTopologies"
    ),
    "core.v1.HostPathVolumeSource": "1:path 2:type*",
    "core.v1.EmptyDirVolumeSource": "1:medium 2:sizeLimit",
    "core.v1.SecretVolumeSource": "1:secretName 2:items 3:defaultMode* 4:optional*",
    "core.v1.NFSVolumeSource": "1:server 2:path 3:readOnly",
    "core.v1.PersistentVolumeClaimVolumeSource": "1:claimName 2:readOnly",
    "core.v1.DownwardAPIVolumeSource": "1:items 2:defaultMode*",
    "core.v1.DownwardAPIVolumeFile": "1:path 2:fieldRef 3:resourceFieldRef 4:mode*",
    "core.v1.ConfigMapVolumeSource": "1:+core.v1.LocalObjectReference 2:items 3:defaultMode* 4:optional*",
    "core.v1.CSIVolumeSource": "1:driver 2:readOnly* 3:fsType* 4:volumeAttributes 5:nodePublishSecretRef",
    "core.v1.ProjectedVolumeSource": "1:sources 2:defaultMode*",
    "core.v1.VolumeProjection": "1:secret 2:downwardAPI 3:configMap 4:serviceAccountToken",
    "core.v1.SecretProjection": _PROJECTION,
    "core.v1.ConfigMapProjection": _PROJECTION,
    "core.v1.DownwardAPIProjection": "1:items",
    "core.v1.ServiceAccountTokenProjection": "1:audience 2:expirationSeconds* 3:path",
    "core.v1.KeyToPath": "1:key 2:path 3:mode*",
    "core.v1.Toleration": "1:key 2:operator 3:value 4:effect 5:tolerationSeconds*",
    "core.v1.HostAlias": "1:ip 2:hostnames",
    "core.v1.PodDNSConfig": "1:nameservers 2:searches 3:options",
    "core.v1.PodDNSConfigOption": "1:name 2:value*",
    "core.v1.PodReadinessGate": "1:conditionType",
    "core.v1.PodSchedulingGate": "1:name",
    "core.v1.PodOS": "1:name",
    "core.v1.TopologySpreadConstraint": (
        "1:maxSkew 2:topologyKey 3:whenUnsatisfiable 4:labelSelector 5:minDomains* 6:nodeAffinityPolicy* "
        "7:nodeTaintsPolicy* 8:matchLabelKeys"
    ),
    "core.v1.Affinity": "1:nodeAffinity 2:podAffinity 3:podAntiAffinity",
    "core.v1.NodeAffinity": _REQUIRED_PREFERRED,
    "core.v1.PodAffinity": _REQUIRED_PREFERRED,
    "core.v1.PodAntiAffinity": _REQUIRED_PREFERRED,
    "core.v1.NodeSelector": "1:nodeSelectorTerms",
    "core.v1.NodeSelectorTerm": "1:matchExpressions 2:matchFields",
    "core.v1.NodeSelectorRequirement": "1:key 2:operator 3:values",
    "core.v1.PreferredSchedulingTerm": "1:weight 2:preference",
    "core.v1.WeightedPodAffinityTerm": "1:weight 2:podAffinityTerm",
    "core.v1.PodAffinityTerm": (
        "1:labelSelector 2:namespaces 3:topologyKey 4:namespaceSelector 5:matchLabelKeys 6:mismatchLabelKeys"
    ),
    "apps.v1.Deployment": _OBJECT,
    "apps.v1.DeploymentSpec": (
        "1:replicas* 2:selector 3:template 4:strategy 5:minReadySeconds 6:revisionHistoryLimit* 7:paused "
        "9:progressDeadlineSeconds*"
    ),
    "apps.v1.DeploymentStrategy": "1:type 2:rollingUpdate",
    "apps.v1.RollingUpdateDeployment": "1:maxUnavailable 2:maxSurge",
    "apps.v1.DeploymentStatus": (
        "1:observedGeneration 2:replicas 3:updatedReplicas 4:availableReplicas 5:unavailableReplicas 6:conditions "
        "7:readyReplicas 8:collisionCount* 9:terminatingReplicas*"
    ),
    "apps.v1.DeploymentCondition": "1:type 2:status 4:reason 5:message 6:lastUpdateTime 7:lastTransitionTime",
    "apps.v1.ReplicaSet": _OBJECT,
    "apps.v1.ReplicaSetSpec": "1:replicas* 2:selector 3:template 4:minReadySeconds",
    "apps.v1.ReplicaSetStatus": (
        "1:replicas 2:fullyLabeledReplicas 3:observedGeneration 4:readyReplicas 5:availableReplicas 6:conditions "
        "7:terminatingReplicas*"
    ),
    "apps.v1.ReplicaSetCondition": "1:type 2:status 3:lastTransitionTime 4:reason 5:message",
    "apps.v1.StatefulSet": _OBJECT,
    "apps.v1.StatefulSetSpec": (
        "1:replicas* 2:selector 3:template 4:volumeClaimTemplates 5:serviceName 6:podManagementPolicy "
        "7:updateStrategy 8:revisionHistoryLimit* 9:minReadySeconds 10:persistentVolumeClaimRetentionPolicy "
        "11:ordinals"
    ),
    "apps.v1.StatefulSetUpdateStrategy": "1:type 2:rollingUpdate",
    "apps.v1.RollingUpdateStatefulSetStrategy": "1:partition* 2:maxUnavailable",
    "apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy": "1:whenDeleted 2:whenScaled",
    "apps.v1.StatefulSetOrdinals": "1:start",
    "apps.v1.StatefulSetStatus": (
        "1:observedGeneration 2:replicas 3:readyReplicas 4:currentReplicas 5:updatedReplicas 6:currentRevision "
        "7:updateRevision 9:collisionCount* 10:conditions 11:availableReplicas"
    ),
    "apps.v1.StatefulSetCondition": "1:type 2:status 3:lastTransitionTime 4:reason 5:message",
    "apps.v1.DaemonSet": _OBJECT,
    "apps.v1.DaemonSetSpec": ("1:selector 2:template 3:updateStrategy 4:minReadySeconds 6:revisionHistoryLimit*"),
    "apps.v1.DaemonSetUpdateStrategy": "1:type 2:rollingUpdate",
    "apps.v1.RollingUpdateDaemonSet": "1:maxUnavailable 2:maxSurge",
    "apps.v1.DaemonSetStatus": (
        "1:currentNumberScheduled 2:numberMisscheduled 3:desiredNumberScheduled 4:numberReady 5:observedGeneration "
        "6:updatedNumberScheduled 7:numberAvailable 8:numberUnavailable 9:collisionCount* 10:conditions"
    ),
    "apps.v1.DaemonSetCondition": "1:type 2:status 3:lastTransitionTime 4:reason 5:message",
    "apps.v1.ControllerRevision": "1:metadata 2:data 3:revision",
    "core.v1.ReplicationController": _OBJECT,
    "core.v1.ReplicationControllerSpec": "1:replicas* 2:selector 3:template 4:minReadySeconds",
    "core.v1.ReplicationControllerStatus": (
        "1:replicas 2:fullyLabeledReplicas 3:observedGeneration 4:readyReplicas 5:availableReplicas 6:conditions"
    ),
    "core.v1.ReplicationControllerCondition": "1:type 2:status 3:lastTransitionTime 4:reason 5:message",
    "networking.v1.Ingress": _OBJECT,
    "networking.v1.IngressSpec": "1:defaultBackend 2:tls 3:rules 4:ingressClassName*",
    "networking.v1.IngressBackend": "3:resource 4:service",
    "networking.v1.IngressServiceBackend": "1:name 2:port",
    "networking.v1.ServiceBackendPort": "1:name 2:number",
    "networking.v1.IngressTLS": "1:hosts 2:secretName",
    "networking.v1.IngressRule": "1:host 2:+networking.v1.IngressRuleValue",
    "networking.v1.IngressRuleValue": "1:http",
    "networking.v1.HTTPIngressRuleValue": "1:paths",
    "networking.v1.HTTPIngressPath": "1:path 2:backend 3:pathType*",
    "networking.v1.IngressStatus": "1:loadBalancer",
    "networking.v1.IngressLoadBalancerStatus": "1:ingress",
    "networking.v1.IngressLoadBalancerIngress": "1:ip 2:hostname 4:ports",
    "networking.v1.IngressPortStatus": "1:port 2:protocol 3:error*",
    "networking.v1.IngressClass": "1:metadata 2:spec",
    "networking.v1.IngressClassSpec": "1:controller 2:parameters",
    "networking.v1.IngressClassParametersReference": "1:apiGroup* 2:kind 3:name 4:scope* 5:namespace*",
    "networking.v1.NetworkPolicy": "1:metadata 2:spec",
    "networking.v1.NetworkPolicySpec": "1:podSelector 2:ingress 3:egress 4:policyTypes",
    "networking.v1.NetworkPolicyIngressRule": "1:ports 2:from",
    "networking.v1.NetworkPolicyEgressRule": "1:ports 2:to",
    "networking.v1.NetworkPolicyPort": "1:protocol* 2:port* 3:endPort*",
    "networking.v1.NetworkPolicyPeer": "1:podSelector 2:namespaceSelector 3:ipBlock",
    "networking.v1.IPBlock": "1:cidr 2:except",
    "authentication.v1.TokenRequest": _OBJECT,
    "authentication.v1.TokenRequestSpec": "1:audiences 3:boundObjectRef 4:expirationSeconds*",
    "authentication.v1.TokenRequestStatus": "1:token 2:expirationTimestamp",
    "authentication.v1.BoundObjectReference": "1:kind 2:apiVersion 3:name 4:uid",
    "authentication.v1.TokenReview": _OBJECT,
    "authentication.v1.TokenReviewSpec": "1:token 2:audiences",
    "authentication.v1.TokenReviewStatus": "1:authenticated 2:user 3:error 4:audiences",
    "authentication.v1.SelfSubjectReview": "1:metadata 2:status",
    "authentication.v1.SelfSubjectReviewStatus": "1:userInfo",
    "authentication.v1.UserInfo": "1:username 2:uid 3:groups 4:extra",
    "authorization.v1.SubjectAccessReview": _OBJECT,
    "authorization.v1.SubjectAccessReviewSpec": (
        "1:resourceAttributes 2:nonResourceAttributes 3:user 4:groups 5:extra 6:uid"
    ),
    "authorization.v1.LocalSubjectAccessReview": _OBJECT,
    "authorization.v1.SelfSubjectAccessReview": _OBJECT,
    "authorization.v1.SelfSubjectAccessReviewSpec": "1:resourceAttributes 2:nonResourceAttributes",
    "authorization.v1.SubjectAccessReviewStatus": "1:allowed 2:reason 3:evaluationError 4:denied",
    "authorization.v1.ResourceAttributes": (
        "1:namespace 2:verb 3:group 4:version 5:resource 6:subresource 7:name 8:fieldSelector 9:labelSelector"
    ),
    "authorization.v1.FieldSelectorAttributes": "1:rawSelector 2:requirements",
    "authorization.v1.LabelSelectorAttributes": "1:rawSelector 2:requirements",
    "authorization.v1.NonResourceAttributes": "1:path 2:verb",
    "authorization.v1.SelfSubjectRulesReview": _OBJECT,
    "authorization.v1.SelfSubjectRulesReviewSpec": "1:namespace",
    "authorization.v1.SubjectRulesReviewStatus": "1:resourceRules 2:nonResourceRules 3:incomplete 4:evaluationError",
    "meta.v1.FieldSelectorRequirement": "1:key 2:operator 3:values",
    "certificates.v1.CertificateSigningRequest": _OBJECT,
    "certificates.v1.CertificateSigningRequestSpec": (
        "1:request 2:username 3:uid 4:groups 5:usages 6:extra 7:signerName 8:expirationSeconds*"
    ),
    "certificates.v1.CertificateSigningRequestStatus": "1:conditions 2:certificate",
    "certificates.v1.CertificateSigningRequestCondition": (
        "1:type 2:reason 3:message 4:lastUpdateTime 5:lastTransitionTime 6:status"
    ),
    "rbac.v1.Role": "1:metadata 2:rules",
    "rbac.v1.ClusterRole": "1:metadata 2:rules 3:aggregationRule",
    "rbac.v1.AggregationRule": "1:clusterRoleSelectors",
    "rbac.v1.PolicyRule": "1:verbs 2:apiGroups 3:resources 4:resourceNames 5:nonResourceURLs",
    "rbac.v1.RoleBinding": "1:metadata 2:subjects 3:roleRef",
    "rbac.v1.ClusterRoleBinding": "1:metadata 2:subjects 3:roleRef",
    "rbac.v1.Subject": "1:kind 2:apiGroup 3:name 4:namespace",
    "rbac.v1.RoleRef": "1:apiGroup 2:kind 3:name",
    "batch.v1.Job": _OBJECT,
    "batch.v1.JobSpec": (
        "1:parallelism* 2:completions* 3:activeDeadlineSeconds* 4:selector 5:manualSelector* 6:template "
        "7:backoffLimit* 8:ttlSecondsAfterFinished* 9:completionMode* 10:suspend* 11:podFailurePolicy "
        "12:backoffLimitPerIndex* 13:maxFailedIndexes* 14:podReplacementPolicy* 15:managedBy* 16:successPolicy"
    ),
    "batch.v1.JobStatus": (
        "1:conditions 2:startTime 3:completionTime 4:active 5:succeeded 6:failed 7:completedIndexes "
        "8:uncountedTerminatedPods 9:ready* 10:failedIndexes* 11:terminating*"
    ),
    "batch.v1.JobCondition": "1:type 2:status 3:lastProbeTime 4:lastTransitionTime 5:reason 6:message",
    "batch.v1.UncountedTerminatedPods": "1:succeeded 2:failed",
    "batch.v1.PodFailurePolicy": "1:rules",
    "batch.v1.PodFailurePolicyRule": "1:action 2:onExitCodes 3:onPodConditions",
    "batch.v1.PodFailurePolicyOnExitCodesRequirement": "1:containerName* 2:operator 3:values",
    "batch.v1.PodFailurePolicyOnPodConditionsPattern": "1:type 2:status",
    "batch.v1.SuccessPolicy": "1:rules",
    "batch.v1.SuccessPolicyRule": "1:succeededIndexes* 2:succeededCount*",
    "batch.v1.CronJob": _OBJECT,
    "batch.v1.CronJobSpec": (
        "1:schedule 2:startingDeadlineSeconds* 3:concurrencyPolicy 4:suspend* 5:jobTemplate "
        "6:successfulJobsHistoryLimit* 7:failedJobsHistoryLimit* 8:timeZone*"
    ),
    "batch.v1.CronJobStatus": "1:active 4:lastScheduleTime 5:lastSuccessfulTime",
    "batch.v1.JobTemplateSpec": "1:metadata 2:spec",
    "coordination.v1.Lease": "1:metadata 2:spec",
    "coordination.v1.LeaseSpec": (
        "1:holderIdentity* 2:leaseDurationSeconds* 3:acquireTime 4:renewTime 5:leaseTransitions* 6:strategy* "
        "7:preferredHolder*"
    ),
    "scheduling.v1.PriorityClass": "1:metadata 2:value 3:globalDefault 4:description 5:preemptionPolicy*",
    "discovery.v1.EndpointSlice": "1:metadata 2:endpoints 3:ports 4:addressType",
    "discovery.v1.Endpoint": (
        "1:addresses 2:conditions 3:hostname* 4:targetRef 5:deprecatedTopology 6:nodeName* 7:zone* 8:hints"
    ),
    "discovery.v1.EndpointHints": "1:forZones 2:forNodes",
    "discovery.v1.ForZone": "1:name",
    "discovery.v1.ForNode": "1:name",
    "discovery.v1.EndpointConditions": "1:ready* 2:serving* 3:terminating*",
    "discovery.v1.EndpointPort": "1:name* 2:protocol* 3:port* 4:appProtocol*",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One numbered field. `inlined` names the message whose fields stand in its place."""

    name: str
    may_be_zero: bool = False
    inlined: str = ""


@lru_cache(maxsize=512)
def fields_of(message: str) -> dict[int, Field]:
    """The fields of a message (`core.v1.PodSpec`) by number; KeyError when the message is not known."""
    found: dict[int, Field] = {}
    for token in _MESSAGES[message].split():
        number, _, name = token.partition(":")
        if name.startswith("+"):
            found[int(number)] = Field("", inlined=name[1:])
        else:
            found[int(number)] = Field(name.removesuffix("*"), may_be_zero=name.endswith("*"))
    return found
