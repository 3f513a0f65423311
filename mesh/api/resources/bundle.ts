/** Bundle and Channel: versioned content that runs bring to clusters, and who is to be on which version of it. */
import { z } from 'zod';
import { conditionsSchema, selectorSchema } from './common.ts';
import { defineResource, type ResourceObject } from './define.ts';

const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const SEMANTIC_VERSION = /^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/;
const packageName = z.string().max(63).regex(NAME);
const semanticVersion = z.string().max(64).regex(SEMANTIC_VERSION);
const digest = z.string().regex(/^sha256-[0-9a-f]{64}$/);
const objectName = z.string().min(1).max(253);

/** Any JSON object: kept as it is (`type: object` with `x-kubernetes-preserve-unknown-fields`). */
const free = (description: string) => z.record(z.string(), z.unknown()).meta({ 'x-kubernetes-preserve-unknown-fields': true, description });

const objectReference = z.object({
  apiVersion: z.string().min(1).max(316), kind: z.string().min(1).max(63),
  namespace: z.string().max(63).default('').describe('Empty: the object is cluster-scoped.'), name: objectName,
});

const PART_KINDS = ['manifests', 'values', 'patch', 'agentVersion', 'hook'] as const;

const part = z.object({
  name: z.string().regex(NAME),
  manifests: z.array(free('A whole object.')).min(1).max(500).optional().describe('Whole objects, by server-side apply. What an earlier version of the package had and this one has not is removed.'),
  values: z.object({
    target: z.enum(['HelmRelease', 'Application', 'ConfigMap']), namespace: z.string().regex(NAME), name: objectName, values: free('Values of the chart; texts alone for a ConfigMap.'),
  }).optional().describe('Values of a chart, by the way that the cluster installs it: a Flux HelmRelease, an Argo CD Application, or a ConfigMap.'),
  patch: z.object({ object: objectReference, fields: free('Fields of the object, without apiVersion, kind and metadata.') }).optional().describe('Fields of an object that is there already, by server-side apply.'),
  agentVersion: z.object({ version: semanticVersion }).optional().describe('The image tag of the agent itself.'),
  hook: z.object({
    job: free('A Job of batch/v1.'), timeoutSeconds: z.int().min(1).max(86_400).default(600),
  }).optional().describe('A Job that must complete, once for each assignment of the bundle.'),
}).meta({ 'x-kubernetes-validations': [{
  rule: `[${PART_KINDS.map((kind) => `has(self.${kind})`).join(', ')}].filter(given, given).size() == 1`, message: 'give exactly one of manifests, values, patch, agentVersion and hook',
}] });

const healthRule = z.object({
  apiVersion: z.string().min(1).max(316), kind: z.string().min(1).max(63), cel: z.string().min(1).max(1024).describe('CEL over self, the live object: true is healthy, an error is not.'),
});

const bundleContentSpec = z.object({
  package: packageName.describe('What it is a version of: a bundle replaces another of the same package.'),
  version: semanticVersion,
  parts: z.array(part).min(1).max(32).meta({ 'x-kubernetes-list-type': 'atomic' }).describe('Applied in order, each only when the one before it is healthy; taken back in reverse order.'),
  health: z.array(healthRule).max(64).default([]).describe('When objects of a kind are healthy, beyond what Kubernetes itself says of it.'),
});

const bundleSpec = bundleContentSpec.extend({
  signatures: z.array(z.object({ keyid: z.string().min(1).max(256), sig: z.string().min(1).max(1024).describe('Base64.') })).max(16)
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['keyid'] }).default([]).describe('DSSE signatures of the content. They are not part of its digest, and may be added later.'),
});

const bundleStatus = z.object({
  observedGeneration: z.int().optional(),
  digest: digest.optional().describe('Of the content: its identity everywhere.'),
  verifiedBy: z.array(z.string().max(256)).max(16).optional().describe('Ids of the pinned keys whose signatures count.'),
  conditions: conditionsSchema.optional(),
});
export type BundleObject = ResourceObject<z.infer<typeof bundleSpec>, z.infer<typeof bundleStatus>>;

