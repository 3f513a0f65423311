/** Roots whose keys the hub does not have, made and used by OpenSSL; chains are judged by `openssl verify -x509_strict`. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { commandRoot, fileRoot, offlineRoot } from '../../controller/adapters/root-keys.ts';
import { p256Signer } from '../../controller/adapters/signer.ts';
import { systemRandom } from '../../controller/adapters/random.ts';
import { manualClock } from '../../controller/runtime/testing/manual-clock.ts';
import { recordingLog } from '../../controller/runtime/testing/fakes.ts';
import { fromPem, toPem } from '../pem.ts';
import { memoryKeyStore } from '../testing/memory-key-store.ts';
import { type Authority, createAuthority } from './authority.ts';
import { initRoot, signIssuingRequest } from './ceremony.ts';
import { createAuthorityRequest, createCertificateRequest } from './request.ts';
import type { RootKeys } from './root-keys.ts';

const DAY = 86_400_000;
const signal = new AbortController().signal;
const folder = mkdtempSync(join(tmpdir(), 'isthmus-roots-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = (name: string): string => join(folder, name);
const file = (name: string, text: string, mode = 0o600): string => {
  writeFileSync(path(name), text, { mode });
  return path(name);
};
function openssl(...parameters: string[]): string {
  const { stdout, stderr, status } = spawnSync('openssl', parameters, { encoding: 'utf8' });
  if (status !== 0 && parameters[0] !== 'verify') throw new Error(stderr);
  return stdout + stderr;
}
const refusal = (work: Promise<unknown>): Promise<string> => work.then(() => 'done', (error: Error) => error.message);
const HOSTS = ['hub.example', '10.1.2.3'];

async function hub(roots: RootKeys, keys = memoryKeyStore(), hosts: readonly string[] = HOSTS) {
  const [clock, log] = [manualClock(Date.now()), recordingLog()];
  const authority = createAuthority({ clock, random: systemRandom, signer: p256Signer, keys, trustDomain: 'mesh.example', log, roots, hosts });
  await authority.open(signal);
  return { authority, clock, log, keys };
}

const KINDS = { 'P-256': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], RSA: ['-newkey', 'rsa:2048'], Ed25519: ['-newkey', 'ed25519'] } as const;
/** A root as an operator's own tool makes it. */
function importedRoot(kind: keyof typeof KINDS, name: string = kind): { readonly certificate: string; readonly key: string } {
  const [certificate, key] = [path(`${name}.crt.pem`), path(`${name}.key.pem`)];
  openssl('req', '-x509', '-sha256', '-nodes', ...KINDS[kind], '-keyout', key, '-out', certificate, '-days', '3650', '-subj', `/C=DE/O=Bank/CN=Root ${name}`,
    '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign');
  chmodSync(key, 0o600);
  return { certificate, key };
}
const PROFILE = {
  basicConstraints: 'critical,CA:TRUE,pathlen:0', keyUsage: 'critical,keyCertSign,cRLSign', subjectKeyIdentifier: 'hash', authorityKeyIdentifier: 'keyid',
  nameConstraints: 'critical,permitted;URI:mesh.example,permitted;DNS:svc,permitted;DNS:mesh.cilium.io,permitted;DNS:localhost,permitted;DNS:hub.example,permitted;IP:127.0.0.1/255.255.255.255,permitted;IP:::1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,permitted;IP:10.1.2.3/255.255.255.255',
};
/** What the operator's tool makes of a request. */
function signedByTool(requestPem: string, root: { readonly certificate: string; readonly key: string }, profile: Partial<typeof PROFILE> = PROFILE, days = 90): string {
  const extensions = Object.entries(profile).map(([name, value]) => `${name}=${value}`).join('\n');
  return openssl('x509', '-req', '-sha256', '-in', file('issuing.csr.pem', requestPem), '-CA', root.certificate, '-CAkey', root.key, '-CAcreateserial', '-days', String(days), '-extfile', file('profile', extensions));
}
function verified(chainPem: string, roots: string, ...parameters: string[]): string {
  const [leaf = '', ...above] = fromPem('CERTIFICATE', chainPem).map((der) => toPem('CERTIFICATE', der));
  return openssl('verify', '-x509_strict', '-CAfile', file('roots.pem', roots), '-untrusted', file('above.pem', above.join('')), ...parameters, file('leaf.pem', leaf));
}
const agentChain = (authority: Authority): string => authority.issueAgent('berlin', createCertificateRequest(p256Signer.generate())).chainPem;

