/** Packages that the assigned state has, and those that it has no more: brought, looked after, taken away. Never any other. */
import type { DriftEntry } from '../../../mesh/model/desired.ts';
import type { Instant } from '../../../mesh/model/instant.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { messageOf } from '../../runtime/errors.ts';
import { createLoop } from '../../runtime/loop.ts';
import type { AgentConfig, AgentPorts } from '../ports.ts';
import type { AgentState } from '../state/state.ts';
import { createContentReader } from './content.ts';
import { createInventories } from './inventories.ts';
import { createKinds } from './kinds.ts';
import { createPackages, type PackageOutcome } from './package.ts';

export interface BundlesOutcome {
  readonly settled: boolean;
  readonly inPlace: boolean;
  readonly message: string;
  readonly drift: readonly DriftEntry[];
  /** The API server has refused some of it, and again after a while (somebody may have been about to install what it needs, or to grant it); or a hook has failed. */
  readonly refused?: true;
}

export interface Bundles {
  /** It is known what is there through us. */
  readonly synced: boolean;
  /** Something is still to be looked at since the start, or since `look`. */
  readonly looking: boolean;
  /** Looks at everything now; listeners are told when that is done. */
  look(): void;
  /** Of the desired state as it is now; what was found out for another one does not count. */
  outcome(): BundlesOutcome;
  subscribe(listener: () => void): void;
  start(signal: CancelSignal): Promise<void>;
}

/** Objects of any kind are looked at, not watched: a watch of each kind would need more rights. */
const LOOK_AGAIN_MILLISECONDS = 30_000;
/** What is in place for a short time is looked at more often: a run lets it soak, and soak that nobody looks at proves nothing. */
const FRESH_MILLISECONDS = 1000;
const SOONEST_MILLISECONDS = 250;
const LATEST_MILLISECONDS = 5000;
const REFUSED_AGAIN_SECONDS = 30;
const RETRY_LOAD_MILLISECONDS = 5000;

