/** The facts of a row, out of the fields of a Cluster. What a field does not say is left out, which means unknown. */
import { toRfc3339 } from '../model/instant.ts';
import { compareText } from '../model/order.ts';
import { type FleetFact, instant, isObject, member, observedAt, put, putList, putNone, type Reading, texts } from './row-reading.ts';

const CONDITIONS: Readonly<Record<string, string>> = { ready: 'Ready', connected: 'Connected', 'in-sync': 'InSync', applied: 'Applied', joined: 'Joined', consistent: 'Consistent' };
const CAPABILITIES = ['storage-class', 'architecture', 'zone', 'gpu', 'extended-resource', 'operating-system', 'kubelet-version', 'certification'] as const;
const IDENTITY = ['trust-domain', 'issuer', 'issuing-ca-generation', 'certificate-not-after', 'joined-at'] as const;
const AMOUNTS = ['capacity', 'allocatable', 'requested'] as const;
/** Fields that are a fact by themselves. */
const FIELDS: Readonly<Record<string, string>> = { uid: 'uid', 'agent-version': 'agentVersion', 'kubernetes-version': 'kubernetesVersion' };
/** Fields whose `observedAt` counts as a change. */
const DATED = new Set(['uid', 'agentVersion', 'kubernetesVersion', 'nodes', 'exports', ...AMOUNTS.map((kind) => `resources.${kind}`)]);

/** Facts that are read together, by the names that they have. */
const PARTS: readonly { readonly names: readonly string[]; readonly read: (reading: Reading) => void }[] = [
  ...Object.entries(CONDITIONS).map(([name, type]) => ({ names: [name], read: (reading: Reading) => putCondition(reading, name, `conditions.${type}`) })),
  ...Object.entries(FIELDS).map(([name, field]) => ({ names: [name], read: (reading: Reading) => put(reading, name, reading.read(field), 'observed', observedAt(reading, field)) })),
  { names: ['frozen'], read: putFrozen },
  { names: ['revoked', 'pending'], read(reading) {
    for (const [name, field, at] of [['revoked', 'revocation', 'at'], ['pending', 'pending', 'since']] as const) put(reading, name, reading.read(field) !== undefined, 'hub', instant(member(reading.read(field), at)) ?? null);
  } },
  { names: IDENTITY, read: putIdentity },
  { names: ['cilium-version', 'cluster-id'], read: putCilium },
  { names: ['nodes', 'nodes-ready'], read: putNodes },
  ...AMOUNTS.map((kind) => ({ names: ['cpu', 'memory', 'pods', 'gpu'].map((name) => `${name}-${kind}`), read: (reading: Reading) => putAmounts(reading, kind) })),
  ...CAPABILITIES.map((name) => ({ names: [name], read: (reading: Reading) => putCapability(reading, name) })),
  { names: ['capability'], read: putAllCapabilities },
  { names: ['exports'], read: putExports },
  { names: ['current', 'desired', 'run'], read: putStates },
  { names: ['held', 'drift', 'drift-class'], read: putDrift },
  { names: ['last-change'], read: putLastChange },
];
const PART_OF: ReadonlyMap<string, number> = new Map(PARTS.flatMap(({ names }, part) => names.map((name) => [name, part] as const)));

/** `fields`: the names of all. */
export function factsOf(read: Reading['read'], fields: readonly string[]): Readonly<Record<string, FleetFact>> {
  const reading: Reading = { read, time: (field, name) => instant(member(read(field), name)), fields, facts: {}, done: 0 };
  for (let part = 0; part < PARTS.length; part++) readPart(reading, part);
  return reading.facts;
}

function readPart(reading: Reading, part: number): void {
  if ((reading.done & (1 << part)) !== 0) return;
  reading.done |= 1 << part;
  PARTS[part]!.read(reading);
}

