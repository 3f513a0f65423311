/** What to do about a failure: every error of the ports carries or maps to one advice. */
import { KubernetesError, KubernetesUnreachable } from '../../mesh/ports/kubernetes.ts';

/** `user`: a person must act, until then trying again fails; `retry`: later, by itself; `never`: the same call will never succeed. */
export type Advice = 'user' | 'retry' | 'never';

/** An error that says its own advice, for code that has neither a port's error nor a bug to report. */
export class AdvisedError extends Error {
  readonly advice: Advice;
  constructor(advice: Advice, message: string) {
    super(message);
    this.name = 'AdvisedError';
    this.advice = advice;
  }
}

/** Codes of a Kubernetes Status. 404 on a write: the namespace or the kind is missing. 409 and 410: read again, then retry. */
function adviceOfCode(code: number): Advice {
  if (code === 401 || code === 403 || code === 404) return 'user';
  if (code === 400 || code === 405 || code === 406 || code === 413 || code === 415 || code === 422) return 'never';
  return 'retry';
}

/** Unknown errors are retried: a reconcile that met a bug for one state of the world may pass for the next. */
export function adviceOf(error: unknown): Advice {
  if (error instanceof KubernetesError) return adviceOfCode(error.code);
  if (error instanceof KubernetesUnreachable) return 'retry';
  if (typeof error === 'object' && error !== null && 'advice' in error) {
    const advice = error.advice;
    if (advice === 'user' || advice === 'retry' || advice === 'never') return advice;
  }
  return 'retry';
}

/** A bug: whoever throws for a reason that was thought of says what to do about it. */
export function isPanic(error: unknown): boolean {
  return !(error instanceof KubernetesError || error instanceof KubernetesUnreachable || (typeof error === 'object' && error !== null && 'advice' in error));
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