export function createBundles({ ports, config, state }: { readonly ports: AgentPorts; readonly config: AgentConfig; readonly state: AgentState }): Bundles {
  const { clock, log } = ports;
  const inventories = createInventories({ ports, namespace: config.namespace, state });
  const bring = createPackages({ ports, config, state, inventories, kinds: createKinds(ports.discovery), read: createContentReader(config) });
  const outcomes = new Map<string, PackageOutcome & { readonly of: string }>();
  const movingSince = new Map<string, Instant>();
  const refusedSince = new Map<string, { readonly of: string; readonly at: Instant }>();
  const settledSince = new Map<string, { readonly of: string; readonly at: Instant }>();
  const unseen = new Set<string>();
  const listeners: (() => void)[] = [];
  const tell = (): void => { for (const listener of listeners) listener(); };

  const assignment = (): string => `${state.desired?.id ?? ''} ${state.desired?.generation ?? 0}`;
  const names = (): readonly string[] => [...new Set([...(state.desired?.state.bundles ?? []).map((one) => one.package), ...inventories.all().map((one) => one.package)])].sort();

  function put(name: string, found: PackageOutcome & { readonly of: string }): void {
    const before = outcomes.get(name);
    outcomes.set(name, found);
    if (before === undefined || JSON.stringify(before) !== JSON.stringify(found)) tell();
  }

  function seen(name: string): void {
    if (unseen.delete(name) && unseen.size === 0) tell();
  }

  function later(name: string, { moving }: PackageOutcome): Instant {
    const now = clock.now();
    if (!moving) {
      movingSince.delete(name);
      const known = settledSince.get(name);
      const since = known?.of === assignment() ? known.at : now;
      settledSince.set(name, { of: assignment(), at: since });
      return now + Math.min(LOOK_AGAIN_MILLISECONDS, Math.max(FRESH_MILLISECONDS, (now - since) / 4));
    }
    settledSince.delete(name);
    const since = movingSince.get(name) ?? now;
    movingSince.set(name, since);
    return now + Math.min(LATEST_MILLISECONDS, Math.max(SOONEST_MILLISECONDS, (now - since) / 4));
  }

  /** What is refused is so only once it is refused again; what cannot come to another end is so at once. */
  function refusedAgain(name: string, of: string, { refused, final, ...found }: PackageOutcome): PackageOutcome {
    if (final === true) return { ...found, refused: true };
    if (refused === undefined) {
      refusedSince.delete(name);
      return found;
    }
    const known = refusedSince.get(name);
    const since = known?.of === of ? known.at : clock.now();
    refusedSince.set(name, { of, at: since });
    return clock.now() >= since + REFUSED_AGAIN_SECONDS * 1000 ? { ...found, refused } : found;
  }

  const loop = createLoop({
    ...ports,
    name: 'bundles',
    refusedAgainSeconds: REFUSED_AGAIN_SECONDS,
    async reconcile(name, signal) {
      const { desired } = state;
      // Without an assignment nothing is known to be too much.
      if (desired === undefined) { seen(name); return {}; }
      const of = assignment();
      const reference = desired.state.bundles?.find((one) => one.package === name);
      try {
        const brought = await bring(name, { reference, generation: desired.generation ?? 0, overrides: desired.state.overrides ?? [] }, signal);
        if (of !== assignment()) { loop.add(name); return {}; }
        const found = refusedAgain(name, of, brought);
        const news = found.settled && outcomes.get(name)?.settled !== true;
        put(name, { ...found, of });
        // What it gave up another package may have waited for.
        if (news) for (const [other, { settled }] of outcomes) if (!settled) loop.add(other);
        if (reference === undefined && found.settled) {
          outcomes.delete(name);
          movingSince.delete(name);
          settledSince.delete(name);
          seen(name);
          tell();
          return {};
        }
        seen(name);
        return { requeueAt: later(name, found) };
      } catch (error) {
        refusedSince.delete(name);
        if (!signal.aborted) put(name, { settled: false, inPlace: false, message: `package ${name}: ${messageOf(error)}`, drift: [], moving: true, of });
        seen(name);
        throw error;
      }
    },
  });

  const all = (): void => { for (const name of names()) loop.add(name); };

  function look(): void {
    if (!inventories.read) return;
    for (const name of names()) unseen.add(name);
    if (unseen.size === 0) tell();
    all();
  }

  return {
    get synced() { return inventories.read; },
    get looking() { return !inventories.read || unseen.size > 0; },
    look,
    outcome() {
      const of = assignment();
      const found = names().map((name) => outcomes.get(name)).map((one) => (one?.of === of ? one : undefined));
      const known = found.filter((one) => one !== undefined);
      const waiting = known.length < found.length ? ['packages are being looked at'] : [];
      return {
        settled: waiting.length === 0 && known.every((one) => one.settled),
        inPlace: waiting.length === 0 && known.every((one) => one.settled || one.inPlace),
        message: [...known.filter((one) => !one.settled).map((one) => one.message), ...waiting].join('; '),
        drift: known.flatMap((one) => one.drift),
        ...(known.some((one) => one.refused) ? { refused: true } : {}),
      };
    },
    subscribe(listener) { listeners.push(listener); },
    async start(signal) {
      state.subscribe((type) => { if (inventories.read && (type === 'DesiredRevision' || type === 'Bundle')) all(); });
      const running = loop.start(signal);
      while (!signal.aborted && !inventories.read) {
        try {
          await inventories.load(signal);
        } catch (error) {
          if (signal.aborted) break;
          log.warn({ error: messageOf(error) }, 'what bundles have brought cannot be read yet, trying again');
          await clock.sleepUntil(clock.now() + RETRY_LOAD_MILLISECONDS, signal);
        }
      }
      look();
      tell();
      await running;
    },
  };
}
