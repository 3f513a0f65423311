/** Which state a get or list shows: versions, pages of one snapshot, and the combinations that are refused. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Answer, ServerSubject } from './subject.ts';

const NAMESPACE = 'reads-versions';
const PATH = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
/** A version that no server of the suite reaches. */
const FUTURE = '999999999';

const names = (answer: Answer): string[] => (answer.body.items as { metadata: { name: string } }[]).map((item) => item.metadata.name);
const causes = (answer: Answer): unknown => [answer.code, answer.body.reason, (answer.body.details.causes as { reason: string; field: string }[]).map(({ reason, field }) => `${reason} ${field}`)];

export function versionsCases(subject: () => ServerSubject): void {
  const ask = (query: string): Promise<Answer> => subject().ask('GET', `${PATH}${query}`);
  const create = async (name: string): Promise<string> => {
    const made = await subject().ask('POST', PATH, { body: { metadata: { name, labels: { even: String('bdf'.includes(name)) } } } });
    expect(made.code).toBe(201);
    return made.body.metadata.resourceVersion as string;
  };

  describe('versions of reads', () => {
    /** Of the namespace with a to c, and with a to e. */
    let early: string;
    let late: string;
    beforeAll(async () => {
      await subject().ask('POST', '/api/v1/namespaces', { body: { metadata: { name: NAMESPACE } } });
      for (const name of ['a', 'b']) await create(name);
      early = await create('c');
      await create('d');
      late = await create('e');
    });

    test('unset and "0" show everything, and the version of the list is not older than what it shows', async () => {
      for (const query of ['?labelSelector=even', '?labelSelector=even&resourceVersion=0', `?labelSelector=even&resourceVersion=${early}`, `?labelSelector=even&resourceVersion=${late}&resourceVersionMatch=NotOlderThan`]) {
        const list = await ask(query);
        expect([list.code, list.body.kind, list.body.apiVersion, names(list)], query).toEqual([200, 'ConfigMapList', 'v1', ['a', 'b', 'c', 'd', 'e']]);
        expect(Number(list.body.metadata.resourceVersion)).toBeGreaterThanOrEqual(Number(late));
        // Items of a typed list do not say what they are.
        expect([list.body.items[0].kind, list.body.items[0].apiVersion]).toEqual([undefined, undefined]);
      }
    });

    test('Exact shows that very version', async () => {
      const list = await ask(`?resourceVersion=${early}&resourceVersionMatch=Exact&labelSelector=even`);
      expect([list.code, names(list), list.body.metadata.resourceVersion]).toEqual([200, ['a', 'b', 'c'], early]);
    });

    test('combinations that mean nothing are refused, and the cause names the field', async () => {
      const token = (await ask('?limit=1')).body.metadata.continue as string;
      expect(causes(await ask('?resourceVersionMatch=Exact'))).toEqual([422, 'Invalid', ['FieldValueForbidden resourceVersionMatch']]);
      expect(causes(await ask('?resourceVersionMatch=NotOlderThan'))).toEqual([422, 'Invalid', ['FieldValueForbidden resourceVersionMatch']]);
      expect(causes(await ask('?resourceVersion=0&resourceVersionMatch=Exact'))).toEqual([422, 'Invalid', ['FieldValueForbidden resourceVersionMatch']]);
      expect(causes(await ask(`?resourceVersion=${late}&resourceVersionMatch=Roughly`))).toEqual([422, 'Invalid', ['FieldValueNotSupported resourceVersionMatch']]);
      expect(causes(await ask('?resourceVersionMatch=Roughly'))).toEqual([422, 'Invalid', ['FieldValueForbidden resourceVersionMatch', 'FieldValueNotSupported resourceVersionMatch']]);
      expect(causes(await ask(`?continue=${token}&resourceVersion=${late}&resourceVersionMatch=Exact`))).toEqual([422, 'Invalid', ['FieldValueForbidden resourceVersionMatch']]);
      expect(causes(await ask('?sendInitialEvents=true'))).toEqual([422, 'Invalid', ['FieldValueForbidden sendInitialEvents']]);
      const refused = await ask('?resourceVersion=0&resourceVersionMatch=Exact');
      expect(refused.body).toMatchObject({ message: 'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"', details: { group: 'meta.k8s.io', kind: 'ListOptions' } });
      const both = await ask(`?continue=${token}&resourceVersion=${late}`);
      expect([both.code, both.body.reason, both.body.message]).toEqual([400, 'BadRequest', 'specifying resource version is not allowed when using continue']);
    });

    test('garbage is 400, a version to come is 504 with a cause and a time to wait', async () => {
      for (const version of ['abc', '-1', '99999999999999999999999']) expect((await ask(`?resourceVersion=${version}`)).body, version).toMatchObject({ code: 400, reason: 'BadRequest', message: expect.stringMatching(/^invalid resource version/) as string });
      // At once: kube-apiserver waits for such a version for three seconds.
      for (const answer of await Promise.all([`?resourceVersion=${FUTURE}`, `?resourceVersion=${FUTURE}&resourceVersionMatch=Exact`, `/a?resourceVersion=${FUTURE}`].map(ask))) {
        expect(answer.body).toMatchObject({ code: 504, reason: 'Timeout', details: { causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }], retryAfterSeconds: 1 } });
        expect(answer.body.message).toMatch(/^Timeout: Too large resource version: 999999999, current: \d+$/);
      }
    });

    test('a get takes any version that has been', async () => {
      for (const query of ['', '?resourceVersion=0', `?resourceVersion=${early}`]) expect((await ask(`/e${query}`)).body, query).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'e', resourceVersion: late } });
      expect((await ask('/none?resourceVersion=0')).body).toMatchObject({ code: 404, reason: 'NotFound', message: 'configmaps "none" not found', details: { name: 'none', kind: 'configmaps' } });
    });

    test('pages are of one snapshot while writes go on', async () => {
      const first = await ask('?limit=2&labelSelector=even');
      expect([names(first), first.body.metadata.remainingItemCount]).toEqual([['a', 'b'], undefined]);
      await subject().ask('PATCH', `${PATH}/d`, { type: 'application/merge-patch+json', body: { data: { changed: 'yes' } } });
      await subject().ask('DELETE', `${PATH}/c`);
      await create('cc');
      const second = await ask(`?limit=2&labelSelector=even&continue=${first.body.metadata.continue as string}`);
      const third = await ask(`?limit=9&labelSelector=even&continue=${second.body.metadata.continue as string}`);
      expect([second, third].map(names)).toEqual([['c', 'd'], ['e']]);
      expect(second.body.items[1].data).toBeUndefined();
      expect([second, third].map((page) => page.body.metadata.resourceVersion)).toEqual([first.body.metadata.resourceVersion, first.body.metadata.resourceVersion]);
      expect(third.body.metadata.continue).toBeFalsy();
      expect(names(await ask('?labelSelector=even'))).toEqual(['a', 'b', 'cc', 'd', 'e']);
    });

    test('without a selector a page says how much is left; there is no next one after the last', async () => {
      const whole = names(await ask(''));
      const first = await ask(`?limit=${whole.length - 1}`);
      expect([first.body.items.length, first.body.metadata.remainingItemCount]).toEqual([whole.length - 1, 1]);
      const last = await ask(`?limit=${whole.length}`);
      expect([names(last), last.body.metadata.remainingItemCount, last.body.metadata.continue || '']).toEqual([whole, undefined, '']);
      // Whatever version it is, it is not paged.
      expect(names(await ask('?limit=1&resourceVersion=0'))).toEqual(whole);
      expect(names(await ask('?limit=-1'))).toEqual(whole);
      // A page of another version is one all the same.
      expect((await ask(`?limit=1&resourceVersion=${late}&resourceVersionMatch=Exact`)).body.metadata).toMatchObject({ resourceVersion: late, remainingItemCount: 4 });
    });

    test('pages of every namespace are in the order of namespace and name', async () => {
      for (const suffix of ['', '-0']) await subject().ask('POST', '/api/v1/namespaces', { body: { metadata: { name: `${NAMESPACE}-order${suffix}` } } });
      for (const suffix of ['-0', '']) for (const name of ['z', 'a']) await subject().ask('POST', `/api/v1/namespaces/${NAMESPACE}-order${suffix}/configmaps`, { body: { metadata: { name, labels: { order: 'yes' } } } });
      const found: string[] = [];
      for (let token = ''; ;) {
        const page = await subject().ask('GET', `/api/v1/configmaps?labelSelector=order&limit=1&continue=${encodeURIComponent(token)}`);
        expect(page.body.items.length).toBeLessThanOrEqual(1);
        for (const { metadata } of page.body.items as { metadata: { namespace: string; name: string } }[]) found.push(`${metadata.namespace.replace(NAMESPACE, '')}/${metadata.name}`);
        token = (page.body.metadata.continue as string | undefined) ?? '';
        if (token === '') break;
      }
      expect(found).toEqual(['-order-0/a', '-order-0/z', '-order/a', '-order/z']);
    });

    test('a token that no server made is 400', async () => {
      for (const token of ['garbage', 'eyJhIjoxfQ', '%00']) expect((await ask(`?limit=1&continue=${token}`)).body, token).toMatchObject({ code: 400, reason: 'BadRequest', message: expect.stringMatching(/^invalid continue token: continue key is not valid/) as string });
      expect((await ask('?limit=many')).body).toMatchObject({ code: 400, message: expect.stringContaining('strconv.ParseInt: parsing "many": invalid syntax') as string });
      expect((await ask('?timeoutSeconds=many')).code).toBe(400);
    });

    test('a namespace that is not there has an empty list', async () => {
      const list = await subject().ask('GET', '/api/v1/namespaces/reads-nowhere/configmaps');
      expect([list.code, list.body.items]).toEqual([200, []]);
    });
  });
}
