/** The gates before or after a stage: all of one side are asked at once, and each is judged until it has passed or failed. */
import type { Instant } from '../../model/instant.ts';
import type { GateObservations, GateState, GateValue } from '../../model/rollout.ts';
import type { Desk } from '../desk.ts';
import { applyPolicy } from '../failure.ts';
import type { WantedGate } from '../step.ts';
import { type GateVerdict, gateVerdict } from './verdict.ts';

type Side = WantedGate['side'];

/** What gates leave behind beside the run's state. */
export interface GateDesk {
  readonly observations: GateObservations;
  readonly wanted: WantedGate[];
  /** Why the run waits, for people. */
  readonly reasons: string[];
  /** When time alone may change a gate. */
  readonly wakes: Instant[];
  /** When time alone passes a gate. */
  readonly until: Instant[];
}

export const gateKey = (stage: string, side: Side, gate: string): string => `${stage}/${side}/${gate}`;

export const gatesOf = ({ stages }: Desk, stage: number, side: Side): readonly GateValue[] => stages[stage]![side] ?? [];

const EVENTS = { Passed: 'GatePassed', Failed: 'GateFailed', Inconclusive: 'GateInconclusive' } as const;

/** The same object where nothing of it changed. */
function stateAfter(before: GateState, { phase, message, approvedBy, measurements, earlier }: GateVerdict, now: Instant): GateState {
  const after: GateState = {
    phase, since: before.since, finishedAt: phase === 'Waiting' ? null : now, message,
    ...(approvedBy === undefined || approvedBy.length === 0 ? {} : { approvedBy }), ...(measurements === undefined ? {} : { measurements }),
    ...(earlier === undefined ? {} : { earlier }),
  };
  return JSON.stringify(after) === JSON.stringify(before) ? before : after;
}

function put(desk: Desk, key: string, state: GateState): void {
  if (desk.state.gates[key] !== state) desk.state = { ...desk.state, gates: { ...desk.state.gates, [key]: state } };
}

function reach(desk: Desk, key: string): GateState {
  const known = desk.state.gates[key];
  if (known !== undefined) return known;
  const state: GateState = { phase: 'Waiting', since: desk.now, finishedAt: null, message: '' };
  desk.note('', 'GateReached', `gate ${key}`);
  put(desk, key, state);
  return state;
}

/** For people who may: how many are missing, and with what they say it. A run that is only imagined has no name. */
function missingText({ gate: { approval }, key }: WantedGate, { approvedBy = [] }: GateState, run: string, problem: string | undefined): string {
  if (approval === undefined || problem !== undefined) return '';
  return `, ${approval.count - approvedBy.length} missing${run === '' ? '' : `: "isthmus run approve ${run} ${key}", or an Approval of run ${run} and gate ${key}`}`;
}

/** Judges a gate that was reached and has not been decided. */
function judge(desk: Desk, gates: GateDesk, key: string, wanted: WantedGate): GateState {
  const before = reach(desk, key);
  if (before.phase !== 'Waiting') return before;
  const verdict = gateVerdict(wanted.gate, before, gates.observations[key], { author: desk.run.author, editors: desk.state.changedBy?.people ?? [] }, desk.now);
  const after = stateAfter(before, verdict, desk.now);
  put(desk, key, after);
  if (after.phase !== 'Waiting') {
    desk.note('', EVENTS[after.phase], `gate ${key}: ${after.message}`);
    return after;
  }
  gates.wanted.push({ ...wanted, since: after.since });
  gates.reasons.push(`gate ${wanted.gate.name}: ${after.message}${missingText(wanted, after, desk.run.name, gates.observations[key]?.problem)}`);
  if (verdict.nextAt !== null) gates.wakes.push(verdict.nextAt);
  if (verdict.nextAt !== null && wanted.gate.waitUntil !== undefined) gates.until.push(verdict.nextAt);
  return after;
}

/**
 * Whether all gates of a side have passed. `mayAsk` false (a run that is paused): none is reached or judged. One that fails calls the run's policy; one
 * that is inconclusive holds the run until a person resumes, which asks it anew.
 */
export function gatesPassed(desk: Desk, gates: GateDesk, stage: number, side: Side, mayAsk: boolean): boolean {
  const { name } = desk.stages[stage]!;
  let passed = true;
  for (const gate of gatesOf(desk, stage, side)) {
    const key = gateKey(name, side, gate.name);
    const state = mayAsk ? judge(desk, gates, key, { key, stage, side, gate, since: desk.now }) : desk.state.gates[key];
    if (state?.phase === 'Passed') continue;
    passed = false;
    if (!mayAsk || state === undefined) continue;
    const reason = `gate ${gate.name} ${side} stage ${name}`;
    if (state.phase === 'Failed') applyPolicy(desk, { by: 'Gate', stage, reason: `${reason} failed: ${state.message}` });
    if (state.phase === 'Inconclusive' && desk.state.paused === null && desk.state.stopped === null) {
      desk.state = { ...desk.state, paused: { at: desk.now, reason: `${reason} is inconclusive: ${state.message}` } };
      desk.note('', 'Paused', desk.state.paused!.reason);
    }
  }
  return passed;
}
