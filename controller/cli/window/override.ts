/** `isthmus window override`: lets one run pass closed windows for a while, by a person's word. */
import { apiVersionOf, UpdateRun, WindowOverride } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { WindowOverrideObject } from '../../../mesh/api/resources/windows.ts';
import { parseDuration } from '../../../mesh/model/compare.ts';
import { OVERRIDE_LONGEST_DAYS } from '../../../mesh/model/change-window.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { FINAL_RUN_PHASES } from '../../../mesh/model/rollout.ts';
import { KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { callerOf } from '../caller.ts';
import { selectorOf } from '../clusters.ts';
import { CommandFailure, type Environment, UsageProblem } from '../environment.ts';
import { FIELD_MANAGER } from '../field-manager.ts';
import { clustersText, timeText } from './show.ts';

export interface OverrideOptions {
  readonly run: string;
  readonly reason: string;
  /** As it was typed: `2h`. */
  readonly for: string;
  /** As they were typed; undefined: all clusters of the run. */
  readonly clusters: string | undefined;
  readonly dryRun: boolean;
}

export async function overrideWindows(environment: Environment, options: OverrideOptions): Promise<void> {
  const { run, reason, dryRun } = options;
  if (reason.trim() === '') throw new UsageProblem('--reason: say why, for whoever reads the history');
  const milliseconds = parseDuration(options.for);
  if (milliseconds === undefined || milliseconds <= 0 || milliseconds > OVERRIDE_LONGEST_DAYS * 86_400_000) throw new UsageProblem(`--for ${JSON.stringify(options.for)}: give a time of up to ${OVERRIDE_LONGEST_DAYS} days, as 30m or 2h`);
  const clusters = options.clusters === undefined ? undefined : selectorOf('--clusters', options.clusters);
  const client = await environment.connect();
  const object = await client.get<UpdateRunObject>(UpdateRun, { name: run }, environment.signal);
  if (object === undefined) throw new CommandFailure(`there is no run ${JSON.stringify(run)}; "isthmus run list" shows them`);
  const phase = object.status?.phase ?? 'Pending';
  if (FINAL_RUN_PHASES.includes(phase)) throw new CommandFailure(`run ${run} has ended (${phase}): there is nothing that a window keeps from it`);
  const requestedBy = (await callerOf(environment, client)).name;
  const expiresAt = environment.now() + milliseconds;
  const override: WindowOverrideObject = {
    apiVersion: apiVersionOf(WindowOverride), kind: 'WindowOverride', metadata: { name: '', generateName: `${run.slice(0, 50)}-` },
    spec: { run, reason, requestedBy, expiresAt: toRfc3339(expiresAt), ...(clusters === undefined ? {} : { clusters: clusters as NonNullable<WindowOverrideObject['spec']['clusters']> }) },
  };
  const created = await client.create<WindowOverrideObject>(WindowOverride, override, { fieldManager: FIELD_MANAGER, dryRun }, environment.signal).catch((error: unknown) => {
    if (error instanceof KubernetesError && error.code === 403) throw new CommandFailure(`${error.message}: whoever overrides windows needs a binding to ClusterRole isthmus-window-overrider`);
    throw error;
  });
  environment.out(`windowoverride.isthmus.dev/${created.metadata.name} created${dryRun ? ' (dry run)' : ''}\n`
    + `run ${run} passes closed windows on ${clusters === undefined ? 'all of its clusters' : clustersText(clusters)} until ${timeText(expiresAt)}; "kubectl delete windowoverride ${created.metadata.name}" ends that sooner\n`);
}
