/** Days are UTC's. */
export const DAY_MILLISECONDS = 86_400_000;
export const dayOf = (at: number): number => Math.floor(at / DAY_MILLISECONDS);
