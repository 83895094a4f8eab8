"""Field numbers of what extends the cluster: admission, definitions, flow control, storage drivers, devices; in the
notation of `protobuf_fields`."""

from __future__ import annotations

_OBJECT = "1:metadata 2:spec 3:status"
_SETTINGS = "1:metadata 2:spec"
_CONDITION = "1:type 2:status 3:lastTransitionTime 4:reason 5:message"
_SERVICE = "1:namespace 2:name 3:path* 4:port*"
_CLIENT = "1:service 2:caBundle 3:url*"
_DEVICE_CONFIGURATION = "+resource.v1.DeviceConfiguration"

EXTENSIONS = {
    "admissionregistration.v1.Rule": "1:apiGroups 2:apiVersions 3:resources 4:scope*",
    "admissionregistration.v1.RuleWithOperations": "1:operations 2:+admissionregistration.v1.Rule",
    "admissionregistration.v1.NamedRuleWithOperations": (
        "1:resourceNames 2:+admissionregistration.v1.RuleWithOperations"
    ),
    "admissionregistration.v1.MutatingWebhookConfiguration": "1:metadata 2:webhooks",
    "admissionregistration.v1.MutatingWebhook": (
        "1:name 2:clientConfig 3:rules 4:failurePolicy* 5:namespaceSelector 6:sideEffects* 7:timeoutSeconds* "
        "8:admissionReviewVersions 9:matchPolicy* 10:reinvocationPolicy* 11:objectSelector 12:matchConditions"
    ),
    "admissionregistration.v1.ValidatingWebhookConfiguration": "1:metadata 2:webhooks",
    "admissionregistration.v1.ValidatingWebhook": (
        "1:name 2:clientConfig 3:rules 4:failurePolicy* 5:namespaceSelector 6:sideEffects* 7:timeoutSeconds* "
        "8:admissionReviewVersions 9:matchPolicy* 10:objectSelector 11:matchConditions"
    ),
    "admissionregistration.v1.WebhookClientConfig": _CLIENT,
    "admissionregistration.v1.ServiceReference": _SERVICE,
    "admissionregistration.v1.MatchCondition": "1:name 2:expression",
    "admissionregistration.v1.MatchResources": (
        "1:namespaceSelector 2:objectSelector 3:resourceRules 4:excludeResourceRules 7:matchPolicy*"
    ),
    "admissionregistration.v1.ParamKind": "1:apiVersion 2:kind",
    "admissionregistration.v1.ParamRef": "1:name 2:namespace 3:selector 4:parameterNotFoundAction*",
    "admissionregistration.v1.TypeChecking": "1:expressionWarnings",
    "admissionregistration.v1.ExpressionWarning": "2:fieldRef 3:warning",
    "admissionregistration.v1.AuditAnnotation": "1:key 2:valueExpression",
    "admissionregistration.v1.Variable": "1:name 2:expression",
    "admissionregistration.v1.Validation": "1:expression 2:message 3:reason* 4:messageExpression",
    "admissionregistration.v1.ValidatingAdmissionPolicy": _OBJECT,
    "admissionregistration.v1.ValidatingAdmissionPolicySpec": (
        "1:paramKind 2:matchConstraints 3:validations 4:failurePolicy* 5:auditAnnotations 6:matchConditions 7:variables"
    ),
    "admissionregistration.v1.ValidatingAdmissionPolicyStatus": "1:observedGeneration 2:typeChecking 3:conditions",
    "admissionregistration.v1.ValidatingAdmissionPolicyBinding": _SETTINGS,
    "admissionregistration.v1.ValidatingAdmissionPolicyBindingSpec": (
        "1:policyName 2:paramRef 3:matchResources 4:validationActions"
    ),
    "admissionregistration.v1.MutatingAdmissionPolicy": _SETTINGS,
    "admissionregistration.v1.MutatingAdmissionPolicySpec": (
        "1:paramKind 2:matchConstraints 3:variables 4:mutations 5:failurePolicy* 6:matchConditions 7:reinvocationPolicy"
    ),
    "admissionregistration.v1.MutatingAdmissionPolicyBinding": _SETTINGS,
    "admissionregistration.v1.MutatingAdmissionPolicyBindingSpec": "1:policyName 2:paramRef 3:matchResources",
    "admissionregistration.v1.Mutation": "2:patchType 3:applyConfiguration 4:jsonPatch",
    "admissionregistration.v1.ApplyConfiguration": "1:expression",
    "admissionregistration.v1.JSONPatch": "1:expression",
    "apiextensions.v1.CustomResourceDefinition": _OBJECT,
    "apiextensions.v1.CustomResourceDefinitionSpec": (
        "1:group 3:names 4:scope 7:versions 9:conversion 10:preserveUnknownFields"
    ),
    "apiextensions.v1.CustomResourceDefinitionStatus": (
        "1:conditions 2:acceptedNames 3:storedVersions 4:observedGeneration"
    ),
    "apiextensions.v1.CustomResourceDefinitionCondition": f"{_CONDITION} 6:observedGeneration",
    "apiextensions.v1.CustomResourceDefinitionNames": "1:plural 2:singular 3:shortNames 4:kind 5:listKind 6:categories",
    "apiextensions.v1.CustomResourceDefinitionVersion": (
        "1:name 2:served 3:storage 4:schema 5:subresources 6:additionalPrinterColumns 7:deprecated "
        "8:deprecationWarning* 9:selectableFields"
    ),
    "apiextensions.v1.CustomResourceColumnDefinition": "1:name 2:type 3:format 4:description 5:priority 6:jsonPath",
    "apiextensions.v1.CustomResourceConversion": "1:strategy 2:webhook",
    "apiextensions.v1.WebhookConversion": "2:clientConfig 3:conversionReviewVersions",
    "apiextensions.v1.WebhookClientConfig": _CLIENT,
    "apiextensions.v1.ServiceReference": _SERVICE,
    "apiextensions.v1.CustomResourceSubresources": "1:status 2:scale",
    "apiextensions.v1.CustomResourceSubresourceScale": ("1:specReplicasPath 2:statusReplicasPath 3:labelSelectorPath*"),
    "apiextensions.v1.CustomResourceValidation": "1:openAPIV3Schema",
    "apiextensions.v1.SelectableField": "1:jsonPath",
    "apiextensions.v1.ExternalDocumentation": "1:description 2:url",
    "apiextensions.v1.ValidationRule": (
        "1:rule 2:message 3:messageExpression 4:reason* 5:fieldPath 6:optionalOldSelf*"
    ),
    "apiextensions.v1.JSONSchemaProps": (
        "1:id 2:$schema 3:$ref* 4:description 5:type 6:format 7:title 8:default 9:maximum* 10:exclusiveMaximum "
        "11:minimum* 12:exclusiveMinimum 13:maxLength* 14:minLength* 15:pattern 16:maxItems* 17:minItems* "
        "18:uniqueItems 19:multipleOf* 20:enum 21:maxProperties* 22:minProperties* 23:required 24:items 25:allOf "
        "26:oneOf 27:anyOf 28:not 29:properties 30:additionalProperties 31:patternProperties 32:dependencies "
        "33:additionalItems 34:definitions 35:externalDocs 36:example 37:nullable "
        "38:x-kubernetes-preserve-unknown-fields* 39:x-kubernetes-embedded-resource 40:x-kubernetes-int-or-string "
        "41:x-kubernetes-list-map-keys 42:x-kubernetes-list-type* 43:x-kubernetes-map-type* 44:x-kubernetes-validations"
    ),
    "apiregistration.v1.APIService": _OBJECT,
    "apiregistration.v1.APIServiceSpec": (
        "1:service 2:group 3:version 4:insecureSkipTLSVerify 5:caBundle 7:groupPriorityMinimum 8:versionPriority"
    ),
    "apiregistration.v1.APIServiceStatus": "1:conditions",
    "apiregistration.v1.APIServiceCondition": _CONDITION,
    "apiregistration.v1.ServiceReference": "1:namespace 2:name 3:port*",
    "flowcontrol.v1.FlowSchema": _OBJECT,
    "flowcontrol.v1.FlowSchemaSpec": (
        "1:priorityLevelConfiguration 2:matchingPrecedence 3:distinguisherMethod 4:rules"
    ),
    "flowcontrol.v1.FlowSchemaStatus": "1:conditions",
    "flowcontrol.v1.FlowSchemaCondition": _CONDITION,
    "flowcontrol.v1.FlowDistinguisherMethod": "1:type",
    "flowcontrol.v1.PriorityLevelConfigurationReference": "1:name",
    "flowcontrol.v1.PolicyRulesWithSubjects": "1:subjects 2:resourceRules 3:nonResourceRules",
    "flowcontrol.v1.Subject": "1:kind 2:user 3:group 4:serviceAccount",
    "flowcontrol.v1.UserSubject": "1:name",
    "flowcontrol.v1.GroupSubject": "1:name",
    "flowcontrol.v1.ServiceAccountSubject": "1:namespace 2:name",
    "flowcontrol.v1.ResourcePolicyRule": "1:verbs 2:apiGroups 3:resources 4:clusterScope 5:namespaces",
    "flowcontrol.v1.NonResourcePolicyRule": "1:verbs 6:nonResourceURLs",
    "flowcontrol.v1.PriorityLevelConfiguration": _OBJECT,
    "flowcontrol.v1.PriorityLevelConfigurationSpec": "1:type 2:limited 3:exempt",
    "flowcontrol.v1.PriorityLevelConfigurationStatus": "1:conditions",
    "flowcontrol.v1.PriorityLevelConfigurationCondition": _CONDITION,
    "flowcontrol.v1.LimitedPriorityLevelConfiguration": (
        "1:nominalConcurrencyShares* 2:limitResponse 3:lendablePercent* 4:borrowingLimitPercent*"
    ),
    "flowcontrol.v1.ExemptPriorityLevelConfiguration": "1:nominalConcurrencyShares* 2:lendablePercent*",
    "flowcontrol.v1.LimitResponse": "1:type 2:queuing",
    "flowcontrol.v1.QueuingConfiguration": "1:queues 2:handSize 3:queueLengthLimit",
    "storage.v1.CSIDriver": _SETTINGS,
    "storage.v1.CSIDriverSpec": (
        "1:attachRequired* 2:podInfoOnMount* 3:volumeLifecycleModes 4:storageCapacity* 5:fsGroupPolicy* "
        "6:tokenRequests 7:requiresRepublish* 8:seLinuxMount* 9:nodeAllocatableUpdatePeriodSeconds* "
        "10:serviceAccountTokenInSecrets*"
    ),
    "storage.v1.TokenRequest": "1:audience 2:expirationSeconds*",
    "storage.v1.CSINode": _SETTINGS,
    "storage.v1.CSINodeSpec": "1:drivers",
    "storage.v1.CSINodeDriver": "1:name 2:nodeID 3:topologyKeys 4:allocatable",
    "storage.v1.VolumeNodeResources": "1:count*",
    "storage.v1.CSIStorageCapacity": ("1:metadata 2:nodeTopology 3:storageClassName 4:capacity* 5:maximumVolumeSize*"),
    "storage.v1.VolumeAttachment": _OBJECT,
    "storage.v1.VolumeAttachmentSpec": "1:attacher 2:source 3:nodeName",
    "storage.v1.VolumeAttachmentSource": "1:persistentVolumeName* 2:inlineVolumeSpec",
    "storage.v1.VolumeAttachmentStatus": "1:attached 2:attachmentMetadata 3:attachError 4:detachError",
    "storage.v1.VolumeError": "1:time 2:message 3:errorCode*",
    "storage.v1.VolumeAttributesClass": "1:metadata 2:driverName 3:parameters",
    "resource.v1.DeviceClass": _SETTINGS,
    "resource.v1.DeviceClassSpec": "1:selectors 2:config 4:extendedResourceName*",
    "resource.v1.DeviceClassConfiguration": f"1:{_DEVICE_CONFIGURATION}",
    "resource.v1.DeviceConfiguration": "1:opaque",
    "resource.v1.OpaqueDeviceConfiguration": "1:driver 2:parameters",
    "resource.v1.DeviceSelector": "1:cel",
    "resource.v1.CELDeviceSelector": "1:expression",
    "resource.v1.ResourceClaim": _OBJECT,
    "resource.v1.ResourceClaimSpec": "1:devices",
    "resource.v1.ResourceClaimStatus": "1:allocation 2:reservedFor 4:devices",
    "resource.v1.ResourceClaimConsumerReference": "1:apiGroup 3:resource 4:name 5:uid",
    "resource.v1.ResourceClaimTemplate": _SETTINGS,
    "resource.v1.ResourceClaimTemplateSpec": _SETTINGS,
    "resource.v1.DeviceClaim": "1:requests 2:constraints 3:config",
    "resource.v1.DeviceClaimConfiguration": f"1:requests 2:{_DEVICE_CONFIGURATION}",
    "resource.v1.DeviceConstraint": "1:requests 2:matchAttribute* 3:distinctAttribute*",
    "resource.v1.DeviceRequest": "1:name 2:exactly 3:firstAvailable",
    "resource.v1.ExactDeviceRequest": (
        "1:deviceClassName 2:selectors 3:allocationMode 4:count 5:adminAccess* 6:tolerations 7:capacity"
    ),
    "resource.v1.DeviceSubRequest": (
        "1:name 2:deviceClassName 3:selectors 4:allocationMode 5:count 6:tolerations 7:capacity"
    ),
    "resource.v1.CapacityRequirements": "1:requests",
    "resource.v1.DeviceToleration": "1:key 2:operator 3:value 4:effect 5:tolerationSeconds*",
    "resource.v1.DeviceTaint": "1:key 2:value 3:effect 4:timeAdded",
    "resource.v1.AllocationResult": "1:devices 3:nodeSelector 5:allocationTimestamp",
    "resource.v1.DeviceAllocationResult": "1:results 2:config",
    "resource.v1.DeviceAllocationConfiguration": f"1:source 2:requests 3:{_DEVICE_CONFIGURATION}",
    "resource.v1.DeviceRequestAllocationResult": (
        "1:request 2:driver 3:pool 4:device 5:adminAccess* 6:tolerations 7:bindingConditions "
        "8:bindingFailureConditions 9:shareID* 10:consumedCapacity"
    ),
    "resource.v1.AllocatedDeviceStatus": ("1:driver 2:pool 3:device 4:conditions 5:data 6:networkData 7:shareID*"),
    "resource.v1.NetworkDeviceData": "1:interfaceName 2:ips 3:hardwareAddress",
    "resource.v1.ResourceSlice": _SETTINGS,
    "resource.v1.ResourceSliceSpec": (
        "1:driver 2:pool 3:nodeName* 4:nodeSelector 5:allNodes* 6:devices 7:perDeviceNodeSelection* 8:sharedCounters"
    ),
    "resource.v1.ResourcePool": "1:name 2:generation 3:resourceSliceCount",
    "resource.v1.Device": (
        "1:name 2:attributes 3:capacity 4:consumesCounters 5:nodeName* 6:nodeSelector 7:allNodes* 8:taints "
        "9:bindsToNode* 10:bindingConditions 11:bindingFailureConditions 12:allowMultipleAllocations*"
    ),
    "resource.v1.DeviceAttribute": "2:int* 3:bool* 4:string* 5:version*",
    "resource.v1.DeviceCapacity": "1:value 2:requestPolicy",
    "resource.v1.CapacityRequestPolicy": "1:default 3:validValues 4:validRange",
    "resource.v1.CapacityRequestPolicyRange": "1:min 2:max 3:step",
    "resource.v1.DeviceCounterConsumption": "1:counterSet 2:counters",
    "resource.v1.CounterSet": "1:name 2:counters",
    "resource.v1.Counter": "1:value",
}
