/** Events seen through both of their groups: the same objects, under other names and other rules. */
import { beforeAll, describe, expect, test } from 'vitest';
import { type Answer, type Ask, type ServerSubject, USERS } from './subject.ts';

const NAMESPACE = 'event-groups';
const CORE = `/api/v1/namespaces/${NAMESPACE}/events`;
const EVENTS = `/apis/events.k8s.io/v1/namespaces/${NAMESPACE}/events`;
const MERGE = 'application/merge-patch+json';
const APPLY = 'application/apply-patch+yaml';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const about = { kind: 'ConfigMap', namespace: NAMESPACE, name: 'shop' };
const eventTime = '2026-01-01T00:00:00.000001Z';
const ANN = { token: USERS[0].token };

export function eventGroupsCases(subject: () => ServerSubject): void {
  const ask = (method: string, path: string, options?: Ask): Promise<Answer> => subject().ask(method, path, options);
  const reported = (name: string, more: object = {}): object => ({
    metadata: { name }, eventTime, reportingController: 'isthmus.dev/tests', reportingInstance: 'one', action: 'Testing', reason: 'Tested', type: 'Normal', note: 'it was', regarding: about, ...more,
  });
  const old = (name: string, more: object = {}): object => ({ metadata: { name }, involvedObject: about, ...more });
  const make = async (path: string, body: object): Promise<Answer['body']> => {
    const made = await ask('POST', path, { body });
    expect(made.code, JSON.stringify(made.body)).toBe(201);
    return made.body;
  };
  const at = async (path: string): Promise<Answer['body']> => (await ask('GET', path)).body;
  /** Without what differs from run to run. */
  const contents = ({ metadata: _metadata, ...rest }: Answer['body']): unknown => rest;
  const owners = ({ metadata }: Answer['body']): unknown => (metadata.managedFields ?? []).map(({ manager, operation, apiVersion, fieldsV1 }: Answer['body']) => [manager, operation, apiVersion, fieldsV1]);
  const causes = async (asked: Promise<Answer>): Promise<unknown> => {
    const { code, body } = await asked;
    expect([code, body.reason, body.details?.kind, body.details?.group], JSON.stringify(body)).toEqual([422, 'Invalid', 'Event', undefined]);
    return body.details.causes.map(({ field, message }: { readonly field: string; readonly message: string }) => `${field}: ${message}`);
  };

  describe('events of both groups', () => {
    beforeAll(async () => { await ask('POST', '/api/v1/namespaces', { body: { metadata: { name: NAMESPACE } } }); });

    test('one that is made through `events.k8s.io` is there in the core group under its names', async () => {
      const made = await make(EVENTS, reported('new', { related: { kind: 'Node', name: 'n' } }));
      const shown = {
        kind: 'Event', apiVersion: 'events.k8s.io/v1', eventTime, reportingController: 'isthmus.dev/tests', reportingInstance: 'one', action: 'Testing', reason: 'Tested', type: 'Normal', note: 'it was',
        regarding: about, related: { kind: 'Node', name: 'n' }, deprecatedSource: {}, deprecatedFirstTimestamp: null, deprecatedLastTimestamp: null,
      };
      expect(contents(made)).toEqual(shown);
      expect(await at(`${EVENTS}/new`)).toEqual(made);
      const core = await at(`${CORE}/new`);
      expect(contents(core)).toEqual({
        kind: 'Event', apiVersion: 'v1', eventTime, reportingComponent: 'isthmus.dev/tests', reportingInstance: 'one', action: 'Testing', reason: 'Tested', type: 'Normal', message: 'it was',
        involvedObject: about, related: { kind: 'Node', name: 'n' }, source: {}, firstTimestamp: null, lastTimestamp: null,
      });
      expect(core.metadata).toEqual(made.metadata);
    });

    test('one of the core group is there in `events.k8s.io`, where what is of the old form is deprecated', async () => {
      const [firstTimestamp, lastTimestamp] = ['2026-01-01T00:00:00Z', '2026-01-01T00:02:00Z'];
      await make(CORE, old('old', { reason: 'Tested', message: 'm', type: 'Odd', source: { component: 'tests', host: 'h' }, firstTimestamp, lastTimestamp, count: 3 }));
      expect(contents(await at(`${EVENTS}/old`))).toEqual({
        kind: 'Event', apiVersion: 'events.k8s.io/v1', eventTime: null, reason: 'Tested', type: 'Odd', note: 'm', regarding: about,
        deprecatedSource: { component: 'tests', host: 'h' }, deprecatedFirstTimestamp: firstTimestamp, deprecatedLastTimestamp: lastTimestamp, deprecatedCount: 3,
      });
    });

    test('what was left out is there or not, as each group has it', async () => {
      await make(CORE, old('bare', { involvedObject: { namespace: NAMESPACE }, series: {} }));
      expect(contents(await at(`${CORE}/bare`))).toEqual({
        kind: 'Event', apiVersion: 'v1', involvedObject: { namespace: NAMESPACE }, source: {}, firstTimestamp: null, lastTimestamp: null, eventTime: null, reportingComponent: '', reportingInstance: '', series: { lastObservedTime: null },
      });
      expect(contents(await at(`${EVENTS}/bare`))).toEqual({
        kind: 'Event', apiVersion: 'events.k8s.io/v1', eventTime: null, regarding: { namespace: NAMESPACE }, deprecatedSource: {}, deprecatedFirstTimestamp: null, deprecatedLastTimestamp: null, series: { count: 0, lastObservedTime: null },
      });
    });

    test('`events.k8s.io` wants all that the new form has, and nothing of the old one', async () => {
      expect(await causes(ask('POST', EVENTS, { body: { metadata: { name: 'wrong' } } }))).toEqual([
        'involvedObject.namespace: Invalid value: "": does not match event.namespace', 'eventTime: Required value', 'type: Invalid value: "": has invalid value: ',
      ]);
      expect(await causes(ask('POST', EVENTS, { body: { metadata: { name: 'wrong' }, eventTime, regarding: about, type: 'Normal' } }))).toEqual([
        'reportingController: Required value', 'reportingController: Invalid value: "": name part must be non-empty', expect.stringContaining('reportingController: Invalid value: "": name part must consist of alphanumeric characters'),
        'reportingInstance: Required value', 'action: Required value', 'reason: Required value',
      ]);
      const long = 'x'.repeat(129);
      expect(await causes(ask('POST', EVENTS, { body: reported('wrong', { reportingInstance: long, action: long, reason: long, note: 'ü'.repeat(513) }) }))).toEqual([
        ...['reportingInstance', 'action', 'reason'].map((field) => `${field}: Invalid value: "": can have at most 128 characters`), 'message: Invalid value: "": can have at most 1024 characters',
      ]);
      const time = '2026-01-01T00:00:00Z';
      expect(await causes(ask('POST', EVENTS, { body: reported('wrong', { deprecatedCount: 2, deprecatedFirstTimestamp: time, deprecatedLastTimestamp: time, deprecatedSource: { component: 'x' }, type: 'Odd', series: { count: 1 } }) }))).toEqual([
        'series.count: Invalid value: "": should be at least 2', 'series.lastObservedTime: Required value', 'type: Invalid value: "": has invalid value: Odd',
        ...['firstTimestamp', 'lastTimestamp', 'count', 'source'].map((field) => `${field}: Invalid value: "": needs to be unset`),
      ]);
    });

    test.each([
      ['a/b/c', ['a valid label key must consist of alphanumeric characters']], ['/c', ['prefix part must be non-empty']], ['a/', ['name part must be non-empty', 'name part must consist of alphanumeric characters']],
      ['x'.repeat(64), ['name part must be no more than 63 bytes']], ['a b/c', ['prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters']],
      [`X/${'x'.repeat(64)}!`, ['prefix part a lowercase RFC 1123 subdomain must consist of', 'name part must be no more than 63 bytes', 'name part must consist of alphanumeric characters']],
    ])('%s is no name of a controller', async (reportingController, problems) => {
      expect(await causes(ask('POST', EVENTS, { body: reported('wrong', { reportingController }) }))).toEqual(problems.map((problem) => expect.stringContaining(`reportingController: Invalid value: "${reportingController}": ${problem}`)));
    });

    test('the core group wants the new form of what has an `eventTime`, and calls it by its own names', async () => {
      expect(await causes(ask('POST', CORE, { body: old('wrong', { eventTime }) }))).toEqual([
        'reportingComponent: Required value', 'reportingComponent: Invalid value: "": name part must be non-empty', expect.stringContaining('reportingComponent: Invalid value: "": name part must consist of'),
        'reportingInstance: Required value', 'action: Required value', 'reason: Required value',
      ]);
    });

    test('events with a time may be about what is in another namespace; about the cluster\'s objects they stand in `default` or `kube-system`', async () => {
      expect((await make(EVENTS, reported('far', { regarding: { ...about, namespace: 'default' } }))).regarding.namespace).toBe('default');
      expect(await causes(ask('POST', EVENTS, { body: reported('wrong', { regarding: { kind: 'Node', name: 'n' } }) }))).toEqual(['involvedObject.namespace: Invalid value: "": does not match event.namespace']);
      for (const namespace of ['default', 'kube-system']) await make(`/apis/events.k8s.io/v1/namespaces/${namespace}/events`, reported('of-a-node', { regarding: { kind: 'Node', name: 'n' } }));
    });

    test('fields of the other group are unknown; so is its version', async () => {
      expect(await ask('POST', `${EVENTS}?fieldValidation=Strict`, { body: reported('wrong', { message: 'x', involvedObject: {} }) })).toMatchObject({
        code: 400, body: { message: 'Event in version "v1" cannot be handled as a Event: strict decoding error: unknown field "message", unknown field "involvedObject"' },
      });
      expect(await ask('POST', EVENTS, { body: { apiVersion: 'v1', kind: 'Event', ...reported('wrong') } })).toMatchObject({ code: 400, body: { message: 'the API version in the data (v1) does not match the expected API version (events.k8s.io/v1)' } });
      expect((await ask('POST', EVENTS, { body: reported('wrong', { eventTime: 'yesterday' }) })).code).toBe(400);
    });

    test('only the series goes on through `events.k8s.io`', async () => {
      await make(EVENTS, reported('fixed'));
      const time = '2026-01-01T00:00:00Z';
      const refused = ask('PUT', `${EVENTS}/fixed`, { body: reported('fixed', {
        note: 'other', reason: 'R', regarding: { ...about, name: 'q' }, type: 'Warning', action: 'b', reportingController: 'x', reportingInstance: 'y', eventTime: '2026-01-01T00:00:00.000002Z', related: { kind: 'A' },
        deprecatedCount: 1, deprecatedSource: { host: 'a' }, deprecatedFirstTimestamp: time, deprecatedLastTimestamp: time, series: { count: 1 },
      }) });
      const wanted = [
        `involvedObject: Invalid value: {"Kind":"ConfigMap","Namespace":"${NAMESPACE}","Name":"q","UID":"","APIVersion":"","ResourceVersion":"","FieldPath":""}`, 'reason: Invalid value: "R"', 'message: Invalid value: "other"',
        'source: Invalid value: {"Component":"","Host":"a"}', `firstTimestamp: Invalid value: "${time}"`, `lastTimestamp: Invalid value: "${time}"`, 'count: Invalid value: 1', 'reason: Invalid value: "R"', 'type: Invalid value: "Warning"',
        'eventTime: Invalid value: "2026-01-01T00:00:00.000002Z"', 'action: Invalid value: "b"', 'related: Invalid value: {"Kind":"A","Namespace":"","Name":"","UID":"","APIVersion":"","ResourceVersion":"","FieldPath":""}',
        'reportingController: Invalid value: "x"', 'reportingInstance: Invalid value: "y"',
      ].map((text) => `${text}: field is immutable`);
      expect(await causes(refused)).toEqual(['series.count: Invalid value: "": should be at least 2', 'series.lastObservedTime: Required value', ...wanted]);
      // The sentence says the same thing once.
      expect((await refused).body.message.match(/ reason: /g)).toHaveLength(1);
      expect(await causes(ask('PATCH', `${EVENTS}/fixed`, { type: MERGE, body: { eventTime: null, reason: null } }))).toEqual([
        'reason: Invalid value: "": field is immutable', 'reason: Invalid value: "": field is immutable', 'eventTime: Invalid value: null: field is immutable',
      ]);
      const series = { count: 2, lastObservedTime: '2026-01-01T00:01:00.000001Z' };
      expect(await ask('PATCH', `${EVENTS}/fixed`, { type: MERGE, body: { series } })).toMatchObject({ code: 200, body: { series } });
      expect((await at(`${CORE}/fixed`)).series).toEqual(series);
      expect(await ask('PATCH', `${EVENTS}/fixed`, { type: 'application/json-patch+json', body: [{ op: 'replace', path: '/series/count', value: 5 }] })).toMatchObject({ code: 200, body: { series: { count: 5 } } });
      expect(await ask('PATCH', `${CORE}/fixed`, { type: MERGE, body: { message: 'changed' } })).toMatchObject({ code: 200, body: { message: 'changed' } });
      expect((await at(`${EVENTS}/fixed`)).note).toBe('changed');
    });

    test('PUT makes one, and changes nothing where nothing differs', async () => {
      const made = await ask('PUT', `${EVENTS}/by-put`, { body: reported('by-put') });
      expect(made.code).toBe(201);
      expect((await ask('PUT', `${EVENTS}/by-put`, { body: reported('by-put') })).body).toEqual(made.body);
      expect((await causes(ask('PUT', `${EVENTS}/by-put-wrong`, { body: { metadata: { name: 'by-put-wrong' }, regarding: about, type: 'Normal' } })))).toEqual(['eventTime: Required value']);
    });

    test('refusals name the group that was asked', async () => {
      await make(EVENTS, reported('there'));
      const details = { name: 'there', group: 'events.k8s.io', kind: 'events' };
      expect(await ask('GET', `${EVENTS}/absent`)).toMatchObject({ code: 404, body: { message: 'events.events.k8s.io "absent" not found', details: { ...details, name: 'absent' } } });
      expect(await ask('GET', `${CORE}/absent`)).toMatchObject({ code: 404, body: { message: 'events "absent" not found' } });
      for (const [path, body] of [[EVENTS, reported('there')], [CORE, old('there')]] as const) expect((await ask('POST', path, { body })).code).toBe(409);
      expect((await ask('POST', EVENTS, { body: reported('there') })).body).toMatchObject({ reason: 'AlreadyExists', message: 'events.events.k8s.io "there" already exists', details });
      expect((await ask('PUT', `${EVENTS}/there`, { body: reported('there', { metadata: { name: 'there', resourceVersion: '1' } }) })).body).toMatchObject({
        code: 409, message: 'Operation cannot be fulfilled on events.events.k8s.io "there": the object has been modified; please apply your changes to the latest version and try again', details,
      });
      // But for preconditions of a deletion, which know the kind that is kept.
      expect((await ask('DELETE', `${EVENTS}/there`, { body: { preconditions: { uid: 'x' } } })).body).toMatchObject({ code: 409, message: expect.stringContaining('on Event "there": the UID in the precondition') as string, details: { name: 'there', kind: 'Event' } });
    });

    test('lists, selectors, and deletion of many', async () => {
      await make(EVENTS, reported('listed', { metadata: { name: 'listed', labels: { list: 'yes' } }, regarding: { ...about, kind: 'Secret', name: 'listed', fieldPath: 'data' }, reportingController: 'lister' }));
      await make(CORE, old('listed-too', { metadata: { name: 'listed-too', labels: { list: 'yes' } }, source: { component: 'lister' }, type: 'Warning', reason: 'Listed' }));
      const names = async (query: string, path = EVENTS): Promise<unknown> => (await at(`${path}?labelSelector=list&${query}`)).items.map((item: Answer['body']) => item.metadata.name);
      const { kind, apiVersion, items } = await at(`${EVENTS}?labelSelector=list`);
      expect([kind, apiVersion, items.map((item: Answer['body']) => [item.kind, item.apiVersion, item.metadata.name, item.regarding.name])]).toEqual(['EventList', 'events.k8s.io/v1', [[undefined, undefined, 'listed', 'listed'], [undefined, undefined, 'listed-too', 'shop']]]);
      expect(await names('', '/apis/events.k8s.io/v1/events')).toEqual(['listed', 'listed-too']);
      for (const [selector, found] of [
        ['regarding.name=listed', ['listed']], ['regarding.kind=ConfigMap', ['listed-too']], ['regarding.fieldPath=data', ['listed']], [`regarding.namespace=${NAMESPACE}`, ['listed', 'listed-too']], ['reason=Listed', ['listed-too']],
        ['type=Warning', ['listed-too']], ['reportingController=lister', ['listed']], ['metadata.name=listed', ['listed']], [`metadata.namespace=${NAMESPACE},type!=Warning`, ['listed']],
      ] as const) expect(await names(`fieldSelector=${encodeURIComponent(selector)}`), selector).toEqual(found);
      for (const field of ['involvedObject.name', 'source', 'reportingComponent', 'note', 'action', 'deprecatedSource']) {
        expect(await ask('GET', `${EVENTS}?fieldSelector=${field}%3Dx`), field).toMatchObject({ code: 400, body: { message: `field label not supported: ${field}` } });
      }
      const page = await at(`${EVENTS}?labelSelector=list&limit=1`);
      expect((await at(`${EVENTS}?labelSelector=list&limit=1&continue=${page.metadata.continue}`)).items[0].metadata.name).toBe('listed-too');
      const gone = await ask('DELETE', `${EVENTS}?labelSelector=list`);
      expect([gone.code, gone.body.kind, gone.body.apiVersion]).toEqual([200, 'EventList', 'events.k8s.io/v1']);
      expect(await names('', CORE)).toEqual([]);
    });

    test('one deletion for both', async () => {
      const { metadata } = await make(EVENTS, reported('goes'));
      expect(await ask('DELETE', `${EVENTS}/goes`)).toMatchObject({ code: 200, body: { kind: 'Status', status: 'Success', details: { name: 'goes', group: 'events.k8s.io', kind: 'events', uid: metadata.uid } } });
      expect((await ask('GET', `${CORE}/goes`)).code).toBe(404);
    });

    test('watches of both groups see every change, each in its own words', async () => {
      const { metadata } = await at(`${EVENTS}?limit=1`);
      const watch = (path: string): ReturnType<ServerSubject['events']> => subject().events(`${path}?watch=1&resourceVersion=${metadata.resourceVersion}&labelSelector=watched`, { count: 4 });
      const watches = Promise.all([watch(EVENTS), watch(CORE)]);
      const labels = { watched: 'yes' };
      await make(EVENTS, reported('seen', { metadata: { name: 'seen', labels } }));
      await make(CORE, old('seen-too', { metadata: { name: 'seen-too', labels }, message: 'm' }));
      await ask('PATCH', `${CORE}/seen`, { type: MERGE, body: { message: 'changed' } });
      await ask('DELETE', `${EVENTS}/seen-too`);
      const [shown, core] = await watches;
      const types = [['ADDED', 'seen'], ['ADDED', 'seen-too'], ['MODIFIED', 'seen'], ['DELETED', 'seen-too']];
      expect(shown.map(({ type, object }) => [type, object.metadata.name, object.apiVersion, object.kind, object.note])).toEqual(types.map(([type, name], index) => [type, name, 'events.k8s.io/v1', 'Event', ['it was', 'm', 'changed', 'm'][index]]));
      expect(core.map(({ type, object }) => [type, object.metadata.name, object.apiVersion, object.kind, object.message])).toEqual(types.map(([type, name], index) => [type, name, 'v1', 'Event', ['it was', 'm', 'changed', 'm'][index]]));
      expect(shown.map(({ object }) => object.metadata)).toEqual(core.map(({ object }) => object.metadata));
    });

    test('who owns fields in one group is forgotten by a write through the other', async () => {
      const made = await make(`${EVENTS}?fieldManager=maker`, reported('owned'));
      const all = Object.fromEntries(['action', 'eventTime', 'note', 'reason', 'regarding', 'reportingController', 'reportingInstance', 'type'].map((field) => [`f:${field}`, {}]));
      expect(owners(made)).toEqual([['maker', 'Update', 'events.k8s.io/v1', all]]);
      expect(owners(await at(`${CORE}/owned`))).toEqual(owners(made));
      expect(owners(await make(`${CORE}?fieldManager=maker`, old('owned-too', { series: { count: 1 } })))).toEqual([['maker', 'Update', 'v1', { 'f:involvedObject': {}, 'f:series': { '.': {}, 'f:count': {}, 'f:lastObservedTime': {} } }]]);
      const patched = await ask('PATCH', `${CORE}/owned?fieldManager=other`, { type: MERGE, body: { metadata: { labels: { l: '1' } } } });
      const labelled = [['other', 'Update', 'v1', { 'f:metadata': { 'f:labels': { '.': {}, 'f:l': {} } } }]];
      expect([owners(patched.body), owners(await at(`${EVENTS}/owned`))]).toEqual([labelled, labelled]);
      expect(owners((await ask('PATCH', `${EVENTS}/owned?fieldManager=third`, { type: MERGE, body: { metadata: { labels: { l: '1' } } } })).body)).toEqual([]);
    });

    test('server-side apply through both: no conflicts between groups', async () => {
      const applied = await ask('PATCH', `${EVENTS}/applied?fieldManager=one`, { type: APPLY, body: { apiVersion: 'events.k8s.io/v1', kind: 'Event', ...reported('applied') } });
      expect([applied.code, applied.body.metadata.managedFields[0].apiVersion]).toEqual([201, 'events.k8s.io/v1']);
      const core = await ask('PATCH', `${CORE}/applied?fieldManager=two`, { type: APPLY, body: { apiVersion: 'v1', kind: 'Event', metadata: { name: 'applied' }, involvedObject: about, message: 'other' } });
      expect([core.code, core.body.message, core.body.reason, owners(core.body)]).toEqual([200, 'other', 'Tested', [['two', 'Apply', 'v1', { 'f:involvedObject': {}, 'f:message': {} }]]]);
      const label = await ask('PATCH', `${EVENTS}/applied?fieldManager=two`, { type: APPLY, body: { apiVersion: 'events.k8s.io/v1', kind: 'Event', metadata: { name: 'applied', labels: { a: 'b' } }, eventTime } });
      expect([label.code, label.body.note, owners(label.body)]).toEqual([200, 'other', [['two', 'Apply', 'events.k8s.io/v1', { 'f:eventTime': {}, 'f:metadata': { 'f:labels': { 'f:a': {} } } }]]]);
    });

    test('tables with the same columns and cells', async () => {
      await make(EVENTS, reported('row', { metadata: { name: 'row', labels: { row: 'yes' } }, series: { count: 7, lastObservedTime: eventTime } }));
      await make(CORE, old('row-too', { metadata: { name: 'row-too', labels: { row: 'yes' } }, source: { component: 'tests', host: 'h' }, message: 'm', count: 3 }));
      const table = async (path: string): Promise<Answer['body']> => (await ask('GET', `${path}?labelSelector=row`, { accept: TABLE })).body;
      const [shown, core] = [await table(EVENTS), await table(CORE)];
      expect(shown.columnDefinitions).toEqual(core.columnDefinitions);
      const cells = shown.rows.map(({ cells: row }: Answer['body']) => row.filter((_cell: unknown, index: number) => index !== 0 && index !== 7));
      expect(cells).toEqual([['Normal', 'Tested', 'configmap/shop', '', 'isthmus.dev/tests, one', 'it was', 7, 'row'], ['', '', 'configmap/shop', '', 'tests, h', 'm', 3, 'row-too']]);
      expect(core.rows.map(({ cells: row }: Answer['body']) => row.filter((_cell: unknown, index: number) => index !== 0 && index !== 7))).toEqual(cells);
    });

    test('rights are of one group', async () => {
      const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${NAMESPACE}`;
      await ask('POST', `${rbac}/roles`, { body: { metadata: { name: 'reads' }, rules: [{ apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['get', 'list'] }] } });
      await ask('POST', `${rbac}/rolebindings`, { body: { metadata: { name: 'reads' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reads' }, subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'ann' }] } });
      for (let attempt = 0; attempt < 100 && (await ask('GET', EVENTS, ANN)).code !== 200; attempt++) await new Promise((resolve) => { setTimeout(resolve, 50); });
      expect((await ask('GET', EVENTS, ANN)).code).toBe(200);
      expect(await ask('GET', CORE, ANN)).toMatchObject({ code: 403, body: { details: { kind: 'events' } } });
      expect(await ask('POST', EVENTS, { ...ANN, body: reported('hers') })).toMatchObject({ code: 403, body: { details: { group: 'events.k8s.io', kind: 'events' } } });
    });

    test('a namespace that ends counts what holds it in both groups', async () => {
      const namespace = 'event-groups-ends';
      const path = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
      await ask('POST', '/api/v1/namespaces', { body: { metadata: { name: namespace } } });
      await make(path, reported('held', { metadata: { name: 'held', finalizers: ['isthmus.dev/held'] }, regarding: { ...about, namespace } }));
      await make(path, reported('free', { regarding: { ...about, namespace } }));
      await ask('DELETE', `/api/v1/namespaces/${namespace}`);
      const message = async (): Promise<string> => ((await at(`/api/v1/namespaces/${namespace}`)).status.conditions ?? []).find(({ type }: { readonly type: string }) => type === 'NamespaceContentRemaining')?.message ?? '';
      for (let attempt = 0; attempt < 300 && await message() === ''; attempt++) await new Promise((resolve) => { setTimeout(resolve, 50); });
      expect(await message()).toBe('Some resources are remaining: events. has 1 resource instances, events.events.k8s.io has 1 resource instances');
      await ask('PATCH', `${path}/held`, { type: MERGE, body: { metadata: { finalizers: null } } });
      expect((await ask('GET', `${path}/held`)).code).toBe(404);
    }, 30_000);
  });
}
