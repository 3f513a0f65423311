import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { SyncMessage, SyncResource, SyncType } from '../../../mesh/model/sync.ts';
import { type SyncStream, TransportError } from '../../../mesh/ports/transport.ts';
import { recordingLog } from '../testing/fakes.ts';
import { createPublisher } from './publisher.ts';
import { runSyncSession } from './session.ts';

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A stream whose other side is the test. */
function scriptedStream() {
  const sent: SyncMessage[] = [];
  const inbox: SyncMessage[] = [];
  let failure: TransportError | undefined;
  let closed = false;
  let blocked: Promise<void> | undefined;
  let wake = (): void => {};
  const stream: SyncStream = {
    async send(message) {
      sent.push(message);
      await blocked;
      if (failure !== undefined) throw failure;
    },
    messages: {
      async* [Symbol.asyncIterator]() {
        for (;;) {
          const message = inbox.shift();
          if (message !== undefined) yield message;
          else if (failure !== undefined) throw failure;
          else if (closed) return;
          else await new Promise<void>((resolve) => { wake = resolve; });
        }
      },
    },
    close() { closed = true; wake(); },
  };
  return {
    stream, sent,
    get closed() { return closed; },
    async say(...messages: SyncMessage[]) { inbox.push(...messages); wake(); await settle(); },
    fail(error: TransportError) { failure = error; wake(); },
    block(): () => void {
      let release = (): void => {};
      blocked = new Promise((resolve) => { release = () => { blocked = undefined; resolve(); }; });
      return release;
    },
  };
}

function start(answer: (type: SyncType, resources: readonly SyncResource[], removed: readonly string[]) => string = () => '') {
  const other = scriptedStream();
  const publisher = createPublisher(digest);
  const log = recordingLog();
  const received: string[] = [];
  const stop = new AbortController();
  const done = runSyncSession({
    stream: other.stream, publisher, publishes: ['PeerAddress', 'Question'], subscribes: ['Answer'], known: () => ({ q0: 'v0' }), log,
    receive(type, resources, removed) {
      received.push(`${type} +${resources.map(({ name }) => name).join()} -${removed.join()}`);
      return answer(type, resources, removed);
    },
  }, stop.signal);
  const outcome = done.then(() => 'ended', (error: unknown) => error);
  return { other, publisher, log, received, stop, outcome };
}

const answerDelta = (nonce: string, ...names: string[]): SyncMessage => ({
  kind: 'delta', type: 'Answer', nonce, removed: [], resources: names.map((name) => ({ name, version: 'v', value: { id: name, lines: [], records: [], rcode: 'NOERROR' } })),
});

