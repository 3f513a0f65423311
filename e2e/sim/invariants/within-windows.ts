/** No cluster is changed while its window is closed, but by a person's override; ways back are not held up. */
import { ChangeWindow, Cluster, UpdateRun, WindowOverride } from '../../../mesh/api/resources/index.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { ChangeWindowObject, WindowOverrideObject } from '../../../mesh/api/resources/windows.ts';
import { fromRfc3339, type Instant, seconds } from '../../../mesh/model/instant.ts';
import { createWindowBook } from '../../../mesh/rollout/windows/book.ts';
import { clusterView } from '../../../controller/hub/views.ts';
import { changeWindowValue, windowOverrideValue } from '../../../controller/hub/windows/values.ts';
import { runFacts } from '../../../controller/hub/windows/run-facts.ts';
import type { Fleet } from '../hosts.ts';
import type { Invariant } from './invariant.ts';

interface Closed { readonly run: string; readonly cluster: string; readonly at: Instant; readonly reason: string }

/** The hub hears of a window that people made after it is there. */
const HEARD_SECONDS = 3;
const isHeard = ({ metadata: { creationTimestamp } }: { readonly metadata: { readonly creationTimestamp?: string } }, at: Instant): boolean =>
  (fromRfc3339(creationTimestamp) ?? at) + seconds(HEARD_SECONDS) < at;

function closedAt(fleet: Fleet, run: string, cluster: string, at: Instant): Closed[] {
  const windows = fleet.hub.readAll<ChangeWindowObject>(ChangeWindow).filter((object) => isHeard(object, at)).map(changeWindowValue);
  if (windows.length === 0) return [];
  const overrides = fleet.hub.readAll<WindowOverrideObject>(WindowOverride).flatMap((object) => windowOverrideValue(object) ?? []);
  const object = fleet.hub.read<ClusterObject>(Cluster, { name: cluster });
  const view = object === undefined ? undefined : clusterView(object, undefined);
  if (view === undefined) return [];
  const facts = runFacts((name) => fleet.hub.read<UpdateRunObject>(UpdateRun, { name }), () => undefined);
  const verdict = createWindowBook(windows.sort((a, b) => (a.name < b.name ? -1 : 1)), overrides, at).verdict(view, facts(run));
  return verdict.open ? [] : [{ run, cluster, at, reason: verdict.reason }];
}

export function withinWindows(): Invariant<readonly Closed[]> {
  let looked = 0;
  return {
    name: 'within its window',
    capture(fleet) {
      const fresh = fleet.steps.slice(looked).flatMap(({ run, assigned }) => assigned.map((one) => ({ run, ...one })));
      looked = fleet.steps.length;
      return fresh.flatMap(({ run, cluster, back, assignedAt }) => (back ? [] : closedAt(fleet, run, cluster, assignedAt)));
    },
    assert: ([first]) => (first === undefined ? undefined : `${first.run} changes ${first.cluster} while ${first.reason}`),
    print: (all) => all.map(({ run, cluster, at, reason }) => `${run} ${cluster} at ${at}: ${reason}`).join('\n'),
  };
}
