/** `isthmus drift accept` and `revert`: a person's decision on changes by others, which a run brings to the cluster. */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { DriftDecisionObject } from '../../../mesh/api/resources/drift-policy.ts';
import { apiVersionOf, Cluster, DriftDecision, Mesh } from '../../../mesh/api/resources/index.ts';
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import { decisionProblem } from '../../../mesh/drift/decisions.ts';
import { frozenAt } from '../../../mesh/model/frozen.ts';
import { fromRfc3339 } from '../../../mesh/model/instant.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { callerOf } from '../caller.ts';
import { CommandFailure, type Environment, UsageProblem } from '../environment.ts';
import { listAll } from '../list.ts';
import { age } from '../output/index.ts';
import { shortDigest } from './list.ts';
import { FIELD_MANAGER } from '../field-manager.ts';

export interface DecideOptions {
  readonly action: 'accept' | 'revert';
  readonly cluster: string;
  /** undefined: every object. */
  readonly object: string | undefined;
  /** undefined: every path. */
  readonly path: string | undefined;
  readonly reason: string;
  readonly dryRun: boolean;
}

type Entry = NonNullable<NonNullable<ClusterObject['status']>['drift']>[number];

/** `Secret kube-system/peers`, `secret/kube-system/peers` or `peers`. */
function isNamed(entry: Entry, wanted: string): boolean {
  const [kind = '', place = ''] = entry.object.split(' ');
  const text = wanted.toLowerCase();
  return [`${kind} ${place}`, `${kind}/${place}`, place, place.split('/')[1] ?? ''].some((name) => name.toLowerCase() === text);
}

function chosen(drift: readonly Entry[], { cluster, object, path }: DecideOptions): readonly Entry[] {
  const found = drift.filter((entry) => (object === undefined || isNamed(entry, object)) && (path === undefined || entry.path === path));
  if (found.length > 0) {
    const objects = [...new Set(found.map((entry) => entry.object))];
    if (object !== undefined && objects.length > 1) throw new UsageProblem(`${JSON.stringify(object)} names ${objects.map((name) => JSON.stringify(name)).join(' and ')} in ${cluster}: write one of them`);
    return found;
  }
  if (drift.length === 0) throw new CommandFailure(`cluster ${cluster} has no drift: it is what was last written, as far as its agent has said`);
  const what = [object === undefined ? '' : JSON.stringify(object), path === undefined ? '' : `--path ${path}`].filter((part) => part !== '').join(' ');
  throw new CommandFailure(`cluster ${cluster} has no drift at ${what}; it has ${drift.map((entry) => `${JSON.stringify(entry.object)}${entry.path === '' ? '' : ` --path ${entry.path}`}`).join(', ')}`);
}

const effect = (action: DecideOptions['action'], { expected, actual }: Entry): string => (action === 'accept'
  ? `${actual === 'absent' ? 'stays away' : `${shortDigest(actual)} becomes desired`}; ${expected === 'absent' ? 'it is kept beside what is ours' : `${shortDigest(expected)} is no longer written`}`
  : `${actual === 'absent' ? 'is made again' : `${shortDigest(actual)} is written over`}${expected === 'absent' ? ': it is removed' : ''}, unless it is changed again before; then the newer change stays`);

async function explain(environment: Environment, client: KubernetesClient, options: DecideOptions, object: ClusterObject, changes: readonly Entry[]): Promise<void> {
  const lines = changes.flatMap((entry) => [
    `${entry.object}${entry.path === '' ? '' : ` ${entry.path}`}`,
    `  changed by ${entry.actor ?? entry.manager}, seen first ${age(fromRfc3339(entry.firstSeen), environment.now())} ago`,
    `  ${options.action}: ${effect(options.action, entry)}`,
  ]);
  const mesh = (await listAll<MeshObject>(client, Mesh, environment.signal)).find(({ status }) => status?.clusters?.some(({ name }) => name === options.cluster));
  const frozen = frozenAt(object.spec?.frozen, environment.now());
  const left = (object.status?.drift ?? []).filter((entry) => !changes.includes(entry) && entry.heldUntil !== undefined && entry.decision === undefined);
  lines.push(`An update run brings this to ${options.cluster}, by the stages of UpdateStrategy ${mesh?.spec.strategy ?? 'default'}; "isthmus run undo" takes it back.`);
  if (frozen !== undefined) lines.push(`${options.cluster} is frozen (${frozen.reason}): the run waits for the end of that.`);
  if (left.length > 0) lines.push(`${options.cluster} stays out of runs until these are decided as well: ${left.map((entry) => `${entry.object}${entry.path === '' ? '' : ` ${entry.path}`}`).join(', ')}`);
  environment.out(lines.map((line) => `${line}\n`).join(''));
}

export async function decideDrift(environment: Environment, options: DecideOptions): Promise<void> {
  if (options.reason.trim() === '') throw new UsageProblem('--reason: say why, for whoever reads the history');
  const client = await environment.connect();
  const object = await client.get<ClusterObject>(Cluster, { name: options.cluster }, environment.signal);
  if (object === undefined) throw new CommandFailure(`there is no cluster ${JSON.stringify(options.cluster)}; "isthmus fleet query" shows them`);
  const found = chosen(object.status?.drift ?? [], options);
  const refused = found.flatMap((entry) => decisionProblem(options.action, entry) ?? []);
  // Asked for everything, what cannot be decided is left; asked for something, it is said.
  const changes = options.object === undefined ? found.filter((entry) => decisionProblem(options.action, entry) === undefined) : found;
  if (changes.length === 0 || (options.object !== undefined && refused.length > 0)) throw new CommandFailure(`cannot ${options.action} this: ${refused.join('; ')}`);
  await explain(environment, client, options, object, changes);
  for (const problem of refused) environment.err(`left as it is: ${problem}\n`);
  const decision: DriftDecisionObject = {
    apiVersion: apiVersionOf(DriftDecision), kind: 'DriftDecision', metadata: { name: '', generateName: `${options.cluster}-${options.action}-` },
    spec: {
      cluster: options.cluster, action: options.action, reason: options.reason, requestedBy: (await callerOf(environment, client)).name,
      changes: changes.map(({ object: name, path, actual }) => ({ object: name, path, actual })),
    },
  };
  const created = await client.create<DriftDecisionObject>(DriftDecision, decision, { fieldManager: FIELD_MANAGER, dryRun: options.dryRun }, environment.signal);
  environment.out(`driftdecision.isthmus.dev/${created.metadata.name} created${options.dryRun ? ' (dry run)' : ''}\n`);
}
