/** Watches what the cluster has and what its pods ask for; keeps of each pod its requests alone, and says when enough has changed. */
import {
  Namespace, type NodeObject, Pod, type PodObject, StorageClass,
} from '../../../mesh/api/resources/core.ts';
import type { ClusterReport } from '../../../mesh/model/cluster.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { type Cache, createCache } from '../../runtime/cache.ts';
import { createLoop } from '../../runtime/loop.ts';
import type { AgentConfig, AgentPorts } from '../ports.ts';
import { DEFAULT_GPU_RESOURCES, DEFAULT_REPORT_LABELS } from './defaults.ts';
import { createOptionalCache } from './optional-cache.ts';
import { holdsResources, podRequests } from './pod-requests.ts';
import { amountsOf, capabilitiesOf, gpuTest, matters, type Measured, nodeResources, type PodShare, requestsOf } from './resources.ts';

/** What many pods do at once is one change. */
const SETTLE_SECONDS = 5;
const MEASURE_SECONDS = 60;
/** The first report waits this long for pods, which others do not need; then it goes without them. */
const PATIENCE_SECONDS = 5;
/** Kubernetes' own limit is 150,000 pods in a cluster. */
const MOST_PODS = 300_000;
const IDENTITY_NAMESPACE = 'kube-system';
const BOUND_AND_RUNNING = 'spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed';
const KEY = 'capacity';

type Inventory = Pick<ClusterReport, 'uid' | 'capabilities' | 'resources' | 'requestedBy'>;
type KeptPod = KubernetesObject & { readonly share?: PodShare };

const NO_GPUS: PodShare['gpus'] = {};

/** One at a time: a copy of a hundred thousand would hold up whoever waits for an answer of DNS. */
function* sharesOf(pods: readonly KeptPod[]): Generator<PodShare> {
  for (const { share } of pods) if (share !== undefined) yield share;
}

export interface CapacityWatch {
  /** Everything that can be read was read, or time is up. */
  readonly settled: boolean;
  /** Undefined members are unknown. */
  read(): Inventory;
  start(signal: CancelSignal): Promise<void>;
}

/** `changed` is called where a report should tell of it. */
export function createCapacityWatch(ports: AgentPorts, config: AgentConfig, nodes: Cache<NodeObject>, changed: () => void): CapacityWatch {
  const { clock } = ports;
  const labels = config.reportLabels ?? DEFAULT_REPORT_LABELS;
  const isGpu = gpuTest(config.gpuResources ?? DEFAULT_GPU_RESOURCES);
  const picked = (of: KubernetesObject): Record<string, string> => Object.fromEntries(labels.flatMap((label) => (of.metadata.labels?.[label] === undefined ? [] : [[label, of.metadata.labels[label]]])));
  const only = (object: KubernetesObject) => {
    const { name, namespace, uid, resourceVersion } = object.metadata;
    return { ...(namespace === undefined ? {} : { namespace }), name, ...(uid === undefined ? {} : { uid }), ...(resourceVersion === undefined ? {} : { resourceVersion }), labels: picked(object) };
  };

  const tell = (): void => { touch(); changed(); };
  const namespaces = createCache<KubernetesObject>(ports.kubernetes, Namespace, { transform: ({ apiVersion, kind, ...object }) => ({ apiVersion, kind, metadata: only(object as KubernetesObject) }) }, ports);
  const classes = createOptionalCache<KubernetesObject>(StorageClass, { transform: ({ apiVersion, kind, ...object }) => ({ apiVersion, kind, metadata: only(object as KubernetesObject) }) }, ports, tell);
  const pods = createOptionalCache<KeptPod>(Pod, {
    fieldSelector: BOUND_AND_RUNNING, maximumObjects: MOST_PODS,
    transform(pod) {
      const { cpuMilli, memoryBytes, gpus } = amountsOf(podRequests(pod as PodObject), isGpu);
      const metadata = only(pod);
      const kept = { apiVersion: pod.apiVersion, kind: pod.kind, metadata };
      return holdsResources(pod as PodObject) ? { ...kept, share: { namespace: metadata.namespace ?? '', labels: metadata.labels, cpuMilli, memoryBytes, gpus: Object.keys(gpus).length === 0 ? NO_GPUS : gpus } } : kept;
    },
  }, ports, tell);

  let held: Measured | undefined;
  let measuredAt = Number.NEGATIVE_INFINITY;
  let waiting = false;
  let patienceOver = false;
  const settled = (): boolean => patienceOver || (nodes.synced && namespaces.synced && pods.settled && classes.settled);

  function measure(): Measured {
    const given = nodeResources(nodes.list(), isGpu);
    const known = pods.list();
    if (given === undefined) return {};
    if (known === undefined || !namespaces.synced) return { resources: given };
    const { requested, requestedBy } = requestsOf(sharesOf(known), (name) => namespaces.get({ name })?.metadata.labels, labels);
    return { resources: { ...given, requested }, requestedBy };
  }

  const loop = createLoop({
    ...ports,
    name: 'capacity',
    async reconcile() {
      waiting = false;
      if (!settled()) return {};
      measuredAt = clock.now();
      const fresh = measure();
      if (!matters(held, fresh)) return {};
      held = fresh;
      changed();
      return {};
    },
  });

  /** Sums are made again at most once a minute, however much happens. */
  function touch(): void {
    if (waiting || !settled()) return;
    waiting = true;
    if (held === undefined) loop.add(KEY);
    else loop.addAt(KEY, Math.max(clock.now() + SETTLE_SECONDS * 1000, measuredAt + MEASURE_SECONDS * 1000));
  }

  return {
    get settled() { return settled() && held !== undefined; },
    read() {
      const uid = namespaces.get({ name: IDENTITY_NAMESPACE })?.metadata.uid;
      const { resources, requestedBy } = held ?? {};
      return {
        ...(uid === undefined ? {} : { uid }),
        capabilities: capabilitiesOf(nodes.list(), classes.list()?.map(({ metadata }) => metadata.name), isGpu),
        ...(resources === undefined ? {} : { resources }),
        ...(requestedBy === undefined ? {} : { requestedBy }),
      };
    },
    async start(signal) {
      for (const cache of [nodes, namespaces, pods, classes]) cache.subscribe(touch);
      namespaces.subscribe(({ object }) => { if (object.metadata.name === IDENTITY_NAMESPACE) changed(); });
      classes.subscribe(changed);
      for (const cache of [nodes, namespaces]) void cache.waitForSync(signal).then(() => { if (!signal.aborted) touch(); });
      void clock.sleepUntil(clock.now() + PATIENCE_SECONDS * 1000, signal).then(() => {
        if (signal.aborted || settled()) return;
        patienceOver = true;
        touch();
      });
      await Promise.all([namespaces.start(signal), pods.start(signal), classes.start(signal), loop.start(signal)]);
    },
  };
}
