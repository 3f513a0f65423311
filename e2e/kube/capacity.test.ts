/** What an agent adds up of a real kube-apiserver's nodes and pods, beside what `kubectl describe node` adds up. */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCapacityWatch, type CapacityWatch } from '../../controller/agent/observe/capacity.ts';
import type { AgentConfig, AgentPorts } from '../../controller/agent/ports.ts';
import { systemClock } from '../../controller/adapters/clock.ts';
import { type ConnectedKubernetes, connectKubernetes } from '../../controller/adapters/kubernetes/connect.ts';
import { systemRandom } from '../../controller/adapters/random.ts';
import { eventually } from '../../controller/demo/eventually.ts';
import { createCache } from '../../controller/runtime/cache.ts';
import { fakeMetrics, silentLog } from '../../controller/runtime/testing/fakes.ts';
import { Namespace, Node, type NodeObject, Pod, StorageClass } from '../../mesh/api/resources/core.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import { type ApiServer, missingAssets, startApiServer } from './apiserver.ts';

const missing = missingAssets();
if (missing !== undefined) console.log(`capacity is not read from a real kube-apiserver: ${missing}`);

const never = new AbortController().signal;
const by = { fieldManager: 'test' };
const MEBIBYTE = 2 ** 20;

/** Ten times as fast: a minute between two measures is six seconds. */
const began = systemClock.now();
const fastClock: Clock = { now: () => began + (systemClock.now() - began) * 10, sleepUntil: (at, signal) => systemClock.sleepUntil(began + (at - began) / 10, signal) };

