/**
 * The connection to a mesh etcd: TLS with our own hands, then gRPC on HTTP/2. Not grpc-js: it hides why a handshake failed behind "UNAVAILABLE", keeps channels, buffers
 * what it is sent, and would need a second connection to tell one certificate from another. Every wait and every buffer here has a bound.
 */
import { connect as connectHttp2, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { isIP, type LookupFunction } from 'node:net';
import { checkServerIdentity, connect as connectTls, type ConnectionOptions, type PeerCertificate, type TLSSocket } from 'node:tls';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { type EtcdConnection, type EtcdConnector, EtcdError, type EtcdProblem, type EtcdTarget } from '../../../mesh/ports/etcd.ts';
import { decodeAnswer, encodeRange, encodeWriteThatNeverHappens } from './messages.ts';
import { closed, problemOf, problemOfStatus, type Stage } from './problems.ts';

export interface EtcdLimits {
  /** Until a TCP connection stands, until the handshake is over and the server has spoken, and for every answer. */
  readonly milliseconds: number;
  /** Of all answers of a connection together: many may be on their way at once. */
  readonly answerBytes: number;
}

const DEFAULT_LIMITS: EtcdLimits = { milliseconds: 5000, answerBytes: 1 << 20 };

/** gRPC's prefix of a message: a byte for compression, four for the length. */
const PREFIX_BYTES = 5;
const MOST_ADDRESSES = 16;

interface Place { readonly host: string; readonly port: number; readonly addresses: readonly string[] }

function placeOf({ endpoint, addresses = [] }: EtcdTarget): Place {
  const url = URL.parse(endpoint);
  if (url === null || url.protocol !== 'https:' || url.hostname === '') throw new EtcdError('InvalidTarget', `the endpoint is no https://HOST:PORT`);
  const strange = addresses.find((address) => isIP(address) === 0);
  if (strange !== undefined) throw new EtcdError('InvalidTarget', `${endpoint}: one of its addresses is no IP address`);
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 443), addresses: addresses.slice(0, MOST_ADDRESSES) };
}

const lookupAmong = (addresses: readonly string[]): LookupFunction => (_host, options, tell) => {
  const found = addresses.map((address) => ({ address, family: isIP(address) }));
  if (options.all === true) (tell as unknown as (error: null, all: typeof found) => void)(null, found);
  else tell(null, found[0]?.address ?? '', found[0]?.family ?? 4);
};

