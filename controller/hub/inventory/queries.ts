/** Answers queries of the fleet. */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { FleetQueryObject } from '../../../mesh/api/resources/fleet-query.ts';
import type { QueryAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import { matchesQuery, parseQuery } from '../../../mesh/inventory/query.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { valueOf } from '../../../mesh/model/selector.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import type { Cache } from '../../runtime/cache.ts';
import type { Answers } from '../inquiry/answers.ts';
import { WrongQuery } from '../inquiry/answers.ts';

export interface QueriesParts {
  readonly clock: Clock;
  readonly clusters: Cache<ClusterObject>;
  readonly saved: Cache<FleetQueryObject>;
}

export function createQueries({ clock, clusters }: QueriesParts): { readonly answer: Answers['query'] } {
  return {
    answer({ text = '', columns = [] }): QueryAnswer {
      const parsed = parseQuery(text);
      if ('problem' in parsed) throw new WrongQuery(parsed.problem);
      const subjects = clusters.list().map((object) => ({ name: object.metadata.name, labels: object.metadata.labels ?? {}, properties: object.status?.properties ?? [] }));
      const rows = subjects.filter((subject) => matchesQuery(parsed.query, subject)).map((subject) => ({
        name: subject.name, unknown: [], ageSeconds: null,
        columns: Object.fromEntries(columns.flatMap((key) => { const value = valueOf(subject, key); return value === undefined ? [] : [[key, value]]; })),
      }));
      return { query: text, at: toRfc3339(clock.now()), from: 'memory', columns, rows, matched: rows.length, total: subjects.length, usedIndex: 'none', examined: subjects.length, sources: [], notes: [] };
    },
  };
}
