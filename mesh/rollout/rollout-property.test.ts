/** The engine against its dumb twin, over random fleets, strategies, failures, disconnections, windows, gates, words of people, and restarts between any two steps. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ApprovalValue, GateObservations, RunTarget, RunValue, StageValue, StrategyValue, TargetObservation } from '../model/rollout.ts';
import { FINAL_RUN_PHASES } from '../model/rollout.ts';
import { createDecider, decide } from './decide.ts';
import type { RunStep } from './step.ts';
import { freezeTargets } from './targets.ts';
import { expectBudgets } from './testing/budgets.ts';
import { view } from './testing/rig.ts';
import { newTwin, twinDecide } from './testing/twin.ts';
import { away } from './testing/twin-words.ts';
import type { Twin } from './testing/twin-state.ts';
import { CLUSTERS, type Fleet, fleets, type Moment, moments, strategies } from './testing/worlds.ts';

const CALM_ROUNDS = 120;
const QUIET = { closedForSeconds: 0, busy: false, held: false, leaves: false, taken: false };
const CALM: Moment = { waitSeconds: 20, fates: CLUSTERS.map(() => ({ ...QUIET, does: 'obeys' })) as unknown as Moment['fates'], stop: false, pause: false, resume: 0, words: [], outcome: 'Passed', crash: 'none' };

interface Agent { connected: boolean; appliedId: string | null; generation: number; healthy: boolean; gone: boolean; refused?: boolean; returning?: boolean; hindered?: string | undefined }

function frozen(strategy: StrategyValue, fleet: Fleet): RunTarget[] {
  return freezeTargets(strategy, fleet.map(({ cluster, tier }) => view(cluster, tier === undefined ? {} : { tier })), fleet.map(({ cluster, hadNothing, failingBefore, fast }) =>
    ({ cluster, fromId: hadNothing ? null : 'old', toId: 'new', ...(failingBefore ? { failingBefore } : {}), ...(fast ? { fast } : {}) })));
}

class World {
  now = 0;
  stop = false;
  resumedAt: number | undefined;
  readonly agents = new Map<string, Agent>();
  readonly assigned = new Map<string, { id: string | null; generation: number }>();
  readonly fleet: Fleet;

  constructor(fleet: Fleet) {
    this.fleet = fleet;
    for (const { cluster, hadNothing } of fleet) {
      const id = hadNothing ? null : 'old';
      this.assigned.set(cluster, { id, generation: 1 });
      this.agents.set(cluster, { connected: true, appliedId: id, generation: 1, healthy: true, gone: false });
    }
  }

  pass(moment: Moment, calm: boolean): void {
    this.now += moment.waitSeconds * 1000;
    this.stop ||= moment.stop;
    if (moment.resume !== null) this.resumedAt = this.now - moment.resume * 1000;
    for (const [index, cluster] of CLUSTERS.entries()) {
      const agent = this.agents.get(cluster)!;
      const { does, leaves, taken } = moment.fates[index]!;
      // Somebody else gives it something; an agent that says no generation would never be back on anything that the run knows.
      if (taken && this.fleet[index]!.saysGeneration) this.assigned.set(cluster, { id: 'other', generation: this.assigned.get(cluster)!.generation + 1 });
      agent.gone ||= leaves;
      agent.connected = !agent.gone && (calm || does === 'comes back' || (agent.connected && does !== 'goes away'));
      if (!agent.connected) { agent.returning = true; continue; }
      if (calm || does === 'obeys' || does === 'fails' || does === 'refuses' || does === 'recovers') agent.returning = false;
      const { id, generation } = this.assigned.get(cluster)!;
      if (does === 'obeys' || does === 'fails') Object.assign(agent, { appliedId: id, generation, healthy: does === 'obeys', refused: false });
      if (does === 'is changed by hand') Object.assign(agent, { generation, healthy: false, hindered: 'a person' });
      else if (does !== 'nothing' && does !== 'comes back') agent.hindered = undefined;
      if (does === 'refuses') Object.assign(agent, { generation, healthy: false, refused: true });
      if (does === 'recovers') agent.healthy = true;
      if (does === 'goes back by itself') agent.appliedId = 'old';
    }
  }

  observe(moment: Moment): TargetObservation[] {
    return CLUSTERS.map((cluster, index) => {
      const { generation, gone, refused, returning, hindered, ...agent } = this.agents.get(cluster)!;
      const { closedForSeconds, busy, held } = moment.fates[index]!;
      return {
        cluster, ...agent, message: '', ...(this.fleet[index]!.saysGeneration ? { generation } : {}), ...(gone ? { gone } : {}), ...(returning === true && agent.connected ? { returning } : {}), ...(refused === true ? { refused } : {}), ...(hindered === undefined ? {} : { hindered }), held: held ? 'frozen: audit' : null, ...(busy ? { busyWith: 'other-1' } : {}),
        ...(closedForSeconds === 0 ? {} : { window: { open: false, reason: 'closed', opensAt: closedForSeconds === Number.POSITIVE_INFINITY ? null : this.now + closedForSeconds * 1000, closesAt: null } }),
      };
    });
  }
}

function gatesOf(strategy: StrategyValue, moment: Moment, calm: boolean): GateObservations {
  const people = calm ? ['ben', 'cay'].map((approver) => ({ approver, decision: 'Approve' as const, at: 9, groups: ['sre'] })) : moment.words;
  const approvals = people.map((one, index): ApprovalValue => ({ ...one, name: `${one.approver}-${index}`, gate: '', reason: '' }));
  return Object.fromEntries(strategy.stages.flatMap((stage) => (['before', 'after'] as const).flatMap((side) => (stage[side] ?? []).map(({ name }) =>
    [`${stage.name}/${side}/${name}`, { approvals, outcome: { phase: moment.outcome, message: '' } }]))));
}

const rowsOf = (targets: readonly RunTarget[]): unknown[] => targets.map(({ cluster, phase, assignedAt, finishedAt, rolledBackAt }) => ({ cluster, phase, assignedAt, finishedAt, rolledBackAt }));
const twinRows = ({ rows }: Twin): unknown[] => rows.map(({ target, phase, assignedAt, finishedAt, backAt }) =>
  ({ cluster: target.cluster, phase, assignedAt: assignedAt < 0 ? null : assignedAt, finishedAt: finishedAt < 0 || phase === 'RollingBack' ? null : finishedAt, rolledBackAt: backAt }));

/** As a hub has them that hears nothing new of most clusters: the same objects as long as they say the same. */
function sameObjects(): (observed: readonly TargetObservation[]) => TargetObservation[] {
  const known = new Map<string, { readonly text: string; readonly observation: TargetObservation }>();
  return (observed) => observed.map((observation) => {
    const text = JSON.stringify(observation);
    if (known.get(observation.cluster)?.text !== text) known.set(observation.cluster, { text, observation });
    return known.get(observation.cluster)!.observation;
  });
}

