/** Reads a desired revision: nothing of it is used before its digest, its shape and its addressee are right. */
import { z } from 'zod';
import { MAX_ACCESS_RULES } from '../../../mesh/model/access.ts';
import { canonicalJson, type Digest } from '../../../mesh/model/canonical.ts';
import type { DesiredRevision, DesiredState } from '../../../mesh/model/desired.ts';
import { MAX_TRUST_ISSUERS } from '../../../mesh/model/trust.ts';

const name = z.string().min(1).max(253);
const serviceKey = z.strictObject({ namespace: name, name });
const endpoint = z.strictObject({
  address: name.optional(), ips: z.array(z.string().max(45)).min(1).max(16).optional(), port: z.int().min(1).max(65535), tls: z.strictObject({ secretName: name, trust: z.enum(['Secret', 'Mesh']) }).optional(),
})
  .refine(({ address, ips }) => (address === undefined) !== (ips === undefined), 'give either address or ips');
const issuers = z.array(z.string().min(1).max(256)).min(1).max(MAX_TRUST_ISSUERS);
const maxConnectedClusters = z.union([z.literal(255), z.literal(511)]);

/** Strict: a field that this version does not know could be one that must not be left out. */
const desiredStateSchema = z.strictObject({
  schema: z.literal(1),
  cluster: name,
  mesh: name.nullable(),
  peering: z.strictObject({
    clusterName: name,
    clusterId: z.int().min(1).max(511),
    maxConnectedClusters,
    ciliumVersion: z.string().max(64),
    namespace: name,
    kvstoreMesh: z.boolean(),
    authMode: z.enum(['legacy', 'migration', 'cluster']),
    peers: z.array(z.strictObject({
      name,
      clusterId: z.int().min(1).max(511),
      endpoint,
    })).max(511),
    readers: z.array(name).max(511).optional(),
    connect: z.literal('Always').optional(),
  }).nullable(),
  trust: z.strictObject({ trustDomain: name, sequence: z.int().min(0), bundlePem: z.string().max(1 << 20), renewClientsOf: issuers.optional(), renewServersOf: issuers.optional() }),
  failover: z.array(z.strictObject({
    name,
    service: serviceKey,
    priority: z.array(name).max(64),
    minimumReady: z.int().min(1),
    unhealthyAfterSeconds: z.number().min(0),
    healthyAfterSeconds: z.number().min(0),
    failbackDelaySeconds: z.number().min(0),
  })).max(10_000),
  globalServices: z.array(z.strictObject({ name, host: name, service: serviceKey, ttlSeconds: z.int().min(1).max(86400) })).max(10_000),
  access: z.array(z.strictObject({
    policy: name,
    mode: z.enum(['DefaultDeny', 'Allow']),
    to: z.union([z.strictObject({ service: serviceKey }), z.strictObject({ namespaces: z.array(name).min(1).max(64) })]),
    ports: z.array(z.strictObject({ port: z.int().min(1).max(65535), protocol: z.enum(['TCP', 'UDP', 'SCTP']) })).max(100).optional(),
    from: z.array(z.strictObject({ clusters: z.array(name).min(1).max(10_000).optional(), namespaces: z.array(name).min(1).max(64).optional(), serviceAccounts: z.array(name).min(1).max(64).optional() })).max(32),
  })).min(1).max(MAX_ACCESS_RULES).optional(),
  bundles: z.array(z.strictObject({ package: name, version: z.string().min(1).max(64), digest: z.string().regex(/^sha256-[0-9a-f]{64}$/) })).max(64).optional(),
  overrides: z.array(z.strictObject({ object: z.string().min(1).max(512), path: z.string().max(1024), action: z.enum(['keep', 'overwrite']), actual: z.string().min(1).max(512), decision: name })).max(256).optional(),
});

export function readRevision(revision: DesiredRevision, cluster: string, digest: Digest): { readonly state: DesiredState } | { readonly problem: string } {
  const refuse = (why: string): { problem: string } => ({ problem: `desired revision ${revision.id.slice(0, 80)}: ${why}` });
  if (revision.cluster !== cluster) return refuse(`is for cluster "${revision.cluster}", this is "${cluster}"`);
  const id = `sha256-${digest(revision.content)}`;
  if (revision.id !== id) return refuse(`its content has the digest ${id}; it was changed on the way`);
  let content: unknown;
  try {
    content = JSON.parse(revision.content);
  } catch {
    return refuse('its content is not JSON');
  }
  const parsed = desiredStateSchema.safeParse(content);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return refuse(`${issue?.path.join('.') || 'content'}: ${issue?.message ?? 'is not understood'}; update the agent if the hub is newer`);
  }
  if (parsed.data.cluster !== cluster) return refuse(`its content is for cluster "${parsed.data.cluster}", this is "${cluster}"`);
  if (canonicalJson(content) !== revision.content) return refuse('its content is not in canonical form');
  // zod types an absent optional field as `| undefined`; JSON has no undefined.
  return { state: parsed.data as DesiredState };
}
