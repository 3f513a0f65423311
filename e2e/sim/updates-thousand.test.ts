/** A thousand clusters, five stages, three in a hundred that fail, a region that leaves, a window that is closed, a hub that restarts: how much is disturbed is looked at in every durable step. The hub is the real one, its records are SQLite; agents are played by what they say and hear. */
import { expect, it } from 'vitest';
import { makeBundle } from '../../controller/hub/rollout/testing/runs.ts';
import { createBench, reportOf, scriptedAgent, type ScriptedAgent } from '../../controller/hub/testing/bench.ts';
import { ChangeWindow, Cluster, UpdateRun } from '../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../mesh/api/resources/updates.ts';
import type { DesiredRevision } from '../../mesh/model/desired.ts';
import { seconds, toRfc3339 } from '../../mesh/model/instant.ts';
import type { RunState, RunTarget, StrategyValue } from '../../mesh/model/rollout.ts';
import type { NewRun, RecordStore } from '../../mesh/ports/records.ts';
import { budgetProblem } from './invariants/budget.ts';

const CLUSTERS = 1000;
const REGIONS = ['africa', 'asia', 'europe', 'oceania', 'us'] as const;
const RUN = 'everywhere';
const never = new AbortController().signal;

const nameOf = (index: number): string => `c${String(index).padStart(4, '0')}`;
/** The first ten are in none that leaves or is closed. */
const regionOf = (index: number): string => (index < 10 ? 'us' : REGIONS[index % REGIONS.length]!);
/** Three in a hundred, none of them among the first ten. */
const fails = (index: number): boolean => index % 33 === 17;

const STRATEGY: StrategyValue = {
  name: 'careful', progressDeadlineSeconds: 120, onFailure: 'Pause', maxConcurrency: '5%',
  stages: [
    { name: 'one', clusters: { names: ['c0000'] }, maxConcurrency: 1, soakSeconds: 60 },
    { name: 'ten', clusters: { names: ['c000*'] }, maxConcurrency: '20%', soakSeconds: 60 },
    { name: 'near', clusters: { labels: { region: ['africa', 'asia'] } }, maxConcurrency: '10%', maxFailures: '4%', soakSeconds: 30 },
    { name: 'europe', clusters: { labels: { region: 'europe' } }, maxConcurrency: '15%', maxFailures: '5%', soakSeconds: 30 },
    { name: 'rest', clusters: {}, maxConcurrency: '20%', maxFailures: '5%', soakSeconds: 30 },
  ],
};

interface Watched {
  readonly records: RecordStore;
  readonly rows: ReadonlyMap<string, RunTarget>;
  readonly problems: string[];
  /** Names of clusters, each time that one is told. */
  readonly told: { readonly cluster: string; readonly at: number }[];
  /** Most clusters that were in flight at once, and disturbed: in flight or failed. */
  readonly most: { inFlight: number; disturbed: number };
  steps: number;
  state: RunState | undefined;
}

/** Judges every step as soon as it is durable. */
function watched(records: RecordStore, judge: (rows: readonly RunTarget[], state: RunState) => string | undefined): Watched {
  const rows = new Map<string, RunTarget>();
  const seen: Watched = { rows, problems: [], told: [], most: { inFlight: 0, disturbed: 0 }, steps: 0, state: undefined, records };
  const frozen = ({ targets }: Pick<NewRun, 'targets'>): void => { for (const target of targets) rows.set(target.cluster, target); };
  return Object.assign(seen, { records: {
    ...records,
    async createRun(run: string, value: NewRun) {
      const created = await records.createRun(run, value);
      if (created) frozen(value);
      return created;
    },
    async saveProgress(step: Parameters<RecordStore['saveProgress']>[0]) {
      const given = await records.saveProgress(step);
      frozen(step);
      seen.steps += 1;
      seen.state = step.state;
      seen.told.push(...given.map(({ cluster, assignedAt }) => ({ cluster, at: assignedAt })));
      const all = [...rows.values()];
      const inFlight = all.filter(({ phase }) => phase === 'Assigned' || phase === 'Soaking').length;
      seen.most.inFlight = Math.max(seen.most.inFlight, inFlight);
      seen.most.disturbed = Math.max(seen.most.disturbed, inFlight + all.filter(({ phase }) => phase === 'Failed').length);
      const problem = budgetProblem({ run: step.run, strategy: STRATEGY, targets: all, state: step.state, assigned: [] }) ?? judge(all, step.state);
      if (problem !== undefined && seen.problems.length < 5) seen.problems.push(problem);
      return given;
    },
  } satisfies RecordStore });
}

