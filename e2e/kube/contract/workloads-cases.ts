/** Pods and StorageClasses, as far as agents and people who ask for capacity depend on them: what they become, who owns what, what is refused, shown and told. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Answer, ServerSubject } from './subject.ts';
import { invalid, makeNamespace, ownersOf, refusal, TYPES } from './writing.ts';

const NAMESPACE = 'workloads';
const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;
const CLASSES = '/apis/storage.k8s.io/v1/storageclasses';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const AGE = expect.stringMatching(/^\d+[smh](\d+[sm])?$/) as string;

const container = (name: string, requests: object = {}, more: object = {}): object => ({ name, image: 'example.com/x:1', resources: { requests }, ...more });
const pod = (name: string, spec: object, metadata: object = {}): object => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, ...metadata }, spec });
const storageClass = (name: string, more: object, metadata: object = {}): object => ({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name, ...metadata }, ...more });

export function workloadsCases(subject: () => ServerSubject): void {
  const ask = (method: string, path: string, options: Parameters<ServerSubject['ask']>[2] = {}): Promise<Answer> => subject().ask(method, path, options);
  const make = async (path: string, body: object): Promise<Answer> => {
    const made = await ask('POST', path, { body });
    expect(made.code, JSON.stringify(made.body)).toBe(201);
    return made;
  };
  const attempt = (spec: object): Promise<Answer> => ask('POST', `${PODS}?dryRun=All`, { body: pod('attempt', spec) });
  const cells = async (path: string): Promise<unknown[][]> => ((await ask('GET', path, { accept: TABLE })).body.rows as { cells: unknown[] }[]).map((row) => row.cells);

  describe('workloads', () => {
    beforeAll(async () => {
      await makeNamespace(subject(), NAMESPACE);
      await make('/api/v1/nodes', { metadata: { name: 'workloads-one' }, status: { capacity: { cpu: '4000m', memory: '1.5Gi', pods: '110' }, allocatable: { cpu: 4, memory: '1536Mi', pods: 110 } } });
    });

    test('a node\'s capacity is told in one form', async () => {
      const { body } = await ask('GET', '/api/v1/nodes/workloads-one');
      expect(body.status).toMatchObject({ capacity: { cpu: '4', memory: '1536Mi', pods: '110' }, allocatable: { cpu: '4', memory: '1536Mi', pods: '110' } });
    });

    test('a pod gets what it left out, requests from its limits, and begins as pending', async () => {
      const spec = {
        nodeName: 'workloads-one', initContainers: [container('mesh', { cpu: '0.1' }, { restartPolicy: 'Always', image: 'example.com/mesh@sha256:0000000000000000000000000000000000000000000000000000000000000000' })],
        containers: [
          { name: 'main', image: 'example.com:5000/main', ports: [{ containerPort: 80 }], resources: { requests: { cpu: '1500m' }, limits: { cpu: 2, memory: '1024Mi', 'nvidia.com/gpu': '1' } } },
          { name: 'plain', image: 'example.com/plain:latest' },
        ],
      };
      const { body } = await make(PODS, { ...pod('whole', spec), status: { phase: 'Running' } });
      expect(body.metadata.generation).toBe(1);
      expect(body.status).toEqual({ phase: 'Pending', qosClass: 'Burstable' });
      const always = { terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File' };
      const tolerance = (key: string): object => ({ key: `node.kubernetes.io/${key}`, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 });
      expect(body.spec).toEqual({
        nodeName: 'workloads-one', restartPolicy: 'Always', terminationGracePeriodSeconds: 30, dnsPolicy: 'ClusterFirst', securityContext: {}, schedulerName: 'default-scheduler', enableServiceLinks: true,
        priority: 0, preemptionPolicy: 'PreemptLowerPriority', tolerations: [tolerance('not-ready'), tolerance('unreachable')],
        initContainers: [{ ...spec.initContainers[0], resources: { requests: { cpu: '100m' } }, imagePullPolicy: 'IfNotPresent', ...always }],
        containers: [
          { name: 'main', image: 'example.com:5000/main', imagePullPolicy: 'Always', ports: [{ containerPort: 80, protocol: 'TCP' }], resources: { requests: { cpu: '1500m', memory: '1Gi', 'nvidia.com/gpu': '1' }, limits: { cpu: '2', memory: '1Gi', 'nvidia.com/gpu': '1' } }, ...always },
          { name: 'plain', image: 'example.com/plain:latest', imagePullPolicy: 'Always', resources: {}, ...always },
        ],
      });
      expect((await ask('GET', `${PODS}/whole`)).body).toEqual(body);
    });

    test.each<[object, string]>([
      [{ containers: [container('a')] }, 'BestEffort'], [{ containers: [container('a', { cpu: '0' })] }, 'BestEffort'], [{ containers: [container('a', { memory: '1Mi' }), container('b')] }, 'Burstable'],
      [{ containers: [container('a', {}, { resources: { limits: { cpu: '1', memory: '1Gi' } } })] }, 'Guaranteed'], [{ containers: [container('a', {}, { resources: { limits: { cpu: '1' } } })] }, 'Burstable'],
      [{ resources: { requests: { cpu: '1' } }, containers: [container('a')] }, 'Burstable'],
    ])('%j is %s', async (spec, quality) => {
      const { code, body } = await attempt(spec);
      expect([code, body.status]).toEqual([201, { phase: 'Pending', qosClass: quality }]);
    });

    test.each<[object, readonly string[]]>([
      [{}, ['FieldValueRequired spec.containers']], [{ containers: [] }, ['FieldValueRequired spec.containers']], [{ containers: [{ image: 'x' }] }, ['FieldValueRequired spec.containers[0].name']],
      [{ containers: [{ name: 'a' }] }, ['FieldValueRequired spec.containers[0].image']], [{ containers: [container('A_')] }, ['FieldValueInvalid spec.containers[0].name']], [{ containers: [{ name: 'a', image: ' x' }] }, ['FieldValueInvalid spec.containers[0].image']],
      [{ containers: [container('a'), container('a')] }, ['FieldValueDuplicate spec.containers[1].name']], [{ containers: [container('a')], initContainers: [container('a')] }, ['FieldValueDuplicate spec.initContainers[0].name']],
      [{ containers: [container('a', { cpu: '-1' })] }, ['FieldValueInvalid spec.containers[0].resources.requests[cpu]']],
      [{ containers: [container('a', { gadgets: '1' })] }, ['FieldValueInvalid spec.containers[0].resources.requests[gadgets]']],
      [{ containers: [container('a', { 'nvidia.com/gpu': '1' })] }, ['FieldValueRequired spec.containers[0].resources.limits']],
      [{ containers: [container('a', {}, { resources: { limits: { 'nvidia.com/gpu': '500m' } } })] }, ['FieldValueInvalid spec.containers[0].resources.limits[nvidia.com/gpu]', 'FieldValueInvalid spec.containers[0].resources.requests[nvidia.com/gpu]']],
      [{ containers: [container('a', {}, { resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } })] }, ['FieldValueInvalid spec.containers[0].resources.requests']],
      [{ containers: [container('a', {}, { resources: { requests: { 'x.io/y': '1' }, limits: { 'x.io/y': '2' } } })] }, ['FieldValueInvalid spec.containers[0].resources.requests']],
      [{ containers: [container('a', {}, { ports: [{ containerPort: 70_000 }] })] }, ['FieldValueInvalid spec.containers[0].ports[0].containerPort']], [{ containers: [container('a', {}, { imagePullPolicy: 'Sometimes' })] }, ['FieldValueNotSupported spec.containers[0].imagePullPolicy']],
      [{ restartPolicy: 'Sometimes', dnsPolicy: 'x', containers: [container('a')] }, ['FieldValueNotSupported spec.dnsPolicy', 'FieldValueNotSupported spec.restartPolicy']], [{ nodeName: 'A_', containers: [container('a')] }, ['FieldValueInvalid spec.nodeName']],
    ])('refuses %j', async (spec, causes) => {
      expect(refusal(await attempt(spec))).toEqual(invalid(...causes));
    });

    test('quantities have one form, whatever they were written as', async () => {
      const forms: Readonly<Record<string, string>> = {
        0: '0', '0.5': '500m', '1.5': '1500m', '1000m': '1', '1500m': '1500m', 1000: '1k', 1024: '1024', '1024Mi': '1Gi', '1.5Gi': '1536Mi', '0.5Ki': '512', '1Ki': '1Ki', '1e3': '1e3', '12e-3': '12e-3',
        '.5': '500m', '1E': '1E', '1000Mi': '1000Mi', '100u': '1m', '1025.5Ki': '1050112', '1n': '1m', '1500500u': '1501m',
      };
      for (const [text, form] of Object.entries(forms)) {
        const { code, body } = await attempt({ containers: [container('a', { memory: text, cpu: text })] });
        expect([code, body.spec?.containers[0].resources.requests], `${text} ${JSON.stringify(body.details)}`).toEqual([201, { memory: form, cpu: form }]);
      }
    });

    test('what is no quantity cannot be read at all', async () => {
      for (const text of ['1x', '1mi', '1 Gi', '1..2']) expect((await attempt({ containers: [container('a', { cpu: text })] })).code, text).toBe(400);
      const { code, body } = await attempt({ containers: [container('a', { cpu: 'much' })] });
      expect([code, body.reason, body.message]).toEqual([400, 'BadRequest', expect.stringContaining('quantities must match the regular expression')]);
    });

    test('of a pod that is there, images and deadlines may change, and nothing that it asks for', async () => {
      await make(PODS, pod('fixed', { containers: [container('a', { cpu: '100m' })] }));
      const patch = (spec: object): Promise<Answer> => ask('PATCH', `${PODS}/fixed`, { type: TYPES.strategic, body: { spec } });
      expect(refusal(await patch({ containers: [{ name: 'a', resources: { requests: { cpu: '200m' } } }] }))).toEqual(invalid('FieldValueForbidden spec'));
      expect(refusal(await patch({ nodeName: 'workloads-one' }))).toEqual(invalid('FieldValueForbidden spec'));
      const changed = await patch({ activeDeadlineSeconds: 5, containers: [{ name: 'a', image: 'example.com/x:2' }] });
      expect([changed.code, changed.body.metadata.generation, changed.body.spec.activeDeadlineSeconds, changed.body.spec.containers[0].image]).toEqual([200, 2, 5, 'example.com/x:2']);
    });

    test('the status is another\'s to write, and changes nothing else', async () => {
      const { body: before } = await make(PODS, pod('running', { nodeName: 'workloads-one', containers: [container('a', { cpu: '100m' }), container('b')] }));
      const running = { name: 'a', ready: true, restartCount: 2, image: 'x', imageID: '', state: { running: {} } };
      const waiting = { name: 'b', ready: false, restartCount: 0, image: 'x', imageID: '', state: { waiting: { reason: 'CrashLoopBackOff' } } };
      const { code, body } = await ask('PATCH', `${PODS}/running/status`, { type: TYPES.merge, body: { spec: { nodeName: 'other' }, status: { phase: 'Running', podIP: '10.1.1.1', podIPs: [{ ip: '10.1.1.1' }], containerStatuses: [running, waiting] } } });
      expect([code, body.status.phase, body.status.qosClass, body.spec, body.metadata.generation]).toEqual([200, 'Running', 'Burstable', before.spec, 1]);
      await ask('PATCH', `${PODS}/running`, { type: TYPES.merge, body: { metadata: { labels: { shown: 'yes' } }, status: { phase: 'Failed' } } });
      expect((await ask('GET', `${PODS}/running`)).body.status.phase).toBe('Running');
      const table = await ask('GET', `${PODS}?labelSelector=shown%3Dyes`, { accept: TABLE });
      expect((table.body.columnDefinitions as { name: string; priority: number }[]).map(({ name, priority }) => `${name}${priority === 0 ? '' : `@${priority}`}`)).toEqual(['Name', 'Ready', 'Status', 'Restarts', 'Age', 'IP@1', 'Node@1', 'Nominated Node@1', 'Readiness Gates@1']);
      expect(await cells(`${PODS}?labelSelector=shown%3Dyes`)).toEqual([['running', '1/2', 'CrashLoopBackOff', '2', AGE, '10.1.1.1', 'workloads-one', '<none>', '<none>']]);
    });

    test.each<[string, object, readonly unknown[]]>([
      ['init-waits', { phase: 'Pending', initContainerStatuses: [{ name: 'i', ready: false, restartCount: 0, image: 'x', imageID: '', state: { waiting: { reason: 'PodInitializing' } } }] }, ['0/1', 'Init:0/1', '0']],
      ['init-failed', { phase: 'Pending', initContainerStatuses: [{ name: 'i', ready: false, restartCount: 3, image: 'x', imageID: '', state: { terminated: { exitCode: 2 } } }] }, ['0/1', 'Init:ExitCode:2', '3']],
      ['evicted', { phase: 'Failed', reason: 'Evicted' }, ['0/1', 'Evicted', '0']],
      ['ended', { phase: 'Succeeded', containerStatuses: [{ name: 'a', ready: false, restartCount: 0, image: 'x', imageID: '', state: { terminated: { exitCode: 0, reason: 'Completed' } } }] }, ['0/1', 'Completed', '0']],
    ])('kubectl shows %s', async (name, status, shown) => {
      await make(PODS, pod(name, { containers: [container('a')], initContainers: [container('i')] }, { labels: { shown: name } }));
      await ask('PATCH', `${PODS}/${name}/status`, { type: TYPES.merge, body: { status } });
      expect(await cells(`${PODS}?labelSelector=shown%3D${name}`)).toEqual([[name, ...shown, AGE, '<none>', '<none>', '<none>', '<none>']]);
    });

    test('an applied pod: its applier owns what it wrote, and a second apply changes nothing', async () => {
      const wanted = pod('applied', { containers: [container('a', { cpu: 1, memory: '1Gi' })] });
      const apply = (manager: string, body: object): Promise<Answer> => ask('PATCH', `${PODS}/applied?fieldManager=${manager}`, { type: TYPES.apply, body });
      const made = await apply('me', wanted);
      expect([made.code, made.body.spec.containers[0].resources.requests]).toEqual([201, { cpu: '1', memory: '1Gi' }]);
      const owned = { 'f:spec': { 'f:containers': { 'k:{"name":"a"}': { '.': {}, 'f:image': {}, 'f:name': {}, 'f:resources': { 'f:requests': { 'f:cpu': {}, 'f:memory': {} } } } } } };
      expect(ownersOf(made, 'Apply')).toEqual({ me: owned });
      const again = await apply('me', wanted);
      expect([again.code, again.body.metadata.resourceVersion]).toEqual([200, made.body.metadata.resourceVersion]);
      expect((await apply('you', pod('applied', { containers: [{ name: 'a', image: 'example.com/other' }] }))).code).toBe(409);
    });

    test('lists by field and watches tell of pods that come, change and go', async () => {
      const { body: list } = await ask('GET', `${PODS}?fieldSelector=metadata.name%3Dwatched`);
      await make(PODS, pod('watched', { containers: [container('a', { cpu: '1' })] }));
      await ask('PATCH', `${PODS}/watched/status`, { type: TYPES.merge, body: { status: { phase: 'Succeeded' } } });
      expect((await ask('DELETE', `${PODS}/watched`)).code).toBe(200);
      expect((await ask('GET', `${PODS}/watched`)).code).toBe(404);
      const events = await subject().events(`${PODS}?watch=1&fieldSelector=metadata.name%3Dwatched&resourceVersion=${list.metadata.resourceVersion as string}`, { count: 4, milliseconds: 1500 });
      // A kubelet may be told first that the pod ends.
      const told = events.filter(({ type, object }) => type !== 'MODIFIED' || object.metadata.deletionTimestamp === undefined);
      expect(told.map(({ type, object }) => [type, object.status.phase])).toEqual([['ADDED', 'Pending'], ['MODIFIED', 'Succeeded'], ['DELETED', 'Succeeded']]);
      // What agents leave out when they read.
      const held = (await ask('GET', `${PODS}?fieldSelector=${encodeURIComponent('status.phase!=Succeeded,status.phase!=Failed,spec.nodeName=workloads-one')}`)).body.items as { metadata: { name: string } }[];
      expect(held.map(({ metadata }) => metadata.name)).toEqual(['running', 'whole']);
      expect((await ask('GET', `${PODS}?fieldSelector=spec.priority%3D1`)).code).toBe(400);
    });

    test('a pod on a node is deleted at once by whoever says so', async () => {
      await make(PODS, pod('doomed', { nodeName: 'workloads-one', containers: [container('a')] }));
      expect((await ask('DELETE', `${PODS}/doomed?gracePeriodSeconds=0`)).code).toBe(200);
      expect((await ask('GET', `${PODS}/doomed`)).code).toBe(404);
    });

    test('a storage class: what it left out, what it is refused, and what of it stays', async () => {
      const made = await make(CLASSES, storageClass('fast', { provisioner: 'example.com/disk', parameters: { type: 'ssd' } }, { annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } }));
      expect(made.body).toMatchObject({ provisioner: 'example.com/disk', parameters: { type: 'ssd' }, reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' });
      expect(made.body.metadata.generation).toBeUndefined();
      const tried = async (more: object): Promise<unknown> => refusal(await ask('POST', `${CLASSES}?dryRun=All`, { body: storageClass('attempt', more) }));
      expect(await tried({})).toEqual(invalid('FieldValueRequired provisioner'));
      expect(await tried({ provisioner: 'a b' })).toEqual(invalid('FieldValueInvalid provisioner'));
      expect(await tried({ provisioner: 'a', reclaimPolicy: 'Recycle' })).toEqual(invalid('FieldValueNotSupported reclaimPolicy'));
      expect(await tried({ provisioner: 'a', volumeBindingMode: 'Late' })).toEqual(invalid('FieldValueNotSupported volumeBindingMode'));
      const other = { ...made.body, parameters: {}, provisioner: 'b', reclaimPolicy: 'Retain', volumeBindingMode: 'WaitForFirstConsumer' };
      expect(refusal(await ask('PUT', `${CLASSES}/fast`, { body: other }))).toEqual(invalid('FieldValueInvalid parameters', 'FieldValueInvalid provisioner', 'FieldValueInvalid reclaimPolicy', 'FieldValueInvalid volumeBindingMode'));
      expect((await ask('PUT', `${CLASSES}/fast`, { body: { ...made.body, allowVolumeExpansion: true } })).body.allowVolumeExpansion).toBe(true);
    });

    test('storage classes: applied, shown, watched and deleted', async () => {
      const { body: before } = await ask('GET', CLASSES);
      const applied = await ask('PATCH', `${CLASSES}/slow?fieldManager=me`, { type: TYPES.apply, body: storageClass('slow', { provisioner: 'kubernetes.io/no-provisioner', volumeBindingMode: 'WaitForFirstConsumer' }) });
      expect([applied.code, ownersOf(applied, 'Apply')]).toEqual([201, { me: { 'f:provisioner': {}, 'f:volumeBindingMode': {} } }]);
      expect(await cells(CLASSES)).toEqual([['fast (default)', 'example.com/disk', 'Delete', 'Immediate', true, AGE], ['slow', 'kubernetes.io/no-provisioner', 'Delete', 'WaitForFirstConsumer', false, AGE]]);
      for (const name of ['slow', 'fast']) expect((await ask('DELETE', `${CLASSES}/${name}`)).code).toBe(200);
      const events = await subject().events(`${CLASSES}?watch=1&resourceVersion=${before.metadata.resourceVersion as string}`, { count: 3, milliseconds: 5000 });
      expect(events.map(({ type, object }) => [type, object.metadata.name])).toEqual([['ADDED', 'slow'], ['DELETED', 'slow'], ['DELETED', 'fast']]);
    });

    test('discovery names both', async () => {
      const of = async (path: string, name: string): Promise<unknown> => ((await ask('GET', path)).body.resources as { name: string }[]).find((resource) => resource.name === name);
      expect(await of('/api/v1', 'pods')).toMatchObject({ singularName: 'pod', namespaced: true, kind: 'Pod', shortNames: ['po'], categories: ['all'] });
      expect(await of('/api/v1', 'pods/status')).toMatchObject({ singularName: '', namespaced: true, kind: 'Pod', verbs: ['get', 'patch', 'update'] });
      expect(await of('/apis/storage.k8s.io/v1', 'storageclasses')).toMatchObject({ singularName: 'storageclass', namespaced: false, kind: 'StorageClass', shortNames: ['sc'] });
    });
  });
}
