import { expect, test } from 'vitest';
import { grantsOf, grantText, unusedGrants } from './grants.ts';

const role = (rules: readonly object[], namespace?: string) => ({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: namespace === undefined ? 'ClusterRole' : 'Role', metadata: { name: 'r', ...(namespace === undefined ? {} : { namespace }) }, rules });
const request = { user: 'u', verb: 'get', group: '', resource: 'secrets', namespace: 'a', name: 'one', status: 200 };
const unused = (objects: readonly ReturnType<typeof role>[], requests: readonly (typeof request)[]): string[] => unusedGrants(grantsOf(objects), requests).map(grantText);

test('a right that nobody used is found: other verb, resource, namespace or name', () => {
  const granted = role([{ apiGroups: [''], resources: ['secrets'], verbs: ['get', 'update'], resourceNames: ['one', 'two'] }], 'a');
  expect(unused([granted], [request])).toEqual(['get secrets two in a', 'update secrets one in a', 'update secrets two in a']);
  expect(unused([granted], [{ ...request, namespace: 'b' }])).toContain('get secrets one in a');
  expect(unused([role([{ apiGroups: [''], resources: ['secrets/status'], verbs: ['get'] }])], [request])).toEqual(['get secrets/status * in *']);
  expect(unused([role([{ apiGroups: ['apps'], resources: ['secrets'], verbs: ['get'] }])], [request])).toEqual(['get secrets.apps * in *']);
  expect(unused([role([{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }])], [request])).toEqual([]);
});

test('an apply that made the object used create as well, one that changed it did not', () => {
  const granted = role([{ apiGroups: [''], resources: ['secrets'], verbs: ['create', 'patch'] }]);
  expect(unused([granted], [{ ...request, verb: 'patch', status: 201 }])).toEqual([]);
  expect(unused([granted], [{ ...request, verb: 'patch', status: 200 }])).toEqual(['create secrets * in *']);
});

test('who watches may list', () => {
  const granted = role([{ apiGroups: [''], resources: ['secrets'], verbs: ['list', 'watch'] }]);
  expect(unused([granted], [{ ...request, verb: 'watch' }])).toEqual([]);
  expect(unused([granted], [{ ...request, verb: 'list' }])).toEqual(['watch secrets * in *']);
});
