/** DELETE of a collection: what it selects, what it answers, what stays. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Answer, ServerSubject } from './subject.ts';
import { makeNamespace, refusal, TYPES } from './writing.ts';

const NAMESPACE = 'collections';
const MAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;

export function collectionCases(subject: () => ServerSubject): void {
  const ask = (method: string, path: string, body?: unknown, type?: string): Promise<Answer> => subject().ask(method, path, { ...(body === undefined ? {} : { body }), ...(type === undefined ? {} : { type }) });
  const make = async (prefix: string, more: object = {}): Promise<void> => {
    for (const index of [1, 2, 3]) expect((await ask('POST', MAPS, { metadata: { name: `${prefix}-${index}`, labels: { set: prefix, number: String(index) }, ...more } })).code).toBe(201);
  };
  const namesOf = (answer: Answer): readonly string[] => (answer.body.items as readonly { readonly metadata: { readonly name: string } }[]).map(({ metadata }) => metadata.name);
  const left = async (prefix: string): Promise<readonly string[]> => namesOf(await ask('GET', `${MAPS}?labelSelector=set%3D${prefix}`));

  describe('deletion of collections', () => {
    beforeAll(() => makeNamespace(subject(), NAMESPACE));

    test('deletes what the selectors match, and answers with it as it was', async () => {
      await make('some');
      const before = await ask('GET', `${MAPS}?labelSelector=set%3Dsome,number!%3D2`);
      const answer = await ask('DELETE', `${MAPS}?labelSelector=set%3Dsome,number!%3D2`);
      expect(answer).toMatchObject({ code: 200, body: { kind: 'ConfigMapList', apiVersion: 'v1' } });
      expect(answer.body.items).toEqual(before.body.items);
      expect(await left('some')).toEqual(['some-2']);
      expect(namesOf(await ask('DELETE', `${MAPS}?fieldSelector=metadata.name%3Dsome-2`))).toEqual(['some-2']);
      expect(namesOf(await ask('DELETE', `${MAPS}?labelSelector=set%3Dsome`))).toEqual([]);
    });

    test('dryRun deletes nothing', async () => {
      await make('dry');
      expect(namesOf(await ask('DELETE', `${MAPS}?labelSelector=set%3Ddry&dryRun=All`))).toHaveLength(3);
      expect(namesOf(await ask('DELETE', `${MAPS}?labelSelector=set%3Ddry`, { apiVersion: 'v1', kind: 'DeleteOptions', dryRun: ['All'] }))).toHaveLength(3);
      expect(await left('dry')).toHaveLength(3);
    });

    test('what finalizers hold is marked', async () => {
      await make('held', { finalizers: ['example.com/hold'] });
      expect(namesOf(await ask('DELETE', `${MAPS}?labelSelector=set%3Dheld`))).toHaveLength(3);
      const { items } = (await ask('GET', `${MAPS}?labelSelector=set%3Dheld`)).body as { items: { metadata: { name: string; deletionTimestamp?: string } }[] };
      expect(items.map(({ metadata }) => [metadata.name, typeof metadata.deletionTimestamp])).toEqual([1, 2, 3].map((index) => [`held-${index}`, 'string']));
      for (const { metadata } of items) await ask('PATCH', `${MAPS}/${metadata.name}`, { metadata: { finalizers: null } }, TYPES.merge);
      expect(await left('held')).toEqual([]);
    });

    test('preconditions are those of each object: the first that differs ends it', async () => {
      await make('firm');
      const { uid } = (await ask('GET', `${MAPS}/firm-1`)).body.metadata as { uid: string };
      expect(refusal(await ask('DELETE', `${MAPS}?labelSelector=set%3Dfirm`, { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid } }))).toMatchObject({ code: 409, reason: 'Conflict' });
      const rest = await left('firm');
      expect(rest).toContain('firm-2');
      expect(rest).toContain('firm-3');
    });

    test('wrong selectors and options are refused, and delete nothing', async () => {
      await make('kept');
      expect((await ask('DELETE', `${MAPS}?labelSelector=set%3D%3D%3Dx`)).code).toBe(400);
      expect((await ask('DELETE', `${MAPS}?fieldSelector=data.a%3Db`)).code).toBe(400);
      expect(refusal(await ask('DELETE', `${MAPS}?labelSelector=set%3Dkept&dryRun=Some`))).toMatchObject({ code: 422 });
      expect(await left('kept')).toHaveLength(3);
    });
  });
}
