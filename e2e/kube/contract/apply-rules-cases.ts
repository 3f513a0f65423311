/** What we believe of field ownership without asking, against the server's own rules; and that what others wrote outlives our writes. */
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { appliesNothingNew } from '../../../controller/runtime/applied-fields.ts';
import { applyObject } from '../../../controller/runtime/apply.ts';
import { apiVersionOf } from '../../../mesh/api/resources/index.ts';
import { ConfigMap, type ConfigMapObject, EndpointSlice, Namespace, Service } from '../../../mesh/api/resources/core.ts';
import { type KubernetesClient, KubernetesError, type KubernetesObject, type ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import { never } from './calls.ts';
import type { ServerSubject } from './subject.ts';
import { serveWidgets, Widget } from './widget.ts';

const NAMESPACE = 'apply-rules';
const word = fc.constantFrom('a', 'b', 'c');
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined, freq: 2 });
const some = fc.dictionary(word, fc.constantFrom('1', '2'), { minKeys: 1, maxKeys: 3 });
/** Nothing empty: over that, kube-apiserver hands ownership to and fro between managers and stores an unchanged object anew; `applyObject` leaves it out of metadata. */
const metadata = fc.record({
  labels: optional(some), annotations: optional(some), finalizers: optional(fc.uniqueArray(fc.constantFrom('x.example.com/a', 'x.example.com/b'), { minLength: 1, maxLength: 2 })),
  ownerReferences: optional(fc.constantFrom(
    [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner' }], [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', blockOwnerDeletion: true }],
  )),
});
const port = fc.record({ port: fc.constantFrom(80, 443), protocol: optional(fc.constantFrom('TCP', 'UDP')), name: optional(fc.constantFrom('web', 'other')) });
const keyed = (most: number): fc.Arbitrary<unknown> => fc.uniqueArray(port, { minLength: 1, maxLength: most, selector: ({ port: number, protocol }) => `${number} ${protocol ?? 'TCP'}` });

interface Sample { readonly kind: ResourceKind; readonly body: fc.Arbitrary<object> }
const SAMPLES: readonly Sample[] = [
  { kind: ConfigMap, body: fc.record({ data: optional(some), immutable: optional(fc.constant(false)) }) },
  { kind: Widget, body: fc.record({ spec: fc.record({ size: fc.constantFrom(1, 2), colour: optional(fc.constantFrom('grey', 'red')), ports: optional(keyed(3)), notes: optional(fc.array(word, { maxLength: 2 })) }) }) },
  // Every port of a Service that has several needs a name of its own.
  { kind: Service, body: fc.record({ spec: fc.record({ clusterIP: fc.constant('None'), selector: optional(some), ports: keyed(1) }) }) },
  {
    kind: EndpointSlice,
    body: fc.record({
      addressType: fc.constant('IPv4'), ports: optional(fc.array(fc.record({ port: fc.constantFrom(80, 81), name: word }), { maxLength: 1 })),
      endpoints: fc.array(fc.record({ addresses: fc.constantFrom(['10.9.0.1'], ['10.9.0.2']), conditions: optional(fc.record({ ready: fc.boolean() })) }), { maxLength: 2 }),
    }),
  },
];

interface Step { readonly manager: string; readonly metadata: object; readonly body: object; readonly merge: boolean; readonly again: boolean }

/** As JSON has it, and with owners that are there: the garbage collector takes an object whose owners are all gone. */
const stripped = (value: object, ownerUid: string): object =>
  JSON.parse(JSON.stringify(value, (key, inner: unknown) => (key === 'ownerReferences' && Array.isArray(inner) ? inner.map((owner: object) => ({ ...owner, uid: ownerUid })) : inner))) as object;

/** What the walk made of it is not always valid; the walk goes on. */
function refusal(error: unknown): undefined {
  if (!(error instanceof KubernetesError && error.code === 422)) throw error;
}

