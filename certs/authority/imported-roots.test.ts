/** Roots that another tool made and signs with, here OpenSSL. */
import { chmodSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { commandRoot, fileRoot, offlineRoot } from '../../controller/adapters/root-keys.ts';
import { p256Signer } from '../../controller/adapters/signer.ts';
import { fromPem, toPem } from '../pem.ts';
import { memoryKeyStore } from '../testing/memory-key-store.ts';
import { agentChain, HOSTS, hub, KINDS, openssl, PROFILE, refusal, toolFolder } from '../../e2e/identity/tool-roots.ts';
import { createAuthorityRequest, createCertificateRequest } from './request.ts';

const DAY = 86_400_000;
const signal = new AbortController().signal;
const { path, file, importedRoot, signedByTool, verified } = toolFolder();

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
