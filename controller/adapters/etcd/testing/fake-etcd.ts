/** A server on loopback with the TLS of a mesh etcd, which answers gRPC as a test wants: well, or as no etcd would. */
import { createSecureServer, type Http2SecureServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { type TestAuthority, testAuthority } from '../../kubernetes/testing/fake-server.ts';

export interface FakeEtcd {
  readonly url: string;
  readonly port: number;
  readonly authority: TestAuthority;
  /** TCP connections that were made, and those whose TLS session was resumed. */
  readonly connections: () => number;
  readonly resumed: () => number;
  close(): Promise<void>;
}

/** gRPC's. */
const PREFIX_BYTES = 5;

const frame = (message: Uint8Array): Buffer => {
  const framed = Buffer.alloc(PREFIX_BYTES + message.length);
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, PREFIX_BYTES);
  return framed;
};

/** A whole answer: `status` 0 is OK. */
export function answer(stream: ServerHttp2Stream, message: Uint8Array | undefined, status = 0, text = ''): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': String(status), 'grpc-message': encodeURIComponent(text) }));
  if (message === undefined) stream.end();
  else stream.end(frame(message));
}

/** `speak` gets the message of each call as well. */
export async function fakeEtcd(speak: (stream: ServerHttp2Stream, path: string, message: Buffer) => void, { lastsMilliseconds, trusts }: { readonly lastsMilliseconds?: number; readonly trusts?: TestAuthority } = {}): Promise<FakeEtcd> {
  const authority = testAuthority('mesh');
  const pair = authority.issue('server', 'etcd', 'test', lastsMilliseconds);
  const sockets = new Set<Socket>();
  let [connections, resumed] = [0, 0];
  const server: Http2SecureServer = createSecureServer({ key: pair.keyPem, cert: pair.certificatePem, ca: (trusts ?? authority).certificatePem, requestCert: true, rejectUnauthorized: true });
  server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => {});
  });
  server.on('secureConnection', (socket) => { if (socket.isSessionReused()) resumed += 1; });
  server.on('sessionError', () => {});
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => speak(stream as ServerHttp2Stream, String(headers[':path']), Buffer.concat(chunks).subarray(PREFIX_BYTES)));
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`, port, authority, connections: () => connections, resumed: () => resumed,
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    }),
  };
}
