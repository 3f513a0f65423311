import { execFileSync } from 'node:child_process';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { p256Signer } from '../../controller/adapters/signer.ts';
import { systemRandom } from '../../controller/adapters/random.ts';
import { initRoot } from './ceremony.ts';
import { spiffeBundle } from './spiffe-bundle.ts';

test('each root is one key, the same as in its certificate, of every kind', () => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-bundle-'));
  try {
    const imported = (...kind: readonly string[]): string => {
      execFileSync('openssl', ['req', '-x509', '-nodes', ...kind, '-keyout', join(folder, 'key'), '-out', join(folder, 'crt'), '-days', '9', '-subj', '/CN=root'], { stdio: 'ignore' });
      return readFileSync(join(folder, 'crt'), 'utf8');
    };
    const roots = [initRoot('mesh.example', 86_400_000, p256Signer, systemRandom, Date.now()).certificatePem, imported('-newkey', 'rsa:2048'), imported('-newkey', 'ed25519')];
    const bundle = JSON.parse(spiffeBundle({ bundlePem: roots.join(''), sequence: 7 })) as { keys: { use: string; kty: string; x5c: string[] }[] };
    expect(bundle).toMatchObject({ spiffe_sequence: 7, spiffe_refresh_hint: 300 });
    expect(bundle.keys.map(({ use, kty }) => [use, kty])).toEqual([['x509-svid', 'EC'], ['x509-svid', 'RSA'], ['x509-svid', 'OKP']]);
    for (const [index, { use: _, x5c, ...key }] of bundle.keys.entries()) {
      const certificate = new X509Certificate(roots[index]!);
      expect(x5c).toEqual([certificate.raw.toString('base64')]);
      expect(createPublicKey({ key, format: 'jwk' }).equals(certificate.publicKey)).toBe(true);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
