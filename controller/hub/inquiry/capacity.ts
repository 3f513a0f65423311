/** Answers about capacity, of this moment or a past one: what clusters give and hold, and which could take a workload. */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { FindAnswer, FoundCluster, ReportAnswer, ReportGroup } from '../../../mesh/api/resources/inquiry-answers.ts';
import { findAnswer, type MatchedFleet, reportAnswer } from '../../../mesh/inventory/capacity-answers.ts';
import { type ClusterFigures, figuresOf } from '../../../mesh/inventory/figures.ts';
import { fieldsOf } from '../../../mesh/model/cluster-fields.ts';
import { findCondition } from '../../../mesh/model/condition.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import type { Cache } from '../../runtime/cache.ts';
import type { Fleet } from '../gateway/fleet.ts';
import type { Queries } from '../inventory/queries.ts';
import { createPages } from '../inventory/query-pages.ts';
import { conditionsOf } from '../views.ts';
import type { Answers } from './answers.ts';

export interface CapacityParts {
  readonly clock: Clock;
  readonly queries: Pick<Queries, 'match'>;
  readonly clusters: Pick<Cache<ClusterObject>, 'get'>;
  readonly fleet: Pick<Fleet, 'connection'>;
}

/** Clusters between two looks at the network. */
const AT_ONCE = 500;

export function capacityAnswers({ clock, queries, clusters, fleet }: CapacityParts): Pick<Answers, 'report' | 'find'> {
  const reports = createPages<Omit<ReportAnswer, 'groups' | 'continue'>, ReportGroup, ReportGroup>(clock.now(), (group) => group);
  const findings = createPages<Omit<FindAnswer, 'clusters' | 'continue'>, FoundCluster, FoundCluster>(clock.now(), (found) => found);

  function figuresNow(name: string): ClusterFigures | undefined {
    const object = clusters.get({ name });
    return object === undefined ? undefined : figuresOf(name, fieldsOf(object), { connected: connectionOf(name), doubt: findCondition(conditionsOf(object), 'Consistent')?.message });
  }
  const connectionOf = (name: string): { readonly value: boolean; readonly since: number } | undefined => {
    const connection = fleet.connection(name);
    return connection === undefined ? undefined : { value: connection.connected, since: connection.since };
  };

  async function matched({ text, saved, at }: Parameters<Queries['match']>[0], signal: CancelSignal): Promise<MatchedFleet> {
    const { head, rows, states } = await queries.match({ ...(text === undefined ? {} : { text }), ...(saved === undefined ? {} : { saved }), ...(at === undefined ? {} : { at }) }, signal);
    const figures: ClusterFigures[] = [];
    for (const [index, { name }] of rows.entries()) {
      const fields = states?.get(name);
      const one = fields === undefined ? figuresNow(name) : figuresOf(name, fields);
      if (one !== undefined) figures.push(one);
      if (index % AT_ONCE === AT_ONCE - 1) await clock.sleepUntil(clock.now() + 1, signal);
    }
    return { head, figures };
  }

  return {
    async report({ limit = Number.POSITIVE_INFINITY, continue: next, by, workloadLabel, ...of }, { signal }): Promise<ReportAnswer> {
      const page = next !== undefined ? reports.next(next, limit, clock.now()) : await (async () => {
        const { about, parts } = reportAnswer(await matched(of, signal), workloadLabel === undefined ? { cluster: by ?? 'name' } : { workload: workloadLabel });
        return reports.first(about, parts, limit, clock.now());
      })();
      return { ...page.head, groups: page.rows, ...(page.next === undefined ? {} : { continue: page.next }) };
    },
    async find({ limit = Number.POSITIVE_INFINITY, continue: next, classes, regions, capabilities, freeCpuMilli, freeMemoryBytes, freeGpus, explain, ...of }, { signal }): Promise<FindAnswer> {
      const page = next !== undefined ? findings.next(next, limit, clock.now()) : await (async () => {
        const fleetThen = await matched(of, signal);
        const wish = {
          classes, regions, capabilities, ...(freeCpuMilli === undefined ? {} : { freeCpuMilli }), ...(freeMemoryBytes === undefined ? {} : { freeMemoryBytes }), ...(freeGpus === undefined ? {} : { freeGpus }),
        };
        const { about, parts } = findAnswer(fleetThen, wish, explain, fleetThen.head.at);
        return findings.first(about, parts, limit, clock.now());
      })();
      return { ...page.head, clusters: page.rows, ...(page.next === undefined ? {} : { continue: page.next }) };
    },
  };
}
