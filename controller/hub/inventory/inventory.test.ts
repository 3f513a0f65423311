import { describe, expect, it } from 'vitest';
import { Cluster, UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { replay } from '../../../mesh/inventory/replay.ts';
import { fieldsOf } from '../../../mesh/model/cluster-fields.ts';
import { KubernetesUnreachable } from '../../../mesh/ports/kubernetes.ts';
import { RecordsUnavailable } from '../../../mesh/ports/records.ts';
import { createCache } from '../../runtime/cache.ts';
import { fakeMetrics, seededRandom } from '../../runtime/testing/fakes.ts';
import { createFleet } from '../gateway/fleet.ts';
import { createPublishers } from '../gateway/publishers.ts';
import { createAssignments } from '../rollout/assignments.ts';
import { createBench, digest, reportOf, scriptedAgent } from '../testing/bench.ts';
import { CLUSTER_INDEXES } from './claims.ts';
import { createInventory, type InventoryParts } from './inventory.ts';

const noDrift: InventoryParts['drift'] = {
  verdict: () => ({ entries: [], omitted: 0, problems: [], held: null, alert: null, wakeAt: null }), held: () => null, hinders: () => null, thawsAt: () => undefined, applied: () => undefined,
  overrides: () => new Map(), policyValues: () => [], decisionValues: () => [], subscribe: () => {},
};

describe('inventory', () => {
  it('gives up on an identity that cannot be stored, and stores the next one', async () => {
    const bench = await createBench();
    await bench.join('berlin');
    const ports = { ...bench, random: seededRandom(1), metrics: fakeMetrics() };
    let full = true;
    const records = { ...bench.records, recordChange: async () => { if (full) throw new RecordsUnavailable('retry', 'the disk is full'); } };
    const clusters = createCache<ClusterObject>(bench.kubernetes, Cluster, { indexes: CLUSTER_INDEXES }, ports);
    const inventory = createInventory({ ports: { ...ports, records }, fleet: createFleet(bench.clock), clusters, assignments: createAssignments(records, createPublishers(digest, bench.log), () => true), runs: createCache<UpdateRunObject>(bench.kubernetes, UpdateRun, {}, ports), drift: noDrift, approversOf: () => [], overriddenBy: () => undefined, revocations: { progress: () => undefined, subscribe: () => {} }, acceptance: { of: () => undefined, subscribe: () => {} } });
    const stop = new AbortController();
    void inventory.start(stop.signal);
    const identity = { spiffeId: 'spiffe://test/cluster/berlin', certificateSerial: 'lost', issuer: 'test', notAfter: bench.clock.now() + 1000, joinedAt: bench.clock.now() };
    const given = inventory.giveIdentity('berlin', identity).then(() => 'stored', (error: unknown) => String(error));
    await bench.clock.advance(10_000);
    expect(await given).toContain('could not be stored within 10 s');
    full = false;
    const next = inventory.giveIdentity('berlin', { ...identity, certificateSerial: 'kept' });
    await bench.clock.advance(10);
    await next;
    expect((await bench.get<ClusterObject>(Cluster, 'berlin'))?.status?.identity?.certificateSerial).toBe('kept');
    stop.abort();
  });

  it('records a change once, though its status could not be written at first and the hub died in between', async () => {
    const bench = await createBench();
    await bench.join('berlin');
    const ports = { ...bench, random: seededRandom(1), metrics: fakeMetrics() };
    const give = async (kubernetes: typeof bench.kubernetes): Promise<void> => {
      const clusters = createCache<ClusterObject>(kubernetes, Cluster, { indexes: CLUSTER_INDEXES }, ports);
      const inventory = createInventory({ ports: { ...ports, kubernetes }, fleet: createFleet(bench.clock), clusters, assignments: createAssignments(bench.records, createPublishers(digest, bench.log), () => true), runs: createCache<UpdateRunObject>(bench.kubernetes, UpdateRun, {}, ports), drift: noDrift, approversOf: () => [], overriddenBy: () => undefined, revocations: { progress: () => undefined, subscribe: () => {} }, acceptance: { of: () => undefined, subscribe: () => {} } });
      const stop = new AbortController();
      void inventory.start(stop.signal);
      inventory.giveIdentity('berlin', { spiffeId: 'spiffe://test/cluster/berlin', certificateSerial: 'new', issuer: 'test', notAfter: 1000, joinedAt: 500 }).catch(() => {});
      await bench.clock.advance(3000);
      stop.abort();
      await bench.clock.advance(10_000);
    };
    await give({ ...bench.kubernetes, update: () => Promise.reject(new KubernetesUnreachable('gone')) });
    await give(bench.kubernetes);
    expect((await bench.get<ClusterObject>(Cluster, 'berlin'))?.status?.identity?.certificateSerial).toBe('new');
    const rows = (await bench.records.listHistory({ cluster: 'berlin', field: 'identity', limit: 100 })).filter(({ after }) => after?.includes('"new"'));
    expect(rows).toHaveLength(1);
  });

  it.each(['before', 'after'] as const)('goes on from its records where the hub is killed %s any of its writes: no row is missing and none is there twice', async (when) => {
    let deaths = 0;
    for (let step = 1, died = true; died; step += 1) {
      died = false;
      const bench = await createBench();
      await bench.join('berlin', { region: 'europe' });
      let writes = 0;
      /** As SIGKILL would: who waits for the write never hears of it. */
      const maybeDie = async <T>(work: () => Promise<T>): Promise<T> => {
        writes += 1;
        if (writes !== step) return work();
        if (when === 'after') await work();
        died = true;
        deaths += 1;
        void bench.stopHub();
        return new Promise<T>(() => {});
      };
      const update = bench.kubernetes.update.bind(bench.kubernetes);
      bench.kubernetes.update = (kind, object, options, signal) => (kind.kind === 'Cluster' && options.fieldManager === 'isthmus-hub' ? maybeDie(() => update(kind, object, options, signal)) : update(kind, object, options, signal));
      await bench.startHub({ ...bench.records, recordChange: (change) => maybeDie(() => bench.records.recordChange(change)) });
      const berlin = scriptedAgent('berlin', 1);
      const live = async (): Promise<void> => {
        berlin.connect(bench);
        await bench.clock.advance(20_000);
        berlin.publisher.set('ClusterReport', 'berlin', { ...reportOf(1), properties: { country: 'de' } });
        await bench.clock.advance(1000);
        await bench.kubernetes.patch(Cluster, { name: 'berlin' }, { metadata: { labels: { region: 'eu' } } }, { type: 'merge', fieldManager: 'kubectl-label' }, new AbortController().signal);
        await bench.clock.advance(1000);
      };
      await live();
      if (died) {
        berlin.disconnect();
        writes = step;
        await bench.startHub();
        await live();
      }
      const rows = (await bench.records.listHistory({ cluster: 'berlin', field: '*', limit: 1000 })).toReversed();
      const last = new Map<string, string | null>();
      for (const { field, before, after } of rows) {
        expect([before, after !== before], `death ${step}, ${field}: ${after}`).toEqual([last.get(field) ?? null, true]);
        last.set(field, after);
      }
      const object = await bench.get<ClusterObject>(Cluster, 'berlin');
      expect((await bench.records.listStates()).get('berlin')).toEqual(fieldsOf(object!));
      expect(replay({}, rows)).toEqual(fieldsOf(object!));
      // A change while no hub is there is one of many at once: what counts is how it ended, and by whom.
      expect(rows.findLast(({ field }) => field === 'labels.region')).toMatchObject({ after: '"eu"', by: 'kubectl-label' });
      await bench.stopHub();
    }
    expect(deaths).toBeGreaterThan(3);
  });

  it('takes over from objects what records of before states were kept do not tell, and notices at its start what is gone', async () => {
    const bench = await createBench();
    await bench.join('berlin', { region: 'europe' });
    await bench.join('oslo');
    const old = { cluster: 'berlin', at: bench.clock.now(), field: 'nodes', before: null, after: '{"ready":1,"total":1}', by: 'a', run: null, reason: null, approvedBy: [] };
    for (const cluster of ['berlin', 'paris']) await bench.records.recordChange({ cluster, at: old.at, fields: { nodes: old.after }, entries: [{ ...old, cluster }] });
    await bench.clock.advance(1000);
    await bench.startHub();
    await bench.clock.advance(20_000);
    const berlin = await bench.get<ClusterObject>(Cluster, 'berlin');
    expect(berlin?.status?.identity?.certificateSerial).toBe('1');
    expect((await bench.records.listStates()).get('berlin')).toEqual(fieldsOf(berlin!));
    expect((await bench.records.listStates()).get('paris')).toEqual({});
    await bench.stopHub();

    // Made anew under its name while no hub was there: nothing of the old one is believed of it.
    await bench.kubernetes.delete(Cluster, { name: 'oslo' }, {}, new AbortController().signal);
    await bench.create(Cluster, 'oslo', {});
    await bench.startHub();
    await bench.clock.advance(20_000);
    expect((await bench.get<ClusterObject>(Cluster, 'oslo'))?.status?.identity).toBeUndefined();
    expect((await bench.records.listHistory({ cluster: 'oslo', field: 'identity', limit: 9 })).map(({ after }) => after === null)).toEqual([true, false]);
    await bench.stopHub();
  });

  it('follows an agent that changes its mind a hundred times a second slowly, and ends at its last word', async () => {
    const bench = await createBench();
    await bench.join('berlin');
    await bench.startHub();
    const berlin = scriptedAgent('berlin', 1);
    berlin.connect(bench);
    await bench.clock.advance(1000);
    let writes = 0;
    const stop = new AbortController();
    void (async () => {
      const { resourceVersion } = await bench.kubernetes.list(Cluster, {}, stop.signal);
      for await (const { type } of bench.kubernetes.watch(Cluster, { resourceVersion }, stop.signal)) if (type === 'MODIFIED') writes += 1;
    })();
    for (let turn = 0; turn < 1500; turn += 1) {
      berlin.publisher.set('ClusterReport', 'berlin', { ...reportOf(1), properties: { turn: String(turn) } });
      await bench.clock.advance(10);
    }
    expect(writes).toBeLessThan(45);
    expect((await bench.records.listHistory({ cluster: 'berlin', field: 'properties.turn', limit: 1000 })).length).toBeLessThan(45);
    expect(bench.log.lines.filter(({ message }) => message.includes('follows slowly'))).toHaveLength(1);
    await bench.clock.advance(10_000);
    expect((await bench.get<ClusterObject>(Cluster, 'berlin'))?.status?.properties).toContainEqual(expect.objectContaining({ name: 'turn', value: '1499' }));
    stop.abort();
  });

  it('believes no export, report or applied state that its source could not know or hold', async () => {
    const bench = await createBench();
    await bench.join('berlin');
    await bench.join('oslo');
    await bench.startHub();
    const [berlin, oslo] = [scriptedAgent('berlin', 1), scriptedAgent('oslo', 2)];
    berlin.connect(bench);
    oslo.connect(bench);
    await bench.clock.advance(1000);
    berlin.publisher.set('AppliedReport', 'berlin', { id: 'sha256-never-given', appliedAt: 8.64e15, healthy: true, message: '', drift: [] });
    berlin.publisher.set('ClusterReport', 'oslo', reportOf(9));
    await bench.clock.advance(1000);
    const status = (await bench.get<ClusterObject>(Cluster, 'berlin'))?.status;
    expect(status?.current).toBeUndefined();
    expect((await bench.get<ClusterObject>(Cluster, 'oslo'))?.status?.cilium?.clusterId).toBe(2);
    expect(bench.log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
