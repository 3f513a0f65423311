/** A listening gRPC server over our TLS, until a signal aborts. Shared by gateway and peer server. */
import type { EventEmitter } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Server, type ServerInterceptor, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Log } from '../../../mesh/ports/log.ts';
import { formatAddress, parseListen } from '../listen.ts';
import { handshakeTurns, type TurnLimits } from './handshake-turns.ts';
import { hangUpOnRefused } from './hang-up.ts';
import { RotatingServerCredentials, type TlsMaterial } from './server-credentials.ts';
import { CONNECTION_BACKLOG, HANDSHAKE_TURNS, MAX_CONNECTIONS, SERVER_OPTIONS } from './settings.ts';

/** How long streams may say goodbye when the server stops. */
const GOODBYE_MILLISECONDS = 500;

/**
 * We listen ourselves and hand grpc-js each connection, so that material is read again before every handshake.
 * Rejects where the address is taken or the first material cannot be used.
 */
export async function serve(
  options: { readonly listen: string; readonly log: Log; readonly interceptors?: readonly ServerInterceptor[]; readonly turns?: TurnLimits },
  service: ServiceDefinition,
  implementation: UntypedServiceImplementation,
  material: () => TlsMaterial,
  signal: CancelSignal,
): Promise<{ readonly address: string }> {
  const credentials = new RotatingServerCredentials(material, options.log);
  const refused = hangUpOnRefused();
  const server = new Server({ ...SERVER_OPTIONS, interceptors: [...options.interceptors ?? [], refused.interceptor] });
  server.addService(service, implementation);
  const injector = server.createConnectionInjector(credentials);
  const turns = handshakeTurns(options.turns ?? HANDSHAKE_TURNS, (socket) => {
    credentials.refresh();
    injector.injectConnection(socket);
  });
  // Node names the connection that a TLS socket was made of in a field alone.
  tlsServerOf(server).on('secureConnection', (secured: TLSSocket & { readonly _parent?: Socket }) => { if (secured._parent !== undefined) turns.succeeded(secured._parent); });
  const listener = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    refused.watch(socket);
    turns.take(socket);
  });
  listener.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen({ ...parseListen(options.listen), backlog: CONNECTION_BACKLOG }, () => {
      listener.off('error', reject);
      listener.on('error', (error) => options.log.error({ error: error.message }, 'listener failed'));
      resolve();
    });
  });
  const stop = (): void => {
    listener.close();
    injector.drain(GOODBYE_MILLISECONDS);
    setTimeout(() => server.forceShutdown(), GOODBYE_MILLISECONDS);
  };
  const address = formatAddress(listener.address());
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  return { address };
}

/** grpc-js tells nobody when a handshake has succeeded; the HTTP/2 server that it keeps for its injector does. */
function tlsServerOf(server: Server): EventEmitter {
  const [made] = (server as unknown as { readonly http2Servers?: ReadonlyMap<EventEmitter, unknown> }).http2Servers?.keys() ?? [];
  if (made === undefined) throw new Error('grpc-js keeps its HTTP/2 server elsewhere in this version');
  return made;
}
