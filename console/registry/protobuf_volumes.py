"""Field numbers of everything that can be a volume, in the notation of `protobuf_fields`."""

from __future__ import annotations

_OBJECT = "1:metadata 2:spec 3:status"
_PROJECTION = "1:+core.v1.LocalObjectReference 2:items 4:optional*"
_CEPH_FS = "1:monitors 2:path 3:user 4:secretFile 5:secretRef 6:readOnly"
_CINDER = "1:volumeID 2:fsType 3:readOnly 4:secretRef"
_FLEX = "1:driver 2:fsType 3:secretRef 4:readOnly 5:options"
_ISCSI = (
    "1:targetPortal 2:iqn 3:lun 4:iscsiInterface 5:fsType 6:readOnly 7:portals 8:chapAuthDiscovery 10:secretRef "
    "11:chapAuthSession 12:initiatorName*"
)
_RBD = "1:monitors 2:image 3:fsType 4:pool 5:user 6:keyring 7:secretRef 8:readOnly"
_SCALE_IO = (
    "1:gateway 2:system 3:secretRef 4:sslEnabled 5:protectionDomain 6:storagePool 7:storageMode 8:volumeName 9:fsType "
    "10:readOnly"
)
_STORAGE_OS = "1:volumeName 2:volumeNamespace 3:fsType 4:readOnly 5:secretRef"

VOLUMES = {
    "core.v1.Volume": "1:name 2:+core.v1.VolumeSource",
    "core.v1.VolumeSource": (
        "1:hostPath 2:emptyDir 3:gcePersistentDisk 4:awsElasticBlockStore 5:gitRepo 6:secret 7:nfs 8:iscsi 9:glusterfs "
        "10:persistentVolumeClaim 11:rbd 12:flexVolume 13:cinder 14:cephfs 15:flocker 16:downwardAPI 17:fc "
        "18:azureFile 19:configMap 20:vsphereVolume 21:quobyte 22:azureDisk 23:photonPersistentDisk 24:portworxVolume "
        "25:scaleIO 26:projected 27:storageos 28:csi 29:ephemeral 30:image"
    ),
    "core.v1.EphemeralVolumeSource": "1:volumeClaimTemplate",
    "core.v1.PersistentVolumeClaimTemplate": "1:metadata 2:spec",
    "core.v1.PersistentVolume": _OBJECT,
    "core.v1.PersistentVolumeSpec": (
        "1:capacity 2:+core.v1.PersistentVolumeSource 3:accessModes 4:claimRef 5:persistentVolumeReclaimPolicy "
        "6:storageClassName 7:mountOptions 8:volumeMode* 9:nodeAffinity 10:volumeAttributesClassName*"
    ),
    "core.v1.PersistentVolumeSource": (
        "1:gcePersistentDisk 2:awsElasticBlockStore 3:hostPath 4:glusterfs 5:nfs 6:rbd 7:iscsi 8:cinder 9:cephfs 10:fc "
        "11:flocker 12:flexVolume 13:azureFile 14:vsphereVolume 15:quobyte 16:azureDisk 17:photonPersistentDisk "
        "18:portworxVolume 19:scaleIO 20:local 21:storageos 22:csi"
    ),
    "core.v1.LocalVolumeSource": "1:path 2:fsType*",
    "core.v1.CSIPersistentVolumeSource": (
        "1:driver 2:volumeHandle 3:readOnly 4:fsType 5:volumeAttributes 6:controllerPublishSecretRef "
        "7:nodeStageSecretRef 8:nodePublishSecretRef 9:controllerExpandSecretRef 10:nodeExpandSecretRef"
    ),
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
    "core.v1.VolumeProjection": (
        "1:secret 2:downwardAPI 3:configMap 4:serviceAccountToken 5:clusterTrustBundle 6:podCertificate"
    ),
    "core.v1.SecretProjection": _PROJECTION,
    "core.v1.ConfigMapProjection": _PROJECTION,
    "core.v1.DownwardAPIProjection": "1:items",
    "core.v1.ServiceAccountTokenProjection": "1:audience 2:expirationSeconds* 3:path",
    "core.v1.KeyToPath": "1:key 2:path 3:mode*",
    "core.v1.AWSElasticBlockStoreVolumeSource": "1:volumeID 2:fsType 3:partition 4:readOnly",
    "core.v1.AzureDiskVolumeSource": "1:diskName 2:diskURI 3:cachingMode* 4:fsType* 5:readOnly* 6:kind*",
    "core.v1.AzureFilePersistentVolumeSource": "1:secretName 2:shareName 3:readOnly 4:secretNamespace*",
    "core.v1.AzureFileVolumeSource": "1:secretName 2:shareName 3:readOnly",
    "core.v1.CephFSPersistentVolumeSource": _CEPH_FS,
    "core.v1.CephFSVolumeSource": _CEPH_FS,
    "core.v1.CinderPersistentVolumeSource": _CINDER,
    "core.v1.CinderVolumeSource": _CINDER,
    "core.v1.ClusterTrustBundleProjection": "1:name* 2:signerName* 3:labelSelector 4:path 5:optional*",
    "core.v1.FCVolumeSource": "1:targetWWNs 2:lun* 3:fsType 4:readOnly 5:wwids",
    "core.v1.FlexPersistentVolumeSource": _FLEX,
    "core.v1.FlexVolumeSource": _FLEX,
    "core.v1.FlockerVolumeSource": "1:datasetName 2:datasetUUID",
    "core.v1.GCEPersistentDiskVolumeSource": "1:pdName 2:fsType 3:partition 4:readOnly",
    "core.v1.GitRepoVolumeSource": "1:repository 2:revision 3:directory",
    "core.v1.GlusterfsPersistentVolumeSource": "1:endpoints 2:path 3:readOnly 4:endpointsNamespace*",
    "core.v1.GlusterfsVolumeSource": "1:endpoints 2:path 3:readOnly",
    "core.v1.ISCSIPersistentVolumeSource": _ISCSI,
    "core.v1.ISCSIVolumeSource": _ISCSI,
    "core.v1.ImageVolumeSource": "1:reference 2:pullPolicy",
    "core.v1.ModifyVolumeStatus": "1:targetVolumeAttributesClassName 2:status",
    "core.v1.PhotonPersistentDiskVolumeSource": "1:pdID 2:fsType",
    "core.v1.PodCertificateProjection": (
        "1:signerName 2:keyType 3:maxExpirationSeconds* 4:credentialBundlePath 5:keyPath 6:certificateChainPath "
        "7:userAnnotations"
    ),
    "core.v1.PortworxVolumeSource": "1:volumeID 2:fsType 3:readOnly",
    "core.v1.QuobyteVolumeSource": "1:registry 2:volume 3:readOnly 4:user 5:group 6:tenant",
    "core.v1.RBDPersistentVolumeSource": _RBD,
    "core.v1.RBDVolumeSource": _RBD,
    "core.v1.ScaleIOPersistentVolumeSource": _SCALE_IO,
    "core.v1.ScaleIOVolumeSource": _SCALE_IO,
    "core.v1.StorageOSPersistentVolumeSource": _STORAGE_OS,
    "core.v1.StorageOSVolumeSource": _STORAGE_OS,
    "core.v1.VsphereVirtualDiskVolumeSource": "1:volumePath 2:fsType 3:storagePolicyName 4:storagePolicyID",
}
