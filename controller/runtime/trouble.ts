/** What a failed reconcile tells the people who own the object. Failures that heal by themselves are none of it. */
import { AdvisedError, adviceOf, isPanic, messageOf } from './errors.ts';

export interface Trouble {
  /** `Panicked`: a bug; `TimedOut`: over the loop's time limit; `Refused`: nothing changes until somebody does something. */
  readonly reason: 'Panicked' | 'TimedOut' | 'Refused';
  /** For people. What a bug's error says is not in it: that may quote anything. */
  readonly message: string;
}

const LONGEST_MESSAGE = 1024;

/** A reconcile that did not end within its loop's limit. */
export class TimeLimitExceeded extends AdvisedError {
  constructor(seconds: number) {
    super('retry', `not ended within ${seconds} s`);
    this.name = 'TimeLimitExceeded';
  }
}

/** Failures that were reported already, each on its object; `cause` is the first. */
export class ReportedFailure extends Error {
  constructor(cause: unknown) {
    super(messageOf(cause), { cause });
    this.name = 'ReportedFailure';
  }
}

/** `TypeError at fold (fold.ts:27)`: frames of a stack hold names and lines, no data. */
export function panicSource(error: unknown): string {
  if (!(error instanceof Error)) return `a thrown ${error === null ? 'null' : typeof error}`;
  const [, where, file] = /\n\s+at (?:async )?(?:(\S+) )?\(?(?:\S*[/\\])?([^/\\\s]+:\d+):\d+\)?/.exec(error.stack ?? '') ?? [];
  const kind = error.constructor.name;
  return file === undefined ? kind : `${kind} at ${where === undefined ? file : `${where} (${file})`}`;
}

/** undefined: it is tried again, and that is all there is to say. */
export function troubleOf(controller: string, error: unknown): Trouble | undefined {
  if (isPanic(error)) {
    return { reason: 'Panicked', message: `The controller "${controller}" has a bug that this object brings out (${panicSource(error)}). It tries again, ever more seldom; its log says more.` };
  }
  const text = messageOf(error).slice(0, LONGEST_MESSAGE);
  if (error instanceof TimeLimitExceeded) return { reason: 'TimedOut', message: `The controller "${controller}" has ${text} on this object. It tries again, ever more seldom.` };
  return adviceOf(error) === 'never' || (error instanceof AdvisedError && error.advice === 'user') ? { reason: 'Refused', message: text } : undefined;
}
