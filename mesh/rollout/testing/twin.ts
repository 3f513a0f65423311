/**
 * The engine once more, as dumb as can be: it counts everything anew whenever it asks, keeps no totals, and applies one small rule at a time until none applies.
 * It says which row is in which phase, never why.
 */
import type { Amount, GateValue, StageValue, TargetObservation, TargetPhase } from '../../model/rollout.ts';
import type { Twin, TwinInput, TwinRow } from './twin-state.ts';
import { away, dumbApproval, health, isBack, onlyHas } from './twin-words.ts';

export { newTwin } from './twin-state.ts';

const IN_FLIGHT: readonly TargetPhase[] = ['Assigned', 'Soaking', 'RollingBack'];
const of = (amount: Amount, count: number, least: number): number => Math.max(least, typeof amount === 'number' ? amount : Math.floor((parseInt(amount, 10) * count) / 100));

/** One decision; changes the twin. `given`: numbers assignments as the records do. */
export function twinDecide(twin: Twin, input: TwinInput, given: (cluster: string) => number): void {
  if (twin.final !== undefined) return;
  const { strategy, rows } = twin;
  const { now } = input;
  const stages: StageValue[] = [...strategy.stages, { name: 'remaining', clusters: {}, maxConcurrency: 1, soakSeconds: 0, minDone: 0 }];
  const seen = (row: TwinRow): TargetObservation => input.observed.find(({ cluster }) => cluster === row.target.cluster)!;
  const among = (test: (row: TwinRow) => boolean): number => rows.filter(test).length;
  const inStage = (number: number) => (row: TwinRow): boolean => row.target.stage === number;
  const inGroup = (number: number, group: number | undefined) => (row: TwinRow): boolean => row.target.stage === number && row.target.group === group;
  const everywhere = (): boolean => true;
  const flying = (scope: (row: TwinRow) => boolean): number => among((row) => scope(row) && IN_FLIGHT.includes(row.phase));
  const basis = (scope: (row: TwinRow) => boolean): number => among((row) => scope(row) && row.leftOut !== 'gone' && !(row.phase === 'Pending' && away(seen(row))));
  const failed = (row: TwinRow): boolean => row.phase === 'Failed' || (strategy.onFailure === 'RollBackCluster' && ['RollingBack', 'RolledBack', 'RollbackFailed'].includes(row.phase));
  const counted = (scope: (row: TwinRow) => boolean): number => among((row) => scope(row) && failed(row) && !twin.accepted.includes(row.target.cluster));
  const deadline = (row: TwinRow): number => 1000 * (stages[row.target.stage]!.progressDeadlineSeconds ?? strategy.progressDeadlineSeconds);
  const backDeadline = (row: TwinRow): number => (strategy.rollback?.progressDeadlineSeconds === undefined ? deadline(row) : 1000 * strategy.rollback.progressDeadlineSeconds);
  const soak = (row: TwinRow): number => (row.target.fast === true ? 0 : 1000 * stages[row.target.stage]!.soakSeconds);
  const fails = (row: TwinRow): boolean => row.target.failingBefore === true && !away(seen(row)) && !seen(row).healthy;
  const disturbed = (scope: (row: TwinRow) => boolean): number => among((row) => scope(row) && (IN_FLIGHT.includes(row.phase)
    || (row.phase === 'Pending' && fails(row))
    || (['Failed', 'RollbackFailed'].includes(row.phase) && seen(row).gone !== true && !isBack(row.backAt === undefined ? row.target.toId : row.target.backId!, seen(row), row.generation))));
  let waitsShort: number | undefined;
  const fresh: TwinRow[] = [];
  const end = (row: TwinRow, phase: TargetPhase, leftOut?: TwinRow['leftOut']): true => {
    row.phase = phase;
    row.finishedAt = now;
    row.leftOut = leftOut;
    if (phase === 'Failed') fresh.push(row);
    return true;
  };
  const pausedByAny = (): boolean => input.pause || twin.paused !== undefined;
  const mayBegin = (): boolean => !pausedByAny() && twin.stopped === undefined && !input.stop;

  function forward(row: TwinRow): boolean {
    const observed = seen(row);
    if (row.phase === 'Pending') {
      if (observed.gone === true) return end(row, 'Skipped', 'gone');
      if (typeof observed.held === 'string') return end(row, 'Skipped', 'other');
      if (strategy.remaining === 'Skip' && row.target.stage === strategy.stages.length) return end(row, 'Skipped', 'other');
    }
    if (row.phase === 'RollingBack') {
      const is = health(row.target.backId!, observed, row.generation);
      if (observed.gone === true) return end(row, 'RollbackFailed');
      if (is === 'healthy' || (row.target.failingBefore === true && onlyHas(row.target.backId!, observed, row.generation))) return end(row, 'RolledBack');
      if (now >= row.backAt! + backDeadline(row)) return end(row, 'RollbackFailed');
    }
    if (row.phase !== 'Assigned' && row.phase !== 'Soaking') return false;
    if (observed.gone === true) return end(row, 'Failed');
    const is = health(row.target.toId, observed, row.generation);
    if (row.phase === 'Assigned') {
      if (is !== 'healthy') return ((observed.connected && (observed.refused === true || observed.hindered !== undefined) && observed.generation === row.generation) || now >= row.assignedAt + deadline(row)) && end(row, 'Failed');
      row.phase = 'Soaking';
      row.healthyAt = now;
      return true;
    }
    if (is === 'unhealthy') { row.phase = 'Assigned'; return true; }
    if (is === 'healthy') return now >= row.healthyAt + soak(row) && end(row, 'Done');
    return now >= row.healthyAt + soak(row) + deadline(row) && end(row, 'Failed');
  }

  function policy(by: 'Failures' | 'Gate', stage: number): void {
    if (twin.stopped !== undefined || input.stop) return;
    if (strategy.onFailure === 'Pause') { twin.paused = now; return; }
    twin.stopped = by;
    twin.paused = undefined;
    if (strategy.onFailure === 'RollBackStage') twin.rollback = { scope: 'Stage', stage };
    if (strategy.onFailure === 'RollBackRun') twin.rollback = { scope: 'Run', stage };
  }

  function judge(row: TwinRow): void {
    const { stage: number, group } = row.target;
    const allowed = stages[number]!.groups?.[group ?? -1]?.maxFailures;
    const tooMany = counted(inStage(number)) > of(stages[number]!.maxFailures ?? 0, basis(inStage(number)), 0)
      || (allowed !== undefined && counted(inGroup(number, group)) > of(allowed, basis(inGroup(number, group)), 0))
      || (strategy.maxFailures !== undefined && counted(everywhere) > of(strategy.maxFailures, basis(everywhere), 0));
    if (tooMany) policy('Failures', number);
  }

  const open = (): boolean => stages.some((stage, number) => number <= Math.max(-1, ...twin.started) && rows.some(inStage(number)) && twin.soaked[number] === undefined
    && ((stage.stageSoakSeconds ?? 0) > 0 || (stage.after ?? []).some(({ name }) => twin.gates[`${stage.name}/after/${name}`]?.phase !== 'Passed')));

  function wantsBack(row: TwinRow): boolean {
    if (!['Failed', 'Done', 'Assigned', 'Soaking'].includes(row.phase) || seen(row).gone === true) return false;
    if (twin.rollback?.scope === 'Run') return true;
    if (twin.rollback?.scope === 'Stage') return row.target.stage === twin.rollback.stage;
    return row.phase === 'Failed' && strategy.onFailure === 'RollBackCluster';
  }

  function roomBack(row: TwinRow): boolean {
    const number = row.target.stage;
    const flies = IN_FLIGHT.includes(row.phase);
    const group = stages[number]!.groups?.[row.target.group ?? -1]?.maxConcurrency;
    const stageRoom = flies || (flying(inStage(number)) < of(stages[number]!.maxConcurrency, basis(inStage(number)), 1)
      && (strategy.maxConcurrency === undefined || flying(everywhere) < of(strategy.maxConcurrency, basis(everywhere), 1))
      && (group === undefined || flying(inGroup(number, row.target.group)) < of(group, basis(inGroup(number, row.target.group)), 1)));
    if (strategy.rollback === undefined) return stageRoom;
    const pool = twin.rollback?.scope === 'Run' ? everywhere : inStage(number);
    const most = of(strategy.rollback.maxConcurrency, basis(pool), 1);
    const rolling = among((other) => pool(other) && other.phase === 'RollingBack');
    if ((twin.rollback?.scope ?? 'Cluster') === 'Cluster') return rolling < most && stageRoom;
    return flies ? rolling < most : flying(pool) < most;
  }

  const disorder = (row: TwinRow): number => (!seen(row).connected ? 2 : row.phase === 'Done' ? 1 : 0);
  const queue = (): TwinRow[] => rows.filter(wantsBack).sort((a, b) => disorder(a) - disorder(b) || (disorder(a) === 1 ? rows.indexOf(b) - rows.indexOf(a) : rows.indexOf(a) - rows.indexOf(b)));

  /** The first in the queue that can go back, or that never can. */
  function back(): boolean {
    if (input.stop || twin.stopped === 'Person' || input.pause) return false;
    for (const row of queue()) {
      if (row.target.backId === undefined ? !IN_FLIGHT.includes(row.phase) : typeof seen(row).held === 'string') return end(row, 'RollbackFailed');
      if (row.target.backId === undefined || seen(row).busyWith !== undefined || !roomBack(row)) continue;
      twin.rollback ??= { scope: 'Cluster', stage: row.target.stage };
      row.phase = 'RollingBack';
      row.backAt = now;
      row.generation = given(row.target.cluster);
      return true;
    }
    return false;
  }

  function passed(number: number, side: 'before' | 'after'): boolean {
    let all = true;
    const asks = mayBegin();
    for (const gate of stages[number]![side] ?? []) {
      const key = `${stages[number]!.name}/${side}/${gate.name}`;
      if (asks) {
        const state = (twin.gates[key] ??= { phase: 'Waiting', since: now });
        if (state.phase === 'Waiting') state.phase = verdict(gate, key);
      }
      if (twin.gates[key]?.phase !== 'Passed') all = false;
    }
    // Asked together, so that none hides another.
    for (const gate of asks ? stages[number]![side] ?? [] : []) {
      const phase = twin.gates[`${stages[number]!.name}/${side}/${gate.name}`]?.phase;
      if (phase === 'Failed') policy('Gate', number);
      if (phase === 'Inconclusive' && twin.stopped === undefined) twin.paused ??= now;
    }
    return all;
  }

  function verdict(gate: GateValue, key: string): 'Waiting' | 'Passed' | 'Failed' | 'Inconclusive' {
    const known = input.gates[key];
    if (known?.problem !== undefined) return 'Waiting';
    if (gate.waitUntil !== undefined) return now >= Date.parse(gate.waitUntil.at) ? 'Passed' : 'Waiting';
    if (gate.approval !== undefined) return dumbApproval(gate.approval, known?.approvals ?? [], twin.author);
    return known?.outcome?.phase ?? 'Waiting';
  }

  /** The first by order that may have its turn. */
  function begin(number: number): boolean {
    if (!mayBegin()) return false;
    const stage = stages[number]!;
    const members = inStage(number);
    if (flying(members) >= of(stage.maxConcurrency, basis(members), 1)) return false;
    if (strategy.maxConcurrency !== undefined && flying(everywhere) >= of(strategy.maxConcurrency, basis(everywhere), 1)) return false;
    const accepted = among((row) => members(row) && failed(row) && twin.accepted.includes(row.target.cluster));
    const most = stage.maxUnavailable === undefined ? of(stage.maxConcurrency, basis(members), 1) + of(stage.maxFailures ?? 0, basis(members), 0) + accepted : of(stage.maxUnavailable, basis(members), 1);
    const candidates = rows.filter((row) => members(row) && row.phase === 'Pending' && !away(seen(row)) && seen(row).window?.open !== false && seen(row).busyWith === undefined)
      .sort((a, b) => (a.target.order ?? 0) - (b.target.order ?? 0) || (a.target.cluster < b.target.cluster ? -1 : 1));
    for (const row of candidates) {
      const group = stage.groups?.[row.target.group ?? -1]?.maxConcurrency;
      if (group !== undefined && flying(inGroup(number, row.target.group)) >= of(group, basis(inGroup(number, row.target.group)), 1)) continue;
      if (!fails(row) && disturbed(members) >= most) continue;
      if (!fails(row) && strategy.maxUnavailable !== undefined && disturbed(everywhere) >= of(strategy.maxUnavailable, basis(everywhere), 1)) continue;
      row.phase = 'Assigned';
      row.assignedAt = now;
      row.generation = given(row.target.cluster);
      twin.started.push(number);
      return true;
    }
    return false;
  }

  const lastDone = (number: number): number => Math.max(-1, ...rows.filter((row) => inStage(number)(row) && row.phase === 'Done' && row.target.fast !== true).map(({ finishedAt }) => finishedAt));
  const soakedSince = (number: number): number => Math.max(twin.soaked[number] ?? -1, ...(stages[number]!.after ?? []).map(({ name }) => twin.gates[`${stages[number]!.name}/after/${name}`]?.since ?? -1));

  /** Fewer are done than the stage, or a group of it, must have before others follow. */
  function short(number: number): boolean {
    if (twin.letPass.includes(number) || !rows.some(({ target, phase }) => target.stage > number && phase !== 'Skipped')) return false;
    const lacks = (scope: (row: TwinRow) => boolean, least: Amount): boolean => {
      const there = among((row) => scope(row) && row.leftOut !== 'gone');
      const excused = among((row) => scope(row) && failed(row) && twin.accepted.includes(row.target.cluster));
      return among((row) => scope(row) && row.phase === 'Done') < Math.min(there - excused, typeof least === 'number' ? least : Math.ceil((parseInt(least, 10) * there) / 100));
    };
    return lacks(inStage(number), stages[number]!.minDone ?? 1) || (stages[number]!.groups ?? []).some(({ minDone }, group) => lacks(inGroup(number, group), minDone ?? 0));
  }

  /** `changed`: look again; `ended`: every stage has; `waits`: one has not. */
  function walk(): 'changed' | 'ended' | 'waits' {
    waitsShort = undefined;
    for (const number of stages.keys()) {
      const members = inStage(number);
      const left = rows.filter(members).some(({ phase }) => phase !== 'Skipped');
      const begun = Math.max(-1, ...twin.started);
      if (number < begun) { if (begin(number)) return 'changed'; continue; }
      if (left && number > begun && !passed(number, 'before')) return 'waits';
      if (begin(number)) return 'changed';
      if (rows.some((row) => members(row) && ((row.phase === 'Pending' && !away(seen(row))) || IN_FLIGHT.includes(row.phase)))) return 'waits';
      if (short(number)) { if (mayBegin()) waitsShort = number; return 'waits'; }
      if (!left) continue;
      const soakFor = 1000 * (stages[number]!.stageSoakSeconds ?? 0);
      const last = lastDone(number);
      if (soakFor > 0 && last >= 0 && soakedSince(number) < last) {
        const sick = rows.filter((row) => members(row) && row.phase === 'Done' && seen(row).gone !== true && health(row.target.toId, seen(row), row.generation) === 'unhealthy');
        for (const row of sick) end(row, 'Failed');
        if (sick.length > 0) return 'changed';
        if (now < last + soakFor) return 'waits';
      }
      if (!passed(number, 'after')) return 'waits';
      if (rows.some((row) => members(row) && row.phase !== 'Skipped' && row.phase !== 'Pending') && (twin.soaked[number] === undefined || twin.soaked[number] < lastDone(number))) twin.soaked[number] = now;
    }
    return 'ended';
  }

  const says = input.resumedAt !== undefined && input.resumedAt !== twin.heeded;
  if (says && twin.paused !== undefined) {
    const until = Math.max(twin.paused, Math.min(input.resumedAt!, now));
    twin.accepted = [...new Set([...twin.accepted, ...rows.filter(({ phase, finishedAt }) => ['Failed', 'RolledBack', 'RollbackFailed'].includes(phase) && finishedAt <= until).map(({ target }) => target.cluster)])];
    for (const key of Object.keys(twin.gates)) if (twin.gates[key]!.phase === 'Failed' || twin.gates[key]!.phase === 'Inconclusive') twin.gates[key] = { phase: 'Waiting', since: now };
    twin.paused = undefined;
  }
  else if (says && twin.short !== undefined) twin.letPass.push(twin.short);
  if (says) twin.heeded = input.resumedAt;
  let ended: 'changed' | 'ended' | 'waits' = 'changed';
  for (;;) {
    while (rows.some(forward));
    for (const row of fresh.splice(0).sort((a, b) => rows.indexOf(a) - rows.indexOf(b))) judge(row);
    const pending = among(({ phase }) => phase === 'Pending');
    if (input.stop && twin.stopped !== 'Person' && (pending > 0 || (twin.rollback !== undefined && queue().length > 0) || (twin.stopped === undefined && open()))) { twin.stopped = 'Person'; twin.paused = undefined; }
    if (back()) continue;
    if (twin.stopped !== undefined && rows.some((row) => row.phase === 'Pending' && end(row, 'Skipped', 'stopped'))) continue;
    const before = twin.stopped;
    ended = twin.stopped === undefined && !input.stop ? walk() : 'ended';
    if (ended !== 'changed' && before === twin.stopped) break;
  }
  twin.short = twin.stopped === undefined && !input.stop ? waitsShort : undefined;
  const stopping = twin.stopped !== undefined || input.stop;
  const pending = rows.filter(({ phase }) => phase === 'Pending');
  if (!stopping && ended === 'ended' && !pausedByAny() && pending.length > 0 && pending.every((row) => away(seen(row))) && flying(everywhere) === 0) {
    twin.onlyAwaySince ??= now;
    for (const row of pending) if (now >= twin.onlyAwaySince + deadline(row)) end(row, 'Skipped', 'away');
  } else twin.onlyAwaySince = undefined;
  const waitsBack = twin.stopped !== 'Person' && !input.stop && queue().length > 0;
  if (rows.some(({ phase }) => phase === 'Pending' || IN_FLIGHT.includes(phase)) || waitsBack || ended !== 'ended') return;
  const any = (...phases: TargetPhase[]): boolean => rows.some(({ phase }) => phases.includes(phase));
  const leftOut = (why: TwinRow['leftOut']): boolean => rows.some((row) => row.leftOut === why);
  twin.final = twin.stopped === 'Person' ? 'Stopped'
    : twin.rollback !== undefined && twin.rollback.scope !== 'Cluster' ? (any('RolledBack') && !any('RollbackFailed') ? 'RolledBack' : 'Failed')
    : twin.stopped === 'Gate' || leftOut('stopped') ? 'Failed'
    : any('Failed', 'RolledBack', 'RollbackFailed') || leftOut('away') ? 'CompletedWithFailures' : 'Completed';
}
