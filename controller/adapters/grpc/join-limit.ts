/** How often one address may try to join: a token bucket each, in bounded memory. */
import { TransportError } from '../../../mesh/ports/transport.ts';

const MAX_ADDRESSES = 10_000;

export interface JoinLimit {
  readonly burst: number;
  readonly perSecond: number;
}

/** Enough for a person who joins clusters behind one NAT, too few to guess anything. */
export const DEFAULT_JOIN_LIMIT: JoinLimit = { burst: 20, perSecond: 1 };

/** The returned function throws TransportError Overloaded where `address` has asked too often. */
export function createJoinLimit({ burst, perSecond }: JoinLimit): (address: string, now: number) => void {
  /** Least recently used first. */
  const buckets = new Map<string, { readonly left: number; readonly at: number }>();
  return (address, now) => {
    const bucket = buckets.get(address) ?? { left: burst, at: now };
    const left = Math.min(burst, bucket.left + (Math.max(0, now - bucket.at) / 1000) * perSecond);
    buckets.delete(address);
    buckets.set(address, { left: left < 1 ? left : left - 1, at: now });
    for (const oldest of buckets.keys()) {
      if (buckets.size <= MAX_ADDRESSES) break;
      buckets.delete(oldest);
    }
    if (left < 1) throw new TransportError('retry', 'Overloaded', `Join: ${address} asked more than ${burst} times in a row; wait ${Math.ceil((1 - left) / perSecond)} s`);
  };
}