/** Nobody that cannot have a turn was given one, and nobody twice. */
function expectTurns(step: RunStep, observed: readonly TargetObservation[], turns: Map<string, number>): void {
  for (const { cluster, back, desiredId } of step.assign) {
    const seen = observed.find((one) => one.cluster === cluster)!;
    expect(desiredId).toBe(back ? 'old' : 'new');
    if (!back) expect([seen.connected, seen.returning ?? false, seen.gone ?? false, seen.held, seen.busyWith, seen.window?.open ?? true]).toEqual([true, false, false, null, undefined, true]);
    const turn = `${cluster} ${back ? 'back' : 'on'}`;
    turns.set(turn, (turns.get(turn) ?? 0) + 1);
    expect(turns.get(turn)).toBe(1);
    expect(!back && turns.has(`${cluster} back`)).toBe(false);
  }
}

/** A stage begins when every earlier one is done with what is there, and with some of it at least. */
function expectOrder(step: RunStep, observed: readonly TargetObservation[], stages: readonly StageValue[]): void {
  for (const { event, message } of step.journal) {
    if (event !== 'StageStarted') continue;
    const number = stages.findIndex(({ name }) => message === `stage ${name}`);
    const begunLater = step.targets.some(({ stage, assignedAt }) => stage > number && assignedAt !== null);
    const left = step.targets.filter(({ cluster, stage, phase }) => stage < number && (['Assigned', 'Soaking', 'RollingBack'].includes(phase) || (phase === 'Pending' && !away(observed.find((one) => one.cluster === cluster)!))));
    const followed = left.every(({ stage }) => step.targets.some((target) => target.stage > stage && target.stage < number && target.assignedAt !== null));
    expect(begunLater || followed).toBe(true);
    for (const [earlier, { minDone = 1 }] of stages.entries()) {
      const members = step.targets.filter(({ stage, message: why }) => stage === earlier && why !== 'left the fleet before its turn');
      const excused = members.some(({ cluster }) => step.state.acceptedFailures.includes(cluster)) || step.state.passedWithFewer?.includes(earlier) === true;
      if (earlier >= number || begunLater || excused || minDone === 0 || minDone === '0%' || members.length === 0) continue;
      // One that is done may fail in the soak of its stage, but none follows then.
      expect(members.filter(({ phase }) => phase === 'Done').length).toBeGreaterThan(0);
    }
  }
}

