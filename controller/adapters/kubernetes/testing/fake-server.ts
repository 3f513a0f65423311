/** A TLS server on loopback that answers as a test wants, counts connections, and writes kubeconfigs for itself. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomSerial, signCertificate } from '../../../../certs/authority/certificate.ts';
import { systemRandom } from '../../random.ts';
import { p256Signer } from '../../signer.ts';

interface Pair { readonly keyPem: string; readonly certificatePem: string }

export interface TestAuthority {
  readonly certificatePem: string;
  /** `organization`: the group of a client, `test` unless given. `lastsMilliseconds`: below 0: it has expired. */
  issue(usage: 'server' | 'client', commonName: string, organization?: string, lastsMilliseconds?: number): Pair;
}

export function testAuthority(name: string): TestAuthority {
  const root = p256Signer.generate();
  const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
  const common = { issuer: { organization: 'test', commonName: name }, validity, issuerPublicKeyDer: root.publicKeyDer };
  const certificatePem = signCertificate({
    ...common, subject: common.issuer, publicKeyDer: root.publicKeyDer, usage: { kind: 'authority', pathLength: 0 }, names: {}, serial: randomSerial(systemRandom),
  }, root);
  return {
    certificatePem,
    issue(usage, commonName, organization = 'test', lastsMilliseconds = 3_600_000) {
      const key = p256Signer.generate();
      const leaf = signCertificate({
        ...common, validity: { notBefore: Date.now() - 3_600_000, notAfter: Date.now() + lastsMilliseconds }, subject: { organization, commonName }, publicKeyDer: key.publicKeyDer, usage: { kind: 'leaf', server: usage === 'server', client: usage === 'client' },
        names: usage === 'server' ? { hosts: ['127.0.0.1', 'localhost'] } : {}, serial: randomSerial(systemRandom),
      }, root);
      return { keyPem: key.exportPem(), certificatePem: leaf };
    },
  };
}

export interface FakeServer {
  readonly url: string;
  readonly connections: () => number;
  /** What the client sent with each request. */
  readonly requests: { readonly method: string; readonly url: string; readonly headers: IncomingMessage['headers']; readonly client: string | undefined }[];
  /** Present another certificate from now on, and drop every connection. */
  replace(pair: Pair): void;
  close(): Promise<void>;
}

export async function fakeServer(authority: TestAuthority, answer: (request: IncomingMessage, response: ServerResponse, body: string) => void): Promise<FakeServer> {
  const pair = authority.issue('server', 'api');
  let connections = 0;
  const requests: FakeServer['requests'] = [];
  const server = createServer({ key: pair.keyPem, cert: pair.certificatePem, ca: authority.certificatePem, requestCert: true, rejectUnauthorized: false }, (request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => { body += chunk.toString(); });
    request.on('end', () => {
      const peer = (request.socket as import('node:tls').TLSSocket).getPeerCertificate() as { readonly subject?: { readonly CN?: string | string[] } } | undefined;
      const commonName = peer?.subject?.CN;
      requests.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, client: typeof commonName === 'string' ? commonName : undefined });
      answer(request, response, body);
    });
  });
  server.on('secureConnection', () => { connections += 1; });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
    requests,
    replace(next) {
      server.setSecureContext({ key: next.keyPem, cert: next.certificatePem });
      server.closeAllConnections();
    },
    close: () => new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    }),
  };
}

export interface Folder {
  path(name: string): string;
  write(name: string, content: string): string;
  remove(): void;
}

export function temporaryFolder(): Folder {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-kubernetes-'));
  const path = (name: string): string => join(folder, name);
  return {
    path,
    write(name, content) {
      writeFileSync(path(name), content, { mode: 0o600 });
      return path(name);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export const kubeconfig = (cluster: Record<string, unknown>, user: Record<string, unknown>): string => JSON.stringify({
  apiVersion: 'v1', kind: 'Config', 'current-context': 'main',
  clusters: [{ name: 'c', cluster }], users: [{ name: 'u', user }], contexts: [{ name: 'main', context: { cluster: 'c', user: 'u' } }],
});
