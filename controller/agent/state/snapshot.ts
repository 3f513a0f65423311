/** Saves the state soon after it changed, and loads it at the start. */
import { z } from 'zod';
import { decodeSyncMessage, encodeSyncMessage } from '../../../mesh/api/codec/sync.ts';
import { HUB_TYPES, type SyncResource, type SyncType } from '../../../mesh/model/sync.ts';
import { MAX_REVOCATIONS } from '../../../mesh/model/revocation.ts';
import { MAX_TRUST_ISSUERS } from '../../../mesh/model/trust.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import type { Log } from '../../../mesh/ports/log.ts';
import type { SnapshotStore } from '../../../mesh/ports/snapshot.ts';
import { inventorySchema } from './inventory-schema.ts';
import type { AgentState, StateContent } from './state.ts';

/** Changes come in bursts; a crash within it loses only what the hub sends again. */
const DEBOUNCE_MILLISECONDS = 1000;
const RETRY_MILLISECONDS = 10_000;

const driftEntry = z.object({ object: z.string(), path: z.string(), expected: z.string(), actual: z.string(), manager: z.string(), firstSeen: z.number(), actor: z.string().optional(), changedAt: z.number().optional(), reason: z.enum(['Changed', 'PutBack', 'Contended']).optional() });
const health = z.looseObject({ cluster: z.string(), healthy: z.boolean(), changedAt: z.number(), raw: z.boolean(), rawSince: z.number(), evacuated: z.boolean(), reason: z.string() });

const issuers = z.array(z.string()).max(MAX_TRUST_ISSUERS);

const managedMemory = z.object({
  written: z.record(z.string(), z.record(z.string(), z.string())),
  drift: z.array(driftEntry),
  spent: z.array(z.string()).max(256).optional(),
});

/** The frame; each resource passes the same checks as one from the hub. */
const snapshotSchema = z.object({
  schema: z.literal(1),
  cluster: z.string(),
  resources: z.record(z.string(), z.array(z.object({ name: z.string(), version: z.string(), value: z.looseObject({}) }))),
  failover: z.record(z.string(), z.looseObject({ health: z.array(health), serving: z.array(z.string()), reason: z.string(), wakeAt: z.number().nullable() })),
  applied: z.object({ id: z.string(), appliedAt: z.number() }).nullable(),
  managed: managedMemory,
  // Objects carry what was written as well.
  access: managedMemory.catch({ written: {}, drift: [] }),
  // Worth less than all the rest: without it a fight begins anew, and is found again.
  contentions: z.record(z.string(), z.object({ manager: z.string(), undoneAt: z.array(z.number()), rounds: z.int().min(0), quietUntil: z.number() })).catch({}),
  // The cluster has the inventories as well.
  packages: z.record(z.string(), z.object({ inventory: inventorySchema, drift: z.array(driftEntry), spent: z.array(z.string()).max(256) })).catch({}),
  // Users that stand are read from the cluster again.
  revoked: z.object({
    admitted: z.array(z.string()).max(MAX_REVOCATIONS),
    effects: z.array(z.object({ cluster: z.string(), at: z.number(), stranger: z.boolean(), userRemovedAt: z.number().nullable(), podsReplacedAt: z.number().nullable(), problem: z.string() })).max(MAX_REVOCATIONS),
  }).catch({ admitted: [], effects: [] }),
  // Users that stand are read from the cluster again; their times begin anew.
  letGo: z.record(z.string(), z.number().nullable()).catch({}),
  // Only said to people.
  tookAway: z.record(z.string(), z.number()).catch({}),
  // Without it the cluster says whom it believes once it has waited for that anew.
  trusted: z.object({ use: z.object({ sequence: z.int().min(0), clientIssuers: issuers, serverIssuers: issuers }), bundle: z.string() }).nullable().catch(null),
});

/** As if it came from the hub now: a value of an older program, or one that was damaged on the disk, is left out, and the hub sends it again. */
function reread(type: SyncType, resource: SyncResource): readonly SyncResource[] {
  try {
    const read = decodeSyncMessage(encodeSyncMessage({ kind: 'delta', type, nonce: '1', resources: [resource], removed: [] }));
    return read.kind === 'delta' ? read.resources : [];
  } catch {
    return [];
  }
}

export async function loadState(store: SnapshotStore, state: AgentState, cluster: string, log: Log): Promise<void> {
  const text = await store.load();
  if (text === undefined) return;
  try {
    const snapshot = snapshotSchema.parse(JSON.parse(text));
    if (snapshot.cluster !== cluster) log.warn({ cluster: snapshot.cluster }, 'the last known state is of another cluster; starting without it');
    else state.restore({ ...snapshot, resources: Object.fromEntries(HUB_TYPES.flatMap((type) => {
      const resources = snapshot.resources[type];
      return resources === undefined ? [] : [[type, (resources as unknown as SyncResource[]).flatMap((resource) => reread(type, resource))]];
    })) } as StateContent);
  } catch (error) {
    log.warn({ problem: error instanceof Error ? error.name : 'unknown' }, 'the last known state is damaged; starting without it');
  }
}

/** Runs until `signal` aborts, and saves once more then. */
export async function saveState(
  parts: { readonly store: SnapshotStore; readonly state: AgentState; readonly cluster: string; readonly clock: Clock; readonly log: Log },
  signal: CancelSignal,
): Promise<void> {
  const { store, state, cluster, clock, log } = parts;
  let changed = false;
  let wake = (): void => {};
  state.subscribeContent(() => { changed = true; wake(); });
  const stop = (): void => wake();
  signal.addEventListener('abort', stop, { once: true });

  async function save(): Promise<void> {
    changed = false;
    try {
      await store.save(JSON.stringify({ schema: 1, cluster, ...state.content() }));
    } catch (error) {
      changed = true;
      log.error({ error }, 'the last known state cannot be saved; after a restart without the hub an older one would be used');
      await clock.sleepUntil(clock.now() + RETRY_MILLISECONDS, signal);
    }
  }

  while (!signal.aborted) {
    if (!changed) await new Promise<void>((resolve) => { wake = resolve; if (signal.aborted) resolve(); });
    await clock.sleepUntil(clock.now() + DEBOUNCE_MILLISECONDS, signal);
    if (changed && !signal.aborted) await save();
  }
  if (changed) await save();
  signal.removeEventListener('abort', stop);
}
