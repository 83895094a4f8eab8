"""Field numbers of the core group, but for its volumes, in the notation of `protobuf_fields`."""

from __future__ import annotations

_OBJECT = "1:metadata 2:spec 3:status"
_KEY_REFERENCE = "1:+core.v1.LocalObjectReference 2:key 3:optional*"
_ENV_REFERENCE = "1:+core.v1.LocalObjectReference 2:optional*"
_REQUIRED_PREFERRED = (
    "1:requiredDuringSchedulingIgnoredDuringExecution 2:preferredDuringSchedulingIgnoredDuringExecution"
)
_CONTAINER = (
    "1:name 2:image 3:command 4:args 5:workingDir 6:ports 7:env 8:resources 9:volumeMounts 10:livenessProbe "
    "11:readinessProbe 12:lifecycle 13:terminationMessagePath 14:imagePullPolicy 15:securityContext 16:stdin "
    "17:stdinOnce 18:tty 19:envFrom 20:terminationMessagePolicy 21:volumeDevices 22:startupProbe 23:resizePolicy "
    "24:restartPolicy* 25:restartPolicyRules"
)

CORE = {
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
    "core.v1.Event": (
        "1:metadata 2:involvedObject 3:reason 4:message 5:source 6:firstTimestamp 7:lastTimestamp 8:count 9:type "
        "10:eventTime 11:series 12:action 13:related 14:reportingComponent 15:reportingInstance"
    ),
    "core.v1.EventSource": "1:component 2:host",
    "core.v1.EventSeries": "1:count 2:lastObservedTime",
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
        "1:phase 2:conditions 3:message 4:reason 5:hostIP 6:podIP 7:startTime 8:containerStatuses 9:qosClass "
        "10:initContainerStatuses 11:nominatedNodeName 12:podIPs 13:ephemeralContainerStatuses 14:resize "
        "15:resourceClaimStatuses 16:hostIPs 17:observedGeneration 18:extendedResourceClaimStatus"
    ),
    "core.v1.PodIP": "1:ip",
    "core.v1.PodCondition": (
        "1:type 2:status 3:lastProbeTime 4:lastTransitionTime 5:reason 6:message 7:observedGeneration"
    ),
    "core.v1.Container": _CONTAINER,
    "core.v1.EphemeralContainer": "1:+core.v1.Container 2:targetContainerName",
    "core.v1.ContainerPort": "1:name 2:hostPort 3:containerPort 4:protocol 5:hostIP",
    "core.v1.ContainerResizePolicy": "1:resourceName 2:restartPolicy",
    "core.v1.EnvVar": "1:name 2:value 3:valueFrom",
    "core.v1.EnvVarSource": "1:fieldRef 2:resourceFieldRef 3:configMapKeyRef 4:secretKeyRef 5:fileKeyRef",
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
        "7:allowPrivilegeEscalation* 8:runAsGroup* 9:procMount* 10:windowsOptions 11:seccompProfile 12:appArmorProfile"
    ),
    "core.v1.PodSecurityContext": (
        "1:seLinuxOptions 2:runAsUser* 3:runAsNonRoot* 4:supplementalGroups 5:fsGroup* 6:runAsGroup* 7:sysctls "
        "8:windowsOptions 9:fsGroupChangePolicy* 10:seccompProfile 11:appArmorProfile 12:supplementalGroupsPolicy* "
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
    "core.v1.SecretReference": "1:name 2:namespace",
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
    "core.v1.ReplicationController": _OBJECT,
    "core.v1.ReplicationControllerSpec": "1:replicas* 2:selector 3:template 4:minReadySeconds",
    "core.v1.ReplicationControllerStatus": (
        "1:replicas 2:fullyLabeledReplicas 3:observedGeneration 4:readyReplicas 5:availableReplicas 6:conditions"
    ),
    "core.v1.ReplicationControllerCondition": "1:type 2:status 3:lastTransitionTime 4:reason 5:message",
    "core.v1.AttachedVolume": "1:name 2:devicePath",
    "core.v1.Binding": "1:metadata 2:target",
    "core.v1.ConfigMapNodeConfigSource": "1:namespace 2:name 3:uid 4:resourceVersion 5:kubeletConfigKey",
    "core.v1.ContainerExtendedResourceRequest": "1:containerName 2:resourceName 3:requestName",
    "core.v1.ContainerImage": "1:names 2:sizeBytes",
    "core.v1.ContainerRestartRule": "1:action 2:exitCodes",
    "core.v1.ContainerRestartRuleOnExitCodes": "1:operator 2:values",
    "core.v1.ContainerState": "1:waiting 2:running 3:terminated",
    "core.v1.ContainerStateRunning": "1:startedAt",
    "core.v1.ContainerStateTerminated": (
        "1:exitCode 2:signal 3:reason 4:message 5:startedAt 6:finishedAt 7:containerID"
    ),
    "core.v1.ContainerStateWaiting": "1:reason 2:message",
    "core.v1.ContainerStatus": (
        "1:name 2:state 3:lastState 4:ready 5:restartCount 6:image 7:imageID 8:containerID 9:started* "
        "10:allocatedResources 11:resources 12:volumeMounts 13:user 14:allocatedResourcesStatus 15:stopSignal*"
    ),
    "core.v1.ContainerUser": "1:linux",
    "core.v1.DaemonEndpoint": "1:Port",
    "core.v1.FileKeySelector": "1:volumeName 2:path 3:key 4:optional*",
    "core.v1.HostIP": "1:ip",
    "core.v1.ImageVolumeStatus": "1:imageRef",
    "core.v1.LinuxContainerUser": "1:uid 2:gid 3:supplementalGroups",
    "core.v1.Node": _OBJECT,
    "core.v1.NodeAddress": "1:type 2:address",
    "core.v1.NodeCondition": "1:type 2:status 3:lastHeartbeatTime 4:lastTransitionTime 5:reason 6:message",
    "core.v1.NodeConfigSource": "2:configMap",
    "core.v1.NodeConfigStatus": "1:assigned 2:active 3:lastKnownGood 4:error",
    "core.v1.NodeDaemonEndpoints": "1:kubeletEndpoint",
    "core.v1.NodeFeatures": "1:supplementalGroupsPolicy*",
    "core.v1.NodeRuntimeHandler": "1:name 2:features",
    "core.v1.NodeRuntimeHandlerFeatures": "1:recursiveReadOnlyMounts* 2:userNamespaces*",
    "core.v1.NodeSpec": ("1:podCIDR 2:externalID 3:providerID 4:unschedulable 5:taints 6:configSource 7:podCIDRs"),
    "core.v1.NodeStatus": (
        "1:capacity 2:allocatable 3:phase 4:conditions 5:addresses 6:daemonEndpoints 7:nodeInfo 8:images "
        "9:volumesInUse 10:volumesAttached 11:config 12:runtimeHandlers 13:features 14:declaredFeatures"
    ),
    "core.v1.NodeSwapStatus": "1:capacity*",
    "core.v1.NodeSystemInfo": (
        "1:machineID 2:systemUUID 3:bootID 4:kernelVersion 5:osImage 6:containerRuntimeVersion 7:kubeletVersion "
        "8:kubeProxyVersion 9:operatingSystem 10:architecture 11:swap"
    ),
    "core.v1.PodExtendedResourceClaimStatus": "1:requestMappings 2:resourceClaimName",
    "core.v1.PodResourceClaim": "1:name 3:resourceClaimName* 4:resourceClaimTemplateName*",
    "core.v1.PodResourceClaimStatus": "1:name 2:resourceClaimName*",
    "core.v1.ResourceHealth": "1:resourceID 2:health",
    "core.v1.ResourceStatus": "1:name 2:resources",
    "core.v1.Taint": "1:key 2:value 3:effect 4:timeAdded",
    "core.v1.VolumeMountStatus": "1:name 2:mountPath 3:readOnly 4:recursiveReadOnly*",
    "core.v1.WindowsSecurityContextOptions": (
        "1:gmsaCredentialSpecName* 2:gmsaCredentialSpec* 3:runAsUserName* 4:hostProcess*"
    ),
}
