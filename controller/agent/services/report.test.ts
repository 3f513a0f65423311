import { expect, test } from 'vitest';
import { ServiceExport, type ServiceExportObject, ServiceImport, type ServiceImportObject } from '../../../mesh/api/resources/multicluster.ts';
import { KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { authorise, exportCheckout, read, shop } from '../testing/scene.ts';
import { checkoutFact, createWorld } from '../testing/world.ts';

const SECRET = 'hunter2';
const outcomes = (object: ServiceExportObject | ServiceImportObject | undefined): string[] => (object?.status?.conditions ?? []).map(({ type, status, reason }) => `${type} ${status} ${reason}`);

test('what the agent cannot reconcile is said on the export and the import, and is over with the next success', async () => {
  const world = await createWorld();
  let failure: (() => never) | undefined;
  const patch = world.kubernetes.patch.bind(world.kubernetes);
  world.kubernetes.patch = (kind, ref, body, options, signal) => {
    // The report is a merge patch; what is reported on are applied ones.
    if (options.type === 'apply' && (kind.kind === 'EndpointSlice' || (kind.kind === 'ServiceExport' && ref.name === 'checkout'))) failure?.();
    return patch(kind, ref, body, options, signal);
  };
  await world.start();
  failure = () => { throw new TypeError(SECRET); };
  await exportCheckout(world);
  authorise(world);
  world.hub.set('ImportedFact', 'oslo/shop/checkout', checkoutFact('oslo', ['10.20.0.1']));
  await world.clock.advance(3000);
  const objects = async () => [await read<ServiceExportObject>(world, ServiceExport, shop), await read<ServiceImportObject>(world, ServiceImport, shop)] as const;
  const [exported, imported] = await objects();
  expect(outcomes(exported)).toEqual(['Reconciled False Panicked']);
  expect(outcomes(imported)).toEqual(['Reconciled False Panicked']);
  expect(exported?.status?.conditions?.[0]?.message).toMatch(/controller "verdicts" has a bug .*TypeError/);
  expect(JSON.stringify([exported, imported])).not.toContain(SECRET);
  await world.clock.advance(600_000);
  const versions = (all: readonly ({ metadata: { resourceVersion?: string } } | undefined)[]): (string | undefined)[] => all.map((object) => object?.metadata.resourceVersion);
  expect(versions(await objects())).toEqual(versions([exported, imported]));

  // An API's refusal is told in its own words.
  failure = () => { throw new KubernetesError(422, 'Invalid', 'a webhook wants an owner label'); };
  await world.clock.advance(130_000);
  expect((await objects())[1]?.status?.conditions).toMatchObject([{ type: 'Reconciled', reason: 'Refused', message: 'a webhook wants an owner label' }]);

  failure = undefined;
  await world.clock.advance(130_000);
  const [fine, used] = await objects();
  expect(outcomes(used)).toEqual(['Ready True Ready']);
  expect(outcomes(fine)).toEqual(['Conflict False NoConflicts', 'Ready True Exported', 'Valid True Valid']);
  await world.stop();
});
