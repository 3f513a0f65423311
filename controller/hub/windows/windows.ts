/** ChangeWindow and WindowOverride → what the rollout may begin now, and their status. */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { ChangeWindow, WindowOverride } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { ChangeWindowObject, WindowOverrideObject } from '../../../mesh/api/resources/windows.ts';
import type { ClusterView } from '../../../mesh/model/cluster.ts';
import { type Instant, seconds } from '../../../mesh/model/instant.ts';
import { FINAL_RUN_PHASES } from '../../../mesh/model/rollout.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { createWindowBook, type WindowBook, type WindowState } from '../../../mesh/rollout/windows/book.ts';
import type { Cache } from '../../runtime/cache.ts';
import { createLoop, type Loop } from '../../runtime/loop.ts';
import type { Guards } from '../gates/guards.ts';
import type { HubPorts } from '../ports.ts';
import { clusterView, runPhase } from '../views.ts';
import { writeStatus } from '../write-status.ts';
import { runFacts } from './run-facts.ts';
import { overrideStatus, windowStatus } from './status.ts';
import type { Windows } from './types.ts';
import { changeWindowValue, keptValues, windowOverrideValue } from './values.ts';

const ALL = 'windows';
/** What lies beyond the horizon comes nearer by the day. */
const LOOK_AGAIN_SECONDS = 86_400;

const WINDOW_STATES = ['open', 'closed', 'never', 'invalid'] as const;
const stateName = ({ problem, open, interval }: WindowState): (typeof WINDOW_STATES)[number] => (problem !== undefined ? 'invalid' : open ? 'open' : interval === null ? 'never' : 'closed');

export interface WindowParts {
  readonly ports: Pick<HubPorts, 'clock' | 'random' | 'log' | 'metrics' | 'kubernetes'>;
  readonly clusters: Cache<ClusterObject>;
  readonly runs: Cache<UpdateRunObject>;
  readonly windows: Cache<ChangeWindowObject>;
  readonly overrides: Cache<WindowOverrideObject>;
  /** While nobody vouches for who made them, overrides open nothing. */
  readonly guards: Pick<Guards, 'problem' | 'subscribe'>;
  /** Of a Bundle; undefined: there is none of that name. */
  readonly packageOf: (bundle: string) => string | undefined;
}

export function createWindows({ ports, clusters, runs, windows, overrides, guards, packageOf }: WindowParts): Windows & Loop {
  const { clock, kubernetes } = ports;
  const windowValues = keptValues(changeWindowValue);
  const overrideValues = keptValues(windowOverrideValue);
  const measured = ports.metrics.gauge('isthmus_hub_change_windows', 'Change windows, by kind and by whether they are open, closed, never open or cannot be read.', ['kind', 'state']);
  const views = new WeakMap<ClusterObject, ClusterView>();
  const listeners: (() => void)[] = [];
  const tell = (): void => { for (const listener of listeners) listener(); };
  let known = { windows: windowValues([]), overrides: overrideValues([]) };
  let book: WindowBook | undefined;
  let bookedAt: Instant = 0;
  /** Until then time alone changes nothing of the book. */
  let bookedUntil: Instant = 0;

  function bookNow(): WindowBook {
    const now = clock.now();
    if (book === undefined || now < bookedAt || now >= bookedUntil) {
      book = createWindowBook(known.windows, known.overrides, now);
      bookedAt = now;
      bookedUntil = Math.min(book.wakeAt ?? Number.POSITIVE_INFINITY, now + seconds(LOOK_AGAIN_SECONDS));
    }
    return book;
  }

  function viewOf(object: ClusterObject): ClusterView {
    const view = views.get(object) ?? clusterView(object, undefined);
    views.set(object, view);
    return view;
  }

  const factsOf = runFacts((name) => runs.get({ name }), packageOf);

  async function reconcile(_key: string, signal: CancelSignal): Promise<{ requeueAt?: Instant }> {
    if (clock.now() >= bookedUntil && book !== undefined) tell();
    const { states } = bookNow();
    const now = clock.now();
    for (const kind of ['Allow', 'Deny'] as const) for (const state of WINDOW_STATES) measured.set({ kind, state }, states.filter((one) => one.window.kind === kind && stateName(one) === state).length);
    const stateOf = new Map(states.map((state) => [state.window.name, state]));
    for (const object of windows.list()) {
      const state = stateOf.get(object.metadata.name);
      if (state !== undefined) await writeStatus(kubernetes, ChangeWindow, object, windowStatus(object, state, now), signal);
    }
    for (const object of overrides.list()) {
      const value = windowOverrideValue(object);
      const run = value === undefined ? undefined : runs.get({ name: value.run });
      const status = overrideStatus(object, { value, run: run === undefined ? undefined : { ended: FINAL_RUN_PHASES.includes(runPhase(run)) }, unguarded: guards.problem() }, now);
      await writeStatus(kubernetes, WindowOverride, object, status, signal);
    }
    return windows.list().length === 0 && overrides.list().length === 0 ? {} : { requeueAt: bookedUntil };
  }

  const loop = createLoop({ name: 'windows', reconcile, ...ports });
  const changed = (): void => {
    const now = { windows: windowValues(windows.list()), overrides: overrideValues(guards.problem() === undefined ? overrides.list() : []) };
    loop.add(ALL);
    if (now.windows === known.windows && now.overrides === known.overrides) return;
    known = now;
    book = undefined;
    tell();
  };
  windows.subscribe(changed);
  overrides.subscribe(changed);
  guards.subscribe(changed);
  // Whether an override has anything to open is a matter of its run.
  runs.subscribe(() => { if (overrides.list().length > 0) loop.add(ALL); });

  return {
    ...loop,
    windowOf(cluster, run) {
      const object = clusters.get({ name: cluster });
      return object === undefined ? { open: true, reason: '', opensAt: null, closesAt: null } : bookNow().verdict(viewOf(object), factsOf(run));
    },
    subscribe(listener) { listeners.push(listener); },
  };
}
