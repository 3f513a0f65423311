import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { p256Signer } from './signer.ts';

const text = (value: string) => new TextEncoder().encode(value);

test('a key survives export and import, and its signatures are its own', () => {
  const key = p256Signer.generate();
  const again = p256Signer.import(key.exportPem());
  expect(again.publicKeyDer).toEqual(key.publicKeyDer);
  const signature = again.sign(text('hello'));
  expect(p256Signer.verify(key.publicKeyDer, text('hello'), signature)).toBe(true);
  expect(p256Signer.verify(key.publicKeyDer, text('hallo'), signature)).toBe(false);
  expect(p256Signer.verify(p256Signer.generate().publicKeyDer, text('hello'), signature)).toBe(false);
  expect(p256Signer.verify(text('noise'), text('hello'), signature)).toBe(false);
});

test('other kinds of keys are refused', () => {
  const pem = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  expect(() => p256Signer.import(pem)).toThrow('only P-256');
});
