import { describe, expect, test } from 'vitest';
import type { LeaseObject } from '../../mesh/api/resources/core.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import { type KubernetesClient, KubernetesError, KubernetesUnreachable } from '../../mesh/ports/kubernetes.ts';
import { runElected } from './election.ts';
import { fakeMetrics, seededRandom, silentLog } from './testing/fakes.ts';
import { manualClock } from './testing/manual-clock.ts';

/** One Lease with optimistic concurrency; each client can be cut off or made to hang. */
function leaseServer() {
  let lease: LeaseObject | undefined;
  let version = 0;
  const client = (): KubernetesClient & { mode: 'up' | 'cut' | 'hang' } => {
    const self = {
      mode: 'up' as 'up' | 'cut' | 'hang',
      async reach(signal: CancelSignal): Promise<void> {
        if (self.mode === 'cut') throw new KubernetesUnreachable('cut off');
        if (self.mode === 'hang') await new Promise((_, reject) => { signal.addEventListener('abort', () => reject(new KubernetesUnreachable('cancelled')), { once: true }); });
      },
      async get(_kind: unknown, _ref: unknown, signal: CancelSignal) {
        await self.reach(signal);
        return lease;
      },
      async create(_kind: unknown, object: LeaseObject, _options: unknown, signal: CancelSignal) {
        await self.reach(signal);
        if (lease !== undefined) throw new KubernetesError(409, 'AlreadyExists', 'exists');
        lease = { ...object, metadata: { ...object.metadata, uid: 'u', resourceVersion: String(++version) } };
        return lease;
      },
      async update(_kind: unknown, object: LeaseObject, _options: unknown, signal: CancelSignal) {
        await self.reach(signal);
        if (lease?.metadata.resourceVersion !== object.metadata.resourceVersion) throw new KubernetesError(409, 'Conflict', 'stale');
        lease = { ...object, metadata: { ...object.metadata, resourceVersion: String(++version) } };
        return lease;
      },
    };
    return self as unknown as KubernetesClient & { mode: 'up' | 'cut' | 'hang' };
  };
  return { client, lease: () => lease };
}

function setUp(seed = 1) {
  const clock = manualClock(0);
  const server = leaseServer();
  const trace: string[] = [];
  let leaders = 0;
  let most = 0;
  const candidate = (identity: string, work?: (signal: CancelSignal) => Promise<void>) => {
    const client = server.client();
    const abort = new AbortController();
    const lead = async (signal: CancelSignal): Promise<void> => {
      leaders += 1;
      most = Math.max(most, leaders);
      trace.push(`${identity} leads`);
      await (work?.(signal) ?? new Promise<void>((resolve) => { signal.addEventListener('abort', () => resolve(), { once: true }); }));
      trace.push(`${identity} stops @${clock.now()}`);
      leaders -= 1;
    };
    const running = runElected({ client, namespace: 'n', name: 'hub', identity, clock, random: seededRandom(seed + identity.charCodeAt(0)), log: silentLog, metrics: fakeMetrics() }, lead, abort.signal);
    running.catch(() => {});
    return { client, abort, running };
  };
  return { clock, server, trace, candidate, most: () => most };
}

describe('election', () => {
  test('one leads; when it stops it gives the lease back and another leads within a retry', async () => {
    const { clock, candidate, trace, server, most } = setUp();
    const a = candidate('a');
    await clock.advance(100);
    const b = candidate('b');
    await clock.advance(60_000);
    expect(trace).toEqual(['a leads']);
    a.abort.abort();
    await clock.settle();
    await a.running;
    expect(server.lease()?.spec?.holderIdentity).toBe('');
    await clock.advance(3000);
    expect(trace).toEqual(['a leads', 'a stops @60100', 'b leads']);
    expect(server.lease()?.spec).toMatchObject({ holderIdentity: 'b', leaseDurationSeconds: 15, leaseTransitions: 1 });
    expect(server.lease()?.spec?.renewTime).toMatch(/\.\d{6}Z$/);
    b.abort.abort();
    await clock.settle();
    await b.running;
    expect(most()).toBe(1);
  });

  test.each(['cut', 'hang'] as const)('a leader that cannot renew (%s) stops before another starts, for any seed', async (mode) => {
    for (let seed = 0; seed < 20; seed++) {
      const { clock, candidate, trace, most } = setUp(seed);
      const a = candidate('a');
      await clock.advance(50);
      const b = candidate('b');
      await clock.advance(20_000 + seed * 137);
      a.client.mode = mode;
      const cutAt = clock.now();
      await clock.advance(40_000);
      expect(trace.map((line) => line.replace(/ @.*/, ''))).toEqual(['a leads', 'a stops', 'b leads']);
      expect(Number(trace[1]!.split('@')[1]) - cutAt).toBeLessThanOrEqual(10_000);
      expect(most()).toBe(1);
      a.client.mode = 'up';
      await clock.advance(30_000);
      expect(trace).toHaveLength(3);
      b.abort.abort();
      a.abort.abort();
      await clock.advance(5000);
    }
  });

  test('a short outage changes nothing; after a long one the same process leads again', async () => {
    const { clock, candidate, trace } = setUp();
    const a = candidate('a');
    await clock.advance(10_000);
    a.client.mode = 'cut';
    await clock.advance(5000);
    a.client.mode = 'up';
    await clock.advance(20_000);
    expect(trace).toEqual(['a leads']);
    a.client.mode = 'cut';
    await clock.advance(30_000);
    a.client.mode = 'up';
    await clock.advance(30_000);
    expect(trace.map((line) => line.replace(/ @.*/, ''))).toEqual(['a leads', 'a stops', 'a leads']);
    a.abort.abort();
    await clock.advance(5000);
    await a.running;
  });

  test('work that does not stop when leadership ends makes the process end', async () => {
    const { clock, candidate } = setUp();
    const a = candidate('a', () => new Promise(() => {}));
    await clock.advance(5000);
    a.client.mode = 'cut';
    await clock.advance(30_000);
    await expect(a.running).rejects.toThrow('did not stop in time (2.5 s');
  });

  test('work that fails gives the lease back and fails the election', async () => {
    const { clock, candidate, server } = setUp();
    const a = candidate('a', () => Promise.reject(new Error('broken')));
    await clock.advance(5000);
    await expect(a.running).rejects.toThrow('broken');
    expect(server.lease()?.spec?.holderIdentity).toBe('');
  });

  test('timings that could give two leaders are refused', async () => {
    const options = { client: leaseServer().client(), namespace: 'n', name: 'l', identity: 'a', clock: manualClock(0), random: seededRandom(1), log: silentLog, metrics: fakeMetrics() };
    await expect(runElected({ ...options, leaseSeconds: 10, renewDeadlineSeconds: 10 }, () => Promise.resolve(), new AbortController().signal)).rejects.toThrow('must exceed');
  });
});