/** The same, each read when somebody asks for it: for rows of which few facts are looked at. */
export function lazyFactsOf(read: Reading['read'], time: Reading['time'], fields: readonly string[]): Readonly<Record<string, FleetFact>> {
  const reading: Reading = { read, time, fields, facts: {}, done: 0 };
  const need = (name: string | symbol): void => {
    const part = typeof name === 'string' ? PART_OF.get(name) : undefined;
    if (part !== undefined) readPart(reading, part);
  };
  return new Proxy(reading.facts, {
    get(facts, name) { need(name); return Reflect.get(facts, name) as unknown; },
    has(facts, name) { need(name); return Reflect.has(facts, name); },
    getOwnPropertyDescriptor(facts, name) { need(name); return Reflect.getOwnPropertyDescriptor(facts, name); },
    ownKeys(facts) {
      for (let part = 0; part < PARTS.length; part++) readPart(reading, part);
      return Reflect.ownKeys(facts);
    },
  });
}

function putCondition(reading: Reading, name: string, field: string): void {
  const status = member(reading.read(field), 'status');
  if (status === 'True' || status === 'False') put(reading, name, status === 'True', name === 'in-sync' || name === 'applied' ? 'observed' : 'hub', instant(member(reading.read(field), 'lastTransitionTime')) ?? null);
}

/** The fact that another one is told with. */
function inSync(reading: Reading): FleetFact | undefined {
  readPart(reading, PART_OF.get('in-sync')!);
  return reading.facts['in-sync'];
}

function putFrozen({ read, facts }: Reading): void {
  const frozen = read('spec.frozen');
  const until = isObject(frozen) ? instant(frozen['until']) : undefined;
  facts['frozen'] = { value: isObject(frozen), source: 'declared', observedAt: null, ...(until === undefined ? {} : { until }) };
}

function putIdentity(reading: Reading): void {
  const identity = reading.read('identity');
  const joinedAt = instant(member(identity, 'joinedAt')) ?? null;
  // The hub gives identities itself: where it has given none, there is none.
  if (identity === undefined) for (const name of IDENTITY) putNone(reading, name, 'hub', null);
  put(reading, 'trust-domain', member(identity, 'trustDomain'), 'hub', joinedAt);
  put(reading, 'issuer', member(identity, 'issuer'), 'hub', joinedAt);
  put(reading, 'issuing-ca-generation', member(identity, 'issuingCaGeneration'), 'hub', joinedAt);
  put(reading, 'certificate-not-after', member(identity, 'notAfter'), 'hub', joinedAt);
  put(reading, 'joined-at', member(identity, 'joinedAt'), 'hub', joinedAt);
}

function putCilium(reading: Reading): void {
  put(reading, 'cilium-version', reading.read('cilium.version'), 'observed', observedAt(reading, 'cilium'));
  put(reading, 'cluster-id', reading.read('cilium.clusterId'), 'observed', observedAt(reading, 'cilium'));
}

function putNodes(reading: Reading): void {
  put(reading, 'nodes', member(reading.read('nodes'), 'total'), 'observed', observedAt(reading, 'nodes'));
  put(reading, 'nodes-ready', member(reading.read('nodes'), 'ready'), 'observed', observedAt(reading, 'nodes'));
}

/** What is assigned the hub decides; what stands in a cluster its agent tells, in the message that says whether it is in sync. Where no agent has joined, nothing of ours stands. */
function putStates(reading: Reading): void {
  const [current, desired, told] = [reading.read('current'), reading.read('desired'), inSync(reading)];
  put(reading, 'current', member(current, 'id'), 'observed', instant(member(current, 'appliedAt')) ?? null);
  if (current === undefined && (told !== undefined || reading.read('identity') === undefined)) putNone(reading, 'current', 'observed', told?.observedAt ?? null);
  for (const [name, key] of [['desired', 'id'], ['run', 'run']] as const) {
    put(reading, name, member(desired, key), 'hub', null);
    if (desired === undefined) putNone(reading, name, 'hub', null);
  }
}

