import { expect, test } from 'vitest';
import { apiVersionOf, Mesh } from '../../../mesh/api/resources/index.ts';
import type { RunEventObject } from '../../../mesh/api/resources/core.ts';
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import { type KubernetesClient, KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import type { CacheEvent } from '../../runtime/object-set.ts';
import { fakeMetrics, seededRandom, silentLog } from '../../runtime/testing/fakes.ts';
import { manualClock } from '../../runtime/testing/manual-clock.ts';
import { createSkipEvents } from './skip-events.ts';

const mesh = (condition?: readonly [status: 'True' | 'False', message: string], warnings = 0): MeshObject => ({
  apiVersion: apiVersionOf(Mesh), kind: 'Mesh', metadata: { name: 'europe', uid: 'u1', generation: 1 }, spec: { clusters: {} },
  status: { clusterCount: warnings, conditions: condition === undefined ? [] : [{ type: 'PreflightSkipped', status: condition[0], reason: 'Skipped', message: condition[1], lastTransitionTime: '2030-01-01T00:00:00Z' }] },
} as unknown as MeshObject);

test('a skip is told when it takes effect, when what it skips is another, and when it skips nothing; once each, and again only after a failure', async () => {
  const clock = manualClock();
  const told: string[] = [];
  const names = new Set<string>();
  let fails = false;
  const kubernetes = {
    async create(_kind: unknown, { metadata: { name }, type, reason, note, regarding }: RunEventObject) {
      if (fails) throw new KubernetesError(500, 'InternalError', 'later');
      if (names.has(name)) throw new KubernetesError(409, 'AlreadyExists', 'there');
      names.add(name);
      told.push(`${type} ${reason} ${regarding.kind}/${regarding.name} (${note})`);
    },
  } as unknown as KubernetesClient;
  let tell: (event: CacheEvent<MeshObject>) => void = () => {};
  const loop = createSkipEvents({ ports: { clock, random: seededRandom(1), log: silentLog, metrics: fakeMetrics(), kubernetes, digest: sha256Hex }, meshes: { subscribe(subscriber) { tell = subscriber; return () => {}; } } });
  const stop = new AbortController();
  void loop.start(stop.signal);
  const change = async (previous: MeshObject, object: MeshObject): Promise<void> => { tell({ type: 'updated', previous, object }); await clock.advance(1000); };
  const [none, overlap, more, idle] = [mesh(), mesh(['True', 'CidrOverlap (berlin, oslo): the pools overlap']), mesh(['True', 'CidrOverlap (berlin, oslo, rome): the pools overlap']), mesh(['False', 'spec.skips[0] skips nothing'])];
  tell({ type: 'added', object: overlap });
  await change(none, mesh(undefined, 3));
  await change(none, overlap);
  await change(overlap, mesh(['True', 'CidrOverlap (berlin, oslo): the pools overlap'], 3));
  fails = true;
  await change(overlap, more);
  fails = false;
  await clock.advance(60_000);
  await change(more, idle);
  await change(more, idle);
  expect(told).toEqual([
    'Warning PreflightSkipped Mesh/europe (CidrOverlap (berlin, oslo): the pools overlap)', 'Warning PreflightSkipped Mesh/europe (CidrOverlap (berlin, oslo, rome): the pools overlap)',
    'Normal PreflightNothingSkipped Mesh/europe (spec.skips[0] skips nothing)',
  ]);
  stop.abort();
});
