/** A listening gRPC server over our TLS, until a signal aborts. Shared by gateway and peer server. */
import { createServer } from 'node:net';
import { Server, type ServerInterceptor, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Log } from '../../../mesh/ports/log.ts';
import { formatAddress, parseListen } from '../listen.ts';
import { hangUpOnRefused } from './hang-up.ts';
import { RotatingServerCredentials, type TlsMaterial } from './server-credentials.ts';
import { MAX_CONNECTIONS, SERVER_OPTIONS } from './settings.ts';

/** How long streams may say goodbye when the server stops. */
const GOODBYE_MILLISECONDS = 500;

/**
 * We listen ourselves and hand grpc-js each connection, so that material is read again before every handshake.
 * Rejects where the address is taken or the first material cannot be used.
 */
export async function serve(
  options: { readonly listen: string; readonly log: Log; readonly interceptors?: readonly ServerInterceptor[] },
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
  const listener = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    refused.watch(socket);
    credentials.refresh();
    injector.injectConnection(socket);
  });
  listener.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(parseListen(options.listen), () => {
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
