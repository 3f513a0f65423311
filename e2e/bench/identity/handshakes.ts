/** New connections with certificates on both sides, each up to HTTP/2's first word from the hub and a call that it answered. */
import http2 from 'node:http2';
import { join } from 'node:path';
import { createSecureContext, connect, type SecureContext } from 'node:tls';
import { TLS_OPTIONS } from '../../../controller/adapters/grpc/settings.ts';
import { quantile } from '../kube/figures.ts';
import { startChild } from '../kube/child.ts';

export interface HandshakeFigures {
  readonly perSecond: number;
  /** Of the hub's processor time alone. */
  readonly perCoreSecond: number;
  readonly p50: number;
  readonly p99: number;
}

const AT_ONCE = 16;
const IDENTITIES = 64;

export async function measureHandshakes(milliseconds: number): Promise<HandshakeFigures> {
  const child = startChild(join(import.meta.dirname, 'hub-process.ts'), []);
  try {
    const { address, bundlePem, identities } = await child.ask<{ readonly address: string; readonly bundlePem: string; readonly identities: readonly { readonly keyPem: string; readonly chainPem: string }[] }>({ ask: 'start', identities: IDENTITIES });
    const contexts = identities.map(({ keyPem, chainPem }) => createSecureContext({ ...TLS_OPTIONS, ca: bundlePem, key: keyPem, cert: chainPem }));
    const once = (secureContext: SecureContext | undefined): Promise<void> => new Promise((resolve, reject) => {
      const client = http2.connect(`https://${address}`, { createConnection: () => connect({ host: '127.0.0.1', port: Number(address.split(':')[1]), secureContext, ALPNProtocols: ['h2'], checkServerIdentity: () => undefined }) });
      client.once('error', reject);
      client.once('remoteSettings', () => {
        const stream = client.request({ ':method': 'POST', ':path': '/isthmus.v1.Gateway/Renew', 'content-type': 'application/grpc', te: 'trailers' });
        stream.once('error', reject);
        stream.once('close', () => { client.destroy(); resolve(); });
        stream.resume();
        // An empty request: judged after the certificate was, and answered with what is wrong with it.
        stream.end(Buffer.alloc(5));
      });
    });
    let next = 0;
    const times: number[] = [];
    const work = async (until: number, note: boolean): Promise<void> => {
      while (performance.now() < until) {
        const begin = performance.now();
        await once(contexts[next++ % contexts.length]);
        if (note) times.push(performance.now() - begin);
      }
    };
    const many = (until: number, note: boolean) => Promise.all(Array.from({ length: AT_ONCE }, () => work(until, note)));
    await many(performance.now() + milliseconds / 4, false);
    const before = await child.ask<number>({ ask: 'usage' });
    const begin = performance.now();
    await many(begin + milliseconds, true);
    const seconds = (performance.now() - begin) / 1000;
    const used = await child.ask<number>({ ask: 'usage' }) - before;
    return { perSecond: times.length / seconds, perCoreSecond: times.length / used, p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
  } finally {
    await child.stop();
  }
}