function putAmounts(reading: Reading, kind: (typeof AMOUNTS)[number]): void {
  const field = `resources.${kind}`;
  const [amounts, at] = [reading.read(field), observedAt(reading, field)];
  const cpuMilli = member(amounts, 'cpuMilli');
  put(reading, `cpu-${kind}`, typeof cpuMilli === 'number' ? cpuMilli / 1000 : undefined, 'observed', at);
  put(reading, `memory-${kind}`, member(amounts, 'memoryBytes'), 'observed', at);
  put(reading, `pods-${kind}`, member(amounts, 'pods'), 'observed', at);
  const gpus = member(amounts, 'gpus');
  if (isObject(gpus)) put(reading, `gpu-${kind}`, Object.values(gpus).reduce<number>((sum, count) => sum + (typeof count === 'number' ? count : 0), 0), 'observed', at);
}

const saysCapabilities = ({ fields, read }: Reading): boolean => fields.some((field) => field.startsWith('capabilities.')) || read('capabilities') !== undefined;
const capability = ({ read }: Reading, name: string): readonly string[] => texts(read(`capabilities.${name}`)) ?? [];

/** Where an agent says anything of capabilities, what it leaves out is known not to be there. */
function putCapability(reading: Reading, name: string): void {
  if (saysCapabilities(reading)) putList(reading, name, capability(reading, name), 'observed', observedAt(reading, `capabilities.${name}`));
}

function putAllCapabilities(reading: Reading): void {
  if (!saysCapabilities(reading)) return;
  const named = reading.fields.filter((field) => field.startsWith('capabilities.')).map((field) => field.slice(13));
  const all = named.flatMap((name) => { const values = capability(reading, name); return values.length === 0 ? [] : [name, ...values, ...values.map((value) => `${name}/${value}`)]; });
  const newest = Math.max(-1, ...named.map((name) => observedAt(reading, `capabilities.${name}`) ?? -1));
  putList(reading, 'capability', [...new Set(all)].sort(compareText), 'observed', newest < 0 ? null : newest);
}

function putExports(reading: Reading): void {
  const exported = texts(reading.read('exports'));
  if (exported !== undefined) putList(reading, 'exports', exported, 'observed', observedAt(reading, 'exports'));
}

/** Known where the agent has told what it applied, or told of drift before. */
function putDrift(reading: Reading): void {
  const [entries, omitted, told] = [reading.read('drift'), reading.read('driftOmitted'), inSync(reading)];
  const drift = Array.isArray(entries) ? entries.filter(isObject) : [];
  // A hold that has expired goes on until somebody decides.
  reading.facts['held'] = { value: drift.some((entry) => entry['heldUntil'] !== undefined), source: 'hub', observedAt: null };
  if (drift.length === 0 && told === undefined) return;
  const since = told?.observedAt ?? null;
  put(reading, 'drift', drift.length + (typeof omitted === 'number' ? omitted : 0), 'observed', since);
  putList(reading, 'drift-class', [...new Set(drift.flatMap((entry) => (typeof entry['class'] === 'string' ? [entry['class']] : [])))].sort(compareText), 'hub', since);
}

/** When a property, a condition, drift, or anything else that facts tell of changed last. */
function putLastChange(reading: Reading): void {
  const { fields, read, time } = reading;
  const drift = read('drift');
  let newest = Math.max(-1, time('identity', 'joinedAt') ?? -1, time('current', 'appliedAt') ?? -1);
  if (Array.isArray(drift)) for (const entry of drift) newest = Math.max(newest, instant(member(entry, 'firstSeen')) ?? -1);
  for (const field of fields) {
    const at = field.startsWith('properties.') ? time(field, 'observedAt')
      : field.startsWith('conditions.') ? time(field, 'lastTransitionTime')
      : field.startsWith('observedAt.') && isDated(field.slice(11), fields) ? instant(read(field)) : undefined;
    if (at !== undefined && at > newest) newest = at;
  }
  if (newest >= 0) put(reading, 'last-change', toRfc3339(newest), 'hub', newest);
}

function isDated(field: string, fields: readonly string[]): boolean {
  if (field === 'cilium') return fields.includes('cilium.version') || fields.includes('cilium.clusterId');
  return (DATED.has(field) || field.startsWith('capabilities.')) && fields.includes(field);
}