describe.each(['RSA', 'Ed25519', 'P-256'] as const)('an imported %s root', (kind) => {
  const root = importedRoot(kind);
  test('whose tool signs the request: leaves verify up to it', async () => {
    const { authority, clock, keys, log } = await hub(offlineRoot(root.certificate));
    const before = authority.state();
    expect(before).toMatchObject({ roots: [{ key: 'Offline', trusted: true, state: 'active' }], issuers: [], request: { hosts: HOSTS }, problems: [{ reason: 'NoIssuer' }, { reason: 'SignatureNeeded' }] });
    expect(() => authority.serverMaterial('hub.example')).toThrow(/has no issuing CA yet/);
    expect(authority.trust().bundlePem).toBe(readFileSync(root.certificate, 'utf8'));
    await authority.install(signedByTool(before.request!.requestPem, root) + readFileSync(root.certificate, 'utf8'), signal);
    const after = authority.state();
    expect(after).toMatchObject({ issuers: [{ generation: 1, state: 'active', signs: ['client', 'server'] }], problems: [] });
    expect(after.request).toBeUndefined();
    const bundle = authority.trust().bundlePem;
    expect(verified(agentChain(authority), bundle, '-purpose', 'sslclient')).toMatch(/: OK\n$/);
    expect(verified(authority.serverMaterial('hub.example').chainPem, bundle, '-purpose', 'sslserver', '-verify_hostname', 'hub.example')).toMatch(/: OK\n$/);
    for (const { chainPem } of authority.issueMesh('berlin', (['server', 'remote'] as const).map((role) => ({ role, csrDer: createCertificateRequest(p256Signer.generate()) })), 'cilium')) expect(verified(chainPem, bundle)).toMatch(/: OK\n$/);
    // The same once more changes nothing; a key never shows.
    expect(await authority.install(after.issuers[0]!.certificatePem, signal)).toEqual(after);
    expect(JSON.stringify(after) + JSON.stringify(log.lines)).not.toContain('PRIVATE KEY');
    // 45 days before its end the next one is asked for; the old one signs on until then.
    await clock.advance(46 * DAY);
    await authority.open(signal);
    expect(authority.state()).toMatchObject({ request: { root: 1 }, issuers: [{ state: 'active' }], problems: [{ reason: 'SignatureNeeded' }] });
    expect(keys.writes()).toBe(3);
  });
  test('whose key is in a file, and by a command', async () => {
    const script = file('sign.mjs', `
      import { createPrivateKey, sign } from 'node:crypto';
      import { readFileSync } from 'node:fs';
      const { algorithm, toBeSigned } = JSON.parse(readFileSync(0, 'utf8'));
      const key = createPrivateKey(readFileSync(process.argv[2]));
      console.log(sign(algorithm === 'ed25519' ? null : 'sha256', Buffer.from(toBeSigned, 'base64'), key).toString('base64'));
    `);
    for (const roots of [fileRoot(root.certificate, root.key), commandRoot(root.certificate, `${process.execPath} ${script} ${root.key}`)]) {
      const { authority, keys } = await hub(roots);
      expect(authority.state()).toMatchObject({ roots: [{ key: roots.kind }], issuers: [{ state: 'active' }], problems: [] });
      expect(verified(agentChain(authority), authority.trust().bundlePem)).toMatch(/: OK\n$/);
      // The root's key is not copied into the hub's own store.
      expect(JSON.parse((await keys.load(signal))!.content)).toMatchObject({ roots: [expect.not.objectContaining({ keyPem: expect.anything() as unknown })] });
    }
  });
});

