/** Both ends of a Sync stream in memory: what one sends the other reads, in order, at once. */
import { AGENT_TYPES, HUB_TYPES, type SyncMessage } from '../../../mesh/model/sync.ts';
import { type SyncStream, TransportError } from '../../../mesh/ports/transport.ts';

export interface StreamPair { readonly agent: SyncStream; readonly hub: SyncStream; /** As when the connection breaks. */ breakOff(): void }

/** `sent` is called with each message of the agent. */
export function streamPair(sent: () => void = () => {}): StreamPair {
  let state: 'open' | 'closed' | 'broken' = 'open';
  const wakes = new Set<() => void>();
  const end = (how: 'closed' | 'broken'): void => {
    if (state === 'open') state = how;
    for (const wake of [...wakes]) wake();
  };
  const gone = (): TransportError => new TransportError('retry', 'Unreachable', 'the stream is gone');
  const inboxes: [SyncMessage[], SyncMessage[]] = [[], []];

  function side(own: 0 | 1): SyncStream {
    async function* messages(): AsyncGenerator<SyncMessage> {
      for (;;) {
        const message = inboxes[own].shift();
        if (message !== undefined) yield message;
        else if (state === 'closed') return;
        else if (state === 'broken') throw gone();
        else {
          await new Promise<void>((resolve) => {
            const wake = (): void => { wakes.delete(wake); resolve(); };
            wakes.add(wake);
          });
        }
      }
    }
    return {
      async send(message) {
        if (state !== 'open') throw gone();
        if (own === 0) sent();
        inboxes[own === 0 ? 1 : 0].push(structuredClone(message));
        for (const wake of [...wakes]) wake();
      },
      messages: messages(),
      close: () => end('closed'),
    };
  }
  return { agent: { ...side(0), offered: Promise.resolve(HUB_TYPES) }, hub: { ...side(1), offered: Promise.resolve(AGENT_TYPES) }, breakOff: () => end('broken') };
}
