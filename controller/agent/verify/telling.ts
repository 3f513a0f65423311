/** Tells the hub, the log and the metrics what was found of a peer: the hub and the log only of what is new, or was asked for. */
import type { PeerVerdict } from '../../../mesh/model/peer-verdict.ts';
import type { Observation } from '../../../mesh/verify/observation.ts';
import type { Publisher } from '../../runtime/sync/publisher.ts';
import type { AgentPorts } from '../ports.ts';
import { createVerifyMetrics, figuresOf } from './figures.ts';
import type { Known } from './known.ts';

type Found = Pick<PeerVerdict, 'colour' | 'reasons'>;

export interface Telling {
  /** `question`: whose answer it is. `took`: of the look, in milliseconds. */
  tell(of: Known, found: Found, observation: Observation, question: string | undefined, took: number): PeerVerdict;
  forget(peer: string): void;
}

const codes = ({ colour, reasons }: Found): string => [colour, ...reasons.map(({ code }) => code)].join(' ');

export function createTelling({ log, metrics }: Pick<AgentPorts, 'log' | 'metrics'>, publisher: Publisher): Telling {
  const measured = createVerifyMetrics(metrics);
  return {
    tell(of, found, observation, question, took) {
      const { reader: cluster, peer, now } = observation;
      const before = of.told;
      const same = before !== undefined && codes(before) === codes(found);
      const next: PeerVerdict = { cluster, peer, ...found, since: same ? before.since : now, at: now, ...(question === undefined ? {} : { question }), figures: figuresOf(observation, took) };
      if (!same) log[found.colour === 'green' ? 'info' : 'warn']({ peer, colour: found.colour, reasons: found.reasons.map(({ code, text }) => `${code}: ${text}`) }, 'the verdict on a peer changed');
      of.told = next;
      if (!same || question !== undefined || JSON.stringify(before.reasons) !== JSON.stringify(found.reasons)) publisher.set('PeerVerdict', peer, next);
      measured.set(peer, next);
      return next;
    },
    forget(peer) {
      publisher.remove('PeerVerdict', peer);
      measured.remove(peer);
    },
  };
}
