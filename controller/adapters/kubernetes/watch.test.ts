import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { ConfigMap } from '../../../mesh/api/resources/core.ts';
import { KubernetesError, KubernetesUnreachable, type WatchEvent } from '../../../mesh/ports/kubernetes.ts';
import { connectKubernetes } from './connect.ts';
import { authority, clusterOf, connection, never, send, status, thrown, TOKEN } from './testing/connection.ts';
import { fakeServer, kubeconfig } from './testing/fake-server.ts';

const here = connection();

async function events(signal = never, onEvent: () => void = () => {}): Promise<WatchEvent[]> {
  const seen: WatchEvent[] = [];
  for await (const event of here.client.watch(ConfigMap, { namespace: 'n', resourceVersion: '1' }, signal)) {
    seen.push(event);
    onEvent();
  }
  return seen;
}

describe('watch', () => {
  const line = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`;
  const named = (name: string, version: string): object => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, resourceVersion: version } });

  test('asks for bookmarks and reads events whatever the pieces they come in', async () => {
    const bytes = Buffer.from(line('ADDED', named('straße-日本', '2')) + line('BOOKMARK', { kind: 'ConfigMap', metadata: { resourceVersion: '9' } }) + line('DELETED', named('straße-日本', '10')));
    await here.connect(async (_request, response) => {
      response.writeHead(200);
      for (const byte of bytes) {
        response.write(Buffer.of(byte));
        if (byte > 127) await sleep(1);
      }
      response.end();
    });
    expect((await events()).map((event) => (event.type === 'BOOKMARK' ? `bookmark ${event.resourceVersion}` : `${event.type} ${event.object.metadata.name}`)))
      .toEqual(['ADDED straße-日本', 'bookmark 9', 'DELETED straße-日本']);
    expect(here.server.requests[0]!.url).toBe('/api/v1/namespaces/n/configmaps?watch=1&allowWatchBookmarks=true&timeoutSeconds=290&resourceVersion=1');
  });

  test('a silent watch is given up earlier once it has had a bookmark, but not for the one that ends the initial events', async () => {
    const ended = (type: string, annotations: object): string => line(type, { kind: 'ConfigMap', metadata: { resourceVersion: '9', annotations } });
    here.server = await fakeServer(authority, (request, response) => {
      response.writeHead(200).write(line('ADDED', named('a', '2')));
      if (request.url?.includes('/namespaces/bookmarked/') === true) response.write(ended('BOOKMARK', {}));
      else if (request.url?.includes('/namespaces/started/') === true) response.write(ended('BOOKMARK', { 'k8s.io/initial-events-end': 'true' }));
    });
    here.client = connectKubernetes({
      kubeconfig: here.folder.write('config', kubeconfig(clusterOf(here.server.url), { token: TOKEN })), userAgent: 'isthmus-test/1', metrics: here.metrics,
      limits: { watchQuietMilliseconds: 1_000_000, bookmarkedQuietMilliseconds: 200 },
    });
    const abort = new AbortController();
    const outcomes: string[] = [];
    const watch = async (namespace: string): Promise<void> => {
      let seen = 0;
      const error = await thrown((async () => { for await (const _ of here.client.watch(ConfigMap, { namespace, resourceVersion: '1' }, abort.signal)) seen += 1; })());
      outcomes.push(`${namespace} ${seen} ${error instanceof Error ? error.message : 'cancelled'}`);
    };
    const others = [watch('plain'), watch('started')];
    for (let attempt = 0; attempt < 200 && here.server.requests.length < 2; attempt++) await sleep(20);
    await watch('bookmarked');
    await sleep(600);
    expect(outcomes).toEqual(['bookmarked 2 watch configmaps bookmarked: no answer in time']);
    abort.abort();
    await Promise.all(others);
    expect(outcomes.slice(1).sort()).toEqual(['plain 1 cancelled', 'started 2 cancelled']);
  });

  test('410 on opening and in the stream is the same error', async () => {
    let inStream = false;
    await here.connect((_request, response) => {
      if (inStream) response.writeHead(200).end(line('ERROR', status(410, 'Expired')));
      else send(response, 410, status(410, 'Expired'));
    });
    for (inStream of [false, true]) {
      const error = await thrown(events());
      expect(error).toBeInstanceOf(KubernetesError);
      expect(error).toMatchObject({ code: 410, reason: 'Expired' });
    }
  });

  test.each([
    ['a broken event', (response: ServerResponse) => response.writeHead(200).end('{"type":"ADDED","obj'), /middle of an event/],
    ['noise', (response: ServerResponse) => response.writeHead(200).end('\u0000\u0001\u0002\n'), /middle of an event/],
    ['no object', (response: ServerResponse) => response.writeHead(200).end('{"type":"ADDED"}\n'), /without an object/],
    ['an unknown type', (response: ServerResponse) => response.writeHead(200).end(line('SURPRISE', named('a', '1'))), /unknown type/],
    ['a line without end', (response: ServerResponse) => response.writeHead(200).end('x'.repeat(9 * 1024 * 1024)), /longer than 8388608/],
    ['a reset', (response: ServerResponse) => { response.writeHead(200).write(line('ADDED', named('a', '1'))); setTimeout(() => response.socket?.destroy(), 20); }, /watch configmaps n/],
  ])('%s is KubernetesUnreachable', async (_name, answer, message) => {
    await here.connect((_request, response) => { answer(response); });
    const error = await thrown(events());
    expect(error).toBeInstanceOf(KubernetesUnreachable);
    expect(String(error)).toMatch(message);
  });

  test('ends quietly when cancelled, and closes its connection when the reader leaves', async () => {
    let open = 0;
    await here.connect((request, response) => {
      open += 1;
      request.socket.once('close', () => { open -= 1; });
      response.writeHead(200).write(line('ADDED', named('a', '1')));
    });
    const abort = new AbortController();
    expect(await events(abort.signal, () => setTimeout(() => abort.abort(), 50))).toHaveLength(1);
    for await (const event of here.client.watch(ConfigMap, { namespace: 'n', resourceVersion: '1' }, never)) {
      expect(event.type).toBe('ADDED');
      break;
    }
    for (let attempt = 0; attempt < 500 && open > 0; attempt++) await sleep(20);
    expect(open).toBe(0);
  });
});
