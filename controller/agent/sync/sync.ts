/** Keeps one Sync stream to the hub open. Losing it changes nothing that runs. */
import { AGENT_TYPES, HUB_TYPES } from '../../../mesh/model/sync.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { type HubConnection, TransportError } from '../../../mesh/ports/transport.ts';
import { backoffMilliseconds } from '../../runtime/backoff.ts';
import { cancelWithin } from '../../runtime/cancel.ts';
import { adviceOf, messageOf } from '../../runtime/errors.ts';
import type { Publisher } from '../../runtime/sync/publisher.ts';
import { runSyncSession } from '../../runtime/sync/session.ts';
import type { AgentPorts } from '../ports.ts';
import type { AgentState } from '../state/state.ts';

/** Short enough that a restarted hub is found again within seconds; full jitter keeps a fleet apart. A hub that was away for long is back in use within 4 s; a thousand agents then come at the pace of a few hundred handshakes a second, which it can take. */
const RECONNECT_LIMITS = { baseMilliseconds: 500, maximumMilliseconds: 2_000, jitter: 1 };
/** A stream that lived this long was a good one: the next failure starts with a short pause again. */
const GOOD_STREAM_MILLISECONDS = 10_000;

export interface SyncParts {
  readonly ports: AgentPorts;
  readonly state: Pick<AgentState, 'known' | 'receive' | 'streamEnded'>;
  readonly publisher: Publisher;
  /** undefined: no identity yet. */
  readonly connection: () => HubConnection | undefined;
  /** Called when `connection` gives another one. */
  readonly onConnectionChange: (listener: () => void) => void;
  /** The hub refuses what this agent holds. */
  readonly onRefused?: (signal: CancelSignal) => Promise<unknown>;
  /** Called when the hub is first heard on a stream, and when that stream has ended. */
  readonly onStream?: { began(): void; ended(): void };
}

export async function keepSynchronised({ ports, state, publisher, connection, onConnectionChange, onRefused, onStream }: SyncParts, signal: CancelSignal): Promise<void> {
  const { clock, random, metrics } = ports;
  const log = ports.log.child({ part: 'sync' });
  const connected = metrics.gauge('isthmus_agent_hub_connected', '1 while a Sync stream to the hub is open, else 0.');
  let interrupt = (): void => {};
  onConnectionChange(() => interrupt());

  let failures = 0;
  /** A hub that is away for a night is one line in the log, and so is one whose certificate is not of our roots. */
  let told = '';
  const tell = (error: unknown): void => {
    const fields = { advice: adviceOf(error), error: messageOf(error) };
    const level = fields.error === told ? 'debug' : fields.advice === 'retry' ? 'info' : 'warn';
    told = fields.error;
    log[level](fields, 'no stream to the hub; what runs goes on from the last known state');
  };
  while (!signal.aborted) {
    const turn = cancelWithin(signal);
    interrupt = turn.abort;
    const hub = connection();
    const began = clock.now();
    let heard = false;
    if (hub !== undefined) {
      try {
        await runSyncSession({
          stream: hub.sync(turn.signal), publisher, publishes: AGENT_TYPES, subscribes: HUB_TYPES, log,
          known: (type) => state.known(type),
          receive(type, resources, removed) {
            connected.set({}, 1);
            told = '';
            if (!heard) onStream?.began();
            heard = true;
            return state.receive(type, resources, removed);
          },
        }, turn.signal);
        log.info({}, 'the stream to the hub ended');
      } catch (error) {
        if (!signal.aborted) tell(error);
        if (!signal.aborted && error instanceof TransportError && error.reason === 'PermissionDenied') await onRefused?.(signal);
      }
      connected.set({}, 0);
      state.streamEnded();
      if (heard) onStream?.ended();
    }
    const replaced = turn.signal.aborted;
    if (replaced) failures = 0;
    else {
      failures = clock.now() - began >= GOOD_STREAM_MILLISECONDS ? 1 : failures + 1;
      await clock.sleepUntil(clock.now() + backoffMilliseconds(failures, RECONNECT_LIMITS, random), turn.signal);
    }
    turn.release();
  }
}
