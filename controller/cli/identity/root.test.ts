import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { createCertificateRequest } from '../../../certs/index.ts';
import { toPem } from '../../../certs/pem.ts';
import { p256Signer } from '../../adapters/signer.ts';
import { testEnvironment } from '../testing/environment.ts';
import { register } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'isthmus-root-'));
afterAll(() => rmSync(folder, { recursive: true }));
let count = 0;
let here = '';
beforeEach(() => { here = join(folder, String(count++)); });

async function isthmus(...parameters: string[]): Promise<{ readonly out: string; readonly err: string; readonly problem: string }> {
  const environment = testEnvironment();
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  register(program, () => environment);
  const problem = await program.parseAsync(['node', 'isthmus', 'identity', 'root', ...parameters]).then(() => '', (error: unknown) => (error as Error).message);
  return { out: environment.printed(), err: environment.complained(), problem };
}
const file = (name: string, text: string, mode = 0o600): string => {
  writeFileSync(join(folder, name), text, { mode });
  return join(folder, name);
};
const request = (key = p256Signer.generate()): string => toPem('CERTIFICATE REQUEST', createCertificateRequest(key));
const openssl = (...parameters: string[]): string => {
  const { stdout, stderr } = spawnSync('openssl', parameters, { encoding: 'utf8' });
  return stdout + stderr;
};
const signIn = (more: readonly string[] = [], csr = request()): Promise<{ readonly out: string; readonly err: string; readonly problem: string }> =>
  isthmus('sign', '--key', join(here, 'root.key.pem'), '--request', file(`${count}.csr.pem`, csr), '--out', join(here, 'issuing.crt.pem'), ...more);

test('init makes a key that its owner alone may read, and a root for one trust domain; what is there is never written over', async () => {
  expect(await isthmus('init', '--trust-domain', 'mesh.example', '--out', here)).toEqual({ out: `${join(here, 'root.crt.pem')}\n`, err: expect.stringMatching(/root\.key\.pem: NOT encrypted: keep it away/) as string, problem: '' });
  expect(statSync(join(here, 'root.key.pem')).mode & 0o777).toBe(0o600);
  const root = new X509Certificate(readFileSync(join(here, 'root.crt.pem')));
  expect(root.ca && root.verify(root.publicKey)).toBe(true);
  expect(Date.parse(root.validTo) - Date.UTC(2030, 0, 1, 12)).toBe(3650 * 86_400_000);
  const key = readFileSync(join(here, 'root.key.pem'), 'utf8');
  expect((await isthmus('init', '--trust-domain', 'mesh.example', '--out', here)).problem).toMatch(/root\.key\.pem: is there already/);
  expect(readFileSync(join(here, 'root.key.pem'), 'utf8')).toBe(key);
});

test('sign gives 90 days, one trust domain, no authority below, and names that the hub and Cilium need', async () => {
  await isthmus('init', '--trust-domain', 'mesh.example', '--out', here);
  const key = p256Signer.generate();
  const signed = await signIn(['--permit', 'hub.example', '--permit', '[2001:db8::7]'], request(key));
  expect(signed.problem).toBe('');
  expect(signed.err).toMatch(/for URIs of mesh.example, and the mesh's names, hub.example, \[2001:db8::7\]\n {2}until 2030-04-01T12:00:00/);
  const issuing = new X509Certificate(readFileSync(join(here, 'issuing.crt.pem')));
  expect(Buffer.compare(issuing.publicKey.export({ type: 'spki', format: 'der' }), key.publicKeyDer)).toBe(0);
  const text = openssl('x509', '-in', join(here, 'issuing.crt.pem'), '-noout', '-ext', 'basicConstraints,keyUsage,nameConstraints');
  expect(text.replaceAll(/\s+/g, ' ')).toContain('X509v3 Basic Constraints: critical CA:TRUE, pathlen:0');
  expect(text.replaceAll(/\s+/g, ' ')).toContain('critical Permitted: DNS:svc DNS:mesh.cilium.io DNS:localhost DNS:hub.example URI:mesh.example IP:127.0.0.1/255.255.255.255 IP:0:0:0:0:0:0:0:1/FFFF:FFFF');
  expect(openssl('verify', '-x509_strict', '-attime', String(Date.UTC(2030, 1, 1) / 1000), '-CAfile', join(here, 'root.crt.pem'), join(here, 'issuing.crt.pem'))).toMatch(/: OK\n$/);
  expect((await signIn()).problem).toMatch(/issuing\.crt\.pem: is there already/);
});

test('an encrypted key opens with its passphrase alone', async () => {
  const passphrase = file('passphrase', 'correct horse battery\n');
  await isthmus('init', '--trust-domain', 'mesh.example', '--out', here, '--passphrase-file', passphrase);
  const pem = readFileSync(join(here, 'root.key.pem'), 'utf8');
  expect(pem).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
  expect((await signIn()).problem).toMatch(/cannot be opened; is it encrypted/);
  expect((await signIn(['--passphrase-file', file('wrong', 'another long passphrase')])).problem).toMatch(/passphrase right/);
  expect((await signIn(['--passphrase-file', passphrase])).problem).toBe('');
  expect((await isthmus('init', '--trust-domain', 'mesh.example', '--out', join(folder, 'short'), '--passphrase-file', file('short-passphrase', 'short'))).problem).toMatch(/less than 12/);
});

describe('sign refuses', () => {
  const cases: Readonly<Record<string, readonly [() => Promise<{ readonly problem: string }>, RegExp]>> = {
    'a request whose key it does not prove to hold': [() => {
      const bytes = Uint8Array.from(createCertificateRequest(p256Signer.generate()));
      bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
      return signIn([], toPem('CERTIFICATE REQUEST', bytes));
    }, /signature is not by its own key/],
    'a request for another kind of key': [() => {
      const [key, csr] = [join(folder, 'rsa.key'), join(folder, 'rsa.csr')];
      openssl('req', '-new', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-subj', '/CN=x', '-out', csr);
      return signIn([], readFileSync(csr, 'utf8'));
    }, /certificate request: .*P-256 key/],
    'no request': [() => signIn([], 'hello'), /no CERTIFICATE REQUEST block/],
    'another trust domain than the root\'s': [() => signIn(['--trust-domain', 'other.example']), /may not sign for trust domain "other.example"/],
    'a key that everybody may read': [() => {
      chmodSync(join(here, 'root.key.pem'), 0o644);
      return signIn();
    }, /everybody may read it/],
    'the key of another root': [async () => {
      await isthmus('init', '--trust-domain', 'mesh.example', '--out', join(here, 'other'));
      return signIn(['--certificate', join(here, 'other', 'root.crt.pem')]);
    }, /holds no key of the root/],
  };
  for (const [name, [attempt, message]] of Object.entries(cases)) {
    test(name, async () => {
      await isthmus('init', '--trust-domain', 'mesh.example', '--out', here);
      expect((await attempt()).problem).toMatch(message);
      expect(existsSync(join(here, 'issuing.crt.pem'))).toBe(false);
    });
  }
  test('to make a root that verifiers could not bind', async () => {
    for (const [domain, message] of [['10.0.0.1', /cannot be a name constraint/], ['Mesh', /is not a trust domain/], ['a..b', /cannot be a name constraint/]] as const) {
      expect((await isthmus('init', '--trust-domain', domain, '--out', here)).problem).toMatch(message);
    }
    expect((await isthmus('init', '--trust-domain', 'mesh.example', '--years', '0', '--out', here)).problem).toMatch(/--years 0/);
    expect(existsSync(here)).toBe(false);
  });
});
