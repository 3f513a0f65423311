/** The facts of a row, out of the fields of a Cluster. What a field does not say is left out, which means unknown. */
import { fromRfc3339, type Instant, toRfc3339 } from '../model/instant.ts';
import { compareText } from '../model/order.ts';
import type { SelectorFact } from '../model/selector-lookup.ts';

/** Where a value comes from: the hub's administrators, the cluster's own agent, or the hub's own knowledge. */
type FactSource = 'declared' | 'observed' | 'hub';

/** Times are RFC 3339, CPUs cores, memory bytes. `observedAt` null: nobody said since when. */
export interface FleetFact extends SelectorFact {
  readonly source: FactSource;
  readonly observedAt: Instant | null;
}

type Read = (field: string) => unknown;

const CONDITIONS: Readonly<Record<string, string>> = { ready: 'Ready', connected: 'Connected', 'in-sync': 'InSync', applied: 'Applied', joined: 'Joined', consistent: 'Consistent' };
const CAPABILITIES = ['storage-class', 'architecture', 'zone', 'gpu', 'extended-resource', 'operating-system', 'kubelet-version', 'certification'] as const;
const IDENTITY = ['trust-domain', 'issuer', 'issuing-ca-generation', 'certificate-not-after', 'joined-at'] as const;
const AMOUNTS = ['capacity', 'allocatable', 'requested'] as const;

