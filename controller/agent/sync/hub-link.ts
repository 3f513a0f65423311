/** The agent's identity and the connection that goes with it: a renewed certificate makes a new connection. */
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { HubConnection, IdentityMaterial } from '../../../mesh/ports/transport.ts';
import { cancelled } from '../../runtime/cancel.ts';
import { AdvisedError } from '../../runtime/errors.ts';
import { decodeJoinToken } from '../../runtime/join-token.ts';
import type { AgentIdentity } from '../identity/identity.ts';
import type { AgentConfig, AgentPorts } from '../ports.ts';

export interface HubLink {
  /** undefined: none obtained yet. */
  identity(): IdentityMaterial | undefined;
  readonly connection: () => HubConnection | undefined;
  /** Called after `connection` changed. */
  readonly onChange: (listener: () => void) => void;
  /** Resolves with true once there is an identity, with false when `signal` aborts. */
  readonly obtained: (signal: CancelSignal) => Promise<boolean>;
  /** Obtains the identity and keeps it fresh. Rejects where a person must act. */
  start(signal: CancelSignal): Promise<void>;
}

export function createHubLink(ports: AgentPorts, config: AgentConfig, identity: AgentIdentity): HubLink {
  const listeners: (() => void)[] = [];
  let material: IdentityMaterial | undefined;
  let connection: HubConnection | undefined;
  let notifyObtained = (): void => {};
  const first = new Promise<void>((resolve) => { notifyObtained = resolve; });

  function hubAddress(): string {
    if (config.hubAddress !== '') return config.hubAddress;
    const token = (config.joinToken ?? '').trim() === '' ? undefined : decodeJoinToken(config.joinToken ?? '');
    if (token !== undefined && 'problem' in token) throw new AdvisedError('user', token.problem);
    if (token !== undefined) return token.hub;
    throw new AdvisedError('user', `cluster "${config.cluster}": the hub's address is not set: give --hub HOST:PORT, or a join token of "isthmus join ${config.cluster}", which holds it`);
  }

  return {
    identity: () => material,
    connection: () => connection,
    onChange(listener) { listeners.push(listener); },
    obtained: async (signal) => {
      await Promise.race([first, cancelled(signal)]);
      return !signal.aborted;
    },
    async start(signal) {
      const address = hubAddress();
      const use = (next: IdentityMaterial): void => {
        const old = connection;
        material = next;
        connection = ports.hub.connect(address, next);
        for (const listener of listeners) listener();
        old?.close();
        notifyObtained();
      };
      const unsubscribe = identity.subscribe(use);
      try {
        await identity.obtain(signal);
        await identity.keepFresh(() => connection, signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        unsubscribe();
        connection?.close();
        connection = undefined;
      }
    },
  };
}
