/** What the hub knows of every cluster by a name of its own, beside labels and properties. The list is closed: any other key is a label's or a property's. */
import type { ValueKind } from './compare.ts';

interface KnownFact {
  readonly kind: ValueKind;
  /** How a cluster is just now, not what it is. Queries see it; selectors do not: what they decide would move back and forth with every outage and every run. */
  readonly momentary?: true;
  /** The hub says so itself: a property that an agent reports under this name does not count. */
  readonly hub?: true;
}

const resource = (name: string): Readonly<Record<string, KnownFact>> => ({
  [`${name}-capacity`]: { kind: 'number' }, [`${name}-allocatable`]: { kind: 'number' }, [`${name}-requested`]: { kind: 'number', momentary: true },
});

/** CPUs in cores, memory in bytes, versions without a leading `v` or with. */
export const KNOWN_FACTS: Readonly<Record<string, KnownFact>> = {
  ready: { kind: 'boolean', momentary: true, hub: true },
  connected: { kind: 'boolean', momentary: true, hub: true },
  'in-sync': { kind: 'boolean', momentary: true, hub: true },
  applied: { kind: 'boolean', momentary: true, hub: true },
  consistent: { kind: 'boolean', momentary: true, hub: true },
  frozen: { kind: 'boolean', momentary: true, hub: true },
  held: { kind: 'boolean', momentary: true, hub: true },
  joined: { kind: 'boolean', hub: true },
  revoked: { kind: 'boolean', hub: true },
  pending: { kind: 'boolean', momentary: true, hub: true },
  'joined-at': { kind: 'time', hub: true },
  uid: { kind: 'text' },
  'trust-domain': { kind: 'text', hub: true },
  issuer: { kind: 'text', hub: true },
  'issuing-ca-generation': { kind: 'number', hub: true },
  'certificate-not-after': { kind: 'deadline', momentary: true, hub: true },
  'agent-version': { kind: 'version' },
  'cilium-version': { kind: 'version' },
  'kubernetes-version': { kind: 'version' },
  'cluster-id': { kind: 'number' },
  nodes: { kind: 'number' },
  'nodes-ready': { kind: 'number', momentary: true },
  ...resource('cpu'), ...resource('memory'), ...resource('pods'), ...resource('gpu'),
  'storage-class': { kind: 'list' },
  architecture: { kind: 'list' },
  zone: { kind: 'list' },
  gpu: { kind: 'list' },
  'extended-resource': { kind: 'list' },
  'operating-system': { kind: 'list' },
  'kubelet-version': { kind: 'list' },
  certification: { kind: 'list' },
  capability: { kind: 'list' },
  exports: { kind: 'list', momentary: true },
  current: { kind: 'text', momentary: true },
  desired: { kind: 'text', momentary: true, hub: true },
  run: { kind: 'text', momentary: true, hub: true },
  drift: { kind: 'number', momentary: true, hub: true },
  'drift-class': { kind: 'list', momentary: true, hub: true },
  'last-heard': { kind: 'time', momentary: true, hub: true },
  'last-change': { kind: 'time', momentary: true, hub: true },
};

export const isKnownFact = (key: string): boolean => Object.hasOwn(KNOWN_FACTS, key);
/** Of a fact and of `name`; any other key may hold anything. */
export const kindOf = (key: string): ValueKind => (key === 'name' ? 'text' : isKnownFact(key) ? KNOWN_FACTS[key]!.kind : 'any');
export const isMomentary = (key: string): boolean => isKnownFact(key) && KNOWN_FACTS[key]!.momentary === true;
export const isOfTheHub = (key: string): boolean => isKnownFact(key) && KNOWN_FACTS[key]!.hub === true;
