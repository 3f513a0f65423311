/** `isthmus cluster accept|reject`: whether the key that asks to join as a cluster may. Bound to the key, so that nobody slips in between the look and the word. */
import type { Command } from 'commander';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { CHANGED_BY } from '../../../mesh/api/resources/guard-changes.ts';
import { Cluster } from '../../../mesh/api/resources/index.ts';
import { REASON_ANNOTATION } from '../../../mesh/inventory/authors.ts';
import { CommandFailure, type Environment, UsageProblem } from '../environment.ts';
import { nearest } from '../../../mesh/model/near.ts';
import { FIELD_MANAGER } from '../field-manager.ts';
import { listAll } from '../list.ts';
import { printReport, type ReportFormat, reportOption } from '../output/report.ts';

const LONGEST_REASON = 1024;
const SHORTEST_FINGERPRINT = 16;

interface DecideOptions {
  readonly key?: string;
  readonly why?: string;
  readonly dryRun: boolean;
  readonly output: ReportFormat;
}

async function decide(environment: Environment, cluster: string, decision: 'Accepted' | 'Rejected', options: DecideOptions): Promise<void> {
  const { why, dryRun } = options;
  if (why !== undefined && (why.trim() === '' || why.length > LONGEST_REASON)) throw new UsageProblem(`--why: say why in at most ${LONGEST_REASON} characters`);
  const key = options.key?.toLowerCase().replaceAll(':', '');
  if (key !== undefined && (!/^[0-9a-f]*$/.test(key) || key.length < SHORTEST_FINGERPRINT)) throw new UsageProblem(`--key: give the fingerprint that the agent shows in its log, or at least its first ${SHORTEST_FINGERPRINT} characters`);
  const { signal } = environment;
  const client = await environment.connect();
  const object = await client.get<ClusterObject>(Cluster, { name: cluster }, signal);
  const pending = object?.status?.pending;
  if (object === undefined) {
    const near = nearest(cluster, (await listAll<ClusterObject>(client, Cluster, signal)).map(({ metadata }) => metadata.name));
    throw new CommandFailure(`there is no cluster ${JSON.stringify(cluster)}; ${near === undefined ? '"isthmus cluster list --pending" shows who asks to join' : `did you mean ${near}?`}`);
  }
  if (pending === undefined) throw new CommandFailure(`no key asks to join as ${cluster} now; "isthmus cluster list --pending" shows who does`);
  if (key !== undefined && !pending.keySha256.startsWith(key)) throw new CommandFailure(`${cluster}: the key that asks has fingerprint ${pending.keySha256}, not ${key}: nothing was ${decision.toLowerCase()}; whoever asks is not the agent whose log you have seen`);
  // The server writes the caller's name there; an earlier one must not stay.
  const annotations = { [CHANGED_BY]: null, ...(why === undefined ? {} : { [REASON_ANNOTATION]: why }) };
  const admission = { decision, keySha256: pending.keySha256, reason: why ?? null };
  // Of the object that was read: who changed it meanwhile is not overruled.
  const { resourceVersion } = object.metadata;
  await client.patch<ClusterObject>(Cluster, { name: cluster }, { metadata: { annotations, resourceVersion }, spec: { admission } }, { type: 'merge', fieldManager: FIELD_MANAGER, dryRun }, signal);
  printReport(environment, options.output, {
    text: `cluster.isthmus.dev/${cluster} ${decision.toLowerCase()}${dryRun ? ' (dry run)' : ''}: key ${pending.keySha256}, by ${pending.by}\n`,
    value: { cluster, decision, keySha256: pending.keySha256, by: pending.by, ...(why === undefined ? {} : { reason: why }), dryRun }, name: `cluster.isthmus.dev/${cluster}`,
  });
  if (!dryRun && decision === 'Accepted') environment.err('its agent asks again within seconds, and joins\n');
}

export function registerDecisions(cluster: Command, environment: (command: Command) => Environment): void {
  for (const [name, decision, text] of [['accept', 'Accepted', 'let the key that asks join as the cluster'], ['reject', 'Rejected', 'turn the key that asks to join as the cluster away for good']] as const) {
    cluster.command(name)
      .description(text)
      .argument('<cluster>')
      .option('--key <fingerprint>', 'only if it is this one, as the agent\'s log has it, or its beginning')
      .option('--why <text>', 'why, for the record')
      .option('--dry-run', 'check with the server, write nothing', false)
      .addOption(reportOption())
      .action(async (of: string, options: DecideOptions, command: Command) => decide(environment(command), of, decision, options));
  }
}
