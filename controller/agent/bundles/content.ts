/** A bundle's content as it may be used here: exactly what was assigned, signed as this cluster demands, and nothing that agents do not write. */
import { NO_SIGNATURES, verifyBundle } from '../../../certs/index.ts';
import { guardProblem } from '../../../mesh/bundle/guard.ts';
import { bundleObjects } from '../../../mesh/bundle/objects.ts';
import { parseBundle } from '../../../mesh/bundle/parse.ts';
import type { BundleContent, BundleDelivery, BundleReference } from '../../../mesh/model/bundle.ts';
import type { Instant } from '../../../mesh/model/instant.ts';
import type { AgentConfig } from '../ports.ts';

type CheckedContent = { readonly content: BundleContent; readonly problem?: never } | { readonly content?: never; readonly problem: string };

const MOST_READ = 128;
const DEFAULT_ACCOUNT = 'isthmus-agent';

/** `inUse`: it is in place already. Where its keys have expired since, the signatures were good when it came; where one was revoked, it stays as it is and is not looked after. */
export type ReadContent = (delivery: BundleDelivery | undefined, reference: BundleReference, how: { readonly inUse: boolean; readonly now: Instant }) => CheckedContent;

export function createContentReader(config: Pick<AgentConfig, 'namespace' | 'serviceAccount' | 'bundleKeys'>): ReadContent {
  /** By digest; what is parsed stays right. */
  const parsed = new Map<string, CheckedContent>();
  const place = { namespace: config.namespace, serviceAccount: config.serviceAccount ?? DEFAULT_ACCOUNT };

  function parse(delivery: BundleDelivery): CheckedContent {
    const known = parsed.get(delivery.digest);
    if (known !== undefined) return known;
    const { content, problem } = parseBundle(delivery.content);
    const guarded = content === undefined ? problem : bundleObjects(content).map(({ reference, manifest }) => guardProblem(reference, manifest, place)).find((found) => found !== undefined);
    const read: CheckedContent = content === undefined || guarded !== undefined ? { problem: `its content is not used: ${guarded}` } : { content };
    if (parsed.size >= MOST_READ) parsed.clear();
    parsed.set(delivery.digest, read);
    return read;
  }

  return (delivery, { package: name, version, digest }, { inUse, now }) => {
    const stays = inUse ? '; it stays as it is, and is not looked after' : '';
    if (delivery === undefined) return { problem: inUse ? `the hub does not tell its content (${digest}) now${stays}` : `its content (${digest}) has not come from the hub yet` };
    const policy = config.bundleKeys?.() ?? NO_SIGNATURES;
    const verified = verifyBundle(delivery, inUse ? { ...policy, keys: policy.keys.map(({ notAfter: _, ...key }) => key) } : policy, now);
    if (!verified.ok) return { problem: `not used: ${verified.problem}${stays}` };
    if (delivery.digest !== digest) return { problem: `its content has the digest ${delivery.digest}, and ${digest} was assigned` };
    const { content, problem } = parse(delivery);
    if (content === undefined) return { problem };
    return content.package === name && content.version === version ? { content } : { problem: `its content says that it is ${content.package} ${content.version}` };
  };
}
