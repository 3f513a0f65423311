/** What the hub hears first of a cluster that comes back. */
import { expect, test } from 'vitest';
import type { AppliedReport } from '../../../mesh/model/desired.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { createPublisher } from '../../runtime/sync/publisher.ts';
import { createFirstWord } from './first-word.ts';

const report = (message: string): AppliedReport => ({ id: 'sha256-a', appliedAt: 1, healthy: true, message, drift: [] });

function scene() {
  const publisher = createPublisher(sha256Hex);
  const bundles = { looking: false, looks: 0, look() { bundles.looks += 1; bundles.looking = true; } };
  const word = createFirstWord(publisher, bundles, 'berlin');
  const says = (): string | undefined => (publisher.get('AppliedReport', 'berlin')?.value as AppliedReport | undefined)?.message;
  return { word, bundles, says, say: (message: string) => word.publisher.set('AppliedReport', 'berlin', report(message)) };
}

test('what was found before the stream ended is not the first word over the next one', () => {
  const { word, bundles, says, say } = scene();
  say('before');
  expect(says()).toBe('before');
  word.ended();
  expect(says()).toBeUndefined();
  say('while the hub is away');
  expect(says()).toBeUndefined();
  word.began();
  expect(bundles.looks).toBe(1);
  say('while bundles are looked at');
  expect(says()).toBeUndefined();
  bundles.looking = false;
  say('as it is now');
  expect(says()).toBe('as it is now');
});

test('after the start nothing is said before bundles were looked at, and what is no report of the applied state is said at once', () => {
  const { word, bundles, says, say } = scene();
  bundles.looking = true;
  say('early');
  expect(says()).toBeUndefined();
  word.publisher.set('ClusterReport', 'berlin', { properties: {} } as never);
  expect(word.publisher.names('ClusterReport')).toEqual(['berlin']);
  bundles.looking = false;
  say('looked at');
  expect(says()).toBe('looked at');
});