test('whatever happens: engine and twin agree, budgets hold, nobody is given anything twice, deciding again changes nothing, what one decision counted serves the next, and the run ends', () => {
  fc.assert(fc.property(strategies, fleets, moments, (strategy, fleet, happens) => {
    const targets = frozen(strategy, fleet);
    const stages: StageValue[] = [...strategy.stages, { name: 'remaining', clusters: {}, maxConcurrency: 1, soakSeconds: 0 }];
    const world = new World(fleet);
    const turns = new Map<string, number>();
    const closings: string[] = [];
    const [decider, same] = [createDecider(), sameObjects()];
    let twin = newTwin(strategy, targets, 'ann');
    let run: RunValue = { name: 'run-1', phase: 'Pending', strategy, stopRequested: false, author: 'ann', targets };
    for (const [index, moment] of [...happens, ...Array.from({ length: CALM_ROUNDS }, () => CALM)].entries()) {
      const calm = index >= happens.length;
      if (calm && FINAL_RUN_PHASES.includes(run.phase) && index > happens.length + 1) break;
      world.pass(moment, calm);
      const [observed, gates] = [world.observe(moment), gatesOf(strategy, moment, calm)];
      const input: RunValue = { ...run, stopRequested: world.stop, pauseRequested: moment.pause, ...(world.resumedAt === undefined ? {} : { resumedAt: world.resumedAt }) };
      const step = decide(input, observed, world.now, gates);
      expect(decider(input, same(observed), world.now, gates)).toEqual(step);
      const twinBefore = structuredClone(twin);
      twinDecide(twin, { now: world.now, observed, gates, stop: world.stop, pause: moment.pause, resumedAt: world.resumedAt }, (cluster) => world.assigned.get(cluster)!.generation + 1);
      expect(rowsOf(step.targets)).toEqual(twinRows(twin));
      expect(FINAL_RUN_PHASES.includes(step.phase) ? step.phase : undefined).toBe(twin.final);
      if (moment.crash === 'before') { twin = twinBefore; continue; }

      expectBudgets(strategy, stages, run, step, observed);
      expectTurns(step, observed, turns);
      expectOrder(step, observed, stages);
      for (const { cluster, event } of step.journal) if (cluster === '' && (FINAL_RUN_PHASES as readonly string[]).includes(event)) closings.push(event);
      const given = new Map(step.assign.map(({ cluster, desiredId }) => [cluster, { id: desiredId, generation: world.assigned.get(cluster)!.generation + 1 }]));
      for (const [cluster, assignment] of given) world.assigned.set(cluster, assignment);
      const saved = step.targets.map((target) => (given.has(target.cluster) ? { ...target, generation: given.get(target.cluster)!.generation } : target));
      const again = decide({ ...input, targets: saved, state: step.state }, observed, world.now, gates);
      expect(again).toEqual({ ...step, targets: saved, changed: [], assign: [], journal: [] });
      expect(again.state).toBe(step.state);
      if (step.wakeAt !== null) {
        expect(step.wakeAt).toBeGreaterThan(world.now);
        const early = decide({ ...input, targets: saved, state: step.state }, observed, step.wakeAt - 1, gates);
        expect([early.changed, early.assign, early.journal, early.state]).toEqual([[], [], [], step.state]);
      }
      run = { ...run, targets: saved, state: step.state, phase: moment.crash === 'after' ? run.phase : step.phase };
      if (moment.crash !== 'none') run = JSON.parse(JSON.stringify(run)) as RunValue;
    }
    expect(run.state?.finished?.phase).toBe(run.phase);
    expect(closings).toEqual([run.phase]);
  }), { numRuns: Number(process.env['ROLLOUT_RUNS'] ?? 400) });
}, 600_000);
