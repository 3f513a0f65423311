/** Namespaces that go: their contents first. The real namespace controller waits some seconds before it begins. */
import { describe, expect, test } from 'vitest';
import { eventually } from '../../../controller/demo/eventually.ts';
import type { Answer, Ask, ServerSubject } from './subject.ts';

const PATIENCE = 45_000;
const MERGE = 'application/merge-patch+json';

export function namespaceCases(subject: () => ServerSubject): void {
  const ask = (method: string, path: string, options?: Ask): Promise<Answer> => subject().ask(method, path, options);
  const make = (name: string, more: { readonly metadata?: object; readonly spec?: object; readonly status?: object } = {}): Promise<Answer> =>
    ask('POST', '/api/v1/namespaces', { body: { ...more, metadata: { name, ...more.metadata } } });
  const map = (namespace: string, name: string, metadata: object = {}): Promise<Answer> => ask('POST', `/api/v1/namespaces/${namespace}/configmaps`, { body: { metadata: { name, ...metadata } } });
  const isGone = (name: string): Promise<unknown> => eventually(`${name} is gone`, PATIENCE, async () => (await ask('GET', `/api/v1/namespaces/${name}`)).code === 404);
  const finalize = (name: string, finalizers: readonly string[], metadata: object = {}): Promise<Answer> =>
    ask('PUT', `/api/v1/namespaces/${name}/finalize`, { body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name, ...metadata }, spec: { finalizers } } });

  describe('namespaces', () => {
    test.concurrent('are active, held by what empties them, and terminate in the end', async () => {
      const made = await make('ending', { metadata: { finalizers: ['example.com/hold'] }, spec: { finalizers: ['example.com/spec'] }, status: { phase: 'Terminating' } });
      expect(made).toMatchObject({ code: 201, body: { spec: { finalizers: ['example.com/spec', 'kubernetes'] }, status: { phase: 'Active' } } });
      const marked = await ask('DELETE', '/api/v1/namespaces/ending');
      expect(marked).toMatchObject({ code: 200, body: { kind: 'Namespace', status: { phase: 'Terminating' } } });
      expect(marked.body.metadata.deletionGracePeriodSeconds).toBeUndefined();
      await eventually('the contents are gone', PATIENCE, async () => (await ask('GET', '/api/v1/namespaces/ending')).body.spec.finalizers?.length === 1);
      expect((await finalize('ending', [], { finalizers: ['example.com/hold'] })).code).toBe(200);
      expect((await ask('GET', '/api/v1/namespaces/ending')).body.spec).toEqual({});
      await ask('PATCH', '/api/v1/namespaces/ending', { type: MERGE, body: { metadata: { finalizers: null } } });
      await isGone('ending');
    });

    test.concurrent('take their contents along, and wait for what is held, saying so', async () => {
      await make('full');
      await map('full', 'free');
      await map('full', 'held', { finalizers: ['example.com/hold'] });
      await ask('DELETE', '/api/v1/namespaces/full');
      const conditions = async (): Promise<Readonly<Record<string, readonly string[]>>> =>
        Object.fromEntries(((await ask('GET', '/api/v1/namespaces/full')).body.status.conditions ?? []).map((each: Readonly<Record<string, string>>) => [each['type'], [each['status'], each['reason'], each['message']]]));
      await eventually('it says what remains', PATIENCE, async () => (await conditions())['NamespaceContentRemaining']?.[0] === 'True');
      expect(await conditions()).toEqual({
        NamespaceDeletionDiscoveryFailure: ['False', 'ResourcesDiscovered', 'All resources successfully discovered'],
        NamespaceDeletionGroupVersionParsingFailure: ['False', 'ParsedGroupVersions', 'All legacy kube types successfully parsed'],
        NamespaceDeletionContentFailure: ['False', 'ContentDeleted', 'All content successfully deleted, may be waiting on finalization'],
        NamespaceContentRemaining: ['True', 'SomeResourcesRemain', 'Some resources are remaining: configmaps. has 1 resource instances'],
        NamespaceFinalizersRemaining: ['True', 'SomeFinalizersRemain', 'Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances'],
      });
      expect((await ask('GET', '/api/v1/namespaces/full/configmaps/free')).code).toBe(404);
      await ask('PATCH', '/api/v1/namespaces/full/configmaps/held', { type: MERGE, body: { metadata: { finalizers: null } } });
      await isGone('full');
      await make('full');
      const again = await ask('GET', '/api/v1/namespaces/full/configmaps');
      expect(again.body.items.filter((item: Answer['body']) => item.metadata.name !== 'kube-root-ca.crt')).toEqual([]);
    });

    test.concurrent('take nothing new while they terminate', async () => {
      await make('closing');
      await map('closing', 'held', { finalizers: ['example.com/hold'] });
      await ask('DELETE', '/api/v1/namespaces/closing');
      const late = await map('closing', 'late');
      expect(late).toMatchObject({
        code: 403, body: {
          reason: 'Forbidden', message: 'configmaps "late" is forbidden: unable to create new content in namespace closing because it is being terminated',
          details: { name: 'late', kind: 'configmaps', causes: [{ reason: 'NamespaceTerminating', message: 'namespace closing is being terminated', field: 'metadata.namespace' }] },
        },
      });
      const applied = await ask('PATCH', '/api/v1/namespaces/closing/configmaps/late?fieldManager=contract', { type: 'application/apply-patch+yaml', body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'late' } } });
      expect(applied).toMatchObject({ code: 403, body: { details: { causes: [{ reason: 'NamespaceTerminating' }] } } });
      expect((await ask('PATCH', '/api/v1/namespaces/closing/configmaps/held', { type: MERGE, body: { data: { still: 'changed' } } })).code).toBe(200);
      await ask('PATCH', '/api/v1/namespaces/closing/configmaps/held', { type: MERGE, body: { metadata: { finalizers: null } } });
      await isGone('closing');
    });

    test.concurrent('keep `spec.finalizers` but through `finalize`', async () => {
      await make('final');
      expect((await ask('PATCH', '/api/v1/namespaces/final', { type: MERGE, body: { spec: { finalizers: [] } } })).body.spec.finalizers).toEqual(['kubernetes']);
      expect(await finalize('final', ['kubernetes', 'odd'])).toMatchObject({ code: 422, body: { details: { causes: [{ field: 'spec.finalizers[1]' }] } } });
      expect(await finalize('final', ['kubernetes', 'example.com/more'])).toMatchObject({ code: 200, body: { spec: { finalizers: ['kubernetes', 'example.com/more'] } } });
      expect((await ask('GET', '/api/v1/namespaces/final/finalize')).code).toBe(405);
      expect((await ask('PATCH', '/api/v1/namespaces/final/finalize', { type: MERGE, body: {} })).code).toBe(405);
      await ask('DELETE', '/api/v1/namespaces/final');
      await finalize('final', []);
      await isGone('final');
    });

    test.concurrent('of the system stay', async () => {
      for (const name of ['default', 'kube-system']) {
        expect([name, (await ask('DELETE', `/api/v1/namespaces/${name}`))]).toMatchObject([name, { code: 403, body: { reason: 'Forbidden', message: `namespaces "${name}" is forbidden: this namespace may not be deleted` } }]);
      }
      expect((await ask('DELETE', '/api/v1/namespaces')).code).toBe(405);
    });
  });
}
