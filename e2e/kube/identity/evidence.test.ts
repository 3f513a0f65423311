/**
 * Our certificates judged by programs that others wrote: etcd, and Go's crypto/x509 in it; Cilium's own client; zlint; and cfssl as the maker of requests.
 * What cannot be had here is skipped, and says so.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, type TestContext } from 'vitest';
import { certificate, importedKey, leafExtensions, name, newKey, pemOf } from '../../../certs/authority/hostile/testing/craft.ts';
import { readCertificate } from '../../../certs/index.ts';
import { fromPem } from '../../../certs/pem.ts';
import { systemClock } from '../../../controller/adapters/clock.ts';
import { everyKind, type Made, newProfiles, type Profiles } from '../../identity/profiles.ts';
import { missingAssets } from '../apiserver.ts';
import { type GoTool, goTool } from './go-tools.ts';
import { type MeshEtcd, startMeshEtcd, troubleshoot } from './mesh-etcd.ts';

const DAY = 86_400_000;
const has = (program: string): boolean => existsSync(join(process.env['KUBEBUILDER_ASSETS'] ?? '', program));
const missing = missingAssets() ?? (has('etcdctl') ? undefined : 'KUBEBUILDER_ASSETS has no etcdctl');
const cilium = has('clustermesh-apiserver');
let ours: Profiles;
let foreign: Profiles;
beforeAll(async () => { [ours, foreign] = [await newProfiles(), await newProfiles()]; });

/** The tool's path; without it, the test is skipped loudly. */
async function tool(context: TestContext, wanted: GoTool): Promise<string> {
  const found = await goTool(wanted);
  if ('path' in found) return found.path;
  console.warn(`SKIPPED: ${found.problem}`);
  return context.skip(found.problem);
}

describe.skipIf(missing !== undefined)(`a mesh etcd with our certificates${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  let etcd: MeshEtcd;
  const READ = ['get', 'cilium/cluster-config/berlin'] as const;
  beforeAll(async () => { etcd = await startMeshEtcd('berlin', ours.mesh('server', 'berlin'), ours.mesh('admin', 'berlin'), ours.rootPem, ['oslo']); });
  afterAll(() => etcd?.stop());

  test('lets in its own cluster and the peers that it knows, each with its rights', () => {
    for (const credentials of [ours.mesh('admin', 'berlin'), ours.mesh('local', 'berlin'), ours.mesh('remote', 'oslo')]) {
      expect(etcd.ask(credentials, READ)).toEqual({ ok: true, said: expect.stringContaining('"id":1') as string });
    }
    expect(etcd.ask(ours.mesh('admin', 'berlin'), ['put', 'cilium/x', '1']).ok).toBe(true);
    for (const credentials of [ours.mesh('local', 'berlin'), ours.mesh('remote', 'oslo')]) expect(etcd.ask(credentials, ['put', 'cilium/x', '2']).said).toContain('permission denied');
  });

  /** Made by our issuing CA's like, with what ours never signs. */
  const byAgent = (): Made => {
    const agent = ours.agent('oslo');
    const [signer, key] = [importedKey(agent.keyPem), newKey()];
    const leaf = certificate(key, signer, Date.now(), { issuer: name(['2.5.4.10', 'Isthmus'], ['2.5.4.11', 'oslo']), subject: name(['2.5.4.3', 'admin-berlin']), extensions: leafExtensions(key, signer) });
    return { keyPem: key.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, leafPem: pemOf(leaf), chainPem: pemOf(leaf) + agent.chainPem };
  };
  /** The same authority, some days ago or ahead: its keys are made anew, so its root is trusted beside ours. */
  const at = async (days: number): Promise<Made & { readonly rootPem: string }> => {
    const then = await newProfiles({ ...systemClock, now: () => Date.now() + days * DAY });
    return { ...then.mesh('admin', 'berlin'), rootPem: then.rootPem };
  };

  // Its log says why: etcdctl itself only says that time was over.
  test.each<[string, () => Made | undefined, RegExp]>([
    ['no certificate', () => undefined, /client didn't provide a certificate/],
    ['another authority with the same names', () => foreign.mesh('admin', 'berlin'), /certificate signed by unknown authority/],
    ['a server\'s certificate', () => ours.mesh('server', 'berlin'), /incompatible key usage/],
    ['the hub\'s', () => ours.hub(), /incompatible key usage/],
    ['one that an agent signed', byAgent, /certificate signed by unknown authority|not authorized to sign/],
  ])('turns away %s', (_name, credentials, problem) => {
    etcd.turnedAway();
    expect(etcd.ask(credentials(), READ, { seconds: 1 }).ok).toBe(false);
    expect(etcd.turnedAway()).toMatch(problem);
  });

  test.each<[string, () => Made]>([
    ['an agent, which names no user', () => ours.agent('berlin')],
    ['an agent of a cluster that is called root', () => ours.agent('root')],
    ['a peer that it does not know', () => ours.mesh('remote', 'virginia')],
    ['the admin of another cluster', () => ours.mesh('admin', 'oslo')],
    ['the agents of another cluster', () => ours.mesh('local', 'oslo')],
  ])('gives no rights to %s', (_name, credentials) => {
    expect(etcd.ask(credentials(), READ)).toEqual({ ok: false, said: expect.stringContaining('permission denied') as string });
  });

  test('turns away what has expired and what is not valid yet, of roots that it trusts', async () => {
    const [old, young, now] = [await at(-8), await at(1), await at(0)];
    const trusting = await startMeshEtcd('berlin', ours.mesh('server', 'berlin'), ours.mesh('admin', 'berlin'), ours.rootPem + old.rootPem + young.rootPem + now.rootPem, []);
    try {
      expect(trusting.ask(now, READ, { caPem: ours.rootPem }).ok).toBe(true);
      for (const credentials of [old, young]) {
        trusting.turnedAway();
        expect(trusting.ask(credentials, READ, { caPem: ours.rootPem, seconds: 1 }).ok).toBe(false);
        expect(trusting.turnedAway()).toMatch(/certificate has expired or is not yet valid/);
      }
    } finally {
      await trusting.stop();
    }
  });

  test('is who it says: Go takes its certificate by the names in it and by our root alone', () => {
    const admin = ours.mesh('admin', 'berlin');
    const port = new URL(etcd.url).port;
    expect(etcd.ask(admin, READ, { endpoint: `https://localhost:${port}` }).ok).toBe(true);
    for (const options of [{ caPem: foreign.rootPem }, { endpoint: `https://127.0.0.2:${port}` }]) {
      etcd.turnedAway();
      expect(etcd.ask(admin, READ, { ...options, seconds: 1 }).ok).toBe(false);
      expect(etcd.turnedAway()).toMatch(/remote error: tls: (bad certificate|unknown certificate)/);
    }
  });

  describe.skipIf(!cilium)(`Cilium's client${cilium ? '' : ' (skipped: KUBEBUILDER_ASSETS has no clustermesh-apiserver)'}`, () => {
    const peer = (): Made => ours.mesh('remote', 'oslo');
    test('connects with a peer\'s certificate', () => {
      expect(troubleshoot(etcd, 'berlin', peer(), { caPem: ours.rootPem })).toContain('Etcd connection successfully established');
      expect(troubleshoot(etcd, 'berlin', ours.mesh('local', 'berlin'), { caPem: ours.rootPem })).toContain('Etcd connection successfully established');
    });
    test.each<[string, () => Made, (() => string)]>([
      ['with another authority\'s certificate', () => foreign.mesh('remote', 'oslo'), () => ours.rootPem],
      ['with a certificate for servers', () => ours.mesh('server', 'oslo'), () => ours.rootPem],
      ['as a peer that is not known', () => ours.mesh('remote', 'virginia'), () => ours.rootPem],
      ['to a server of roots that it does not trust', peer, () => foreign.rootPem],
    ])('does not connect %s', (_name, credentials, caPem) => {
      expect(troubleshoot(etcd, 'berlin', credentials(), { caPem: caPem() })).toMatch(/❌/u);
    });
  });
});

