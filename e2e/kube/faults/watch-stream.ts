/** Passes the stream of one watch on, and breaks it where a fault strikes. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { garbage, statusBody } from './answers.ts';
import type { Strikes } from './strikes.ts';

export interface OpenWatch {
  /** An orderly end, as after the server's own time limit. */
  close(): void;
  /** An ERROR event, then the end. */
  expire(status: object): void;
}

const NEWLINE = 10;
const DRIBBLE_PIECES = 25;
/** Long enough for the client to have read what came before a reset. */
const BEFORE_RESET_MILLISECONDS = 10;

export function forwardWatch(upstream: IncomingMessage, response: ServerResponse, strikes: Strikes, { isList, reset }: { readonly isList: boolean; readonly reset: () => void }): OpenWatch {
  let betweenEvents = true;
  let over = false;
  const write = (chunk: Buffer): void => {
    if (over || chunk.length === 0) return;
    response.write(chunk);
    betweenEvents = chunk.at(-1) === NEWLINE;
  };
  const close = (): void => {
    if (over) return;
    over = true;
    response.end();
    upstream.destroy();
  };
  const expire = (status: object): void => {
    if (over) return;
    if (betweenEvents) response.write(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
    close();
  };

  let begun = false;
  async function pass(chunk: Buffer): Promise<void> {
    const truncated = isList && !begun ? strikes.strike('truncated-list') : undefined;
    begun = true;
    if (truncated !== undefined) {
      // In an orderly way, as far as HTTP can tell, but before the bookmark that ends the list.
      const betweenTwo = chunk.lastIndexOf(NEWLINE) + 1;
      write(chunk.subarray(0, truncated.amount < 0.5 ? betweenTwo : Math.floor(chunk.length * (truncated.amount - 0.5))));
      close();
      return;
    }
    if (betweenEvents) {
      if (strikes.strike('gone-in-stream') !== undefined) {
        expire(statusBody(410, 'Expired', 'too old resource version'));
        return;
      }
      const rubbish = strikes.strike('garbage-in-stream');
      if (rubbish !== undefined) write(Buffer.concat([garbage(rubbish.amount), Buffer.from(rubbish.amount < 0.5 ? '\n' : '')]));
      if (strikes.strike('stalled-stream') !== undefined) {
        // No end and no reset: the client must notice by itself. Events are lost.
        over = true;
        upstream.destroy();
        return;
      }
    }
    const cut = strikes.strike('reset-mid-event');
    if (cut !== undefined) {
      write(chunk.subarray(0, 1 + Math.floor((chunk.length - 2) * cut.amount)));
      over = true;
      await sleep(BEFORE_RESET_MILLISECONDS);
      reset();
      return;
    }
    const slow = strikes.strike('dribble');
    if (slow === undefined) {
      write(chunk);
      return;
    }
    const size = Math.max(1, Math.ceil(chunk.length / DRIBBLE_PIECES));
    for (let start = 0; start < chunk.length && !over; start += size) {
      write(chunk.subarray(start, start + size));
      await sleep(1 + slow.amount * 8);
    }
  }

  const pump = async (): Promise<void> => {
    for await (const chunk of upstream) {
      await pass(chunk as Buffer);
      if (over) return;
    }
    close();
  };
  pump().catch(() => { if (!over) reset(); });
  return { close, expire };
}
