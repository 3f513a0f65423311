/** Answers when a run would change which clusters: the engine in virtual time over the inventory, windows and plan as they are now. */
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import type { SimulateAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { ChangeWindowValue, WindowOverrideValue } from '../../../mesh/model/change-window.ts';
import { nearest } from '../../../mesh/model/near.ts';
import { fromRfc3339, type Instant } from '../../../mesh/model/instant.ts';
import type { SimulatedCluster, SimulationAssumptions } from '../../../mesh/model/simulation.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import { absences } from '../../../mesh/rollout/minimum.ts';
import { createSimulator } from '../../../mesh/rollout/simulate.ts';
import { namesOf } from '../../../mesh/rollout/waits.ts';
import { AdvisedError } from '../../runtime/errors.ts';
import { WrongQuery } from '../inquiry/answers.ts';
import { createPages } from '../inventory/query-pages.ts';
import type { RolloutWorld } from '../rollout/world.ts';
import { deadlineWarnings, gateNotes } from './assumed.ts';
import { type Scene, stageNamesOf } from './scene.ts';

type Question = NonNullable<InquiryObject['spec']['simulate']>;
type Head = Required<Pick<SimulateAnswer, 'about' | 'simulation'>>;

export interface SimulationParts {
  readonly clock: Clock;
  readonly sceneOf: (question: Question, now: Instant) => Promise<Scene>;
  readonly around: Pick<RolloutWorld, 'observe'>;
  readonly windows: () => readonly ChangeWindowValue[];
  readonly overrides: () => readonly WindowOverrideValue[];
}

/** Decisions between two looks at the network. */
const AT_ONCE = 20;
/** A fleet whose clusters go one by one for weeks: it is told as far as it was looked at. */
const LONGEST_SECONDS = 40;
/** Beside the series of the first page. */
const MOST_FIRST_ROWS = 1000;

const DAY_SECONDS = 86_400;

function assumptionsOf({ healthyAfterSeconds, approvedAfterSeconds, neverApproved, gatesFail, whatIf = {} }: Question, away: readonly string[]): SimulationAssumptions {
  const { fail = [], failPercent = [] } = whatIf;
  return {
    secondsToHealthy: healthyAfterSeconds, failing: fail, away: [...new Set([...away, ...whatIf.away ?? []])].sort(), secondsToApproval: neverApproved ? null : approvedAfterSeconds, gatesPass: !gatesFail,
    ...(failPercent.length === 0 ? {} : { failingPercent: Object.fromEntries(failPercent.map(({ stage, percent }) => [stage, percent])) }),
  };
}

/** A cluster or stage that is assumed something of and is not in the run is a slip of the pen. */
function checkNames({ whatIf = {} }: Question, scene: Scene): void {
  const clusters = new Set(scene.value.targets.map(({ cluster }) => cluster));
  for (const [option, names] of [['fail', whatIf.fail ?? []], ['away', whatIf.away ?? []]] as const) {
    const unknown = names.filter((name) => !clusters.has(name));
    const near = unknown.length === 1 ? nearest(unknown[0]!, clusters) : undefined;
    if (unknown.length > 0) throw new WrongQuery(`what if ${namesOf(unknown)} ${option === 'fail' ? 'failed' : 'were away'}: not in the run, which has ${clusters.size === 0 ? 'no clusters' : namesOf([...clusters].sort())}${near === undefined ? '' : `; did you mean ${near}?`}`);
  }
  const stages = stageNamesOf(scene);
  const stage = (whatIf.failPercent ?? []).find((share) => !stages.includes(share.stage))?.stage;
  if (stage !== undefined) throw new WrongQuery(`what if clusters of stage "${stage}" failed: the stages are ${stages.join(', ')}`);
}

export function simulationAnswers({ clock, sceneOf, around, windows, overrides }: SimulationParts): { simulate(question: Question, asked: { readonly signal: CancelSignal }): Promise<SimulateAnswer> } {
  const pages = createPages<Head, SimulatedCluster, SimulatedCluster>(clock.now(), (row) => row);

  async function simulated(question: Question, signal: CancelSignal): Promise<Head & { readonly clusters: readonly SimulatedCluster[] }> {
    const begunAt = clock.now();
    const scene = await sceneOf(question, begunAt);
    const { about, value, world } = scene;
    if (scene.ended) throw new AdvisedError('user', `run "${about.run}" has ended (${value.phase}): there is nothing ahead of it; "isthmus run status ${about.run}" shows how it went, "isthmus run simulate --retry ${about.run}" or "--undo ${about.run}" what another run would do`);
    checkNames(question, scene);
    const from = fromRfc3339(question.from) ?? begunAt;
    const observed = value.targets.map(({ cluster }) => around.observe(cluster));
    const awayNow = observed.filter(({ connected, gone }) => !connected && gone !== true).map(({ cluster }) => cluster);
    const held = observed.filter(({ held: why }) => typeof why === 'string').map(({ cluster }) => cluster);
    const assumptions = assumptionsOf(question, awayNow);
    const simulator = createSimulator({
      run: { ...value, ...(value.state?.paused == null ? {} : { resumedAt: from }), ...(value.state === undefined ? {} : { state: value.state }) }, observed, clusters: world.views(), windows: windows(), overrides: overrides(),
      windowRun: scene.windowRun, assumptions, from, horizonSeconds: question.days * DAY_SECONDS,
    });
    // Other questions and agents are heard between.
    while (!simulator.advance(AT_ONCE) && clock.now() < begunAt + LONGEST_SECONDS * 1000 && !signal.aborted) await clock.sleepUntil(clock.now() + 1, signal);
    const { clusters, ...simulation } = simulator.result();
    const notes = [
      ...about.notes, ...gateNotes(value.strategy, assumptions), ...(awayNow.length === 0 ? [] : [`away now, and taken to stay away: ${namesOf(awayNow)}`]), ...(held.length === 0 ? [] : [`held or frozen now, and left out: ${namesOf(held)}`]),
      ...(simulation.end === 'Steps' ? ['so much happens that it was not looked further'] : []),
    ];
    return { about: { ...about, notes, warnings: [...about.warnings, ...deadlineWarnings(value.strategy, assumptions), ...absences(value.strategy, value.targets, (cluster) => assumptions.away.includes(cluster))] }, simulation, clusters };
  }

  return {
    async simulate(question, { signal }) {
      const { limit = Number.POSITIVE_INFINITY, continue: next } = question;
      if (next !== undefined) {
        const page = pages.next(next, limit, clock.now());
        return { clusters: page.rows, ...(page.next === undefined ? {} : { continue: page.next }) };
      }
      const { clusters, ...head } = await simulated(question, signal);
      const page = pages.first(head, clusters, Math.min(limit, MOST_FIRST_ROWS), clock.now());
      return { ...page.head, clusters: page.rows, ...(page.next === undefined ? {} : { continue: page.next }) };
    },
  };
}
