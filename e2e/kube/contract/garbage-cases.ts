/** What becomes of objects whose owners go: background, foreground, orphans, owners that are not there. The real collector takes its time. */
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../../controller/demo/eventually.ts';
import type { Answer, Ask, ServerSubject } from './subject.ts';

const NAMESPACE = 'garbage';
const MAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
const MERGE = 'application/merge-patch+json';
const PATIENCE = 30_000;
/** Long enough for the real collector to do what it should not. */
const QUIET_MILLISECONDS = 1_500;

type Body = Answer['body'];
const ownedBy = (owner: Body, more: object = {}): object => ({ apiVersion: owner.apiVersion, kind: owner.kind, name: owner.metadata.name, uid: owner.metadata.uid, ...more });

export function garbageCases(subject: () => ServerSubject): void {
  const ask = (method: string, path: string, options?: Ask): Promise<Answer> => subject().ask(method, path, options);
  const make = async (name: string, owners: readonly object[] = [], metadata: object = {}, namespace = NAMESPACE): Promise<Body> => {
    const { code, body } = await ask('POST', `/api/v1/namespaces/${namespace}/configmaps`, { body: { metadata: { name, ...(owners.length === 0 ? {} : { ownerReferences: owners }), ...metadata } } });
    expect([name, code, code === 201 ? '' : body]).toEqual([name, 201, '']);
    return body;
  };
  const get = (name: string, namespace = NAMESPACE): Promise<Answer> => ask('GET', `/api/v1/namespaces/${namespace}/configmaps/${name}`);
  const free = (name: string): Promise<Answer> => ask('PATCH', `${MAPS}/${name}`, { type: MERGE, body: { metadata: { finalizers: null } } });
  const isGone = (name: string, namespace = NAMESPACE): Promise<unknown> => eventually(`${name} is gone`, PATIENCE, async () => (await get(name, namespace)).code === 404);
  const remove = (name: string, propagation: string): Promise<Answer> => ask('DELETE', `${MAPS}/${name}?propagationPolicy=${propagation}`);

  describe('owners', () => {
    beforeAll(async () => { for (const name of [NAMESPACE, 'garbage-other']) await ask('POST', '/api/v1/namespaces', { body: { metadata: { name } } }); });

    test('background: the owner goes at once, what it owns after it, all the way down', async () => {
      const top = await make('chain-1');
      const middle = await make('chain-2', [ownedBy(top)]);
      await make('chain-3', [ownedBy(middle)]);
      expect(await remove('chain-1', 'Background')).toMatchObject({ code: 200, body: { status: 'Success' } });
      expect((await get('chain-1')).code).toBe(404);
      await isGone('chain-2');
      await isGone('chain-3');
    });

    test('foreground: the owner waits for those that block it, and for no others', async () => {
      const owner = await make('patient');
      await make('blocking', [ownedBy(owner, { blockOwnerDeletion: true })], { finalizers: ['example.com/hold'] });
      await make('not-blocking', [ownedBy(owner)], { finalizers: ['example.com/hold'] });
      await remove('patient', 'Foreground');
      for (const name of ['blocking', 'not-blocking']) await eventually(`${name} is marked`, PATIENCE, async () => (await get(name)).body.metadata.deletionTimestamp !== undefined);
      await sleep(QUIET_MILLISECONDS);
      expect(await get('patient')).toMatchObject({ code: 200, body: { metadata: { finalizers: ['foregroundDeletion'] } } });
      await free('blocking');
      await isGone('patient');
      expect((await get('not-blocking')).code).toBe(200);
      await free('not-blocking');
      await isGone('not-blocking');
    });

    test('foreground goes down a chain from its end', async () => {
      const top = await make('deep-1');
      const middle = await make('deep-2', [ownedBy(top, { blockOwnerDeletion: true })]);
      await make('deep-3', [ownedBy(middle, { blockOwnerDeletion: true })], { finalizers: ['example.com/hold'] });
      await remove('deep-1', 'Foreground');
      await eventually('deep-2 waits too', PATIENCE, async () => (await get('deep-2')).body.metadata.finalizers?.[0] === 'foregroundDeletion');
      await eventually('deep-3 is marked', PATIENCE, async () => (await get('deep-3')).body.metadata.deletionTimestamp !== undefined);
      expect((await get('deep-1')).code).toBe(200);
      await free('deep-3');
      for (const name of ['deep-3', 'deep-2', 'deep-1']) await isGone(name);
    });

    test('an owner goes on when a dependent stops blocking it', async () => {
      const owner = await make('released');
      await make('releasing', [ownedBy(owner, { blockOwnerDeletion: true })], { finalizers: ['example.com/hold'] });
      await remove('released', 'Foreground');
      await eventually('releasing is marked', PATIENCE, async () => (await get('releasing')).body.metadata.deletionTimestamp !== undefined);
      await ask('PATCH', `${MAPS}/releasing`, { type: MERGE, body: { metadata: { ownerReferences: [ownedBy(owner, { blockOwnerDeletion: false })] } } });
      await isGone('released');
      await free('releasing');
      await isGone('releasing');
    });

    test('two that own each other do not wait for ever', async () => {
      const one = await make('ring-1');
      const two = await make('ring-2', [ownedBy(one, { blockOwnerDeletion: true })]);
      await ask('PATCH', `${MAPS}/ring-1`, { type: MERGE, body: { metadata: { ownerReferences: [ownedBy(two, { blockOwnerDeletion: true })] } } });
      await remove('ring-1', 'Foreground');
      await isGone('ring-1');
      await isGone('ring-2');
    });

    test('orphans stay, without the reference', async () => {
      const owner = await make('leaver');
      const other = await make('stayer');
      await make('orphan', [ownedBy(owner), ownedBy(other)]);
      await make('full-orphan', [ownedBy(owner)]);
      await remove('leaver', 'Orphan');
      await isGone('leaver');
      expect((await get('orphan')).body.metadata.ownerReferences).toEqual([ownedBy(other)]);
      expect((await get('full-orphan')).body.metadata.ownerReferences).toBeUndefined();
    });

    test('two owners: the object goes with the last of them, and forgets the first', async () => {
      const [first, second] = [await make('first'), await make('second')];
      await make('shared', [ownedBy(first), ownedBy(second)]);
      await remove('first', 'Background');
      await eventually('the first is forgotten', PATIENCE, async () => (await get('shared')).body.metadata.ownerReferences.length === 1);
      expect((await get('shared')).body.metadata.ownerReferences).toEqual([ownedBy(second)]);
      await remove('second', 'Background');
      await isGone('shared');
    });

    test('of two owners one may wait: the other keeps the object', async () => {
      const [waiting, solid] = [await make('waiting-owner'), await make('solid-owner')];
      await make('kept', [ownedBy(waiting, { blockOwnerDeletion: true }), ownedBy(solid)]);
      await remove('waiting-owner', 'Foreground');
      await isGone('waiting-owner');
      expect((await get('kept')).body.metadata.ownerReferences).toEqual([ownedBy(solid)]);
      expect((await get('kept')).body.metadata.deletionTimestamp).toBeUndefined();
    });

    test('an owner that is not there, or another of the same name, counts as gone', async () => {
      const owner = await make('namesake');
      await make('foundling', [ownedBy(owner, { name: 'nobody' })]);
      await make('stranger', [ownedBy(owner, { uid: '00000000-0000-4000-8000-000000000000' })]);
      await isGone('foundling');
      await isGone('stranger');
      expect((await get('namesake')).code).toBe(200);
    });

    test('an owner in another namespace counts as gone; one of the cluster does not', async () => {
      const away = await make('away', [], {}, 'garbage-other');
      await make('abroad', [ownedBy(away)]);
      await isGone('abroad');
      const namespace = (await ask('GET', '/api/v1/namespaces/garbage-other')).body;
      await make('at-home', [ownedBy({ apiVersion: 'v1', kind: 'Namespace', metadata: namespace.metadata })]);
      await sleep(QUIET_MILLISECONDS);
      expect((await get('at-home')).code).toBe(200);
    });

    test('an owner of a kind that nobody serves is waited for; an object of the cluster has no owner in a namespace', async () => {
      await make('hopeful', [{ apiVersion: 'nobody.example.com/v1', kind: 'Nobody', name: 'a', uid: 'b' }]);
      const owner = await make('local-owner');
      const name = 'garbage-owned';
      expect((await ask('POST', '/api/v1/namespaces', { body: { metadata: { name, ownerReferences: [ownedBy(owner, { uid: 'gone' })] } } })).code).toBe(201);
      await sleep(QUIET_MILLISECONDS);
      expect([(await get('hopeful')).code, (await ask('GET', `/api/v1/namespaces/${name}`)).body.status.phase]).toEqual([200, 'Active']);
      await ask('DELETE', `/api/v1/namespaces/${name}`);
    });

    test('a dependent with a finalizer is marked, and goes when it is let go', async () => {
      const owner = await make('leaving-owner');
      await make('reluctant', [ownedBy(owner)], { finalizers: ['example.com/hold'] });
      await remove('leaving-owner', 'Background');
      await eventually('reluctant is marked', PATIENCE, async () => (await get('reluctant')).body.metadata.deletionTimestamp !== undefined);
      await free('reluctant');
      await isGone('reluctant');
    });

    test('a collection is deleted with its dependents, or without', async () => {
      const owner = await make('collected', [], { labels: { collect: 'yes' } });
      await make('collected-child', [ownedBy(owner)]);
      await ask('DELETE', `${MAPS}?labelSelector=collect%3Dyes&propagationPolicy=Orphan`);
      await isGone('collected');
      await eventually('the child is free', PATIENCE, async () => (await get('collected-child')).body.metadata.ownerReferences === undefined);
    });

    test.each([
      ['empty fields', [{ apiVersion: 'v1', kind: '', name: '', uid: '' }], ['kind', 'name', 'uid'].map((key) => `metadata.ownerReferences.${key}`)],
      ['no version', [{ apiVersion: 'a/b/c', kind: 'K', name: 'a', uid: 'u' }], ['metadata.ownerReferences.apiVersion']],
      ['an Event', [{ apiVersion: 'v1', kind: 'Event', name: 'a', uid: 'u' }], ['metadata.ownerReferences']],
      ['two controllers', ['a', 'b'].map((name) => ({ apiVersion: 'v1', kind: 'ConfigMap', name, uid: name, controller: true })), ['metadata.ownerReferences']],
    ])('a reference with %s is refused', async (_what, ownerReferences, fields) => {
      const { code, body } = await ask('POST', MAPS, { body: { metadata: { name: 'refused', ownerReferences } } });
      expect([code, body.reason, body.details.causes.map((cause: { readonly field: string }) => cause.field)]).toEqual([422, 'Invalid', fields]);
    });
  });
}
