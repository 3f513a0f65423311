/** What a scenario's commands do. HOST is `hub` or a cluster; NAME is `name` or `namespace/name`; `expect` takes `within SECONDSs` and `after SECONDSs` (not sooner after the last change) at its end. */
import * as core from '../../mesh/api/resources/core.ts';
import type { InquiryObject } from '../../mesh/api/resources/inquiry.ts';
import { apiVersionOf, Drill, Inquiry, UpdateRun } from '../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../mesh/api/resources/updates.ts';
import type { KubernetesObject, ObjectRef, ResourceKind } from '../../mesh/ports/kubernetes.ts';
import { propertiesOf } from './claims.ts';
import { runCommandLine } from './command-line.ts';
import { type Context, held, kindOf, refOf, runNamed } from './context.ts';
import { type Expectation, EXPECTATIONS } from './expectations.ts';
import { beginFaults } from './faults.ts';
import { never, PERSON } from './fleet.ts';
import type { Fleet } from './hosts.ts';
import { beginMeshServers } from './mesh-servers.ts';
import { servePolicies } from './cilium-kinds.ts';
import { beginHelmControllers, type Manner, MANNERS } from './member-software.ts';

type Run = (context: Context, words: readonly string[], body: unknown) => Promise<void> | void;

function milliseconds(text: string | undefined): number {
  const match = /^(\d+(?:\.\d+)?)s$/.exec(text ?? '');
  if (match === null) throw new Error(`"${text}" is no time: write 5s or 0.9s`);
  return Number(match[1]) * 1000;
}

function expectationOf(what: string): Expectation {
  const found = EXPECTATIONS[what];
  if (found === undefined) throw new Error(`there is nothing to expect of "${what}": ${Object.keys(EXPECTATIONS).join(', ')}`);
  return found;
}

const apply = (fleet: Fleet, host: string, kind: ResourceKind, ref: ObjectRef, body: object): Promise<KubernetesObject> =>
  fleet.host(host).kubernetes.patch(kind, ref, { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: ref, ...body }, { type: 'apply', fieldManager: PERSON, force: true }, never);

/** A slice that stands in for the pods of a Service. */
function slice(fleet: Fleet, cluster: string, service: ObjectRef, readiness: string | undefined): Promise<KubernetesObject> {
  if (readiness !== 'ready' && readiness !== 'unready') throw new Error(`"${readiness}" is neither ready nor unready`);
  const ready = readiness === 'ready';
  return apply(fleet, cluster, core.EndpointSlice, { ...service, name: `${service.name}-1` }, {
    metadata: { ...service, name: `${service.name}-1`, labels: { 'kubernetes.io/service-name': service.name } },
    addressType: 'IPv4', ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
    endpoints: fleet.member(cluster).definition.endpoints.map((address) => ({ addresses: [address], conditions: { ready, serving: ready, terminating: false } })),
  });
}

/** `{2}` is the name of the second run. */
const typed = (context: Context, words: readonly string[]): string => words.map((word) => word.replace(/^\{(\d+)\}$/, (_, number: string) => runNamed(context, number))).join(' ');

