// Typed clients, and the four content types of a patch.
import assert from 'node:assert/strict';
import * as k8s from '@kubernetes/client-node';
import { kubeconfig, space } from './common.mjs';

const apps = kubeconfig.makeApiClient(k8s.AppsV1Api);
const container = { name: 'web', image: 'images.example.com/web:1' };
const labels = { app: 'web' };
await apps.createNamespacedDeployment({ namespace: space, body: {
    metadata: { name: 'web' },
    spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [container] } } },
} });
const patch = (strategy, body, more = {}) => apps.patchNamespacedDeployment(
    { name: 'web', namespace: space, body, ...more }, k8s.setHeaderOptions('Content-Type', strategy));
const at = (deployment) => deployment.spec.template.spec.containers[0];

assert.equal((await patch(k8s.PatchStrategy.JsonPatch, [{ op: 'replace', path: '/spec/replicas', value: 2 }])).spec.replicas, 2);
const env = { spec: { template: { spec: { containers: [{ name: 'web', env: [{ name: 'A', value: '1' }] }] } } } };
const strategic = at(await patch(k8s.PatchStrategy.StrategicMergePatch, env));
assert.deepEqual([strategic.image, strategic.env[0].value], [container.image, '1']);
const image = { spec: { template: { spec: { containers: [{ name: 'web', image: 'images.example.com/web:2' }] } } } };
assert.equal(at(await patch(k8s.PatchStrategy.MergePatch, image)).env, undefined);
const wanted = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: { replicas: 5 } };
const forced = await patch(k8s.PatchStrategy.ServerSideApply, wanted, { fieldManager: 'js', force: true });
assert.equal(forced.spec.replicas, 5);
assert.ok(forced.metadata.managedFields.some((entry) => entry.manager === 'js' && entry.operation === 'Apply'));
await assert.rejects(patch('text/plain', wanted), (error) => error.code === 415);
const scale = await apps.readNamespacedDeploymentScale({ name: 'web', namespace: space });
assert.equal(scale.spec.replicas, 5);
console.log('patch: done');
