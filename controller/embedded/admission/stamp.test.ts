import { describe, expect, it } from 'vitest';
import { CHANGED_BY } from '../../../mesh/api/resources/guard-changes.ts';
import { guardObjects, hubAccount, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding } from '../../../mesh/api/resources/guards.ts';
import { apiVersionOf, Mesh, type ResourceDefinition, UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { embeddedClient, inProcess } from '../client.ts';
import { me, type Open, refusal, signal, start } from '../testing/api.ts';
import { judge } from './admission.ts';

const object = (kind: ResourceDefinition, name: string, spec: object, annotations?: Record<string, string>): Open =>
  ({ apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name, ...(annotations === undefined ? {} : { annotations }) }, spec });
const mesh = (spec: object, annotations?: Record<string, string>): Open => object(Mesh, 'europe', spec, annotations);
const run = (spec: object): Open => object(UpdateRun, 'one', { strategyName: 'careful', planDigest: 'x', reason: 'a test', requestedBy: 'ann', ...spec });
const names = ({ metadata }: Open): unknown => metadata.annotations?.[CHANGED_BY];

async function guarded() {
  const { api, client } = start();
  for (const { policy, binding } of guardObjects(hubAccount('isthmus-system'))) {
    await client.create(ValidatingAdmissionPolicy, policy, me, signal);
    await client.create(ValidatingAdmissionPolicyBinding, binding, me, signal);
  }
  const as = (name: string): KubernetesClient => embeddedClient(api, inProcess(name));
  /** As a server does that judges and writes nothing down. */
  const plain = (name: string) => {
    const user = inProcess(name);
    const options = (kind: ResourceDefinition) => ({ ...me, admit: (_kind: unknown, next: object | undefined, live: object | undefined) => judge(api, { user, target: target(kind), subresource: '', next: next as never, live: live as never, dryRun: false }, []) });
    const target = (kind: ResourceDefinition) => api.target(kind.group, kind.version, kind.plural);
    return {
      create: async (kind: ResourceDefinition, one: Open) => api.create(target(kind), undefined, one, options(kind)) as Open,
      patch: async (kind: ResourceDefinition, of: string, body: object) => api.patch(target(kind), undefined, of, body, { ...options(kind), type: 'merge' }) as Open,
    };
  };
  return { as, plain, client };
}
const merge = { type: 'merge', fieldManager: 'test' } as const;

describe('who changed an object', () => {
  it('is written down with each change of its spec, whatever the caller says, and stays when other things change', async () => {
    const { as } = await guarded();
    const patch = (who: string, body: object): Promise<Open> => as(who).patch<Open>(Mesh, { name: 'europe' }, body, merge, signal);
    const made = await as('ann').create<Open>(Mesh, mesh({ clusters: {} }, { [CHANGED_BY]: 'ben', other: 'kept' }), me, signal);
    expect(made.metadata.annotations).toEqual({ [CHANGED_BY]: 'ann', other: 'kept' });
    expect(names(await patch('ben', { metadata: { labels: { a: 'b' } } }))).toBe('ann');
    expect(names(await patch('ben', { metadata: { annotations: { [CHANGED_BY]: 'ben' } } }))).toBe('ann');
    expect(names(await patch('ben', { metadata: { annotations: null } }))).toBe('ann');
    expect(names(await patch('ben', { spec: { strategy: 'careful' } }))).toBe('ben');
    const last = await as('cleo').get<Open>(Mesh, { name: 'europe' }, signal);
    const replaced = mesh({ clusters: {}, strategy: 'other' });
    expect(names(await as('cleo').update<Open>(Mesh, { ...replaced, metadata: { ...replaced.metadata, resourceVersion: last!.metadata.resourceVersion! } }, me, signal))).toBe('cleo');
    const applied = await as('flux').patch<Open>(Mesh, { name: 'europe' }, mesh({ clusters: {}, strategy: 'third' }), { type: 'apply', fieldManager: 'flux', force: true }, signal);
    expect(names(applied)).toBe('flux');
    const status = await as('hub').patch<Open>(Mesh, { name: 'europe' }, { status: { observedGeneration: 1, clusterCount: 0, clusters: [] } }, { ...merge, subresource: 'status' }, signal);
    expect(names(status)).toBe('flux');
  });

  it('is nobody where nothing wrote it down, until the spec changes', async () => {
    const { as, client } = await guarded();
    await client.create(Mesh, mesh({ clusters: {} }), me, signal);
    expect((await as('ann').patch<Open>(Mesh, { name: 'europe' }, { metadata: { annotations: { [CHANGED_BY]: 'ann' } } }, merge, signal)).metadata.annotations ?? {}).toEqual({});
    expect(names(await as('ann').patch<Open>(Mesh, { name: 'europe' }, { spec: { strategy: 'careful' } }, merge, signal))).toBe('ann');
  });

  it('is told of a run word by word', async () => {
    const { as } = await guarded();
    const patch = async (who: string, spec: object): Promise<unknown> => {
      const { stoppedBy, pausedBy, resumedBy } = (await as(who).patch<Open>(UpdateRun, { name: 'one' }, { spec }, merge, signal))['spec'];
      return [stoppedBy, pausedBy, resumedBy];
    };
    const made = await as('ann').create<Open>(UpdateRun, run({ stop: false, stoppedBy: 'ben' }), me, signal);
    expect(Object.keys(made['spec']).filter((key) => key.endsWith('By'))).toEqual(['requestedBy']);
    expect(await patch('ben', { pause: true })).toEqual([undefined, 'ben', undefined]);
    expect(await patch('cleo', { reason: 'another' })).toEqual([undefined, 'ben', undefined]);
    expect(await patch('cleo', { pause: false, resumedAt: '2026-01-01T00:00:00Z', pausedBy: 'ann' })).toEqual([undefined, 'cleo', 'cleo']);
    expect(await patch('dan', { stop: true, resumedBy: null })).toEqual(['dan', 'cleo', 'cleo']);
  });
});

