"""Field numbers of metadata and of the groups of workloads, networks and access, as `protobuf_fields` writes them."""

from __future__ import annotations

_OBJECT = "1:metadata 2:spec 3:status"

GROUPS = {
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
    "policy.v1.PodDisruptionBudget": _OBJECT,
    "policy.v1.PodDisruptionBudgetSpec": "1:minAvailable 2:selector 3:maxUnavailable 4:unhealthyPodEvictionPolicy*",
    "policy.v1.PodDisruptionBudgetStatus": (
        "1:observedGeneration 2:disruptedPods 3:disruptionsAllowed 4:currentHealthy 5:desiredHealthy 6:expectedPods "
        "7:conditions"
    ),
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
        "1:observedGeneration* 2:lastScaleTime 3:currentReplicas 4:desiredReplicas 5:currentMetrics 6:conditions"
    ),
    "autoscaling.v2.HorizontalPodAutoscalerCondition": "1:type 2:status 3:lastTransitionTime 4:reason 5:message",
    "autoscaling.v2.MetricStatus": "1:type 2:object 3:pods 4:resource 5:external 7:containerResource",
    "autoscaling.v2.MetricValueStatus": "1:value* 2:averageValue* 3:averageUtilization*",
    "autoscaling.v2.ContainerResourceMetricStatus": "1:name 2:current 3:container",
    "autoscaling.v2.ExternalMetricStatus": "1:metric 2:current",
    "autoscaling.v2.ObjectMetricStatus": "1:metric 2:current 3:describedObject",
    "autoscaling.v2.PodsMetricStatus": "1:metric 2:current",
    "autoscaling.v2.ResourceMetricStatus": "1:name 2:current",
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
    "storage.v1.StorageClass": (
        "1:metadata 2:provisioner 3:parameters 4:reclaimPolicy* 5:mountOptions 6:allowVolumeExpansion* "
        "7:volumeBindingMode* 8:allowedTopologies"
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
    "meta.v1.DeleteOptions": (
        "1:gracePeriodSeconds* 2:preconditions 3:orphanDependents* 4:propagationPolicy* 5:dryRun "
        "6:ignoreStoreReadErrorWithClusterBreakingPotential*"
    ),
    "meta.v1.Preconditions": "1:uid* 2:resourceVersion*",
    "authorization.v1.ResourceRule": "1:verbs 2:apiGroups 3:resources 4:resourceNames",
    "authorization.v1.NonResourceRule": "1:verbs 2:nonResourceURLs",
    "autoscaling.v1.Scale": _OBJECT,
    "autoscaling.v1.ScaleSpec": "1:replicas",
    "autoscaling.v1.ScaleStatus": "1:replicas 2:selector",
    "events.v1.Event": (
        "1:metadata 2:eventTime 3:series 4:reportingController 5:reportingInstance 6:action 7:reason 8:regarding "
        "9:related 10:note 11:type 12:deprecatedSource 13:deprecatedFirstTimestamp 14:deprecatedLastTimestamp "
        "15:deprecatedCount"
    ),
    "events.v1.EventSeries": "1:count 2:lastObservedTime",
    "networking.v1.IPAddress": "1:metadata 2:spec",
    "networking.v1.IPAddressSpec": "1:parentRef",
    "networking.v1.ParentReference": "1:group 2:resource 3:namespace 4:name",
    "networking.v1.ServiceCIDR": _OBJECT,
    "networking.v1.ServiceCIDRSpec": "1:cidrs",
    "networking.v1.ServiceCIDRStatus": "1:conditions",
    "node.v1.RuntimeClass": "1:metadata 2:handler 3:overhead 4:scheduling",
    "node.v1.Overhead": "1:podFixed",
    "node.v1.Scheduling": "1:nodeSelector 2:tolerations",
    "policy.v1.Eviction": "1:metadata 2:deleteOptions",
}
