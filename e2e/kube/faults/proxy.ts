/** Between a client and kube-apiserver: ends TLS with a certificate of its own, forwards over HTTPS, and breaks what the armed faults say. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer as createHttpsServer, request as sendUpstream } from 'node:https';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { testAuthority } from '../../../controller/adapters/kubernetes/testing/fake-server.ts';
import { answerOf, NO_STREAMS, statusBody } from './answers.ts';
import { type Asked, askedOf } from './asked.ts';
import type { Fault, FaultKind, Provocation } from './schedule.ts';
import { createStrikes, type Strikes } from './strikes.ts';
import { forwardWatch, type OpenWatch } from './watch-stream.ts';

export interface ProxyOptions {
  readonly upstream: { readonly url: string; readonly certificateAuthorityPem: string; readonly token: string };
  /** Pages of lists are made this small. */
  readonly pageSize: number;
  /** Left out or true: streaming lists are passed on; false: refused, as by a server that has none. */
  readonly streaming?: boolean;
}

export interface FaultProxy {
  /** Its `certificate-authority` is a file, replaced after a `certificate-rotated`. */
  readonly kubeconfigPath: string;
  /** How often each kind has struck. */
  readonly struck: ReadonlyMap<FaultKind, number>;
  /** Connections of clients that are open now. */
  readonly connections: number;
  /** One line for each open connection: what became of it. */
  describeConnections(): readonly string[];
  /** Watches that are open now. */
  readonly watches: number;
  /** From now on these faults strike. `olderVersion`: what `stale-list` answers from. */
  begin(faults: readonly Fault[], olderVersion: string): void;
  /** From now on nothing strikes; what hangs already goes on hanging. */
  end(): void;
  /** To every open watch or connection, at once. */
  provoke(provocation: Provocation): void;
  /** Accepts no connections, and breaks those that are open, until `listen`. */
  refuse(): Promise<void>;
  listen(): Promise<void>;
  close(): Promise<void>;
}

const REFUSED_MILLISECONDS = 700;

