/** An issuing CA that is asked of somebody else's issuer, one request after the other: what to do next, and what to say of it. */
import { type Instant, toRfc3339 } from '../model/instant.ts';

/** One attempt. */
export interface Asked {
  readonly name: string;
  /** 1 for the first. */
  readonly attempt: number;
  readonly createdAt: Instant;
  readonly state: 'waits-for-approval' | 'waits-for-issuer' | 'signed' | 'denied' | 'failed';
  /** In the words of who decided, or whom it waits for. */
  readonly said: string;
  /** When it was denied or failed, or was signed. */
  readonly endedAt?: Instant;
  /** Why what was signed is not used. */
  readonly refusal?: string;
}

export interface AskPlan {
  /** Attempt to make now. */
  readonly create?: number;
  /** Whose certificate to install. */
  readonly take?: string;
  /** Names. */
  readonly remove: readonly string[];
  readonly reason: 'Idle' | 'Asked' | 'WaitsForApproval' | 'WaitsForIssuer' | 'Signed' | 'Denied' | 'Failed' | 'Refused';
  readonly message: string;
  /** When to look again; absent: when the authority asks for something. */
  readonly nextAt?: Instant;
}

const MINUTE = 60_000;
const FIRST_PAUSE = 5 * MINUTE;
const LONGEST_PAUSE = 12 * 60 * MINUTE;
/** What ended and stands for people to read, the one that counts among them. */
const MOST_KEPT = 3;
const SOON = 2000;
const SOON_FOR = 10 * MINUTE;
const LATER = 30_000;

/** From the end of attempt `attempt` to the next one: 5 minutes, twice as long each time, 12 hours at most. */
export const pauseAfter = (attempt: number): number => Math.min(FIRST_PAUSE * 2 ** Math.min(attempt - 1, 20), LONGEST_PAUSE);

/** Total. `wanted` false: the authority waits for nothing. `asked`: those for the request that is open now; whatever else there is is the caller's to remove. */
export function planAsking(wanted: boolean, asked: readonly Asked[], now: Instant): AskPlan {
  const sorted = asked.toSorted((one, other) => one.attempt - other.attempt);
  const names = sorted.map(({ name }) => name);
  if (!wanted) return { remove: names, reason: 'Idle', message: 'no issuing CA waits for a signature' };
  const last = sorted.at(-1);
  const remove = names.slice(0, -MOST_KEPT);
  if (last === undefined) return { create: 1, remove, reason: 'Asked', message: 'asks for an issuing CA', nextAt: now + SOON };
  const about = `CertificateRequest ${last.name}`;
  if (last.state === 'signed' && last.refusal === undefined) return { take: last.name, remove, reason: 'Signed', message: `${about} is signed`, nextAt: now + SOON };
  const waits = now - (last.endedAt ?? last.createdAt) < SOON_FOR ? now + SOON : now + LATER;
  if (last.state === 'waits-for-approval') return { remove, reason: 'WaitsForApproval', message: `${about}: nobody has approved it yet; approve it ("cmctl approve"), or let an approver of cert-manager do so`, nextAt: waits };
  if (last.state === 'waits-for-issuer') return { remove, reason: 'WaitsForIssuer', message: `${about}: is approved${last.said === '' ? ', and waits for its issuer' : `; its issuer says: ${last.said}`}`, nextAt: waits };
  const [reason, what] = last.state === 'denied' ? ['Denied', `was denied ${last.said}`] as const
    : last.refusal !== undefined ? ['Refused', `was signed, and what came is not used: ${last.refusal}`] as const : ['Failed', `failed: ${last.said}`] as const;
  const again = (last.endedAt ?? last.createdAt) + pauseAfter(last.attempt);
  if (now >= again) return { create: last.attempt + 1, remove: names.slice(0, 1 - MOST_KEPT), reason, message: `${about} ${what}; asks once more now`, nextAt: now + SOON };
  return { remove, reason, message: `${about} ${what}; asks once more at ${toRfc3339(again)}, or as soon as it is deleted`, nextAt: Math.min(again, waits) };
}
