/** `@peculiar/x509` as the baseline. It is no dependency of ours: npm puts it into a folder of its own, which is removed again. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const PACKAGE = '@peculiar/x509@2.2.0';
const LONGEST_MILLISECONDS = 60_000;

/** What is used of it. */
interface Library {
  readonly cryptoProvider: { set(crypto: Crypto): void };
  readonly Pkcs10CertificateRequest: new (raw: Uint8Array) => { readonly publicKey: object; verify(): Promise<boolean> };
  readonly X509CertificateGenerator: { create(parameters: object): Promise<{ toString(format: 'pem'): string }> };
  readonly BasicConstraintsExtension: new (authority: boolean, pathLength: number | undefined, critical: boolean) => object;
  readonly KeyUsagesExtension: new (usages: number, critical: boolean) => object;
  readonly ExtendedKeyUsageExtension: new (usages: readonly string[]) => object;
  readonly SubjectAlternativeNameExtension: new (names: readonly { readonly type: string; readonly value: string }[]) => object;
  readonly SubjectKeyIdentifierExtension: { create(key: object): Promise<object> };
  readonly AuthorityKeyIdentifierExtension: { create(key: object): Promise<object> };
}

export interface Peculiar {
  /** A certificate with the extensions of ours, for what the request proves to hold. */
  issue(requestDer: Uint8Array): Promise<string>;
  remove(): void;
}

const DIGITAL_SIGNATURE = 1;
const [SERVER, CLIENT] = ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'];

export async function fetchPeculiar(): Promise<Peculiar | { readonly problem: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-baseline-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    await promisify(execFile)('npm', ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', '--no-save', PACKAGE, 'reflect-metadata@0.2.2'], { cwd: folder, timeout: LONGEST_MILLISECONDS });
    const { resolve } = createRequire(join(folder, 'index.js'));
    await import(pathToFileURL(resolve('reflect-metadata')).href);
    const module = await import(pathToFileURL(resolve('@peculiar/x509')).href) as Library & { readonly default?: Library };
    return { issue: await issuerOf(module.default ?? module), remove };
  } catch (error) {
    remove();
    return { problem: `${PACKAGE} cannot be had: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}` };
  }
}

async function issuerOf(x509: Library): Promise<Peculiar['issue']> {
  x509.cryptoProvider.set(crypto);
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const { publicKey, privateKey } = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  return async (requestDer) => {
    const request = new x509.Pkcs10CertificateRequest(requestDer);
    if (!await request.verify()) throw new Error('the request proves nothing');
    const made = await x509.X509CertificateGenerator.create({
      serialNumber: Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('hex'), subject: 'O=Isthmus, OU=berlin', issuer: 'O=Isthmus, CN=Baseline issuing CA',
      notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 86_400_000), signingAlgorithm: algorithm, publicKey: request.publicKey, signingKey: privateKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true), new x509.KeyUsagesExtension(DIGITAL_SIGNATURE, true), new x509.ExtendedKeyUsageExtension([SERVER ?? '', CLIENT ?? '']),
        await x509.SubjectKeyIdentifierExtension.create(request.publicKey), await x509.AuthorityKeyIdentifierExtension.create(publicKey),
        new x509.SubjectAlternativeNameExtension([{ type: 'url', value: 'spiffe://mesh.example/cluster/berlin' }]),
      ],
    });
    return made.toString('pem');
  };
}
