/** `host:port` texts, `[::1]:53` included. */
import type { AddressInfo } from 'node:net';

/** Throws a sentence that names the text where it is no address. Port 0 asks the system for a free one. */
export function parseListen(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65535) throw new Error(`listen address ${JSON.stringify(text)}: write HOST:PORT, for example 127.0.0.1:8443 or [::1]:8443, with a port from 0 to 65535`);
  return { host: match[1] ?? (match[2] === '' ? '0.0.0.0' : match[2] ?? '0.0.0.0'), port };
}

export function formatAddress(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') throw new Error(`not listening on a network address: ${String(address)}`);
  return address.family === 'IPv6' ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`;
}
