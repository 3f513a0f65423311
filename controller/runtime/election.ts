/** Leader election on a Lease, by the rules of client-go's `tools/leaderelection`: only durations count, so clocks of other machines are never compared with ours. */
import { Lease, type LeaseObject } from '../../mesh/api/resources/core.ts';
import { type Instant, toRfc3339 } from '../../mesh/model/instant.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import { type KubernetesClient, KubernetesError } from '../../mesh/ports/kubernetes.ts';
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
  /** What people read in the Lease (`renewTime`); nothing is decided by it. */
  readonly clock: Clock;
  /** Decides. Must not jump when the machine's clock is set. Default: `clock`. */
  readonly steadyClock?: Clock;
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
const FIELD_MANAGER = 'isthmus-election';

/** MicroTime: Kubernetes wants exactly six digits. */
const microTime = (instant: Instant): string => toRfc3339(instant).replace('Z', '000Z');

/** `holds` is asked right before every act: a process that was paused finds out here, before its timers have fired, that its time is over. */
export type Lead = (signal: CancelSignal, holds: () => boolean) => Promise<void>;

/**
 * Runs `lead` while this process holds the lease, again after each new election, until `signal` aborts.
 * `lead`'s signal aborts before another process may lead; `lead` MUST then end within half of `leaseSeconds - renewDeadlineSeconds`, or this rejects, so that the
 * process ends. When `lead` ends by itself, or fails, the lease is given back and this resolves, or rejects, too.
 *
 * What keeps two from acting at once: the leader counts its time from BEFORE it asks for a renewal, a candidate from AFTER it saw that renewal, and the leader's time is shorter.
 * So offsets and steps of clocks, slow answers and lost answers do no harm, but rates do: with the defaults nobody acts beside another while no candidate's clock runs more than
 * 1.5 times (`leaseSeconds / renewDeadlineSeconds`) as fast as the leader's; and no work is still ending beside another's while it is not more than 1.2 times.
 * A request that left in time and is carried out later than that is stopped by nobody: writes that must not be late carry a resourceVersion.
 */
