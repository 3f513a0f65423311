/** Sockets that DNS questions come in through. */
import type { CancelSignal } from './cancel.ts';

/** undefined: drop the packet without an answer (noise that is no DNS query). */
export type DnsPacketHandler = (packet: Uint8Array, transport: 'udp' | 'tcp') => Uint8Array | undefined;

export interface DnsServer {
  /** UDP and TCP on one port; resolves once both listen; serves until `signal` aborts. */
  serve(handler: DnsPacketHandler, signal: CancelSignal): Promise<{ readonly address: string }>;
}
