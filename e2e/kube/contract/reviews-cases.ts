/** Kinds that are only asked and never kept, and events of `events.k8s.io`: what discovery and OpenAPI say of them, and how their bodies are read. */
import { describe, expect, test } from 'vitest';
import type { Answer, ServerSubject } from './subject.ts';

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
interface Kind { readonly plural: string; readonly kind: string; readonly namespaced?: true; readonly verbs?: readonly string[]; readonly shortNames?: readonly string[] }
const GROUPS: Readonly<Record<string, readonly Kind[]>> = {
  'authentication.k8s.io': [{ plural: 'selfsubjectreviews', kind: 'SelfSubjectReview' }, { plural: 'tokenreviews', kind: 'TokenReview' }],
  'authorization.k8s.io': [
    { plural: 'localsubjectaccessreviews', kind: 'LocalSubjectAccessReview', namespaced: true }, { plural: 'selfsubjectaccessreviews', kind: 'SelfSubjectAccessReview' },
    { plural: 'selfsubjectrulesreviews', kind: 'SelfSubjectRulesReview' }, { plural: 'subjectaccessreviews', kind: 'SubjectAccessReview' },
  ],
  'events.k8s.io': [{ plural: 'events', kind: 'Event', namespaced: true, verbs: VERBS, shortNames: ['ev'] }],
};
const REVIEWS = ['authentication.k8s.io', 'authorization.k8s.io'].flatMap((group) => (GROUPS[group] ?? []).map((kind) => ({ ...kind, path: `/apis/${group}/v1/${kind.namespaced === true ? 'namespaces/default/' : ''}${kind.plural}` })));
const SELF = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';

