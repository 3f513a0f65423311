/** What the hub believes of each Bundle: whether its content is as it should be, and who has signed it. Everything that asks, asks here. */
import { type Verified, verifyBundle } from '../../../certs/index.ts';
import type { BundleObject } from '../../../mesh/api/resources/bundle.ts';
import { bundleText, textDigest } from '../../../mesh/bundle/digest.ts';
import { readBundleSpec } from '../../../mesh/bundle/spec.ts';
import type { BundleDelivery, BundleReference, SigningPolicy } from '../../../mesh/model/bundle.ts';
import type { Digest } from '../../../mesh/model/canonical.ts';
import { fromRfc3339, type Instant } from '../../../mesh/model/instant.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import type { Cache } from '../../runtime/cache.ts';
import type { Assignments } from '../rollout/assignments.ts';

/** For the cache of Bundles. */
export const BUNDLE_INDEXES = { package: ({ spec }: BundleObject): readonly string[] => (typeof spec?.package === 'string' ? [spec.package] : []) };

interface BundleFacts {
  readonly reference: BundleReference;
  readonly delivery: BundleDelivery;
}

type BundleVerdict =
  | { readonly facts: BundleFacts; readonly taken: string | undefined; /** Why too few signatures count; undefined: enough do. */ readonly unverified: string | undefined; readonly keyids: readonly string[] }
  | { readonly facts?: never; readonly invalid: string };

export interface BundleJudge {
  readonly policy: () => SigningPolicy;
  verdict(object: BundleObject): BundleVerdict;
  /** Why no run may bring it, in a sentence; undefined: any may. */
  problem(object: BundleObject): string | undefined;
}

export interface BundleJudgeParts {
  readonly clock: Clock;
  readonly digest: Digest;
  readonly objects: Cache<BundleObject>;
  readonly assignments: Pick<Assignments, 'bundles'>;
  readonly policy: () => SigningPolicy;
}

const olderFirst = (a: BundleObject, b: BundleObject): number => {
  const [left, right] = [a, b].map(({ metadata }) => `${metadata.creationTimestamp ?? ''} ${metadata.name}`) as [string, string];
  return left < right ? -1 : 1;
};

export function createBundleJudge({ clock, digest, objects, assignments, policy }: BundleJudgeParts): BundleJudge {
  /** An object of a cache never changes: what it says is read once. */
  const read = new WeakMap<BundleObject, BundleFacts | { readonly invalid: string }>();

  const verified = new WeakMap<BundleObject, { readonly policy: SigningPolicy; readonly at: Instant; readonly until: Instant; readonly answer: Verified }>();

  /** Verified once for each policy; time alone changes nothing before a key expires. */
  function verifiedOf(object: BundleObject, { delivery }: BundleFacts): Verified {
    const known = verified.get(object);
    const now = clock.now();
    const pinned = policy();
    if (known?.policy === pinned && known.at <= now && now < known.until) return known.answer;
    const ends = pinned.keys.flatMap(({ notAfter }) => fromRfc3339(notAfter) ?? []).filter((end) => end > now);
    const answer = verifyBundle(delivery, pinned, now);
    verified.set(object, { policy: pinned, at: now, until: Math.min(Number.POSITIVE_INFINITY, ...ends), answer });
    return answer;
  }

  function factsOf(object: BundleObject): BundleFacts | { readonly invalid: string } {
    const known = read.get(object);
    if (known !== undefined) return known;
    const spec = readBundleSpec(object.spec);
    let fresh: BundleFacts | { readonly invalid: string };
    if (spec.content === undefined) fresh = { invalid: spec.problem };
    else {
      const content = bundleText(spec.content);
      const name = textDigest(content, digest);
      fresh = { reference: { package: spec.content.package, version: spec.content.version, digest: name }, delivery: { digest: name, content, signatures: spec.signatures } };
    }
    read.set(object, fresh);
    return fresh;
  }

  /** A version has one content: that of the oldest Bundle whose signatures do, and that which a cluster has. */
  function takenBy(object: BundleObject, { reference }: BundleFacts): string | undefined {
    const { package: name, version } = reference;
    const older = [...objects.byIndex('package', name)].sort(olderFirst).find((other) => {
      const facts = factsOf(other);
      return !('invalid' in facts) && facts.reference.version === version && (other === object || verifiedOf(other, facts).ok);
    });
    const facts = older === undefined ? undefined : factsOf(older);
    if (older !== undefined && older !== object && facts !== undefined && !('invalid' in facts) && facts.reference.digest !== reference.digest) {
      return `Bundle ${older.metadata.name} is ${name} ${version} already, with another content (${facts.reference.digest}); give this one a version of its own`;
    }
    for (const [cluster, bundles] of assignments.bundles()) {
      const other = bundles.find((bundle) => bundle.package === name && bundle.version === version && bundle.digest !== reference.digest);
      if (other !== undefined) return `cluster ${cluster} was given another content as ${name} ${version} (${other.digest}); give this one a version of its own`;
    }
    return undefined;
  }

  function verdict(object: BundleObject): BundleVerdict {
    const facts = factsOf(object);
    if ('invalid' in facts) return facts;
    const answer = verifiedOf(object, facts);
    return { facts, taken: takenBy(object, facts), unverified: answer.ok ? undefined : answer.problem, keyids: answer.ok ? answer.keyids : [] };
  }

  return {
    policy, verdict,
    problem(object) {
      const judged = verdict(object);
      return judged.facts === undefined ? judged.invalid : judged.taken ?? (judged.unverified === undefined ? undefined : `its signatures do not do: ${judged.unverified}; "isthmus bundle sign" adds one, and "isthmus bundle verify" names the keys that count`);
    },
  };
}
