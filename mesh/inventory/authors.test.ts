import { expect, test } from 'vitest';
import { authorsOf, REASON_ANNOTATION } from './authors.ts';

const label = (key: string) => ({ 'f:labels': { [`f:${key}`]: {} } });
const why = { 'f:annotations': { [`f:${REASON_ANNOTATION}`]: {} } };
const entry = (manager: string, time: string, metadata: object) => ({ manager, time: `2026-01-0${time}T00:00:00Z`, fieldsV1: { 'f:metadata': metadata } });
const authorOf = (managedFields: Parameters<typeof authorsOf>[0]['managedFields'], annotations = { [REASON_ANNOTATION]: 'moves next week' }) =>
  authorsOf({ agent: 'spiffe://bank.example/cluster/oslo', managedFields, annotations, before: {}, after: { 'spec.properties.owner': '"ada"' }, assignment: null, run: () => undefined });

test('a reason on the object counts for what its own writer wrote', () => {
  const author = authorOf([entry('isthmus-cli', '1', { ...label('region'), ...why }), entry('kubectl-label', '2', label('team'))]);
  expect(author('labels.region')).toMatchObject({ by: 'isthmus-cli', reason: 'moves next week' });
  expect(author('labels.team')).toMatchObject({ by: 'kubectl-label', reason: null });
  expect(author('nodes')).toMatchObject({ by: 'spiffe://bank.example/cluster/oslo', reason: null });
});

test('the last writer of a field that several own; of a removed one the last writer of the object', () => {
  const author = authorOf([entry('isthmus-cli', '1', { ...label('region'), ...why }), entry('kubectl-edit', '3', label('region'))]);
  expect(author('labels.region')).toMatchObject({ by: 'kubectl-edit', reason: null });
  expect(author('labels.gone')).toMatchObject({ by: 'kubectl-edit', reason: null });
  expect(author('properties.owner')).toMatchObject({ by: 'kubectl-edit' });
});
