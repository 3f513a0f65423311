/** Gates that the hub asks others about: metrics, webhooks, Jobs. Each is looked at when it is due, a few at once, and what was found is told to the run. */
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { type Instant, seconds, toRfc3339 } from '../../../mesh/model/instant.ts';
import type { Measurement } from '../../../mesh/model/metric-gate.ts';
import type { GateObservation, RunValue } from '../../../mesh/model/rollout.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { queryClusters } from '../../../mesh/rollout/gates/measurement-query.ts';
import { keepMeasurements, type KeptMeasurements, metricVerdict } from '../../../mesh/rollout/gates/metric.ts';
import type { WantedGate } from '../../../mesh/rollout/step.ts';
import type { Cache } from '../../runtime/cache.ts';
import { messageOf } from '../../runtime/errors.ts';
import { createLoop } from '../../runtime/loop.ts';
import type { HubPorts } from '../ports.ts';
import { askJob } from './job.ts';
import { type AskParts, measure } from './metric.ts';
import type { Gates } from './types.ts';
import { askWebhook, type GateQuestion, type WebhookAnswer } from './webhook.ts';

export interface AskedGates extends Gates {
  start(signal: CancelSignal): Promise<void>;
}

interface Parts {
  readonly ports: Pick<HubPorts, 'clock' | 'random' | 'log' | 'metrics' | 'kubernetes' | 'digest' | 'ask'>;
  readonly runs: Cache<UpdateRunObject>;
  /** Of the hub: where Secrets are. */
  readonly namespace: string;
  /** Of CloudEvents. */
  readonly source: string;
}

/** Looked at once at most. */
const MOST_AT_ONCE = 8;
const JOB_MILLISECONDS = 5000;
/** A webhook that fails is asked after its interval, then after twice of it, … */
const MOST_INTERVALS = 8;
const LONGEST_RETRY_SECONDS = 3600;

/** One gate of one run, since it is asked. */
interface Watched {
  /** As the run was when it last wanted the gate. */
  run: RunValue;
  wanted: WantedGate;
  /** Of a metric gate: what the run has kept, and what it may not have kept yet. */
  kept: KeptMeasurements;
  /** Of the others: what was found last. */
  found: GateObservation;
  errors: number;
  /** Of the others: when it is to be looked at; null: no more. */
  nextAt: Instant | null;
}

const keyOf = (run: string, { key }: WantedGate): string => `${run} ${key}`;

