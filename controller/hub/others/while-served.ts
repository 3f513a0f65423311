/** Work that is done while the server has a kind that somebody may install or remove at any time. */
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import { cancelWithin } from '../../runtime/cancel.ts';
import { messageOf } from '../../runtime/errors.ts';
import { type NotServed, servedVersion } from '../../runtime/served.ts';
import type { HubPorts } from '../ports.ts';

/** One small list in each: no storm, and nobody waits long for what they installed. */
export const ASK_AGAIN_SECONDS = 60;
/** The versions after the first are asked for each tenth time only. */
const OTHER_VERSIONS_EACH = 10;
/** After something looked as if the kind had gone, and then at twice the distance each time: a definition takes a moment to end. */
const DOUBT_SECONDS = 1;

export interface WhileServedParts {
  readonly ports: Pick<HubPorts, 'clock' | 'log' | 'kubernetes'>;
  readonly versions: readonly ResourceKind[];
  readonly namespace: string;
  /** Runs until `signal` aborts. `doubt`: the kind may be gone, ask soon. */
  readonly serve: (kind: ResourceKind, doubt: () => void, signal: CancelSignal) => Promise<void>;
  readonly onState: (state: 'served' | NotServed) => void;
}

/** Runs until `signal` aborts. A server that gives no answer changes nothing. */
export async function whileServed({ ports: { clock, log, kubernetes }, versions, namespace, serve, onState }: WhileServedParts, signal: CancelSignal): Promise<void> {
  const kindName = versions[0]?.kind ?? '';
  let nap = cancelWithin(signal);
  let soon = ASK_AGAIN_SECONDS;
  let running: { readonly kind: ResourceKind; stop(): Promise<void> } | undefined;
  for (let before = '', turn = 0; !signal.aborted; turn += 1) {
    try {
      const asked = running === undefined ? versions.slice(0, turn % OTHER_VERSIONS_EACH === 0 ? versions.length : 1) : [running.kind];
      const found = await servedVersion(kubernetes, asked, { namespace }, signal);
      const kind = typeof found === 'string' ? undefined : found;
      const state = typeof found === 'string' ? found : 'served';
      if (running !== undefined && running.kind !== kind) {
        await running.stop();
        running = undefined;
      }
      if (running === undefined && kind !== undefined) running = run(kind);
      if (state !== before) soon = ASK_AGAIN_SECONDS;
      if (state !== before) log.info({ kind: kindName, state, version: kind?.version }, 'whether the server has this kind');
      before = state;
      onState(state);
    } catch (error) {
      if (!signal.aborted) log.debug({ kind: kindName, error: messageOf(error) }, 'not known whether the server has this kind');
    }
    await clock.sleepUntil(clock.now() + soon * 1000, nap.signal);
    nap.release();
    soon = Math.min(2 * soon, ASK_AGAIN_SECONDS);
    if (nap.signal.aborted && !signal.aborted) {
      soon = DOUBT_SECONDS;
      await clock.sleepUntil(clock.now() + soon * 1000, signal);
    }
    nap = cancelWithin(signal);
  }
  nap.release();
  await running?.stop();

  function run(kind: ResourceKind): { readonly kind: ResourceKind; stop(): Promise<void> } {
    const within = cancelWithin(signal);
    const ended = serve(kind, () => nap.abort(), within.signal);
    return {
      kind,
      async stop() {
        within.abort();
        within.release();
        await ended;
      },
    };
  }
}