const share = (percent: string | number | undefined, of: number): number => (typeof percent === 'string' ? Math.floor((Number.parseInt(percent, 10) * of) / 100) : percent ?? 0);

/** Per stage: failures never exceed what is allowed, what had been accepted, and what was in flight when the bound was reached; and no stage has begun before the one before it was done. */
function blastRadius(all: readonly RunTarget[], { acceptedFailures }: RunState): string | undefined {
  const accepted = new Set(acceptedFailures);
  for (const [number, stage] of STRATEGY.stages.entries()) {
    const members = all.filter((target) => target.stage === number);
    const failed = members.filter(({ phase, cluster }) => phase === 'Failed' && !accepted.has(cluster)).length;
    const worst = share(stage.maxFailures, members.length) + Math.max(1, share(stage.maxConcurrency, members.length));
    if (failed > worst) return `stage ${stage.name}: ${failed} failed, at most ${worst} can`;
    const begun = members.some(({ phase }) => phase !== 'Pending' && phase !== 'Skipped');
    const open = all.find((target) => target.stage < number && (target.phase === 'Assigned' || target.phase === 'Soaking' || target.phase === 'Pending'));
    if (begun && open !== undefined) return `stage ${stage.name} has begun while ${open.cluster} is ${open.phase}`;
  }
  return undefined;
}

