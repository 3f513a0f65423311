/** How often the status of one cluster may be written: a few changes at once, then slowly, so that an agent that flaps costs no API server and no disk. */
import type { Instant } from '../../../mesh/model/instant.ts';

const BURST = 30;
const MILLISECONDS_PER_WRITE = 5000;

interface Bucket {
  /** Writes that may follow at once; grows with time up to `BURST`. */
  left: number;
  at: Instant;
  /** Said already; said again after a quiet time. */
  said: boolean;
}

export interface Pace {
  /** undefined: write now, it is counted. Else when to come back, and whether to say so. */
  take(cluster: string, now: Instant): { readonly waitUntil: Instant; readonly sayIt: boolean } | undefined;
  forget(cluster: string): void;
}

export function createPace(): Pace {
  const buckets = new Map<string, Bucket>();
  return {
    take(cluster, now) {
      const bucket = buckets.get(cluster) ?? { left: BURST, at: now, said: false };
      buckets.set(cluster, bucket);
      bucket.left = Math.min(BURST, bucket.left + Math.max(0, now - bucket.at) / MILLISECONDS_PER_WRITE);
      bucket.at = now;
      if (bucket.left > BURST / 2) bucket.said = false;
      if (bucket.left >= 1) {
        bucket.left -= 1;
        return undefined;
      }
      const sayIt = !bucket.said;
      bucket.said = true;
      return { waitUntil: now + Math.ceil((1 - bucket.left) * MILLISECONDS_PER_WRITE), sayIt };
    },
    forget: (cluster) => { buckets.delete(cluster); },
  };
}
