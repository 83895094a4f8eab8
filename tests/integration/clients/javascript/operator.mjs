// An operator: a Deployment for each Widget, a status kept by a timer, and a finalizer that cleans up outside of the API.
import assert from 'node:assert/strict';
import * as k8s from '@kubernetes/client-node';
import { kubeconfig, space, until, widget } from './common.mjs';

const FINALIZER = 'clients.example.com/operator';
const objects = k8s.KubernetesObjectApi.makeApiClient(kubeconfig);
const custom = kubeconfig.makeApiClient(k8s.CustomObjectsApi);
const apps = kubeconfig.makeApiClient(k8s.AppsV1Api);
const core = kubeconfig.makeApiClient(k8s.CoreV1Api);
const where = { group: 'clients.example.com', version: 'v1', namespace: space, plural: 'widgets' };
const merge = k8s.setHeaderOptions('Content-Type', k8s.PatchStrategy.MergePatch);
const cleaned = [];

const informer = k8s.makeInformer(kubeconfig, `/apis/clients.example.com/v1/namespaces/${space}/widgets`,
    () => custom.listNamespacedCustomObject(where));
const finalizers = (found, list) => custom.patchNamespacedCustomObject({ ...where, name: found.metadata.name,
    body: { metadata: { finalizers: list, resourceVersion: found.metadata.resourceVersion } } }, merge);

async function reconcile(found) {
    const has = found.metadata.finalizers ?? [];
    if (found.metadata.deletionTimestamp) {
        if (!has.includes(FINALIZER)) return;
        cleaned.push(found.metadata.name);
        await finalizers(found, has.filter((name) => name !== FINALIZER));
        return;
    }
    if (!has.includes(FINALIZER)) {
        await finalizers(found, [...has, FINALIZER]);
        return;
    }
    const labels = { widget: found.metadata.name };
    const owner = { apiVersion: found.apiVersion, kind: found.kind, name: found.metadata.name, uid: found.metadata.uid,
        controller: true, blockOwnerDeletion: true };
    await objects.patch({
        apiVersion: 'apps/v1', kind: 'Deployment',
        metadata: { name: found.metadata.name, namespace: space, ownerReferences: [owner] },
        spec: { replicas: found.spec.size, selector: { matchLabels: labels }, template: { metadata: { labels },
            spec: { containers: [{ name: 'main', image: 'images.example.com/main:1' }] } } },
    }, undefined, undefined, 'operator', true, k8s.PatchStrategy.ServerSideApply);
}

const attempt = (found) => reconcile(found).catch((error) => { if (error.code !== 409 && error.code !== 404) throw error; });
informer.on('add', attempt);
informer.on('update', attempt);
informer.on('error', () => setTimeout(() => informer.start(), 200));
await informer.start();
const timer = setInterval(async () => {
    for (const found of informer.list(space)) {
        if (found.metadata.deletionTimestamp) continue;
        const ticks = (found.status?.ticks ?? 0) + 1;
        await custom.patchNamespacedCustomObjectStatus({ ...where, name: found.metadata.name,
            body: { status: { ticks, observed: found.metadata.generation } } }, merge).catch(() => {});
    }
}, 300);

await objects.create(widget('one', { size: 2 }));
const read = () => custom.getNamespacedCustomObject({ ...where, name: 'one' });
const deployment = () => apps.readNamespacedDeployment({ name: 'one', namespace: space }).catch(() => null);
await until('its Deployment', async () => (await deployment())?.spec.replicas === 2);
await until('two turns of the timer', async () => ((await read()).status?.ticks ?? 0) >= 2);
await custom.patchNamespacedCustomObject({ ...where, name: 'one', body: { spec: { size: 3 } } }, merge);
await until('the change', async () => (await deployment()).spec.replicas === 3);
await until('its generation', async () => (await read()).status.observed === 2);
await core.createNamespacedConfigMap({ namespace: space, body: { metadata: { name: 'beside' } } });
await custom.deleteNamespacedCustomObject({ ...where, name: 'one' });
await until('its end', () => read().then(() => false, (error) => error.code === 404));
await until('the end of what it owned', async () => (await deployment()) === null);
assert.deepEqual([...new Set(cleaned)], ['one']);
clearInterval(timer);
await informer.stop();
console.log('operator: done');
process.exit(0);
