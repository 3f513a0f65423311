/** Both ends of one Sync stream over a simulated connection: bytes in order, a bounded window each way. */
import { decodeSyncMessage, encodeSyncMessage } from '../../mesh/api/codec/sync.ts';
import type { Instant } from '../../mesh/model/instant.ts';
import { AGENT_TYPES, type SyncMessage } from '../../mesh/model/sync.ts';
import { type SyncStream, TransportError } from '../../mesh/ports/transport.ts';
import type { Fabric, Link } from './fabric.ts';

/** Messages on their way or unread, each way; a sender waits beyond that. */
const WINDOW = 4;

type Frame = Uint8Array | 'end';

/** One direction. */
class Pipe {
  private readonly fabric: Fabric;
  private readonly link: Link;
  private readonly inbox: Frame[] = [];
  private underWay = 0;
  private lastArrival: Instant = 0;
  private readonly waiting = new Set<() => void>();
  private ended = false;
  /** What the sender says of itself, before its first frame; as initial metadata over gRPC. */
  headers: readonly string[] = [];

  constructor(fabric: Fabric, link: Link) {
    this.fabric = fabric;
    this.link = link;
    link.onBreak.add(() => this.wake());
  }

  wake(): void {
    for (const wake of [...this.waiting]) wake();
  }

  private woken(): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => { this.waiting.delete(wake); resolve(); };
      this.waiting.add(wake);
    });
  }

  async send(frame: Frame, given: () => TransportError | undefined): Promise<void> {
    while (this.link.broken === undefined && given() === undefined && frame !== 'end' && this.underWay + this.inbox.length >= WINDOW) await this.woken();
    const problem = this.link.broken ?? (frame === 'end' ? undefined : given());
    if (problem !== undefined) throw problem;
    this.lastArrival = Math.max(this.lastArrival, this.fabric.departure(this.link));
    this.underWay += 1;
    void this.deliver(frame, this.lastArrival);
  }

  private before: Promise<unknown> = Promise.resolve();

  /** One after another, whatever each one's latency. */
  private deliver(frame: Frame, at: Instant): Promise<void> {
    const delivered = this.before.then(async () => {
      const arrived = await this.fabric.arrive(this.link, at);
      this.underWay -= 1;
      if (arrived) this.inbox.push(frame);
      this.wake();
    });
    this.before = delivered;
    return delivered;
  }

  /** undefined: the other end is done, or `stopped`. */
  async receive(stopped: () => boolean): Promise<Uint8Array | undefined> {
    for (;;) {
      if (stopped() || this.ended) return undefined;
      const frame = this.inbox.shift();
      if (frame === 'end') this.ended = true;
      else if (frame !== undefined) {
        this.wake();
        return frame;
      } else if (this.link.broken !== undefined) throw this.link.broken;
      else await this.woken();
    }
  }
}

function end(outgoing: Pipe, incoming: Pipe): SyncStream {
  let closed = false;
  let hear = (_types: readonly string[]): void => {};
  const offered = new Promise<readonly string[]>((resolve) => { hear = resolve; });
  const gone = (): TransportError | undefined => (closed ? new TransportError('retry', 'Cancelled', 'Sync: the stream is closed') : undefined);
  return {
    send: (message) => outgoing.send(encodeSyncMessage(message), gone),
    offered,
    messages: {
      async* [Symbol.asyncIterator](): AsyncGenerator<SyncMessage> {
        for (let bytes = await incoming.receive(() => closed); bytes !== undefined; bytes = await incoming.receive(() => closed)) {
          hear(incoming.headers);
          yield decodeSyncMessage(bytes);
        }
      },
    },
    close() {
      if (closed) return;
      closed = true;
      outgoing.send('end', gone).catch(() => {});
      outgoing.wake();
      incoming.wake();
    },
  };
}

export function streamOver(fabric: Fabric, link: Link): { readonly client: SyncStream; readonly server: SyncStream; offer(types: readonly string[]): void } {
  const up = new Pipe(fabric, link);
  const down = new Pipe(fabric, link);
  up.headers = AGENT_TYPES;
  return { client: end(up, down), server: end(down, up), offer: (types) => { down.headers = types; } };
}