/** As Helm's genCA makes Secret cilium-ca (chart, `templates/_helpers.tpl`): an RSA key of PKCS #1, no key identifiers, and uses of a leaf beside its own. */
test('the CA of a mesh that Cilium\'s chart made signs as a root: who trusts it trusts our leaves', async () => {
  const [certificate, pkcs8, key] = ['cilium-ca.crt', 'cilium-ca.pkcs8', 'cilium-ca.key'].map(path) as [string, string, string];
  openssl('req', '-x509', '-sha256', '-nodes', '-newkey', 'rsa:2048', '-keyout', pkcs8, '-out', certificate, '-days', '1095', '-subj', '/CN=Cilium CA', '-addext', 'basicConstraints=critical,CA:TRUE',
    '-addext', 'keyUsage=critical,digitalSignature,keyEncipherment,keyCertSign', '-addext', 'extendedKeyUsage=serverAuth,clientAuth', '-addext', 'subjectKeyIdentifier=none', '-addext', 'authorityKeyIdentifier=none');
  openssl('rsa', '-traditional', '-in', pkcs8, '-out', key);
  chmodSync(key, 0o600);
  const { authority } = await hub(fileRoot(certificate, key));
  expect(authority.state()).toMatchObject({ roots: [{ key: 'File' }], issuers: [{ state: 'active' }], problems: [] });
  for (const { role, chainPem } of authority.issueMesh('berlin', (['server', 'admin', 'remote', 'local'] as const).map((one) => ({ role: one, csrDer: createCertificateRequest(p256Signer.generate()) })), 'kube-system')) {
    const [leaf = '', ...above] = fromPem('CERTIFICATE', chainPem).map((der) => toPem('CERTIFICATE', der));
    expect(openssl('verify', '-CAfile', certificate, '-purpose', role === 'server' ? 'sslserver' : 'sslclient', '-untrusted', file('above.pem', above.join('')), file('leaf.pem', leaf))).toMatch(/: OK\n$/);
  }
});

