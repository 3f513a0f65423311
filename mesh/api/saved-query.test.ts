import { expect, test } from 'vitest';
import { apiVersionOf, FleetQuery } from './resources/index.ts';
import type { FleetQueryObject } from './resources/fleet-query.ts';
import { readSavedQuery } from './saved-query.ts';

const object = (spec: object): FleetQueryObject => ({ apiVersion: apiVersionOf(FleetQuery), kind: 'FleetQuery', metadata: { name: 'europe' }, spec } as FleetQueryObject);

test('a saved query has its text and columns; what is left out is every cluster and the usual columns', () => {
  const never = (): never => { throw new Error('other names are not asked for'); };
  expect(readSavedQuery('europe', object({ query: 'region=eu-*', columns: ['team'] }), never)).toEqual({ text: 'region=eu-*', columns: ['team'] });
  expect(readSavedQuery('europe', object({}), never)).toEqual({ text: '', columns: [] });
});

test.each([
  [['asia', 'europe'], 'saved query "eruope": there is none of that name; did you mean "europe"?'],
  [['asia'], 'saved query "eruope": there is none of that name; "kubectl get fleetqueries" lists them'],
  [[], 'saved query "eruope": there is none of that name; a FleetQuery object makes one'],
])('one that is not there, among %j', (names, problem) => {
  expect(readSavedQuery('eruope', undefined, () => names)).toEqual({ problem });
});