export function createAskedGates({ ports, runs, namespace, source }: Parts): AskedGates {
  const { clock, metrics } = ports;
  const listeners: ((run: string) => void)[] = [];
  const watched = new Map<string, Watched>();
  const byRun = new Map<string, Set<string>>();
  const looks = metrics.counter('isthmus_hub_gate_looks_total', 'What gates found when they were looked at: of metric gates the outcome of each measurement, of webhooks and Jobs what they said.', ['kind', 'outcome']);

  const dueAt = ({ wanted, kept, nextAt }: Watched): Instant | null => (wanted.gate.metric === undefined ? nextAt : metricVerdict(wanted.gate.metric, kept.measurements, clock.now(), wanted.since, kept.earlier).nextAt);
  const questionOf = ({ run, wanted: { stage, side, gate, since, key } }: Watched): GateQuestion => ({ run: run.name, stage: key.split('/')[0]!, side, gate: gate.name, since, clusters: queryClusters(run.targets, stage, side).clusters });

  async function lookAtMetric(one: Watched, parts: AskParts, signal: CancelSignal): Promise<void> {
    const { run, wanted } = one;
    const measured = await measure(parts, wanted.gate.metric!, queryClusters(run.targets, wanted.stage, wanted.side), signal);
    if (signal.aborted) return;
    // Each has a moment of its own, whatever the clock does.
    const last = one.kept.measurements.at(-1)?.at ?? wanted.since - 1;
    const measurement: Measurement = { ...measured, at: Math.max(measured.at, last + 1, wanted.since) };
    one.kept = keepMeasurements(one.kept, [measurement]);
    looks.inc({ kind: 'metric', outcome: measurement.phase });
  }

  function heard(one: Watched, { intervalSeconds, failureLimit, url }: NonNullable<WantedGate['gate']['webhook']>, answer: WebhookAnswer): void {
    const host = URL.parse(url)?.host ?? url;
    looks.inc({ kind: 'webhook', outcome: 'error' in answer ? 'Error' : answer.phase });
    if (!('error' in answer)) {
      one.errors = 0;
      one.found = { outcome: { phase: answer.phase, message: `${host}: ${answer.message}` } };
      one.nextAt = answer.phase === 'Waiting' ? clock.now() + seconds(intervalSeconds) : null;
      return;
    }
    one.errors += 1;
    if (one.errors > failureLimit) {
      one.found = { outcome: { phase: 'Inconclusive', message: `${host}: ${one.errors} errors one after another, more than failureLimit ${failureLimit}: ${answer.error}` } };
      one.nextAt = null;
      return;
    }
    one.nextAt = clock.now() + seconds(Math.max(intervalSeconds * Math.min(2 ** (one.errors - 1), MOST_INTERVALS), Math.min(answer.retryAfterSeconds ?? 0, LONGEST_RETRY_SECONDS)));
    one.found = { outcome: { phase: 'Waiting', message: `${host}: ${answer.error}; asked again at ${toRfc3339(one.nextAt)}` } };
  }

  async function lookAtJob(one: Watched, job: NonNullable<WantedGate['gate']['job']>, signal: CancelSignal): Promise<void> {
    const { name, uid } = runs.get({ name: one.run.name })?.metadata ?? {};
    one.nextAt = clock.now() + JOB_MILLISECONDS;
    if (name === undefined || uid === undefined) return;
    try {
      one.found = await askJob({ ports, owner: { name, uid } }, job, questionOf(one), signal);
    } catch (error) {
      one.found = { outcome: { phase: 'Waiting', message: `the Job cannot be looked at now: ${messageOf(error)}` } };
    }
    const phase = one.found.outcome?.phase;
    if (phase === 'Passed' || phase === 'Failed') one.nextAt = null;
    looks.inc({ kind: 'job', outcome: one.found.problem === undefined ? phase ?? 'Error' : 'Error' });
  }

  async function look(one: Watched, signal: CancelSignal): Promise<void> {
    const { metric, webhook, job } = one.wanted.gate;
    if (job !== undefined) return lookAtJob(one, job, signal);
    if (ports.ask === undefined) return;
    const parts: AskParts = { ports, ask: ports.ask, namespace };
    if (metric !== undefined) await lookAtMetric(one, parts, signal);
    else if (webhook !== undefined) heard(one, webhook, await askWebhook(parts, source, webhook, questionOf(one), signal));
  }

  const loop = createLoop({
    name: 'gates', ...ports, workers: MOST_AT_ONCE,
    async reconcile(key, signal) {
      const one = watched.get(key);
      const due = one === undefined ? null : dueAt(one);
      if (one === undefined || due === null) return {};
      if (clock.now() < due) return { requeueAt: due };
      await look(one, signal);
      // Nobody wants it any more, or it is asked anew.
      if (signal.aborted || watched.get(key) !== one) return {};
      for (const listener of listeners) listener(one.run.name);
      return { requeueAt: dueAt(one) ?? undefined };
    },
  });

  function follow(run: RunValue, wanted: WantedGate): Watched {
    const key = keyOf(run.name, wanted);
    const state = run.state?.gates[wanted.key];
    const durable: KeptMeasurements = { measurements: (state?.measurements ?? []).filter(({ at }) => at >= wanted.since), ...(state?.earlier === undefined ? {} : { earlier: state.earlier }) };
    const known = watched.get(key);
    if (known !== undefined && known.wanted.since === wanted.since) {
      known.run = run;
      known.wanted = wanted;
      known.kept = keepMeasurements(durable, known.kept.measurements);
      return known;
    }
    const one: Watched = { run, wanted, kept: durable, found: {}, errors: 0, nextAt: clock.now() };
    watched.set(key, one);
    loop.addAt(key, dueAt(one) ?? clock.now());
    return one;
  }

  function observationOf({ wanted: { gate }, kept, found }: Watched): GateObservation {
    if (gate.job === undefined && ports.ask === undefined) return { problem: 'this hub asks nobody over HTTP' };
    return gate.metric === undefined ? found : { measurements: kept.measurements };
  }

  return {
    observe(run, wanted) {
      const mine = wanted.filter(({ gate }) => gate.metric !== undefined || gate.webhook !== undefined || gate.job !== undefined);
      const keys = new Set(mine.map((gate) => keyOf(run.name, gate)));
      for (const key of byRun.get(run.name) ?? []) if (!keys.has(key)) watched.delete(key);
      if (keys.size === 0) byRun.delete(run.name);
      else byRun.set(run.name, keys);
      return Object.fromEntries(mine.map((gate) => [gate.key, observationOf(follow(run, gate))]));
    },
    subscribe: (listener) => { listeners.push(listener); },
    start: (signal) => loop.start(signal),
  };
}

/** As one. */
export const allGates = (gates: readonly Gates[]): Gates => ({
  observe: (run, wanted) => Object.assign({}, ...gates.map((one) => one.observe(run, wanted))) as ReturnType<Gates['observe']>,
  subscribe: (listener) => { for (const one of gates) one.subscribe(listener); },
});
