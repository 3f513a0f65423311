/** Several objects in one reconcile, kept apart: what fails on one is reported on that one, and the others are done all the same. */
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { ReportReconciled } from './reconciled.ts';
import { ReportedFailure, troubleOf } from './trouble.ts';

/** Throws at the end, for the first failure, so that the loop tries again. */
export async function eachApart<T>(
  { controller, objects, work, report }: { readonly controller: string; readonly objects: readonly T[]; readonly work: (object: T) => Promise<void>; readonly report: ReportReconciled<T> }, signal: CancelSignal,
): Promise<void> {
  const failures: unknown[] = [];
  for (const object of objects) {
    if (signal.aborted) return;
    try {
      await work(object);
      await report(object, undefined, signal);
    } catch (error) {
      failures.push(error);
      const trouble = signal.aborted ? undefined : troubleOf(controller, error);
      if (trouble !== undefined) await report(object, trouble, signal).catch(() => {});
    }
  }
  if (failures.length > 0) throw new ReportedFailure(failures[0]);
}
