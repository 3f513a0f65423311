/** Works alone, or, of several replicas, while this one leads. */
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import { type Lead, runElected } from '../runtime/election.ts';
import { fenced } from './fence.ts';
import { passingMetrics } from './passing-metrics.ts';
import type { HubConfig, HubPorts } from './ports.ts';
import type { Readiness } from './readiness.ts';

const LEASE = 'isthmus-hub';

interface Parts {
  readonly ports: HubPorts;
  readonly config: Pick<HubConfig, 'leaderElection' | 'namespace'>;
  readonly readiness: Readiness;
  /** Everything, anew for each time that this process leads. */
  readonly work: (ports: HubPorts, signal: CancelSignal) => Promise<void>;
}

export async function workWhileLeading({ ports, config: { leaderElection, namespace }, readiness, work }: Parts, signal: CancelSignal): Promise<void> {
  if (leaderElection === undefined) { await work(ports, signal); return; }
  const follow = (): void => readiness.only('another replica leads');
  const lead: Lead = (leading, holds) => {
    const told = passingMetrics(ports.metrics);
    readiness.only('starting');
    return work({ ...fenced(ports, holds), metrics: told.metrics }, leading).finally(() => {
      told.clear();
      follow();
    });
  };
  follow();
  const { kubernetes: client, clock, steadyClock = clock, random, log, metrics } = ports;
  await runElected({ client, namespace, name: LEASE, identity: leaderElection.identity, clock, steadyClock, random, log, metrics }, lead, signal);
}
