import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { p256Signer } from '../../controller/adapters/signer.ts';
import { type ManualClock, manualClock } from '../../controller/runtime/testing/manual-clock.ts';
import { recordingLog, seededRandom, silentLog } from '../../controller/runtime/testing/fakes.ts';
import type { MeshCertificateRole } from '../../mesh/ports/transport.ts';
import { fromPem } from '../pem.ts';
import { deterministicSigner } from '../testing/deterministic-signer.ts';
import { memoryKeyStore } from '../testing/memory-key-store.ts';
import { createAuthority } from './authority.ts';
import { readCertificate } from './read.ts';
import { createCertificateRequest } from './request.ts';

const DAY = 86_400_000;
const signal = new AbortController().signal;
const roles: readonly MeshCertificateRole[] = ['server', 'admin', 'remote', 'local'];

async function authorityWith(overrides: Partial<Parameters<typeof createAuthority>[0]> = {}) {
  const clock = overrides.clock as ManualClock | undefined ?? manualClock();
  const keys = memoryKeyStore();
  const authority = createAuthority({ clock, random: seededRandom(1), signer: p256Signer, keys, trustDomain: 'mesh.example', log: silentLog, ...overrides });
  await authority.open(signal);
  return { authority, clock, keys };
}
const request = () => createCertificateRequest(p256Signer.generate());
const meshRequests = () => roles.map((role) => ({ role, csrDer: request() }));

test('an agent certificate holds one SPIFFE ID, both purposes, 24 hours and nothing that a mesh etcd takes for a user', async () => {
  const { authority, clock } = await authorityWith();
  const issued = authority.issueAgent('berlin', request());
  const leaf = new X509Certificate(issued.chainPem);
  expect(leaf.subjectAltName).toBe('URI:spiffe://mesh.example/cluster/berlin');
  expect(leaf.subject).toBe('O=Isthmus\nOU=berlin');
  expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
  expect(leaf.ca).toBe(false);
  expect(leaf.serialNumber).toBe(issued.serial);
  expect(Date.parse(leaf.validTo) - clock.now()).toBe(DAY);
  expect(clock.now() - Date.parse(leaf.validFrom)).toBe(60_000);
  expect(issued.notAfter).toBe(Date.parse(leaf.validTo));
  const [, issuing] = fromPem('CERTIFICATE', issued.chainPem).map((der) => new X509Certificate(der));
  const root = new X509Certificate(issued.bundlePem);
  expect(leaf.checkIssued(issuing!) && leaf.verify(issuing!.publicKey)).toBe(true);
  expect(issuing!.checkIssued(root) && issuing!.verify(root.publicKey)).toBe(true);
  expect(issuing!.ca && root.ca).toBe(true);
  expect(Date.parse(root.validTo) - clock.now()).toBe(3650 * DAY);
  expect(readCertificate(issued.chainPem)).toMatchObject({ serial: leaf.serialNumber, uris: ['spiffe://mesh.example/cluster/berlin'], notAfter: issued.notAfter });
});

test.each(['c1/../c10', 'C1', 'c1\0', 'bérlin', '', 'default', 'a'.repeat(33)])('cluster name %j gets no certificate', async (name) => {
  const { authority } = await authorityWith();
  expect(() => authority.issueAgent(name, request())).toThrow(/cluster/);
});

