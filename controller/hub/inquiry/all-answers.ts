/** Who answers which question. */
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { DiscoveredAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import { foresightAnswers, type ForesightParts } from '../foresight/answers.ts';
import type { Publishers } from '../gateway/publishers.ts';
import type { createCaches } from '../caches.ts';
import { createLiveRows } from '../inventory/freshness.ts';
import { historyAnswers } from '../inventory/history-answers.ts';
import { createQueries } from '../inventory/queries.ts';
import { whatIfAnswers } from '../mesh/what-if.ts';
import type { HubPorts } from '../ports.ts';
import { type Answers, recordedAnswers } from './answers.ts';
import { askAgent } from './ask-agent.ts';
import { accessAnswers } from '../access/preview.ts';
import { capacityAnswers } from './capacity.ts';
import { verifyAnswers } from './mesh-verify.ts';

interface Parts extends Pick<ForesightParts, 'sources' | 'fleet' | 'drift' | 'bundles' | 'packageOf'> {
  readonly ports: Pick<HubPorts, 'clock' | 'records'>;
  readonly caches: ReturnType<typeof createCaches>;
  readonly publishers: Publishers;
  readonly discovered: (question: { readonly limit: number }, signal: CancelSignal) => Promise<DiscoveredAnswer>;
}

export function allAnswers({ ports, caches: { clusters, meshes, runs, strategies, savedQueries, changeWindows, windowOverrides }, publishers, discovered, ...world }: Parts): Answers {
  const { clock, records } = ports;
  const { fleet } = world;
  const queries = createQueries({ clock, records, live: createLiveRows({ clusters, fleet }), saved: savedQueries });
  return {
    ...recordedAnswers(records, runs),
    ...historyAnswers({ clock, records, clusters }),
    query: queries.answer,
    ...capacityAnswers({ clock, queries, clusters, fleet }),
    ...foresightAnswers({ ...world, ports, runs, strategies, windows: changeWindows, overrides: windowOverrides }),
    ...accessAnswers({ clock, sources: world.sources, fleet, ask: (cluster, question, signal) => askAgent({ fleet, publishers, clock }, cluster, question, signal) }),
    ...verifyAnswers({ clock, meshes, fleet, publishers }),
    ...whatIfAnswers({ clock, records, sources: world.sources, exportsOf: (cluster) => [...fleet.values(cluster, 'ExportFact').values()].map(({ value }) => value) }),
    discovered: (question, { signal }) => discovered(question, signal),
    standing: ({ cluster }, { id, signal }) => askAgent({ fleet, publishers, clock }, cluster, { id, dnsName: '', dnsType: '', standing: true }, signal),
    dns: ({ name, type, from }, { id, signal }) => askAgent({ fleet, publishers, clock }, from, { id, dnsName: name, dnsType: type ?? 'A' }, signal),
  };
}
