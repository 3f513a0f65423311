/** What a scenario may expect: each gives undefined where it holds, else what is there instead. */
import { CiliumNetworkPolicy, type CiliumPolicyObject } from '../../mesh/api/resources/cilium.ts';
import { ConfigMap, type ConfigMapObject, Deployment, EndpointSlice, type EndpointSliceObject, Secret, type SecretObject, Service, type ServiceObject, type WorkloadObject } from '../../mesh/api/resources/core.ts';
import type { DrillObject } from '../../mesh/api/resources/drill.ts';
import { Drill, ServiceImport, UpdateRun } from '../../mesh/api/resources/index.ts';
import type { ServiceImportObject } from '../../mesh/api/resources/multicluster.ts';
import type { UpdateRunObject } from '../../mesh/api/resources/updates.ts';
import { usersIn } from '../../mesh/cilium/revoked.ts';
import { type Condition, findCondition } from '../../mesh/model/condition.ts';
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import { clusterObject, type Context, held, kindOf, refOf, runNamed } from './context.ts';
import { clustersLetIn } from './cilium-kinds.ts';
import type { Fleet, Host, Member } from './hosts.ts';
import { HelmRelease } from './member-kinds.ts';
import { CILIUM_RELEASE, type HelmReleaseObject } from './member-software.ts';
import { MESH_SERVER } from './mesh-servers.ts';
import { type QueryType, resolve } from './resolver.ts';

export type Expectation = (context: Context, words: readonly string[]) => string | undefined;

const members = (fleet: Fleet, name: string): readonly Member[] => (name === 'everywhere' ? fleet.members : [fleet.member(name)]);
const hosts = (fleet: Fleet, name: string): readonly Host[] => (name === 'hub' ? [fleet.hub] : members(fleet, name));
const firstProblem = <T>(list: readonly T[], problem: (one: T) => string | undefined): string | undefined => list.map(problem).find((text) => text !== undefined);
const differs = (what: string, seen: string | undefined, wanted: string): string | undefined => (seen === wanted ? undefined : `${what} is ${seen}, not ${wanted}`);

const entriesOf = (member: Member, name: string): readonly string[] => Object.keys(member.read<SecretObject>(Secret, { namespace: 'kube-system', name })?.data ?? {}).sort();
const admittedBy = (member: Member): readonly string[] => usersIn({ data: { ...member.read<ConfigMapObject>(ConfigMap, { namespace: 'kube-system', name: 'clustermesh-remote-users' })?.data } });
const namesAsked = (wanted: readonly string[]): string => (wanted.join() === 'none' ? '' : [...wanted].sort().join(' '));

const importOf = (member: Member, service: string | undefined): ServiceImportObject | undefined => member.read<ServiceImportObject>(ServiceImport, refOf(service));

