/** SIGKILL in the middle of many writes, round after round: what was acknowledged is there, what was begun is there whole or not at all, versions only grow. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { seededRandom } from '../../controller/runtime/testing/fakes.ts';
import { type RunningApi, startApi } from './start.ts';

const SEED = Number(process.env['KILL_SEED'] ?? 7);
const ROUNDS = 5;
const WRITERS = 6;
const DEPENDENTS = 12;
const MAPS = '/api/v1/namespaces/shop/configmaps';
const MERGE = 'application/merge-patch+json';
const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const GADGETS = '/apis/kill.example.com/v1/namespaces/shop/gadgets';
const definition = {
  apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'gadgets.kill.example.com' },
  spec: { group: 'kill.example.com', scope: 'Namespaced', names: { kind: 'Gadget', plural: 'gadgets', singular: 'gadget' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } }] },
};

/** What an object may be: its value and version; undefined: absent. Two where a write had no answer. */
interface Known { readonly value: string; readonly version: string | undefined }
type Possible = readonly (Known | undefined)[];

class Ledger {
  readonly maps = new Map<string, Possible>();
  /** Highest version of any answer. */
  version = 0;
  acknowledged = 0;
  unanswered = 0;

  saw(version: unknown): void {
    this.version = Math.max(this.version, Number(version));
  }
}

type Step = () => Promise<void>;

/** Each writer has names of its own, so that it knows what must be there. */
function writer(api: RunningApi, ledger: Ledger, index: number, random: (below: number) => number): Step {
  let count = 0;
  return async () => {
    const name = `w${index}-${random(4)}`;
    const before = ledger.maps.get(name) ?? [undefined];
    const isThere = before[0] !== undefined;
    const value = `${index}-${count++}-${random(1e6)}`;
    const kind = isThere ? random(4) : 0;
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { value } };
    const after: Known | undefined = kind === 3 ? undefined : { value, version: undefined };
    ledger.maps.set(name, [...before, after]);
    ledger.unanswered += 1;
    const answer = await (kind === 0 && !isThere ? api.call('POST', MAPS, { body }) : kind === 3 ? api.call('DELETE', `${MAPS}/${name}`)
      : kind === 2 ? api.call('PATCH', `${MAPS}/${name}`, { type: MERGE, body: { data: { value } } }) : api.call('PUT', `${MAPS}/${name}`, { body }));
    expect(answer.code, `${kind} ${name} ${JSON.stringify(answer.body)}`).toBeLessThan(300);
    ledger.unanswered -= 1;
    ledger.acknowledged += 1;
    if (after !== undefined) ledger.saw(answer.body.metadata.resourceVersion);
    ledger.maps.set(name, [after === undefined ? undefined : { value, version: answer.body.metadata.resourceVersion }]);
  };
}

/** Things that go together with others: an owner, a namespace, a definition. */
function groups(api: RunningApi, random: (below: number) => number): readonly Step[] {
  const many = (make: (index: number) => Promise<{ readonly code: number }>): Promise<unknown> => Promise.all(Array.from({ length: DEPENDENTS }, (_, index) => make(index)));
  const family = async (): Promise<void> => {
    const owner = await api.call('POST', MAPS, { body: { metadata: { generateName: 'owner-' } } });
    const { name, uid } = owner.body.metadata;
    await many((index) => api.call('POST', MAPS, { body: { metadata: { name: `of-${name}-${index}`, labels: { owned: 'yes' }, ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name, uid, blockOwnerDeletion: true }] } } }));
    await api.call('DELETE', `${MAPS}/${name}?propagationPolicy=${['Background', 'Foreground'][random(2)]}`);
  };
  const home = async (): Promise<void> => {
    const { body } = await api.call('POST', '/api/v1/namespaces', { body: { metadata: { generateName: 'home-', labels: { home: 'yes' } } } });
    await many((index) => api.call('POST', `/api/v1/namespaces/${body.metadata.name}/configmaps`, { body: { metadata: { name: `in-${index}` } } }));
    await api.call('DELETE', `/api/v1/namespaces/${body.metadata.name}`);
  };
  const kind = async (): Promise<void> => {
    await api.call('POST', DEFINITIONS, { body: definition });
    await many((index) => api.call('POST', GADGETS, { body: { apiVersion: 'kill.example.com/v1', kind: 'Gadget', metadata: { name: `g-${index}` } } }));
    await api.call('DELETE', `${DEFINITIONS}/gadgets.kill.example.com`);
  };
  return [family, home, kind];
}

async function until(killed: AbortSignal, step: Step): Promise<void> {
  try {
    while (!killed.aborted) await step();
  } catch (error) {
    if (!killed.aborted) throw error;
  }
}

