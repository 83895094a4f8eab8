// KubernetesObjectApi: objects of any kind, which it knows by discovery alone.
import assert from 'node:assert/strict';
import * as k8s from '@kubernetes/client-node';
import { kubeconfig, space, widget } from './common.mjs';

const client = k8s.KubernetesObjectApi.makeApiClient(kubeconfig);
const documents = k8s.loadAllYaml(`
apiVersion: v1
kind: ConfigMap
metadata: {name: one, namespace: ${space}, labels: {set: js}}
data: {a: "1"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: ${space}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: images.example.com/web:1}]}
`);
for (const document of documents) await client.create(document);
const made = await client.create(widget('one', { color: 'red' }));
assert.deepEqual(made.spec, { color: 'red', size: 1 });

const listed = await client.list('v1', 'ConfigMap', space, undefined, undefined, undefined, undefined, 'set=js');
assert.deepEqual(listed.items.map((item) => item.metadata.name), ['one']);

const read = await client.read(documents[0]);
read.data.a = '2';
assert.equal((await client.replace(read)).data.a, '2');
await assert.rejects(client.replace({ ...read, metadata: { ...read.metadata, resourceVersion: '1' } }),
    (error) => error.code === 409);

const merged = await client.patch(widget('one', { size: 3 }), undefined, undefined, undefined, undefined,
    k8s.PatchStrategy.MergePatch);
assert.deepEqual(merged.spec, { color: 'red', size: 3 });
const applied = await client.patch(widget('two', { size: 2 }), undefined, undefined, 'js', true,
    k8s.PatchStrategy.ServerSideApply);
assert.equal(applied.spec.size, 2);
await assert.rejects(
    client.patch(widget('two', { size: 5 }), undefined, undefined, 'other', false, k8s.PatchStrategy.ServerSideApply),
    (error) => error.code === 409 && /conflict with .*js/.test(JSON.stringify(error.body)));

const dry = await client.create(widget('three', { size: 1 }), undefined, 'All');
assert.equal(dry.metadata.name, 'three');
await assert.rejects(client.read(widget('three')), (error) => error.code === 404);
await assert.rejects(client.create(widget('bad', { size: 0 })), (error) => error.code === 422);
await assert.rejects(client.create({ apiVersion: 'none.example.com/v1', kind: 'None', metadata: { name: 'x' } }));
assert.equal((await client.delete(widget('one'))).status, 'Success');
console.log('dynamic: done');