describe('what comes back for a request is refused', () => {
  const root = importedRoot('P-256', 'refusals');
  const other = importedRoot('P-256', 'others');
  const without = (name: keyof typeof PROFILE, value?: string): Partial<typeof PROFILE> => {
    const { [name]: _, ...rest } = PROFILE;
    return value === undefined ? rest : { ...rest, [name]: value };
  };
  const cases: Readonly<Record<string, readonly [(request: string) => string, RegExp]>> = {
    'signed by another root': [(request) => signedByTool(request, other), /is not signed by .*Root refusals/],
    'for another key': [() => signedByTool(toPem('CERTIFICATE REQUEST', createAuthorityRequest(p256Signer.generate(), { organization: 'x' }, undefined)), root), /for another key/],
    'without a name': [() => signedByTool(toPem('CERTIFICATE REQUEST', createCertificateRequest(p256Signer.generate())), root), /has no subject/],
    'no authority': [(request) => signedByTool(request, root, without('basicConstraints', 'critical,CA:FALSE')), /not one of an authority/],
    'without a right to sign': [(request) => signedByTool(request, root, without('keyUsage', 'critical,digitalSignature')), /not one of an authority/],
    'with authorities below it': [(request) => signedByTool(request, root, without('basicConstraints', 'critical,CA:TRUE,pathlen:1')), /needs pathlen:0/],
    'with authorities without end below it': [(request) => signedByTool(request, root, without('basicConstraints', 'critical,CA:TRUE')), /needs pathlen:0/],
    'for any fleet': [(request) => signedByTool(request, root, without('nameConstraints')), /not bound to this fleet/],
    'for another fleet': [(request) => signedByTool(request, root, without('nameConstraints', 'critical,permitted;URI:other.example')), /not bound to this fleet/],
    'for two fleets': [(request) => signedByTool(request, root, without('nameConstraints', 'critical,permitted;URI:other.example,permitted;URI:mesh.example')), /not bound to this fleet/],
    'without the hub\'s name': [(request) => signedByTool(request, root, without('nameConstraints', PROFILE.nameConstraints.replace('permitted;DNS:hub.example,', ''))), /do not permit "hub.example"/],
    'without the mesh\'s names': [(request) => signedByTool(request, root, without('nameConstraints', PROFILE.nameConstraints.replace('permitted;DNS:svc,', ''))), /do not permit "clustermesh-apiserver/],
    'with names that it excludes': [(request) => signedByTool(request, root, without('nameConstraints', `${PROFILE.nameConstraints},excluded;DNS:x.svc`)), /excludes names/],
    'that ends too soon': [(request) => signedByTool(request, root, PROFILE, 7), /too soon/],
    'that lives for years': [(request) => signedByTool(request, root, PROFILE, 700), /more than a year/],
    'that is no certificate': [() => 'hello', /no CERTIFICATE block/],
    'that is cut': [(request) => toPem('CERTIFICATE', fromPem('CERTIFICATE', signedByTool(request, root))[0]!.subarray(0, 200)), /cannot be read/],
  };
  for (const [name, [answer, message]] of Object.entries(cases)) {
    test(name, async () => {
      const { authority } = await hub(offlineRoot(root.certificate));
      const before = authority.state();
      expect(await refusal(authority.install(answer(before.request!.requestPem), signal))).toMatch(message);
      expect(authority.state()).toEqual(before);
    });
  }
  test('when nothing was asked for', async () => {
    const { authority } = await hub(fileRoot(root.certificate, root.key));
    expect(await refusal(authority.install(readFileSync(other.certificate, 'utf8'), signal))).toMatch(/nothing waits/);
  });
});

describe('a root\'s key that cannot be used', () => {
  const root = importedRoot('P-256', 'reluctant');
  const other = importedRoot('P-256', 'impostor');
  const signer = (key: string): string => file('reluctant.mjs', `
    import { createPrivateKey, sign } from 'node:crypto';
    import { readFileSync } from 'node:fs';
    console.log(sign('sha256', Buffer.from(JSON.parse(readFileSync(0, 'utf8')).toBeSigned, 'base64'), createPrivateKey(readFileSync(${JSON.stringify(key)}))).toString('base64'));`);

  test('or signs for somebody else: what comes back is not used, the hub says so, and goes on when it is right', async () => {
    const roots = commandRoot(root.certificate, `${process.execPath} ${signer(other.key)}`);
    const { authority, clock, keys, log } = await hub(roots);
    expect(authority.state()).toMatchObject({ issuers: [], problems: [{ reason: 'NoIssuer' }, { reason: 'RootKeyFails', message: expect.stringMatching(/no signature by the key of its certificate/) as string }] });
    expect(log.lines.filter(({ message }) => message === 'the root\'s key cannot be used')).toHaveLength(1);
    signer(root.key);
    await authority.open(signal);
    expect(authority.state()).toMatchObject({ issuers: [{ state: 'active' }], problems: [] });
    // 45 days before the end it fails again: the old one signs on, and nothing is written again and again.
    signer(other.key);
    await clock.advance(46 * DAY);
    const writes = keys.writes();
    for (let count = 0; count < 3; count++) await authority.open(signal);
    expect(authority.state()).toMatchObject({ issuers: [{ state: 'active' }], problems: [{ reason: 'RootKeyFails' }] });
    expect(keys.writes()).toBe(writes);
    expect(verified(agentChain(authority), authority.trust().bundlePem, '-attime', String(Math.floor(clock.now() / 1000)))).toMatch(/: OK\n$/);
  });

  test('is left for the next one in the same files', async () => {
    const both = (name: string, one: string, two: string): string => file(name, readFileSync(one, 'utf8') + readFileSync(two, 'utf8'));
    const certificates = file('reluctant.roots', readFileSync(root.certificate, 'utf8'));
    const { authority } = await hub(fileRoot(certificates, both('reluctant.keys', root.key, other.key)));
    both('reluctant.roots', root.certificate, other.certificate);
    await authority.begin({ id: 'r', of: 'Root', reason: 'x', by: 'ann' }, signal);
    for (const phase of ['UpdateClients', 'UpdateServers', 'Cleanup', 'Standby'] as const) await authority.move('r', phase, signal);
    expect(authority.state()).toMatchObject({ roots: [{ key: 'File', subject: expect.stringContaining('impostor') as string }], problems: [] });
    expect(verified(agentChain(authority), readFileSync(other.certificate, 'utf8'))).toMatch(/: OK\n$/);
  });
});

test('an authority between root and issuing CA is served with each leaf', async () => {
  const root = importedRoot('RSA', 'far');
  const middle = { certificate: path('middle.crt.pem'), key: path('middle.key.pem') };
  openssl('req', '-new', '-nodes', ...KINDS.Ed25519, '-keyout', middle.key, '-subj', '/O=Bank/CN=Middle', '-out', path('middle.csr.pem'));
  openssl('x509', '-req', '-sha256', '-in', path('middle.csr.pem'), '-CA', root.certificate, '-CAkey', root.key, '-CAcreateserial', '-days', '1000', '-out', middle.certificate,
    '-extfile', file('middle.profile', 'basicConstraints=critical,CA:TRUE,pathlen:1\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid'));
  const { authority } = await hub(offlineRoot(root.certificate));
  const issuing = signedByTool(authority.state().request!.requestPem, middle);
  expect(await refusal(authority.install(issuing, signal))).toMatch(/is not signed by/);
  await authority.install(issuing + readFileSync(middle.certificate, 'utf8'), signal);
  expect(fromPem('CERTIFICATE', agentChain(authority))).toHaveLength(3);
  expect(verified(agentChain(authority), authority.trust().bundlePem)).toMatch(/: OK\n$/);
});

describe('a root made by "isthmus identity root"', () => {
  const made = (name: string, trustDomain = 'mesh.example') => {
    const root = initRoot(trustDomain, 3650 * DAY, p256Signer, systemRandom, Date.now());
    return { pem: root.certificatePem, certificate: file(`${name}.crt`, root.certificatePem), key: file(`${name}.key`, root.key.exportPem()) };
  };
  const ceremony = async (root: ReturnType<typeof made>, requestPem: string, hosts: readonly string[] | undefined = HOSTS, now = Date.now()) =>
    (await signIssuingRequest({ rootPem: root.pem, requestPem, hosts, signer: p256Signer, random: systemRandom, now, sign: (...asked) => fileRoot(root.certificate, root.key).sign(...asked, signal) })).certificatePem;

  test('signs what the hub installs; a stolen issuing key passes for no other fleet and no other host', async () => {
    const root = made('own');
    const { authority, keys } = await hub(offlineRoot(root.certificate));
    await authority.install(await ceremony(root, authority.state().request!.requestPem), signal);
    expect(verified(agentChain(authority), root.pem)).toMatch(/: OK\n$/);
    expect(() => authority.serverMaterial('other.example')).toThrow(/may not sign for "other.example"/);
    const { issuers: [issuer] } = JSON.parse((await keys.load(signal))!.content) as { issuers: { certificatePem: string; keyPem: string }[] };
    const thief = { certificate: file('stolen.crt', issuer!.certificatePem), key: file('stolen.key', issuer!.keyPem) };
    for (const [name, expected] of [['URI:spiffe://mesh.example/cluster/oslo', /: OK\n$/], ['URI:spiffe://bank.example/cluster/oslo', /permitted subtree violation/], ['DNS:www.bank.example', /permitted subtree violation/], ['IP:10.9.9.9', /permitted subtree violation/]] as const) {
      openssl('req', '-new', '-nodes', ...KINDS['P-256'], '-keyout', path('forged.key'), '-subj', '/O=x', '-out', path('forged.csr'));
      const forged = openssl('x509', '-req', '-sha256', '-in', path('forged.csr'), '-CA', thief.certificate, '-CAkey', thief.key, '-CAcreateserial', '-days', '1',
        '-extfile', file('forged.profile', `basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\nsubjectAltName=critical,${name}`));
      expect(verified(forged + issuer!.certificatePem, root.pem), name).toMatch(expected);
    }
  });

  test('is left for another one: old and new leaves verify against what is trusted in each phase, and the old ones no more at the end', async () => {
    const [old, next] = [made('old'), made('next')];
    const certificates = file('pinned.pem', old.pem);
    const { authority } = await hub(offlineRoot(certificates));
    await authority.install(await ceremony(old, authority.state().request!.requestPem), signal);
    const first = agentChain(authority);
    const order = { id: 'r1', of: 'Root' as const, reason: 'yearly', by: 'ann' };
    expect(await refusal(authority.begin(order, signal))).toMatch(/no other root to go to/);
    file('pinned.pem', old.pem + next.pem);
    expect((await authority.begin(order, signal)).request).toMatchObject({ root: 2 });
    expect(verified(first, authority.trust().bundlePem)).toMatch(/: OK\n$/);
    expect(await refusal(authority.move('r1', 'UpdateClients', signal))).toMatch(/has signed no issuing CA for it yet/);
    const asked = authority.state().request!.requestPem;
    expect(await refusal(authority.install(await ceremony(old, asked), signal))).toMatch(/is not signed by/);
    await authority.install(await ceremony(next, asked), signal);
    expect(verified(agentChain(authority), old.pem)).toMatch(/: OK\n$/);
    await authority.move('r1', 'UpdateClients', signal);
    const second = agentChain(authority);
    for (const chain of [first, second, authority.serverMaterial('hub.example').chainPem]) expect(verified(chain, authority.trust().bundlePem)).toMatch(/: OK\n$/);
    expect(verified(second, old.pem)).toMatch(/error/);
    expect(verified(second, next.pem)).toMatch(/: OK\n$/);
    for (const phase of ['UpdateServers', 'Cleanup'] as const) await authority.move('r1', phase, signal);
    expect(authority.trust().bundlePem).toBe(next.pem);
    expect(verified(second, authority.trust().bundlePem)).toMatch(/: OK\n$/);
    expect(verified(authority.serverMaterial('hub.example').chainPem, authority.trust().bundlePem)).toMatch(/: OK\n$/);
    expect(verified(first, authority.trust().bundlePem)).toMatch(/error/);
    expect((await authority.move('r1', 'Standby', signal)).problems).toEqual([]);
    // The old one still stands first in the file: it is never gone back to.
    expect(await refusal(authority.begin({ ...order, id: 'r2' }, signal))).toMatch(/no other root to go to/);
  });

  test('that is about to be left is not asked for a signature any more, but where it must be', async () => {
    const [old, next] = [made('leaving'), made('coming')];
    const { authority, clock } = await hub(offlineRoot(file('two.pem', old.pem + next.pem)));
    const begun = async (id: string) => (await authority.begin({ id, of: 'Root', reason: 'x', by: 'ann' }, signal)).request!;
    const [first] = authority.state().roots;
    expect(first!.certificatePem).toBe(old.pem);
    await authority.install(await ceremony(old, authority.state().request!.requestPem), signal);
    await clock.advance(50 * DAY);
    await authority.open(signal);
    expect(authority.state().request).toMatchObject({ root: 1 });
    expect(await begun('a')).toMatchObject({ root: 2 });
    await clock.advance(34 * DAY);
    await authority.open(signal);
    const urgent = authority.state().request!;
    expect(urgent).toMatchObject({ root: 1 });
    await authority.install(await ceremony(old, urgent.requestPem, HOSTS, clock.now()), signal);
    expect(authority.state()).toMatchObject({ request: { root: 2 }, issuers: [{ state: 'old' }, { state: 'active', root: 1 }] });
    expect((await authority.rollBack('a', signal)).request).toBeUndefined();
  });

  test('of another trust domain is not begun with', async () => {
    expect(await refusal(hub(offlineRoot(made('foreign', 'other.example').certificate)))).toMatch(/may not sign for trust domain "mesh.example"/);
    expect(await refusal(hub(offlineRoot(path('absent.pem'))))).toMatch(/--root-certificates .*ENOENT/);
  });

  test('that signs too late: the hub says so, serves what lives on, and then nothing', async () => {
    const root = made('late');
    const { authority, clock } = await hub(offlineRoot(root.certificate));
    const first = await ceremony(root, authority.state().request!.requestPem);
    await authority.install(first, signal);
    await clock.advance(89.5 * DAY);
    await authority.open(signal);
    const { notAfter } = authority.state().issuers[0]!;
    expect(authority.state().problems).toMatchObject([{ reason: 'SignatureNeeded', message: expect.stringMatching(/what signs now ends at/) as string }]);
    // No leaf outlives its issuer.
    expect(authority.issueAgent('berlin', createCertificateRequest(p256Signer.generate())).notAfter).toBe(notAfter);
    await clock.advance(DAY);
    expect(() => agentChain(authority)).toThrow(/expired/);
    await authority.open(signal);
    expect(authority.state().problems.map(({ reason }) => reason)).toEqual(['NoIssuer', 'SignatureNeeded']);
    await authority.install(await ceremony(root, authority.state().request!.requestPem, HOSTS, clock.now()), signal);
    expect(authority.state().problems).toEqual([]);
    // Whoever keeps offering the first one, long gone, is not told of an error.
    const now = authority.state();
    expect(await authority.install(first, signal)).toEqual(now);
    agentChain(authority);
  });
});

test('a hub that gets another name makes an issuing CA for it, below the same root; hubs of two names share one', async () => {
  const root = importedRoot('Ed25519', 'names');
  const keys = memoryKeyStore();
  const { authority: first } = await hub(fileRoot(root.certificate, root.key), keys);
  const { authority: second } = await hub(fileRoot(root.certificate, root.key), keys, ['new.example']);
  await first.open(signal);
  expect(first.state().issuers.map(({ state }) => state)).toEqual(['old', 'active']);
  for (const [authority, host] of [[first, 'hub.example'], [second, 'new.example'], [first, 'new.example']] as const) {
    expect(verified(authority.serverMaterial(host).chainPem, authority.trust().bundlePem, '-verify_hostname', host)).toMatch(/: OK\n$/);
  }
  const writes = keys.writes();
  for (const authority of [first, second, first, second]) await authority.open(signal);
  expect(keys.writes()).toBe(writes);
  expect(() => first.serverMaterial('third.example')).toThrow(/may not sign for/);
});