async function checkMaps(api: RunningApi, ledger: Ledger): Promise<void> {
  const { body } = await api.call('GET', MAPS);
  expect(Number(body.metadata.resourceVersion)).toBeGreaterThanOrEqual(ledger.version);
  ledger.saw(body.metadata.resourceVersion);
  const found = new Map<string, Known>(body.items.map((item: { readonly metadata: { readonly name: string; readonly resourceVersion: string }; readonly data?: { readonly value: string } }) =>
    [item.metadata.name, { value: item.data?.value ?? '', version: item.metadata.resourceVersion }]));
  for (const [name, possible] of ledger.maps) {
    const now = found.get(name);
    const fits = possible.some((each) => (each === undefined ? now === undefined : now !== undefined && each.value === now.value && (each.version === undefined || each.version === now.version)));
    expect(fits, `${name} is ${JSON.stringify(now)} and must be one of ${JSON.stringify(possible)}`).toBe(true);
    ledger.maps.set(name, [now]);
  }
}

/** Nothing is left of what began to go. */
async function checkGroups(api: RunningApi): Promise<void> {
  const maps = (await api.call('GET', MAPS)).body.items as readonly { readonly metadata: { readonly name: string; readonly deletionTimestamp?: string; readonly ownerReferences?: readonly { readonly name: string }[] } }[];
  const owners = new Set(maps.filter(({ metadata }) => metadata.name.startsWith('owner-')).map(({ metadata }) => metadata.name));
  expect(maps.filter(({ metadata }) => metadata.deletionTimestamp !== undefined)).toEqual([]);
  expect(maps.filter(({ metadata }) => metadata.ownerReferences?.some(({ name }) => !owners.has(name)) === true)).toEqual([]);
  const namespaces = (await api.call('GET', '/api/v1/namespaces?labelSelector=home')).body.items as readonly { readonly metadata: { readonly name: string }; readonly status: { readonly phase: string } }[];
  expect(namespaces.filter(({ status }) => status.phase !== 'Active')).toEqual([]);
  const everywhere = (await api.call('GET', '/api/v1/configmaps')).body.items as readonly { readonly metadata: { readonly namespace: string } }[];
  const homes = new Set([...namespaces.map(({ metadata }) => metadata.name), 'shop']);
  expect(everywhere.filter(({ metadata }) => !homes.has(metadata.namespace))).toEqual([]);
  const defined = (await api.call('GET', `${DEFINITIONS}/gadgets.kill.example.com`));
  expect(defined.body.metadata?.deletionTimestamp).toBeUndefined();
  if (defined.code === 404) {
    expect((await api.call('GET', GADGETS)).code).toBe(404);
    // A definition of the same name does not bring old objects back.
    expect((await api.call('POST', DEFINITIONS, { body: definition })).code).toBe(201);
    expect((await api.call('GET', GADGETS)).body.items).toEqual([]);
  }
  await api.call('DELETE', `${DEFINITIONS}/gadgets.kill.example.com`);
}

/** A watch from before goes on without a gap, or says that it cannot. */
async function checkWatch(api: RunningApi, version: string): Promise<void> {
  const answer = await api.call('GET', `${MAPS}?watch=1&timeoutSeconds=1&resourceVersion=${version}`);
  const first = typeof answer.body === 'string' ? JSON.parse(answer.body.split('\n')[0] || '{}') : answer.body;
  const code = answer.code === 200 ? first.object?.code ?? 200 : answer.code;
  expect([200, 410]).toContain(code);
  if (code === 200 && first.object !== undefined) expect(Number(first.object.metadata.resourceVersion)).toBeGreaterThan(Number(version));
}

test('an embedded API killed again and again keeps what it acknowledged', { timeout: 280_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-kill-'));
  const { uniform } = seededRandom(SEED);
  const random = (below: number): number => Math.floor(uniform() * below);
  const ledger = new Ledger();
  let lastSeen = '1';
  let running: RunningApi | undefined;
  try {
    for (let round = 0; round <= ROUNDS; round += 1) {
      const api = await startApi(folder);
      running = api;
      await checkMaps(api, ledger);
      await Promise.all([checkGroups(api), checkWatch(api, lastSeen)]);
      lastSeen = String(ledger.version);
      if (round === ROUNDS) {
        await api.stop();
        break;
      }
      const killed = new AbortController();
      const work = [...Array.from({ length: WRITERS }, (_, index) => writer(api, ledger, index, random)), ...groups(api, random)].map((step) => until(killed.signal, step));
      const enough = ledger.acknowledged + 10 + random(40);
      const idle = Promise.all(work).then(() => { throw new Error('the writers ended by themselves'); });
      await Promise.race([idle, (async () => { while (ledger.acknowledged < enough) await sleep(2); })()]);
      await sleep(random(20));
      killed.abort();
      await api.stop('SIGKILL');
      await idle.catch((error: unknown) => { if (!String(error).includes('by themselves')) throw error; });
    }
    // Kills that never met a write would prove nothing.
    expect(ledger.unanswered).toBeGreaterThan(0);
  } finally {
    running?.process.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
});
