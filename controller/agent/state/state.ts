/** What the hub told this agent last: the agent's whole memory of the fleet, kept over the loss of the hub and over restarts. */
import type { Contention } from '../../../mesh/drift/contention.ts';
import type { Inventory } from '../../../mesh/bundle/inventory.ts';
import { canonicalJson, type Digest } from '../../../mesh/model/canonical.ts';
import type { DesiredState, DriftEntry } from '../../../mesh/model/desired.ts';
import type { FailoverState } from '../../../mesh/model/failover.ts';
import { MAX_REVOCATIONS, type RevocationEffect } from '../../../mesh/model/revocation.ts';
import { HUB_TYPES, type SyncResource, type SyncType, type SyncValues } from '../../../mesh/model/sync.ts';
import type { LetGo } from '../../../mesh/cilium/order.ts';
import type { TookAway } from '../../../mesh/cilium/returning.ts';
import type { TrustUse } from '../../../mesh/model/trust.ts';
import { readRevision } from './revision.ts';
import { resourceProblem } from './resource-problem.ts';

type HubType = (typeof HUB_TYPES)[number];

/** Most resources of one type; beyond it a delta is refused, so that no hub can fill an agent's memory. */
const MAX_RESOURCES = 16_000;
/** Contents of bundles are large: those of an assigned state and of the one before it. */
const MOST_BUNDLES = 128;
const MOST: Partial<Record<HubType, number>> = { Bundle: MOST_BUNDLES, Revocation: MAX_REVOCATIONS };

interface AppliedMemory { readonly id: string; readonly appliedAt: number }

/** What was last written into each managed object, by its name and data key, and the drift that is known: an object that vanished cannot say so itself. */
interface ManagedMemory {
  readonly written: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly drift: readonly DriftEntry[];
  /** Permissions to overwrite that were used up (`spentName`); absent: none. */
  readonly spent?: readonly string[];
}

/** What is known of one package that an update run brought. */
interface PackageMemory {
  /** As last written into the cluster, which is asked first: this is for when it is gone from there. */
  readonly inventory: Inventory;
  readonly drift: readonly DriftEntry[];
  /** As in `ManagedMemory`. */
  readonly spent: readonly string[];
}

/** What is known here of peers that came and were cut off. */
interface RevokedMemory {
  /** Clusters that had a user here since the pods of clustermesh-apiserver were last replaced for them: each may have watches open. Sorted. */
  readonly admitted: readonly string[];
  /** Sorted by cluster. */
  readonly effects: readonly RevocationEffect[];
}

/** What was said last of whom the cluster believes: it stays said over a restart. */
interface TrustMemory {
  readonly use: TrustUse;
  /** Digest of the bundle of that sequence: another hub counts anew. */
  readonly bundle: string;
}

/** Questions are answered at once or never; who reads this cluster now counts while the hub is heard. */
const OF_A_STREAM: readonly HubType[] = ['Question', 'Reader'];

/** What a snapshot holds: nothing that is of a stream alone. */
export interface StateContent {
  readonly resources: Readonly<Partial<Record<HubType, readonly SyncResource[]>>>;
  readonly failover: Readonly<Record<string, FailoverState>>;
  readonly applied: AppliedMemory | null;
  readonly managed: ManagedMemory;
  /** Of policies that AccessPolicies ask for. */
  readonly access: ManagedMemory;
  /** Who undid our writes, by the object's name. */
  readonly contentions: Readonly<Record<string, Contention>>;
  /** By package. */
  readonly packages: Readonly<Record<string, PackageMemory>>;
  readonly revoked: RevokedMemory;
  readonly letGo: LetGo;
  readonly tookAway: TookAway;
  /** null: nothing was said yet. */
  readonly trusted: TrustMemory | null;
}