export async function startFaultProxy({ upstream, pageSize, streaming = true }: ProxyOptions): Promise<FaultProxy> {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-faults-'));
  const strikes: Strikes = createStrikes();
  const agent = new Agent({ keepAlive: true, ca: upstream.certificateAuthorityPem });
  /** With what they last asked for. */
  const connections = new Map<Socket, string>();
  const watches = new Set<OpenWatch>();
  const timers = new Set<NodeJS.Timeout>();
  let olderVersion = '';
  let rotations = 0;
  const later = (milliseconds: number, action: () => void): void => {
    const timer = setTimeout(() => { timers.delete(timer); action(); }, milliseconds);
    timers.add(timer);
  };

  const authorityPath = join(folder, 'ca.crt');
  const writeAuthority = (pem: string): void => {
    writeFileSync(`${authorityPath}.new`, pem);
    renameSync(`${authorityPath}.new`, authorityPath);
  };
  const first = testAuthority('fault-proxy');
  const pair = first.issue('server', 'api');
  writeAuthority(first.certificatePem);

  const https = createHttpsServer({ key: pair.keyPem, cert: pair.certificatePem, keepAliveTimeout: 120_000 }, (request, response) => { handle(request, response); });
  https.on('tlsClientError', (_error, socket) => { socket.destroy(); });
  https.on('clientError', (_error, socket) => { socket.destroy(); });
  /** TCP sockets under the TLS ones, by the client's port: only they can be reset. */
  const rawOf = (request: IncomingMessage): Socket | undefined => [...connections.keys()].find(({ remotePort }) => remotePort === request.socket.remotePort);
  const reset = (request: IncomingMessage): void => { (rawOf(request) ?? request.socket).resetAndDestroy(); };

  const accept = (socket: Socket): void => {
    connections.set(socket, 'nothing asked');
    socket.on('error', () => undefined);
    socket.once('close', () => connections.delete(socket));
    // Half open: the client's greeting is never answered.
    if (strikes.strike('silent-accept') === undefined) https.emit('connection', socket);
    else {
      connections.set(socket, 'never greeted');
      socket.resume();
    }
  };

  function handle(request: IncomingMessage, response: ServerResponse): void {
    response.on('error', () => undefined);
    request.on('error', () => undefined);
    const asked = askedOf(request, pageSize);
    const raw = rawOf(request);
    if (raw !== undefined) connections.set(raw, `${request.method ?? ''} ${request.url ?? ''}`);
    if (strikes.strike('never-answered') !== undefined) {
      request.resume();
      return;
    }
    const answer = asked.isStreamingList && !streaming ? NO_STREAMS : answerOf(asked, strikes);
    if (answer !== undefined) {
      request.resume();
      request.once('end', () => {
        if (answer.raw) {
          // Not even HTTP: on the connection as it is.
          request.socket.end(answer.body);
          return;
        }
        response.writeHead(answer.code, answer.headers).end(answer.body);
      });
      return;
    }
    forward(asked, request, response);
  }

  function forward(asked: Asked, request: IncomingMessage, response: ServerResponse): void {
    const stale = asked.isList && !asked.continues && olderVersion !== '' ? strikes.strike('stale-list') : undefined;
    const path = stale === undefined ? asked.path() : asked.path({ resourceVersion: olderVersion, resourceVersionMatch: 'Exact' });
    const { host: _, connection: __, ...headers } = request.headers;
    const upstreamRequest = sendUpstream(`${upstream.url}${path}`, { method: request.method, headers, agent }, (answer) => {
      const lost = asked.isWrite ? strikes.strike('answer-lost') : undefined;
      if (lost !== undefined) {
        answer.resume();
        // The write is done; whoever asked will not hear of it.
        if (lost.amount < 0.6) reset(request);
        else response.writeHead(504, { 'content-type': 'text/plain' }).end('upstream timed out');
        return;
      }
      answer.on('error', () => { reset(request); });
      if (asked.isWatch && answer.statusCode === 200) {
        response.writeHead(200, answer.headers);
        response.flushHeaders();
        const watch = forwardWatch(answer, response, strikes, { isList: asked.isStreamingList, reset: () => { reset(request); } });
        watches.add(watch);
        response.once('close', () => watches.delete(watch));
        return;
      }
      const truncated = asked.isList && answer.statusCode === 200 ? strikes.strike('truncated-list') : undefined;
      if (truncated === undefined) {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      } else void truncate(answer, request, response, truncated.amount);
      const idle = strikes.strike('idle-close');
      // Before the client knows whether it may use the connection again, or just when it does.
      if (idle !== undefined) response.once('finish', () => { later(idle.amount * 20, () => { rawOf(request)?.destroy(); }); });
    });
    upstreamRequest.on('error', () => { reset(request); });
    response.once('close', () => { upstreamRequest.destroy(); });
    request.pipe(upstreamRequest);
  }

  async function truncate(answer: IncomingMessage, request: IncomingMessage, response: ServerResponse, amount: number): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    const whole = Buffer.concat(chunks);
    const part = whole.subarray(0, Math.floor(whole.length * amount));
    if (amount < 0.5) {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': whole.length }).write(part);
      later(5, () => { rawOf(request)?.destroy(); });
    } else {
      // As a whole answer, as far as HTTP can tell.
      response.writeHead(200, { 'content-type': 'application/json' }).end(part);
    }
  }

  const rotate = ({ amount }: Fault): void => {
    const authority = testAuthority(`fault-proxy-${++rotations}`);
    const { keyPem, certificatePem } = authority.issue('server', 'api');
    https.setSecureContext({ key: keyPem, cert: certificatePem });
    if (amount < 0.7) resetAll();
    // The file follows the server, as a kubelet's projection does.
    later(amount * 600, () => { writeAuthority(authority.certificatePem); });
  };
  const resetAll = (): void => { for (const socket of connections.keys()) socket.resetAndDestroy(); };

  let server: Server | undefined;
  let port = 0;
  const listen = async (): Promise<void> => {
    while (server === undefined) {
      // Below the range that connections get their own ports from, or one of those could take it while we refuse.
      const wanted = port === 0 ? 20_000 + Math.floor(Math.random() * 12_000) : port;
      const next = createServer({ noDelay: true }, accept);
      const listening = await new Promise<boolean>((resolve) => { next.once('error', () => resolve(false)).listen(wanted, '127.0.0.1', () => resolve(true)); });
      if (listening) {
        server = next;
        port = wanted;
      } else await sleep(20);
    }
  };
  const refuse = async (): Promise<void> => {
    const old = server;
    server = undefined;
    const closed = new Promise<void>((resolve) => { if (old === undefined) resolve(); else old.close(() => resolve()); });
    resetAll();
    await closed;
  };
  await listen();

  const kubeconfigPath = join(folder, 'kubeconfig');
  writeFileSync(kubeconfigPath, JSON.stringify({
    apiVersion: 'v1', kind: 'Config', 'current-context': 'faults',
    clusters: [{ name: 'faults', cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority': authorityPath } }],
    users: [{ name: 'faults', user: { token: upstream.token } }],
    contexts: [{ name: 'faults', context: { cluster: 'faults', user: 'faults' } }],
  }), { mode: 0o600 });

  const closeWatches = (): void => { for (const watch of watches) watch.close(); };
  const closeRegularly = (fault: Fault): void => {
    later(300 + fault.amount * 700, () => {
      if (!strikes.isArmed('watch-closed')) return;
      if (watches.size > 0) strikes.strike('watch-closed');
      closeWatches();
      closeRegularly(fault);
    });
  };

  return {
    kubeconfigPath,
    struck: strikes.struck,
    get connections() { return connections.size; },
    describeConnections: () => [...connections].map(([socket, last]) => `${last}: ${socket.readyState}, ${socket.bytesRead} bytes read, ${socket.bytesWritten} written${socket.destroyed ? ', destroyed' : ''}${socket.readableEnded ? ', ended by the client' : ''}`),
    get watches() { return watches.size; },
    begin(faults, older) {
      olderVersion = older;
      strikes.arm(faults);
      const rotated = strikes.strike('certificate-rotated');
      if (rotated !== undefined) rotate(rotated);
      const refused = strikes.strike('refused');
      if (refused !== undefined) {
        void refuse();
        later(100 + refused.amount * REFUSED_MILLISECONDS, () => { void listen(); });
      }
      for (const fault of faults) if (fault.kind === 'watch-closed') closeRegularly({ ...fault });
    },
    end() { strikes.arm([]); },
    provoke(provocation) {
      if (provocation === 'close-watches') closeWatches();
      else if (provocation === 'reset-connections') resetAll();
      else for (const watch of watches) watch.expire(statusBody(410, 'Expired', 'too old resource version'));
    },
    refuse,
    listen,
    async close() {
      strikes.arm([]);
      for (const timer of timers) clearTimeout(timer);
      await refuse();
      https.close();
      agent.destroy();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
