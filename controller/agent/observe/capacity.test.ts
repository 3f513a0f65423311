import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Namespace, Node, Pod, StorageClass } from '../../../mesh/api/resources/core.ts';
import type { ResourceDefinition } from '../../../mesh/api/resources/define.ts';
import { MEMBER_RESOURCES } from '../../../mesh/api/resources/index.ts';
import { type KubernetesClient, KubernetesError, type KubernetesObject, type ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import { createEmbeddedApi } from '../../embedded/api.ts';
import { embeddedClient } from '../../embedded/client.ts';
import { memoryObjectStore } from '../../embedded/store.ts';
import { createCache } from '../../runtime/cache.ts';
import { fakeMetrics, recordingLog, seededRandom } from '../../runtime/testing/fakes.ts';
import { manualClock } from '../../runtime/testing/manual-clock.ts';
import type { AgentConfig, AgentPorts } from '../ports.ts';
import { createCapacityWatch } from './capacity.ts';

const signal = new AbortController().signal;
const anything = z.looseObject({}).meta({ 'x-kubernetes-preserve-unknown-fields': true });
/** Kinds of Kubernetes that the embedded API has not, as it serves custom ones. */
const custom = (kind: ResourceKind): ResourceDefinition => ({ ...kind, group: `${kind.plural}.test`, singular: kind.kind.toLowerCase(), shortNames: [], description: kind.kind, spec: anything, status: anything, printColumns: [] });

/** What is asked of pods and storage classes goes to the stand-ins, without the selectors by fields that those do not have. */
function standingIn(client: KubernetesClient, refused: () => number | undefined, asked: string[]): KubernetesClient {
  const own = (kind: ResourceKind): ResourceKind => (kind === Pod || kind === StorageClass ? custom(kind) : kind);
  const without = <T extends { readonly fieldSelector?: string }>({ fieldSelector: _, ...options }: T): Omit<T, 'fieldSelector'> => options;
  const check = (verb: string, kind: ResourceKind): void => {
    asked.push(`${verb} ${kind.kind}`);
    const code = kind === Pod ? refused() : undefined;
    if (code !== undefined) throw new KubernetesError(code, code === 403 ? 'Forbidden' : 'NotFound', 'not for you');
  };
  return {
    ...client,
    async list(kind, options, cancel) { check('list', kind); return client.list(own(kind), kind === Pod ? without(options) : options, cancel); },
    watch(kind, options, cancel) { check('watch', kind); return client.watch(own(kind), kind === Pod ? without(options) : options, cancel); },
  };
}

async function world(config: Partial<AgentConfig> = {}, refused: () => number | undefined = () => undefined) {
  const clock = manualClock();
  const log = recordingLog();
  const asked: string[] = [];
  const api = embeddedClient(createEmbeddedApi({
    objects: memoryObjectStore(), clock, random: seededRandom(1), definitions: [...MEMBER_RESOURCES, custom(Pod), custom(StorageClass)], namespaces: ['kube-system', 'shop', 'bank'], serviceCidrs: ['10.110.0.0/16'],
  }));
  const ports = { clock, random: seededRandom(2), log, metrics: fakeMetrics(), kubernetes: standingIn(api, refused, asked) } as unknown as AgentPorts;
  const nodes = createCache(ports.kubernetes, Node, {}, ports);
  let changes = 0;
  const watch = createCapacityWatch(ports, config as AgentConfig, nodes as never, () => { changes += 1; });
  const make = (kind: ResourceKind, object: object): Promise<KubernetesObject> => api.create(kind === Pod || kind === StorageClass ? custom(kind) : kind, { apiVersion: `${custom(kind).group}/v1`, kind: kind.kind, ...object } as never, { fieldManager: 'test' }, signal);
  await api.create(Node, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } }, { fieldManager: 'test' }, signal);
  await api.patch(Node, { name: 'n' }, { status: { capacity: { cpu: '10', memory: '10Gi', pods: '110' } } }, { type: 'merge', fieldManager: 'test', subresource: 'status' }, signal);
  const pod = async (name: string, cpu: string, { namespace = 'shop', labels = {}, nodeName = 'n', phase }: { namespace?: string; labels?: Record<string, string>; nodeName?: string; phase?: string } = {}): Promise<void> => {
    await make(Pod, { metadata: { name, namespace, labels }, spec: { nodeName, containers: [{ name: 'c', resources: { requests: { cpu } } }] } });
    if (phase !== undefined) await api.patch(custom(Pod), { name, namespace }, { status: { phase } }, { type: 'merge', fieldManager: 'test', subresource: 'status' }, signal);
  };
  return {
    api, asked, clock, log, make, pod, watch,
    changed: () => changes,
    async start() {
      const stop = new AbortController();
      void nodes.start(stop.signal);
      void watch.start(stop.signal);
      await clock.advance(100);
      return stop;
    },
  };
}

