import { expect, it } from 'vitest';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { runAuthor } from './run-author.ts';

const run = (requestedBy: string, people: readonly string[]): UpdateRunObject => ({
  apiVersion: 'isthmus.dev/v1alpha1', kind: 'UpdateRun', metadata: { name: 'europe-1' }, spec: { reason: 'Mesh europe', requestedBy, stop: false },
  status: { phase: 'Running', message: '', counts: { total: 1, done: 0, inFlight: 1, failed: 0, skipped: 0 }, changedBy: people.map((person) => ({ person, changed: ['Mesh europe'] })) },
});

it.each([
  ['cay', ['ann'], 'cay'], ['isthmus-hub', [], null], ['isthmus-hub', ['ann'], 'ann'], ['isthmus-hub', ['ann', 'ben'], 'ann, ben'], ['isthmus-hub', ['a', 'b', 'c', 'd', 'e', 'f'], 'a, b, c, d and 2 more'],
])('of a run that %s asked for, with changes of %j, it is %s', (requestedBy, people, author) => {
  expect(runAuthor(run(requestedBy, people), ['dan'], undefined)).toEqual({ requestedBy: author, reason: 'Mesh europe', approvedBy: ['dan'] });
});
