/** Every call and every type of resource of the `.proto` files has a rule of who may make it or send it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Caller, SYNC_RULES } from '../../../mesh/api/authorization.ts';
import type { GatewayDefinition } from '../../../mesh/api/gen/isthmus/v1/gateway.ts';
import { METHODS, TYPES } from '../protocol.ts';
import { RULES } from './rules.ts';

// A rule less than there are calls does not compile; nor does a type of resource without one.
// @ts-expect-error join has no rule
const _calls: Record<keyof (typeof GatewayDefinition)['methods'], Caller> = { renew: 'cluster for itself', issueMeshCertificates: 'cluster for itself', sync: 'cluster for itself' };
// @ts-expect-error Bundle has no rule
const _types: { readonly [T in keyof typeof SYNC_RULES]: unknown } = (({ Bundle: _, ...others }) => others)(SYNC_RULES);

describe('the rules', () => {
  test('are for the calls of the .proto files, each and no other', () => {
    const written = METHODS.map(({ service, method }) => `${service}.${method}`).sort();
    expect(Object.entries(RULES).flatMap(([service, callers]) => Object.keys(callers).map((method) => `${service}.${method}`)).sort()).toEqual(written);
  });
  test('are for the types of the .proto files, each and no other', () => {
    const pascal = (name: string): string => name.toLowerCase().replace(/(^|_)(\w)/g, (_, __, letter: string) => letter.toUpperCase());
    expect(Object.keys(SYNC_RULES).sort()).toEqual(TYPES.map(({ name }) => pascal(name)).sort());
  });
  test('say in the .proto files, too, that no call but Join goes without a certificate', () => {
    expect(readFileSync(join(import.meta.dirname, '../../../mesh/api/isthmus/v1/gateway.proto'), 'utf8')).toContain('Every call but Join needs the agent\'s client certificate');
    expect(METHODS.filter(({ service, method }) => RULES[service]?.[method] === 'holder of a join token').map(({ method }) => method)).toEqual(['join']);
  });
});
