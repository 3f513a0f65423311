/** Who made each generation of what people want, as the API server vouched for it: an object itself tells of its last change alone. */
import { z } from 'zod';
import { CHANGED_BY } from '../../../mesh/api/resources/guard-changes.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { KubernetesObject, ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import type { Cache } from '../../runtime/cache.ts';
import { createLoop } from '../../runtime/loop.ts';
import type { HubPorts } from '../ports.ts';
import type { Guards } from './guards.ts';

const REPORT = 'editors';
/** Of one object: what is older is not known any more. */
const MOST_SPANS = 32;

/** Generations of one object that one person made, first and last. */
interface Span { readonly from: number; readonly to: number; readonly by: string }
/** `last`: the newest generation that was looked at; what no span covers nothing vouches for. */
export interface KnownEditors { readonly uid: string; readonly last: number; /** Oldest first. */ readonly spans: readonly Span[] }

const schema = z.record(z.string(), z.object({ uid: z.string(), last: z.int(), spans: z.array(z.object({ from: z.int(), to: z.int(), by: z.string() })) }));

/** `Mesh europe`, for people as for maps. */
export const keyOf = (kind: ResourceKind, name: string): string => `${kind.kind} ${name}`;

export interface Editors {
  /** Resolves once everything that is there has been looked at, or never will be. */
  readonly ready: Promise<void>;
  /** As it is now: later changes do not reach it. By `keyOf`. */
  now(): ReadonlyMap<string, KnownEditors>;
  /** Whom nobody needs to be told of: the hub itself. */
  isHub(person: string): boolean;
  start(signal: CancelSignal): Promise<void>;
}

interface Parts {
  readonly ports: Pick<HubPorts, 'clock' | 'random' | 'log' | 'metrics' | 'records'>;
  readonly guards: Guards;
  readonly watched: readonly { readonly kind: ResourceKind; readonly cache: Cache<KubernetesObject> }[];
}

/** With what the object says of its newest generation, where that is news. `by` undefined: nothing vouches for it. */
function learn(known: KnownEditors | undefined, uid: string, generation: number, by: string | undefined): KnownEditors {
  const before = known?.uid === uid ? known : { uid, last: 0, spans: [] };
  if (generation <= before.last) return before;
  const newest = before.spans.at(-1);
  if (by === undefined) return { ...before, last: generation };
  const spans = newest?.by === by && newest.to === generation - 1 ? [...before.spans.slice(0, -1), { ...newest, to: generation }] : [...before.spans, { from: generation, to: generation, by }];
  return { uid, last: generation, spans: spans.slice(-MOST_SPANS) };
}

export function createEditors({ ports, guards, watched }: Parts): Editors {
  let known = new Map<string, KnownEditors>();
  let given = false;
  let isReady: () => void = () => {};
  const ready = new Promise<void>((resolve) => { isReady = resolve; });
  let written = '';

  const loop = createLoop({
    name: 'editors', ...ports,
    async reconcile() {
      const text = JSON.stringify(Object.fromEntries([...known].sort(([a], [b]) => (a < b ? -1 : 1))));
      if (text !== written) await ports.records.putReport(REPORT, text);
      written = text;
      return {};
    },
  });

  /** To write to. */
  function own(): Map<string, KnownEditors> {
    if (given) known = new Map(known);
    given = false;
    return known;
  }

  function look(kind: ResourceKind, { metadata }: KubernetesObject): void {
    const { name, uid = '', generation = 0, annotations = {} } = metadata;
    const key = keyOf(kind, name);
    const before = known.get(key);
    const after = learn(before, uid, generation, guards.problem() === undefined ? annotations[CHANGED_BY] : undefined);
    if (after === before) return;
    own().set(key, after);
    loop.add(REPORT);
  }

  return {
    ready,
    now() {
      given = true;
      return known;
    },
    isHub: (person) => person === guards.hub(),
    async start(signal) {
      if (signal.aborted) isReady();
      signal.addEventListener('abort', () => isReady(), { once: true });
      const kept = await ports.records.getReport(REPORT);
      for (const [key, one] of Object.entries(kept === undefined ? {} : schema.parse(JSON.parse(kept)))) known.set(key, one);
      written = kept ?? '';
      // Before it is known whether anybody vouches for them, names are worth nothing.
      await guards.looked;
      for (const { kind, cache } of watched) {
        cache.subscribe(({ type, object }) => {
          if (type !== 'deleted') look(kind, object);
          else if (own().delete(keyOf(kind, object.metadata.name))) loop.add(REPORT);
        });
        for (const key of [...known.keys()]) if (key.startsWith(`${kind.kind} `) && cache.get({ name: key.slice(kind.kind.length + 1) }) === undefined) own().delete(key);
      }
      isReady();
      await loop.start(signal);
    },
  };
}
