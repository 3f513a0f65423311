/** How many requests hub and agents make of their Kubernetes APIs for one change of a person's, in virtual time: the same counts on every machine. */
import { readFileSync } from 'node:fs';
import { PERSON } from '../../sim/fleet.ts';
import { runScenario } from '../../sim/scenario.ts';
import type { TraceEvent } from '../../sim/trace.ts';

export interface Amplification {
  readonly change: string;
  /** By verb of the client; `watch` counts streams that were opened. */
  readonly requests: Readonly<Record<string, number>>;
  /** Objects that hub and agents changed, each counted once: no fewer writes could have done it. */
  readonly changedObjects: number;
}

export const WRITING = ['create', 'update', 'patch', 'delete'] as const;

/** Comments of the scenario name the changes; what stands under the first is not counted. */
export async function measureAmplification(path = new URL('amplification.txt', import.meta.url)): Promise<readonly Amplification[]> {
  const phases: { readonly change: string; readonly requests: Record<string, number>; readonly from: number }[] = [];
  let events: readonly TraceEvent[] = [];
  await runScenario(readFileSync(path, 'utf8'), {
    seed: 1, network: { latencyMilliseconds: { least: 5, most: 5 } }, callMilliseconds: { least: 1, most: 1 },
    beforeCommand(heading, fleet) {
      events = fleet.trace.events;
      if (heading.length > 0) phases.push({ change: heading.map((line) => line.replace(/^# */, '')).join(' '), requests: {}, from: events.length });
    },
    requested(_host, verb) {
      const requests = phases.at(-1)?.requests;
      if (requests !== undefined) requests[verb] = (requests[verb] ?? 0) + 1;
    },
  });
  return phases.slice(1).map(({ change, requests, from }, index) => ({ change, requests, changedObjects: changed(events.slice(from, phases[index + 2]?.from)).size }));
}

/** `berlin Secret kube-system/cilium-clustermesh` of every write that changed something and is no person's. */
function changed(events: readonly TraceEvent[]): ReadonlySet<string> {
  const objects = new Set<string>();
  for (const { host, topic, text } of events) {
    const [, kind, name, manager] = /^\w+ ([A-Za-z]+)(?:\/\w+)? (\S+)(?: by (\S+) version)?/.exec(text) ?? [];
    const counts = text.startsWith('delete ') || (manager !== undefined && manager !== PERSON);
    if (topic === 'object' && counts) objects.add(`${host} ${kind} ${name}`);
  }
  return objects;
}
