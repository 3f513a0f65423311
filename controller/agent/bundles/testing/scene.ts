/** An agent's bundles on an API in memory, with controllers that make what they find healthy, on a manual clock. The process can die at any request. */
import { z } from 'zod';
import { signBundle } from '../../../../certs/index.ts';
import { ConfigMap, type ConfigMapObject, Deployment } from '../../../../mesh/api/resources/core.ts';
import type { ResourceDefinition } from '../../../../mesh/api/resources/define.ts';
import { MEMBER_RESOURCES } from '../../../../mesh/api/resources/index.ts';
import { bundleText, textDigest } from '../../../../mesh/bundle/digest.ts';
import type { BundleContent, BundleDelivery, BundleReference } from '../../../../mesh/model/bundle.ts';
import { canonicalJson } from '../../../../mesh/model/canonical.ts';
import type { DesiredState, DriftOverride } from '../../../../mesh/model/desired.ts';
import type { KubernetesClient, KubernetesObject, ResourceKind } from '../../../../mesh/ports/kubernetes.ts';
import { KubernetesUnreachable } from '../../../../mesh/ports/kubernetes.ts';
import { sha256Hex } from '../../../adapters/digest.ts';
import { createEmbeddedApi } from '../../../embedded/api.ts';
import { embeddedClient } from '../../../embedded/client.ts';
import { embeddedDiscovery } from '../../../embedded/discovery.ts';
import { memoryObjectStore } from '../../../embedded/store.ts';
import { fakeMetrics, seededRandom, silentLog } from '../../../runtime/testing/fakes.ts';
import { type ManualClock, manualClock } from '../../../runtime/testing/manual-clock.ts';
import type { AgentConfig, AgentPorts } from '../../ports.ts';
import { type AgentState, createState, type StateContent } from '../../state/state.ts';
import { type Bundles, type BundlesOutcome, createBundles } from '../bundles.ts';
import { Job } from '../hook.ts';
import { inventoryName } from '../inventories.ts';

const free = z.looseObject({}).meta({ 'x-kubernetes-preserve-unknown-fields': true });
const definition = (kind: ResourceKind, required = false): ResourceDefinition => ({
  ...kind, singular: kind.kind.toLowerCase(), shortNames: [], description: kind.kind, spec: required ? z.strictObject({ interval: z.string(), suspend: z.boolean().optional(), values: free.optional() }) : free, status: free, printColumns: [],
});
export const HelmRelease: ResourceKind = { group: 'helm.toolkit.fluxcd.io', version: 'v2', plural: 'helmreleases', kind: 'HelmRelease', namespaced: true };

/** A request that changes something: `apply ConfigMap shop/settings`. */
interface Recorded { readonly text: string; readonly dryRun: boolean }
export type Death = { readonly at: number; readonly when: 'before' | 'after' };

export interface Scene {
  readonly clock: ManualClock;
  readonly kubernetes: KubernetesClient;
  /** Writes that are no dry runs, of all lives. */
  readonly writes: string[];
  /** Jobs that ever were there, by name. */
  readonly jobs: Map<string, number>;
  state: AgentState;
  /** Whether the played controllers make what they find healthy. */
  healthy: (object: KubernetesObject) => boolean;
  /** Says no to a request of the agent by throwing. */
  refuse: (request: Recorded, object: KubernetesObject | undefined) => void;
  start(config?: Partial<AgentConfig>, death?: Death): void;
  /** `forget`: of the disk nothing is left. */
  stop(forget?: boolean): Promise<void>;
  assign(contents: readonly BundleContent[], given?: { readonly generation?: number; readonly overrides?: readonly DriftOverride[]; readonly deliver?: readonly BundleDelivery[] }): void;
  outcome(): BundlesOutcome;
  /** Until the outcome is settled, or for so long. */
  settle(milliseconds?: number): Promise<BundlesOutcome>;
  read<T extends KubernetesObject>(kind: ResourceKind, name: string, namespace?: string): Promise<T | undefined>;
  /** Everything that the package named, and its inventory. */
  inventory(name: string): Promise<ConfigMapObject | undefined>;
  readonly died: boolean;
}

export const delivery = (content: BundleContent, keys: Readonly<Record<string, string>> = {}): BundleDelivery => {
  const text = bundleText(content);
  return { digest: textDigest(text, sha256Hex), content: text, signatures: Object.entries(keys).map(([keyid, pem]) => signBundle(text, pem, keyid)) };
};
const referenceTo = (content: BundleContent): BundleReference => ({ package: content.package, version: content.version, digest: delivery(content).digest });
const never = new AbortController().signal;

