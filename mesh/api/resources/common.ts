/** Field shapes that several kinds share. Only constructs that map to a structural schema (KEP-2335): no tuples, no scalar unions. */
import { z } from 'zod';
import { SELECTOR_OPERATORS } from '../../model/selector-operators.ts';

const conditionSchema = z.object({
  type: z.string().max(316),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string().max(1024),
  message: z.string().max(32768),
  lastTransitionTime: z.string().meta({ format: 'date-time' }),
  observedGeneration: z.int().optional(),
});

export const conditionsSchema = z.array(conditionSchema).max(16)
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] });

/** A value or a list of values, globs allowed: kept as `x-kubernetes-preserve-unknown-fields` in the CRD, checked by the rule below and by the hub. */
const globs = z.union([z.string().max(256), z.array(z.string().max(256)).max(64)])
  .meta({ 'x-kubernetes-preserve-unknown-fields': true });

const matchExpression = z.object({
  key: z.string().min(1).max(316).describe('A label, a property or a fact; looked for in this order.'),
  operator: z.enum(SELECTOR_OPERATORS).describe('In and NotIn take globs; Gt, Ge, Lt and Le compare versions, numbers, quantities or RFC 3339 times.'),
  values: z.array(z.string().max(256)).max(64).optional(),
}).meta({ 'x-kubernetes-validations': [
  { rule: "self.operator in ['Exists', 'DoesNotExist'] ? !has(self.values) || size(self.values) == 0 : has(self.values) && size(self.values) > 0", message: 'Exists and DoesNotExist take no values, every other operator at least one' },
  { rule: "!(self.operator in ['Gt', 'Ge', 'Lt', 'Le']) || has(self.values) && size(self.values) == 1", message: 'Gt, Ge, Lt and Le take exactly one value' },
] });

export const selectorSchema = z.object({
  labels: z.record(z.string().max(316), globs).optional().describe('Labels or properties that must match; values are globs, a list means any of them.'),
  exclude_labels: z.record(z.string().max(316), globs).optional().describe('Labels or properties that must not match.'),
  names: z.array(z.string().max(64)).max(1024).optional().describe('Globs over cluster names.'),
  match_expressions: z.array(matchExpression).max(32).optional().describe('Conditions on labels, properties and facts; all must hold.'),
  cel: z.string().min(1).max(1024).optional().describe('A CEL condition over cluster.name, labels, properties and facts. A cluster on which it fails is not selected.'),
}).describe('Selects clusters. All given parts must match; an empty selector matches every cluster.');

export const serviceKeySchema = z.object({
  namespace: z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/),
  name: z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/),
});

export const timestamp = z.string().meta({ format: 'date-time' });

const endpoint = z.object({
  address: z.string().max(253).optional(),
  ips: z.array(z.string().max(45)).max(16).optional(),
  port: z.int().min(1).max(65535).default(2379),
});
const EITHER = { 'x-kubernetes-validations': [{ rule: 'has(self.address) != has(self.ips)', message: 'give either address or ips' }] };

export const meshEndpointSchema = endpoint.meta(EITHER);

/** Never a key, only where one is. */
const peerTlsSchema = z.object({
  secretName: z.string().min(1).max(253).regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/).describe('A Secret in Cilium\'s namespace of each cluster that reads this one, with tls.crt and tls.key; the agent there has to be let read it (the chart\'s cilium.peerSecrets).'),
  trust: z.enum(['Secret', 'Mesh']).default('Secret').describe('Who vouches for this cluster\'s server certificate. Secret: ca.crt of that Secret; Mesh: the roots of the mesh.'),
}).describe('Peers read this cluster with a certificate for it alone, for instance because its own are made by another authority; absent: with the one that is theirs for all peers.');

export const declaredEndpointSchema = endpoint.extend({ tls: peerTlsSchema.optional() }).meta(EITHER);