/** As Go does, and so Cilium: a certificate without alternative names has none. */
function checkNames(host: string, certificate: PeerCertificate): Error | undefined {
  if (certificate.subjectaltname !== undefined) return checkServerIdentity(host, certificate);
  return Object.assign(new Error(`the certificate has no alternative names, so it is not ${host}'s`), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
}

/** Calls `late` after the time, unless the returned function is called before. */
function within(milliseconds: number, late: () => void): () => void {
  const timer = setTimeout(late, milliseconds);
  return () => clearTimeout(timer);
}

class Connection implements EtcdConnection {
  server = { notBefore: 0, notAfter: 0 };
  readonly #where: string;
  readonly #limits: EtcdLimits;
  readonly #socket: TLSSocket;
  /** An address is known. */
  #named: boolean;
  #stage: Stage = 'handshake';
  #session: ClientHttp2Session | undefined;
  #failure: EtcdError | undefined;
  #heardBytes = 0;
  readonly #waiting = new Set<(error: EtcdError) => void>();

  constructor(target: EtcdTarget, limits: EtcdLimits) {
    const { host, port, addresses } = placeOf(target);
    this.#where = target.endpoint;
    this.#limits = limits;
    const options: ConnectionOptions & { autoSelectFamilyAttemptTimeout: number } = {
      host, port, ca: target.caPem, cert: target.certPem, key: target.keyPem, minVersion: 'TLSv1.2', ALPNProtocols: ['h2'], rejectUnauthorized: true, checkServerIdentity: checkNames,
      ...(isIP(host) === 0 ? { servername: host } : {}), ...(addresses.length > 0 ? { lookup: lookupAmong(addresses) } : {}),
      autoSelectFamilyAttemptTimeout: Math.max(10, Math.min(1000, limits.milliseconds / 4)),
    };
    try {
      this.#socket = connectTls(options);
    } catch (error) {
      throw new EtcdError('InvalidTarget', `${this.#where}: its certificates or key cannot be used: ${(error as NodeJS.ErrnoException).code ?? 'not PEM'}`);
    }
    this.#named = isIP(host) !== 0 || addresses.length > 0;
    this.#socket.once('lookup', (error: Error | null) => { this.#named = error === null; });
    this.#socket.on('error', (error) => this.end(problemOf(error, this.#where, this.#stage)));
    this.#socket.on('close', () => this.end(closed(this.#where, this.#stage)));
  }

  /** Whatever ends first, ends everything. */
  end(failure: EtcdError): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    for (const tell of this.#waiting) tell(failure);
    this.#waiting.clear();
    this.#session?.destroy();
    this.#socket.destroy();
  }

  /** What `begin` waits for, or the end of the connection, or of the patience: `late` says what was missing. */
  #wait<T>(late: () => readonly [reason: EtcdProblem, text: string], begin: (done: (value: T) => void, refused: (error: EtcdError) => void) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      const inTime = within(this.#limits.milliseconds, () => {
        const [reason, text] = late();
        this.end(new EtcdError(reason, `${this.#where} ${text} in ${this.#limits.milliseconds / 1000} s`));
      });
      const over = (): void => {
        inTime();
        this.#waiting.delete(fail);
      };
      const fail = (error: EtcdError): void => { over(); reject(error); };
      this.#waiting.add(fail);
      begin((value) => { over(); resolve(value); }, fail);
    });
  }

  async ready(): Promise<void> {
    await this.#wait<void>(() => (this.#named ? ['Unreachable', 'takes no connection'] : ['NameUnresolved', 'is a name that no resolver answers for']), (done) => this.#socket.once('connect', done));
    await this.#wait<void>(() => ['Timeout', 'takes the connection, but ends no handshake'], (done) => this.#socket.once('secureConnect', done));
    this.#stage = 'secured';
    const { valid_from: from, valid_to: to } = this.#socket.getPeerCertificate();
    this.server = { notBefore: Date.parse(from), notAfter: Date.parse(to) };
    const session = connectHttp2(this.#where, {
      createConnection: () => this.#socket, maxSessionMemory: 4, maxHeaderListPairs: 32, maxReservedRemoteStreams: 0, settings: { enablePush: false, maxHeaderListSize: 16_384 },
    });
    this.#session = session;
    session.on('error', (error) => this.end(problemOf(error, this.#where, this.#stage)));
    session.on('goaway', (code) => this.end(new EtcdError('Unavailable', `${this.#where} sends us away (HTTP/2 code ${code})`)));
    session.on('close', () => this.end(closed(this.#where, this.#stage)));
    await this.#wait<void>(() => ['Timeout', 'does not speak after the handshake'], (done) => session.once('remoteSettings', () => done()));
    this.#stage = 'spoken';
  }

  async range(request: Parameters<EtcdConnection['range']>[0]): ReturnType<EtcdConnection['range']> {
    const message = await this.#ask('/etcdserverpb.KV/Range', encodeRange(request));
    try {
      return decodeAnswer(message);
    } catch (error) {
      const failure = new EtcdError('Malformed', `${this.#where}: its answer is none of etcd's: ${(error as Error).message}`);
      this.end(failure);
      throw failure;
    }
  }

  async mayWrite(key: string): Promise<boolean> {
    try {
      await this.#ask('/etcdserverpb.KV/Txn', encodeWriteThatNeverHappens(key));
      return true;
    } catch (error) {
      if (error instanceof EtcdError && error.reason === 'PermissionDenied') return false;
      throw error;
    }
  }

  /** One unary call. A refusal by status leaves the connection as it is; everything else that goes wrong ends it. */
  #ask(path: string, message: Uint8Array): Promise<Uint8Array> {
    return this.#wait<Uint8Array>(() => ['Timeout', 'gives no answer'], (done, refused) => {
      const framed = Buffer.alloc(PREFIX_BYTES + message.length);
      framed.writeUInt32BE(message.length, 1);
      framed.set(message, PREFIX_BYTES);
      const stream = this.#session!.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', 'grpc-timeout': `${this.#limits.milliseconds}m` });
      const chunks: Buffer[] = [];
      const prefix = Buffer.alloc(PREFIX_BYTES);
      let [length, heard] = [0, {} as IncomingHttpHeaders];
      const broken = (reason: 'Malformed' | 'TooLarge', text: string): void => this.end(new EtcdError(reason, `${this.#where} ${text}`));
      stream.on('error', (error) => this.end(problemOf(error, this.#where, this.#stage)));
      stream.on('response', (headers) => {
        heard = headers;
        if (headers[':status'] !== 200 || headers['content-type']?.startsWith('application/grpc') !== true) broken('Malformed', `answers with HTTP status ${headers[':status']}, not as etcd does`);
      });
      stream.on('trailers', (trailers) => { heard = { ...heard, ...trailers }; });
      stream.on('data', (chunk: Buffer) => {
        if (length < PREFIX_BYTES) chunk.copy(prefix, length);
        chunks.push(chunk);
        length += chunk.length;
        this.#heardBytes += chunk.length;
        const announced = length < PREFIX_BYTES ? 0 : prefix.readUInt32BE(1);
        if (Math.max(announced, this.#heardBytes) > this.#limits.answerBytes) broken('TooLarge', `answers with more than ${this.#limits.answerBytes} bytes`);
      });
      stream.on('end', () => {
        const status = Number(heard['grpc-status'] ?? Number.NaN);
        if (Number.isNaN(status)) return broken('Malformed', 'ends an answer without a status');
        if (status !== 0) return refused(problemOfStatus(status, String(heard['grpc-message'] ?? ''), this.#where));
        const whole = Buffer.concat(chunks);
        if (whole.length < PREFIX_BYTES || whole[0] !== 0 || whole.readUInt32BE(1) !== whole.length - PREFIX_BYTES) return broken('Malformed', 'answers with what is no message of gRPC');
        done(whole.subarray(PREFIX_BYTES));
      });
      stream.end(framed);
    });
  }

  close(): void {
    this.end(new EtcdError('Cancelled', `${this.#where}: the connection was closed`));
  }
}

export function etcdConnector(limits: EtcdLimits = DEFAULT_LIMITS): EtcdConnector {
  return {
    async open(target: EtcdTarget, signal: CancelSignal) {
      const connection = new Connection(target, limits);
      const cancel = (): void => connection.close();
      if (signal.aborted) cancel();
      else signal.addEventListener('abort', cancel, { once: true });
      try {
        await connection.ready();
      } catch (error) {
        signal.removeEventListener('abort', cancel);
        connection.close();
        throw error;
      }
      return {
        server: connection.server,
        range: (request) => connection.range(request),
        mayWrite: (key) => connection.mayWrite(key),
        close() {
          signal.removeEventListener('abort', cancel);
          connection.close();
        },
      };
    },
  };
}
