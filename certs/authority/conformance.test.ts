/** Our certificates judged by OpenSSL: its command line and Node's TLS. */
import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { p256Signer } from '../../controller/adapters/signer.ts';
import { systemRandom } from '../../controller/adapters/random.ts';
import { systemClock } from '../../controller/adapters/clock.ts';
import { silentLog } from '../../controller/runtime/testing/fakes.ts';
import type { SigningKey } from '../../mesh/ports/signer.ts';
import { fromPem, toPem } from '../pem.ts';
import { memoryKeyStore } from '../testing/memory-key-store.ts';
import { type Authority, createAuthority } from './authority.ts';
import { createCertificateRequest } from './request.ts';

const newAuthority = async (): Promise<Authority> => {
  const authority = createAuthority({ clock: systemClock, random: systemRandom, signer: p256Signer, keys: memoryKeyStore(), trustDomain: 'mesh.example', log: silentLog });
  await authority.open(new AbortController().signal);
  return authority;
};
let authority: Authority;
beforeAll(async () => { authority = await newAuthority(); });
const agent = (cluster: string, from = authority): { readonly key: SigningKey; readonly cert: string } => {
  const key = p256Signer.generate();
  return { key, cert: from.issueAgent(cluster, createCertificateRequest(key)).chainPem };
};

test('OpenSSL reads a thousand leaves of random keys, each serial positive and its own', () => {
  const serials = new Set<string>();
  for (let count = 0; count < 1000; count++) {
    const { key, cert } = agent('berlin');
    const leaf = new X509Certificate(cert);
    expect(Buffer.compare(leaf.publicKey.export({ type: 'spki', format: 'der' }), key.publicKeyDer)).toBe(0);
    expect(leaf.serialNumber).toMatch(/^[4-7][0-9A-F]{31}$/);
    serials.add(leaf.serialNumber);
  }
  expect(serials.size).toBe(1000);
});

