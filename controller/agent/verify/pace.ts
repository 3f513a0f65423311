/** When a peer is looked at again. Pure. */
import { type Instant, seconds } from '../../../mesh/model/instant.ts';
import type { PeerVerdict } from '../../../mesh/model/peer-verdict.ts';

const INTERVAL_SECONDS = 60;
/** An etcd is read by as many clusters as this one reads: so it is asked once in half a second by all of them together, however large the mesh is. */
const INTERVAL_SECONDS_PER_PEER = 0.5;
/** What is not well, or has just become so, is looked at more often for a while. */
const SOON_SECONDS = 15;
const SOON_FOR_SECONDS = 300;
const JITTER = 0.2;

/** `uniform`: from 0 to 1. */
export function nextLook({ colour, since }: Pick<PeerVerdict, 'colour' | 'since'>, peers: number, now: Instant, uniform: number): Instant {
  const soon = colour !== 'green' && now - since < seconds(SOON_FOR_SECONDS);
  const pause = soon ? SOON_SECONDS : Math.max(INTERVAL_SECONDS, peers * INTERVAL_SECONDS_PER_PEER);
  return now + seconds(pause * (1 + JITTER * (uniform - 0.5)));
}
