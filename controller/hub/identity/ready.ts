/** Waits until the hub can present a certificate: where the root is offline, a person signs an issuing CA first. */
import type { Authority } from '../../../certs/index.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import { adviceOf, messageOf } from '../../runtime/errors.ts';

const CHECK_MILLISECONDS = 1000;

/** `onWaiting` is told each new sentence, undefined once it is over. false where `signal` aborted before. */
export async function waitForIssuer(authority: Pick<Authority, 'state' | 'serverMaterial'>, host: string, clock: Clock, onWaiting: (problem: string | undefined) => void, signal: CancelSignal): Promise<boolean> {
  for (let said: string | undefined; !signal.aborted;) {
    const problem = problemOf(authority, host);
    if (problem !== said) onWaiting(problem);
    if (problem === undefined) return true;
    said = problem;
    await clock.sleepUntil(clock.now() + CHECK_MILLISECONDS, signal);
  }
  return false;
}

function problemOf(authority: Pick<Authority, 'state' | 'serverMaterial'>, host: string): string | undefined {
  try {
    authority.serverMaterial(host);
    return undefined;
  } catch (error) {
    if (adviceOf(error) !== 'user') throw error;
    return [messageOf(error), ...authority.state().problems.map(({ message }) => message)].join('; ');
  }
}
