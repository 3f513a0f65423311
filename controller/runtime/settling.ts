/** An API server that has just started, or was just given kinds and roles, refuses for a second or two what it grants then. At a start that is waited for. */
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import { KubernetesError } from '../../mesh/ports/kubernetes.ts';
import type { Log } from '../../mesh/ports/log.ts';
import { messageOf } from './errors.ts';

/** After that it does not pass. */
export const SETTLING_MILLISECONDS = 120_000;
const PAUSE_MILLISECONDS = 1000;

/** What is waited for, in words that follow "the API server"; undefined: an error that waiting does not cure, or that nothing was just installed explains. */
export function passingRefusal(error: unknown): string | undefined {
  if (!(error instanceof KubernetesError)) return undefined;
  const { code, message } = error;
  // apiserver `admission/plugin/policy/mutating/dispatcher.go`: the schemas for such policies are read in the background; the code depends on the policy.
  if (message.includes('There can be a delay between')) return 'has not read the schema of a kind yet';
  // Of the RBAC authorizer, which reads roles by a watch. What an admission policy refuses has another text, and stays refused.
  if (code === 403 && /: User "[^"]*" cannot [a-z]+ resource "/.test(message)) return 'does not grant a right (yet)';
  // A namespace or an object that is missing is named; a kind is not.
  if (code === 404 && /could not find the requested resource|answered 404 without a reason/.test(message)) return 'does not serve a kind (yet)';
  if (code === 429 || code === 503) return 'is not at work yet';
  return undefined;
}

interface Parts {
  readonly clock: Clock;
  readonly log: Log;
  /** Told each new sentence, undefined once it is over. */
  readonly onWaiting: (problem: string | undefined) => void;
}

/** Does `work`, which may be done twice, again while what keeps it may pass: two minutes at most, then the last refusal is thrown, as every other error is at once. false where `signal` aborted before it was done. */
export async function untilGranted(work: () => Promise<void>, { clock, log, onWaiting }: Parts, signal: CancelSignal): Promise<boolean> {
  let giveUpAt: number | undefined;
  for (let said: string | undefined; ;) {
    try {
      await work();
      if (said !== undefined) onWaiting(undefined);
      return true;
    } catch (error) {
      const refusal = passingRefusal(error);
      giveUpAt ??= clock.now() + SETTLING_MILLISECONDS;
      if (refusal === undefined || (clock.now() >= giveUpAt && !signal.aborted)) throw error;
      const problem = `the API server ${refusal}: ${messageOf(error)}`;
      if (problem !== said) {
        log.warn({ problem, forSeconds: SETTLING_MILLISECONDS / 1000 }, 'waits for the API server');
        onWaiting(problem);
      }
      said = problem;
    }
    await clock.sleepUntil(clock.now() + PAUSE_MILLISECONDS, signal);
    if (signal.aborted) return false;
  }
}
