import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { recordingLog } from '../runtime/testing/fakes.ts';
import { readSigningPolicyFile, watchedSigningPolicy } from './signing-policy.ts';

const folder = mkdtempSync(join(tmpdir(), 'isthmus-keys-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'keys.yaml');
const key = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString().trimEnd().split('\n').map((line) => `      ${line}`).join('\n');
const yaml = (more = ''): string => `threshold: 1\nkeys:\n  - keyid: ann\n${more}    publicKeyPem: |\n${key}\n`;

test('a revocation counts at once, and a broken file leaves the keys that were read last', () => {
  writeFileSync(file, yaml());
  const log = recordingLog();
  const policy = watchedSigningPolicy(file, log);
  expect(policy().keys[0]?.revoked).toBeUndefined();
  writeFileSync(file, yaml('    revoked: true\n'));
  expect(policy().keys[0]?.revoked).toBe(true);
  writeFileSync(file, 'threshold: [');
  expect(policy().keys[0]?.revoked).toBe(true);
  policy();
  rmSync(file);
  expect(policy().keys[0]?.revoked).toBe(true);
  expect(log.lines.filter(({ message }) => message.startsWith('the pinned keys'))).toHaveLength(2);
});

test.each([
  ['threshold: [', 'is not YAML'],
  ['threshold: 2\nkeys: []', 'threshold: 2 signatures are asked for'],
  ['', 'the file: '],
])('a file that cannot be meant is refused by its name: %s', (text, problem) => {
  writeFileSync(file, text);
  expect(() => readSigningPolicyFile(file)).toThrow(`--bundle-keys ${file}: ${problem}`);
});
test('a file that is far too large is not parsed', () => {
  writeFileSync(file, 'a: ['.repeat(250_000));
  expect(() => readSigningPolicyFile(file)).toThrow(`--bundle-keys ${file}: has 1000000 characters; at most 262144 are read`);
});
test('a file that is not there', () => { expect(() => readSigningPolicyFile(join(folder, 'none'))).toThrow('cannot be read (ENOENT)'); });
