/** What a hub does before it works: finds or makes its namespace, its authority and the usual strategy, and waits where they cannot be had yet. */
import type { Authority } from '../../certs/index.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import { untilGranted } from '../runtime/settling.ts';
import { installGuards } from './gates/guards.ts';
import { AuthorityLost } from './identity/lost-authority.ts';
import type { HubConfig, HubPorts } from './ports.ts';
import { ensureDefaultStrategy, ensureNamespace } from './preparation.ts';
import type { Readiness } from './readiness.ts';

const LOOK_MILLISECONDS = 2000;

interface Parts {
  readonly ports: Pick<HubPorts, 'clock' | 'kubernetes' | 'log'>;
  readonly config: Pick<HubConfig, 'createNamespace' | 'namespace'>;
  readonly authority: Pick<Authority, 'open'>;
  readonly readiness: Readiness;
}

/** false where `signal` aborted before. */
export async function openHub({ ports: { clock, kubernetes, log }, config: { createNamespace: ownsApi = false, namespace }, authority, readiness }: Parts, signal: CancelSignal): Promise<boolean> {
  const settling = { clock, log, onWaiting: readiness.about() };
  const granted = (work: () => Promise<void>): Promise<boolean> => untilGranted(work, settling, signal);
  return (!ownsApi || await granted(async () => {
    await ensureNamespace(kubernetes, namespace, signal);
    await installGuards(kubernetes, signal);
  })) && await granted(openAuthority) && !signal.aborted && await granted(() => ensureDefaultStrategy(kubernetes, signal));

  /** Without the API that this process serves nobody could put a lost authority back: then it is waited for. Elsewhere the process ends with the sentence. */
  async function openAuthority(): Promise<void> {
    const lost = readiness.about();
    for (let said: string | undefined; !signal.aborted;) {
      try {
        await authority.open(signal);
        lost(undefined);
        return;
      } catch (error) {
        if (!ownsApi || !(error instanceof AuthorityLost)) throw error;
        if (said === undefined) log.error({ problem: error.message }, 'does not begin: the certificate authority is lost');
        lost(said = error.message);
      }
      await clock.sleepUntil(clock.now() + LOOK_MILLISECONDS, signal);
    }
  }
}
