/** A CA as Helm makes one for Cilium, and certificates below it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Of the chart; `localhost` because pods share a network here. */
const SERVER_NAMES = 'DNS:clustermesh-apiserver.cilium.io,DNS:*.mesh.cilium.io,DNS:clustermesh-apiserver.kube-system.svc,DNS:localhost,IP:127.0.0.1,IP:::1';

/** Data of a Secret. */
export type Pair = Readonly<Record<'ca.crt' | 'tls.crt' | 'tls.key', string>>;

export interface HandMadeAuthority {
  readonly rootPem: string;
  client(commonName: string): Pair;
  server(): Pair;
  remove(): void;
}

export function handMadeAuthority(commonName: string): HandMadeAuthority {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-helm-'));
  const path = (name: string): string => join(folder, name);
  const openssl = (...words: readonly string[]): void => { execFileSync('openssl', words, { stdio: 'pipe' }); };
  // As the chart's.
  const newKey = ['-newkey', 'rsa:2048', '-nodes'];
  openssl('req', '-x509', ...newKey, '-days', '30', '-subj', `/CN=${commonName}`, '-keyout', path('ca.key'), '-out', path('ca.crt'));
  const rootPem = readFileSync(path('ca.crt'), 'utf8');
  function issue(subject: string, extensions: string): Pair {
    writeFileSync(path('leaf.ext'), extensions);
    openssl('req', '-new', ...newKey, '-subj', `/CN=${subject}`, '-keyout', path('leaf.key'), '-out', path('leaf.csr'));
    openssl('x509', '-req', '-in', path('leaf.csr'), '-CA', path('ca.crt'), '-CAkey', path('ca.key'), '-CAcreateserial', '-days', '30', '-extfile', path('leaf.ext'), '-out', path('leaf.crt'));
    return { 'ca.crt': rootPem, 'tls.crt': readFileSync(path('leaf.crt'), 'utf8'), 'tls.key': readFileSync(path('leaf.key'), 'utf8') };
  }
  return {
    rootPem,
    client: (subject) => issue(subject, 'extendedKeyUsage=clientAuth\n'),
    server: () => issue('clustermesh-apiserver.cilium.io', `extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=${SERVER_NAMES}\n`),
    remove() { rmSync(folder, { recursive: true, force: true }); },
  };
}
