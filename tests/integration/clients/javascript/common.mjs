// What the programs share: the kubeconfig of the environment, and waiting with an end.
import * as k8s from '@kubernetes/client-node';

export const kubeconfig = new k8s.KubeConfig();
kubeconfig.loadFromDefault();
export const [space, ...words] = process.argv.slice(2);

export const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

// Until `holds` answers something true; that is the result.
export async function until(what, holds, seconds = 30) {
    const end = Date.now() + seconds * 1000;
    for (;;) {
        const found = await holds();
        if (found) return found;
        if (Date.now() > end) throw new Error(`still waiting for ${what}`);
        await pause(0.1);
    }
}

export const widget = (name, spec = {}) => ({
    apiVersion: 'clients.example.com/v1', kind: 'Widget', metadata: { name, namespace: space }, spec,
});
