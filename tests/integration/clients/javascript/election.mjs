// Leader election by a Lease, as programs write it: who cannot renew in time loses, and updates are refused when stale.
import assert from 'node:assert/strict';
import * as k8s from '@kubernetes/client-node';
import { kubeconfig, pause, space, until } from './common.mjs';

const leases = kubeconfig.makeApiClient(k8s.CoordinationV1Api);
const SECONDS = 2;

class Candidate {
    constructor(name) { this.name = name; this.leads = false; this.alive = true; this.done = this.run(); }

    async run() {
        for (; this.alive; await pause(0.3)) this.leads = await this.attempt();
    }

    async attempt() {
        const now = new k8s.V1MicroTime();
        const mine = { holderIdentity: this.name, leaseDurationSeconds: SECONDS, acquireTime: now, renewTime: now };
        try {
            const lease = await leases.readNamespacedLease({ name: 'js', namespace: space });
            const spec = lease.spec;
            const fresh = Date.now() - new Date(spec.renewTime).getTime() < SECONDS * 1000;
            if (spec.holderIdentity !== this.name && fresh) return false;
            const taken = spec.holderIdentity !== this.name;
            lease.spec = { ...mine, acquireTime: taken ? now : spec.acquireTime,
                leaseTransitions: (spec.leaseTransitions ?? 0) + (taken ? 1 : 0) };
            await leases.replaceNamespacedLease({ name: 'js', namespace: space, body: lease });
            return true;
        } catch (error) {
            if (error.code === 409) return false;
            if (error.code !== 404) throw error;
        }
        const body = { metadata: { name: 'js' }, spec: { ...mine, leaseTransitions: 0 } };
        return leases.createNamespacedLease({ namespace: space, body }).then(() => true, () => false);
    }
}

const candidates = ['a', 'b', 'c'].map((name) => new Candidate(name));
const leader = await until('a leader', () => candidates.find((one) => one.leads));
for (let round = 0; round < 5; round += 1, await pause(0.3)) {
    assert.ok(candidates.filter((one) => one.leads).length <= 1, 'two lead');
}
leader.alive = false;
await leader.done;
leader.leads = false;
const next = await until('another leader', () => candidates.find((one) => one.leads));
assert.notEqual(next.name, leader.name);
const lease = await leases.readNamespacedLease({ name: 'js', namespace: space });
assert.deepEqual([lease.spec.holderIdentity, lease.spec.leaseTransitions], [next.name, 1]);
for (const one of candidates) one.alive = false;
console.log('election: done');