test('mesh certificates name exactly this cluster and carry no SPIFFE ID', async () => {
  const { authority, clock } = await authorityWith();
  const [server, admin, remote, local] = authority.issueMesh('berlin', meshRequests(), 'cilium').map((issued) => new X509Certificate(issued.chainPem));
  expect(server?.subjectAltName).toBe('DNS:clustermesh-apiserver.cilium.svc, DNS:berlin.mesh.cilium.io, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1');
  expect(server?.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  for (const [role, leaf] of Object.entries({ admin, remote, local })) {
    expect(leaf?.subject).toBe(`O=Isthmus\nCN=${role}-berlin`);
    expect(leaf?.subjectAltName).toBeUndefined();
    expect(leaf?.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(Date.parse(leaf?.validTo ?? '') - clock.now()).toBe(7 * DAY);
  }
  expect(() => authority.issueMesh('berlin', meshRequests(), '*.evil')).toThrow(/DNS label/);
  expect(() => authority.issueMesh('berlin', [...meshRequests(), ...meshRequests()], 'cilium')).toThrow(/4 roles/);
});

test('the hub presents its host, also an IPv6 one, and renews at half its life', async () => {
  const { authority, clock } = await authorityWith();
  const first = authority.serverMaterial('hub.example');
  expect(new X509Certificate(first.chainPem).subjectAltName).toBe('URI:spiffe://mesh.example/hub, DNS:hub.example, DNS:localhost, IP Address:127.0.0.1');
  await clock.advance(DAY / 3);
  expect(authority.serverMaterial('hub.example')).toBe(first);
  await clock.advance(DAY / 4);
  expect(authority.serverMaterial('hub.example').chainPem).not.toBe(first.chainPem);
  expect(new X509Certificate(authority.serverMaterial('[2001:db8::7]').chainPem).subjectAltName).toContain('IP Address:2001:DB8:0:0:0:0:0:7');
});

describe('the issuing CA', () => {
  test('is renewed in time with an overlap, under the same root and bundle', async () => {
    const { authority, clock, keys } = await authorityWith();
    const stop = new AbortController();
    const before = authority.trust();
    const running = authority.keepFresh(stop.signal);
    const issuers: string[] = [];
    for (let day = 0; day < 400; day++) {
      await clock.advance(DAY);
      const { issuer, issuingCaGeneration, chainPem, notAfter } = authority.issueAgent('berlin', request());
      if (issuers.at(-1) !== issuer) issuers.push(issuer);
      expect(issuingCaGeneration).toBe(issuers.length);
      expect(readCertificate(chainPem).notAfter - clock.now()).toBe(DAY);
      expect(notAfter).toBeGreaterThan(clock.now());
    }
    stop.abort();
    await running;
    expect(new Set(issuers).size).toBe(issuers.length);
    expect(issuers.length).toBeGreaterThan(4);
    expect(keys.writes()).toBeLessThan(25);
    expect(authority.trust()).toEqual(before);
  }, 60_000);

  test('of a document of the first form is used on, and counted on', async () => {
    const start = Date.parse('2030-02-16T00:00:00Z');
    const keys = memoryKeyStore();
    const text = readFileSync(new URL('../testing/fixtures/authority-schema-1.json', import.meta.url), 'utf8');
    const first = JSON.parse(text) as { roots: { certificatePem: string }[]; issuers: { certificatePem: string; generation?: number }[] };
    await keys.save(text, undefined, signal);
    const { authority, clock } = await authorityWith({ keys, clock: manualClock(start), hosts: ['hub.example'] });
    // An earlier version can still read it.
    expect(keys.writes()).toBe(1);
    expect(authority.trust()).toEqual({ trustDomain: 'mesh.example', sequence: 1, bundlePem: first.roots[0]?.certificatePem });
    const issued = authority.issueAgent('berlin', request());
    expect(issued).toMatchObject({ issuingCaGeneration: 1 });
    expect(issued.chainPem.endsWith(first.issuers[0]!.certificatePem)).toBe(true);
    expect(authority.state()).toMatchObject({
      roots: [{ generation: 1, state: 'active', trusted: true, key: 'Held' }], renewClientsFrom: 1, renewServersFrom: 1, problems: [],
      issuers: [{ generation: 1, root: 1, state: 'active', signs: ['client', 'server'] }, { generation: 2, root: 1, state: 'prepared', signs: [] }],
    });
    // Where nothing was counted yet, the oldest that is left is the first.
    const uncounted = memoryKeyStore();
    await uncounted.save(JSON.stringify({ ...first, issuers: first.issuers.map(({ generation: _, ...issuer }) => issuer) }), undefined, signal);
    expect((await authorityWith({ keys: uncounted, clock: manualClock(start) })).authority.state()).toEqual(authority.state());
    const seen = new Set<number>();
    for (let day = 0; day < 200; day++) {
      await clock.advance(DAY);
      await authority.open(signal);
      seen.add(authority.issueAgent('berlin', request()).issuingCaGeneration);
    }
    expect([...seen]).toEqual(Array.from({ length: seen.size }, (_, index) => 1 + index));
    expect(seen.size).toBeGreaterThan(2);
    expect(JSON.parse((await keys.load(signal))?.content ?? '')).toMatchObject({ schema: 2, issuers: [{ root: 1 }, { root: 1 }] });
  });

  test('is made anew by a hub that slept for a year', async () => {
    const { authority, clock } = await authorityWith();
    await clock.advance(365 * DAY);
    expect(() => authority.issueAgent('berlin', request())).toThrow(/expired/);
    await authority.open(signal);
    expect(authority.issueAgent('berlin', request()).notAfter).toBe(clock.now() + DAY);
  });
});

test('hubs that start at once share one authority', async () => {
  const keys = memoryKeyStore();
  const hubs = await Promise.all([1, 2, 3, 4].map((seed) => authorityWith({ keys, random: seededRandom(seed) })));
  expect(new Set(hubs.map(({ authority }) => authority.trust().bundlePem)).size).toBe(1);
  expect(keys.writes()).toBe(1);
});

test('a damaged or foreign document is reported, never replaced, and no key reaches log or error', async () => {
  const log = recordingLog();
  const keys = memoryKeyStore();
  await authorityWith({ keys, log });
  const stored = (await keys.load(signal))?.content ?? '';
  await expect(authorityWith({ keys, trustDomain: 'other.example' })).rejects.toThrow(/made for trust domain "mesh.example"/);
  expect(await keys.save(stored.slice(0, -20), '1', signal)).toBe(true);
  const failure: unknown = await authorityWith({ keys }).catch((error: unknown) => error);
  expect(failure).toMatchObject({ name: 'AuthorityUnusable', advice: 'user' });
  expect(String(failure) + JSON.stringify(log.lines)).not.toContain('PRIVATE KEY');
  expect(keys.writes()).toBe(2);
  expect(() => createAuthority({ clock: manualClock(), random: seededRandom(1), signer: p256Signer, keys, trustDomain: 'Not A Domain', log })).toThrow(/trust domain/);
});

test('with a deterministic signer the same seed gives the same certificates', async () => {
  const run = async () => {
    const signer = deterministicSigner('seed');
    const { authority } = await authorityWith({ signer });
    const csr = () => createCertificateRequest(signer.generate());
    return [authority.trust(), authority.issueAgent('berlin', csr()), authority.issueMesh('oslo', roles.map((role) => ({ role, csrDer: csr() })), 'kube-system'), authority.serverMaterial('hub')];
  };
  expect(await run()).toEqual(await run());
});
