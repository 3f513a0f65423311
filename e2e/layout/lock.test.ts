import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';

/** Paths of optional packages that a lock file promises and does not hold: `npm ci` refuses it, on every platform. */
function missingPackages(lock: { readonly packages: Readonly<Record<string, { readonly optionalDependencies?: Readonly<Record<string, string>> }>> }): string[] {
  return Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => lock.packages[`node_modules/${name}`] === undefined && lock.packages[`${path}/node_modules/${name}`] === undefined));
}

test('a promised package that is not held is found', () => {
  expect(missingPackages({ packages: { 'node_modules/a': { optionalDependencies: { 'a-darwin': '1.0.0', 'a-linux': '1.0.0' } }, 'node_modules/a-linux': {} } })).toEqual(['a-darwin']);
});

test('the lock file holds the packages of every platform, so that npm ci works on a fresh clone', () => {
  const lock = JSON.parse(readFileSync(resolve(import.meta.dirname, '../../package-lock.json'), 'utf8')) as Parameters<typeof missingPackages>[0];
  expect(Object.keys(lock.packages).length).toBeGreaterThan(100);
  expect(missingPackages(lock), 'packages that the registry did not serve when the lock was written').toEqual([]);
});