export function reviewsCases(subject: () => ServerSubject): void {
  const ask: ServerSubject['ask'] = (method, path, options) => subject().ask(method, path, options);
  const get = async (path: string): Promise<Answer['body']> => (await ask('GET', path)).body;
  const singular = ({ kind }: Kind): string => kind.toLowerCase();

  describe('documents of reviews and events', () => {
    test.each(Object.entries(GROUPS))('%s in discovery', async (name, kinds) => {
      const version = { groupVersion: `${name}/v1`, version: 'v1' };
      const group = { name, versions: [version], preferredVersion: version };
      expect(await get(`/apis/${name}`)).toEqual({ kind: 'APIGroup', apiVersion: 'v1', ...group });
      expect((await get('/apis')).groups).toContainEqual(group);
      expect((await get('/')).paths).toEqual(expect.arrayContaining([`/apis/${name}`, `/apis/${name}/v1`]));
      const list = await get(`/apis/${name}/v1`);
      expect([list.kind, list.apiVersion, list.groupVersion]).toEqual(['APIResourceList', 'v1', `${name}/v1`]);
      expect(list.resources.map(({ storageVersionHash: _hash, ...resource }: Answer['body']) => resource)).toEqual(kinds.map((kind) => ({
        name: kind.plural, singularName: singular(kind), namespaced: kind.namespaced === true, kind: kind.kind, verbs: kind.verbs ?? ['create'], ...(kind.shortNames === undefined ? {} : { shortNames: kind.shortNames }),
      })));
    });

    test.each(Object.entries(GROUPS))('%s in aggregated discovery', async (name, kinds) => {
      const groups = (await ask('GET', '/apis', { accept: AGGREGATED })).body.items;
      expect(groups.find(({ metadata }: Answer['body']) => metadata.name === name)).toEqual({
        metadata: { name },
        versions: [{
          version: 'v1', freshness: 'Current',
          resources: kinds.map((kind) => ({
            resource: kind.plural, responseKind: { group: '', version: '', kind: kind.kind }, scope: kind.namespaced === true ? 'Namespaced' : 'Cluster', singularResource: singular(kind), verbs: kind.verbs ?? ['create'],
            ...(kind.shortNames === undefined ? {} : { shortNames: kind.shortNames }),
          })),
        }],
      });
    });

    test.each(Object.entries(GROUPS))('%s in OpenAPI', async (name, kinds) => {
      const { serverRelativeURL } = (await get('/openapi/v3')).paths[`apis/${name}/v1`];
      const { paths, components } = await get(serverRelativeURL);
      for (const { plural, kind, namespaced, verbs } of kinds) {
        const schema = components.schemas[`io.k8s.api.${name.split('.')[0]}.v1.${kind}`];
        expect(schema).toMatchObject({ type: 'object', description: expect.stringMatching(/\w/) as string, 'x-kubernetes-group-version-kind': [{ group: name, version: 'v1', kind }] });
        for (const [, reference] of JSON.stringify(schema).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)) expect(components.schemas).toHaveProperty([reference as string]);
        const collection = paths[`/apis/${name}/v1/${namespaced === true ? 'namespaces/{namespace}/' : ''}${plural}`];
        expect(collection.post).toMatchObject({ 'x-kubernetes-action': 'post', 'x-kubernetes-group-version-kind': { group: name, version: 'v1', kind } });
        const parameters = [...collection.parameters ?? [], ...collection.post.parameters ?? []].map((parameter: { readonly name: string }) => parameter.name);
        expect(parameters).toEqual(expect.arrayContaining(['dryRun', 'fieldManager', 'fieldValidation']));
        expect(collection.patch).toBeUndefined();
        if (verbs === undefined) expect(collection.get).toBeUndefined();
      }
    });

    test.each(REVIEWS)('$kind can be asked, and nothing else', async ({ path, namespaced }) => {
      for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) expect(await ask(method, path, method === 'GET' ? {} : { body: {} }), method).toMatchObject({ code: 405, body: { reason: 'MethodNotAllowed' } });
      expect((await ask('GET', `${path}/one`)).code).toBe(404);
      if (namespaced === true) expect((await ask('POST', path.replace('namespaces/default/', ''), { body: {} })).code).toBe(404);
    });

    test('unknown fields of a review are told or refused, values of another type are refused', async () => {
      const body = { spec: { resourceAttributes: { verb: 'get', resource: 'secrets', bogus: 1 } }, more: true };
      expect(await ask('POST', `${SELF}?fieldValidation=Strict`, { body })).toMatchObject({
        code: 400, body: { reason: 'BadRequest', message: 'SelfSubjectAccessReview in version "v1" cannot be handled as a SelfSubjectAccessReview: strict decoding error: unknown field "spec.resourceAttributes.bogus", unknown field "more"' },
      });
      const told = await ask('POST', `${SELF}?fieldValidation=Warn`, { body });
      expect([told.code, told.body.spec, [told.headers['warning']].flat().join(', ')]).toEqual([201, { resourceAttributes: { verb: 'get', resource: 'secrets' } }, '299 - "unknown field \\"spec.resourceAttributes.bogus\\"", 299 - "unknown field \\"more\\""']);
      const silent = await ask('POST', `${SELF}?fieldValidation=Ignore`, { body });
      expect([silent.code, silent.headers['warning']]).toEqual([201, undefined]);
      for (const wrong of [{ spec: [] }, { spec: { resourceAttributes: { verb: 5 } } }, { apiVersion: 'v1', spec: {} }, { kind: 'SubjectAccessReview', spec: {} }, { kind: 'None', spec: {} }]) {
        expect(await ask('POST', SELF, { body: wrong }), JSON.stringify(wrong)).toMatchObject({ code: 400, body: { reason: 'BadRequest' } });
      }
    });

    test('a dry run of a review is a review', async () => {
      expect(await ask('POST', `${SELF}?dryRun=All`, { body: { spec: { resourceAttributes: { verb: 'get', resource: 'secrets' } } } })).toMatchObject({ code: 201, body: { status: { allowed: true } } });
      expect(await ask('POST', `${SELF}?dryRun=Some`, { body: { spec: { resourceAttributes: { verb: 'get', resource: 'secrets' } } } })).toMatchObject({ code: 422, body: { reason: 'Invalid' } });
    });
  });
}
