/** Whose change a run carries: the people who changed what goes into it, since the runs before carried it. */
import { AccessPolicy, Bundle, Channel, FailoverPolicy, GlobalService, Mesh, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { HUB_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import { FINAL_RUN_PHASES, type RunEditor, type RunState } from '../../../mesh/model/rollout.ts';
import type { RunRecord } from '../../../mesh/ports/records.ts';
import { CHANNEL_LABEL } from '../bundles/values.ts';
import { type Editors, keyOf, type KnownEditors } from '../gates/editors.ts';
import type { PlanSources } from '../mesh/current-plan.ts';
import { readChanges } from '../mesh/frozen-changes.ts';
import { runPhase } from '../views.ts';
import { type EarlierRun, floorsOf } from './floors.ts';
import type { Intent, IntentWorld, RunSpec } from './intent-world.ts';

type ChangedBy = NonNullable<RunState['changedBy']>;

const MOST_OBJECTS = 512;
const MOST_PEOPLE = 64;
const MOST_CHANGED = 8;
const MOST_UNKNOWN = 16;

export interface Origins {
  /** Of a run that begins now and has these clusters, not none. */
  of(object: UpdateRunObject, spec: RunSpec, intent: Intent, clusters: readonly string[], world: IntentWorld): Promise<ChangedBy>;
}

interface Parts {
  readonly editors: Editors;
  readonly sources: Pick<PlanSources, 'accessPolicies' | 'failover' | 'globalServices'>;
  readonly runs: { list(): readonly UpdateRunObject[] };
}

const MOST_NAMED = 8;

/** For people: `; changed by ann (Mesh europe)`, or nothing. */
export function editorsText(changedBy: ChangedBy | undefined): string {
  const { people = [], unknown = [] } = changedBy ?? {};
  const named = people.slice(0, MOST_NAMED).map(({ person, changed }) => `${person} (${changed.join(', ')})`);
  const all = [...named, ...(people.length > MOST_NAMED ? [`${people.length - MOST_NAMED} more`] : [])].join(', ');
  return `${all === '' ? '' : `; changed by ${all}`}${unknown.map((text) => `; ${text}`).join('')}`;
}

interface Change { readonly person: string; readonly key: string }

function gathered(changes: readonly Change[]): readonly RunEditor[] {
  const byPerson = new Map<string, Set<string>>();
  for (const { person, key } of changes) byPerson.set(person, (byPerson.get(person) ?? new Set()).add(key));
  return [...byPerson].map(([person, keys]) => ({ person, changed: [...keys].sort().slice(0, MOST_CHANGED) })).sort((a, b) => (a.person < b.person ? -1 : 1));
}

/** Who made the generations after `since`, and which of them nothing vouches for. */
function madeSince({ last, spans }: KnownEditors, since: number): { readonly people: readonly string[]; readonly unknown: readonly number[] } {
  const news = spans.filter(({ to }) => to > since);
  const unknown: number[] = [];
  for (let generation = since + 1; generation <= last && unknown.length < MOST_CHANGED; generation += 1) if (!news.some(({ from, to }) => from <= generation && generation <= to)) unknown.push(generation);
  return { people: news.map(({ by }) => by), unknown };
}

/** Of a run that tries an earlier one again, or takes it back: that is nobody's change but of who asks for it. */
function ofEarlier(record: RunRecord | undefined, way: 'again' | 'back'): ChangedBy {
  const { people, carries } = record?.state.changedBy ?? { people: [], carries: {} };
  if (way === 'back') return { people: [], unknown: [], carries: Object.fromEntries(Object.entries(carries).map(([key, one]) => [key, { ...one, generation: one.since }])) };
  const asked = record === undefined || record.author === HUB_FIELD_MANAGER ? [] : [{ person: record.author, key: `UpdateRun ${record.run}` }];
  return { people: gathered([...asked, ...people.flatMap(({ person, changed }) => changed.map((key) => ({ person, key })))]), unknown: [], carries };
}

export function createOrigins({ editors, sources, runs }: Parts): Origins {
  const ended = new Map<string, EarlierRun>();

  async function earlierRuns(clusters: readonly string[], world: IntentWorld): Promise<readonly EarlierRun[]> {
    const names = new Set([...runs.list().filter((object) => FINAL_RUN_PHASES.includes(runPhase(object))).map(({ metadata }) => metadata.name), ...clusters.flatMap((cluster) => world.assigned(cluster)?.run ?? [])]);
    for (const name of ended.keys()) if (!names.has(name)) ended.delete(name);
    for (const name of names) {
      const record = ended.has(name) ? undefined : await world.records.getRun(name);
      if (record === undefined || record.finishedAt === null) continue;
      const { run, createdAt, changes, phase, state } = record;
      ended.set(name, { run, createdAt, changes, phase, carries: state.changedBy?.carries ?? {} });
    }
    return [...ended.values()].sort((a, b) => b.createdAt - a.createdAt || (a.run < b.run ? 1 : -1));
  }

  /** What goes into it beside the strategy. */
  function contents(object: UpdateRunObject, spec: RunSpec, { changes }: Intent, clusters: readonly string[], world: IntentWorld): string[] {
    if (spec.undoOf !== undefined || spec.retryOf !== undefined) return [];
    if (changes === 'Bundles') {
      const channel = spec.requestedBy === HUB_FIELD_MANAGER ? object.metadata.labels?.[CHANNEL_LABEL] : undefined;
      return [...(spec.bundle === undefined ? [] : [keyOf(Bundle, spec.bundle.name)]), ...(channel === undefined ? [] : [keyOf(Channel, channel)])];
    }
    const going = new Set(clusters);
    return [
      ...world.plan().meshes.filter(({ members }) => members.some(({ name }) => going.has(name))).map(({ mesh }) => keyOf(Mesh, mesh)),
      ...sources.accessPolicies.list().map(({ metadata }) => keyOf(AccessPolicy, metadata.name)),
      ...sources.failover.list().map(({ metadata }) => keyOf(FailoverPolicy, metadata.name)), ...sources.globalServices.list().map(({ metadata }) => keyOf(GlobalService, metadata.name)),
    ];
  }

  /** Not read twice: an edit that comes meanwhile has its author in this run, and counts as new in the next one too. */
  async function lookedAt(all: readonly string[], intent: Intent, clusters: readonly string[], world: IntentWorld): Promise<ChangedBy> {
    await editors.ready;
    const then = world.editors ?? new Map<string, KnownEditors>();
    const now = editors.now();
    const keys = all.filter((key) => now.has(key)).slice(0, MOST_OBJECTS);
    const { since, left } = await floorsOf({
      objects: new Map(keys.map((key) => [key, now.get(key)!.uid])), clusters, changes: all.some((key) => !key.startsWith(`${UpdateStrategy.kind} `)) ? intent.changes : 'Bundles',
      earlier: await earlierRuns(clusters, world), rowsOf: world.endedTargets,
    });
    const changes: Change[] = [];
    const unknown: string[] = [];
    const judge = (key: string, from: number): void => {
      const made = madeSince(now.get(key)!, from);
      changes.push(...made.people.filter((person) => !editors.isHub(person)).map((person) => ({ person, key })));
      if (made.unknown.length > 0) unknown.push(`who changed ${key} (generation ${made.unknown.join(', ')}) is not known`);
    };
    for (const key of keys) judge(key, since.get(key) ?? 0);
    for (const [key, { uid, generation }] of left) {
      if (now.get(key)?.uid === uid) judge(key, generation);
      else if (!now.has(key)) unknown.push(`who deleted ${key} is not known`);
    }
    const people = gathered(changes);
    if (all.length > MOST_OBJECTS) unknown.push(`who changed what goes into this run is not known: it is more than ${MOST_OBJECTS} objects`);
    if (people.length > MOST_PEOPLE) unknown.push(`more than ${MOST_PEOPLE} people have changed what goes into this run`);
    const carries = keys.map((key) => [key, { uid: now.get(key)!.uid, generation: Math.min(now.get(key)!.last, then.get(key)?.last ?? 0), since: since.get(key) ?? 0 }] as const);
    return { people: people.slice(0, MOST_PEOPLE), unknown: unknown.slice(0, MOST_UNKNOWN), carries: Object.fromEntries(carries) };
  }

  return {
    async of(object, spec, intent, clusters, world) {
      const earlier = spec.undoOf ?? spec.retryOf;
      const repeated = earlier === undefined ? undefined : ofEarlier(await world.records.getRun(earlier), spec.undoOf === undefined ? 'again' : 'back');
      const strategy = earlier !== undefined && spec.strategyName === undefined ? [] : [keyOf(UpdateStrategy, intent.strategy.name)];
      const found = await lookedAt([...contents(object, spec, intent, clusters, world), ...strategy], intent, clusters, world);
      const changes = [...repeated?.people ?? [], ...found.people].flatMap(({ person, changed }) => changed.map((key) => ({ person, key })));
      // Who asks for a run in person answers for what it brings.
      const byHand = spec.requestedBy !== HUB_FIELD_MANAGER && await readChanges(world.records, object.metadata.name) === undefined;
      return { people: gathered(changes), unknown: byHand ? [] : found.unknown, carries: { ...repeated?.carries, ...found.carries } };
    },
  };
}
