import { expect, test } from 'vitest';
import { ConfigMap } from '../../../mesh/api/resources/core.ts';
import type { KubernetesClient, KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { createEmbeddedApi } from '../../embedded/api.ts';
import { embeddedClient } from '../../embedded/client.ts';
import { memoryObjectStore } from '../../embedded/store.ts';
import { seededRandom } from '../../runtime/testing/fakes.ts';
import { manualClock } from '../../runtime/testing/manual-clock.ts';
import { inTurns } from './in-turns.ts';

const never = new AbortController().signal;
const by = { fieldManager: 'test' };
const WRITES = 20;
const newClient = (): KubernetesClient => embeddedClient(createEmbeddedApi({ objects: memoryObjectStore(), clock: manualClock(), random: seededRandom(1), definitions: [], namespaces: ['shop'] }));
const object = (name: string): KubernetesObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'shop', name } });

/** How often anything else had its turn while `work` went on. */
async function turnsDuring(work: () => Promise<void>): Promise<number> {
  let [turns, ended] = [0, false];
  const next = (): void => { turns += 1; if (!ended) setImmediate(next); };
  setImmediate(next);
  await work();
  ended = true;
  return turns;
}

async function writeMuch(client: KubernetesClient): Promise<void> {
  for (let number = 0; number < WRITES; number += 1) {
    const ref = { namespace: 'shop', name: `settings-${number}` };
    await client.create(ConfigMap, object(ref.name), by, never);
    await client.patch(ConfigMap, ref, { data: { a: 'b' } }, { ...by, type: 'merge' }, never);
    await client.update(ConfigMap, (await client.get(ConfigMap, ref, never))!, by, never);
    await client.delete(ConfigMap, ref, {}, never);
    await client.patch(ConfigMap, ref, {}, { ...by, type: 'merge' }, never).catch(() => {});
  }
}

test('whoever writes much in process lets everything else have its turn after each write, also where it is refused', async () => {
  expect(await turnsDuring(() => writeMuch(newClient()))).toBeLessThanOrEqual(1);
  expect(await turnsDuring(() => writeMuch(inTurns(newClient())))).toBeGreaterThanOrEqual(WRITES * 5);
});

test('gives what the client gives', async () => {
  const client = inTurns(newClient());
  expect(await client.create(ConfigMap, object('settings'), by, never)).toMatchObject({ metadata: { name: 'settings' } });
  await expect(client.create(ConfigMap, object('settings'), by, never)).rejects.toMatchObject({ reason: 'AlreadyExists' });
});