export const EXPECTATIONS: Readonly<Record<string, Expectation>> = {
  // dns CLUSTER|everywhere NAME TYPE RECORD…|RCODE; `clusterset-ip of SERVICE` is the address of its import there
  dns: ({ fleet }, [where = '', name = '', type, ...wanted]) => firstProblem(members(fleet, where), (member) => {
    const { rcode, records } = resolve(member.dns, name, type as QueryType);
    const seen = records.length > 0 ? records.join(' ') : rcode;
    const asked = wanted[0] === 'clusterset-ip' ? importOf(member, wanted[2])?.spec.ips?.[0] ?? 'no import' : [...wanted].sort().join(' ');
    return differs(`${member.name}'s answer`, seen, asked);
  }),
  // condition HOST KIND/NAME TYPE=STATUS [REASON]
  condition({ fleet }, [host = '', object = '', wanted = '', reason]) {
    const [kind, ...name] = object.split('/');
    const [type = '', status] = wanted.split('=');
    const found = fleet.host(host).read<KubernetesObject & { readonly status?: { readonly conditions?: readonly Condition[] } }>(kindOf(kind), refOf(name.join('/')));
    const condition = findCondition(found?.status?.conditions, type);
    return condition?.status === status && (reason === undefined || condition?.reason === reason) ? undefined : `${object} has ${JSON.stringify(found?.status?.conditions)}`;
  },
  // clusters TYPE=STATUS: every Cluster of the hub says so
  clusters: ({ fleet }, [wanted = '']) => firstProblem(fleet.members, ({ name }) => {
    const [type = '', status] = wanted.split('=');
    const condition = findCondition(clusterObject(fleet, name)?.status?.conditions, type);
    return condition?.status === status ? undefined : `${name} says ${JSON.stringify(condition)}`;
  }),
  // run RUN PHASE: by its name, or the number that it has in the order of beginnings
  run(context, [run, phase = '']) {
    const status = context.fleet.hub.read<UpdateRunObject>(UpdateRun, { name: runNamed(context, run) })?.status;
    return differs(`run ${run} (${JSON.stringify(status)})`, status?.phase, phase);
  },
  // rows RUN CLUSTER=PHASE…
  rows(context, [run, ...wanted]) {
    const seen = context.fleet.targets(runNamed(context, run));
    return firstProblem(wanted, (row) => {
      const [cluster, phase = ''] = row.split('=');
      const found = seen.find((target) => target.cluster === cluster);
      return differs(`${cluster} (${found?.message ?? 'no row'})`, found?.phase, phase);
    });
  },
  // says RUN TEXT: in the run's message
  says(context, [run, ...text]) {
    const message = context.fleet.hub.read<UpdateRunObject>(UpdateRun, { name: runNamed(context, run) })?.status?.message ?? '';
    return message.includes(text.join(' ')) ? undefined : `run ${run} says: ${message}`;
  },
  // tells RUN CLUSTER TEXT: in the cluster's row
  tells(context, [run, cluster, ...text]) {
    const message = context.fleet.targets(runNamed(context, run)).find((target) => target.cluster === cluster)?.message;
    return message?.includes(text.join(' ')) === true ? undefined : `the row of ${cluster} says: ${message}`;
  },
  // release CLUSTER|everywhere VERSION|none: of Cilium, as the values of its HelmRelease ask for it; none: they do not
  release: ({ fleet }, [where = '', version = '']) => firstProblem(members(fleet, where), ({ name, read }) =>
    differs(`${name}'s release`, read<HelmReleaseObject>(HelmRelease, CILIUM_RELEASE)?.spec?.values?.version ?? 'none', version)),
  // journal RUN EVENT:CLUSTER…, of those events of clusters only
  journal(context, [number, ...wanted]) {
    const events = new Set(wanted.map((entry) => entry.split(':')[0]));
    const run = runNamed(context, number);
    const seen = context.fleet.journal.filter((entry) => entry.run === run && entry.cluster !== '' && events.has(entry.event)).map(({ event, cluster }) => `${event}:${cluster}`);
    return differs('the journal', seen.join(' '), wanted.join(' '));
  },
  // count HOST KIND NUMBER
  count: ({ fleet }, [host = '', kind, number = '']) => differs(`number of ${kind} objects`, String(fleet.host(host).readAll(kindOf(kind)).length), number),
  // present HOST|everywhere KIND NAME
  present: ({ fleet }, [where = '', kind, name]) => firstProblem(hosts(fleet, where), (host) => (host.read(kindOf(kind), refOf(name)) === undefined ? `${host.name} has no ${kind} ${name}` : undefined)),
  // absent HOST|everywhere KIND NAME
  absent: ({ fleet }, [where = '', kind, name]) => firstProblem(hosts(fleet, where), (host) => (host.read(kindOf(kind), refOf(name)) === undefined ? undefined : `${host.name} has ${kind} ${name}`)),
  // import CLUSTER|everywhere SERVICE: with an address that its one derived Service has
  import: ({ fleet }, [where = '', service]) => firstProblem(members(fleet, where), (member) => {
    const ip = importOf(member, service)?.spec.ips?.[0];
    const derived = member.readAll<ServiceObject>(Service).filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/managed-by'] === 'isthmus-agent').map(({ spec }) => spec?.clusterIP);
    return ip !== undefined && derived.join() === ip ? undefined : `${member.name} imports ${service} as ${ip}, its derived Services have ${derived.join(', ')}`;
  }),
  // slices CLUSTER|everywhere SERVICE SOURCE…
  slices: ({ fleet }, [where = '', service, ...sources]) => firstProblem(members(fleet, where), (member) => {
    const { namespace, name } = refOf(service);
    const slices = member.readAll<EndpointSliceObject>(EndpointSlice).filter(({ metadata }) => metadata.namespace === namespace && metadata.labels?.['multicluster.kubernetes.io/service-name'] === name);
    return differs(`${member.name}'s slices`, slices.map(({ metadata }) => metadata.labels?.['multicluster.kubernetes.io/source-cluster']).sort().join(' '), [...sources].sort().join(' '));
  }),
  // reaches CLUSTER SERVICE ADDRESS:PORT…|nothing: ready endpoints of its import
  reaches({ fleet }, [where = '', service, ...wanted]) {
    const { namespace, name } = refOf(service);
    const slices = fleet.member(where).readAll<EndpointSliceObject>(EndpointSlice).filter(({ metadata }) => metadata.namespace === namespace && metadata.labels?.['multicluster.kubernetes.io/service-name'] === name);
    const seen = slices.flatMap(({ endpoints, ports }) => (endpoints ?? []).filter(({ conditions }) => conditions?.ready === true).flatMap(({ addresses }) => addresses.map((address) => `${address}:${ports?.[0]?.port}`))).sort();
    return differs(`what ${where} reaches ${service} at`, seen.length === 0 ? 'nothing' : seen.join(' '), [...wanted].sort().join(' '));
  },
  // lets CLUSTER POLICY CLUSTER…|nobody: in, by the namespaced policy of Cilium
  lets({ fleet }, [where = '', name, ...wanted]) {
    const policy = fleet.member(where).read<CiliumPolicyObject>(CiliumNetworkPolicy, refOf(name));
    return policy === undefined ? `${where} has no policy ${name}` : differs(`whom ${name} lets in`, clustersLetIn(policy).join(' '), wanted.join() === 'nobody' ? '' : wanted.join(' '));
  },
  // settled: every cluster has applied what it was assigned last
  settled: ({ fleet }) => firstProblem(fleet.members, ({ name }) => {
    const status = clusterObject(fleet, name)?.status;
    return status?.desired !== undefined && status.current?.id === status.desired.id ? undefined : `${name} has ${status?.current?.id}, is to have ${status?.desired?.id}`;
  }),
  // property CLUSTER NAME VALUE
  property: ({ fleet }, [cluster = '', name, value = '']) => differs(`${cluster}'s ${name}`, clusterObject(fleet, cluster)?.status?.properties?.find((property) => property.name === name)?.value, value),
  // drift CLUSTER none | CLUSTER OBJECT PATH MANAGER
  drift({ fleet }, [cluster = '', object = '', path = '', manager]) {
    const drift = clusterObject(fleet, cluster)?.status?.drift ?? [];
    const found = object === 'none' ? drift.length === 0 : drift.some((entry) => entry.object.includes(object) && entry.path === path && entry.manager === manager && entry.expected !== entry.actual);
    return found ? undefined : `drift of ${cluster} is ${JSON.stringify(drift)}`;
  },
  // users CLUSTER|everywhere CLUSTER…|none: who may come into its mesh etcd, and whose keys stand in its Secrets
  users: ({ fleet }, [where = '', ...wanted]) => firstProblem(members(fleet, where), (member) => {
    const users = usersIn({ data: { ...member.read<ConfigMapObject>(ConfigMap, { namespace: 'kube-system', name: 'clustermesh-remote-users' })?.data } });
    const keys = Object.keys(member.read<SecretObject>(Secret, { namespace: 'kube-system', name: 'cilium-kvstoremesh' })?.data ?? {}).sort();
    const asked = wanted.join() === 'none' ? '' : [...wanted].sort().join(' ');
    return differs(`users of ${member.name}`, users.join(' '), asked) ?? differs(`keys of ${member.name}`, keys.join(' '), asked);
  }),
  // reads CLUSTER|everywhere CLUSTER…|none: whose entries stand in both of its Secrets; admits CLUSTER|everywhere CLUSTER…|none: who has a user there
  reads: ({ fleet }, [where = '', ...wanted]) => firstProblem(members(fleet, where), (member) => firstProblem(['cilium-clustermesh', 'cilium-kvstoremesh'], (name) =>
    differs(`${name} of ${member.name}`, entriesOf(member, name).join(' '), namesAsked(wanted)))),
  admits: ({ fleet }, [where = '', ...wanted]) => firstProblem(members(fleet, where), (member) => differs(`users of ${member.name}`, admittedBy(member).join(' '), namesAsked(wanted))),
  // admitted: whoever has an entry has a user where it leads
  admitted: ({ fleet }) => firstProblem(fleet.members, (reader) => firstProblem(entriesOf(reader, 'cilium-kvstoremesh'), (name) =>
    (admittedBy(fleet.member(name)).includes(reader.name) ? undefined : `${reader.name} has an entry of ${name}, which has no user of it`))),
  // waits CLUSTER PEER TEXT: as the status of its Cluster has it
  waits({ fleet }, [cluster = '', peer, ...text]) {
    const found = clusterObject(fleet, cluster)?.status?.peering;
    return found?.waitsFor?.some((one) => one.peer === peer && one.reason.includes(text.join(' '))) === true ? undefined : `${cluster} says ${JSON.stringify(found)}`;
  },
  // pods CLUSTER replaced|first: of its clustermesh-apiserver, for clusters that were revoked
  pods({ fleet }, [cluster = '', wanted = '']) {
    const server = fleet.member(cluster).read<WorkloadObject>(Deployment, MESH_SERVER);
    const seen = server?.spec?.template?.metadata?.annotations?.['isthmus.dev/revoked'] === undefined ? 'first' : server.status?.observedGeneration === server.metadata.generation ? 'replaced' : 'not ready';
    return differs(`the pods of ${cluster}`, seen, wanted);
  },
  // secret CLUSTER NAME KEY TEXT | CLUSTER NAME KEY as it was: before the edit
  secret({ fleet, remembered }, [cluster = '', name = '', key = '', ...wanted]) {
    const data = fleet.member(cluster).read<SecretObject>(Secret, refOf(name))?.data?.[key];
    const before = remembered.get(`${cluster} ${name} ${key}`);
    if (wanted.join(' ') === 'as it was') return data === before ? undefined : `${cluster}'s ${name} .data.${key} is not what it was`;
    return differs(`${cluster}'s ${name} .data.${key}`, Buffer.from(data ?? '', 'base64').toString(), wanted.join(' '));
  },
  // drill N PHASE
  drill({ fleet, drills }, [number, phase = '']) {
    const status = fleet.hub.read<DrillObject>(Drill, { name: drills[Number(number) - 1] ?? '' })?.status;
    return differs(`drill ${number} (${JSON.stringify(status)})`, status?.phase, phase);
  },
  // held: what `remember` saw
  held: ({ fleet, remembered }) => differs('what was remembered', held(fleet), remembered.get('held') ?? ''),
};
