/** Roots whose keys the hub does not have, made and used by OpenSSL in a folder of the test file; chains are judged by `openssl verify -x509_strict`. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { p256Signer } from '../../controller/adapters/signer.ts';
import { systemRandom } from '../../controller/adapters/random.ts';
import { manualClock } from '../../controller/runtime/testing/manual-clock.ts';
import { recordingLog } from '../../controller/runtime/testing/fakes.ts';
import { type Authority, createAuthority } from '../../certs/authority/authority.ts';
import { createCertificateRequest } from '../../certs/authority/request.ts';
import type { RootKeys } from '../../certs/authority/root-keys.ts';
import { fromPem, toPem } from '../../certs/pem.ts';
import { memoryKeyStore } from '../../certs/testing/memory-key-store.ts';

const signal = new AbortController().signal;
export const HOSTS: readonly string[] = ['hub.example', '10.1.2.3'];
export const refusal = (work: Promise<unknown>): Promise<string> => work.then(() => 'done', (error: Error) => error.message);
export const agentChain = (authority: Authority): string => authority.issueAgent('berlin', createCertificateRequest(p256Signer.generate())).chainPem;

export async function hub(roots: RootKeys, keys = memoryKeyStore(), hosts: readonly string[] = HOSTS) {
  const [clock, log] = [manualClock(Date.now()), recordingLog()];
  const authority = createAuthority({ clock, random: systemRandom, signer: p256Signer, keys, trustDomain: 'mesh.example', log, roots, hosts });
  await authority.open(signal);
  return { authority, clock, log, keys };
}

export function openssl(...parameters: string[]): string {
  const { stdout, stderr, status } = spawnSync('openssl', parameters, { encoding: 'utf8' });
  if (status !== 0 && parameters[0] !== 'verify') throw new Error(stderr);
  return stdout + stderr;
}
export const KINDS = { 'P-256': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], RSA: ['-newkey', 'rsa:2048'], Ed25519: ['-newkey', 'ed25519'] } as const;
export const PROFILE = {
  basicConstraints: 'critical,CA:TRUE,pathlen:0', keyUsage: 'critical,keyCertSign,cRLSign', subjectKeyIdentifier: 'hash', authorityKeyIdentifier: 'keyid',
  nameConstraints: 'critical,permitted;URI:mesh.example,permitted;DNS:svc,permitted;DNS:mesh.cilium.io,permitted;DNS:localhost,permitted;DNS:hub.example,permitted;IP:127.0.0.1/255.255.255.255,permitted;IP:::1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,permitted;IP:10.1.2.3/255.255.255.255',
};
interface ToolRoot { readonly certificate: string; readonly key: string }

/** To be called where a file begins: the folder goes with the file's last test. */
export function toolFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-roots-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const path = (name: string): string => join(folder, name);
  const file = (name: string, text: string, mode = 0o600): string => {
    writeFileSync(path(name), text, { mode });
    return path(name);
  };
  return {
    path,
    file,
    /** A root as an operator's own tool makes it. */
    importedRoot(kind: keyof typeof KINDS, name: string = kind): ToolRoot {
      const [certificate, key] = [path(`${name}.crt.pem`), path(`${name}.key.pem`)];
      openssl('req', '-x509', '-sha256', '-nodes', ...KINDS[kind], '-keyout', key, '-out', certificate, '-days', '3650', '-subj', `/C=DE/O=Bank/CN=Root ${name}`,
        '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign');
      chmodSync(key, 0o600);
      return { certificate, key };
    },
    /** What the operator's tool makes of a request. */
    signedByTool(requestPem: string, root: ToolRoot, profile: Partial<typeof PROFILE> = PROFILE, days = 90): string {
      const extensions = Object.entries(profile).map(([name, value]) => `${name}=${value}`).join('\n');
      return openssl('x509', '-req', '-sha256', '-in', file('issuing.csr.pem', requestPem), '-CA', root.certificate, '-CAkey', root.key, '-CAcreateserial', '-days', String(days), '-extfile', file('profile', extensions));
    },
    verified(chainPem: string, roots: string, ...parameters: string[]): string {
      const [leaf = '', ...above] = fromPem('CERTIFICATE', chainPem).map((der) => toPem('CERTIFICATE', der));
      return openssl('verify', '-x509_strict', '-CAfile', file('roots.pem', roots), '-untrusted', file('above.pem', above.join('')), ...parameters, file('leaf.pem', leaf));
    },
  };
}