async function createAs(fleet: Fleet, { user, groups }: { readonly user: string; readonly groups: readonly string[] }, kind: ResourceKind, name: string, spec: unknown): Promise<string> {
  try {
    await fleet.as(user, groups).create(kind, { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name }, spec } as KubernetesObject, { fieldManager: user }, never);
    return `${kind.kind} ${name} created`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export const COMMANDS: Readonly<Record<string, Run>> = {
  // start HOST
  start: ({ fleet }, [host = '']) => fleet.host(host).start(),
  // join CLUSTER…|everyone: each with a token of its own
  async join({ fleet }, clusters) {
    for (const cluster of clusters[0] === 'everyone' ? fleet.members.map(({ name }) => name) : clusters) await fleet.join(cluster);
  },
  // releases: each cluster has a HelmRelease kube-system/cilium that asks for no version, a controller that brings in what it asks for, and one that runs Jobs
  async releases(context) {
    context.releases ??= await beginHelmControllers(context.fleet);
  },
  // policies: each cluster serves Cilium's policies and endpoints from now on
  policies: ({ fleet }) => servePolicies(fleet),
  // mesh-servers: each cluster has a Deployment kube-system/clustermesh-apiserver and a controller that replaces its pods
  async 'mesh-servers'({ fleet }) {
    await beginMeshServers(fleet);
  },
  // mesh-etcd CLUSTER stops|runs
  'mesh-etcd'({ fleet }, [cluster = '', what]) {
    if (what === 'stops') fleet.stoppedEtcds.add(fleet.member(cluster).name);
    else if (what === 'runs') fleet.stoppedEtcds.delete(cluster);
    else throw new Error(`"${what}": a mesh etcd stops or runs`);
  },
  // helm CLUSTER works|fails|sleeps|fails-tests: how those deal with what they are asked for, from now on
  helm({ releases }, [cluster = '', manner]) {
    if (!MANNERS.includes(manner as Manner)) throw new Error(`"${manner}" is none of ${MANNERS.join(', ')}`);
    if (releases === undefined) throw new Error('clusters have no releases yet: write "releases" before it');
    releases.behave(cluster, manner as Manner);
  },
  // apply HOST KIND NAME, the object's fields below it
  async apply({ fleet }, [host = '', kind, name], body) {
    await apply(fleet, host, kindOf(kind), refOf(name), body as object ?? {});
  },
  // patch HOST KIND NAME, a merge patch below it
  async patch({ fleet }, [host = '', kind, name], body) {
    await fleet.host(host).kubernetes.patch(kindOf(kind), refOf(name), body, { type: 'merge', fieldManager: PERSON }, never);
  },
  // provide CLUSTER SERVICE ready|unready: a Service and its endpoints
  async provide({ fleet }, [cluster = '', name, readiness]) {
    await apply(fleet, cluster, core.Service, refOf(name), { spec: { ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 8080 }] } });
    await slice(fleet, cluster, refOf(name), readiness);
  },
  // balance CLUSTER SERVICE ADDRESS: its Service gets a load balancer there
  async balance({ fleet }, [cluster = '', name, ip = '']) {
    const { kubernetes } = fleet.member(cluster);
    await kubernetes.patch(core.Service, refOf(name), { spec: { type: 'LoadBalancer' } }, { type: 'merge', fieldManager: PERSON }, never);
    await kubernetes.patch(core.Service, refOf(name), { status: { loadBalancer: { ingress: [{ ip }] } } }, { type: 'merge', fieldManager: 'load-balancers', subresource: 'status' }, never);
  },
  // endpoints CLUSTER SERVICE ready|unready
  async endpoints({ fleet }, [cluster = '', name, readiness]) {
    await slice(fleet, cluster, refOf(name), readiness);
  },
  // edit CLUSTER SECRET KEY VALUE: a person's hand in a managed Secret; `edit CLUSTER SECRET KEY back` takes it back, `… given-up` lets others write it
  async edit({ fleet, remembered }, [host = '', name, key = '', value = '']) {
    const ref = refOf(name);
    const { kubernetes } = fleet.member(host);
    const memory = `${host} ${name} ${key}`;
    const back = value === 'back';
    if (value === 'given-up') {
      fleet.personEdits.splice(0, Infinity, ...fleet.personEdits.filter((edit) => `${edit.host} ${edit.namespace}/${edit.name} ${edit.key}` !== memory));
      return;
    }
    const data = back ? remembered.get(memory) : Buffer.from(value).toString('base64');
    if (!back) remembered.set(memory, (await kubernetes.get<core.SecretObject>(core.Secret, ref, never))?.data?.[key]);
    const others = fleet.personEdits.filter((edit) => `${edit.host} ${edit.namespace}/${edit.name} ${edit.key}` !== memory);
    fleet.personEdits.splice(0, Infinity, ...others, ...(back || data === undefined ? [] : [{ host, namespace: ref.namespace ?? '', name: ref.name, key, value: data }]));
    await kubernetes.patch(core.Secret, ref, { data: { [key]: data ?? null } }, { type: 'merge', fieldManager: PERSON }, never);
  },
  // fleet NUMBER: stands first; c01, c02, … instead of berlin, oslo and virginia
  fleet() {},
  crash: ({ fleet }, [host = '']) => fleet.host(host).crash(),
  restart: ({ fleet }, [host = '']) => fleet.host(host).start(),
  partition: ({ fleet }, [a = '', b = '']) => fleet.partition(a, b),
  heal: ({ fleet }, [a = '', b = '']) => fleet.heal(a, b),
  // claim CLUSTER properties NUMBERMB | CLUSTER uid of CLUSTER | CLUSTER nothing: what its agent says from its next start on that is not so; claim CLUSTER property NAME VALUE
  claim({ fleet }, [cluster = '', what, ...rest]) {
    const { claim, definition } = fleet.member(cluster);
    if (what === 'properties') claim.properties = propertiesOf(Number.parseFloat(rest[0] ?? ''));
    else if (what === 'property') claim.properties = { ...definition.properties, [rest[0] ?? '']: rest[1] ?? '' };
    else if (what === 'uid') claim.uid = fleet.member(rest[1] ?? '').read(core.Namespace, { name: 'kube-system' })?.metadata.uid ?? '';
    else if (what === 'nothing') for (const key of ['properties', 'uid'] as const) delete claim[key];
    else throw new Error(`"${what}" cannot be claimed: properties, property, uid, nothing`);
  },
  // capacity CLUSTER CPU MEMORY: of its one node
  async capacity({ fleet }, [cluster = '', cpu, memory]) {
    const amounts = { cpu, memory, pods: '110' };
    await fleet.member(cluster).kubernetes.patch(core.Node, { name: `${cluster}-node-1` }, { status: { capacity: amounts, allocatable: amounts } }, { type: 'merge', fieldManager: PERSON, subresource: 'status' }, never);
  },
  // delete HOST KIND NAME
  async delete({ fleet }, [host = '', kind, name]) {
    await fleet.host(host).kubernetes.delete(kindOf(kind), refOf(name), {}, never);
  },
  // measure CLUSTER METRIC VALUE|nothing: what the Prometheus outside knows of it from now on; measure nobody: it does not answer, until it is measured again
  measure({ fleet }, [cluster = '', metric = '', value]) {
    fleet.outside.answers = cluster !== 'nobody';
    if (cluster !== 'nobody') fleet.outside.measure(cluster, metric, value === 'nothing' ? undefined : Number(value));
  },
  advance: (context, [time]) => context.advance(milliseconds(time)),
  // undo N: the run that began as the Nth
  async undo(context, [number]) {
    const { fleet, runs } = context;
    const name = runNamed(context, number);
    const run = fleet.hub.read<UpdateRunObject>(UpdateRun, { name: name ?? '' });
    if (run === undefined) throw new Error(`there is no run ${number}`);
    const spec = { strategy: run.spec.strategy, reason: 'undone by the scenario', requestedBy: PERSON, undoOf: run.metadata.name, stop: false };
    await fleet.hub.kubernetes.create(UpdateRun, { apiVersion: apiVersionOf(UpdateRun), kind: 'UpdateRun', metadata: { name: `undo-${runs().length}` }, spec } as KubernetesObject, { fieldManager: PERSON }, never);
  },
  // drill SERVICE CLUSTER, hold and objective below it
  async drill({ fleet, drills }, [service, evacuate], body) {
    const name = `drill-${drills.length + 1}`;
    drills.push(name);
    await apply(fleet, 'hub', Drill, { name }, { spec: { service: refOf(service), evacuate, requestedBy: PERSON, stop: false, ...body as object } });
  },
  // ask WORD…: a question to the hub below it; its answer holds every word
  async ask({ fleet, until }, wanted, body) {
    const ref = { name: `question-${fleet.trace.events.length}` };
    await fleet.hub.kubernetes.create(Inquiry, { apiVersion: apiVersionOf(Inquiry), kind: 'Inquiry', metadata: ref, spec: body } as KubernetesObject, { fieldManager: PERSON }, never);
    await until(() => {
      const status = fleet.hub.read<InquiryObject>(Inquiry, ref)?.status;
      const missing = wanted.filter((word) => status?.answer?.includes(word) !== true);
      return missing.length === 0 ? undefined : `the answer lacks ${missing.join(', ')}: ${JSON.stringify(status)}`;
    }, 10_000);
    await fleet.hub.kubernetes.delete(Inquiry, ref, {}, never);
  },
  // isthmus WORD…: the command line, as people type it; what it prints is told
  async isthmus(context, words) {
    context.fleet.trace.add('person', 'printed', await runCommandLine(context, typed(context, words)));
  },
  // as PERSON[:GROUP,…] isthmus WORD…: somebody else types it; as PERSON[:GROUP,…] create KIND NAME: makes an object with the fields of its spec below it, and is told what the API server says
  async as(context, [who = '', word, ...words], body) {
    const [user = '', list] = who.split(':');
    const groups = list?.split(',') ?? [];
    if (word === 'isthmus') context.fleet.trace.add(user, 'printed', await runCommandLine(context, typed(context, words), { user, groups }));
    else if (word === 'create') context.fleet.trace.add(user, 'printed', await createAs(context.fleet, { user, groups }, kindOf(words[0]), words[1] ?? '', body));
    else throw new Error('write: as PERSON isthmus WORD…, or as PERSON create KIND NAME');
  },
  // remember: what must not change while nobody is told to change anything
  remember: ({ fleet, remembered }) => { remembered.set('held', held(fleet)); },
  // faults on|off
  faults(context, [word]) {
    context.faults?.stop();
    context.faults = word === 'on' ? beginFaults(context.fleet) : undefined;
  },
  // keep TIME …: what `expect` takes, and it holds all that time
  async keep(context, [time, what = '', ...rest]) {
    const expectation = expectationOf(what);
    let lost: string | undefined;
    const until = context.fleet.clock.now() + milliseconds(time);
    await context.until(() => {
      lost ??= expectation(context, rest);
      return lost !== undefined || context.fleet.clock.now() >= until ? undefined : 'time passes';
    }, milliseconds(time));
    if (lost !== undefined) throw new Error(lost);
  },
  // quiet TIME: nobody writes anything, because nothing changes
  async quiet({ fleet, advance }, [time]) {
    const before = fleet.trace.events.length;
    await advance(milliseconds(time));
    const written = fleet.trace.events.slice(before).filter(({ topic }) => topic === 'object');
    if (written.length > 0) throw new Error(`${written.length} writes, the first: ${written[0]?.host} ${written[0]?.text}`);
  },
  async expect(context, words) {
    const [what = '', ...rest] = words;
    const times = new Map<string, number>();
    while (rest.at(-2) === 'within' || rest.at(-2) === 'after') {
      const [word, time] = rest.splice(-2);
      times.set(word ?? '', milliseconds(time));
    }
    const expectation = expectationOf(what);
    await context.until(() => expectation(context, rest), times.get('within') ?? 0);
    const took = context.fleet.clock.now() - context.changedAt;
    if (took < (times.get('after') ?? 0)) throw new Error(`it held after ${took / 1000} s already`);
  },
};
