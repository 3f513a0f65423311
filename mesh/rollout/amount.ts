/** Numbers of clusters, given as such or in percent. */
import type { Amount } from '../model/strategy.ts';

/** A percentage of `of`, rounded down; never less than `least`. */
export function amountOf(amount: Amount, of: number, least: number): number {
  const count = typeof amount === 'number' ? amount : amount.endsWith('%') ? Math.floor((Number(amount.slice(0, -1)) * of) / 100) : Number(amount);
  return Number.isNaN(count) ? least : Math.max(count, least);
}