describe('what the cluster has and its pods ask for', () => {
  it('is read once everything is known: capacity, requests by label of pod or namespace, capabilities, the cluster\'s uid', async () => {
    const { api, make, pod, start, watch } = await world();
    await api.patch(Namespace, { name: 'bank' }, { metadata: { labels: { team: 'money' } } }, { type: 'merge', fieldManager: 'test' }, signal);
    await make(StorageClass, { metadata: { name: 'fast' } });
    await pod('a', '500m', { labels: { team: 'net' } });
    await pod('b', '1', { namespace: 'bank' });
    await pod('ended', '4', { phase: 'Succeeded' });
    await pod('waiting', '4', { nodeName: '', phase: 'Pending' });
    const stop = await start();
    expect(watch.settled).toBe(true);
    const { uid, capabilities, resources, requestedBy } = watch.read();
    expect(uid).toBe((await api.get(Namespace, { name: 'kube-system' }, signal))?.metadata.uid);
    expect(capabilities).toMatchObject({ 'storage-class': ['fast'], gpu: [] });
    expect(resources).toMatchObject({ capacity: { cpuMilli: 10_000 }, requested: { cpuMilli: 1500, pods: 2 } });
    expect(requestedBy?.map(({ label, value, cpuMilli }) => `${label}=${value} ${cpuMilli}`)).toEqual(['team=money 1000', 'team=net 500']);
    stop.abort();
  });

  it('is told anew when it matters, a minute after the last time at the earliest', async () => {
    const { pod, changed, clock, start, watch } = await world();
    const stop = await start();
    await clock.advance(120_000);
    const before = changed();
    await pod('tiny', '50m');
    await clock.advance(120_000);
    expect(changed()).toBe(before);
    expect(watch.read().resources?.requested?.cpuMilli).toBe(0);
    for (let count = 0; count < 100; count += 1) {
      await pod(`p${count}`, '60m');
      await clock.advance(1000);
    }
    expect(changed() - before).toBeLessThanOrEqual(2);
    await clock.advance(60_000);
    expect(watch.read().resources?.requested?.cpuMilli).toBe(6050);
    stop.abort();
  });

  it('costs nothing while nothing happens', async () => {
    const { asked, changed, clock, start } = await world();
    const stop = await start();
    await clock.advance(10_000);
    const before = [asked.length, changed()];
    await clock.advance(3_600_000);
    expect([asked.length, changed()]).toEqual(before);
    stop.abort();
  });

  it('without a right to pods is unknown, not zero, and holds up nothing; an hour after the right was given it is known', async () => {
    let code: number | undefined = 403;
    const { asked, clock, log, pod, start, watch } = await world({}, () => code);
    await pod('a', '1');
    const stop = await start();
    expect(watch.settled).toBe(true);
    expect(watch.read().resources).toMatchObject({ capacity: { cpuMilli: 10_000 } });
    expect(watch.read().resources).not.toHaveProperty('requested');
    expect(watch.read().requestedBy).toBeUndefined();
    await clock.advance(3_500_000);
    expect(asked.filter((what) => what.endsWith(' Pod'))).toEqual(['list Pod']);
    expect(log.lines.filter(({ message }) => message.includes('pods cannot be read here'))).toHaveLength(1);
    code = undefined;
    await clock.advance(400_000);
    expect(watch.read().resources?.requested?.cpuMilli).toBe(1000);
    stop.abort();
  });

  it('where there are no pods to be served is asked once', async () => {
    const { asked, clock, start, watch } = await world({}, () => 404);
    const stop = await start();
    expect(watch.settled).toBe(true);
    await clock.advance(86_400_000);
    expect(asked.filter((what) => what.endsWith(' Pod'))).toEqual(['list Pod']);
    stop.abort();
  });
});
