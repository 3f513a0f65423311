/** What is there though it holds nothing: against what Cilium's charts render for no clusters. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DRAIN_SECONDS } from '../model/mesh-ids.ts';
import type { ManagedObject } from '../model/managed.ts';
import { leftBehind, type MeshMounts, worthMaking } from './presence.ts';

const chart: MeshMounts = { users: 'Required', requiredSecrets: [] };
const left = (over: Partial<Parameters<typeof leftBehind>[0]> = {}): ReturnType<typeof leftBehind> =>
  leftBehind({ namespace: 'kube-system', ours: new Set(['clustermesh-remote-users', 'cilium-clustermesh', 'cilium-kvstoremesh']), users: [], drains: false, mounts: chart, emptySince: 1000, now: 2000, ...over });
const users = (text: string): ManagedObject => ({ kind: 'ConfigMap', namespace: 'kube-system', name: 'clustermesh-remote-users', data: { 'users.yaml': text } });

test.each([['1.16.19', ['solo']], ['1.17.18', []], ['1.18.12', []], ['1.19.6', []], ['1.20.0', []]])('after the drain the pods of %s find what its chart renders for no clusters', (version, own) => {
  const golden = JSON.parse(readFileSync(new URL(`goldens/${version}/alone/clustermesh-remote-users.json`, import.meta.url), 'utf8')) as Record<string, string>;
  expect(left({ users: own }).objects).toEqual([users(golden['users.yaml']!)]);
});

test('it goes where no pod mounts it, and where pods start without it once they have read that it is empty', () => {
  expect(left({ mounts: { ...chart, users: 'NotMounted' } })).toEqual({ objects: [] });
  const optional = { mounts: { ...chart, users: 'Optional' as const } };
  expect(left(optional)).toEqual({ objects: [users('users:\n')], until: 1000 + DRAIN_SECONDS * 1000 });
  expect(left({ ...optional, now: 1000 + DRAIN_SECONDS * 1000 })).toEqual({ objects: [] });
  // Nobody knows, nobody is let down.
  expect(left({ mounts: undefined })).toEqual({ objects: [users('users:\n')] });
  // Another's, or none.
  expect(left({ ours: new Set() })).toEqual({ objects: [] });
});

test('users that drain stay whatever is mounted, and Secrets that pods need stay empty', () => {
  expect(left({ drains: true, users: ['oslo'], mounts: { ...chart, users: 'NotMounted' }, ours: new Set() }).objects).toEqual([users('users:\n- name: remote-oslo\n  role: remote\n')]);
  expect(left({ mounts: { users: 'NotMounted', requiredSecrets: ['cilium-kvstoremesh'] } }).objects).toEqual([{ kind: 'Secret', namespace: 'kube-system', name: 'cilium-kvstoremesh', data: {} }]);
});

test('no Secret is made for no entry, but where pods need it; one that stands is brought up to date', () => {
  const empty: ManagedObject = { kind: 'Secret', namespace: 'kube-system', name: 'cilium-clustermesh', data: {} };
  const made = (given: Partial<Parameters<typeof worthMaking>[1]>, object = empty): number => worthMaking([object], { names: new Set(), mounts: chart, ...given }).length;
  expect(made({})).toBe(0);
  expect(made({ names: new Set(['cilium-clustermesh']) })).toBe(1);
  expect(made({ mounts: { ...chart, requiredSecrets: ['cilium-clustermesh'] } })).toBe(1);
  expect(made({ mounts: undefined })).toBe(1);
  expect(made({}, { ...empty, data: { oslo: 'endpoints:' } })).toBe(1);
  expect(made({}, users('users:\n'))).toBe(1);
});
