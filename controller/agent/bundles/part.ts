/** One part of a bundle: in place and healthy, or why not. */
import { judgeHealth } from '../../../mesh/bundle/health.ts';
import type { Inventory } from '../../../mesh/bundle/inventory.ts';
import { objectName } from '../../../mesh/bundle/objects.ts';
import type { BundleContent, BundlePart } from '../../../mesh/model/bundle.ts';
import type { DriftEntry } from '../../../mesh/model/desired.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { AgentConfig } from '../ports.ts';
import { driftSentence } from './decided.ts';
import { type HookParts, hookJob, hookProblem, runHook } from './hook.ts';
import { bringsNamespace, type Intent, intentsOf } from './intents.ts';
import type { ObjectOutcome, Objects } from './object.ts';
import { bringVersion } from './own-version.ts';

export interface PartOutcome {
  /** `waiting`: looked at again soon. `refused`: by the server or by what others changed; somebody must act. */
  readonly state: 'done' | 'waiting' | 'refused';
  readonly message: string;
  readonly drift: readonly DriftEntry[];
  /** All else is in place and healthy. */
  readonly butDrift: boolean;
  readonly spends: readonly string[];
  /** The API server refuses some of it: waiting does not cure that. */
  readonly byServer?: true;
  /** What has happened cannot be cured in this assignment: a hook that failed runs in no other. */
  readonly final?: true;
}

export interface PartParts extends HookParts {
  readonly content: BundleContent;
  readonly digest: HookParts['digest'];
  readonly objects: Objects;
  readonly config: Pick<AgentConfig, 'version' | 'namespace' | 'deployment'>;
  /** Of the assignment now. */
  readonly generation: number;
}

const MOST_TOLD = 5;
const outcome = (state: PartOutcome['state'], message = '', over: Partial<PartOutcome> = {}): PartOutcome => ({ state, message, drift: [], butDrift: false, spends: [], ...over });
const told = (messages: readonly string[]): string => `${messages.slice(0, MOST_TOLD).join('; ')}${messages.length <= MOST_TOLD ? '' : `; and ${messages.length - MOST_TOLD} more`}`;

interface Judged { readonly intent: Intent; readonly found: ObjectOutcome }

/** What the outcomes of objects come to. `health`: each is to be healthy as well. */
function together(judged: readonly Judged[], content: BundleContent, { health }: { readonly health: boolean }): PartOutcome {
  const spends = judged.flatMap(({ found }) => (found.state === 'in place' ? found.spends : []));
  const drift = judged.flatMap(({ found }) => (found.state === 'drift' ? found.drift : []));
  const refused = judged.flatMap(({ found }) => (found.state === 'refused' ? [found.message] : []));
  const later = judged.flatMap(({ found }) => (found.state === 'later' ? [found.message] : []));
  const unhealthy = !health ? [] : judged.flatMap(({ intent, found }) => {
    if (found.state !== 'in place' || found.object === undefined) return [];
    const { state, message } = judgeHealth(found.object as unknown as Readonly<Record<string, unknown>>, content.health);
    return state === 'current' ? [] : [`${objectName(intent.reference)}: ${state === 'failed' ? 'has failed: ' : ''}${message}`];
  });
  const butDrift = drift.length > 0 && refused.length + later.length + unhealthy.length === 0;
  if (refused.length + drift.length > 0) return outcome('refused', told([...refused, ...drift.map(driftSentence)]), { drift, butDrift, spends, ...(judged.some(({ found }) => found.state === 'refused' && found.byServer) ? { byServer: true } : {}) });
  const waits = later.length > 0 ? later : unhealthy;
  return waits.length > 0 ? outcome('waiting', told(waits), { spends }) : outcome('done', '', { spends });
}

export function createPart({ content, objects, client, config, clock, digest, save, generation }: PartParts, contentDigest: string) {
  const intents = intentsOf(content, contentDigest);

  /** Nothing changes: the server judges every object of every part. What a part before it brings cannot be judged yet. */
  async function preflight(inventory: Pick<Inventory, 'package' | 'digest'>, signal: CancelSignal): Promise<PartOutcome> {
    const judged: Judged[] = [];
    for (const intent of intents) {
      const found = await objects.bring(intent, { dryRun: true }, signal);
      judged.push({ intent, found: found.state === 'later' ? { state: 'in place', object: undefined, spends: [] } : found });
    }
    const objectsSay = together(judged, content, { health: false });
    const problems: string[] = [];
    for (const part of content.parts) {
      if (part.hook !== undefined) {
        const job = hookJob(part.hook, part.name, inventory, generation, digest);
        const problem = await hookProblem(client, job, bringsNamespace(content, job.metadata.namespace ?? ''), signal);
        if (problem !== undefined) problems.push(problem);
      }
      if (part.agentVersion !== undefined) {
        const found = await bringVersion(part.agentVersion.version, { client, config, dryRun: true }, signal);
        if (found.state === 'refused') problems.push(found.message);
      }
    }
    if (problems.length === 0) return { ...objectsSay, spends: [] };
    return outcome('refused', told([...objectsSay.message === '' ? [] : [objectsSay.message], ...problems]), { drift: objectsSay.drift, byServer: true });
  }

  async function bring(part: BundlePart, inventory: Inventory, signal: CancelSignal): Promise<PartOutcome> {
    if (part.hook !== undefined) {
      const ran = await runHook(part, part.hook, inventory, generation, { client, clock, digest, save }, signal);
      if (ran.state === 'done') return outcome('done');
      return ran.state === 'waiting' ? outcome('waiting', ran.message) : outcome('refused', ran.message, ran.state === 'failed' ? { final: true } : { byServer: true });
    }
    if (part.agentVersion !== undefined) {
      const found = await bringVersion(part.agentVersion.version, { client, config, dryRun: false }, signal);
      return found.state === 'done' ? outcome('done') : outcome(found.state, found.message, found.state === 'refused' ? { byServer: true } : {});
    }
    const judged: Judged[] = [];
    for (const intent of intents.filter((one) => one.part === part.name)) judged.push({ intent, found: await objects.bring(intent, { dryRun: false }, signal) });
    return together(judged, content, { health: true });
  }

  /** All parts, of a bundle that is in place. */
  async function review(signal: CancelSignal): Promise<PartOutcome> {
    const judged: Judged[] = [];
    for (const intent of intents) judged.push({ intent, found: await objects.review(intent, signal) });
    const version = content.parts.find((part) => part.agentVersion !== undefined)?.agentVersion?.version;
    const found = together(judged, content, { health: true });
    return found.state === 'done' && version !== undefined && version !== config.version ? outcome('waiting', `agent: version ${version} was brought, and this is ${config.version ?? 'of no version'}`, { spends: found.spends }) : found;
  }

  return { intents, preflight, bring, review };
}