/** Conditions: `Valid` (bounds and objects), `Verified` (signatures). */
export const Bundle = defineResource({
  kind: 'Bundle', plural: 'bundles', shortNames: ['ibundle'],
  description: 'One version of a package: objects, values and hooks that update runs bring to clusters, named by the digest of their content.',
  spec: bundleSpec, status: bundleStatus,
  printColumns: [
    { name: 'Package', type: 'string', jsonPath: '.spec.package' },
    { name: 'Version', type: 'string', jsonPath: '.spec.version' },
    { name: 'Valid', type: 'string', jsonPath: '.status.conditions[?(@.type=="Valid")].status' },
    { name: 'Verified', type: 'string', jsonPath: '.status.conditions[?(@.type=="Verified")].status' },
    { name: 'Digest', type: 'string', jsonPath: '.status.digest', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  validations: [{
    rule: 'self.spec.__package__ == oldSelf.spec.__package__ && self.spec.version == oldSelf.spec.version && self.spec.parts == oldSelf.spec.parts && self.spec.health == oldSelf.spec.health',
    message: 'a bundle does not change; only signatures may be added: make a Bundle of another version',
  }],
});

export const channelSpec = z.object({
  package: packageName,
  strategyName: z.string().min(1).max(253).default('default').describe('The UpdateStrategy by which the channel\'s runs go.'),
  clusters: selectorSchema,
  bundle: z.string().min(1).max(253).optional().describe('The Bundle that the channel is on. While it is given, autoUpdate rests.'),
  autoUpdate: z.object({
    range: z.string().min(1).max(256).default('*').describe('Semantic versions, as npm writes ranges of them.'),
    from: z.string().min(1).max(253).default('Bundles').describe('Bundles: whatever Bundle there is. Else the name of a channel: what all of its clusters run and are healthy on goes on, by its digest.'),
  }).optional().describe('Goes up to newer versions by itself, never down.'),
  minimumAgeSeconds: z.int().min(0).max(31_536_000).default(0).describe('How old a Bundle, or how long ago the end of the run of the channel that it comes from, must be before the channel takes it.'),
}).meta({ 'x-kubernetes-validations': [{ rule: 'has(self.bundle) || has(self.autoUpdate)', message: 'give bundle, autoUpdate or both' }] });

const channelStatus = z.object({
  observedGeneration: z.int().optional(),
  version: z.string().optional().describe('The version that every cluster of the channel has; absent: they differ, or have none.'),
  digest: digest.optional(),
  wanted: z.string().optional().describe('The version that the channel is to be on.'),
  run: z.string().optional().describe('The newest run of the channel.'),
  clusters: z.int().optional().describe('How many it has.'),
  blocked: z.string().max(63).optional().describe('Reason of the condition Blocked while it is True.'),
  conditions: conditionsSchema.optional(),
});
export type ChannelObject = ResourceObject<z.infer<typeof channelSpec>, z.infer<typeof channelStatus>>;

/** Conditions: `Valid` (the channel makes sense), `Promoted` (its clusters are on what it wants), `Blocked` (why it does not go on by itself). */
export const Channel = defineResource({
  kind: 'Channel', plural: 'channels', shortNames: ['ichannel'],
  description: 'Which version of a package a set of clusters is on, and how it goes on to the next: each step is an UpdateRun.',
  spec: channelSpec, status: channelStatus,
  printColumns: [
    { name: 'Package', type: 'string', jsonPath: '.spec.package' },
    { name: 'Version', type: 'string', jsonPath: '.status.version' },
    { name: 'Wanted', type: 'string', jsonPath: '.status.wanted' },
    { name: 'Promoted', type: 'string', jsonPath: '.status.conditions[?(@.type=="Promoted")].status' },
    { name: 'Blocked', type: 'string', jsonPath: '.status.blocked' },
    { name: 'Run', type: 'string', jsonPath: '.status.run', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  validations: [{ rule: 'size(self.metadata.name) <= 47', message: 'the name of a channel is part of the names of its runs: give it at most 47 characters' }],
});
