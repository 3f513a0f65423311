/** Leases and Events: what elections and reports are built on. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Answer, Ask, ServerSubject } from './subject.ts';

const NAMESPACE = 'leases';
const LEASES = `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases`;
const EVENTS = `/api/v1/namespaces/${NAMESPACE}/events`;
const MERGE = 'application/merge-patch+json';

export function leaseCases(subject: () => ServerSubject): void {
  const ask = (method: string, path: string, options?: Ask): Promise<Answer> => subject().ask(method, path, options);
  const lease = (name: string, spec: object, metadata: object = {}): object => ({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, ...metadata }, spec });
  const make = async (name: string, spec: object): Promise<Answer['body']> => (await ask('POST', LEASES, { body: lease(name, spec) })).body;

  describe('leases', () => {
    beforeAll(async () => { await ask('POST', '/api/v1/namespaces', { body: { metadata: { name: NAMESPACE } } }); });

    test('keep times to the microsecond', async () => {
      const made = await make('micro', { holderIdentity: 'a', leaseDurationSeconds: 15, acquireTime: '2026-01-01T00:00:00.500000Z', renewTime: '2026-01-01T00:00:00.123456Z', leaseTransitions: 0 });
      expect(made.spec).toEqual({ holderIdentity: 'a', leaseDurationSeconds: 15, acquireTime: '2026-01-01T00:00:00.500000Z', renewTime: '2026-01-01T00:00:00.123456Z', leaseTransitions: 0 });
    });

    test.each([['yesterday'], ['2026-01-01T00:00:00.5Z'], ['2026-01-01T00:00:00.123456789Z']])('%s is no time of a lease', async (renewTime) => {
      expect(await ask('POST', LEASES, { body: lease('wrong', { renewTime }) })).toMatchObject({ code: 400, body: { reason: 'BadRequest' } });
    });

    test('must last for some time', async () => {
      const refused = await ask('POST', LEASES, { body: lease('wrong', { leaseDurationSeconds: 0, leaseTransitions: -1 }) });
      expect([refused.code, refused.body.details.causes.map((cause: { readonly field: string }) => cause.field)]).toEqual([422, ['spec.leaseDurationSeconds', 'spec.leaseTransitions']]);
    });

    test('one of many that create it wins', async () => {
      const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => ask('POST', LEASES, { body: lease('race', { holderIdentity: `h${index}` }) })));
      expect(answers.map(({ code }) => code).sort()).toEqual([201, 409, 409, 409, 409, 409, 409, 409]);
      expect(answers.find(({ code }) => code === 409)?.body).toMatchObject({ reason: 'AlreadyExists', message: 'leases.coordination.k8s.io "race" already exists' });
      const winner = answers.find(({ code }) => code === 201)?.body;
      expect((await ask('GET', `${LEASES}/race`)).body.spec).toEqual(winner.spec);
    });

    test('one of many that take it over wins, the others have a conflict', async () => {
      const made = await make('taken', { holderIdentity: 'old' });
      const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => ask('PUT', `${LEASES}/taken`, { body: lease('taken', { holderIdentity: `h${index}` }, { resourceVersion: made.metadata.resourceVersion }) })));
      expect(answers.map(({ code }) => code).sort()).toEqual([200, 409, 409, 409, 409, 409, 409, 409]);
      expect(answers.find(({ code }) => code === 409)?.body).toMatchObject({ reason: 'Conflict', message: 'Operation cannot be fulfilled on leases.coordination.k8s.io "taken": the object has been modified; please apply your changes to the latest version and try again' });
      expect((await ask('GET', `${LEASES}/taken`)).body.spec).toEqual(answers.find(({ code }) => code === 200)?.body.spec);
    });

    test('PUT makes one that is not there, and changes one that is there by its version alone', async () => {
      expect((await ask('PUT', `${LEASES}/by-put`, { body: lease('by-put', { holderIdentity: 'a' }) })).code).toBe(201);
      expect(await ask('PUT', `${LEASES}/by-put`, { body: lease('by-put', { holderIdentity: 'b' }) })).toMatchObject({ code: 422, body: { details: { causes: [{ field: 'metadata.resourceVersion' }] } } });
    });
  });

  describe('events', () => {
    const about = { kind: 'ConfigMap', namespace: NAMESPACE, name: 'shop' };
    const event = (name: string, more: object): Ask => ({ body: { metadata: { name }, involvedObject: about, reason: 'Tested', type: 'Normal', ...more } });

    test('count how often they happened', async () => {
      const made = await ask('POST', EVENTS, event('counted', { message: 'once', source: { component: 'tests' }, firstTimestamp: '2026-01-01T00:00:00Z', lastTimestamp: '2026-01-01T00:00:00Z', count: 1 }));
      expect(made).toMatchObject({ code: 201, body: { eventTime: null, reportingComponent: '', reportingInstance: '', source: { component: 'tests' }, count: 1 } });
      const again = await ask('PATCH', `${EVENTS}/counted`, { type: MERGE, body: { count: 2, message: 'twice', lastTimestamp: '2026-01-01T00:02:00Z' } });
      expect(again).toMatchObject({ code: 200, body: { count: 2, message: 'twice', firstTimestamp: '2026-01-01T00:00:00Z', lastTimestamp: '2026-01-01T00:02:00Z' } });
    });

    test('what was left out is there all the same', async () => {
      const { body } = await ask('POST', EVENTS, event('bare', {}));
      expect(body).toMatchObject({ source: {}, firstTimestamp: null, lastTimestamp: null, eventTime: null, reportingComponent: '', reportingInstance: '' });
    });

    test('are in the namespace of what they are about; of the cluster\'s objects in `default`', async () => {
      for (const involvedObject of [{ ...about, namespace: 'default' }, { kind: 'Node', name: 'n' }]) {
        const refused = await ask('POST', EVENTS, event('elsewhere', { involvedObject }));
        expect(refused).toMatchObject({ code: 422, body: { message: `Event "elsewhere" is invalid: involvedObject.namespace: Invalid value: "${(involvedObject as { namespace?: string }).namespace ?? ''}": does not match event.namespace` } });
      }
      const made = await ask('POST', '/api/v1/namespaces/default/events', { body: { metadata: { generateName: 'node-' }, involvedObject: { kind: 'Node', name: 'n' }, reason: 'Tested', type: 'Normal' } });
      expect(made.code).toBe(201);
    });

    test('series count on, with times to the microsecond', async () => {
      const made = await ask('POST', EVENTS, event('series', { eventTime: '2026-01-01T00:00:00.000001Z', action: 'Testing', reportingComponent: 'isthmus.dev/tests', reportingInstance: 'one', message: 'm' }));
      expect(made).toMatchObject({ code: 201, body: { eventTime: '2026-01-01T00:00:00.000001Z' } });
      expect(await ask('PATCH', `${EVENTS}/series`, { type: MERGE, body: { series: { count: 2, lastObservedTime: '2026-01-01T00:01:00.000001Z' } } })).toMatchObject({ code: 200, body: { series: { count: 2, lastObservedTime: '2026-01-01T00:01:00.000001Z' } } });
    });

    test('are found by what they are about', async () => {
      await ask('POST', EVENTS, event('warned', { type: 'Warning', reason: 'Alarm', source: { component: 'alarms' } }));
      await ask('POST', EVENTS, event('other', { involvedObject: { ...about, name: 'other' } }));
      const found = async (selector: string): Promise<readonly string[]> => (await ask('GET', `${EVENTS}?fieldSelector=${encodeURIComponent(selector)}`)).body.items.map((item: Answer['body']) => item.metadata.name);
      expect(await found('involvedObject.name=other')).toEqual(['other']);
      expect(await found('involvedObject.name=shop,type=Warning')).toEqual(['warned']);
      expect(await found('reason=Alarm,involvedObject.kind=ConfigMap,involvedObject.namespace=leases')).toEqual(['warned']);
      expect(await found('source=alarms')).toEqual(['warned']);
      expect(await ask('GET', `${EVENTS}?fieldSelector=nope%3Dx`)).toMatchObject({ code: 400, body: { message: 'field label not supported: nope' } });
    });
  });
}
