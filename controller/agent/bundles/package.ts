/** One package: brought part by part, looked after, or taken away. */
import { begun, type Inventory, sharedWith, surplus, without } from '../../../mesh/bundle/inventory.ts';
import { objectKey, objectName } from '../../../mesh/bundle/objects.ts';
import type { BundleContent, BundleReference } from '../../../mesh/model/bundle.ts';
import type { DriftEntry, DriftOverride } from '../../../mesh/model/desired.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { stillSpent } from '../apply/settle.ts';
import type { AgentConfig, AgentPorts } from '../ports.ts';
import type { AgentState } from '../state/state.ts';
import type { ReadContent } from './content.ts';
import { decide, driftSentence, isReverted } from './decided.ts';
import { endHooks } from './hook.ts';
import { type Intent, PACKAGE } from './intents.ts';
import type { Inventories } from './inventories.ts';
import type { Kinds } from './kinds.ts';
import { createObjects } from './object.ts';
import { createPart } from './part.ts';
import { prune, type PruneOutcome } from './prune.ts';
import { ABSENT, shownValue, valueAt } from './values.ts';

export interface PackageOutcome {
  /** All parts are in place and healthy; or, of one that is not assigned, nothing is left. */
  readonly settled: boolean;
  /** As it should be but for `drift`. */
  readonly inPlace: boolean;
  readonly message: string;
  readonly drift: readonly DriftEntry[];
  /** Something is on its way: looked at again soon. */
  readonly moving: boolean;
  /** The API server refuses it: waiting does not cure that. */
  readonly refused?: true;
  /** As `PartOutcome.final`. */
  readonly final?: true;
}

export interface Assigned {
  readonly reference: BundleReference | undefined;
  /** 0: of a hub that does not count. */
  readonly generation: number;
  readonly overrides: readonly DriftOverride[];
}

export interface PackageParts {
  readonly ports: Pick<AgentPorts, 'kubernetes' | 'clock' | 'digest' | 'log'>;
  readonly config: Pick<AgentConfig, 'version' | 'namespace' | 'deployment'>;
  readonly state: AgentState;
  readonly inventories: Inventories;
  readonly kinds: Kinds;
  readonly read: ReadContent;
}

/** In one inventory, which has to fit into a ConfigMap. */
const MOST_NAMED = 3000;

const outcome = (message: string, over: Partial<PackageOutcome> = {}): PackageOutcome => ({ settled: false, inPlace: false, message, drift: [], moving: false, ...over });
const SETTLED = outcome('', { settled: true, inPlace: true });
const reachedText = (reached: number): string => (reached === 0 ? 'nothing of it is in place' : reached === 1 ? 'part 1 is in place' : `parts 1 to ${reached} are in place`);