it('never disturbs more of a thousand clusters than it may, whatever happens on the way', async () => {
  const bench = await createBench();
  const began = performance.now();
  const seen = watched(bench.records, blastRadius);
  await bench.startHub(seen.records);
  for (let index = 0; index < CLUSTERS; index += 1) await bench.join(nameOf(index), { region: regionOf(index) });
  const agents = new Map<string, ScriptedAgent>(Array.from({ length: CLUSTERS }, (_, index) => [nameOf(index), scriptedAgent(nameOf(index), index % 255)]));
  const indices = new Map(Array.from({ length: CLUSTERS }, (_, index) => [nameOf(index), index]));
  const appliedOf = new Map<string, number>();
  for (const [name, agent] of agents) {
    // None has an address for the others: a thousand times a thousand of those are not what is looked at here.
    agent.publisher.set('ClusterReport', name, { ...reportOf(indices.get(name)! % 255), peerAddress: '' });
    agent.connect(bench);
  }
  await bench.clock.advance(2000);

  /** Agents apply what they are told five seconds later. */
  async function pass(secondsLong: number): Promise<void> {
    for (let passed = 0; passed < secondsLong; passed += 5) {
      const due = [...agents].filter(([name, agent]) => (agent.value<DesiredRevision>('DesiredRevision', name)?.generation ?? 0) > (appliedOf.get(name) ?? 0));
      await bench.clock.advance(seconds(5));
      for (const [name, agent] of due) {
        appliedOf.set(name, agent.value<DesiredRevision>('DesiredRevision', name)?.generation ?? 0);
        agent.apply(!fails(indices.get(name)!));
      }
    }
  }
  const run = async (): Promise<UpdateRunObject['status']> => (await bench.get<UpdateRunObject>(UpdateRun, RUN))?.status;
  async function until(what: string, holds: () => boolean | Promise<boolean>, atMostSeconds = 7200): Promise<void> {
    for (let passed = 0; passed < atMostSeconds; passed += 10) {
      if (await holds()) return;
      expect(seen.problems).toEqual([]);
      await pass(10);
    }
    throw new Error(`${what} has not come: ${JSON.stringify(await run())}`);
  }
  const rowsOf = (stage: string): readonly RunTarget[] => [...seen.rows.values()].filter((row) => STRATEGY.stages[row.stage]?.name === stage);
  const resume = (): Promise<unknown> => bench.kubernetes.patch(UpdateRun, { name: RUN }, { spec: { resumedAt: toRfc3339(bench.clock.now()) } }, { type: 'merge', fieldManager: 'test' }, never);

  const told = (names: (index: number) => boolean): number => seen.told.filter(({ cluster }) => names(indices.get(cluster)!)).length;

  // Europe is closed for an hour.
  const opensAt = bench.clock.now() + seconds(3600);
  await bench.create(ChangeWindow, 'europe', { kind: 'Deny', clusters: { labels: { region: 'europe' } }, period: { from: toRfc3339(bench.clock.now() - 1000), to: toRfc3339(opensAt) }, reason: 'the end of a quarter' });
  await makeBundle(bench, 'cilium', 1);
  await bench.clock.advance(1000);
  await bench.create(UpdateRun, RUN, { strategy: STRATEGY, bundle: { name: 'cilium-1', clusters: {}, all: true }, reason: 'a new minor version', requestedBy: 'ann', stop: false });

  await until('the first of the near ones', () => rowsOf('near').some(({ phase }) => phase === 'Done'));
  expect([...rowsOf('one'), ...rowsOf('ten')].every(({ phase }) => phase === 'Done')).toBe(true);
  expect(told((index) => index >= 10 && !['africa', 'asia'].includes(regionOf(index)))).toBe(0);

  // Africa leaves, whoever of it is in flight: what was in flight may fail beyond what is allowed, and nobody else is told.
  const near = rowsOf('near');
  const inFlight = near.filter(({ phase }) => phase === 'Assigned' || phase === 'Soaking').map(({ cluster }) => cluster);
  expect(inFlight.length).toBeGreaterThan(10);
  expect(inFlight.length).toBeLessThanOrEqual(share('10%', near.length));
  const leaving = [...indices].filter(([, index]) => regionOf(index) === 'africa').map(([name]) => name);
  for (const name of leaving) agents.get(name)!.disconnect();
  for (const name of leaving) await bench.kubernetes.delete(Cluster, { name }, {}, never);
  await until('the run pauses', async () => (await run())?.phase === 'Paused');
  const failed = rowsOf('near').filter(({ phase }) => phase === 'Failed');
  expect(failed.filter(({ message }) => message.startsWith('left the fleet')).map(({ cluster }) => cluster).every((cluster) => leaving.includes(cluster))).toBe(true);
  expect(rowsOf('near').filter(({ phase, message }) => phase === 'Skipped' && message.startsWith('left the fleet')).length).toBeGreaterThan(100);
  const toldByThen = seen.told.length;
  await pass(120);
  expect(seen.told.length).toBe(toldByThen);

  // A person has looked. Then the hub dies while clusters soak, and another takes over: nobody is told twice.
  await resume();
  await until('near goes on', () => rowsOf('near').filter(({ phase }) => phase === 'Soaking').length > 5);
  await bench.stopHub();
  const dead = seen.steps;
  await bench.clock.advance(seconds(60));
  expect(seen.steps).toBe(dead);
  await bench.startHub(seen.records);
  for (const [name, agent] of agents) if (!leaving.includes(name)) { agent.disconnect(); agent.connect(bench); }

  // Near is done, and Europe is closed: the run waits, and says until when.
  await until('near is done', () => rowsOf('near').every(({ phase }) => phase === 'Done' || phase === 'Failed' || phase === 'Skipped'));
  await until('the run waits', async () => (await run())?.phase === 'Waiting');
  expect((await run())?.waitingUntil).toBe(toRfc3339(opensAt));
  expect(told((index) => regionOf(index) === 'europe')).toBe(0);
  await bench.clock.advance(opensAt - bench.clock.now());

  await until('its end', async () => (await run())?.phase === 'CompletedWithFailures');
  expect(seen.problems).toEqual([]);
  expect(bench.log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  // Each was told once, Europe not before its window opened, and those that left are not.
  expect(new Set(seen.told.map(({ cluster }) => cluster)).size).toBe(seen.told.length);
  expect(seen.told.filter(({ cluster, at }) => regionOf(indices.get(cluster)!) === 'europe' && at < opensAt)).toEqual([]);
  const rows = [...seen.rows.values()];
  expect(rows.filter(({ cluster, phase }) => !leaving.includes(cluster) && (phase === 'Failed') !== fails(indices.get(cluster)!))).toEqual([]);
  expect(rows.filter(({ cluster, phase }) => !leaving.includes(cluster) && !fails(indices.get(cluster)!) && phase !== 'Done')).toEqual([]);
  expect(seen.most.inFlight).toBeLessThanOrEqual(share(STRATEGY.maxConcurrency, CLUSTERS));
  const status = await run();
  expect(JSON.stringify(await bench.get(UpdateRun, RUN)).length).toBeLessThan(100_000);
  console.log(`${seen.steps} steps, at most ${seen.most.inFlight} in flight and ${seen.most.disturbed} disturbed at once; ${status?.message.slice(0, 200)}; ${Math.round(performance.now() - began)} ms`);
}, 300_000);
