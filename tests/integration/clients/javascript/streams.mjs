// What goes through to containers: exec with input and exit codes, attach, logs that follow, forwarded ports,
// figures. It needs a pod `box` with the containers `main` and `web`.
import assert from 'node:assert/strict';
import net from 'node:net';
import { PassThrough, Readable, Writable } from 'node:stream';
import * as k8s from '@kubernetes/client-node';
import { kubeconfig, space, until } from './common.mjs';

function sink() {
    const parts = [];
    const stream = new Writable({ write(chunk, _encoding, next) { parts.push(chunk); next(); } });
    stream.text = () => Buffer.concat(parts).toString();
    return stream;
}

const exec = new k8s.Exec(kubeconfig);
function run(command, input = null, tty = false) {
    const [out, err] = [sink(), sink()];
    return new Promise((resolve, reject) => {
        exec.exec(space, 'box', 'main', command, out, err, input, tty,
            (status) => resolve({ out: out.text(), err: err.text(), status })).catch(reject);
    });
}

const both = await run(['sh', '-c', 'echo out; echo err >&2']);
assert.deepEqual([both.out, both.err, both.status.status], ['out\n', 'err\n', 'Success']);
const failed = await run(['sh', '-c', 'exit 7']);
assert.deepEqual([failed.status.reason, failed.status.details.causes[0].message], ['NonZeroExitCode', '7']);
assert.equal((await run(['sh', '-c', 'read line; echo got $line'], Readable.from(['typed\n']))).out, 'got typed\n');
assert.match((await run(['sh', '-c', 'test -t 1 && echo a terminal'], null, true)).out, /a terminal/);
await assert.rejects(exec.exec(space, 'none', 'main', ['true'], null, null, null, false));

const followed = sink();
const logging = await new k8s.Log(kubeconfig).log(space, 'box', 'main', followed, { follow: true, tailLines: 10 });
await until('the log', () => followed.text().includes('begun'));

const attached = sink();
const typed = new PassThrough();
const socket = await new k8s.Attach(kubeconfig).attach(space, 'box', 'main', attached, null, typed, false);
typed.write('hello\n');
await until('what the process answers', () => attached.text().includes('heard hello'));
await until('the same in the log', () => followed.text().includes('heard hello'));
socket.close();
logging.abort();

const forward = new k8s.PortForward(kubeconfig);
const server = net.createServer((connection) => forward.portForward(space, 'box', [8080], connection, null, connection));
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
for (let round = 0; round < 3; round += 1) {
    const answer = await fetch(`http://127.0.0.1:${server.address().port}/`, { headers: { connection: 'close' } });
    assert.match(await answer.text(), /^box/);
}
server.close();

const metrics = new k8s.Metrics(kubeconfig);
const core = kubeconfig.makeApiClient(k8s.CoreV1Api);
await until('figures of the pod', async () => (await metrics.getPodMetrics(space)).items.length > 0, 60);
const [figure] = (await metrics.getPodMetrics(space)).items;
assert.deepEqual(figure.containers.map((one) => one.name).sort(), ['main', 'web']);
assert.ok((await metrics.getNodeMetrics()).items.length >= 1);
const top = await k8s.topPods(core, metrics, space);
assert.equal(top[0].Pod.metadata.name, 'box');
assert.ok((await k8s.topNodes(core)).length >= 1);
console.log('streams: done');
process.exit(0);