export interface AgentState {
  get<T extends HubType>(type: T, name: string): SyncValues[T] | undefined;
  /** Sorted by name. */
  list<T extends HubType>(type: T): readonly SyncValues[T][];
  /** name → version: what need not be sent again. */
  known(type: SyncType): Readonly<Record<string, string>>;
  /** '' or why the delta was refused; then nothing of it was taken. */
  receive(type: SyncType, resources: readonly SyncResource[], removed: readonly string[]): string;
  /** The imports were told by the hub or read from a snapshot: what is not among them is known not to be. */
  readonly knowsImports: boolean;
  /** The newest desired revision that passed every check. */
  readonly desired: { readonly id: string; readonly state: DesiredState; /** Of the assignment; absent: the hub does not count. */ readonly generation?: number } | undefined;
  /** By `namespace/name`. */
  failover(service: string): FailoverState | undefined;
  setFailover(service: string, state: FailoverState | undefined): void;
  readonly applied: AppliedMemory | null;
  setApplied(applied: AppliedMemory): void;
  readonly managed: ManagedMemory;
  setManaged(managed: ManagedMemory): void;
  readonly access: ManagedMemory;
  setAccess(access: ManagedMemory): void;
  readonly contentions: StateContent['contentions'];
  setContentions(contentions: StateContent['contentions']): void;
  readonly packages: StateContent['packages'];
  setPackage(name: string, memory: PackageMemory | undefined): void;
  readonly revoked: RevokedMemory;
  setRevoked(revoked: RevokedMemory): void;
  /** Former readers whose users stay. */
  readonly letGo: LetGo;
  setLetGo(letGo: LetGo): void;
  /** Peers whose entries have gone of late. */
  readonly tookAway: TookAway;
  setTookAway(tookAway: TookAway): void;
  readonly trusted: TrustMemory | null;
  setTrusted(trusted: TrustMemory): void;
  /** Who reads this cluster is not known any more, and what was asked is asked again by who still waits. */
  streamEnded(): void;
  /** Called after each change of a resource, and once with an empty name when it became known what is imported. Returns how to end it. */
  subscribe(listener: (type: HubType, name: string) => void): () => void;
  /** Called after each change of anything that a snapshot holds. */
  subscribeContent(listener: () => void): void;
  content(): StateContent;
  /** Before anything subscribed: takes a snapshot's content. Resources that no longer pass the checks are left out, so the hub sends them again. */
  restore(content: StateContent): void;
}

const isHubType = (type: SyncType): type is HubType => (HUB_TYPES as readonly SyncType[]).includes(type);
const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : a > b ? 1 : 0);

