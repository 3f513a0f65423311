/** Asks the hub what a run would do, page by page. */
import type { ChangeGroup, ChangesAnswer, LookedAtRun, SimulateAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import type { SimulatedCluster, Simulation } from '../../../mesh/model/simulation.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { CommandFailure, type Environment } from '../environment.ts';
import { inquire } from '../inquire.ts';

/** A large fleet over weeks takes the hub seconds. */
const PATIENCE_SECONDS = 60;

export interface Foreseen {
  readonly about: LookedAtRun;
  readonly simulation: Simulation;
}

export type SimulateQuestion = NonNullable<InquiryObject['spec']['simulate']>;
type ChangesQuestion = NonNullable<InquiryObject['spec']['changes']>;

export async function foresee(environment: Environment, client: KubernetesClient, question: SimulateQuestion, patienceSeconds = PATIENCE_SECONDS): Promise<Foreseen> {
  const first = await inquire<SimulateAnswer>(environment, client, { simulate: question }, patienceSeconds);
  const { about, simulation } = first;
  if (about === undefined || simulation === undefined) throw new CommandFailure('the hub answered without saying of which run; is it of another version than this command?');
  const clusters: SimulatedCluster[] = [...first.clusters];
  for (let next = first.continue; next !== undefined && !environment.signal.aborted;) {
    const page = await inquire<SimulateAnswer>(environment, client, { simulate: { continue: next } as SimulateQuestion }, patienceSeconds);
    clusters.push(...page.clusters);
    next = page.continue;
  }
  return { about, simulation: { ...simulation, clusters } };
}

export async function foreseeChanges(environment: Environment, client: KubernetesClient, question: ChangesQuestion): Promise<{ readonly about: LookedAtRun; readonly groups: readonly ChangeGroup[] }> {
  const first = await inquire<ChangesAnswer>(environment, client, { changes: question }, PATIENCE_SECONDS);
  const groups: ChangeGroup[] = [...first.groups];
  for (let next = first.continue; next !== undefined && !environment.signal.aborted;) {
    const page = await inquire<ChangesAnswer>(environment, client, { changes: { continue: next } }, PATIENCE_SECONDS);
    groups.push(...page.groups);
    next = page.continue;
  }
  if (first.about === undefined) throw new CommandFailure('the hub answered without saying of which run; is it of another version than this command?');
  return { about: first.about, groups };
}
