/** Writes what this cluster imports: ServiceImport, derived Service and the serving clusters' EndpointSlices, by least difference; removes what is imported no longer. */
import { EndpointSlice, type EndpointSliceObject, Namespace, Service, type ServiceObject } from '../../../mesh/api/resources/core.ts';
import { ServiceImport, type ServiceImportObject } from '../../../mesh/api/resources/multicluster.ts';
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import { AGENT_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { KubernetesObject, ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import { derivedName, planSlices } from '../../../mesh/services/derived.ts';
import { type ImportPlan, planImports } from '../../../mesh/services/merge.ts';
import { applyObject } from '../../runtime/apply.ts';
import { createCache } from '../../runtime/cache.ts';
import { createLoop } from '../../runtime/loop.ts';
import { AdvisedError } from '../../runtime/errors.ts';
import { createReportReconciled } from '../../runtime/reconciled.ts';
import type { DriftBook } from '../apply/drift-book.ts';
import type { AgentPorts } from '../ports.ts';
import type { Facts } from '../state/facts.ts';
import type { AgentState } from '../state/state.ts';
import { importStatus } from './import-status.ts';
import { createPutBack } from './put-back.ts';
import { derivedIps, derivedObject, importObject, isOurs, MANAGED_BY, SERVICE_NAME_LABEL, sliceObject, wasWrittenBy } from './objects.ts';

const OURS = Object.entries(MANAGED_BY).map(([key, value]) => `${key}=${value}`).join();
const SOURCE_LABEL = 'multicluster.kubernetes.io/source-cluster';
/** Services written at once: a failover of a whole cluster must not wait for one slow write after another. */
const WORKERS = 4;
const REFUSED_AGAIN_SECONDS = 60;
const TIME_LIMIT_SECONDS = 120;

/** `namespace/name` of the service that a derived object belongs to. */
const serviceOf = ({ metadata }: KubernetesObject): string => `${metadata.namespace}/${metadata.labels?.[SERVICE_NAME_LABEL] ?? ''}`;
const identityOf = ({ kind }: ResourceKind, { metadata }: KubernetesObject): string => `${kind} ${metadata.namespace}/${metadata.name}`;

export interface Imports {
  readonly synced: boolean;
  /** Addresses of the derived Service, empty while it has none; null: not imported here. */
  clusterSetIps(service: string): readonly string[] | null;
  /** Source clusters of the slices that are written, sorted. */
  writtenSources(service: string): readonly string[];
  changed(service: string): void;
  /** Called with `namespace/name` after an object of an import changed. */
  subscribe(listener: (service: string) => void): void;
  start(signal: CancelSignal): Promise<void>;
}

export function createImports(ports: AgentPorts, state: AgentState, facts: Facts, book: DriftBook): Imports {
  const { kubernetes, digest } = ports;
  const options = { labelSelector: OURS, keepManagedFields: true };
  const namespaces = createCache(kubernetes, Namespace, {}, ports);
  const imports = createCache<ServiceImportObject>(kubernetes, ServiceImport, { keepManagedFields: true }, ports);
  const derived = createCache<ServiceObject>(kubernetes, Service, options, ports);
  const slices = createCache<EndpointSliceObject>(kubernetes, EndpointSlice, { ...options, indexes: { service: (slice) => [serviceOf(slice)] } }, ports);
  const caches = [namespaces, imports, derived, slices];
  const reportReconciled = createReportReconciled<ServiceImportObject>({ client: kubernetes, kind: ServiceImport, clock: ports.clock, fieldManager: AGENT_FIELD_MANAGER, verb: 'patch' });
  const putBack = createPutBack(ports, book, AGENT_FIELD_MANAGER);
  const listeners: ((service: string) => void)[] = [];
  const synced = (): boolean => caches.every((cache) => cache.synced);
  const refOf = (service: string): { namespace: string; name: string } => ({ namespace: service.split('/')[0] ?? '', name: service.split('/')[1] ?? '' });
  /** What the cache holds may be gone: who took its address or its uid over would name what is not there. */
  const standing = <T extends KubernetesObject>(kind: ResourceKind, object: T | undefined): readonly T[] => (object === undefined || putBack.isGone(identityOf(kind, object), object) ? [] : [object]);
  const importOf = (service: string): ServiceImportObject | undefined => standing(ServiceImport, imports.get(refOf(service)))[0];
  const derivedOf = (service: string): ServiceObject | undefined => standing(Service, derived.get({ namespace: refOf(service).namespace, name: derivedName(refOf(service), digest) }))[0];
  const slicesOf = (service: string): readonly EndpointSliceObject[] => slices.byIndex('service', service).flatMap((slice) => standing(EndpointSlice, slice));

  async function gone(kind: ResourceKind, object: KubernetesObject | undefined, signal: CancelSignal): Promise<void> {
    if (object === undefined || !isOurs(object)) return;
    const { name, namespace = '', uid } = object.metadata;
    await kubernetes.delete(kind, { namespace, name }, uid === undefined ? {} : { uid }, signal);
    putBack.removed(identityOf(kind, object), object);
  }

  async function remove(service: string, signal: CancelSignal): Promise<void> {
    for (const slice of slicesOf(service)) await gone(EndpointSlice, slice, signal);
    await gone(Service, derivedOf(service), signal);
    await gone(ServiceImport, importOf(service), signal);
  }

  /** undefined: gone, and not made again yet. Absent from the cache, an object may still be there without our label: then it is somebody else's, and stays so. */
  async function write<T extends KubernetesObject>(kind: ResourceKind, object: T, current: T | undefined, again: number[], signal: CancelSignal): Promise<T | undefined> {
    const { namespace = '', name } = object.metadata;
    const existing = current ?? await kubernetes.get<T>(kind, { namespace, name }, signal);
    if (existing !== undefined && !isOurs(existing) && !wasWrittenBy(AGENT_FIELD_MANAGER, existing)) {
      throw new AdvisedError('user', `${kind.kind} ${namespace}/${name}: was made by someone else and is in the way of an imported service: delete or rename it`);
    }
    const { quietUntil, lookAgainAt } = putBack.look(identityOf(kind, object), object, current);
    if (quietUntil !== undefined) again.push(quietUntil);
    if (lookAgainAt !== undefined) again.push(lookAgainAt);
    return quietUntil === undefined ? put(kind, object, current, signal) : current;
  }

  async function put<T extends KubernetesObject>(kind: ResourceKind, object: T, current: T | undefined, signal: CancelSignal): Promise<T> {
    const identity = identityOf(kind, object);
    const result = await applyObject(kubernetes, kind, object, { fieldManager: AGENT_FIELD_MANAGER, force: true, current: current ?? null }, signal);
    if (result.outcome === 'conflict') throw new AdvisedError('retry', `${identity}: another field manager holds ${result.conflicts.map(({ field }) => field).join(', ')}`);
    putBack.wrote(identity, object, current, result.object);
    return result.object;
  }

  /** When to look again; undefined: at the next event. */
  async function bring(service: string, plan: ImportPlan, serving: readonly string[], signal: CancelSignal): Promise<number | undefined> {
    const again: number[] = [];
    const name = derivedName(plan, digest);
    let current = derivedOf(service);
    if (current !== undefined && (current.spec?.clusterIP === 'None') !== (plan.type === 'Headless')) {
      // spec.clusterIP is immutable.
      await gone(Service, current, signal);
      // Its slices go with it.
      for (const slice of slicesOf(service)) putBack.removed(identityOf(EndpointSlice, slice), slice);
      current = undefined;
    }
    // What is there and not seen yet keeps its address.
    const there = current ?? await kubernetes.get<ServiceObject>(Service, { namespace: plan.namespace, name }, signal);
    const addressedBy = there !== undefined && isOurs(there) ? there : undefined;
    let imported = await write(ServiceImport, importObject(plan, name, addressedBy), importOf(service), again, signal);
    if (imported === undefined) return Math.min(...again);
    const service_ = await write(Service, derivedObject(plan, name, imported), current, again, signal);
    if (service_ === undefined) return Math.min(...again);
    const addressed = importObject(plan, name, service_);
    if (canonicalJson(addressed) !== canonicalJson(importObject(plan, name, addressedBy))) imported = await put(ServiceImport, addressed, imported, signal);
    const planned = planSlices(plan, facts.of(service), serving, digest);
    const held = new Map(slicesOf(service).map((slice) => [slice.metadata.name, slice]));
    for (const slice of planned) await write(EndpointSlice, sliceObject(slice, service_), held.get(slice.name), again, signal);
    for (const old of held.values()) if (!planned.some((slice) => slice.name === old.metadata.name)) await gone(EndpointSlice, old, signal);
    const status = importStatus(imported, plan, facts.of(service), ports.clock.now());
    if (status !== undefined) await applyObject(kubernetes, ServiceImport, status, { fieldManager: AGENT_FIELD_MANAGER, force: true, subresource: 'status' }, signal);
    return again.length === 0 ? undefined : Math.min(...again);
  }

  const loop = createLoop({
    ...ports,
    name: 'imports',
    workers: WORKERS,
    refusedAgainSeconds: REFUSED_AGAIN_SECONDS,
    timeLimitSeconds: TIME_LIMIT_SECONDS,
    // Of several tenants' services; one that floods must not hold up the others.
    fairness: (service) => refOf(service).namespace,
    async report(service, trouble, signal) {
      const object = imports.get(refOf(service));
      if (object !== undefined && isOurs(object)) await reportReconciled(object, trouble, signal);
    },
    async reconcile(service, signal) {
      // Without the hub's word and without a memory nothing is known to be gone.
      if (!synced() || !state.knowsImports) return {};
      const [plan] = planImports(facts.of(service));
      const namespace = namespaces.get({ name: refOf(service).namespace });
      if (plan === undefined || namespace === undefined || namespace.metadata.deletionTimestamp !== undefined) {
        await remove(service, signal);
        return {};
      }
      const verdict = state.failover(service);
      const existing = imports.get(refOf(service));
      if (existing !== undefined && !isOurs(existing)) {
        ports.log.warn({ service }, 'a ServiceImport that another controller wrote is in the way; delete it or turn that controller off');
        return {};
      }
      return verdict === undefined ? {} : { requeueAt: await bring(service, plan, verdict.serving, signal) };
    },
  });

  function touched(service: string): void {
    loop.add(service);
    for (const listener of listeners) listener(service);
  }

  return {
    get synced() { return synced(); },
    clusterSetIps: (service) => (imports.get(refOf(service)) === undefined ? null : derivedIps(derivedOf(service))),
    writtenSources: (service) => [...new Set(slicesOf(service).flatMap((slice) => slice.metadata.labels?.[SOURCE_LABEL] ?? []))].sort(),
    changed: (service) => loop.add(service),
    subscribe(listener) { listeners.push(listener); },
    async start(signal) {
      namespaces.subscribe(({ object }) => {
        for (const service of facts.services()) if (service.startsWith(`${object.metadata.name}/`)) touched(service);
      });
      imports.subscribe(({ object }) => touched(`${object.metadata.namespace}/${object.metadata.name}`));
      derived.subscribe(({ object }) => touched(serviceOf(object)));
      slices.subscribe(({ object, previous }) => {
        if (previous !== undefined && serviceOf(previous) !== serviceOf(object)) touched(serviceOf(previous));
        touched(serviceOf(object));
      });
      const everything = (): void => {
        const held = imports.list().filter(isOurs).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
        for (const service of new Set([...facts.services(), ...held])) touched(service);
      };
      let knew = state.knowsImports;
      state.subscribe((type) => { if (type === 'ImportedFact' && !knew) { knew = true; everything(); } });
      void Promise.all(caches.map((cache) => cache.waitForSync(signal))).then(() => { if (!signal.aborted) everything(); });
      await Promise.all([...caches.map((cache) => cache.start(signal)), loop.start(signal)]);
    },
  };
}