export function createState(cluster: string, digest: Digest): AgentState {
  const tables = new Map<HubType, Map<string, SyncResource>>(HUB_TYPES.map((type) => [type, new Map()]));
  const listeners = new Set<(type: HubType, name: string) => void>();
  const contentListeners: (() => void)[] = [];
  const failover = new Map<string, FailoverState>();
  let desired: AgentState['desired'];
  let applied: AppliedMemory | null = null;
  let managed: ManagedMemory = { written: {}, drift: [] };
  let access: ManagedMemory = { written: {}, drift: [] };
  let contentions: StateContent['contentions'] = {};
  let packages: StateContent['packages'] = {};
  let revoked: RevokedMemory = { admitted: [], effects: [] };
  let letGo: LetGo = {};
  let tookAway: TookAway = {};
  let trusted: TrustMemory | null = null;
  let knowsImports = false;

  const table = (type: HubType): Map<string, SyncResource> => tables.get(type) ?? new Map();
  const sorted = (type: HubType): SyncResource[] => [...table(type)].sort(byName).map(([, resource]) => resource);
  const contentChanged = (): void => { for (const listener of contentListeners) listener(); };

  /** '' where the resource may be kept; remembers what a good desired revision says. */
  function take(type: HubType, resource: SyncResource): string {
    if (type === 'DesiredRevision') {
      const revision = resource.value as SyncValues['DesiredRevision'];
      const read = readRevision(revision, cluster, digest);
      if ('problem' in read) return read.problem;
      desired = { id: revision.id, state: read.state, ...(revision.generation === undefined ? {} : { generation: revision.generation }) };
    } else {
      const problem = resourceProblem(type, resource);
      if (problem !== undefined) return problem;
    }
    table(type).set(resource.name, resource);
    return '';
  }

  return {
    get: <T extends HubType>(type: T, name: string) => table(type).get(name)?.value as SyncValues[T] | undefined,
    list: <T extends HubType>(type: T) => sorted(type).map(({ value }) => value as SyncValues[T]),
    known: (type) => (isHubType(type) && !OF_A_STREAM.includes(type) ? Object.fromEntries(sorted(type).map(({ name, version }) => [name, version])) : {}),
    receive(type, resources, removed) {
      if (!isHubType(type)) return `type "${type}" is not for agents`;
      const held = table(type);
      const growth = resources.filter(({ name }) => !held.has(name)).length - removed.filter((name) => held.has(name)).length;
      const most = MOST[type] ?? MAX_RESOURCES;
      if (held.size + growth > most) return `${type}: ${held.size + growth} resources are more than the ${most} that an agent keeps`;
      const problems = resources.map((resource) => take(type, resource)).filter((problem) => problem !== '');
      // Without a desired revision nothing would say what to run: the last one stays in force.
      const dropped = type === 'DesiredRevision' ? [] : removed.filter((name) => held.delete(name));
      // That there are none is news as well.
      const learned = type === 'ImportedFact' && !knowsImports ? [''] : [];
      if (type === 'ImportedFact') knowsImports = true;
      const names = [...learned, ...resources.map(({ name }) => name).filter((name) => held.has(name)), ...dropped];
      for (const name of names) for (const listener of [...listeners]) listener(type, name);
      if (names.length > 0 && !OF_A_STREAM.includes(type)) contentChanged();
      return problems.join('; ').slice(0, 4096);
    },
    get knowsImports() { return knowsImports; },
    get desired() { return desired; },
    failover: (service) => failover.get(service),
    setFailover(service, state) {
      if (state === undefined) failover.delete(service);
      else failover.set(service, state);
      contentChanged();
    },
    get applied() { return applied; },
    setApplied(next) { applied = next; contentChanged(); },
    get managed() { return managed; },
    setManaged(next) {
      if (canonicalJson(next) === canonicalJson(managed)) return;
      managed = next;
      contentChanged();
    },
    get access() { return access; },
    setAccess(next) {
      if (canonicalJson(next) === canonicalJson(access)) return;
      access = next;
      contentChanged();
    },
    get contentions() { return contentions; },
    setContentions(next) { contentions = next; contentChanged(); },
    get packages() { return packages; },
    setPackage(name, memory) {
      const { [name]: before, ...others } = packages;
      if (before === memory || (before !== undefined && memory !== undefined && canonicalJson(before) === canonicalJson(memory))) return;
      packages = memory === undefined ? others : { ...others, [name]: memory };
      contentChanged();
    },
    get revoked() { return revoked; },
    setRevoked(next) { revoked = next; contentChanged(); },
    get letGo() { return letGo; },
    setLetGo(next) {
      if (canonicalJson(next) === canonicalJson(letGo)) return;
      letGo = next;
      contentChanged();
    },
    get tookAway() { return tookAway; },
    setTookAway(next) {
      if (canonicalJson(next) === canonicalJson(tookAway)) return;
      tookAway = next;
      contentChanged();
    },
    get trusted() { return trusted; },
    setTrusted(next) {
      if (canonicalJson(next) === canonicalJson(trusted)) return;
      trusted = next;
      contentChanged();
    },
    streamEnded() {
      for (const type of OF_A_STREAM) {
        const names = [...table(type).keys()];
        table(type).clear();
        for (const name of names) for (const listener of [...listeners]) listener(type, name);
      }
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => { listeners.delete(listener); };
    },
    subscribeContent(listener) { contentListeners.push(listener); },
    content: () => ({
      // Absent means never told; an empty list would say that there are no imports, and what stands in the cluster would be taken away.
      resources: Object.fromEntries(HUB_TYPES.filter((type) => !OF_A_STREAM.includes(type) && (type !== 'ImportedFact' || knowsImports)).map((type) => [type, sorted(type)])),
      failover: Object.fromEntries([...failover].sort(byName)),
      applied,
      managed,
      access,
      contentions,
      packages,
      revoked,
      letGo,
      tookAway,
      trusted,
    }),
    restore(content) {
      for (const type of HUB_TYPES) {
        for (const resource of (content.resources[type] ?? []).slice(0, MAX_RESOURCES)) take(type, resource);
      }
      for (const [service, state] of Object.entries(content.failover)) failover.set(service, state);
      applied = content.applied;
      managed = content.managed;
      access = content.access;
      contentions = content.contentions;
      packages = content.packages;
      revoked = content.revoked;
      letGo = Object.fromEntries(Object.keys(content.letGo).map((reader) => [reader, null]));
      tookAway = content.tookAway;
      trusted = content.trusted;
      knowsImports = content.resources.ImportedFact !== undefined;
    },
  };
}
