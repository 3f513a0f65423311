/** What a question about ten thousand clusters costs a hub that answers it: how long, and how long nothing else is done meanwhile. */
import { setImmediate } from 'node:timers/promises';
import { sha256Hex } from '../../../controller/adapters/digest.ts';
import { currentPlan, type PlanSources } from '../../../controller/hub/mesh/current-plan.ts';
import { whatIfAnswers } from '../../../controller/hub/mesh/what-if.ts';
import type { MeshPlanAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import type { ClusterView } from '../../../mesh/model/cluster.ts';
import type { DesiredRevision } from '../../../mesh/model/desired.ts';
import { mebibytes, milliseconds, quantile, ratio, table } from '../kube/figures.ts';
import type { Print } from '../with-servers.ts';
import { timed } from './clocks.ts';
import { fleetOf } from './fleet.ts';

const EACH = 500;
type Question = NonNullable<InquiryObject['spec']['plan']>;
interface Asked { readonly answer: MeshPlanAnswer; readonly wall: number; readonly pauses: readonly number[] }

const objectOf = ({ name, labels, report }: ClusterView): object => ({ apiVersion: 'isthmus.dev/v1alpha1', kind: 'Cluster', metadata: { name, labels }, status: { identity: {}, agentVersion: '0.1.0', cilium: report!.cilium } });

/** A hub that has assigned what it plans. */
function hubOf(count: number) {
  const { meshes, clusters } = fleetOf(Math.max(1, Math.floor(count / EACH)), Math.min(EACH, count));
  const list = (items: readonly object[]) => ({ list: () => items, get: () => undefined, subscribe: () => undefined });
  const assigned = new Map<string, { readonly desiredId: string }>();
  const revisions = new Map<string, DesiredRevision>();
  const sources = {
    clusters: list(clusters.map(objectOf)), meshes: list(meshes.map(({ name, generation, ...spec }) => ({ apiVersion: 'isthmus.dev/v1alpha1', kind: 'Mesh', metadata: { name, generation }, spec }))),
    failover: list([]), globalServices: list([]), accessPolicies: list([]), assignments: { get: (name: string) => assigned.get(name), bundles: () => new Map(), access: () => new Map() },
    trust: () => ({ trustDomain: 'example.org', sequence: 1, bundlePem: 'PEM' }), digest: sha256Hex, ids: { current: () => new Map() }, overrides: () => new Map(),
  } as unknown as PlanSources;
  const atOnce = timed(() => currentPlan(sources));
  for (const revision of atOnce.result.desired) {
    assigned.set(revision.cluster, { desiredId: revision.id });
    revisions.set(revision.id, revision);
  }
  const pauses: number[] = [];
  let resumed = performance.now();
  const clock = { now: () => Date.now(), sleepUntil: async () => { pauses.push(performance.now() - resumed); await setImmediate(); resumed = performance.now(); } };
  const { plan } = whatIfAnswers({ clock, sources, exportsOf: () => [], records: { getRevision: (id) => Promise.resolve(revisions.get(id)) } });
  const { signal } = new AbortController();
  return {
    atOnce,
    async ask(question: Question): Promise<Asked> {
      pauses.length = 0;
      const start = resumed = performance.now();
      const answer = await plan(question, { signal });
      pauses.push(performance.now() - resumed);
      return { answer, wall: performance.now() - start, pauses: [...pauses] };
    },
  };
}

export async function whatIfFigures({ clusters }: { readonly clusters: number }, print: Print): Promise<void> {
  const hub = hubOf(clusters);
  const cluster = (turn: number): Question => ({ objects: [{ kind: 'Cluster', metadata: { name: 'new', labels: { mesh: 'mesh-0', role: 'spoke' } }, status: { cilium: { version: '1.20.0', clusterId: 511, maxConnectedClusters: 511, podCidrs: ['172.16.0.0/24'], endpoint: { address: `new-${turn}.mesh.cilium.io`, port: 2379 }, serverNames: ['*.mesh.cilium.io'] } } }] });
  const everybody: Question = { objects: Array.from({ length: Math.max(1, Math.floor(clusters / EACH)) }, (_, mesh) => ({ kind: 'Mesh' as const, metadata: { name: `mesh-${mesh}` }, spec: { clusters: { labels: { mesh: `mesh-${mesh}` } }, maxConnectedClusters: 511, strategy: 'default', allowVersionSkewMinors: 1, topology: { type: 'HubAndSpoke', hubs: { labels: { role: 'hub' } } } } })) };
  const questions: readonly (readonly [string, Question])[] = [['one more cluster, first question', cluster(1)], ['one more cluster, at another address', cluster(2)], ['every mesh with another topology', everybody]];
  const rows: (readonly string[])[] = [];
  for (const [name, question] of questions) {
    const { answer: { head, clusters: first }, wall, pauses } = await hub.ask(question);
    const held = Math.max(...pauses);
    rows.push([`  ${name}`, String(head?.changed ?? 0), milliseconds(wall), String(pauses.length), milliseconds(quantile(pauses, 0.5)), milliseconds(quantile(pauses, 0.99)), milliseconds(held), ratio(held, hub.atOnce.wall), mebibytes(JSON.stringify(first).length)]);
  }
  print(`\n== what if, asked of a hub with ${clusters} clusters in full meshes of ${Math.min(EACH, clusters)}; baseline: the same hub plans at once for ${milliseconds(hub.atOnce.wall)}`);
  print(table([['', 'change', 'answered in', 'steps', 'a step', 'of 100 one', 'longest', 'of the baseline', 'first page'], ...rows]));
}
