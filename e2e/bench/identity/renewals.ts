/** When a whole fleet asks for new certificates: the agents' own rule, in virtual time. */
import { BACKDATED_MILLISECONDS } from '../../../mesh/model/revocation.ts';
import { renewalTime, renewalTimeAfterCall } from '../../../certs/index.ts';
import { AGENT_LIFETIME } from '../../../certs/policy/schedule.ts';
import { seededRandom } from '../../../controller/runtime/testing/fakes.ts';

const HOUR = 3_600_000;
const BUCKET = 15 * 60_000;

export interface RenewalFigures {
  readonly renewals: number;
  /** The fullest quarter of an hour. */
  readonly most: number;
  readonly mean: number;
}

/** `first`: when a cluster got its first certificate; `second`: by which rule it gets the next one. Counted are the 24 hours from `from` on. */
function count(clusters: number, from: number, first: (random: () => number) => number, second: typeof renewalTime = renewalTime): RenewalFigures {
  const random = seededRandom(11);
  const uniform = (): number => random.uniform();
  const buckets = new Uint32Array((24 * HOUR) / BUCKET);
  for (let cluster = 0; cluster < clusters; cluster += 1) {
    let rule = second;
    for (let at = first(uniform); at < from + 24 * HOUR; rule = renewalTime) {
      if (at >= from) buckets[Math.floor((at - from) / BUCKET)]! += 1;
      at = rule({ notBefore: at - BACKDATED_MILLISECONDS, notAfter: at + AGENT_LIFETIME }, uniform());
    }
  }
  const renewals = buckets.reduce((sum, each) => sum + each, 0);
  return { renewals, most: Math.max(...buckets), mean: renewals / buckets.length };
}

/** A day of a fleet whose clusters joined within a day, some days ago. */
export const measureRenewals = (clusters: number): RenewalFigures => count(clusters, 96 * HOUR, (uniform) => uniform() * 24 * HOUR);

/** The day after everything was issued anew within the same minute, `days` ago. */
export const measureAfterReissue = (clusters: number, days: number): RenewalFigures => count(clusters, days * 24 * HOUR + HOUR, (uniform) => uniform() * 60_000, renewalTimeAfterCall);