describe('a server that writes nothing down', () => {
  it('takes no other name than that of whoever changes something, and none where nothing changes', async () => {
    const { plain } = await guarded();
    const ann = plain('ann');
    const ben = plain('ben');
    const says = (text: string) => ({ code: 422, message: expect.stringContaining(text) as string });
    const wrong = await refusal(ann.create(Mesh, mesh({ clusters: {} }, { [CHANGED_BY]: 'ben' })));
    expect({ code: wrong.code, message: wrong.message }).toEqual(says(`metadata.annotations[${CHANGED_BY}] is ben, and it is ann: nobody changes anything in the name of another`));
    expect(names(await ann.create(Mesh, mesh({ clusters: {} }, { [CHANGED_BY]: 'ann' })))).toBe('ann');
    // What was right of the last change is a lie after the next.
    expect((await refusal(ben.patch(Mesh, 'europe', { spec: { strategy: 'careful' } }))).message).toContain('is ann, and it is ben');
    expect((await refusal(ben.patch(Mesh, 'europe', { metadata: { annotations: { [CHANGED_BY]: 'ben' } } }))).message).toContain('is ben, and it is ann');
    expect(names(await ben.patch(Mesh, 'europe', { metadata: { annotations: { [CHANGED_BY]: 'ben' } }, spec: { strategy: 'careful' } }))).toBe('ben');
    expect(names(await ann.patch(Mesh, 'europe', { metadata: { annotations: { [CHANGED_BY]: null } } }))).toBeUndefined();
    expect((await refusal(ann.patch(Mesh, 'europe', { metadata: { annotations: { [CHANGED_BY]: 'ann' } } }))).message).toContain('is ann, and nobody may be named there now');
    expect(names(await ann.patch(Mesh, 'europe', { spec: { strategy: 'other' } }))).toBeUndefined();
  });

  it('nor of whoever stops, pauses or resumes', async () => {
    const { plain } = await guarded();
    const ben = plain('ben');
    await plain('ann').create(UpdateRun, run({ stop: false }));
    expect((await refusal(ben.patch(UpdateRun, 'one', { spec: { stop: true, stoppedBy: 'ann' } }))).message).toContain('spec.stoppedBy is ann, and it is ben');
    expect((await refusal(ben.patch(UpdateRun, 'one', { spec: { stoppedBy: 'ben' } }))).message).toContain('spec.stoppedBy is ben, and nobody may be named there now');
    expect((await ben.patch(UpdateRun, 'one', { spec: { pause: true, pausedBy: 'ben' } }))['spec']).toMatchObject({ pausedBy: 'ben' });
    expect((await refusal(plain('ann').patch(UpdateRun, 'one', { spec: { pause: false } }))).message).toContain('spec.pausedBy is ben, and it is ann');
    expect((await ben.patch(UpdateRun, 'one', { spec: { stop: true } }))['spec'].stoppedBy).toBeUndefined();
  });
});
