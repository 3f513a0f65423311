import { describe, expect, it } from 'vitest';
import { Secret } from '../../mesh/api/resources/core.ts';
import { Cluster } from '../../mesh/api/resources/index.ts';
import { cluster, me, type Open, refusal, signal, start } from './testing/api.ts';

describe('server-side apply', () => {
  const ref = { namespace: 'shop', name: 'peers' };
  const secret = (data: Record<string, string>): Open => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'peers', namespace: 'shop' }, data });

  it('lets two managers own different keys, and names the field where they clash', async () => {
    const { client } = start();
    const apply = (data: Record<string, string>, fieldManager: string, force = false) => client.patch<Open>(Secret, ref, secret(data), { type: 'apply', fieldManager, force }, signal);
    await apply({ oslo: 'YQ==', virginia: 'YQ==' }, 'isthmus-agent');
    await client.patch(Secret, ref, { data: { oslo: 'Yg==', mine: 'Yw==' } }, { type: 'merge', fieldManager: 'kubectl-edit' }, signal);
    const clash = await refusal(apply({ oslo: 'YQ==', virginia: 'YQ==' }, 'isthmus-agent'));
    expect([clash.code, clash.message]).toEqual([409, 'Apply failed with 1 conflict: conflict with "kubectl-edit" using v1: .data.oslo']);
    expect(clash.causes).toEqual([{ reason: 'FieldManagerConflict', field: '.data.oslo', message: 'conflict with "kubectl-edit" using v1' }]);
    const forced = await apply({ oslo: 'YQ==' }, 'isthmus-agent', true);
    expect(forced['data']).toEqual({ oslo: 'YQ==', mine: 'Yw==' });
    expect(forced.metadata.managedFields?.map((entry) => [entry.manager, entry.operation, entry.fieldsV1])).toEqual([
      ['isthmus-agent', 'Apply', { 'f:data': { 'f:oslo': {} } }],
      ['kubectl-edit', 'Update', { 'f:data': { 'f:mine': {} } }],
    ]);
  });

  it('writes nothing when nothing changes', async () => {
    const { client, api, time } = start();
    await client.patch(Secret, ref, secret({ a: 'YQ==' }), { type: 'apply', fieldManager: 'm' }, signal);
    const version = api.resourceVersion;
    time.now += 60_000;
    await client.patch(Secret, ref, secret({ a: 'YQ==' }), { type: 'apply', fieldManager: 'm' }, signal);
    expect(api.resourceVersion).toBe(version);
  });

  it('merges conditions by type, per manager, on the status subresource', async () => {
    const { client } = start();
    await client.create(Cluster, cluster('berlin'), me, signal);
    const condition = (type: string) => ({ type, status: 'True', reason: 'R', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' });
    const apply = (types: string[], fieldManager: string) => client.patch<Open>(Cluster, { name: 'berlin' }, { apiVersion: 'isthmus.dev/v1alpha1', kind: 'Cluster', metadata: { name: 'berlin' }, status: { conditions: types.map(condition) } }, { type: 'apply', fieldManager, subresource: 'status' }, signal);
    await apply(['Ready', 'Joined'], 'one');
    await apply(['InSync'], 'two');
    expect((await apply(['Joined'], 'one'))['status'].conditions.map((item: { type: string }) => item.type)).toEqual(['Joined', 'InSync']);
  });
});
