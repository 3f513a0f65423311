/**
 * What an object says of itself, by the rules of kstatus (sigs.k8s.io/cli-utils, pkg/kstatus/README.md) and, where those would take an old answer for a new one, stricter: a status
 * counts only when it was given of the generation that stands. Pure, for any JSON.
 */
import { isObject, type JsonObject } from './json.ts';
import { groupOf } from './objects.ts';

export interface ObjectHealth {
  /** `current`: as it should be. `progressing`: on its way there. `failed`: will not get there by itself. */
  readonly state: 'current' | 'progressing' | 'failed';
  /** Empty where current. */
  readonly message: string;
}

const NOT_LOOKED_AT = 'its controller has not looked at it yet';
const CURRENT: ObjectHealth = { state: 'current', message: '' };
const progressing = (message: string): ObjectHealth => ({ state: 'progressing', message });
const failed = (message: string): ObjectHealth => ({ state: 'failed', message });

interface Condition { readonly type: string; readonly status: string; readonly reason: string; readonly message: string; readonly observedGeneration: number | undefined }

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const count = (value: unknown, otherwise = 0): number => (typeof value === 'number' ? value : otherwise);
const within = (object: JsonObject, ...path: readonly string[]): JsonObject => path.reduce<JsonObject>((at, name) => (isObject(at[name]) ? at[name] : {}), object);

function conditionsOf(object: JsonObject, field = 'conditions'): readonly Condition[] {
  const list = within(object, 'status')[field];
  if (!Array.isArray(list)) return [];
  return (list as readonly unknown[]).filter(isObject).map(({ type, status, reason, message, observedGeneration }) =>
    ({ type: text(type), status: text(status), reason: text(reason), message: text(message), observedGeneration: typeof observedGeneration === 'number' ? observedGeneration : undefined }));
}

const said = ({ type, status, reason, message }: Condition): string => `${type} is ${status === '' ? 'not said' : status}${reason === '' && message === '' ? '' : `: ${[reason, message].filter((part) => part !== '').join(': ')}`}`.slice(0, 512);

interface Seen {
  readonly object: JsonObject;
  readonly spec: JsonObject;
  readonly status: JsonObject;
  readonly conditions: readonly Condition[];
  readonly generation: number | undefined;
  /** The condition of this type; one that was given of another generation counts as not given. */
  readonly condition: (type: string) => Condition | undefined;
}

function seen(object: JsonObject): Seen {
  const conditions = conditionsOf(object);
  const { generation } = within(object, 'metadata');
  const known = typeof generation === 'number' ? generation : undefined;
  return {
    object, spec: within(object, 'spec'), status: within(object, 'status'), conditions, generation: known,
    condition: (type) => conditions.find((one) => one.type === type && (one.observedGeneration === undefined || known === undefined || one.observedGeneration === known)),
  };
}

/** What holds for every kind before its own rules are asked; undefined: nothing against it. */
function general({ object, status, generation, condition }: Seen): ObjectHealth | undefined {
  if (within(object, 'metadata')['deletionTimestamp'] !== undefined) return progressing('is being deleted');
  const observed = status['observedGeneration'];
  if (typeof observed === 'number' && generation !== undefined && observed !== generation) return progressing(observed < 1 ? NOT_LOOKED_AT : `its controller has seen generation ${observed} of ${generation}`);
  const stalled = condition('Stalled');
  if (stalled?.status === 'True') return failed(said(stalled));
  const reconciling = condition('Reconciling');
  return reconciling?.status === 'True' ? progressing(said(reconciling)) : undefined;
}

/** For kinds whose controllers always say it: not said is not yet. */
function demands({ condition }: Seen, ...types: readonly string[]): ObjectHealth {
  const found = types.map((type) => condition(type)).find((one) => one !== undefined);
  if (found === undefined) return progressing(`does not say yet whether it is ${types[0]}`);
  return found.status === 'True' ? CURRENT : progressing(said(found));
}

function generic(one: Seen): ObjectHealth {
  const ready = one.conditions.find(({ type }) => type === 'Ready');
  return ready === undefined ? CURRENT : demands(one, 'Ready');
}

const missing = (what: string, has: number, wanted: number): string => `${what}: ${has} of ${wanted}`;

/** The first of the counts that is not met. */
const counted = (counts: readonly (readonly [string, number, number])[]): ObjectHealth | undefined => {
  const short = counts.find(([, has, wanted]) => has < wanted);
  return short === undefined ? undefined : progressing(missing(...short));
};

/** What the Deployment controller takes for none. */
const NO_DEADLINE = 2_147_483_647;

