/** Answers agents once there is a certificate to show, and keeps published what those who join must believe. */
import type { Authority } from '../../../certs/index.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { GatewayHandler } from '../../../mesh/ports/transport.ts';
import { cancelWithin } from '../../runtime/cancel.ts';
import { untilGranted } from '../../runtime/settling.ts';
import { waitForIssuer } from '../identity/ready.ts';
import { publishTrust } from '../identity/trust.ts';
import type { HubPorts } from '../ports.ts';
import type { Readiness } from '../readiness.ts';
import type { Fleet } from './fleet.ts';

const TRUST_CHECK_MILLISECONDS = 60_000;
const CLOSED = 'the gateway does not listen yet';

export interface ServingParts {
  readonly ports: Pick<HubPorts, 'clock' | 'kubernetes' | 'gateway' | 'log'>;
  readonly namespace: string;
  /** `host:port` that agents dial; empty: where the gateway comes to listen. */
  readonly advertised: string;
  readonly authority: Pick<Authority, 'onChange' | 'serverMaterial' | 'state' | 'trust'>;
  readonly fleet: Pick<Fleet, 'listen'>;
  readonly readiness: Readiness;
  /** What became of the request for an issuing CA where a program is asked to sign it; undefined: people are. */
  readonly asked: (() => string) | undefined;
  readonly handler: () => GatewayHandler;
  /** After each bundle that was published. */
  readonly onPublished: () => void;
}

export interface Serving {
  start(signal: CancelSignal): Promise<void>;
  /** Sequence of the bundle that was published last by this hub; undefined: none yet. */
  publishedSequence(): number | undefined;
  /** Of the certificate that the hub shows. */
  host(): string;
}

export const hostOf = (address: string): string => address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, '');

export function createServing({ ports: { clock, kubernetes, gateway, log }, namespace, authority, fleet, readiness, asked, handler, onPublished, ...given }: ServingParts): Serving {
  let { advertised } = given;
  let published: number | undefined;
  readiness.add(CLOSED);

  /** Before anybody shows a certificate of a new root, whoever joins must be told to believe it. */
  async function keepPublished(signal: CancelSignal): Promise<void> {
    const settling = { clock, log, onWaiting: readiness.about() };
    while (!signal.aborted) {
      const sleep = cancelWithin(signal);
      const stop = authority.onChange(sleep.abort);
      const trust = authority.trust();
      if (trust.sequence !== published && await untilGranted(() => publishTrust(kubernetes, { namespace, trust, hubAddress: advertised }, signal), settling, signal)) {
        published = trust.sequence;
        onPublished();
      }
      await clock.sleepUntil(clock.now() + TRUST_CHECK_MILLISECONDS, sleep.signal);
      stop();
      sleep.release();
    }
  }

  return {
    async start(signal) {
      const say = readiness.about();
      const onWaiting = (problem: string | undefined): void => {
        say(problem);
        if (problem !== undefined) log.warn({ problem }, 'agents are not answered yet');
      };
      const issues = await waitForIssuer({ authority, host: hostOf(advertised), clock, asked, onWaiting }, signal);
      if (!issues) return;
      const { address } = await gateway.serve(handler(), () => authority.serverMaterial(hostOf(advertised)), signal);
      fleet.listen();
      if (advertised === '') advertised = address;
      log.info({ address, advertised }, 'gateway listens');
      readiness.end(CLOSED);
      await keepPublished(signal);
    },
    publishedSequence: () => published,
    host: () => hostOf(advertised),
  };
}
