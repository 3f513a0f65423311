import { expect, test } from 'vitest';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import { cancelled } from './cancel.ts';
import { adviceOf } from './errors.ts';
import { type Part, runParts } from './lifecycle.ts';
import { recordingLog } from './testing/fakes.ts';
import { manualClock } from './testing/manual-clock.ts';
import { KubernetesError, KubernetesUnreachable } from '../../mesh/ports/kubernetes.ts';
import { RecordsUnavailable } from '../../mesh/ports/records.ts';
import { TransportError } from '../../mesh/ports/transport.ts';

function setUp() {
  const clock = manualClock(0);
  const log = recordingLog();
  const trace: string[] = [];
  const part = (name: string, work: (signal: CancelSignal) => Promise<void> = cancelled): Part => ({
    name,
    async start(signal) {
      trace.push(`${name} starts`);
      await work(signal);
      trace.push(`${name} stops`);
    },
  });
  return { clock, log, trace, part };
}

test('parts start in order and stop one after the other in the reverse order', async () => {
  const { clock, log, trace, part } = setUp();
  const abort = new AbortController();
  const slow = async (signal: CancelSignal): Promise<void> => {
    await cancelled(signal);
    await clock.sleepUntil(clock.now() + 1000, new AbortController().signal);
  };
  const running = runParts([part('a'), part('b'), part('c', slow)], abort.signal, { clock, log });
  await clock.settle();
  abort.abort();
  await clock.advance(1000);
  await running;
  expect(trace).toEqual(['a starts', 'b starts', 'c starts', 'c stops', 'b stops', 'a stops']);
});

test('the first failure stops all and is the outcome; one that does not stop is named and left', async () => {
  const { clock, log, trace, part } = setUp();
  const running = runParts([part('a'), part('stuck', () => new Promise(() => {})), part('bad', () => Promise.reject(new Error('port in use')))], new AbortController().signal, { clock, log, stopSeconds: 3 });
  const outcome = expect(running).rejects.toThrow('port in use');
  await clock.advance(3000);
  await outcome;
  expect(trace).toEqual(['a starts', 'stuck starts', 'bad starts', 'a stops']);
  expect(log.lines.filter((line) => line.level === 'error').map((line) => line.fields['part'])).toEqual(['bad', 'stuck']);
});

test('ends when every part has ended by itself', async () => {
  const { clock, log, part } = setUp();
  await runParts([part('a', () => Promise.resolve())], new AbortController().signal, { clock, log });
});

test('every error has one advice', () => {
  const code = (value: number): string => adviceOf(new KubernetesError(value, 'X', 'x'));
  expect([409, 410, 429, 500, 503].map(code)).toEqual(Array(5).fill('retry'));
  expect([401, 403, 404].map(code)).toEqual(Array(3).fill('user'));
  expect([400, 415, 422].map(code)).toEqual(Array(3).fill('never'));
  expect(adviceOf(new KubernetesUnreachable('x'))).toBe('retry');
  expect(adviceOf(new TransportError('user', 'TokenUsed', 'x'))).toBe('user');
  expect(adviceOf(new RecordsUnavailable('user', 'disk full'))).toBe('user');
  expect(adviceOf(new TypeError('bug'))).toBe('retry');
  expect(adviceOf(undefined)).toBe('retry');
});
