import { expect, test } from 'vitest';
import { seededRandom, silentLog } from '../../controller/runtime/testing/fakes.ts';
import { manualClock } from '../../controller/runtime/testing/manual-clock.ts';
import { deterministicSigner } from '../testing/deterministic-signer.ts';
import { memoryKeyStore } from '../testing/memory-key-store.ts';
import { createAuthority } from './authority.ts';

const HOUR = 3_600_000;

test('a document that is deleted under a running hub is stored again as it was: nobody is locked out for a Secret', async () => {
  const clock = manualClock();
  let keys = memoryKeyStore();
  const authority = createAuthority({
    clock, random: seededRandom(5), signer: deterministicSigner('lost'), trustDomain: 'test', log: silentLog,
    keys: { load: (signal) => keys.load(signal), save: (content, version, signal) => keys.save(content, version, signal) },
  });
  const stop = new AbortController();
  await authority.open(stop.signal);
  const before = authority.trust();
  const held = await keys.load(stop.signal);
  keys = memoryKeyStore();
  const running = authority.keepFresh(stop.signal);
  await clock.advance(2 * HOUR);
  expect(authority.trust()).toEqual(before);
  expect(JSON.parse((await keys.load(stop.signal))?.content ?? 'null')).toEqual(JSON.parse(held?.content ?? ''));
  stop.abort();
  await running;
});