test('zlint finds nothing against the RFCs in any kind of certificate', async (context) => {
  const zlint = await tool(context, 'zlint');
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-zlint-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const lint = (pem: string): string => {
    writeFileSync(join(folder, 'one.pem'), pem);
    return spawnSync(zlint, ['-includeSources', sources, join(folder, 'one.pem')], { encoding: 'utf8' }).stdout;
  };
  const sources = 'RFC3279,RFC5280,RFC5480,RFC5891,RFC8813,Community';
  for (const [kind, pem] of Object.entries(everyKind(ours))) {
    const results = Object.entries(JSON.parse(lint(pem)) as Record<string, { readonly result: string }>);
    expect([kind, results.filter(([, { result }]) => ['warn', 'error', 'fatal'].includes(result)).map(([lint]) => lint)]).toEqual([kind, []]);
    expect(results.filter(([, { result }]) => result === 'pass').length).toBeGreaterThan(40);
  }
  // The same judge finds something where something is wrong.
  const key = newKey();
  expect(lint(pemOf(certificate(key, key, Date.now(), { serial: Uint8Array.of(2, 1, 0xff) })))).toMatch(/"result":"error"/);
});

test('requests of cfssl are taken for their key alone, and those with other keys are not', async (context) => {
  const cfssl = await tool(context, 'cfssl');
  const requestOf = (key: { readonly algo: string; readonly size: number }): Uint8Array => {
    const asked = { CN: 'admin-berlin', hosts: ['oslo.mesh.cilium.io', 'spiffe://mesh.example/cluster/oslo'], key, names: [{ O: 'system:masters' }] };
    const { csr } = JSON.parse(execFileSync(cfssl, ['genkey', '-loglevel=5', '-'], { input: JSON.stringify(asked), encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] })) as { readonly csr: string };
    return fromPem('CERTIFICATE REQUEST', csr)[0] ?? new Uint8Array();
  };
  const facts = readCertificate(ours.answer('berlin', requestOf({ algo: 'ecdsa', size: 256 })));
  expect(facts).toMatchObject({ uris: ['spiffe://mesh.example/cluster/berlin'], dnsNames: [], commonName: '', authority: false });
  for (const key of [{ algo: 'rsa', size: 2048 }, { algo: 'ecdsa', size: 384 }, { algo: 'ecdsa', size: 521 }]) expect(() => ours.answer('berlin', requestOf(key))).toThrow(/^certificate request: /);
});

test('openssl makes requests that are taken the same way', () => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-request-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'key.pem'), newKey().privateKey.export({ type: 'pkcs8', format: 'pem' }) as string);
  const der = execFileSync('openssl', ['req', '-new', '-outform', 'DER', '-subj', '/CN=admin-berlin', '-addext', 'subjectAltName=DNS:oslo.mesh.cilium.io', '-addext', 'basicConstraints=critical,CA:TRUE', '-key', join(folder, 'key.pem')]);
  expect(readCertificate(ours.answer('berlin', new Uint8Array(der)))).toMatchObject({ uris: ['spiffe://mesh.example/cluster/berlin'], dnsNames: [], commonName: '', authority: false });
});
