/** Long answers in slices: whatever many callers ask for at once, the network is looked at between any two slices. */
import type { ServerResponse } from 'node:http';
import type { Clock } from '../../../mesh/ports/clock.ts';

/** Objects or changes that one slice looks at. */
export const SLICE_STEPS = 256;
/** Text of a slice, beyond which it ends. */
export const SLICE_CHARACTERS = 128 * 1024;
/** A reader that takes nothing for so long is cut off. */
const PATIENCE_SECONDS = 60;

/** One slice for each turn of the event loop, in the order in which they were asked for. */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  readonly #later: (run: () => void) => void;
  #taken = false;
  #granted = 0;

  constructor(later: (run: () => void) => void = setImmediate) {
    this.#later = later;
  }

  /** Slices so far. */
  get granted(): number {
    return this.#granted;
  }

  take(): Promise<void> {
    if (this.#taken) return new Promise((resolve) => { this.#waiting.push(resolve); });
    this.#taken = true;
    this.#grant();
    return Promise.resolve();
  }

  #grant(): void {
    this.#granted += 1;
    this.#later(() => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#taken = false;
      else {
        this.#grant();
        next();
      }
    });
  }
}

/** Writes to one reader, slice by slice, no faster than it reads. */
export class SlicedBody {
  readonly #response: ServerResponse;
  readonly #turns: Turns;
  readonly #clock: Clock;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(response: ServerResponse, turns: Turns, clock: Clock, headers: Readonly<Record<string, string>>) {
    this.#response = response;
    this.#turns = turns;
    this.#clock = clock;
    this.#headers = headers;
  }

  get gone(): boolean {
    return this.#response.destroyed || this.#response.writableEnded;
  }

  /** Resolves when the next slice may be made; false: nobody reads any more. */
  async ready(): Promise<boolean> {
    if (this.#response.writableNeedDrain) await this.#drained();
    if (!this.gone) await this.#turns.take();
    return !this.gone;
  }

  write(text: string): void {
    if (this.gone || text === '') return;
    if (!this.#response.headersSent) this.#response.writeHead(200, { ...this.#headers, 'transfer-encoding': 'chunked' });
    this.#response.write(text);
  }

  /** An answer that fits into one slice has its length in the head. */
  end(text: string): void {
    if (this.gone) return;
    if (!this.#response.headersSent) this.#response.writeHead(200, { ...this.#headers, 'content-length': Buffer.byteLength(text) });
    this.#response.end(text);
  }

  async #drained(): Promise<void> {
    const waited = new AbortController();
    const done = (): void => waited.abort();
    this.#response.once('drain', done).once('close', done);
    await this.#clock.sleepUntil(this.#clock.now() + PATIENCE_SECONDS * 1000, waited.signal);
    this.#response.off('drain', done).off('close', done);
    if (!waited.signal.aborted) this.#response.destroy();
  }
}
