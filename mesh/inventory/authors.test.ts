import { expect, test } from 'vitest';
import { type AuthorFacts, authorsOf } from './authors.ts';

const AGENT = 'spiffe://example.org/cluster/oslo';
const owner = (manager: string, time: string, fieldsV1: Record<string, unknown>, subresource = '') => ({ manager, time, fieldsV1, subresource });
const label = (key: string) => ({ 'f:metadata': { 'f:labels': { '.': {}, [`f:${key}`]: {} } } });
const facts: AuthorFacts = {
  agent: AGENT, before: { 'spec.properties.gone': '"x"' }, after: { 'spec.properties.owner': '"net"' },
  assignment: { run: 'europe-2' }, run: (name) => (name === 'europe-2' ? { requestedBy: 'ada', reason: 'upgrade', approvedBy: ['ben'] } : undefined),
  managedFields: [
    owner('kubectl-create', '2026-01-01T00:00:00Z', { 'f:metadata': { 'f:labels': { 'f:region': {}, 'f:stage': {} } }, 'f:spec': { 'f:properties': { 'f:owner': {} } } }),
    owner('kubectl-label', '2026-01-02T00:00:00Z', label('stage')),
    owner('argocd-controller', '2026-01-03T00:00:00Z', { 'f:spec': { 'f:frozen': { 'f:reason': {} } } }),
    owner('isthmus-hub', '2026-01-04T00:00:00Z', { 'f:status': {} }, 'status'),
  ],
};
const run = { run: 'europe-2', reason: 'upgrade', approvedBy: ['ben'] };

test.each([
  ['labels.region', 'kubectl-create'], ['labels.stage', 'kubectl-label'], ['spec.properties.owner', 'kubectl-create'], ['spec.frozen', 'argocd-controller'],
  // Nobody owns what is gone: the last writer of the object took it away, as far as Kubernetes tells.
  ['labels.gone', 'argocd-controller'], ['properties.gone', 'argocd-controller'],
  ['properties.owner', 'kubectl-create'], ['properties.country', AGENT], ['identity', 'hub'], ['conditions.Ready', 'hub'], ['conditions.InSync', AGENT], ['nodes', AGENT], ['cilium.version', AGENT],
])('%s is by %s', (field, by) => { expect(authorsOf(facts)(field)).toEqual({ by, run: null, reason: null, approvedBy: [] }); });

test.each([['desired', 'ada'], ['current', AGENT], ['conditions.Applied', AGENT]])('%s is by %s, in the run that was asked for', (field, by) => { expect(authorsOf(facts)(field)).toEqual({ by, ...run }); });

test('a run that the hub planned or that is gone stands for itself; without one the agent speaks', () => {
  expect(authorsOf({ ...facts, run: () => ({ requestedBy: null, reason: 'mesh europe changed', approvedBy: [] }) })('desired')).toEqual({ by: 'run/europe-2', run: 'europe-2', reason: 'mesh europe changed', approvedBy: [] });
  expect(authorsOf({ ...facts, run: () => undefined })('desired')).toEqual({ by: 'run/europe-2', run: 'europe-2', reason: null, approvedBy: [] });
  expect(authorsOf({ ...facts, assignment: null })('current')).toEqual({ by: AGENT, run: null, reason: null, approvedBy: [] });
  expect(authorsOf({ ...facts, managedFields: [] })('labels.region').by).toBe('unknown');
});
