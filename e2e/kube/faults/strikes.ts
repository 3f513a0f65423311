/** Decides at each opportunity whether an armed fault strikes, and counts. */
import type { Fault, FaultKind } from './schedule.ts';

export interface Strikes {
  readonly struck: ReadonlyMap<FaultKind, number>;
  /** In place of those armed before; their opportunities count from nothing. */
  arm(faults: readonly Fault[]): void;
  isArmed(kind: FaultKind): boolean;
  /** One opportunity for `kind`: the fault where it strikes. */
  strike(kind: FaultKind): Fault | undefined;
}

export function createStrikes(): Strikes {
  const struck = new Map<FaultKind, number>();
  let armed: { readonly fault: Fault; opportunities: number; strikes: number }[] = [];
  return {
    struck,
    arm(faults) { armed = faults.map((fault) => ({ fault, opportunities: 0, strikes: 0 })); },
    isArmed: (kind) => armed.some(({ fault }) => fault.kind === kind),
    strike(kind) {
      const found = armed.find(({ fault }) => fault.kind === kind);
      if (found === undefined || found.opportunities++ % found.fault.every !== 0) return undefined;
      // Leaves room for a fault that has not struck yet, or one that ends every request would never let it.
      if (found.strikes > 0 && armed.some((other) => other.strikes === 0) && found.opportunities % 3 !== 0) return undefined;
      found.strikes += 1;
      struck.set(kind, (struck.get(kind) ?? 0) + 1);
      return found.fault;
    },
  };
}
