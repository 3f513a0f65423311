/** Label and field selectors: what they select, and the words in which they are refused. */
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { gaugeDefinition, gaugePath } from './gauge.ts';
import type { Answer, ServerSubject } from './subject.ts';

const NAMESPACE = 'reads-selectors';
const PATH = `/api/v1/namespaces/${NAMESPACE}`;

const names = (answer: Answer): string[] => {
  expect(answer.body).toMatchObject({ items: expect.any(Array) as unknown });
  return (answer.body.items as { metadata: { name: string } }[]).map((item) => item.metadata.name);
};

export function selectorsCases(subject: () => ServerSubject): void {
  const list = (path: string, selector: 'labelSelector' | 'fieldSelector', text: string): Promise<Answer> => subject().ask('GET', `${path}?${selector}=${encodeURIComponent(text)}`);
  const labelled = async (selector: string): Promise<string[]> => names(await list(`${PATH}/configmaps`, 'labelSelector', `group=picked,${selector}`));
  const refusalOf = async (path: string, selector: 'labelSelector' | 'fieldSelector', text: string): Promise<string> => {
    const { code, body } = await list(path, selector, text);
    expect([code, body.reason], text).toEqual([400, 'BadRequest']);
    return body.message as string;
  };
  const make = async (path: string, body: object): Promise<void> => {
    const made = await subject().ask('POST', path, { body });
    expect(made.code, JSON.stringify(made.body)).toBe(201);
  };

  describe('selectors', () => {
    beforeAll(async () => {
      await make('/api/v1/namespaces', { metadata: { name: NAMESPACE } });
      const labels = [{ tier: 'web', size: '1' }, { tier: 'db', size: '2', old: '' }, { tier: '', size: '10' }, { 'example.com/tier': 'web' }];
      for (const [index, each] of labels.entries()) await make(`${PATH}/configmaps`, { metadata: { name: 'abcd'.slice(index, index + 1), labels: { group: 'picked', ...each } } });
    });

    test('every form of label selector', async () => {
      const expected: Readonly<Record<string, string>> = {
        'tier=web': 'a', 'tier==web': 'a', 'tier = web': 'a', 'tier!=web': 'bcd', tier: 'abc', '!tier': 'd', '! tier': 'd', 'tier=': 'c', 'tier!=': 'abd',
        'tier in (web)': 'a', 'tier in (web, db)': 'ab', 'tier in ()': 'c', 'tier in (web,)': 'ac', 'tier in (,)': 'c', 'tier notin (web,db)': 'cd', 'tier notin ()': 'abd',
        'size>1': 'bc', 'size<10': 'ab', 'tier>0': '', 'example.com/tier=web': 'd', 'tier=db,old': 'b', 'tier,!old,size': 'ac', 'in in (in)': '', 'notin': '',
      };
      for (const [selector, found] of Object.entries(expected)) expect((await labelled(selector)).join(''), selector).toBe(found);
    });

    test('label selectors that are none are 400, in Kubernetes\' words', async () => {
      const expected: Readonly<Record<string, string>> = {
        'a in': "unable to parse requirement: found '' expected: '('", 'a in (b': "unable to parse requirement: found '', expected: ',' or ')'", ',a': "found ',', expected: !, identifier, or 'end of string'",
        'a,': "found '', expected: identifier after ','", 'a,,b': "found ',', expected: identifier after ','", '!a=b': "found '=', expected: ',' or 'end of string'", 'a=b c': "found 'c', expected: ',' or 'end of string'",
        'a b': "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt", 'a=b!': "found '!', expected: ',' or 'end of string'", '!': "unable to parse requirement: found '', expected: identifier",
        '=': "found '=', expected: !, identifier, or 'end of string'", '(': "found '(', expected: !, identifier, or 'end of string'", 'a in (b)(c)': "found '(', expected: ',' or 'end of string'",
        'a===b': "unable to parse requirement: found '=', expected: identifier", 'a>x': "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
      };
      for (const [selector, message] of Object.entries(expected)) expect(await refusalOf(`${PATH}/configmaps`, 'labelSelector', selector), selector).toBe(message);
      for (const selector of ['a/b/c', '-a', 'a=-b', 'A.com/x=b', '/a', 'a/', `a=${'v'.repeat(64)}`, `${'k'.repeat(64)}=a`, 'a in (b,-)']) expect(await refusalOf(`${PATH}/configmaps`, 'labelSelector', selector)).toMatch(/^unable to parse requirement: .*Invalid value: /);
    });

    test('name and namespace of every kind', async () => {
      const fielded = async (text: string): Promise<string> => names(await list('/api/v1/configmaps', 'fieldSelector', `metadata.namespace=${NAMESPACE},metadata.name!=kube-root-ca.crt,${text}`)).join('');
      expect([await fielded('metadata.name=b'), await fielded('metadata.name==b'), await fielded('metadata.name!=b'), await fielded(''), await fielded('metadata.name=b,metadata.name=c')]).toEqual(['b', 'b', 'acd', 'abcd', '']);
      expect(names(await list(`${PATH}/configmaps`, 'fieldSelector', 'metadata.namespace!=reads-selectors'))).toEqual([]);
      expect(names(await list(`${PATH}/configmaps`, 'fieldSelector', 'metadata.name=a\\,b'))).toEqual([]);
      expect(names(await list('/api/v1/namespaces', 'fieldSelector', `metadata.name=${NAMESPACE},status.phase=Active`))).toEqual([NAMESPACE]);
      expect(names(await list('/api/v1/namespaces', 'fieldSelector', `metadata.name=${NAMESPACE},status.phase!=Active`))).toEqual([]);
    });

    test('fields that a kind does not have are 400', async () => {
      const onlyDefaults = (field: string): string => `"${field}" is not a known field selector: only "metadata.name", "metadata.namespace"`;
      expect(await refusalOf(`${PATH}/configmaps`, 'fieldSelector', 'data.v=1')).toBe(onlyDefaults('data.v'));
      expect(await refusalOf(`${PATH}/configmaps`, 'fieldSelector', '=a')).toBe(onlyDefaults(''));
      expect(await refusalOf('/apis/coordination.k8s.io/v1/leases', 'fieldSelector', 'spec.holderIdentity=a')).toBe(onlyDefaults('spec.holderIdentity'));
      for (const [path, field] of [['namespaces', 'name'], ['namespaces', 'metadata.namespace'], ['nodes', 'spec.podCIDR'], ['nodes', 'metadata.namespace'], ['secrets', 'data'], ['services', 'spec.ports'], ['events', 'message']]) {
        expect(await refusalOf(`/api/v1/${path}`, 'fieldSelector', `${field}=x`)).toBe(`field label not supported: ${field}`);
      }
      expect(await refusalOf(`${PATH}/configmaps`, 'fieldSelector', 'metadata.name')).toBe("invalid selector: 'metadata.name'; can't understand 'metadata.name'");
      for (const text of ['metadata.name=a\\b', 'metadata.name=a=b']) expect(await refusalOf(`${PATH}/configmaps`, 'fieldSelector', text)).toMatch(/^invalid field selector: /);
    });

    test('fields of Secrets, Services, Nodes and Events', async () => {
      for (const type of ['Opaque', 'example.com/own']) await make(`${PATH}/secrets`, { metadata: { name: type === 'Opaque' ? 'plain' : 'own' }, type });
      expect(names(await list(`${PATH}/secrets`, 'fieldSelector', 'type=Opaque'))).toEqual(['plain']);
      expect(names(await list(`${PATH}/secrets`, 'fieldSelector', 'type!=Opaque'))).toEqual(['own']);
      await make(`${PATH}/services`, { metadata: { name: 'headless' }, spec: { clusterIP: 'None' } });
      await make(`${PATH}/services`, { metadata: { name: 'outside' }, spec: { type: 'ExternalName', externalName: 'example.org' } });
      expect(names(await list(`${PATH}/services`, 'fieldSelector', 'spec.clusterIP=None'))).toEqual(['headless']);
      expect(names(await list(`${PATH}/services`, 'fieldSelector', 'spec.type=ExternalName'))).toEqual(['outside']);
      await make('/api/v1/nodes', { metadata: { name: 'reads-cordoned' }, spec: { unschedulable: true } });
      await make('/api/v1/nodes', { metadata: { name: 'reads-open' } });
      expect(names(await list('/api/v1/nodes', 'fieldSelector', 'spec.unschedulable=true'))).toEqual(['reads-cordoned']);
      expect(names(await list('/api/v1/nodes', 'fieldSelector', 'spec.unschedulable=false,metadata.name=reads-open'))).toEqual(['reads-open']);
      const event = (name: string, about: object, more: object): Promise<void> => make(`${PATH}/events`, { metadata: { name }, involvedObject: { namespace: NAMESPACE, ...about }, ...more });
      await event('one', { kind: 'ConfigMap', name: 'a', uid: 'u1', apiVersion: 'v1', fieldPath: 'data.x', resourceVersion: '5' }, { reason: 'Changed', type: 'Normal', source: { component: 'gardener' } });
      await event('two', { kind: 'Secret', name: 'b' }, { reason: 'Lost', type: 'Warning', reportingComponent: 'keeper', reportingInstance: 'k', action: 'Keep', eventTime: '2026-01-01T00:00:00.000000Z' });
      const selected: Readonly<Record<string, string[]>> = {
        'involvedObject.kind=ConfigMap': ['one'], 'involvedObject.name=b': ['two'], 'involvedObject.uid=u1': ['one'], 'involvedObject.apiVersion=v1': ['one'], 'involvedObject.fieldPath=data.x': ['one'], 'involvedObject.resourceVersion=5': ['one'],
        [`involvedObject.namespace=${NAMESPACE}`]: ['one', 'two'], 'reason!=Lost': ['one'], 'type=Warning': ['two'], 'source=gardener': ['one'], 'reportingComponent=keeper': ['two'],
      };
      for (const [text, found] of Object.entries(selected)) expect(names(await list(`${PATH}/events`, 'fieldSelector', text)), text).toEqual(found);
    });

    test('selectable fields of a definition', async () => {
      await make('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', gaugeDefinition('selectable'));
      const path = gaugePath('selectable', NAMESPACE);
      for (let attempt = 0; attempt < 200 && (await subject().ask('GET', path)).code !== 200; attempt++) await sleep(50);
      await make(path, { apiVersion: 'selectable.isthmus.dev/v1', kind: 'Gauge', metadata: { name: 'full' }, spec: { size: 3, on: true, colour: 'red' } });
      await make(path, { apiVersion: 'selectable.isthmus.dev/v1', kind: 'Gauge', metadata: { name: 'bare' }, spec: {} });
      const selected: Readonly<Record<string, string[]>> = {
        'spec.colour=red': ['full'], 'spec.colour=grey': ['bare'], 'spec.colour!=red': ['bare'], 'spec.size=3': ['full'], 'spec.size=': ['bare'], 'spec.on=true': ['full'], 'spec.on=true,metadata.name=bare': [],
      };
      for (const [text, found] of Object.entries(selected)) expect(names(await list(path, 'fieldSelector', text)), text).toEqual(found);
      expect(await refusalOf(path, 'fieldSelector', 'spec.ratio=1')).toBe('field label not supported: spec.ratio');
      const item = (await list(path, 'fieldSelector', 'spec.colour=red')).body.items[0];
      expect([item.kind, item.apiVersion]).toEqual(['Gauge', 'selectable.isthmus.dev/v1']);
    });
  });
}
