/** Bundle objects: which content a run may bring, kept in the records from then on, and what is to be said on each object. */
import { verifyBundle } from '../../../certs/index.ts';
import type { BundleObject } from '../../../mesh/api/resources/bundle.ts';
import { Bundle } from '../../../mesh/api/resources/index.ts';
import { textDigest } from '../../../mesh/bundle/digest.ts';
import { parseBundle } from '../../../mesh/bundle/parse.ts';
import type { BundleDelivery } from '../../../mesh/model/bundle.ts';
import { type ConditionUpdate, setCondition } from '../../../mesh/model/condition.ts';
import type { Instant } from '../../../mesh/model/instant.ts';
import type { Cache } from '../../runtime/cache.ts';
import { createLoop, type Loop } from '../../runtime/loop.ts';
import type { HubPorts } from '../ports.ts';
import { reportOn } from '../report.ts';
import { conditionsOf } from '../views.ts';
import { writeStatus } from '../write-status.ts';
import type { BundleJudge } from './judge.ts';
import type { BundleAnswer, Bundles } from './types.ts';

/** Keys expire, and their file changes, without an event. */
const AGAIN_MILLISECONDS = 60_000;
/** A content that a run was to bring so recently stays in the records, whether anything names it or not: the run may be about to. */
export const CONTENT_GRACE_MILLISECONDS = 3_600_000;

export interface BundleParts {
  readonly ports: Pick<HubPorts, 'clock' | 'random' | 'log' | 'metrics' | 'kubernetes' | 'records' | 'digest'>;
  readonly objects: Cache<BundleObject>;
  readonly judge: BundleJudge;
}

/** Why a content from the records may not be used, its keys judged as of `at`, in a sentence; undefined: it may. */
export function storedProblem(stored: BundleDelivery, { policy }: Pick<BundleJudge, 'policy'>, { digest }: Pick<HubPorts, 'digest'>, at: Instant): string | undefined {
  if (textDigest(stored.content, digest) !== stored.digest) return `the records have another content under ${stored.digest}; restore them from a backup`;
  const verified = verifyBundle(stored, policy(), at);
  return verified.ok ? undefined : `its signatures do not do: ${verified.problem}`;
}

export function createBundles({ ports, objects, judge }: BundleParts): Bundles & Pick<Loop, 'start'> {
  const { clock, kubernetes, records } = ports;
  const listeners: (() => void)[] = [];
  const answered = new Map<string, string>();
  /** By digest, the signatures with which this hub has put the content into the records, and when. */
  const kept = new Map<string, { readonly signatures: string; readonly at: Instant }>();

  /** Durable, and for a while nobody's to drop. */
  async function keep(delivery: BundleDelivery): Promise<void> {
    const now = clock.now();
    for (const [digest, { at }] of kept) if (at > now || at <= now - CONTENT_GRACE_MILLISECONDS / 2) kept.delete(digest);
    const signatures = JSON.stringify(delivery.signatures);
    if (kept.get(delivery.digest)?.signatures === signatures) return;
    await records.putBundle({ ...delivery, verifiedAt: now });
    kept.set(delivery.digest, { signatures, at: now });
  }

  async function fromRecords(name: string, wanted: string): Promise<BundleAnswer> {
    const stored = await records.getBundle(wanted);
    if (stored === undefined) return { problem: `there is no Bundle "${name}", and no run has kept a content with the digest ${wanted}` };
    const problem = storedProblem(stored, judge, ports, clock.now());
    if (problem !== undefined) return { problem };
    const { content, problem: unread } = parseBundle(stored.content);
    if (content !== undefined) await keep(stored);
    return content === undefined ? { problem: unread } : { reference: { package: content.package, version: content.version, digest: wanted } };
  }

  async function resolve(name: string, wanted: string | undefined): Promise<BundleAnswer> {
    const object = objects.get({ name });
    if (object === undefined) return wanted === undefined ? { problem: `there is no Bundle "${name}"; publish it, or take this run away with "kubectl delete updaterun"` } : fromRecords(name, wanted);
    const verdict = judge.verdict(object);
    const problem = judge.problem(object);
    if (verdict.facts === undefined || problem !== undefined) return { problem: `Bundle ${name} is not used: ${problem ?? 'it is not valid'}` };
    const { reference, delivery } = verdict.facts;
    if (wanted !== undefined && wanted !== reference.digest) return { problem: `Bundle ${name} has the digest ${reference.digest}, not ${wanted} as the run asks for; make a run of that digest` };
    await keep(delivery);
    return { reference };
  }

  function conditionsFor(object: BundleObject): { readonly valid: ConditionUpdate; readonly verified: ConditionUpdate; readonly status: Partial<NonNullable<BundleObject['status']>> } {
    const verdict = judge.verdict(object);
    const observedGeneration = object.metadata.generation ?? 0;
    const told = (type: string, status: 'True' | 'False' | 'Unknown', reason: string, message: string): ConditionUpdate => ({ type, status, reason, message: message.slice(0, 8192), observedGeneration });
    if (verdict.facts === undefined) return { valid: told('Valid', 'False', 'Invalid', verdict.invalid), verified: told('Verified', 'Unknown', 'Invalid', 'what is not valid has no digest to be signed'), status: {} };
    const { reference } = verdict.facts;
    const { threshold } = judge.policy();
    return {
      valid: verdict.taken === undefined ? told('Valid', 'True', 'Valid', `${reference.package} ${reference.version}; bring it to clusters by an UpdateRun or a Channel`) : told('Valid', 'False', 'VersionTaken', verdict.taken),
      verified: verdict.unverified !== undefined ? told('Verified', 'False', 'NotVerified', `${verdict.unverified}; until then no run brings it`)
        : threshold === 0 ? told('Verified', 'Unknown', 'NotAskedFor', 'this hub asks for no signatures (--bundle-keys)') : told('Verified', 'True', 'Verified', `signed by ${verdict.keyids.join(', ')}; ${threshold} needed`),
      status: { digest: reference.digest, verifiedBy: [...verdict.keyids] },
    };
  }

  async function reconcile(name: string, signal: Parameters<typeof writeStatus>[4]): Promise<{ requeueAt?: Instant }> {
    const object = objects.get({ name });
    if (object === undefined) return {};
    const { valid, verified, status } = conditionsFor(object);
    const now = clock.now();
    const said = `${valid.status} ${verified.status}`;
    if (answered.get(name) !== said) {
      answered.set(name, said);
      for (const listener of listeners) listener();
    }
    const conditions = [...setCondition(setCondition(conditionsOf(object), valid, now), verified, now)];
    await writeStatus(kubernetes, Bundle, object, { observedGeneration: object.metadata.generation ?? 0, ...status, conditions }, signal);
    return judge.policy().keys.length === 0 ? {} : { requeueAt: now + AGAIN_MILLISECONDS };
  }

  const report = reportOn<BundleObject>(ports, Bundle);
  const loop = createLoop({
    name: 'bundle', reconcile, ...ports,
    async report(name, trouble, signal) {
      const object = objects.get({ name });
      if (object !== undefined) await report(object, trouble, signal);
    },
  });
  objects.subscribe(({ type, object }) => {
    if (type === 'deleted') answered.delete(object.metadata.name);
    // A version that was taken may be free now, or the other way round.
    for (const { metadata } of objects.byIndex('package', object.spec?.package ?? '')) loop.add(metadata.name);
    if (type !== 'deleted') loop.add(object.metadata.name);
    for (const listener of listeners) listener();
  });
  return { resolve, subscribe(listener) { listeners.push(listener); }, start: loop.start };
}
