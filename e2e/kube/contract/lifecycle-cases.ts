/** Deleting one object or many: finalizers, preconditions, grace, propagation. */
import { beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../../controller/demo/eventually.ts';
import type { Answer, Ask, ServerSubject } from './subject.ts';

const NAMESPACE = 'lifecycle';
const MAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
const MERGE = 'application/merge-patch+json';

export function lifecycleCases(subject: () => ServerSubject): void {
  const ask = (method: string, path: string, options?: Ask): Promise<Answer> => subject().ask(method, path, options);
  const make = async (name: string, metadata: object = {}): Promise<Answer['body']> => {
    const { code, body } = await ask('POST', MAPS, { body: { metadata: { name, ...metadata } } });
    expect([name, code]).toEqual([name, 201]);
    return body;
  };
  const patch = (name: string, body: object): Promise<Answer> => ask('PATCH', `${MAPS}/${name}`, { type: MERGE, body });
  const isGone = (name: string): Promise<unknown> => eventually(`${name} is gone`, 45_000, async () => (await ask('GET', `${MAPS}/${name}`)).code === 404);

  describe('deleting', () => {
    beforeAll(async () => { await ask('POST', '/api/v1/namespaces', { body: { metadata: { name: NAMESPACE } } }); });

    test('a finalizer holds the object, marked, until it is taken away; the mark stays as it is', async () => {
      await make('held', { finalizers: ['example.com/hold'] });
      const first = await ask('DELETE', `${MAPS}/held?gracePeriodSeconds=0`);
      expect(first).toMatchObject({ code: 200, body: { kind: 'ConfigMap', metadata: { deletionTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as string, deletionGracePeriodSeconds: 0, finalizers: ['example.com/hold'] } } });
      const again = await ask('DELETE', `${MAPS}/held`);
      expect(again.body).toEqual(first.body);
      const edited = await patch('held', { metadata: { deletionTimestamp: null, labels: { still: 'here' } }, data: { a: '1' } });
      expect(edited).toMatchObject({ code: 200, body: { data: { a: '1' }, metadata: { deletionTimestamp: first.body.metadata.deletionTimestamp, labels: { still: 'here' } } } });
      const released = await patch('held', { metadata: { finalizers: null } });
      expect(released).toMatchObject({ code: 200, body: { metadata: { resourceVersion: edited.body.metadata.resourceVersion } } });
      expect(released.body.metadata.finalizers).toBeUndefined();
      expect((await ask('GET', `${MAPS}/held`)).code).toBe(404);
    });

    test('nobody sees the object without its last finalizer: watchers hear of the deletion alone', async () => {
      const made = await make('watched', { finalizers: ['example.com/hold'] });
      const events = subject().events(`${MAPS}?watch=1&fieldSelector=metadata.name%3Dwatched&resourceVersion=${made.metadata.resourceVersion}`, { count: 3, milliseconds: 2_000 });
      await ask('DELETE', `${MAPS}/watched`);
      await patch('watched', { metadata: { finalizers: null } });
      expect((await events).map(({ type, object }) => [type, object.metadata.finalizers])).toEqual([['MODIFIED', ['example.com/hold']], ['DELETED', ['example.com/hold']]]);
    });

    test('while deleting, finalizers are taken away and never added', async () => {
      await make('losing', { finalizers: ['example.com/a', 'example.com/b'] });
      await ask('DELETE', `${MAPS}/losing`);
      const added = await patch('losing', { metadata: { finalizers: ['example.com/a', 'example.com/c'] } });
      expect(added).toMatchObject({ code: 422, body: { reason: 'Invalid', message: 'ConfigMap "losing" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"example.com/c"}' } });
      expect(await patch('losing', { metadata: { finalizers: ['example.com/b'] } })).toMatchObject({ code: 200, body: { metadata: { finalizers: ['example.com/b'] } } });
      await patch('losing', { metadata: { finalizers: [] } });
      await isGone('losing');
    });

    test('finalizers are qualified names, or those of the server', async () => {
      const refused = await ask('POST', MAPS, { body: { metadata: { name: 'odd', finalizers: ['odd'] } } });
      expect(refused).toMatchObject({ code: 422, body: { message: 'ConfigMap "odd" is invalid: metadata.finalizers[0]: Invalid value: "odd": name is neither a standard finalizer name nor is it fully qualified', details: { causes: [{ field: 'metadata.finalizers[0]' }] } } });
      const both = await ask('POST', MAPS, { body: { metadata: { name: 'odd', finalizers: ['orphan', 'foregroundDeletion'] } } });
      expect(both).toMatchObject({ code: 422, body: { details: { causes: [{ reason: 'FieldValueInvalid', field: 'metadata.finalizers' }] } } });
    });

    test('nobody is born deleted', async () => {
      const made = await make('newborn', { deletionTimestamp: '2020-01-01T00:00:00Z', deletionGracePeriodSeconds: 30 });
      expect([made.metadata.deletionTimestamp, made.metadata.deletionGracePeriodSeconds]).toEqual([undefined, undefined]);
    });

    test('preconditions name the object as it must be', async () => {
      const made = await make('exact');
      const wrongUid = await ask('DELETE', `${MAPS}/exact`, { body: { preconditions: { uid: 'other' } } });
      expect(wrongUid).toMatchObject({ code: 409, body: { reason: 'Conflict', message: `Operation cannot be fulfilled on ConfigMap "exact": the UID in the precondition (other) does not match the UID in record (${made.metadata.uid}). The object might have been deleted and then recreated` } });
      const wrongVersion = await ask('DELETE', `${MAPS}/exact`, { body: { preconditions: { resourceVersion: '1' } } });
      expect(wrongVersion).toMatchObject({ code: 409, body: { reason: 'Conflict' } });
      const gone = await ask('DELETE', `${MAPS}/exact`, { body: { preconditions: { uid: made.metadata.uid, resourceVersion: made.metadata.resourceVersion } } });
      expect(gone).toMatchObject({ code: 200, body: { kind: 'Status', status: 'Success', details: { name: 'exact', kind: 'configmaps', uid: made.metadata.uid } } });
    });

    test('the answer says whether the object is still there', async () => {
      await make('asked', { finalizers: ['example.com/hold'] });
      expect((await ask('DELETE', `${MAPS}/asked`, { body: { orphanDependents: false } })).code).toBe(202);
      await patch('asked', { metadata: { finalizers: null } });
      await make('waiting');
      expect(await ask('DELETE', `${MAPS}/waiting?propagationPolicy=Foreground`)).toMatchObject({ code: 200, body: { kind: 'ConfigMap', metadata: { finalizers: ['foregroundDeletion'] } } });
      await isGone('waiting');
      await make('leaving');
      expect(await ask('DELETE', `${MAPS}/leaving`, { body: { propagationPolicy: 'Orphan' } })).toMatchObject({ code: 200, body: { kind: 'ConfigMap', metadata: { finalizers: ['orphan'] } } });
      await isGone('leaving');
    });

    test('a later deletion may say another propagation', async () => {
      await make('changing', { finalizers: ['example.com/hold'] });
      await ask('DELETE', `${MAPS}/changing?propagationPolicy=Background`);
      expect((await ask('DELETE', `${MAPS}/changing?propagationPolicy=Foreground`)).body.metadata.finalizers).toEqual(['example.com/hold', 'foregroundDeletion']);
      await eventually('nothing is waited for', 45_000, async () => (await ask('GET', `${MAPS}/changing`)).body.metadata.finalizers.length === 1);
      await patch('changing', { metadata: { finalizers: null } });
      await isGone('changing');
    });

    test.each([
      ['an unknown propagation', { propagationPolicy: 'Sideways' }, 422, 'propagationPolicy'],
      ['two ways to say it', { propagationPolicy: 'Background', orphanDependents: true }, 422, 'propagationPolicy'],
      ['an unknown dry run', { dryRun: ['Some'] }, 422, 'dryRun'],
      ['a body of another kind', { apiVersion: 'v1', kind: 'Pod' }, 400, undefined],
    ])('%s is refused, and nothing is deleted', async (what, body, code, field) => {
      const name = `kept-${what.replaceAll(' ', '-')}`;
      await make(name);
      const refused = await ask('DELETE', `${MAPS}/${name}`, { body });
      expect([refused.code, refused.body.details?.causes?.[0]?.field]).toEqual([code, field]);
      expect((await ask('GET', `${MAPS}/${name}`)).code).toBe(200);
    });

    test('a dry run shows what would be left, and leaves everything', async () => {
      const made = await make('dry');
      expect(await ask('DELETE', `${MAPS}/dry?dryRun=All`)).toMatchObject({ code: 200, body: { kind: 'Status', status: 'Success' } });
      const shown = await ask('DELETE', `${MAPS}/dry?dryRun=All&propagationPolicy=Foreground`);
      expect(shown).toMatchObject({ code: 200, body: { metadata: { finalizers: ['foregroundDeletion'], resourceVersion: made.metadata.resourceVersion } } });
      expect((await ask('GET', `${MAPS}/dry`)).body).toEqual(made);
    });

    test('a collection goes by selector; those held are marked', async () => {
      for (const [name, team] of [['c1', 'red'], ['c2', 'red'], ['c3', 'blue']] as const) await make(name, { labels: { team }, ...(name === 'c2' ? { finalizers: ['example.com/hold'] } : {}) });
      expect(await ask('DELETE', `${MAPS}?labelSelector=team%3Dnone`)).toMatchObject({ code: 200, body: { kind: 'ConfigMapList', items: [] } });
      const answer = await ask('DELETE', `${MAPS}?labelSelector=team%3Dred`, { body: { propagationPolicy: 'Background' } });
      expect([answer.code, answer.body.items.map((item: Answer['body']) => item.metadata.name).sort()]).toEqual([200, ['c1', 'c2']]);
      const left = await ask('GET', `${MAPS}?labelSelector=team`);
      expect(left.body.items.map((item: Answer['body']) => [item.metadata.name, item.metadata.deletionTimestamp !== undefined])).toEqual([['c2', true], ['c3', false]]);
      await patch('c2', { metadata: { finalizers: null } });
      await ask('DELETE', `${MAPS}?fieldSelector=metadata.name%3Dc3`);
      expect((await ask('GET', `${MAPS}?labelSelector=team`)).body.items).toEqual([]);
    });

    test('a definition takes its objects along, and waits for those that are held', async () => {
      const name = 'gadgets.lifecycle.example.com';
      const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
      const gadgets = `/apis/lifecycle.example.com/v1/namespaces/${NAMESPACE}/gadgets`;
      const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
      await ask('POST', definitions, { body: { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name }, spec: { group: 'lifecycle.example.com', scope: 'Namespaced', names: { kind: 'Gadget', plural: 'gadgets' }, versions: [{ name: 'v1', served: true, storage: true, schema }] } } });
      const gadget = (metadata: object): Ask => ({ body: { apiVersion: 'lifecycle.example.com/v1', kind: 'Gadget', metadata } });
      await eventually('gadgets are served', 45_000, async () => (await ask('POST', gadgets, gadget({ name: 'free' }))).code === 201);
      await ask('POST', gadgets, gadget({ name: 'held', finalizers: ['example.com/hold'] }));
      const marked = await ask('DELETE', `${definitions}/${name}`);
      expect(marked).toMatchObject({ code: 200, body: { metadata: { finalizers: ['customresourcecleanup.apiextensions.k8s.io'], deletionTimestamp: expect.any(String) as string } } });
      await eventually('what nothing holds is gone', 45_000, async () => (await ask('GET', `${gadgets}/free`)).code === 404);
      await eventually('no new ones are taken', 45_000, async () => (await ask('POST', gadgets, gadget({ name: 'late' }))).body.message === 'gadgets.lifecycle.example.com "late" is forbidden: create not allowed while custom resource definition is terminating');
      expect((await ask('GET', `${definitions}/${name}`)).code).toBe(200);
      expect((await ask('PATCH', `${gadgets}/held`, { type: MERGE, body: { metadata: { finalizers: null } } })).code).toBe(200);
      await eventually('the definition is gone', 45_000, async () => (await ask('GET', `${definitions}/${name}`)).code === 404);
      await eventually('nobody serves gadgets', 45_000, async () => (await ask('GET', gadgets)).code === 404);
    });
  });
}
