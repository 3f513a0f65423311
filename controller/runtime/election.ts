/** Leader election on a Lease, by the rules of client-go's `tools/leaderelection`: clocks of other machines are never compared with ours. */
import { Lease, type LeaseObject } from '../../mesh/api/resources/core.ts';
import { type Instant, toRfc3339 } from '../../mesh/model/instant.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import type { KubernetesClient } from '../../mesh/ports/kubernetes.ts';
import type { Log } from '../../mesh/ports/log.ts';
import type { Metrics } from '../../mesh/ports/metrics.ts';
import type { Random } from '../../mesh/ports/random.ts';
import { type Cancel, cancelled, cancelWithin } from './cancel.ts';
import { AdvisedError, messageOf } from './errors.ts';

export interface ElectionOptions {
  readonly client: KubernetesClient;
  readonly namespace: string;
  readonly name: string;
  /** Unique to this process: a restart must not take itself for its predecessor. */
  readonly identity: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Others wait this long after the last renewal that they saw. Default 15. */
  readonly leaseSeconds?: number;
  /** The leader stops acting this long after it began its last successful renewal. Less than `leaseSeconds`. Default 10. */
  readonly renewDeadlineSeconds?: number;
  readonly retrySeconds?: number;
}

const JITTER = 0.2;

/** MicroTime: Kubernetes wants exactly six digits. */
const microTime = (instant: Instant): string => toRfc3339(instant).replace('Z', '000Z');

/**
 * Runs `lead` while this process holds the lease, again after each new election, until `signal` aborts.
 * `lead`'s signal aborts before another process may lead; `lead` MUST then end within `leaseSeconds - renewDeadlineSeconds`, or this rejects, so that the process
 * ends. When `lead` ends by itself, or fails, the lease is given back and this resolves, or rejects, too.
 */