/** What each side says after the handshake, or why it failed. */
async function handshake(server: { readonly key: string; readonly cert: string }, client: { readonly key: string; readonly cert: string } | undefined, name: string): Promise<string> {
  const ca = authority.trust().bundlePem;
  const listener = createServer({ ...server, ca, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' });
  try {
    return await new Promise<string>((resolve, reject) => {
      listener.once('tlsClientError', (error) => resolve(`server: ${error.message}`));
      listener.once('secureConnection', (socket: TLSSocket) => {
        resolve(socket.getPeerX509Certificate()?.subjectAltName ?? 'no name');
        socket.end();
      });
      listener.listen(0, '127.0.0.1', () => {
        const socket = connect({ port: (listener.address() as AddressInfo).port, host: '127.0.0.1', servername: name, ca, ...client });
        socket.once('error', (error) => resolve(`client: ${error.message}`));
        socket.once('close', () => reject(new Error('closed before any handshake')));
      });
    });
  } finally {
    listener.close();
  }
}

describe('TLS 1.3 on loopback', () => {
  const pair = ({ key, cert }: { readonly key: SigningKey; readonly cert: string }) => ({ key: key.exportPem(), cert });
  const hub = () => {
    const { keyPem, chainPem } = authority.serverMaterial('hub.example');
    return { key: keyPem, cert: chainPem };
  };
  test('an agent reaches the hub by its name', async () => {
    expect(await handshake(hub(), pair(agent('berlin')), 'hub.example')).toBe('URI:spiffe://mesh.example/cluster/berlin');
    expect(await handshake(hub(), pair(agent('berlin')), 'localhost')).toBe('URI:spiffe://mesh.example/cluster/berlin');
  });
  test('another name, another authority and no certificate are refused', async () => {
    expect(await handshake(hub(), pair(agent('berlin')), 'other.example')).toMatch(/^client: .*altnames/);
    expect(await handshake(hub(), pair(agent('berlin', await newAuthority())), 'hub.example')).toMatch(/^(server|client): /);
    expect(await handshake(hub(), undefined, 'hub.example')).toMatch(/^(server|client): /);
  });
  test('a leaf without its purpose is refused, and so is a leaf that signs', async () => {
    const key = p256Signer.generate();
    const [remote] = authority.issueMesh('berlin', [{ role: 'remote', csrDer: createCertificateRequest(key) }], 'kube-system');
    expect(await handshake({ key: key.exportPem(), cert: remote!.chainPem }, pair(agent('oslo')), 'localhost')).toMatch(/^client: .*purpose/);
    expect(await handshake(hub(), hub(), 'hub.example')).toMatch(/^server: .*/);
  });
  test('a mesh client is let in by the mesh server of its own cluster', async () => {
    const keys = [p256Signer.generate(), p256Signer.generate()] as const;
    const [server, local] = authority.issueMesh('berlin', [{ role: 'server', csrDer: createCertificateRequest(keys[0]) }, { role: 'local', csrDer: createCertificateRequest(keys[1]) }], 'kube-system');
    const result = (name: string) => handshake({ key: keys[0].exportPem(), cert: server!.chainPem }, { key: keys[1].exportPem(), cert: local!.chainPem }, name);
    expect(await result('clustermesh-apiserver.kube-system.svc')).toBe('no name');
    expect(await result('berlin.mesh.cilium.io')).toBe('no name');
    expect(await result('oslo.mesh.cilium.io')).toMatch(/^client: .*altnames/);
  });
});

const openssl = spawnSync('openssl', ['version'], { encoding: 'utf8' });
describe.skipIf(openssl.status !== 0)('the openssl command (skipped where there is none)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-certs-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const verify = (chain: string, ...parameters: string[]): string => {
    const [leaf, issuing] = fromPem('CERTIFICATE', chain).map((der) => toPem('CERTIFICATE', der));
    const root = file('root.pem', authority.trust().bundlePem);
    const result = spawnSync('openssl', ['verify', '-x509_strict', '-CAfile', root, '-untrusted', file('issuing.pem', issuing ?? ''), ...parameters, file('leaf.pem', leaf ?? '')], { encoding: 'utf8' });
    return result.stdout + result.stderr;
  };

  test('verifies chains strictly, for the purposes given and no other', () => {
    expect(verify(agent('berlin').cert, '-purpose', 'sslclient')).toMatch(/: OK\n$/);
    expect(verify(agent('berlin').cert, '-purpose', 'sslserver')).toMatch(/: OK\n$/);
    const hub = authority.serverMaterial('hub.example').chainPem;
    expect(verify(hub, '-purpose', 'sslserver', '-verify_hostname', 'hub.example')).toMatch(/: OK\n$/);
    expect(verify(hub, '-purpose', 'sslclient')).toMatch(/(unsuitable|unsupported) certificate purpose/);
  });
  test('an agent\'s key cannot issue: the chain below it is refused', () => {
    const { cert } = agent('berlin');
    const [leaf, issuing] = fromPem('CERTIFICATE', cert).map((der) => toPem('CERTIFICATE', der));
    expect(new X509Certificate(leaf ?? '').ca).toBe(false);
    expect(execFileSync('openssl', ['x509', '-noout', '-ext', 'basicConstraints,keyUsage'], { input: issuing ?? '', encoding: 'utf8' })).toMatch(/critical\s+CA:TRUE, pathlen:0\s+X509v3 Key Usage: critical\s+Certificate Sign, CRL Sign/);
    expect(execFileSync('openssl', ['x509', '-noout', '-ext', 'basicConstraints,keyUsage'], { input: leaf ?? '', encoding: 'utf8' })).toMatch(/critical\s+CA:FALSE\s+X509v3 Key Usage: critical\s+Digital Signature/);
  });
  test('takes our requests, and we take its', () => {
    const key = p256Signer.generate();
    const text = execFileSync('openssl', ['req', '-inform', 'DER', '-noout', '-verify', '-text'], { input: createCertificateRequest(key), encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });
    expect(text).toContain('id-ecPublicKey');
    const foreign = execFileSync('openssl', ['req', '-new', '-outform', 'DER', '-subj', '/CN=oslo', '-addext', 'subjectAltName=URI:spiffe://mesh.example/cluster/oslo', '-key', file('key.pem', key.exportPem())]);
    const issued = authority.issueAgent('berlin', new Uint8Array(foreign));
    expect(new X509Certificate(issued.chainPem).subjectAltName).toBe('URI:spiffe://mesh.example/cluster/berlin');
    expect(issued.publicKeyDer).toEqual(key.publicKeyDer);
  });

  test('through a rotation of the root: every leaf against the roots of its time, and what was left against none of the new ones', async () => {
    const signal = new AbortController().signal;
    const rotating = await newAuthority();
    const old = rotating.trust().bundlePem;
    const judged = (chain: string, roots: string): boolean => {
      const [leaf, ...above] = fromPem('CERTIFICATE', chain).map((der) => toPem('CERTIFICATE', der));
      const result = spawnSync('openssl', ['verify', '-x509_strict', '-CAfile', file('roots.pem', roots), '-untrusted', file('above.pem', above.join('')), file('leaf.pem', leaf ?? '')], { encoding: 'utf8' });
      return result.stdout.endsWith(': OK\n');
    };
    const leaves = (): readonly string[] => [agent('berlin', rotating).cert, rotating.serverMaterial('hub.example').chainPem,
      ...rotating.issueMesh('berlin', (['server', 'remote'] as const).map((role) => ({ role, csrDer: createCertificateRequest(p256Signer.generate()) })), 'kube-system').map(({ chainPem }) => chainPem)];
    const before = leaves();
    await rotating.begin({ id: 'r', of: 'Root', reason: 'test', by: 'test' }, signal);
    const between: string[] = [...leaves()];
    for (const phase of ['UpdateClients', 'UpdateServers'] as const) {
      await rotating.move('r', phase, signal);
      between.push(...leaves());
      for (const leaf of [...before, ...between]) expect(judged(leaf, rotating.trust().bundlePem)).toBe(true);
    }
    await rotating.move('r', 'Cleanup', signal);
    const fresh = rotating.trust().bundlePem;
    for (const leaf of leaves()) expect([judged(leaf, fresh), judged(leaf, old)]).toEqual([true, false]);
    for (const leaf of before) expect([judged(leaf, fresh), judged(leaf, old)]).toEqual([false, true]);
  });
});
