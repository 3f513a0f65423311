/** Roots that `isthmus identity root` makes, from the first signature to the last. */
import { describe, expect, test } from 'vitest';
import { fileRoot, offlineRoot } from '../../controller/adapters/root-keys.ts';
import { p256Signer } from '../../controller/adapters/signer.ts';
import { systemRandom } from '../../controller/adapters/random.ts';
import { agentChain, HOSTS, hub, KINDS, openssl, refusal, toolFolder } from '../../e2e/identity/tool-roots.ts';
import { initRoot, signIssuingRequest } from './ceremony.ts';
import { createCertificateRequest } from './request.ts';

const DAY = 86_400_000;
const signal = new AbortController().signal;
const { path, file, verified } = toolFolder();

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
