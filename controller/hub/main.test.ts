import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AddressInfo } from 'node:net';
import { type HubOptions, runHub } from './main.ts';

let folder = '';
beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'isthmus-hub-')); });
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const options = (more: Partial<HubOptions> = {}): HubOptions => ({
  embedded: true, apiListen: '127.0.0.1:0', dataDir: join(folder, 'data'), namespace: 'isthmus-system', trustDomain: 'test', listen: '127.0.0.1:0', advertise: '',
  healthListen: '127.0.0.1:0', logLevel: 'silent', clusterProfiles: true, discover: true, argocdNamespace: [], ...more,
});

async function taken(): Promise<{ readonly address: string; close(): void }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}

describe('runHub', () => {
  it('ends when it is told to, and lets go of its folder', async () => {
    for (let start = 0; start < 2; start += 1) {
      const stop = new AbortController();
      const running = runHub(options(), stop.signal);
      stop.abort();
      await running;
    }
  });

  it('refuses a data folder that another hub holds, and names it', async () => {
    const stop = new AbortController();
    const first = runHub(options(), stop.signal);
    await expect(runHub(options(), stop.signal)).rejects.toThrow(/records\.sqlite: another hub has this file open/);
    stop.abort();
    await first;
  });

  it('fails where an address is taken, and lets go of everything', async () => {
    const { address, close } = await taken();
    await expect(runHub(options({ listen: address }), new AbortController().signal)).rejects.toThrow(/EADDRINUSE/);
    await expect(runHub(options({ healthListen: address }), new AbortController().signal)).rejects.toThrow(/EADDRINUSE/);
    close();
  });

  it.each<[string, Partial<HubOptions>, RegExp]>([
    ['an address that agents cannot dial', { listen: '0.0.0.0:8443' }, /give --advertise HOST:PORT/],
    ['both APIs', { kubeconfig: 'somewhere' }, /leave out --kubeconfig/],
    ['callers of an API that it does not serve', { embedded: false, clientCaFile: 'somewhere' }, /--client-ca-file is for callers of the embedded API: give --embedded/],
    ['several replicas on one file', { leaderElection: true }, /give --records postgres:/],
    ['a wrong trust domain', { trustDomain: 'Not A Domain' }, /trust domain/],
  ])('refuses %s', async (_, more, sentence) => {
    await expect(runHub(options(more), new AbortController().signal)).rejects.toThrow(sentence);
  });

  it('refuses a data folder that cannot be made', async () => {
    writeFileSync(join(folder, 'file'), '');
    await expect(runHub(options({ dataDir: join(folder, 'file', 'data') }), new AbortController().signal)).rejects.toThrow(/--data-dir .*: cannot be made \(ENOTDIR\)/);
  });
});