function deployment(one: Seen): ObjectHealth {
  const { spec, status, condition } = one;
  const progress = condition('Progressing');
  if (progress?.reason === 'ProgressDeadlineExceeded') return failed(said(progress));
  if (status['observedGeneration'] === undefined) return progressing(NOT_LOOKED_AT);
  const wanted = count(spec['replicas'], 1);
  const [replicas, updated, ready, available] = ['replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas'].map((name) => count(status[name])) as [number, number, number, number];
  const short = counted([['replicas made', replicas, wanted], ['replicas updated', updated, wanted]]);
  if (short !== undefined) return short;
  if (replicas > wanted) return progressing(`${replicas - wanted} replicas are yet to end`);
  if (updated > available) return progressing(missing('replicas available', available, updated));
  const last = counted([['replicas ready', ready, wanted]]);
  if (last !== undefined) return last;
  // Without a deadline the controller does not speak of progress.
  const deadline = spec['progressDeadlineSeconds'];
  if (typeof deadline === 'number' && deadline !== NO_DEADLINE && !(progress?.status === 'True' && progress.reason === 'NewReplicaSetAvailable')) return progressing(progress === undefined ? 'does not say yet whether it progresses' : said(progress));
  return demands(one, 'Available');
}

function statefulSet({ spec, status }: Seen): ObjectHealth {
  const strategy = within(spec, 'updateStrategy');
  if (strategy['type'] === 'OnDelete') return CURRENT;
  if (status['observedGeneration'] === undefined) return progressing(NOT_LOOKED_AT);
  const wanted = count(spec['replicas'], 1);
  const [replicas, ready, current, updated] = ['replicas', 'readyReplicas', 'currentReplicas', 'updatedReplicas'].map((name) => count(status[name])) as [number, number, number, number];
  const short = counted([['replicas made', replicas, wanted], ['replicas ready', ready, wanted]]);
  if (short !== undefined) return short;
  if (replicas > wanted) return progressing(`${replicas - wanted} replicas are yet to end`);
  const partition = within(strategy, 'rollingUpdate')['partition'];
  if (typeof partition === 'number') return counted([['replicas updated', updated, wanted - partition]]) ?? CURRENT;
  return counted([['replicas of this revision', current, wanted]]) ?? (status['currentRevision'] === status['updateRevision'] ? CURRENT : progressing('its revisions differ yet'));
}

function daemonSet({ spec, status }: Seen): ObjectHealth {
  if (status['observedGeneration'] === undefined || typeof status['desiredNumberScheduled'] !== 'number') return progressing(NOT_LOOKED_AT);
  const wanted = status['desiredNumberScheduled'];
  // Stricter readers wait for ever here: nothing updates pods that are to be deleted by hand.
  const updated: readonly (readonly [string, number, number])[] = within(spec, 'updateStrategy')['type'] === 'OnDelete' ? [] : [['pods updated', count(status['updatedNumberScheduled']), wanted]];
  return counted([['pods made', count(status['currentNumberScheduled']), wanted], ...updated, ['pods available', count(status['numberAvailable']), wanted], ['pods ready', count(status['numberReady']), wanted]]) ?? CURRENT;
}

function replicaSet({ spec, status, condition }: Seen): ObjectHealth {
  const refused = condition('ReplicaFailure');
  if (refused?.status === 'True') return progressing(said(refused));
  const wanted = count(spec['replicas'], 1);
  const replicas = count(status['replicas']);
  return counted([['replicas labelled', count(status['fullyLabeledReplicas']), wanted], ['replicas available', count(status['availableReplicas']), wanted], ['replicas ready', count(status['readyReplicas']), wanted]])
    ?? (replicas > wanted ? progressing(`${replicas - wanted} replicas are yet to end`) : CURRENT);
}

/** A Job that has begun is as it should be: only hooks wait for its end. */
function job({ status, condition }: Seen): ObjectHealth {
  const broken = condition('Failed');
  if (broken?.status === 'True') return failed(said(broken));
  if (condition('Complete')?.status === 'True') return CURRENT;
  return status['startTime'] === undefined ? progressing('has not begun') : CURRENT;
}

function pod({ status, condition }: Seen): ObjectHealth {
  const phase = text(status['phase']);
  const containers = Array.isArray(status['containerStatuses']) ? (status['containerStatuses'] as readonly unknown[]).filter(isObject) : [];
  const crashing = containers.find((container) => text(within(container, 'state', 'waiting')['reason']) === 'CrashLoopBackOff');
  if (phase === 'Succeeded') return CURRENT;
  if (phase === 'Failed') return failed(`has failed${status['message'] === undefined ? '' : `: ${text(status['message'])}`}`.slice(0, 512));
  if (phase === 'Running' && condition('Ready')?.status === 'True') return CURRENT;
  if (phase === 'Running' && crashing !== undefined) return failed(`its container ${text(crashing['name'])} crashes again and again`);
  const scheduled = condition('PodScheduled');
  if (scheduled?.status === 'False') return progressing(said(scheduled));
  const ready = condition('Ready');
  return progressing(ready === undefined ? `is ${phase === '' ? 'not begun' : phase}` : said(ready));
}