export function factsOf(read: Read, fields: readonly string[]): Readonly<Record<string, FleetFact>> {
  const facts: Record<string, FleetFact> = {};
  const member = (field: string, name: string): unknown => { const value = read(field); return isObject(value) ? value[name] : undefined; };
  const put = (name: string, value: unknown, source: FactSource, observedAt: Instant | null): void => {
    if ((typeof value === 'string' && value !== '') || (typeof value === 'number' && Number.isFinite(value)) || typeof value === 'boolean') facts[name] = { value, source, observedAt };
  };
  const putList = (name: string, values: readonly string[], source: FactSource, observedAt: Instant | null): void => { facts[name] = { value: values.join(','), values, source, observedAt }; };
  /** Known to have none, which is not the same as unknown. */
  const putNone = (name: string, source: FactSource, observedAt: Instant | null): void => { facts[name] = { value: '', values: [], source, observedAt }; };
  const observedAt = (field: string): Instant | null => instant(read(`observedAt.${field}`)) ?? null;

  for (const [name, type] of Object.entries(CONDITIONS)) {
    const status = member(`conditions.${type}`, 'status');
    if (status === 'True' || status === 'False') put(name, status === 'True', name === 'in-sync' || name === 'applied' ? 'observed' : 'hub', instant(member(`conditions.${type}`, 'lastTransitionTime')) ?? null);
  }
  putFrozen();
  putIdentity();
  put('uid', read('uid'), 'observed', observedAt('uid'));
  put('agent-version', read('agentVersion'), 'observed', observedAt('agentVersion'));
  put('kubernetes-version', read('kubernetesVersion'), 'observed', observedAt('kubernetesVersion'));
  put('cilium-version', read('cilium.version'), 'observed', observedAt('cilium'));
  put('cluster-id', read('cilium.clusterId'), 'observed', observedAt('cilium'));
  put('nodes', member('nodes', 'total'), 'observed', observedAt('nodes'));
  put('nodes-ready', member('nodes', 'ready'), 'observed', observedAt('nodes'));
  for (const kind of AMOUNTS) putAmounts(kind);
  putCapabilities();
  if (texts(read('exports')) !== undefined) putList('exports', texts(read('exports'))!, 'observed', observedAt('exports'));
  putStates();
  putDrift();
  const lastChange = Math.max(-1, ...Object.values(facts).map((fact) => fact.observedAt ?? -1), ...changes());
  if (lastChange >= 0) put('last-change', toRfc3339(lastChange), 'hub', lastChange);
  return facts;

  function putFrozen(): void {
    const frozen = read('spec.frozen');
    const until = isObject(frozen) ? instant(frozen['until']) : undefined;
    facts['frozen'] = { value: isObject(frozen), source: 'declared', observedAt: null, ...(until === undefined ? {} : { until }) };
  }

  function putIdentity(): void {
    const joinedAt = instant(member('identity', 'joinedAt')) ?? null;
    // The hub gives identities itself: where it has given none, there is none.
    if (read('identity') === undefined) for (const name of IDENTITY) putNone(name, 'hub', null);
    put('trust-domain', member('identity', 'trustDomain'), 'hub', joinedAt);
    put('issuer', member('identity', 'issuer'), 'hub', joinedAt);
    put('issuing-ca-generation', member('identity', 'issuingCaGeneration'), 'hub', joinedAt);
    put('certificate-not-after', member('identity', 'notAfter'), 'hub', joinedAt);
    put('joined-at', member('identity', 'joinedAt'), 'hub', joinedAt);
  }

  /** What is assigned the hub decides; what stands in a cluster its agent tells, in the message that says whether it is in sync. Where no agent has joined, nothing of ours stands. */
  function putStates(): void {
    const appliedAt = instant(member('current', 'appliedAt')) ?? null;
    put('current', member('current', 'id'), 'observed', appliedAt);
    if (read('current') === undefined && (facts['in-sync'] !== undefined || read('identity') === undefined)) putNone('current', 'observed', facts['in-sync']?.observedAt ?? null);
    for (const [name, key] of [['desired', 'id'], ['run', 'run']] as const) {
      put(name, member('desired', key), 'hub', null);
      if (read('desired') === undefined) putNone(name, 'hub', null);
    }
  }

  function putAmounts(kind: (typeof AMOUNTS)[number]): void {
    const field = `resources.${kind}`;
    const cpuMilli = member(field, 'cpuMilli');
    put(`cpu-${kind}`, typeof cpuMilli === 'number' ? cpuMilli / 1000 : undefined, 'observed', observedAt(field));
    put(`memory-${kind}`, member(field, 'memoryBytes'), 'observed', observedAt(field));
    put(`pods-${kind}`, member(field, 'pods'), 'observed', observedAt(field));
    const gpus = member(field, 'gpus');
    if (isObject(gpus)) put(`gpu-${kind}`, Object.values(gpus).reduce<number>((sum, count) => sum + (typeof count === 'number' ? count : 0), 0), 'observed', observedAt(field));
  }

  /** Where an agent says anything of capabilities, what it leaves out is known not to be there. */
  function putCapabilities(): void {
    const named = fields.filter((field) => field.startsWith('capabilities.')).map((field) => field.slice(13)).sort(compareText);
    if (named.length === 0 && read('capabilities') === undefined) return;
    const valuesOf = (name: string): readonly string[] => texts(read(`capabilities.${name}`)) ?? [];
    for (const name of CAPABILITIES) putList(name, valuesOf(name), 'observed', observedAt(`capabilities.${name}`));
    const all = named.filter((name) => valuesOf(name).length > 0).flatMap((name) => [name, ...valuesOf(name), ...valuesOf(name).map((value) => `${name}/${value}`)]);
    const newest = Math.max(-1, ...named.map((name) => observedAt(`capabilities.${name}`) ?? -1));
    putList('capability', [...new Set(all)].sort(compareText), 'observed', newest < 0 ? null : newest);
  }

  /** Known where the agent has told what it applied, or told of drift before. */
  function putDrift(): void {
    const entries = read('drift');
    const drift = Array.isArray(entries) ? entries.filter(isObject) : [];
    const omitted = read('driftOmitted');
    // A hold that has expired goes on until somebody decides.
    facts['held'] = { value: drift.some((entry) => entry['heldUntil'] !== undefined), source: 'hub', observedAt: null };
    if (drift.length === 0 && facts['in-sync'] === undefined) return;
    const since = facts['in-sync']?.observedAt ?? null;
    put('drift', drift.length + (typeof omitted === 'number' ? omitted : 0), 'observed', since);
    putList('drift-class', [...new Set(drift.flatMap((entry) => (typeof entry['class'] === 'string' ? [entry['class']] : [])))].sort(compareText), 'hub', since);
  }

  /** When anything else changed: properties, conditions, drift. */
  function changes(): number[] {
    const drift = read('drift');
    return [
      ...fields.filter((field) => /^(properties|conditions)\./.test(field)).map((field) => instant(member(field, 'observedAt') ?? member(field, 'lastTransitionTime')) ?? -1),
      ...(Array.isArray(drift) ? drift : []).map((entry) => (isObject(entry) ? instant(entry['firstSeen']) : undefined) ?? -1),
    ];
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const instant = (value: unknown): Instant | undefined => (typeof value === 'string' ? fromRfc3339(value) : undefined);
const texts = (value: unknown): readonly string[] | undefined => (Array.isArray(value) ? value.filter((text) => typeof text === 'string') : undefined);