export function createScene(): Scene {
  const clock = manualClock();
  const api = createEmbeddedApi({ objects: memoryObjectStore(), clock, random: seededRandom(1), definitions: [...MEMBER_RESOURCES, definition(Job), definition(Deployment), definition(HelmRelease, true)], namespaces: ['shop', 'isthmus-system'] });
  const kubernetes = embeddedClient(api);
  let content: StateContent | undefined;
  let running: { readonly stop: AbortController; readonly ended: Promise<void>; readonly bundles: Bundles } | undefined;
  let generation = 0;
  let dead = false;
  let count = 0;

  /** As the process sees the API until it dies: then nothing answers any more. */
  function mortal(death: Death | undefined): KubernetesClient {
    const write = async <T>(text: string, dryRun: boolean, object: KubernetesObject | undefined, work: () => Promise<T>): Promise<T> => {
      const gone = new KubernetesUnreachable('this process is dead');
      if (dead) throw gone;
      scene.refuse({ text, dryRun }, object);
      if (dryRun) return work();
      const now = count++;
      if (death?.at === now && death.when === 'before') { dead = true; throw gone; }
      const done = await work();
      scene.writes.push(text);
      if (death?.at === now) { dead = true; throw gone; }
      return done;
    };
    const read = <T>(work: () => Promise<T>): Promise<T> => (dead ? Promise.reject(new KubernetesUnreachable('this process is dead')) : work());
    const place = (ref: { readonly namespace?: string; readonly name: string }): string => `${ref.namespace === undefined ? '' : `${ref.namespace}/`}${ref.name}`;
    return {
      get: (...call) => read(() => kubernetes.get(...call)), list: (...call) => read(() => kubernetes.list(...call)), watch: kubernetes.watch.bind(kubernetes),
      create: (kind, object, options, signal) => write(`create ${kind.kind} ${place(object.metadata)}`, options.dryRun === true, object, () => kubernetes.create(kind, object, options, signal)),
      update: (kind, object, options, signal) => write(`update ${kind.kind} ${place(object.metadata)}`, options.dryRun === true, object, () => kubernetes.update(kind, object, options, signal)),
      patch: (kind, ref, body, options, signal) => write(`${options.type} ${kind.kind} ${place(ref)}`, options.dryRun === true, body as KubernetesObject, () => kubernetes.patch(kind, ref, body, options, signal)),
      delete: (kind, ref, options, signal) => write(`delete ${kind.kind} ${place(ref)}`, false, undefined, () => kubernetes.delete(kind, ref, options, signal)),
    };
  }

  /** A turn of the cluster's controllers: each object whose generation is new is made healthy, each Job completes. */
  async function turn(): Promise<void> {
    for (const kind of [Job, Deployment, HelmRelease]) {
      for (const object of (await kubernetes.list<KubernetesObject & { readonly status?: { readonly observedGeneration?: number } }>(kind, {}, never)).items) {
        const { namespace = '', name, generation: seen } = object.metadata;
        if (kind === Job && !scene.jobs.has(object.metadata.uid ?? '')) scene.jobs.set(object.metadata.uid ?? '', clock.now());
        if (object.status?.observedGeneration === seen || !scene.healthy(object)) continue;
        const condition = (type: string) => ({ type, status: 'True', reason: 'Played', message: '', lastTransitionTime: new Date(clock.now()).toISOString() });
        const status = { observedGeneration: seen, conditions: kind === Job ? [condition('Complete')] : kind === Deployment ? [condition('Available')] : [condition('Ready')], ...(kind === Deployment ? { replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 } : {}) };
        await kubernetes.patch(kind, { namespace, name }, { status }, { type: 'merge', subresource: 'status', fieldManager: 'played' }, never);
      }
    }
  }

  const scene: Scene = {
    clock, kubernetes, writes: [], jobs: new Map(), healthy: () => true, refuse: () => {},
    state: createState('berlin', sha256Hex),
    start(config = {}, death) {
      dead = false;
      count = 0;
      scene.state = createState('berlin', sha256Hex);
      if (content !== undefined) scene.state.restore(content);
      const stop = new AbortController();
      const ports = { clock, random: seededRandom(3), kubernetes: mortal(death), discovery: embeddedDiscovery(api), log: silentLog, metrics: fakeMetrics(), digest: sha256Hex } as unknown as AgentPorts;
      const bundles = createBundles({ ports, state: scene.state, config: { namespace: 'isthmus-system', version: '1.0.0', deployment: 'isthmus-agent', ...config } as AgentConfig });
      running = { stop, bundles, ended: bundles.start(stop.signal) };
    },
    async stop(forget = false) {
      running?.stop.abort();
      await clock.settle();
      await running?.ended;
      content = forget ? { ...scene.state.content(), packages: {} } : scene.state.content();
      running = undefined;
    },
    assign(contents, { generation: given, overrides, deliver } = {}) {
      generation = given ?? generation + 1;
      const bundles = contents.map(referenceTo).sort((a, b) => (a.package < b.package ? -1 : 1));
      const state = { schema: 1, cluster: 'berlin', mesh: null, peering: null, trust: { trustDomain: 'example.org', sequence: 1, bundlePem: '' }, failover: [], globalServices: [], ...(bundles.length === 0 ? {} : { bundles }), ...(overrides === undefined ? {} : { overrides }) } satisfies DesiredState;
      const text = canonicalJson(state);
      const refused = scene.state.receive('Bundle', (deliver ?? contents.map((one) => delivery(one))).map((value) => ({ name: value.digest, version: '1', value })), [])
        + scene.state.receive('DesiredRevision', [{ name: 'berlin', version: String(generation), value: { id: `sha256-${sha256Hex(text)}`, cluster: 'berlin', content: text, generation } }], []);
      if (refused !== '') throw new Error(refused);
    },
    outcome: () => running?.bundles.outcome() ?? { settled: false, inPlace: false, message: 'not running', drift: [] },
    async settle(milliseconds = 60_000) {
      for (let passed = 0; passed < milliseconds && !dead; passed += 500) {
        await clock.advance(500);
        if (scene.outcome().settled) break;
        await turn();
      }
      return scene.outcome();
    },
    read: (kind, name, namespace = 'shop') => kubernetes.get(kind, namespace === '' ? { name } : { namespace, name }, never),
    inventory: (name) => kubernetes.get<ConfigMapObject>(ConfigMap, { namespace: 'isthmus-system', name: inventoryName(name) }, never),
    get died() { return dead; },
  };
  return scene;
}
