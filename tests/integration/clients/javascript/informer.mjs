// An informer that starts again when its connection ends: what changed while the server was away is in its cache.
// It writes `ready` once it has listed, and ends when it has seen the ConfigMaps that it was told of.
import assert from 'node:assert/strict';
import * as k8s from '@kubernetes/client-node';
import { kubeconfig, pause, space, until, words } from './common.mjs';

const core = kubeconfig.makeApiClient(k8s.CoreV1Api);
const list = () => core.listNamespacedConfigMap({ namespace: space, labelSelector: 'js=informer' });
const informer = k8s.makeInformer(kubeconfig, `/api/v1/namespaces/${space}/configmaps`, list, 'js=informer');
const said = [];
let lost = 0;
for (const verb of ['add', 'update', 'delete']) informer.on(verb, (object) => said.push(`${verb} ${object.metadata.name}`));
const begin = async () => {
    for (;;) {
        try {
            await informer.start();
            return;
        } catch {
            await pause(0.2);
        }
    }
};
informer.on('error', () => { lost += 1; setTimeout(begin, 200); });
await begin();
console.log('ready');
const [wanted, gone] = words;
await until(wanted, () => said.includes(`add ${wanted}`) && said.includes(`delete ${gone}`), 50);
assert.ok(lost >= 1, 'the connection was cut');
assert.deepEqual(informer.list(space).map((item) => item.metadata.name).sort(), [wanted]);
await informer.stop();
console.log('informer: done');
process.exit(0);