function definition({ condition }: Seen): ObjectHealth {
  const names = condition('NamesAccepted');
  if (names?.status === 'False') return failed(said(names));
  const established = condition('Established');
  if (established?.status === 'True') return CURRENT;
  return established?.status === 'False' && established.reason !== 'Installing' ? failed(said(established)) : progressing('is not established yet');
}

/** Of Flux: a controller that was told to rest never says anything new. */
const flux = (one: Seen): ObjectHealth => (one.spec['suspend'] === true ? progressing('is suspended (spec.suspend), so that nothing carries it out') : demands(one, 'Ready'));

/** Members that our write gave are compared; what the server or Argo CD fills in is no difference. */
function sameWhere(wanted: unknown, found: unknown): boolean {
  if (Array.isArray(wanted)) return Array.isArray(found) && wanted.length === found.length && wanted.every((item, index) => sameWhere(item, found[index]));
  if (isObject(wanted)) return isObject(found) && [...new Set([...Object.keys(wanted), ...Object.keys(found)])].every((key) => sameWhere(wanted[key], found[key]));
  return wanted === found;
}

/** An Application has no observed generation: what it last compared says which source its health is of. */
function application({ spec, status }: Seen): ObjectHealth {
  const sync = within(status, 'sync');
  const compared = within(sync, 'comparedTo');
  const of = isObject(spec['source']) ? 'source' : 'sources';
  if (!sameWhere(spec[of], compared[of])) return progressing('Argo CD has not compared the new source yet');
  const operation = within(status, 'operationState');
  if (text(operation['phase']) === 'Running') return progressing('a sync is running');
  if (text(sync['status']) !== 'Synced') return text(operation['phase']) === 'Failed' || text(operation['phase']) === 'Error'
    ? failed(`its sync failed: ${text(operation['message'])}`.slice(0, 512)) : progressing(`is ${text(sync['status']) || 'not compared yet'}`);
  const health = within(status, 'health');
  const state = text(health['status']);
  if (state === 'Healthy') return CURRENT;
  const why = `is ${state || 'not judged yet'}${text(health['message']) === '' ? '' : `: ${text(health['message'])}`}`.slice(0, 512);
  return state === 'Degraded' ? failed(why) : progressing(why);
}

/** Of Cluster API, v1beta1 (Ready) and v1beta2 (Available): a topology that is not carried out yet has old machines that are well. */
function capiCluster(one: Seen): ObjectHealth {
  const { spec, status, condition } = one;
  if (spec['paused'] === true) return progressing('is paused (spec.paused), so that nothing carries it out');
  if (text(status['phase']) === 'Failed') return failed('its phase is Failed');
  const topology = condition('TopologyReconciled');
  if (topology !== undefined && topology.status !== 'True') return progressing(said(topology));
  if (topology === undefined && isObject(spec['topology'])) return progressing('does not say yet whether its topology is reconciled');
  const moving = ['RollingOut', 'ScalingUp', 'ScalingDown', 'Remediating'].map((type) => condition(type)).find((found) => found?.status === 'True');
  return moving === undefined ? demands(one, 'Available', 'Ready') : progressing(said(moving));
}

/** By `Kind.group`. */
const RULES: Readonly<Record<string, (one: Seen) => ObjectHealth>> = {
  'Deployment.apps': deployment, 'StatefulSet.apps': statefulSet, 'DaemonSet.apps': daemonSet, 'ReplicaSet.apps': replicaSet, 'Job.batch': job, 'Pod.': pod,
  'PersistentVolumeClaim.': ({ status }) => (status['phase'] === 'Bound' ? CURRENT : progressing(`is ${text(status['phase']) || 'not bound yet'}`)),
  'Service.': ({ spec }) => (spec['type'] === 'LoadBalancer' && text(spec['clusterIP']) === '' ? progressing('has no address in its cluster yet') : CURRENT),
  'CustomResourceDefinition.apiextensions.k8s.io': definition,
  'APIService.apiregistration.k8s.io': (one) => demands(one, 'Available'),
  'HelmRelease.helm.toolkit.fluxcd.io': flux, 'Kustomization.kustomize.toolkit.fluxcd.io': flux,
  'Application.argoproj.io': application,
  'Cluster.cluster.x-k8s.io': capiCluster,
};

export function objectHealth(object: JsonObject): ObjectHealth {
  const one = seen(object);
  return general(one) ?? (RULES[`${text(object['kind'])}.${groupOf(text(object['apiVersion']))}`] ?? generic)(one);
}
