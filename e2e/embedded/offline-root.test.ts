/** A hub whose root is on another machine: real processes, a real handshake judged by OpenSSL. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectKubernetes } from '../../controller/adapters/kubernetes/connect.ts';
import { createMetrics } from '../../controller/adapters/metrics.ts';
import { freePort } from '../../controller/demo/free-port.ts';
import type { CertificateAuthorityObject } from '../../mesh/api/resources/authority.ts';
import { CertificateAuthority } from '../../mesh/api/resources/index.ts';
import type { ConfigMapObject } from '../../mesh/api/resources/core.ts';
import { ConfigMap } from '../../mesh/api/resources/core.ts';
import { fetchText, isthmus, launch, startHub, temporaryFolder } from './hub-process.ts';

const signal = new AbortController().signal;
const folder = temporaryFolder();
afterAll(() => folder.remove());
const path = (name: string): string => join(folder.path, name);
const root = path('root');

beforeAll(async () => {
  expect(await isthmus(['identity', 'root', 'init', '--trust-domain', 'isthmus.local', '--out', root])).toMatchObject({ status: 0, stdout: `${join(root, 'root.crt.pem')}\n` });
});

const until = async <T>(what: () => Promise<T | undefined>): Promise<T> => {
  for (const giveUpAt = performance.now() + 60_000; performance.now() < giveUpAt;) {
    const found = await what().catch(() => undefined);
    if (found !== undefined) return found;
    await new Promise((done) => { setTimeout(done, 100); });
  }
  throw new Error('did not come to be');
};
const flags = ['--root=offline', '--root-certificates', join(root, 'root.crt.pem')];

test('waits for its signature and says so, answers agents once it has it, and still after a restart', async () => {
  const [gateway, health, api] = [await freePort(), await freePort(), await freePort()].map((port) => `127.0.0.1:${port}`) as [string, string, string];
  const hub = launch(['hub', '--embedded', '--api-listen', api, '--write-kubeconfig', path('hub.kubeconfig'), '--data-dir', path('hub'), '--listen', gateway, '--advertise', gateway, '--health-listen', health, ...flags]);
  const client = await until(async () => Promise.resolve(readFileSync(path('hub.kubeconfig')) && connectKubernetes({ kubeconfig: path('hub.kubeconfig'), userAgent: 'isthmus-test', metrics: createMetrics({ processMetrics: false }) })));
  try {
    const request = await until(async () => (await client.get<CertificateAuthorityObject>(CertificateAuthority, { name: 'fleet' }, signal))?.status?.request);
    expect(request.hosts).toEqual(['127.0.0.1']);
    const ready = await until(async () => {
      const answer = await fetchText(`http://${health}/readyz`);
      return answer.text.includes('has no issuing CA yet') ? answer : undefined;
    });
    expect(ready).toMatchObject({ status: 503, text: expect.stringMatching(/"isthmus identity root sign"/) as string });
    const ask = (...words: readonly string[]) => isthmus(['--kubeconfig', path('hub.kubeconfig'), 'identity', 'root', ...words]);
    expect(await ask('request', '--out', path('issuing.csr.pem'))).toMatchObject({ status: 0, stderr: expect.stringContaining('--permit 127.0.0.1\n') as string });
    expect(readFileSync(path('issuing.csr.pem'), 'utf8')).toBe(request.requestPem);
    expect(await ask('install', join(root, 'root.crt.pem'))).toMatchObject({ status: 1, stderr: expect.stringMatching(/for another key than that of the open request/) as string });
    expect(await isthmus(['identity', 'root', 'sign', '--key', join(root, 'root.key.pem'), '--request', path('issuing.csr.pem'), '--out', path('issuing.crt.pem'), '--permit', '127.0.0.1'])).toMatchObject({ status: 0 });
    expect(await ask('install', path('issuing.crt.pem'))).toMatchObject({ status: 0, stdout: 'installed\n' });
    expect(await ask('request')).toMatchObject({ status: 1, stderr: expect.stringContaining('asks for no signature now') as string });
    await until(async () => ((await fetchText(`http://${health}/readyz`)).status === 200 ? true : undefined));
    const trust = await until(async () => (await client.get<ConfigMapObject>(ConfigMap, { namespace: 'isthmus-system', name: 'isthmus-trust' }, signal))?.data);
    expect(trust['bundle.pem']).toBe(readFileSync(join(root, 'root.crt.pem'), 'utf8'));
    expect(JSON.parse(trust['bundle.json'] ?? '')).toMatchObject({ spiffe_sequence: 1, keys: [{ use: 'x509-svid', kty: 'EC' }] });
    expect(handshake(gateway)).toMatch(/Verify return code: 0 \(ok\)/);
  } finally {
    await client.close();
    await hub.stop();
  }
  const { stdout, stderr } = hub.printed();
  expect(stdout + stderr).not.toContain('PRIVATE KEY');
  const again = await startHub(folder.path, { flags: [...flags] });
  try {
    expect(handshake(again.gateway)).toMatch(/Verify return code: 0 \(ok\)/);
  } finally {
    await again.stop();
  }
}, 120_000);

const handshake = (gateway: string): string =>
  spawnSync('openssl', ['s_client', '-connect', gateway, '-CAfile', join(root, 'root.crt.pem'), '-x509_strict', '-verify_ip', '127.0.0.1', '-tls1_3', '-alpn', 'h2'], { encoding: 'utf8', input: '', timeout: 20_000 }).stdout;
