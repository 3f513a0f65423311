/** Who changed what: an API server that can writes it down, by the policies of the hub's chart; the embedded API does by itself. What is read is the same. */
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { CHANGED_BY } from '../../../mesh/api/resources/guard-changes.ts';
import { CHANGES_NAME, guardObjects, hubAccount, stampObjects } from '../../../mesh/api/resources/guards.ts';
import { GlobalService, UpdateRun } from '../../../mesh/api/resources/index.ts';
import { crdOf } from '../../../mesh/api/schema/crd.ts';
import type { Answer, Ask, ServerSubject } from './subject.ts';
import { USERS } from './subject.ts';
import { serve, TYPES } from './writing.ts';

const OURS = '/apis/isthmus.dev/v1alpha1';
const SERVICES = `${OURS}/${GlobalService.plural}`;
const RUNS = `${OURS}/${UpdateRun.plural}`;
const ADMISSION = '/apis/admissionregistration.k8s.io/v1';
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const [ANN, BEN] = USERS;
const as = ({ token }: { readonly token: string }, more: Ask = {}): Ask => ({ token, ...more });
const merge = { type: TYPES.merge } as const;

export function changesCases(subject: () => ServerSubject): void {
  const service = (name: string, spec: object, annotations?: object): object => ({ apiVersion: 'isthmus.dev/v1alpha1', kind: 'GlobalService', metadata: { name, ...(annotations === undefined ? {} : { annotations }) }, spec });
  const spec = (name: string): object => ({ host: `${name}.example.com`, service: { namespace: 'shop', name } });
  const named = ({ code, body }: Answer): readonly unknown[] => [code, body.metadata.annotations?.[CHANGED_BY] ?? null];
  const words = ({ code, body }: Answer): readonly unknown[] => [code, body.spec.stoppedBy ?? null, body.spec.pausedBy ?? null, body.spec.resumedBy ?? null];

  describe('who changed what', () => {
    beforeAll(async () => {
      await serve(subject(), crdOf(GlobalService), [SERVICES]);
      await serve(subject(), crdOf(UpdateRun), [RUNS]);
      const rules = [{ apiGroups: ['isthmus.dev'], resources: [GlobalService.plural, `${GlobalService.plural}/status`, UpdateRun.plural], verbs: ['*'] }];
      expect((await subject().ask('POST', `${RBAC}/clusterroles`, { body: { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'contract-changes' }, rules } })).code).toBe(201);
      const subjects = USERS.map(({ name }) => ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }));
      expect((await subject().ask('POST', `${RBAC}/clusterrolebindings`, { body: { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'contract-changes' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'contract-changes' }, subjects } })).code).toBe(201);
      const { policy, binding } = guardObjects(hubAccount('isthmus-system')).find(({ policy: { metadata } }) => metadata.name === CHANGES_NAME)!;
      expect((await subject().ask('POST', `${ADMISSION}/validatingadmissionpolicies`, { body: policy })).code).toBe(201);
      expect((await subject().ask('POST', `${ADMISSION}/validatingadmissionpolicybindings`, { body: binding })).code).toBe(201);
      // As the chart: where the server has the kind.
      const has = (await subject().ask('GET', ADMISSION)).body.resources.some(({ name }: { readonly name: string }) => name === 'mutatingadmissionpolicies') as boolean;
      for (const [index, plural] of (has ? ['mutatingadmissionpolicies', 'mutatingadmissionpolicybindings'] : []).entries()) {
        const made = await subject().ask('POST', `${ADMISSION}/${plural}`, { body: stampObjects('v1')[index] });
        expect(made.code, JSON.stringify(made.body)).toBe(201);
      }
      let last: unknown;
      for (let tries = 0; tries < 150; tries++) {
        const judged = await subject().ask('POST', `${SERVICES}?dryRun=All`, as(ANN, { body: service('probe', spec('probe'), { [CHANGED_BY]: 'nobody' }) }));
        if (named(judged)[1] === 'ann') return;
        last = judged.body;
        await sleep(100);
      }
      throw new Error(`nothing writes down who changed something, after 15 s: ${JSON.stringify(last)}`);
    });

    test('each change of the spec is its writer\'s, whatever they say; nothing else changes the name', async () => {
      expect(named(await subject().ask('POST', SERVICES, as(ANN, { body: service('till', spec('till'), { [CHANGED_BY]: 'ben' }) })))).toEqual([201, 'ann']);
      const patch = (who: typeof ANN | typeof BEN, body: object, path = ''): Promise<Answer> => subject().ask('PATCH', `${SERVICES}/till${path}`, as(who, { body, ...merge }));
      expect(named(await patch(BEN, { metadata: { labels: { a: 'b' } } }))).toEqual([200, 'ann']);
      expect(named(await patch(BEN, { metadata: { annotations: { [CHANGED_BY]: 'ben' } } }))).toEqual([200, 'ann']);
      expect(named(await patch(BEN, { metadata: { annotations: { [CHANGED_BY]: null } } }))).toEqual([200, 'ann']);
      expect(named(await patch(BEN, { metadata: { annotations: null } }))).toEqual([200, 'ann']);
      expect(named(await patch(BEN, { status: { observedGeneration: 1 } }, '/status'))).toEqual([200, 'ann']);
      expect(named(await patch(BEN, { spec: { service: { name: 'other' } } }))).toEqual([200, 'ben']);
      const read = (await subject().ask('GET', `${SERVICES}/till`)).body;
      expect(named(await subject().ask('PUT', `${SERVICES}/till`, as(ANN, { body: { ...read, metadata: { name: 'till', resourceVersion: read.metadata.resourceVersion } } })))).toEqual([200, 'ben']);
      const { resourceVersion } = (await subject().ask('GET', `${SERVICES}/till`)).body.metadata;
      expect(named(await subject().ask('PUT', `${SERVICES}/till`, as(ANN, { body: { ...service('till', spec('third')), metadata: { name: 'till', resourceVersion } } })))).toEqual([200, 'ann']);
    });

    test('an apply that says nothing of it neither takes the name away nor conflicts over it', async () => {
      const apply = (who: typeof ANN | typeof BEN, body: object, manager: string): Promise<Answer> => subject().ask('PATCH', `${SERVICES}/applied?fieldManager=${manager}`, as(who, { body, type: TYPES.apply }));
      expect(named(await apply(ANN, service('applied', spec('one')), 'flux'))).toEqual([201, 'ann']);
      expect(named(await apply(ANN, service('applied', spec('one')), 'flux'))).toEqual([200, 'ann']);
      expect(named(await apply(BEN, service('applied', spec('one')), 'flux'))).toEqual([200, 'ann']);
      expect(named(await apply(BEN, service('applied', spec('two')), 'flux'))).toEqual([200, 'ben']);
      expect(named(await apply(ANN, service('applied', spec('three')), 'flux'))).toEqual([200, 'ann']);
    });

    test('of a run, word by word', async () => {
      const run = { apiVersion: 'isthmus.dev/v1alpha1', kind: 'UpdateRun', metadata: { name: 'words' }, spec: { strategyName: 'careful', planDigest: 'x', reason: 'a test', requestedBy: 'ann', stoppedBy: 'ben' } };
      const patch = (who: typeof ANN | typeof BEN, body: object): Promise<Answer> => subject().ask('PATCH', `${RUNS}/words`, as(who, { body: { spec: body }, ...merge }));
      expect(words(await subject().ask('POST', RUNS, as(ANN, { body: run })))).toEqual([201, null, null, null]);
      expect(words(await patch(BEN, { pause: true }))).toEqual([200, null, 'ben', null]);
      expect(words(await patch(ANN, { reason: 'another', pausedBy: 'ann', resumedBy: 'ann' }))).toEqual([200, null, 'ben', null]);
      expect(words(await patch(ANN, { pause: false, resumedAt: '2026-01-01T00:00:00Z' }))).toEqual([200, null, 'ann', 'ann']);
      expect(words(await patch(BEN, { stop: true, pausedBy: null }))).toEqual([200, 'ben', 'ann', 'ann']);
    });
  });
}
