/** Waits until the hub can present a certificate: where the root is offline, a person signs an issuing CA first. */
import type { Authority } from '../../../certs/index.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import { adviceOf, messageOf } from '../../runtime/errors.ts';

const CHECK_MILLISECONDS = 1000;

export interface Waiting {
  readonly authority: Pick<Authority, 'state' | 'serverMaterial'>;
  readonly host: string;
  readonly clock: Clock;
  /** What became of the request where a program is asked to sign it, in a sentence; absent: people are. */
  readonly asked?: (() => string) | undefined;
  /** Told each new sentence, undefined once it is over. */
  readonly onWaiting: (problem: string | undefined) => void;
}

/** false where `signal` aborted before. */
export async function waitForIssuer({ authority, host, clock, asked, onWaiting }: Waiting, signal: CancelSignal): Promise<boolean> {
  for (let said: string | undefined; !signal.aborted;) {
    const problem = problemOf(authority, host, asked);
    if (problem !== said) onWaiting(problem);
    if (problem === undefined) return true;
    said = problem;
    await clock.sleepUntil(clock.now() + CHECK_MILLISECONDS, signal);
  }
  return false;
}

function problemOf(authority: Waiting['authority'], host: string, asked: Waiting['asked']): string | undefined {
  try {
    authority.serverMaterial(host);
    return undefined;
  } catch (error) {
    if (adviceOf(error) !== 'user') throw error;
    const problems = authority.state().problems.map(({ reason, message }) => (reason === 'SignatureNeeded' && asked !== undefined ? asked() : message));
    return [messageOf(error), ...problems].join('; ');
  }
}