describe('a session', () => {
  it('subscribes with what it holds', async () => {
    const { other } = start();
    await settle();
    expect(other.sent).toEqual([{ kind: 'subscribe', type: 'Answer', known: { q0: 'v0' } }]);
  });

  it('acknowledges what it took, says why it did not, and logs that', async () => {
    const { other, log, received } = start((_type, resources) => (resources[0]?.name === 'bad' ? 'bad: nobody asked' : ''));
    await other.say(answerDelta('1', 'good'), answerDelta('2', 'bad'));
    expect(other.sent.slice(1)).toEqual([{ kind: 'ack', type: 'Answer', nonce: '1', error: '' }, { kind: 'ack', type: 'Answer', nonce: '2', error: 'bad: nobody asked' }]);
    expect(received).toEqual(['Answer +good -', 'Answer +bad -']);
    expect(log.lines).toMatchObject([{ level: 'warn', fields: { error: 'bad: nobody asked' } }]);
  });

  it('takes what could be read of a delta and refuses the rest with the reason, and the stream goes on', async () => {
    const { other, received } = start();
    await other.say({ ...answerDelta('1', 'good'), problems: ['Answer bad.lines: has 2000 items'] } as SyncMessage, answerDelta('2', 'next'));
    expect(other.sent.slice(1)).toEqual([{ kind: 'ack', type: 'Answer', nonce: '1', error: 'Answer bad.lines: has 2000 items' }, { kind: 'ack', type: 'Answer', nonce: '2', error: '' }]);
    expect([received, other.closed]).toEqual([['Answer +good -', 'Answer +next -'], false]);
  });

  it('refuses subscriptions and deltas of types that only a newer version has, and the stream goes on', async () => {
    const { other, log, received } = start();
    await other.say({ kind: 'unknown', about: 'subscribe', typeNumber: 90, nonce: '' }, { kind: 'unknown', about: 'delta', typeNumber: 91, nonce: '4' }, { kind: 'unknown', about: 'ack', typeNumber: 92, nonce: '1' }, answerDelta('1', 'good'));
    expect(other.sent.slice(1)).toEqual([
      { kind: 'refusal', typeNumber: 90, nonce: '', error: expect.stringContaining('unknown type 90') as string }, { kind: 'refusal', typeNumber: 91, nonce: '4', error: expect.stringContaining('unknown type 91') as string },
      { kind: 'ack', type: 'Answer', nonce: '1', error: '' },
    ]);
    expect([received, other.closed, log.lines.length]).toEqual([['Answer +good -'], false, 3]);
  });

  it('takes a refusal of its own subscription, and the stream goes on', async () => {
    const { other, received } = start();
    await other.say({ kind: 'ack', type: 'Answer', nonce: '', error: 'unknown type 11' }, answerDelta('1', 'good'));
    expect([received, other.closed]).toEqual([['Answer +good -'], false]);
  });

  it('keeps refusals that nobody takes bounded', async () => {
    const { other, outcome } = start();
    const release = other.block();
    await other.say(...Array.from({ length: 20 }, (_, index): SyncMessage => ({ kind: 'unknown', about: 'delta', typeNumber: 100 + index, nonce: '1' })));
    release();
    expect(await outcome).toMatchObject({ reason: 'InvalidRequest', advice: 'never' });
  });

  it.each<[string, readonly string[] | undefined, string[]]>([
    ['says nothing of them', undefined, ['DesiredRevision']],
    ['publishes the first types only', [], ['DesiredRevision']],
    ['says that it publishes them', ['DesiredRevision', 'Bundle', 'OfTomorrow'], ['DesiredRevision', 'Bundle']],
  ])('subscribes to later types only where the other side %s', async (_name, offered, wanted) => {
    const other = scriptedStream();
    const stop = new AbortController();
    const done = runSyncSession({
      stream: { ...other.stream, ...(offered === undefined ? {} : { offered: Promise.resolve(offered) }) }, publisher: createPublisher(digest), publishes: [], subscribes: ['DesiredRevision', 'Bundle'],
      known: () => ({}), log: recordingLog(), receive: () => '',
    }, stop.signal);
    await settle();
    expect(other.sent.map((message) => (message.kind === 'subscribe' ? message.type : message.kind))).toEqual(wanted);
    stop.abort();
    await done;
  });

  it('ignores deltas with an old or repeated nonce', async () => {
    const { other, received } = start();
    await other.say(answerDelta('2', 'a'), answerDelta('2', 'b'), answerDelta('1', 'c'));
    expect(received).toEqual(['Answer +a -']);
    expect(other.sent.filter(({ kind }) => kind === 'ack')).toHaveLength(1);
  });

  it.each<[string, SyncMessage, string, TransportError['reason']]>([
    ['a subscription to what is not published', { kind: 'subscribe', type: 'DnsSample', known: {} }, '"DnsSample" is not published here; published are PeerAddress, Question', 'PermissionDenied'],
    ['an acknowledgement of what is not published', { kind: 'ack', type: 'Answer', nonce: '1', error: '' }, '"Answer" is not published here', 'PermissionDenied'],
    ['a delta that nobody subscribed to', { kind: 'delta', type: 'Question', nonce: '1', resources: [], removed: [] }, '"Question" was not subscribed to; subscribed are Answer', 'PermissionDenied'],
    ['a nonce that is no number', { kind: 'delta', type: 'Answer', nonce: 'x', resources: [], removed: [] }, 'nonce "x"', 'InvalidRequest'],
  ])('refuses %s', async (_name, message, text, reason) => {
    const { other, outcome } = start();
    await other.say(message);
    const error = await outcome;
    expect(error).toMatchObject({ reason, advice: 'never' });
    expect((error as TransportError).message).toContain(text);
    expect(other.closed).toBe(true);
  });

  it('keeps its backlog bounded while the other side takes nothing', async () => {
    const { other, publisher } = start();
    await other.say({ kind: 'subscribe', type: 'PeerAddress', known: {} });
    const before = other.sent.length;
    const release = other.block();
    for (let round = 0; round < 1000; round += 1) {
      publisher.set('PeerAddress', 'oslo', { cluster: 'oslo', address: String(round) });
      if (round % 100 === 0) await settle();
    }
    expect(other.sent.length - before).toBeLessThanOrEqual(1);
    release();
    await other.say({ kind: 'ack', type: 'PeerAddress', nonce: '1', error: '' }, { kind: 'ack', type: 'PeerAddress', nonce: '2', error: '' });
    await settle();
    const last = other.sent.findLast((message) => message.kind === 'delta');
    expect(last?.kind === 'delta' && last.resources.map(({ value }) => value)).toEqual([{ cluster: 'oslo', address: '999' }]);
  });

  it('rejects with what broke the stream, ends with the other side, and ends when told to', async () => {
    const broken = start();
    await settle();
    broken.other.fail(new TransportError('retry', 'Unreachable', 'gone'));
    expect(await broken.outcome).toMatchObject({ reason: 'Unreachable', message: 'gone' });

    const finished = start();
    finished.other.stream.close('');
    expect(await finished.outcome).toBe('ended');

    const stopped = start();
    await settle();
    stopped.stop.abort();
    expect(await stopped.outcome).toBe('ended');
    expect(stopped.other.closed).toBe(true);
  });

  it('stops listening to the publisher when it ends', async () => {
    const { other, publisher, stop, outcome } = start();
    await other.say({ kind: 'subscribe', type: 'PeerAddress', known: {} });
    stop.abort();
    await outcome;
    const count = other.sent.length;
    publisher.set('PeerAddress', 'oslo', { cluster: 'oslo', address: '1' });
    await settle();
    expect(other.sent).toHaveLength(count);
  });
});
