import { generateKeyPairSync, sign as cryptoSign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { BundleObject } from '../../../mesh/api/resources/bundle.ts';
import { apiVersionOf, Bundle } from '../../../mesh/api/resources/index.ts';
import { testEnvironment } from '../testing/environment.ts';
import { readBundleFile } from './file.ts';
import { listBundles } from './list.ts';
import { printDigest, printPayload, signFile, verifyFile } from './sign.ts';

const folder = mkdtempSync(join(tmpdir(), 'isthmus-bundle-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string): string => join(folder, name);

const YAML = `# Settings of the shop.
apiVersion: isthmus.dev/v1alpha1
kind: Bundle
metadata:
  name: shop-1
spec:
  package: shop
  version: 1.2.0
  parts:
    - name: settings # first
      manifests:
        - apiVersion: v1
          kind: ConfigMap
          metadata: {name: settings, namespace: shop}
          data: {greeting: grüße}
`;
const write = (name: string, text = YAML): string => { writeFileSync(file(name), text); return file(name); };
const indented = (pem: string): string => pem.trimEnd().split('\n').map((line) => `      ${line}`).join('\n');

function signer(keyid: string): { readonly key: string; readonly pinned: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  writeFileSync(file(`${keyid}.pem`), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return { key: file(`${keyid}.pem`), pinned: `  - keyid: ${keyid}\n    publicKeyPem: |\n${indented(publicKey.export({ type: 'spki', format: 'pem' }).toString())}\n` };
}
const [ann, ben] = [signer('ann'), signer('ben')];
const keys = write('keys.yaml', `threshold: 2\nkeys:\n${ann.pinned}${ben.pinned}`);

describe('signing', () => {
  test('two people sign one after the other, and the file keeps its comments and its digest', () => {
    const path = write('one.yaml');
    const environment = testEnvironment();
    printDigest(environment, path);
    const digest = environment.printed().trim();
    expect(() => { verifyFile(environment, path, keys); }).toThrow(`${path}: shop 1.2.0: 0 of 2 signatures that are needed count; it is not signed`);
    signFile(environment, path, { key: ann.key, keyid: 'ann' });
    signFile(environment, path, { key: ann.key, keyid: 'ann' });
    expect(() => { verifyFile(environment, path, keys); }).toThrow(`1 of 2 signatures that are needed count (ann); keys that count: ann, ben; "isthmus bundle sign -f ${path} --key FILE --keyid NAME"`);
    signFile(environment, path, { key: ben.key, keyid: 'ben' });
    verifyFile(environment, path, keys);
    expect(environment.printed()).toContain(`shop 1.2.0 ${digest}: signed by ann, ben; 2 needed`);
    expect(environment.complained().split('\n')[0]).toBe(`${path}: signed ${digest} as ann`);
    const text = readFileSync(path, 'utf8');
    for (const comment of ['# Settings of the shop.', '# first']) expect(text).toContain(comment);
    expect(readBundleFile(path).delivery.signatures.map(({ keyid }) => keyid)).toEqual(['ann', 'ben']);
    writeFileSync(path, text.replace('grüße', 'gruesse'));
    expect(() => { verifyFile(environment, path, keys); }).toThrow('the signature by "ann" is not of this content; the signature by "ben" is not of this content');
  });

  test('a key that has expired or was revoked signs nothing, and what is said names it and those that could', () => {
    const path = write('late.yaml');
    const environment = testEnvironment();
    signFile(environment, path, { key: ann.key, keyid: 'ann' });
    const pinned = (name: string, more: string, others = ''): string => write(name, `threshold: 1\nkeys:\n${ann.pinned}    ${more}\n${others}`);
    const expired = pinned('expired.yaml', "notAfter: '2020-01-01T00:00:00Z'", ben.pinned);
    expect(() => { verifyFile(environment, path, expired); }).toThrow('key "ann" expired at 2020-01-01T00:00:00Z; keys that count: ben; ');
    expect(() => { verifyFile(environment, path, pinned('revoked.yaml', 'revoked: true')); }).toThrow('key "ann" is revoked; no pinned key counts any more: pin a new one at hub and agents, and sign with it');
  });

  test('a key that is kept elsewhere signs the payload', () => {
    const path = write('two.yaml');
    const environment = testEnvironment();
    printPayload(environment, path);
    expect(environment.printed()).toMatch(/^DSSEv1 38 application\/vnd\.isthmus\.bundle\.v1\+json \d+ \{"health":\[\],"package":"shop"/);
    writeFileSync(file('payload'), environment.printed());
    const sig = cryptoSign(null, readFileSync(file('payload')), readFileSync(ann.key, 'utf8')).toString('base64');
    signFile(environment, path, { sig, keyid: 'ann' });
    verifyFile(environment, path, write('one-key.yaml', `threshold: 1\nkeys:\n${ann.pinned}`));
  });

  test('what the API server fills in does not change the digest', () => {
    const spec = (more: string): string => `${YAML}    - name: hook\n      hook:\n        job: {apiVersion: batch/v1, kind: Job, metadata: {name: a, namespace: shop}}\n${more}`;
    const [given, left] = [spec('        timeoutSeconds: 600\n  health: []\n  signatures: []\n'), spec('')].map((text, index) => readBundleFile(write(`default-${index}.yaml`, text)).delivery.digest);
    expect(left).toBe(given);
  });
});

describe('files that are refused', () => {
  test.each<[string, string | RegExp]>([
    [YAML.replace('kind: Bundle', 'kind: Mesh'), 'give a Bundle of isthmus.dev/v1alpha1'],
    [`${YAML}---\n${YAML}`, 'holds several documents'],
    ['', 'no document'],
    ['a: [', '-f '],
    ['a: ['.repeat(10_000), /wrong\.yaml: is no YAML that can be read: it is nested too deep$/],
    [`\0\x1b[2J${'é%@'.repeat(50_000)}: ]`, /^-f \S+wrong\.yaml: is no YAML that can be read: [\x20-\x7e]{1,120}…? at line \d+, column \d+$/],
    [YAML.replace('version: 1.2.0', 'version: "1.2"'), 'version: "1.2" is not a semantic version'],
    [YAML.replace('package: shop', 'package: shop\n  owner: me'), 'content.owner: is not a field of a bundle'],
    [YAML.replace('greeting: grüße', 'mode: 0644'), 'spec.parts[0].manifests[0].data.mode: readers of YAML 1.1, such as kubectl, and of 1.2 read this otherwise'],
    [YAML.replace('greeting: grüße', 'enabled: on'), 'data.enabled: readers of YAML 1.1'],
    [YAML.replace('greeting: grüße', 'since: 2026-01-01'), 'data.since: readers of YAML 1.1'],
  ])('%#', (text, problem) => { expect(() => readBundleFile(write('wrong.yaml', text))).toThrow(problem); });

  test('wrong words', () => {
    const path = write('three.yaml');
    const environment = testEnvironment();
    expect(() => { signFile(environment, path, {}); }).toThrow('give --key FILE, or --sig');
    expect(() => { signFile(environment, path, { sig: 'AA' }); }).toThrow('--sig: give --keyid');
    expect(() => { signFile(environment, path, { key: keys }); }).toThrow(`--key ${keys}: cannot be read; give an Ed25519 or an ECDSA P-256 key`);
    expect(() => { signFile(environment, '-', { key: keys }); }).toThrow('give a path');
    expect(() => readBundleFile(file('none'))).toThrow('cannot be read (ENOENT)');
  });
});

test('the list says which may be brought', async () => {
  const environment = testEnvironment();
  const make = async (name: string, version: string, signatures: readonly object[], status: object): Promise<void> => {
    const made = await environment.client.create<BundleObject>(Bundle, {
      apiVersion: apiVersionOf(Bundle), kind: 'Bundle', metadata: { name },
      spec: { package: 'shop', version, parts: [{ name: 'one', manifests: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'b' } }] }], signatures },
    } as unknown as BundleObject, { fieldManager: 'test' }, environment.signal);
    await environment.client.update(Bundle, { ...made, status } as BundleObject, { fieldManager: 'test', subresource: 'status' }, environment.signal);
  };
  const condition = (type: string, status: string, message = ''): object => ({ type, status, reason: 'R', message, lastTransitionTime: '2030-01-01T00:00:00Z' });
  await make('a', '1.9.0', [{ keyid: 'ann', sig: 'AA' }, { keyid: 'eve', sig: 'AA' }], { digest: `sha256-${'a'.repeat(64)}`, verifiedBy: ['ann'], conditions: [condition('Valid', 'True'), condition('Verified', 'True')] });
  await make('b', '1.10.0', [], { digest: `sha256-${'b'.repeat(64)}`, conditions: [condition('Valid', 'True'), condition('Verified', 'False', '0 of 1')] });
  await listBundles(environment, 'table', undefined);
  expect(environment.printed().split('\n').map((line) => line.replaceAll(/ {2,}/g, '  '))).toEqual([
    'NAME  PACKAGE  VERSION  DIGEST  SIGNED BY  AGE  USABLE', 'b  shop  1.10.0  bbbbbbbbbb  -  0s  no: 0 of 1', 'a  shop  1.9.0  aaaaaaaaaa  ann,(eve)  0s  yes', '',
  ]);
});