export async function runElected(options: ElectionOptions, lead: Lead, signal: CancelSignal): Promise<void> {
  const { client, namespace, name, identity, clock, steadyClock = clock, random, leaseSeconds = 15, renewDeadlineSeconds = 10, retrySeconds = 2 } = options;
  const log = options.log.child({ lease: `${namespace}/${name}`, identity });
  if (!(leaseSeconds > renewDeadlineSeconds && renewDeadlineSeconds > retrySeconds * (1 + JITTER))) {
    throw new AdvisedError('never', `election: leaseSeconds ${leaseSeconds} must exceed renewDeadlineSeconds ${renewDeadlineSeconds}, which must exceed ${1 + JITTER} × retrySeconds ${retrySeconds}`);
  }
  const status = options.metrics.gauge('leader_election_master_status', '1 on the process that leads.', ['name']);
  /** The record as last seen to change, and when by our own steady clock (client-go `observedTime`). */
  let observed: { readonly lease: LeaseObject; readonly at: Instant } | undefined;

  const observe = (lease: LeaseObject): LeaseObject => {
    if (observed?.lease.metadata.resourceVersion !== lease.metadata.resourceVersion || observed?.lease.metadata.uid !== lease.metadata.uid) {
      observed = { lease, at: steadyClock.now() };
    }
    return lease;
  };
  const record = (previous: LeaseObject['spec']): NonNullable<LeaseObject['spec']> => {
    const now = clock.now();
    const own = previous?.holderIdentity === identity;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: leaseSeconds,
      acquireTime: own && previous.acquireTime !== undefined ? previous.acquireTime : microTime(now),
      renewTime: microTime(now),
      leaseTransitions: (previous?.leaseTransitions ?? 0) + (own || previous === undefined ? 0 : 1),
    };
  };

  const write = async (lease: LeaseObject, within: CancelSignal): Promise<void> => {
    observe(await client.update<LeaseObject>(Lease, { ...lease, spec: record(lease.spec) }, { fieldManager: FIELD_MANAGER }, within));
  };

  /** When the attempt began, if it got or kept the lease: others count from a later moment, so counting from here is safe. */
  async function acquireOrRenew(within: CancelSignal): Promise<Instant | undefined> {
    const began = steadyClock.now();
    if (observed?.lease.spec?.holderIdentity === identity) {
      // Most often nobody else wrote since. Where somebody did, the version says so.
      try {
        await write(observed.lease, within);
        return began;
      } catch (error) {
        if (!(error instanceof KubernetesError && (error.reason === 'Conflict' || error.code === 404))) throw error;
      }
    }
    const current = await client.get<LeaseObject>(Lease, { namespace, name }, within);
    if (current === undefined) {
      const fresh: LeaseObject = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace, name }, spec: record(undefined) };
      observe(await client.create(Lease, fresh, { fieldManager: FIELD_MANAGER }, within));
      return began;
    }
    observe(current);
    const { holderIdentity, leaseDurationSeconds = leaseSeconds } = current.spec ?? {};
    const held = holderIdentity !== undefined && holderIdentity !== '' && holderIdentity !== identity;
    if (held && observed!.at + leaseDurationSeconds * 1000 > steadyClock.now()) return undefined;
    await write(current, within);
    return began;
  }

  /** One attempt that ends by `deadline` whatever the client does. */
  async function attempt(deadline: Instant, within: CancelSignal): Promise<Instant | undefined> {
    const cancel = cancelWithin(within);
    const tried = acquireOrRenew(cancel.signal).catch((error: unknown) => {
      if (!cancel.signal.aborted) log.debug({ error: messageOf(error) }, 'could not acquire or renew the lease');
      return undefined;
    });
    const timeout = steadyClock.sleepUntil(deadline, cancel.signal).then(() => undefined);
    const result = await Promise.race([tried, timeout]);
    cancel.abort();
    cancel.release();
    return result;
  }

  const pause = (): Instant => steadyClock.now() + retrySeconds * 1000 * (1 + JITTER * random.uniform());

  interface Term { renewed: Instant }
  const endOf = ({ renewed }: Term): Instant => renewed + renewDeadlineSeconds * 1000;

  async function keep(term: Term, leading: Cancel): Promise<void> {
    while (!leading.signal.aborted) {
      await steadyClock.sleepUntil(Math.min(endOf(term), steadyClock.now() + retrySeconds * 1000), leading.signal);
      if (leading.signal.aborted || steadyClock.now() >= endOf(term)) return;
      // One answer that never comes must not cost the term (controller-runtime waits half of the deadline, too).
      const again = await attempt(Math.min(endOf(term), steadyClock.now() + renewDeadlineSeconds * 500), leading.signal);
      // Too late: `holds` has said no already.
      if (steadyClock.now() >= endOf(term)) return;
      if (again !== undefined) term.renewed = again;
      else if (observed?.lease.spec?.holderIdentity !== identity) return;
    }
  }

  /** A renewal that was under way when the work ended may have changed the version: then once more. */
  async function release(): Promise<void> {
    const bound = new AbortController();
    const giveBack = async (): Promise<void> => {
      for (let lease = observed?.lease, attempts = 1; lease?.spec?.holderIdentity === identity; attempts += 1) {
        const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(clock.now()) };
        try {
          observe(await client.update(Lease, { ...lease, spec }, { fieldManager: FIELD_MANAGER }, bound.signal));
          return;
        } catch (error) {
          if (attempts > 1 || !(error instanceof KubernetesError && error.reason === 'Conflict')) throw error;
          lease = await client.get<LeaseObject>(Lease, { namespace, name }, bound.signal);
        }
      }
    };
    const given = giveBack().catch((error: unknown) => log.debug({ error: messageOf(error) }, 'could not give the lease back: others wait until it expires'));
    await Promise.race([given, steadyClock.sleepUntil(steadyClock.now() + retrySeconds * 1000, bound.signal)]);
    bound.abort();
  }

  /** True: to be elected again. */
  async function serve(term: Term): Promise<boolean> {
    const leading = cancelWithin(signal);
    const holds = (): boolean => !leading.signal.aborted && steadyClock.now() < endOf(term);
    log.info({}, 'leading');
    status.set({ name }, 1);
    let outcome: { readonly error?: unknown } | undefined;
    const work = lead(leading.signal, holds).then(() => { outcome ??= {}; }, (error: unknown) => { outcome ??= { error }; });
    await Promise.race([keep(term, leading), work, cancelled(leading.signal)]);
    const endedByItself = outcome !== undefined && !signal.aborted;
    const lost = outcome === undefined && !signal.aborted;
    leading.abort();
    leading.release();
    status.set({ name }, 0);
    if (lost) log.warn({}, 'lost the lease: no longer leading');
    const graceSeconds = (leaseSeconds - renewDeadlineSeconds) / 2;
    const patience = new AbortController();
    // Who was asked to end still holds the lease for the rest of its term.
    const last = lost ? steadyClock.now() : Math.max(endOf(term), steadyClock.now());
    await Promise.race([work, steadyClock.sleepUntil(last + graceSeconds * 1000, patience.signal)]);
    patience.abort();
    if (outcome === undefined) throw new AdvisedError('retry', `election: the work under lease ${namespace}/${name} did not stop in time (${graceSeconds} s after leadership ended); this process must end`);
    if (!lost) await release();
    if (!endedByItself) return true;
    if ('error' in outcome) throw outcome.error;
    return false;
  }

  status.set({ name }, 0);
  while (!signal.aborted) {
    const since = await attempt(steadyClock.now() + renewDeadlineSeconds * 500, signal);
    if (since === undefined || signal.aborted || steadyClock.now() >= endOf({ renewed: since })) {
      if (signal.aborted) await release();
      else await steadyClock.sleepUntil(pause(), signal);
      continue;
    }
    if (!(await serve({ renewed: since }))) return;
  }
}
