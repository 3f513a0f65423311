/** UpdateRuns that are open → whose turn it is → their next durable step. Runs that share no cluster go side by side. */
import { UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { Instant } from '../../../mesh/model/instant.ts';
import { FINAL_RUN_PHASES } from '../../../mesh/model/rollout.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { eachApart } from '../../runtime/apart.ts';
import { createLoop, type Loop } from '../../runtime/loop.ts';
import { reportOn } from '../report.ts';
import { runPhase, runSpec, unsettledRuns } from '../views.ts';
import { writeStatus } from '../write-status.ts';
import { createRunBook, type OpenRun } from './book.ts';
import { concernsRuns } from './concerns.ts';
import { createConductor } from './conduct.ts';
import { releaseObject } from './finalizer.ts';
import { intentOf } from './intent.ts';
import { type Hindrance, type Intent, type IntentWorld, isHindrance, type RunSpec } from './intent-world.ts';
import type { RolloutParts } from './parts.ts';
import { NOTHING, statusBefore } from './status.ts';
import { type Contender, waitingRuns } from './turns.ts';
import { createRolloutWorld } from './world.ts';

/** Agents need seconds to return to a restarted hub; who is connected, and so goes first, is judged after that. */
const GRACE_SECONDS = 15;
const ALL = 'runs';

export interface Rollout extends Loop {
  /** The people who have approved a gate of the run, sorted. */
  approversOf(run: string): readonly string[];
  /** As the records have it, where it is open and was read. */
  openRun(run: string): OpenRun | undefined;
}

/** The records keep runs for good, by name. */
const usedName = (run: string): string => `an earlier run had the name ${run}, and its records are kept; make the run under another name`;

const oldestFirst = (a: UpdateRunObject, b: UpdateRunObject): number => {
  const [left, right] = [a, b].map(({ metadata }) => `${metadata.creationTimestamp ?? ''} ${metadata.name}`) as [string, string];
  return left < right ? -1 : left > right ? 1 : 0;
};

/** One open run as this reconcile finds it. */
type Found =
  | { readonly object: UpdateRunObject; readonly kind: 'ended' | 'used' | 'stopped' | 'paused' }
  /** The schema refuses its spec; it keeps the clusters that it has. */
  | { readonly object: UpdateRunObject; readonly kind: 'unreadable'; readonly open: OpenRun | undefined }
  | { readonly object: UpdateRunObject; readonly kind: 'begun'; readonly spec: RunSpec; readonly open: OpenRun }
  | { readonly object: UpdateRunObject; readonly kind: 'hindered'; readonly spec: RunSpec; readonly hindrance: Hindrance }
  | { readonly object: UpdateRunObject; readonly kind: 'ready'; readonly spec: RunSpec; readonly intent: Intent };

export function createRollout(parts: RolloutParts): Rollout {
  const { ports, sources, fleet, runs, strategies, drift, gates, windows, bundles } = parts;
  const { clock, kubernetes, records } = ports;
  const book = createRunBook(records);
  const around = createRolloutWorld(parts);
  const conductor = createConductor(parts, around, book, sources.digest);

  async function find(object: UpdateRunObject, world: IntentWorld): Promise<Found> {
    if (FINAL_RUN_PHASES.includes(runPhase(object))) return { object, kind: 'ended' };
    const spec = runSpec(object);
    const open = await book.read(object.metadata.name);
    if (spec === undefined) return { object, kind: 'unreadable', open };
    if (open !== undefined) {
      const { uid, finishedAt } = open.record;
      return uid !== '' && uid !== object.metadata.uid && finishedAt !== null ? { object, kind: 'used' } : { object, kind: 'begun', spec, open };
    }
    if (spec.stop || object.metadata.deletionTimestamp !== undefined) return { object, kind: 'stopped' };
    if (spec.pause === true) return { object, kind: 'paused' };
    const intent = await intentOf(object.metadata.name, spec, world);
    return isHindrance(intent) ? { object, kind: 'hindered', spec, hindrance: intent } : { object, kind: 'ready', spec, intent };
  }

  const contenderOf = (found: Found): readonly Contender[] => {
    const run = found.object.metadata.name;
    if ((found.kind === 'begun' || found.kind === 'unreadable') && found.open !== undefined) return [{ run, begun: true, clusters: found.open.targets.filter(({ phase }) => phase !== 'Skipped').map(({ cluster }) => cluster) }];
    return found.kind === 'ready' ? [{ run, begun: false, clusters: found.intent.clusters }] : [];
  };

  /** Undefined: all of them have been heard, or there was time enough for it. */
  function graceOf(clusters: readonly string[]): Instant | undefined {
    const ends = fleet.listeningSince() + GRACE_SECONDS * 1000;
    const unheard = clusters.some((cluster) => sources.clusters.get({ name: cluster }) !== undefined && fleet.heard(cluster, 'AppliedReport') === undefined);
    return unheard && clock.now() < ends ? ends : undefined;
  }

  const writeBefore = (object: UpdateRunObject, message: string, clusters: number, signal: CancelSignal): Promise<void> =>
    writeStatus(kubernetes, UpdateRun, object, statusBefore(object, 'Pending', message, clusters, clock.now()), signal);

  /** When time alone brings the run on; null: never. */
  async function work(found: Found, waits: string | undefined, world: IntentWorld, signal: CancelSignal): Promise<Instant | null> {
    const { object } = found;
    switch (found.kind) {
      case 'unreadable': return null;
      case 'ended': await releaseObject(kubernetes, object, signal); return null;
      case 'used': await conductor.endBefore(object, 'Failed', usedName(object.metadata.name), signal); return null;
      case 'stopped': await conductor.endBefore(object, 'Stopped', 'stopped before it began', signal); return null;
      case 'paused': await writeBefore(object, 'is paused before it begins; set spec.pause to false to let it', 0, signal); return null;
      case 'begun': return advance(object, found.spec, found.open, signal);
      case 'hindered':
        if (!found.hindrance.final) { await writeBefore(object, found.hindrance.problem, 0, signal); return null; }
        return begin(object, found.spec, { hindrance: found.hindrance.problem }, world, signal);
      case 'ready': {
        if (waits !== undefined) { await writeBefore(object, waits, found.intent.clusters.length, signal); return null; }
        return graceOf(found.intent.clusters) ?? await begin(object, found.spec, found.intent, world, signal);
      }
    }
  }

  async function begin(object: UpdateRunObject, spec: RunSpec, intent: Intent | { readonly hindrance: string }, world: IntentWorld, signal: CancelSignal): Promise<Instant | null> {
    const held = await conductor.begin(object, spec, intent, world, signal);
    const open = await book.read(object.metadata.name);
    return open === undefined ? null : advance(held, spec, open, signal);
  }

  async function advance(object: UpdateRunObject, spec: RunSpec, open: OpenRun, signal: CancelSignal): Promise<Instant | null> {
    const grace = graceOf(open.targets.filter(({ finishedAt }) => finishedAt === null).map(({ cluster }) => cluster));
    if (grace !== undefined && !spec.stop && object.metadata.deletionTimestamp === undefined) return grace;
    return conductor.advance(object, spec, open, signal);
  }

  const reportRun = reportOn<UpdateRunObject>(ports, UpdateRun, { phase: 'Pending', message: '', counts: { ...NOTHING } });

  async function reconcile(_key: string, signal: CancelSignal): Promise<{ requeueAt?: number }> {
    await conductor.resend();
    const world = around.now();
    const found: Found[] = [];
    const failed = new Map<UpdateRunObject, unknown>();
    for (const object of [...unsettledRuns(runs)].sort(oldestFirst)) {
      try { found.push(await find(object, world)); } catch (error) { failed.set(object, error); }
    }
    const waiting: ReadonlyMap<string, string> = found.some(({ kind }) => kind === 'ready') ? waitingRuns(found.flatMap(contenderOf)) : new Map();
    // Whom a run has that could not be read is not known: none begins beside it.
    const unknown = failed.size === 0 ? undefined : 'waits until an older run can be read';
    const byObject = new Map(found.map((one) => [one.object, one]));
    const wakes: Instant[] = [];
    await eachApart({
      controller: 'rollout', objects: [...failed.keys(), ...byObject.keys()], report: reportRun,
      async work(object) {
        if (failed.has(object)) throw failed.get(object);
        const one = byObject.get(object);
        const wakeAt = one === undefined ? null : await work(one, waiting.get(object.metadata.name) ?? unknown, world, signal);
        if (wakeAt !== null) wakes.push(wakeAt);
      },
    }, signal);
    return wakes.length === 0 ? {} : { requeueAt: Math.min(...wakes) };
  }

  const loop = createLoop({ name: 'rollout', reconcile, ...ports });
  const wake = (): void => loop.add(ALL);
  runs.subscribe(wake);
  strategies.subscribe(wake);
  drift.subscribe(wake);
  gates.subscribe(wake);
  windows.subscribe(wake);
  bundles.subscribe(wake);
  sources.clusters.subscribe((event) => { if (concernsRuns(event)) wake(); });
  fleet.subscribe(({ type }) => { if (type === 'AppliedReport' || type === 'Connection') wake(); });
  return {
    ...loop,
    openRun: (run) => book.peek(run),
    approversOf(run) {
      const open = book.peek(run);
      const approved = open === undefined ? (runs.get({ name: run })?.status?.gates ?? []) : Object.values(open.record.state.gates);
      return [...new Set(approved.filter(({ phase }) => phase === 'Passed').flatMap(({ approvedBy }) => approvedBy ?? []))].sort();
    },
  };
}