describe.skipIf(missing !== undefined)('capacity of a real kube-apiserver', () => {
  let server: ApiServer;
  let client: ConnectedKubernetes;
  let watch: CapacityWatch;
  const stop = new AbortController();

  const container = (name: string, requests: Record<string, string>, more: object = {}) => ({ name, image: 'example.com/x', resources: { requests, limits: Object.fromEntries(Object.entries(requests).filter(([resource]) => resource.includes('/'))) }, ...more });
  async function pod(name: string, nodeName: string | undefined, spec: object, { phase, labels = {} }: { phase?: string; labels?: Record<string, string> } = {}): Promise<void> {
    await client.create(Pod, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'shop', labels }, spec: { ...(nodeName === undefined ? {} : { nodeName }), ...spec } } as KubernetesObject, by, never);
    if (phase !== undefined) await client.patch(Pod, { namespace: 'shop', name }, { status: { phase } }, { type: 'merge', ...by, subresource: 'status' }, never);
  }

  /** `cpu 1850m (…)` under `Allocated resources` of every node. */
  function kubectlRequests(): { cpuMilli: number; memoryBytes: number; gpus: number } {
    const sum = { cpuMilli: 0, memoryBytes: 0, gpus: 0 };
    const text = execFileSync('kubectl', ['--kubeconfig', server.kubeconfigPath, 'describe', 'nodes'], { encoding: 'utf8' });
    for (const [, part] of text.matchAll(/Allocated resources:([\s\S]*?)Events:/g)) {
      const [, cpu = '0'] = /^\s+cpu\s+(\S+)/m.exec(part!) ?? [];
      const [, memory = '0'] = /^\s+memory\s+(\S+)/m.exec(part!) ?? [];
      const [, gpu = '0'] = /^\s+nvidia\.com\/gpu\s+(\S+)/m.exec(part!) ?? [];
      sum.cpuMilli += cpu.endsWith('m') ? Number(cpu.slice(0, -1)) : Number(cpu) * 1000;
      sum.memoryBytes += memory.endsWith('Mi') ? Number(memory.slice(0, -2)) * MEBIBYTE : Number(memory);
      sum.gpus += Number(gpu);
    }
    return sum;
  }

  beforeAll(async () => {
    server = await startApiServer({ namespaces: ['shop'] });
    client = connectKubernetes({ kubeconfig: server.kubeconfigPath, userAgent: 'isthmus-e2e', metrics: fakeMetrics() });
    for (const name of ['a', 'b']) {
      await client.create(Node, { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'topology.kubernetes.io/region': 'eu', 'topology.kubernetes.io/zone': `eu-${name}` } } }, by, never);
      const resources = { cpu: '16', memory: '64Gi', pods: '110', 'nvidia.com/gpu': '4' };
      await client.patch(Node, { name }, { status: { capacity: resources, allocatable: { ...resources, cpu: '15500m' }, nodeInfo: { architecture: 'arm64', operatingSystem: 'linux', kubeletVersion: 'v1.36.0', bootID: '', containerRuntimeVersion: '', kernelVersion: '', kubeProxyVersion: '', machineID: '', osImage: '', systemUUID: '' } } }, { type: 'merge', ...by, subresource: 'status' }, never);
    }
    await client.create(StorageClass, { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: 'fast' }, provisioner: 'example.com/x' } as KubernetesObject, by, never);
    await client.patch(Namespace, { name: 'shop' }, { metadata: { labels: { team: 'shop' } } }, { type: 'merge', ...by }, never);
    await pod('plain', 'a', { containers: [container('x', { cpu: '250m', memory: '64Mi' }), container('y', { cpu: '1', memory: '1Gi' })] }, { phase: 'Running' });
    await pod('limits-only', 'a', { containers: [{ name: 'x', image: 'example.com/x', resources: { limits: { cpu: '300m', memory: '32Mi' } } }] });
    await pod('init', 'b', { containers: [container('x', { cpu: '100m', memory: '64Mi' })], initContainers: [container('s', { cpu: '200m', memory: '16Mi' }, { restartPolicy: 'Always' }), container('i', { cpu: '2', memory: '8Mi' })] }, { labels: { team: 'search' } });
    await pod('gpu', 'b', { terminationGracePeriodSeconds: 0, containers: [container('x', { cpu: '4', memory: '8Gi', 'nvidia.com/gpu': '2' })] }, { phase: 'Running', labels: { team: 'search' } });
    await pod('done', 'b', { containers: [container('x', { cpu: '7' })] }, { phase: 'Succeeded' });
    await pod('waits', undefined, { containers: [container('x', { cpu: '9' })] });
    const ports = { clock: fastClock, random: systemRandom, log: silentLog, metrics: fakeMetrics(), kubernetes: client } as unknown as AgentPorts;
    const nodes = createCache<NodeObject>(client, Node, {}, ports);
    watch = createCapacityWatch(ports, {} as AgentConfig, nodes, () => {});
    void nodes.start(stop.signal);
    void watch.start(stop.signal);
    await eventually('everything is read', 45_000, () => Promise.resolve(watch.read().requestedBy !== undefined && watch.read().capabilities?.['storage-class'] !== undefined));
  });
  afterAll(async () => {
    stop.abort();
    await client.close();
    await server.stop();
  });

  test('requests are kubectl\'s, those of ended and of unbound pods left out', () => {
    const { cpuMilli, memoryBytes, gpus, pods } = watch.read().resources!.requested!;
    expect({ cpuMilli, memoryBytes, gpus: gpus['nvidia.com/gpu'] }).toEqual(kubectlRequests());
    expect([cpuMilli, pods]).toEqual([250 + 1000 + 300 + 2200 + 4000, 4]);
  });

  test('they are summed by the pod\'s label or else its namespace\'s', () => {
    expect(watch.read().requestedBy?.map(({ label, value, cpuMilli, pods }) => [label, value, cpuMilli, pods])).toEqual([['team', 'search', 6200, 2], ['team', 'shop', 1550, 2]]);
  });

  test('capacity, allocatable, capabilities and the cluster\'s uid', async () => {
    const { uid, resources, capabilities } = watch.read();
    expect(resources).toMatchObject({ capacity: { cpuMilli: 32_000, gpus: { 'nvidia.com/gpu': 8 } }, allocatable: { cpuMilli: 31_000, memoryBytes: 128 * 2 ** 30, pods: 220 } });
    expect(capabilities).toMatchObject({ architecture: ['arm64'], gpu: ['nvidia.com/gpu'], 'kubelet-version': ['v1.36.0'], region: ['eu'], zone: ['eu-a', 'eu-b'], 'storage-class': ['fast'] });
    expect(uid).toBe((await client.get(Namespace, { name: 'kube-system' }, never))?.metadata.uid);
  });

  test('a pod that is deleted or ends gives back what it held', async () => {
    await client.patch(Pod, { namespace: 'shop', name: 'plain' }, { status: { phase: 'Failed' } }, { type: 'merge', ...by, subresource: 'status' }, never);
    await client.delete(Pod, { namespace: 'shop', name: 'gpu' }, {}, never);
    const expected = (): number => kubectlRequests().cpuMilli;
    await eventually('kubectl sees it', 45_000, () => Promise.resolve(expected() === 2500));
    await eventually('the agent sees it', 45_000, () => Promise.resolve(watch.read().resources?.requested?.cpuMilli === 2500));
  });
});
