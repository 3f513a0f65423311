/** Runs of bundles and of the plan on a bench, for tests. */
import { Bundle, UpdateRun } from '../../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../../mesh/api/resources/updates.ts';
import type { DesiredRevision, DesiredState } from '../../../../mesh/model/desired.ts';
import type { Bench, ScriptedAgent } from '../../testing/bench.ts';

const never = new AbortController().signal;

/** Bundle `<package>-<major>`, which has one ConfigMap. */
export const makeBundle = (bench: Bench, name: string, major: number): Promise<void> => bench.create(Bundle, `${name}-${major}`, {
  package: name, version: `${major}.0.0`,
  parts: [{ name: 'settings', manifests: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data: { major: String(major) } }] }],
});

export const ONE_STAGE = { name: 'quick', progressDeadlineSeconds: 60, stages: [{ name: 'all', clusters: {}, maxConcurrency: 1, soakSeconds: 0 }] };

export const makeRun = (bench: Bench, name: string, spec: object): Promise<void> => bench.create(UpdateRun, name, { reason: 'test', requestedBy: 'ann', ...spec });
export const runBundle = (bench: Bench, name: string, bundle: string, names: readonly string[], strategy: object = ONE_STAGE): Promise<void> =>
  makeRun(bench, name, { strategy, bundle: { name: bundle, clusters: { names } } });

export const runOf = (bench: Bench, name: string): Promise<UpdateRunObject | undefined> => bench.get<UpdateRunObject>(UpdateRun, name);
export const statusOf = async (bench: Bench, name: string) => (await runOf(bench, name))?.status;
export const change = (bench: Bench, name: string, spec: object): Promise<unknown> => bench.kubernetes.patch(UpdateRun, { name }, { spec }, { type: 'merge', fieldManager: 'test' }, never);

/** What the agent was told to be; undefined: nothing. */
export function stateOf(agent: ScriptedAgent): DesiredState | undefined {
  const content = agent.value<DesiredRevision>('DesiredRevision', agent.cluster)?.content;
  return content === undefined ? undefined : JSON.parse(content) as DesiredState;
}
export const packagesOf = (agent: ScriptedAgent): string[] => (stateOf(agent)?.bundles ?? []).map((bundle) => `${bundle.package} ${bundle.version}`);