export async function runElected(options: ElectionOptions, lead: (signal: CancelSignal) => Promise<void>, signal: CancelSignal): Promise<void> {
  const { client, namespace, name, identity, clock, random, leaseSeconds = 15, renewDeadlineSeconds = 10, retrySeconds = 2 } = options;
  const log = options.log.child({ lease: `${namespace}/${name}`, identity });
  if (!(leaseSeconds > renewDeadlineSeconds && renewDeadlineSeconds > retrySeconds * (1 + JITTER))) {
    throw new AdvisedError('never', `election: leaseSeconds ${leaseSeconds} must exceed renewDeadlineSeconds ${renewDeadlineSeconds}, which must exceed ${1 + JITTER} × retrySeconds ${retrySeconds}`);
  }
  const status = options.metrics.gauge('leader_election_master_status', '1 on the process that leads.', ['name']);
  /** The record as last seen to change, and when by our own clock (client-go `observedTime`). */
  let observed: { readonly lease: LeaseObject; readonly at: Instant } | undefined;

  const observe = (lease: LeaseObject): LeaseObject => {
    if (observed?.lease.metadata.resourceVersion !== lease.metadata.resourceVersion || observed?.lease.metadata.uid !== lease.metadata.uid) {
      observed = { lease, at: clock.now() };
    }
    return lease;
  };
  const record = (previous: LeaseObject['spec'], now: Instant): NonNullable<LeaseObject['spec']> => {
    const own = previous?.holderIdentity === identity;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: leaseSeconds,
      acquireTime: own && previous.acquireTime !== undefined ? previous.acquireTime : microTime(now),
      renewTime: microTime(now),
      leaseTransitions: (previous?.leaseTransitions ?? 0) + (own || previous === undefined ? 0 : 1),
    };
  };

  /** When the attempt began, if it got or kept the lease: others count from a later moment, so counting from here is safe. */
  async function acquireOrRenew(within: CancelSignal): Promise<Instant | undefined> {
    const began = clock.now();
    const current = await client.get<LeaseObject>(Lease, { namespace, name }, within);
    if (current === undefined) {
      const fresh: LeaseObject = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace, name }, spec: record(undefined, began) };
      observe(await client.create(Lease, fresh, { fieldManager: 'isthmus-election' }, within));
      return began;
    }
    observe(current);
    const { holderIdentity, leaseDurationSeconds = leaseSeconds } = current.spec ?? {};
    const held = holderIdentity !== undefined && holderIdentity !== '' && holderIdentity !== identity;
    if (held && observed!.at + leaseDurationSeconds * 1000 > clock.now()) return undefined;
    observe(await client.update<LeaseObject>(Lease, { ...current, spec: record(current.spec, began) }, { fieldManager: 'isthmus-election' }, within));
    return began;
  }

  /** One attempt that ends by `deadline` whatever the client does. */
  async function attempt(deadline: Instant, within: CancelSignal): Promise<Instant | undefined> {
    const cancel = cancelWithin(within);
    const tried = acquireOrRenew(cancel.signal).catch((error: unknown) => {
      if (!cancel.signal.aborted) log.debug({ error: messageOf(error) }, 'could not acquire or renew the lease');
      return undefined;
    });
    const timeout = clock.sleepUntil(deadline, cancel.signal).then(() => undefined);
    const result = await Promise.race([tried, timeout]);
    cancel.abort();
    cancel.release();
    return result;
  }

  const pause = (): Instant => clock.now() + retrySeconds * 1000 * (1 + JITTER * random.uniform());

  async function keep(since: Instant, leading: Cancel): Promise<void> {
    let renewed = since;
    while (!leading.signal.aborted) {
      const deadline = renewed + renewDeadlineSeconds * 1000;
      await clock.sleepUntil(Math.min(deadline, clock.now() + retrySeconds * 1000), leading.signal);
      if (leading.signal.aborted) return;
      const again = clock.now() < deadline ? await attempt(deadline, leading.signal) : undefined;
      if (again !== undefined) renewed = again;
      else if (clock.now() >= deadline || observed?.lease.spec?.holderIdentity !== identity) return;
    }
  }

  async function release(): Promise<void> {
    const lease = observed?.lease;
    if (lease?.spec?.holderIdentity !== identity) return;
    const bound = new AbortController();
    const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(clock.now()) };
    const written = client.update(Lease, { ...lease, spec }, { fieldManager: 'isthmus-election' }, bound.signal)
      .catch((error: unknown) => log.debug({ error: messageOf(error) }, 'could not give the lease back: others wait until it expires'));
    await Promise.race([written, clock.sleepUntil(clock.now() + retrySeconds * 1000, bound.signal)]);
    bound.abort();
  }

  /** True: to be elected again. */
  async function term(since: Instant): Promise<boolean> {
    const leading = cancelWithin(signal);
    log.info({}, 'leading');
    status.set({ name }, 1);
    let outcome: { readonly error?: unknown } | undefined;
    const work = lead(leading.signal).then(() => { outcome ??= {}; }, (error: unknown) => { outcome ??= { error }; });
    await Promise.race([keep(since, leading), work, cancelled(leading.signal)]);
    const endedByItself = outcome !== undefined && !signal.aborted;
    const lost = outcome === undefined && !signal.aborted;
    leading.abort();
    leading.release();
    status.set({ name }, 0);
    if (lost) log.warn({}, 'lost the lease: no longer leading');
    const graceSeconds = leaseSeconds - renewDeadlineSeconds;
    const patience = new AbortController();
    await Promise.race([work, clock.sleepUntil(clock.now() + graceSeconds * 1000, patience.signal)]);
    patience.abort();
    if (outcome === undefined) throw new AdvisedError('retry', `election: the work under lease ${namespace}/${name} did not stop within ${graceSeconds} s after leadership ended; this process must end`);
    if (!lost) await release();
    if (!endedByItself) return true;
    if ('error' in outcome) throw outcome.error;
    return false;
  }

  status.set({ name }, 0);
  while (!signal.aborted) {
    const since = await attempt(clock.now() + renewDeadlineSeconds * 1000, signal);
    if (since === undefined || signal.aborted) {
      if (signal.aborted) await release();
      else await clock.sleepUntil(pause(), signal);
      continue;
    }
    if (!(await term(since))) return;
  }
}
