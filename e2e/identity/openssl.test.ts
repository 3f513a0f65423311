/** Every kind of certificate as OpenSSL prints it, field by field, and as it judges it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { manualClock } from '../../controller/runtime/testing/manual-clock.ts';
import { everyKind, newProfiles, type Profiles, ROLES } from './profiles.ts';

const folder = mkdtempSync(join(tmpdir(), 'isthmus-openssl-'));
const NOW = Date.UTC(2030, 0, 1);
let profiles: Profiles;
let kinds: Readonly<Record<string, string>>;
beforeAll(async () => {
  profiles = await newProfiles({ ...manualClock(), now: () => NOW });
  kinds = everyKind(profiles);
  writeFileSync(join(folder, 'root.pem'), profiles.rootPem);
  writeFileSync(join(folder, 'issuing.pem'), profiles.issuingPem);
});
afterAll(() => rmSync(folder, { recursive: true }));

const missing = spawnSync('openssl', ['version']).status !== 0;
const NAMES = ['root', 'issuing', 'agent', 'hub', ...ROLES.map((role) => `mesh-${role}`)] as const;

/** What differs each time is told by its form alone. */
function fields(pem: string): string {
  const text = execFileSync('openssl', ['x509', '-noout', '-text', '-nameopt', 'RFC2253', '-certopt', 'no_sigdump'], { input: pem, encoding: 'utf8' });
  return text
    .replaceAll(/(?:[0-9a-f]{2}:){15}[0-9a-f]{2}(?![0-9a-f:])/g, '<16 bytes>')
    .replaceAll(/(?:[0-9A-F]{2}:){19}[0-9A-F]{2}(?![0-9A-F:])/g, '<20 bytes>')
    .replaceAll(/pub:\n(?:\s+(?:[0-9a-f]{2}:?)+\n)+/g, 'pub: <point>\n')
    .replaceAll(/(Isthmus (?:root|issuing) CA )[0-9A-F]{8}/g, '$1<8 digits>')
    .replaceAll(/[ \t]+$/gm, '');
}

describe.skipIf(missing)('the fields of (skipped where there is no openssl)', () => {
  test.each(NAMES)('%s', async (name) => {
    await expect(fields(kinds[name] ?? '')).toMatchFileSnapshot(join(import.meta.dirname, 'fields', `${name}.txt`));
  });
});

describe.skipIf(missing)('openssl verify -x509_strict (skipped where there is no openssl)', () => {
  const verify = (name: string, ...options: readonly string[]): string => {
    writeFileSync(join(folder, 'leaf.pem'), kinds[name] ?? '');
    const { stdout, stderr } = spawnSync('openssl', [
      'verify', '-x509_strict', '-check_ss_sig', '-policy_check', '-attime', String(NOW / 1000), '-CAfile', join(folder, 'root.pem'), '-untrusted', join(folder, 'issuing.pem'), ...options, join(folder, 'leaf.pem'),
    ], { encoding: 'utf8' });
    return (stdout + stderr).replaceAll(folder, '').trim();
  };
  const servers: readonly string[] = ['agent', 'hub', 'mesh-server'];
  const clients: readonly string[] = ['agent', 'mesh-admin', 'mesh-remote', 'mesh-local'];

  test.each(['root', 'issuing'])('%s is good, for signing alone', (name) => {
    expect(verify(name)).toBe('/leaf.pem: OK');
  });
  test.each(NAMES.slice(2))('%s is good for its purposes and no other', (name) => {
    expect([verify(name, '-purpose', 'sslserver').endsWith('OK'), verify(name, '-purpose', 'sslclient').endsWith('OK')]).toEqual([servers.includes(name), clients.includes(name)]);
    for (const purpose of ['smimesign', 'smimeencrypt', 'timestampsign']) expect(verify(name, '-purpose', purpose)).toMatch(/(unsuitable|unsupported) certificate purpose/);
  });
  test('each name leads to the server that it names, and no other does', () => {
    for (const host of ['clustermesh-apiserver.kube-system.svc', 'berlin.mesh.cilium.io', 'localhost']) expect(verify('mesh-server', '-verify_hostname', host)).toMatch(/OK$/);
    for (const host of ['oslo.mesh.cilium.io', 'mesh.cilium.io', 'x.berlin.mesh.cilium.io', 'clustermesh-apiserver.other.svc']) expect(verify('mesh-server', '-verify_hostname', host)).toMatch(/hostname mismatch/i);
    for (const ip of ['127.0.0.1', '::1']) expect(verify('mesh-server', '-verify_ip', ip)).toMatch(/OK$/);
    expect(verify('mesh-server', '-verify_ip', '127.0.0.2')).toMatch(/IP address mismatch/i);
  });
  test('before its time and after it, it is refused', () => {
    for (const [at, problem] of [[NOW / 1000 - 61, /not yet valid/], [NOW / 1000 + 86_401, /expired/]] as const) expect(verify('agent', '-attime', String(at))).toMatch(problem);
  });
});
