/** `isthmus window explain`: whether changes may begin on a cluster, why not, when they may, and the part of each window in that. */
import { viewCluster } from '../../../mesh/inventory/view.ts';
import type { BundleObject } from '../../../mesh/api/resources/bundle.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { Bundle, ChangeWindow, Cluster, UpdateRun, WindowOverride } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { ChangeWindowObject, WindowOverrideObject } from '../../../mesh/api/resources/windows.ts';
import type { WindowRun } from '../../../mesh/model/change-window.ts';
import type { ClusterStatusValue } from '../../../mesh/model/cluster-status.ts';
import type { WindowVerdict } from '../../../mesh/model/rollout.ts';
import { type Instant, toRfc3339 } from '../../../mesh/model/instant.ts';
import { matchesSelector } from '../../../mesh/model/selector.ts';
import { nearest } from '../../../mesh/model/near.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { createWindowBook, type WindowPart } from '../../../mesh/rollout/windows/book.ts';
import { runFacts } from '../../hub/windows/run-facts.ts';
import { changeWindowValue, windowOverrideValue } from '../../hub/windows/values.ts';
import { CommandFailure, type Environment } from '../environment.ts';
import { listAll } from '../list.ts';
import { type Format, print, table } from '../output/index.ts';
import { ahead, clustersText, nextText, runsText, stateText, timeText } from './show.ts';

export interface ExplainOptions {
  readonly cluster: string;
  /** undefined: now. */
  readonly at: Instant | undefined;
  /** undefined: any run that no window singles out. */
  readonly run: string | undefined;
  readonly format: Format;
}

const ANY_RUN: WindowRun = { name: '', strategy: '' };

async function clusterOf(environment: Environment, client: KubernetesClient, name: string): Promise<ClusterObject> {
  const object = await client.get<ClusterObject>(Cluster, { name }, environment.signal);
  if (object !== undefined) return object;
  const near = nearest(name, (await listAll<ClusterObject>(client, Cluster, environment.signal)).map(({ metadata }) => metadata.name));
  throw new CommandFailure(`there is no cluster ${JSON.stringify(name)}; ${near === undefined ? '"isthmus fleet query" shows them' : `did you mean ${near}?`}`);
}

async function runOf(environment: Environment, client: KubernetesClient, name: string): Promise<WindowRun> {
  const runs = new Map((await listAll<UpdateRunObject>(client, UpdateRun, environment.signal)).map((run) => [run.metadata.name, run]));
  if (!runs.has(name)) throw new CommandFailure(`there is no run ${JSON.stringify(name)}; "isthmus run list" shows them`);
  const bundles = new Map((await listAll<BundleObject>(client, Bundle, environment.signal)).map(({ metadata, spec }) => [metadata.name, spec.package]));
  return runFacts((one) => runs.get(one), (bundle) => bundles.get(bundle))(name);
}

/** What a window does about the cluster. */
function partText({ window, problem, open, selects, concernsRun }: WindowPart, isRunKnown: boolean): string {
  if (!selects) return `not about it: ${clustersText(window.clusters)}`;
  const runs = runsText(window);
  if (!concernsRun) return isRunKnown ? `not about this run: about ${runs}` : `about runs of ${runs} alone`;
  if (problem !== undefined) return `closes it: ${problem}`;
  if (window.kind === 'Deny') return open ? 'closes it' : 'denies nothing now';
  return open ? 'allows' : 'would allow, but is closed';
}

function summary(name: string, verdict: WindowVerdict, at: Instant, now: Instant): string[] {
  const when = at === now ? '' : ` at ${timeText(at)}`;
  const why = verdict.reason === '' ? 'no ChangeWindow restricts it' : verdict.reason;
  if (!verdict.open) return [`${name} is closed${when}: ${why}`, `opens: ${verdict.opensAt === null ? 'never within 400 days, as windows are now' : ahead(verdict.opensAt, at)}`];
  const by = verdict.overriddenBy === undefined ? [] : [`overridden by ${verdict.overriddenBy}`];
  return [`${name} is open${when}: ${why}`, ...by, ...(verdict.closesAt === null ? [] : [`closes: ${ahead(verdict.closesAt, at)}`])];
}

export async function explainWindows(environment: Environment, { cluster, at, run, format }: ExplainOptions): Promise<void> {
  const client = await environment.connect();
  const { metadata, status } = await clusterOf(environment, client, cluster);
  const subject = viewCluster(metadata.name, metadata.labels ?? {}, status as ClusterStatusValue | undefined);
  const [windows, overrideObjects] = [await listAll<ChangeWindowObject>(client, ChangeWindow, environment.signal), await listAll<WindowOverrideObject>(client, WindowOverride, environment.signal)];
  const overrides = overrideObjects.flatMap((object) => windowOverrideValue(object) ?? []);
  const now = environment.now();
  const asked = at ?? now;
  const book = createWindowBook(windows.map(changeWindowValue), overrides, asked);
  const known = run === undefined ? undefined : await runOf(environment, client, run);
  const verdict = book.verdict(subject, known ?? ANY_RUN);
  const parts = book.parts(subject, known ?? ANY_RUN);
  const lines = summary(metadata.name, verdict, asked, now);
  const inForce = overrides.filter((one) => (run === undefined || one.run === run) && asked < one.expiresAt && (one.clusters === undefined || matchesSelector(one.clusters, subject)));
  if (run === undefined) lines.push(...inForce.map((one) => `run ${one.run} may pass until ${timeText(one.expiresAt)}: WindowOverride ${one.name} by ${one.requestedBy}: ${one.reason}`));
  if (format === 'table' || format === 'wide') {
    const rows = parts.map((part) => [part.window.name, part.window.kind, stateText(part), nextText(part, asked), partText(part, known !== undefined)]);
    environment.out(`${lines.join('\n')}\n${rows.length === 0 ? '' : `\n${table(['WINDOW', 'KIND', 'STATE', 'NEXT', 'PART'], rows)}`}`);
    return;
  }
  const time = (instant: Instant | null | undefined): string | null => (instant === null || instant === undefined ? null : toRfc3339(instant));
  const shown = parts.map((part) => ({ name: part.window.name, kind: part.window.kind, state: stateText(part), opensAt: part.open ? null : time(part.interval?.from), closesAt: time(part.interval?.to), about: part.selects && part.concernsRun, part: partText(part, known !== undefined) }));
  print(environment, format, {
    headings: ['window', 'kind', 'state', 'opensAt', 'closesAt', 'part'],
    rows: shown.map((part) => [part.name, part.kind, part.state, part.opensAt ?? '', part.closesAt ?? '', part.part]),
    value: { cluster, at: toRfc3339(asked), ...(run === undefined ? {} : { run }), ...verdict, opensAt: time(verdict.opensAt), closesAt: time(verdict.closesAt), windows: shown, overrides: inForce.map(({ name }) => name) },
    names: shown.filter(({ about }) => about).map(({ name }) => `changewindow.isthmus.dev/${name}`),
    empty: 'There is no change window.',
  });
}