export function createPackages({ ports, config, state, inventories, kinds, read }: PackageParts) {
  const { kubernetes: client, clock, digest, log } = ports;

  /** By package; of one content under the same decisions. */
  const judgements = new Map<string, { readonly of: string; readonly judged: Map<string, string> }>();
  function judgedOf(name: string, of: string): Map<string, string> {
    const known = judgements.get(name);
    if (known?.of === of) return known.judged;
    const judged = new Map<string, string>();
    judgements.set(name, { of, judged });
    return judged;
  }

  const memory = (name: string) => state.packages[name];
  const remember = (name: string, drift: readonly DriftEntry[], spent: readonly string[]): void => {
    const known = memory(name);
    if (known !== undefined) state.setPackage(name, { ...known, drift, spent });
  };

  /** What others changed and nobody decided on stays as it is, also where the server would let us write it. */
  async function standing(name: string, intents: readonly Intent[], overrides: readonly DriftOverride[], signal: CancelSignal): Promise<readonly DriftEntry[]> {
    const { drift = [], spent = [] } = memory(name) ?? {};
    const held: DriftEntry[] = [];
    for (const entry of decide(drift, overrides, spent).left) {
      const intent = intents.find(({ reference }) => objectName(reference) === entry.object);
      const kind = intent === undefined ? undefined : await kinds.find(intent.reference, signal);
      if (intent === undefined || kind === undefined) continue;
      const { namespace, name: object } = intent.reference;
      const live = await client.get(kind, namespace === '' ? { name: object } : { namespace, name: object }, signal);
      if (isReverted(live)) continue;
      const wanted = entry.path === '' ? 'present' : shownValue(intent.reference, valueAt(intent.object, entry.path), digest);
      const stands = live === undefined ? ABSENT : entry.path === '' ? 'present' : shownValue(intent.reference, valueAt(live, entry.path), digest);
      if (stands === entry.actual && wanted !== entry.actual) held.push(entry);
    }
    return held;
  }

  /** Keys of objects that were there before us. */
  async function adopted(before: Inventory | undefined, content: BundleContent, intents: readonly Intent[], signal: CancelSignal): Promise<ReadonlySet<string>> {
    const keys = new Set((before?.objects ?? []).filter(({ how }) => how === 'adopted').map(objectKey));
    const ours = new Set((before?.objects ?? []).map(objectKey));
    for (const { how, reference } of intents) {
      const kind = how === 'whole' && !ours.has(objectKey(reference)) ? await kinds.find(reference, signal) : undefined;
      if (kind === undefined) continue;
      const live = await client.get(kind, reference.namespace === '' ? { name: reference.name } : { namespace: reference.namespace, name: reference.name }, signal);
      if (live !== undefined && live.metadata.labels?.[PACKAGE] !== content.package) keys.add(objectKey(reference));
    }
    return keys;
  }

  async function clear(inventory: Inventory, content: BundleContent | undefined, overrides: readonly DriftOverride[], signal: CancelSignal): Promise<PruneOutcome> {
    const { drift = [], spent = [] } = memory(inventory.package) ?? {};
    return prune(inventory, surplus(inventory, content), { client, kinds, drift: decide(drift, overrides, spent).left }, signal);
  }

  async function remove(inventory: Inventory, { overrides }: Assigned, signal: CancelSignal): Promise<PackageOutcome> {
    const { package: name, version } = inventory;
    if (inventory.phase !== 'Removing') await inventories.save({ ...inventory, phase: 'Removing' }, signal);
    const { message, drift } = await clear(inventory, undefined, overrides, signal);
    if (message !== undefined) return outcome(`package ${name}: is not assigned any more, and is being taken away: ${message}`, { drift, moving: drift.length === 0 });
    judgements.delete(name);
    await inventories.drop(name, signal);
    log.info({ package: name, version }, 'took a package away');
    return SETTLED;
  }

  return async function bring(name: string, assigned: Assigned, signal: CancelSignal): Promise<PackageOutcome> {
    const { reference, generation, overrides } = assigned;
    const before = inventories.of(name);
    if (reference === undefined && before === undefined) return SETTLED;
    const unreadable = inventories.problem(name);
    if (unreadable !== undefined) return outcome(`package ${name}: ${unreadable}`);
    if (reference === undefined) return remove(before!, assigned, signal);
    const what = `package ${name} ${reference.version}`;
    const same = before?.digest === reference.digest && before.phase !== 'Removing';
    const inUse = same && before.phase === 'Applied';
    const { content, problem } = read(state.get('Bundle', reference.digest), reference, { inUse, now: clock.now() });
    const half = before !== undefined && !same && before.phase === 'Applying' ? `; of ${before.version} ${reachedText(before.reached)}` : same && !inUse ? `; ${reachedText(before.reached)}` : '';
    if (content === undefined) return outcome(`${what}: ${problem}${half}`);

    const spent = memory(name)?.spent ?? [];
    const save = inventories.save;
    const parts = createPart({
      content, config, client, clock, digest, save, generation,
      objects: createObjects({ client, kinds, content, overrides, spent, judged: judgedOf(name, `${reference.digest} ${JSON.stringify(overrides)}`), known: { previous: memory(name)?.drift ?? [], now: clock.now(), digest } }),
    }, reference.digest);
    const used = (drift: readonly DriftEntry[], spends: readonly string[]): void => remember(name, drift, stillSpent([...spent, ...spends], overrides));

    if (inUse) {
      await inventories.keep(before, signal);
      const found = await parts.review(signal);
      used(found.drift, found.spends);
      return found.state === 'done' ? SETTLED : outcome(`${what}: ${found.message}`, { drift: found.drift, inPlace: found.butDrift, moving: found.state === 'waiting' });
    }

    if (!same) {
      const shared = sharedWith(content, inventories.all().filter((one) => one.package !== name));
      if (shared !== undefined) return outcome(`${what}: refused before anything was changed: ${objectName(shared.object)} is part of package ${shared.package} already; take it out of one of both${half}`);
      const held = await standing(name, parts.intents, overrides, signal);
      const judged = held.length > 0 ? undefined : await parts.preflight({ package: name, digest: reference.digest }, signal);
      if (judged?.state !== 'done') {
        const drift = judged?.drift ?? held;
        return outcome(`${what}: refused before anything was changed: ${judged?.message ?? held.map(driftSentence).join('; ')}${half}`, { drift, ...(judged?.byServer === true ? { refused: true } : {}) });
      }
      const next = begun(before, content, { digest: reference.digest, generation }, await adopted(before, content, parts.intents, signal));
      if (next.objects.length > MOST_NAMED) return outcome(`${what}: refused before anything was changed: versions that were not brought to their end have left ${next.objects.length} objects; bring one of them to its end first${half}`);
      await save(next, signal);
      log.info({ package: name, version: reference.version, parts: content.parts.length, from: before?.version ?? '' }, 'brings a package');
    }

    const begins = inventories.of(name)!;
    const ending = begins.reached > 0 ? undefined : await endHooks(surplus(begins, content), client, signal);
    if (ending !== undefined) return outcome(`${what}: ${ending}; ${reachedText(0)}`, { moving: true });
    for (let now = inventories.of(name)!; now.reached < content.parts.length; now = inventories.of(name)!) {
      const part = content.parts[now.reached]!;
      const found = await parts.bring(part, now, signal);
      used(found.drift, found.spends);
      if (found.state !== 'done') {
        const place = `${what}: part ${now.reached + 1} of ${content.parts.length} (${part.name}): ${found.message}; ${reachedText(now.reached)}`;
        return outcome(found.state === 'waiting' ? place : `${place}; the run rolls back or fixes forward`, { drift: found.drift, moving: found.state === 'waiting', ...(found.byServer === true ? { refused: true } : {}), ...(found.final === true ? { final: true } : {}) });
      }
      await save({ ...inventories.of(name)!, reached: now.reached + 1 }, signal);
    }

    const whole = inventories.of(name)!;
    const { gone, message, drift } = await clear(whole, content, overrides, signal);
    if (message !== undefined) {
      if (gone.length > 0) await save(without(whole, gone), signal);
      return outcome(`${what}: all parts are in place; what earlier versions had is being taken away: ${message}`, { drift, moving: drift.length === 0 });
    }
    await save({ ...without(whole, gone), phase: 'Applied' }, signal);
    used([], []);
    log.info({ package: name, version: reference.version }, 'a package is in place');
    return SETTLED;
  };
}
