/** Incremental xDS over one open stream, in both directions at once (envoy, "xDS REST and gRPC protocol": incremental xDS). The same code in hub and agent. */
import { LATER_TYPES, type SyncMessage, type SyncResource, type SyncType } from '../../../mesh/model/sync.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Log } from '../../../mesh/ports/log.ts';
import { type SyncStream, TransportError } from '../../../mesh/ports/transport.ts';
import { Publication } from './publication.ts';
import type { Publisher } from './publisher.ts';

/** Types of a newer version that one stream may speak of while their refusals wait to be sent. */
const MOST_REFUSALS = 16;

export interface SyncSession {
  readonly stream: SyncStream;
  readonly publisher: Publisher;
  /** What the other side may subscribe to. */
  readonly publishes: readonly SyncType[];
  readonly subscribes: readonly SyncType[];
  /** name → version of what this side holds of a type, from an earlier stream; asked once, at the start. */
  known(type: SyncType): Readonly<Record<string, string>>;
  /**
   * Takes one delta into use. Called for every delta, and for each type at least once (perhaps with nothing in it): then this side is up to date.
   * Returns '' or why not; then keeps what it had of the resources that the text names, and the sender waits for a change before it sends them again.
   */
  receive(type: SyncType, resources: readonly SyncResource[], removed: readonly string[], problems: readonly string[]): string;
  readonly log: Log;
}

/**
 * Runs until the other side ends the stream or `signal` aborts; rejects with TransportError when the stream breaks or the other side breaks the protocol.
 * The stream is closed in any case. Starts no timers: keepalive and age limits are the transport's.
 */
export async function runSyncSession(session: SyncSession, signal: CancelSignal): Promise<void> {
  const { stream, publisher, log } = session;
  const publications = new Map(session.publishes.map((type) => [type, new Publication(publisher, type)]));
  const lastNonce = new Map(session.subscribes.map((type) => [type, 0]));
  const acknowledgements = new Map<SyncType, SyncMessage>();
  const refusals = new Map<number, SyncMessage>();
  const later: SyncType[] = [];
  let ended = false;
  let wake = (): void => {};

  function publicationOf(type: SyncType): Publication {
    const publication = publications.get(type);
    if (publication === undefined) throw new TransportError('never', 'PermissionDenied', `Sync: type "${type}" is not published here; published are ${session.publishes.join(', ')}`);
    return publication;
  }

  function refuse({ about, typeNumber, nonce }: Extract<SyncMessage, { kind: 'unknown' }>): void {
    log.warn({ about, typeNumber }, 'the other side speaks of a type that this version does not know; it is newer');
    if (about === 'ack') return;
    if (refusals.size >= MOST_REFUSALS && !refusals.has(typeNumber)) throw new TransportError('never', 'InvalidRequest', `Sync: speaks of more than ${MOST_REFUSALS} types that are not known here`);
    refusals.set(typeNumber, { kind: 'refusal', typeNumber, nonce, error: `unknown type ${typeNumber}: this side is of an older version` });
  }

  function take(message: SyncMessage): void {
    if (message.kind === 'unknown') refuse(message);
    else if (message.kind === 'refusal') throw new TransportError('never', 'InvalidRequest', 'Sync: a refusal comes as an ack');
    else if (message.kind === 'ack' && message.nonce === '' && lastNonce.has(message.type)) log.warn({ type: message.type, error: message.error }, 'the other side does not publish this');
    else if (message.kind === 'subscribe') publicationOf(message.type).subscribe(message.known);
    else if (message.kind === 'ack') {
      if (!publicationOf(message.type).acknowledged(message.nonce, message.error)) return;
      if (message.error !== '') log.warn({ type: message.type, nonce: message.nonce, error: message.error }, 'the other side refused a change');
    } else {
      const last = lastNonce.get(message.type);
      if (last === undefined) throw new TransportError('never', 'PermissionDenied', `Sync: type "${message.type}" was not subscribed to; subscribed are ${session.subscribes.join(', ')}`);
      const nonce = Number(message.nonce);
      if (!Number.isSafeInteger(nonce)) throw new TransportError('never', 'InvalidRequest', `Sync: nonce ${JSON.stringify(message.nonce)} is not a whole number`);
      if (nonce <= last) return;
      lastNonce.set(message.type, nonce);
      const error = [session.receive(message.type, message.resources, message.removed, message.problems ?? []), ...message.problems ?? []].filter((problem) => problem !== '').join('; ');
      if (error !== '') log.warn({ type: message.type, nonce: message.nonce, error }, 'refused a change');
      acknowledgements.set(message.type, { kind: 'ack', type: message.type, nonce: message.nonce, error });
    }
    wake();
  }

  function nextMessage(): SyncMessage | undefined {
    const type = later.shift();
    if (type !== undefined) return { kind: 'subscribe', type, known: session.known(type) };
    for (const [number, refusal] of refusals) {
      refusals.delete(number);
      return refusal;
    }
    for (const [type, message] of acknowledgements) {
      acknowledgements.delete(type);
      return message;
    }
    for (const publication of publications.values()) {
      const delta = publication.nextDelta();
      if (delta !== undefined) return delta;
    }
    return undefined;
  }

  async function read(): Promise<void> {
    for await (const message of stream.messages) {
      if (ended) return;
      take(message);
    }
  }

  async function write(): Promise<void> {
    const waiting = session.subscribes.filter((type) => LATER_TYPES.includes(type));
    if (waiting.length > 0) {
      void stream.offered?.then((offered) => {
        later.push(...waiting.filter((type) => offered.includes(type)));
        wake();
      });
    }
    for (const type of session.subscribes.filter((wanted) => !waiting.includes(wanted))) await stream.send({ kind: 'subscribe', type, known: session.known(type) });
    while (!ended) {
      const message = nextMessage();
      if (message !== undefined) await stream.send(message);
      else await new Promise<void>((resolve) => { wake = resolve; });
    }
  }

  let cancelled = signal.aborted;
  const cancel = (): void => {
    cancelled = true;
    stream.close('stopping');
    wake();
  };
  signal.addEventListener('abort', cancel, { once: true });
  if (cancelled) stream.close('stopping');
  const unsubscribe = publisher.subscribe((type, name) => {
    publications.get(type)?.changed(name);
    wake();
  });
  const reading = read();
  const writing = write();
  try {
    await Promise.race([reading, writing]);
  } catch (error) {
    if (!cancelled) throw error;
  } finally {
    ended = true;
    wake();
    unsubscribe();
    signal.removeEventListener('abort', cancel);
    stream.close('session ended');
    await Promise.allSettled([reading, writing]);
  }
}
