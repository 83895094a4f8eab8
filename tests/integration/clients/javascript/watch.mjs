// Watch: what happens, in order; an end by the client; a resumption; the end of a server's patience.
import assert from 'node:assert/strict';
import * as k8s from '@kubernetes/client-node';
import { kubeconfig, space, until } from './common.mjs';

const core = kubeconfig.makeApiClient(k8s.CoreV1Api);
const path = `/api/v1/namespaces/${space}/configmaps`;
const watch = new k8s.Watch(kubeconfig);
const start = (await core.listNamespacedConfigMap({ namespace: space })).metadata.resourceVersion;
const make = (name) => core.createNamespacedConfigMap({ namespace: space, body: { metadata: { name, labels: { js: 'watch' } } } });

function follow(resourceVersion, more = {}) {
    const seen = [];
    const done = new Promise((resolve) => {
        seen.stop = watch.watch(path, { resourceVersion, labelSelector: 'js=watch', ...more },
            (phase, object) => seen.push([phase, object.metadata.name, object.metadata.resourceVersion]), resolve);
    });
    return { seen, done };
}

const first = follow(start);
await make('one');
await until('the first event', () => first.seen.length === 1);
(await first.seen.stop).abort();
assert.equal((await first.done).name, 'AbortError');
await make('two');
await core.deleteNamespacedConfigMap({ name: 'one', namespace: space });
const second = follow(first.seen[0][2]);
await until('what came meanwhile', () => second.seen.length === 2);
assert.deepEqual(second.seen.map(([phase, name]) => [phase, name]), [['ADDED', 'two'], ['DELETED', 'one']]);
(await second.seen.stop).abort();
const short = follow(start, { timeoutSeconds: 1, allowWatchBookmarks: true });
assert.ok([null, k8s.Watch.SERVER_SIDE_CLOSE].includes(await short.done));
assert.deepEqual(short.seen.filter(([phase]) => phase !== 'BOOKMARK').map(([phase]) => phase), ['ADDED', 'ADDED', 'DELETED']);
console.log('watch: done');
