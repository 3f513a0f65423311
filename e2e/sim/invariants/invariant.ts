/** A rule that must hold at every moment of a simulation, whatever breaks. */
import type { Fleet } from '../hosts.ts';

export interface Invariant<Seen> {
  readonly name: string;
  /** Reads what the rule speaks of, without touching anything. */
  capture(fleet: Fleet): Seen;
  /** What is wrong; undefined: the rule holds. */
  assert(seen: Seen): string | undefined;
  /** For whoever looks into a violation. */
  print(seen: Seen): string;
}

/** Looks once: undefined, or what is wrong with all that was seen. */
export type Check = (fleet: Fleet) => string | undefined;

export function checkOf<Seen>(invariant: Invariant<Seen>): Check {
  return (fleet) => {
    const seen = invariant.capture(fleet);
    const problem = invariant.assert(seen);
    return problem === undefined ? undefined : `${invariant.name}: ${problem}\n${invariant.print(seen)}`;
  };
}
