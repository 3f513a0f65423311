/** Whose change a channel's run carries: who made the bundle, though it has passed elsewhere, and who made the channel what it is. */
import { expect, it } from 'vitest';
import { apiVersionOf, Approval, Bundle, Channel, type ResourceDefinition, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { fleet, QUICK, runs, specOf } from '../bundles/testing/fleet.ts';

const never = new AbortController().signal;

it('leaves out who made the bundle, also where it has passed another channel, and who changed the channel since its last run', async () => {
  const { bench, settle } = await fleet();
  const make = (who: string, kind: ResourceDefinition, name: string, spec: object): Promise<KubernetesObject> =>
    bench.as(who).create(kind, { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name }, spec } as KubernetesObject, { fieldManager: who }, never);
  const editorsOf = async (run: string): Promise<unknown> => {
    const changedBy = (await bench.records.getRun(run))?.state.changedBy;
    return [changedBy?.people.map(({ person, changed }) => `${person}: ${changed.join(', ')}`), changedBy?.unknown];
  };
  await make('sue', UpdateStrategy, 'gated', { ...QUICK, stages: [{ ...QUICK.stages[0], before: [{ name: 'leads', approval: { count: 1, groups: [] } }] }] });
  await make('ben', Channel, 'staging', { package: 'shop', strategyName: 'quick', clusters: { labels: { ring: 'staging' } }, autoUpdate: { range: '*', from: 'Bundles' } });
  await make('cay', Channel, 'production', { package: 'shop', strategyName: 'gated', clusters: { labels: { ring: 'production' } }, autoUpdate: { range: '*', from: 'staging' } });
  await make('ann', Bundle, 'shop-1', specOf('1.0.0'));
  await settle(10);
  // The strategy was there before anybody wrote names down; no gate of staging asks for people.
  expect(await editorsOf('channel-staging-1')).toEqual([['ann: Bundle shop-1', 'ben: Channel staging'], ['who changed UpdateStrategy quick (generation 1) is not known']]);
  expect(await editorsOf('channel-production-1')).toEqual([['ann: Bundle shop-1', 'cay: Channel production', 'sue: UpdateStrategy gated'], []]);
  await make('ann', Approval, 'her-own', { run: 'channel-production-1', gate: 'all/before/leads', approver: 'ann', groups: [] });
  await settle(5);
  expect(await runs(bench)).not.toContain('channel-production-1 Completed');
  await make('ben', Approval, 'another', { run: 'channel-production-1', gate: 'all/before/leads', approver: 'ben', groups: [] });
  await settle(8);
  expect(await runs(bench)).toContain('channel-production-1 Completed');

  await bench.as('dan').patch(Channel, { name: 'production' }, { spec: { minimumAgeSeconds: 1 } }, { type: 'merge', fieldManager: 'dan' }, never);
  await make('eve', Bundle, 'shop-2', specOf('2.0.0'));
  await settle(15);
  expect(await editorsOf('channel-production-2')).toEqual([['dan: Channel production', 'eve: Bundle shop-2'], []]);
});