export function applyRulesCases(subject: () => ServerSubject): void {
  const client = (): KubernetesClient => subject().client;

  describe('our rules of field ownership', () => {
    let ownerUid = '';
    beforeAll(async () => {
      await serveWidgets(client());
      await client().create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } }, { fieldManager: 'contract' }, never);
      const owner = await client().create<ConfigMapObject>(ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'owner', namespace: NAMESPACE } }, { fieldManager: 'contract' }, never);
      ownerUid = owner.metadata.uid ?? '';
    });

    test.each(SAMPLES)('$kind.kind: where we say that an apply changes nothing, it changes nothing', async ({ kind, body }) => {
      let objects = 0;
      const [all, silent, missed] = [{ count: 0 }, { count: 0 }, { count: 0 }];
      const steps = fc.array(fc.record({ manager: fc.constantFrom('ours', 'ours', 'other'), metadata, body, merge: fc.boolean(), again: fc.boolean() }), { minLength: 2, maxLength: 5 });
      await fc.assert(fc.asyncProperty(steps, async (walk: readonly Step[]) => {
        const name = `o${objects++}`;
        let previous: object | undefined;
        for (const step of walk) {
          // As often as not the very same as the last one of ours, which is what a settled controller applies.
          const wanted = (step.again && previous !== undefined ? previous : stripped({ ...step.body, metadata: step.metadata }, ownerUid)) as KubernetesObject;
          const object = { ...wanted, apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { ...wanted.metadata, name, namespace: NAMESPACE } };
          const before = await client().get(kind, object.metadata, never);
          if (step.manager === 'other' && step.merge && before !== undefined) {
            await client().patch(kind, object.metadata, stripped({ metadata: step.metadata, ...step.body }, ownerUid), { type: 'merge', fieldManager: 'person' }, never).catch(refusal);
            continue;
          }
          if (step.manager === 'ours') previous = wanted;
          const predicted = before !== undefined && appliesNothingNew(object, before, { fieldManager: step.manager, apiVersion: apiVersionOf(kind), subresource: undefined });
          const after = await client().patch(kind, object.metadata, object, { type: 'apply', fieldManager: step.manager, force: true }, never).catch(refusal);
          if (after === undefined) {
            expect(predicted, 'what the server refuses was not said to change nothing').toBe(false);
            continue;
          }
          const same = before?.metadata.resourceVersion === after.metadata.resourceVersion;
          all.count += 1;
          if (predicted) silent.count += 1;
          if (same && !predicted) missed.count += 1;
          if (predicted && !same) throw new Error(`said to change nothing: ${JSON.stringify({ manager: step.manager, wanted: object, before, after })}`);
        }
      }), { numRuns: 40, seed: 20_301, endOnFailure: true });
      console.log(`${kind.kind}: ${all.count} applies, ${silent.count} rightly not needed, ${missed.count} sent that changed nothing`);
      expect(silent.count).toBeGreaterThan(5);
      expect(missed.count).toBeLessThanOrEqual(all.count * 0.05);
    });

    test('hundreds of our writes leave labels, annotations, keys and finalizers of others as they are, conflicts too', async () => {
      const ref = { namespace: NAMESPACE, name: 'shared' };
      const foreign = { labels: { team: 'theirs' }, annotations: { 'example.com/note': 'theirs' }, finalizers: ['example.com/theirs'] };
      await client().create<ConfigMapObject>(ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...ref, ...foreign }, data: { theirs: '1' } }, { fieldManager: 'other' }, never);
      let [conflicts, written] = [0, 0];
      for (let index = 0; index < 300; index += 1) {
        // Each third goes for their key, too: without force that is for a person to decide.
        const wanted: ConfigMapObject = {
          apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...ref, labels: { [`ours-${index % 2}`]: 'x' } }, data: { ours: String(index), ...(index % 3 === 2 ? { theirs: 'ours' } : {}) },
        };
        const outcome = await applyObject(client(), ConfigMap, wanted, { fieldManager: 'ours', onConflict: 'return' }, never);
        if (outcome.outcome === 'conflict') {
          conflicts += 1;
          expect(outcome.conflicts).toEqual([{ reason: 'FieldManagerConflict', field: '.data.theirs', message: expect.stringContaining('conflict with "other"') as string }]);
        } else if (outcome.outcome === 'applied') written += 1;
      }
      expect([conflicts, written]).toEqual([100, 200]);
      const after = await client().get<ConfigMapObject>(ConfigMap, ref, never);
      expect(after?.data).toEqual({ theirs: '1', ours: '298' });
      expect(after?.metadata).toMatchObject({ labels: { team: 'theirs', 'ours-0': 'x' }, annotations: foreign.annotations, finalizers: foreign.finalizers });
      expect(after?.metadata.labels).not.toHaveProperty('ours-1');
      await client().patch(ConfigMap, ref, { metadata: { finalizers: null } }, { type: 'merge', fieldManager: 'other' }, never);
    });
  });
}
