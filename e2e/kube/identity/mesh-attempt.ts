/** One new connection to a mesh etcd with certificates on both sides, up to an answer: with TLS 1.3 a client learns only then that it was let in. */
import http2 from 'node:http2';
import { connect } from 'node:tls';

export interface MeshAttempt {
  readonly port: number;
  /** That the server's certificate must name. */
  readonly serverName: string;
  readonly caPem: string;
  readonly chainPem: string;
  readonly keyPem: string;
}

const LONGEST_MILLISECONDS = 10_000;
/** `etcdserverpb.RangeRequest` of key "a". */
const RANGE = Buffer.from([0, 0, 0, 0, 3, 0x0a, 0x01, 0x61]);

/** etcd reads certificate and key at each handshake, one file after the other: where they are replaced between the two it has no pair, and says this (`client/pkg/tlsutil`). */
const BETWEEN_TWO_FILES = 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR';

/** What went wrong; undefined: it was let in. As clients do, it tries again where the server was between two files, once. */
export async function attempt(target: MeshAttempt): Promise<string | undefined> {
  const problem = await once(target);
  return problem?.startsWith(BETWEEN_TWO_FILES) === true ? once(target) : problem;
}

function once({ port, serverName, caPem, chainPem, keyPem }: MeshAttempt): Promise<string | undefined> {
  return new Promise((resolve) => {
    let late: NodeJS.Timeout | undefined;
    let client: http2.ClientHttp2Session | undefined;
    const done = (problem: string | undefined): void => {
      clearTimeout(late);
      client?.destroy();
      resolve(problem);
    };
    try {
      const socket = connect({ host: '127.0.0.1', port, servername: serverName, ca: caPem, cert: chainPem, key: keyPem, ALPNProtocols: ['h2'], minVersion: 'TLSv1.3' });
      socket.once('error', (error: NodeJS.ErrnoException) => done(`${error.code ?? ''} ${error.message}`.trim()));
      client = http2.connect(`https://${serverName}:${port}`, { createConnection: () => socket });
      client.once('error', (error: NodeJS.ErrnoException) => done(`${error.code ?? ''} ${error.message}`.trim()));
      client.once('close', () => done('closed before an answer'));
      const stream = client.request({ ':method': 'POST', ':path': '/etcdserverpb.KV/Range', 'content-type': 'application/grpc', te: 'trailers' });
      stream.once('error', (error: NodeJS.ErrnoException) => done(`${error.code ?? ''} ${error.message}`.trim()));
      // Whatever it says of the key: it was said to somebody whom it lets in.
      stream.once('response', () => done(undefined));
      stream.end(RANGE);
    } catch (error) {
      done(String(error));
    }
    late = setTimeout(() => done(`no answer within ${LONGEST_MILLISECONDS / 1000} s`), LONGEST_MILLISECONDS);
  });
}
