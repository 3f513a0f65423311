/** What an authority's request asks for, as tools that copy it see it; and signers that copy no path length. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { offlineRoot } from '../../controller/adapters/root-keys.ts';
import { systemRandom } from '../../controller/adapters/random.ts';
import { p256Signer } from '../../controller/adapters/signer.ts';
import { silentLog } from '../../controller/runtime/testing/fakes.ts';
import { manualClock } from '../../controller/runtime/testing/manual-clock.ts';
import { memoryKeyStore } from '../testing/memory-key-store.ts';
import { createAuthority } from './authority.ts';

const signal = new AbortController().signal;
const folder = mkdtempSync(join(tmpdir(), 'isthmus-asked-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = (name: string): string => join(folder, name);
const openssl = (...parameters: string[]): string => execFileSync('openssl', parameters, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

function root(name: string, basicConstraints: string): void {
  openssl('req', '-x509', '-sha256', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-keyout', path(`${name}.key`), '-out', path(`${name}.crt`), '-days', '3650', '-subj', `/CN=${name}`,
    '-addext', `basicConstraints=critical,${basicConstraints}`, '-addext', 'keyUsage=critical,keyCertSign,cRLSign');
}
async function hub(name: string, hosts: readonly string[], keys = memoryKeyStore()) {
  const authority = createAuthority({ clock: manualClock(Date.now()), random: systemRandom, signer: p256Signer, keys, trustDomain: 'mesh.example', log: silentLog, roots: offlineRoot(path(`${name}.crt`)), hosts });
  await authority.open(signal);
  return { authority, keys, requestPem: authority.state().request?.requestPem ?? '' };
}
/** Takes name constraints from the request and says itself what else the certificate is. */
function signed(by: string, requestPem: string, basicConstraints: string): string {
  writeFileSync(path('csr'), requestPem);
  const constraints = /X509v3 Name Constraints: critical\n\s+Permitted:\n((?:\s+(?:URI|DNS|IP):.*\n)+)/.exec(openssl('req', '-in', path('csr'), '-noout', '-text'))?.[1] ?? '';
  writeFileSync(path('profile'), `basicConstraints=critical,${basicConstraints}\nkeyUsage=critical,keyCertSign,cRLSign\nnameConstraints=critical,${constraints.trim().split(/\n\s*/).map((each) => `permitted;${each}`).join(',')}\n`);
  return openssl('x509', '-req', '-sha256', '-in', path('csr'), '-CA', path(`${by}.crt`), '-CAkey', path(`${by}.key`), '-CAcreateserial', '-days', '90', '-extfile', path('profile'));
}

test('a request asks for an authority of this fleet and of this hub, and is made anew for the same key when the hub gets another name', async () => {
  root('one', 'CA:TRUE,pathlen:1');
  const { requestPem, keys } = await hub('one', ['hub.example']);
  writeFileSync(path('csr'), requestPem);
  const text = openssl('req', '-in', path('csr'), '-noout', '-verify', '-text');
  expect(text).toContain('CA:TRUE, pathlen:0');
  for (const name of ['URI:mesh.example', 'DNS:svc', 'DNS:mesh.cilium.io', 'DNS:localhost', 'DNS:hub.example', 'IP:127.0.0.1/255.255.255.255']) expect(text).toContain(name);
  expect((await hub('one', ['hub.example'], keys)).requestPem).toBe(requestPem);
  const renamed = await hub('one', ['new.example'], keys);
  expect(renamed.requestPem).not.toBe(requestPem);
  const publicKey = (pem: string): string => { writeFileSync(path('csr'), pem); return openssl('req', '-in', path('csr'), '-noout', '-pubkey'); };
  expect(publicKey(renamed.requestPem)).toBe(publicKey(requestPem));
  await renamed.authority.install(signed('one', renamed.requestPem, 'CA:TRUE,pathlen:0'), signal);
  expect(renamed.authority.state()).toMatchObject({ issuers: [{ state: 'active' }], problems: [] });
});

test('without a path length of its own it is taken where its signer ends the path, and there alone', async () => {
  root('ends', 'CA:TRUE,pathlen:1');
  root('open', 'CA:TRUE');
  root('deep', 'CA:TRUE,pathlen:2');
  const attempt = async (name: string, basicConstraints: string): Promise<string> => {
    const { authority, requestPem } = await hub(name, ['hub.example']);
    return authority.install(signed(name, requestPem, basicConstraints), signal).then(() => 'taken', (error: Error) => error.message);
  };
  expect(await attempt('ends', 'CA:TRUE')).toBe('taken');
  for (const name of ['open', 'deep']) expect(await attempt(name, 'CA:TRUE')).toMatch(/permits authorities below itself: it needs pathlen:0, or a signer with pathlen:1/);
  expect(await attempt('ends', 'CA:TRUE,pathlen:1')).toMatch(/permits authorities below itself/);
});

test('whoever steals its key then makes no authority that OpenSSL believes', async () => {
  root('thrifty', 'CA:TRUE,pathlen:1');
  const { authority, requestPem, keys } = await hub('thrifty', ['hub.example']);
  await authority.install(signed('thrifty', requestPem, 'CA:TRUE'), signal);
  const { issuers: [issuer] } = JSON.parse((await keys.load(signal))!.content) as { issuers: { certificatePem: string; keyPem: string }[] };
  writeFileSync(path('stolen.crt'), issuer!.certificatePem);
  writeFileSync(path('stolen.key'), issuer!.keyPem);
  const made = (name: string, by: string, basicConstraints: string, more = ''): void => {
    openssl('req', '-new', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-keyout', path(`${name}.key`), '-out', path(`${name}.csr`), '-subj', `/CN=${name}`);
    writeFileSync(path('profile'), `basicConstraints=critical,${basicConstraints}\n${more}`);
    writeFileSync(path(`${name}.crt`), openssl('x509', '-req', '-sha256', '-in', path(`${name}.csr`), '-CA', path(`${by}.crt`), '-CAkey', path(`${by}.key`), '-CAcreateserial', '-days', '30', '-extfile', path('profile')));
  };
  made('below', 'stolen', 'CA:TRUE', 'keyUsage=critical,keyCertSign\n');
  made('near', 'stolen', 'CA:FALSE', 'subjectAltName=DNS:x.svc\n');
  made('far', 'below', 'CA:FALSE', 'subjectAltName=DNS:x.svc\n');
  const verify = (name: string, ...between: string[]): string => {
    const { stdout, stderr } = spawnSync('openssl', ['verify', '-CAfile', path('thrifty.crt'), ...between.flatMap((each) => ['-untrusted', path(`${each}.crt`)]), path(`${name}.crt`)], { encoding: 'utf8' });
    return stdout + stderr;
  };
  expect(verify('near', 'stolen')).toMatch(/: OK/);
  expect(verify('far', 'stolen', 'below')).toMatch(/path length constraint exceeded/);
});
