import { expect, test } from 'vitest';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { runFacts } from './run-facts.ts';

const strategy = { name: 'careful', stages: [] };
const run = (name: string, spec: object): [string, UpdateRunObject] => [name, { apiVersion: 'isthmus.dev/v1alpha1', kind: 'UpdateRun', metadata: { name }, spec: { reason: '', requestedBy: '', stop: false, ...spec } } as unknown as UpdateRunObject];
const RUNS = new Map([
  run('plan', { strategy, planDigest: 'x' }),
  run('named', { strategyName: 'quick', bundle: { name: 'shop-1', clusters: {} } }),
  run('removal', { strategy, removePackage: { name: 'shop', clusters: {} } }),
  run('undo', { undoOf: 'named' }),
  run('retry', { retryOf: 'undo', strategyName: 'slow' }),
  run('one', { undoOf: 'other' }), run('other', { retryOf: 'one' }),
]);

test('strategy and package are found through the runs that are taken back or tried again', () => {
  const facts = runFacts((name) => RUNS.get(name), (bundle) => (bundle === 'shop-1' ? 'shop' : undefined));
  expect(facts('plan')).toEqual({ name: 'plan', strategy: 'careful' });
  expect(facts('named')).toEqual({ name: 'named', strategy: 'quick', package: 'shop' });
  expect(facts('removal')).toEqual({ name: 'removal', strategy: 'careful', package: 'shop' });
  expect(facts('undo')).toEqual({ name: 'undo', strategy: 'quick', package: 'shop' });
  expect(facts('retry')).toEqual({ name: 'retry', strategy: 'slow', package: 'shop' });
  expect([facts('one'), facts('nowhere')]).toEqual([{ name: 'one', strategy: '' }, { name: 'nowhere', strategy: '' }]);
});

test('what a Bundle was a package of is remembered when it is gone', () => {
  let isThere = true;
  const facts = runFacts((name) => RUNS.get(name), () => (isThere ? 'shop' : undefined));
  expect(facts('undo').package).toBe('shop');
  isThere = false;
  expect(facts('undo').package).toBe('shop');
  expect(runFacts((name) => RUNS.get(name), () => undefined)('named').package).toBeUndefined();
});
