/** Cancellation that is narrower than its parent's. */
import type { CancelSignal } from '../../mesh/ports/cancel.ts';

export interface Cancel {
  readonly signal: AbortSignal;
  abort(): void;
  /** Stops listening to the parent. Call it when the work is over, or a long-lived parent keeps every child. */
  release(): void;
}

/** Aborts when `parent` does, or earlier by `abort`. */
export function cancelWithin(parent: CancelSignal): Cancel {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  if (parent.aborted) abort();
  else parent.addEventListener('abort', abort, { once: true });
  return { signal: controller.signal, abort, release: () => parent.removeEventListener('abort', abort) };
}

/** Resolves when `signal` aborts. */
export function cancelled(signal: CancelSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
