/** Waits until there is an issuing CA: where the root is offline, a person signs it first. */
import type { AuthorityControl } from '../../../certs/index.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';

const CHECK_MILLISECONDS = 1000;

/** `onWaiting` is told each new sentence, undefined once it is over. Whether there is one: false where `signal` aborted before. */
export async function waitForIssuer(authority: Pick<AuthorityControl, 'state'>, clock: Clock, onWaiting: (problem: string | undefined) => void, signal: CancelSignal): Promise<boolean> {
  for (let said: string | undefined; !signal.aborted;) {
    const { issuers, problems } = authority.state();
    const ready = issuers.some(({ signs, notAfter }) => signs.includes('server') && notAfter > clock.now());
    const problem = ready ? undefined : `the certificate authority has no issuing CA: ${problems.map(({ message }) => message).join('; ')}`;
    if (problem !== said) onWaiting(problem);
    if (ready) return true;
    said = problem;
    await clock.sleepUntil(clock.now() + CHECK_MILLISECONDS, signal);
  }
  return false;
}
