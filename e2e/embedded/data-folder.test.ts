/** What a hub, an agent and an embedded API say of folders, disks and ports that they cannot use; and that whoever was there first is not harmed. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ConfigMap, type ConfigMapObject } from '../../mesh/api/resources/core.ts';
import { eventually } from '../../controller/demo/eventually.ts';
import { type HubProcess, isthmus, launchAgent, startHub, temporaryFolder } from './hub-process.ts';

const never = new AbortController().signal;
const folder = temporaryFolder();
const place = (...parts: string[]): string => join(folder.path, ...parts);
/** A hub that must not come up: everything in `words` beside free ports. */
const hubWith = (words: readonly string[], uid?: number) => isthmus([
  'hub', '--embedded', ...(words.includes('--listen') ? [] : ['--listen', '127.0.0.1:0']), ...(words.includes('--health-listen') ? [] : ['--health-listen', '127.0.0.1:0']),
  ...(words.includes('--api-listen') ? [] : ['--api-listen', '127.0.0.1:0']), ...words,
], uid === undefined ? {} : { uid });
const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1) ?? '';
let first: HubProcess;

async function firstIsUnharmed(): Promise<void> {
  expect((await first.get('/readyz')).status).toBe(200);
  await first.client.create(ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: '', generateName: 'written-', namespace: 'isthmus-system' } }, { fieldManager: 'test' }, never);
}

beforeAll(async () => {
  chmodSync(folder.path, 0o755);
  first = await startHub(folder.path);
});
afterAll(async () => {
  await first.stop();
  folder.remove();
});

describe('a sentence and status 1', () => {
  test.concurrent('for a folder that another hub uses', async () => {
    const { status, stderr } = await hubWith(['--data-dir', first.dataDir]);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^isthmus: records .*records\.sqlite: another hub has this file open; stop it, or give this one a data folder of its own\n$/)]);
    await firstIsUnharmed();
  });

  test.concurrent('for a folder whose objects another process uses', async () => {
    const { status, stderr } = await isthmus(['embedded', '--listen', '127.0.0.1:0', '--data-dir', first.dataDir]);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^isthmus: .*objects\.sqlite: another process uses this file; stop it, or give another data folder\n$/)]);
    await firstIsUnharmed();
  });

  test.concurrent.each([['records.sqlite', /records\.sqlite: is no intact SQLite database; restore it from a backup or move it away to begin anew/], ['objects.sqlite', /objects\.sqlite: is damaged or no object store; restore a backup or move it away to begin anew/]])('for a damaged %s, which stays as it is', async (name, sentence) => {
    const path = place(`damaged-${name}`, name);
    mkdirSync(place(`damaged-${name}`));
    const noise = Buffer.alloc(8192, 'noise ');
    writeFileSync(path, noise);
    const { status, stderr } = await hubWith(['--data-dir', place(`damaged-${name}`)]);
    expect([status, lastLine(stderr)]).toEqual([1, expect.stringMatching(sentence)]);
    expect(readFileSync(path).equals(noise)).toBe(true);
  });

  const nobody = process.getuid?.() === 0 ? 65534 : undefined;
  test.concurrent.each([['is there', 'closed', /closed.*records\.sqlite: cannot be (opened; check that the folder exists and can be written|written; check the owner and mode of the file and its folder)/], ['cannot be made', 'closed/inside', /--data-dir .*closed\/inside: cannot be made \(EACCES\); give a folder that this user may write/]])('for a folder without write access that %s', async (_what, name, sentence) => {
    mkdirSync(place('closed'), { recursive: true, mode: 0o555 });
    const { status, stderr } = await hubWith(['--data-dir', place(name)], nobody);
    expect([status, lastLine(stderr)]).toEqual([1, expect.stringMatching(sentence)]);
  });

  test.concurrent('for a kubeconfig that cannot be written', async () => {
    const { status, stderr } = await hubWith(['--data-dir', place('no-kubeconfig'), '--write-kubeconfig', place('hub.kubeconfig', 'inside')]);
    expect([status, lastLine(stderr)]).toEqual([1, expect.stringMatching(/--write-kubeconfig .*inside: cannot be written \((ENOTDIR|EEXIST)\); give a path/)]);
  });

  test.concurrent.each(['--listen', '--health-listen', '--api-listen'])('for a hub\'s %s that is taken', async (option) => {
    const { status, stderr } = await hubWith(['--data-dir', place(`taken${option}`), option, first.gateway]);
    expect([status, lastLine(stderr)]).toEqual([1, `isthmus: ${first.gateway} is in use by another process: end that one, or give another address (the options ending in "listen")`]);
  });

  test.concurrent.each(['--dns-listen', '--peer-listen', '--health-listen'])('for an agent\'s %s that is taken', async (option) => {
    const agent = await launchAgent(place(`agent${option}`), 'berlin', first.kubeconfig, { more: ['--hub', first.gateway, option, first.gateway] });
    const { status, stderr } = await agent.running.outcome();
    expect(status).toBe(1);
    // Without a token the identity may be the first to fail.
    expect(lastLine(stderr)).toMatch(/is in use by another process: end that one|has neither a valid identity nor a join token/);
    if (option === '--health-listen') expect(lastLine(stderr)).toContain(`${first.gateway} is in use`);
  });

  const canMount = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;
  if (!canMount) console.warn('skipped: a full disk below a hub needs a user namespace with mounts (unshare -rm); a bounded SQLite file is tested with the records and objects');
  (canMount ? test.concurrent : test.skip)('not for a disk that fills up: the hub says so, loses nothing that it acknowledged, and recovers', { timeout: 90_000 }, async () => {
    const disk = place('disk');
    mkdirSync(disk);
    // The disk is seen by the holder and whoever enters its namespace.
    const holder = spawn('unshare', ['-rm', 'sh', '-c', 'mount -t tmpfs -o size=3m none "$0" && echo mounted && exec sleep 300', disk], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    const seen = `/proc/${holder.pid}/root${disk}`;
    const inside = ['nsenter', '-t', String(holder.pid), '-U', '--preserve-credentials', '-m'];
    mkdirSync(place('full'));
    const start = () => startHub(place('full'), { dataDir: disk, inside });
    let hub = await start();
    const kept: string[] = [];
    const write = async (size: number): Promise<void> => {
      const made = await hub.client.create<ConfigMapObject>(ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: '', generateName: 'kept-', namespace: 'isthmus-system' }, data: { text: 'x'.repeat(size) } }, { fieldManager: 'test' }, never);
      kept.push(made.metadata.name);
    };
    /** Without the client's patience: it tries for half a minute where the server says so. */
    const { clusters, users } = parse(readFileSync(hub.kubeconfig, 'utf8')) as { readonly clusters: readonly [{ readonly cluster: Readonly<Record<string, string>> }]; readonly users: readonly [{ readonly user: { readonly token: string } }] };
    const dispatcher = new Agent({ connect: { ca: Buffer.from(clusters[0].cluster['certificate-authority-data'] ?? '', 'base64').toString() } });
    const writeOnce = async (size: number): Promise<void> => {
      const { statusCode, body } = await request(`${clusters[0].cluster['server']}/api/v1/namespaces/isthmus-system/configmaps?fieldManager=test`, {
        dispatcher, method: 'POST', headers: { authorization: `Bearer ${users[0].user.token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'kept-' }, data: { text: 'x'.repeat(size) } }),
      });
      const answer = await body.json() as { readonly message?: string; readonly metadata: { readonly name: string } };
      if (statusCode !== 201) throw new Error(answer.message);
      kept.push(answer.metadata.name);
    };
    const names = async (): Promise<string[]> => (await hub.client.list<ConfigMapObject>(ConfigMap, { namespace: 'isthmus-system' }, never)).items.map(({ metadata }) => metadata.name).filter((name) => name.startsWith('kept-')).sort();
    try {
      await write(1000);
      const ballast = Buffer.alloc(4096);
      const full = join(seen, 'ballast');
      for (let room = true; room;) {
        try {
          writeFileSync(full, ballast, { flag: 'a' });
        } catch (error) {
          expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
          room = false;
        }
      }
      const refusal = await (async () => { for (;;) await writeOnce(20_000); })().catch((error: unknown) => error as Error);
      expect(refusal.message).toMatch(/objects\.sqlite: the disk is full; nothing of the write was kept; free some space and try again/);
      await eventually('the hub says that it is not ready', 45_000, async () => (await hub.get('/readyz')).status === 503);
      expect((await hub.get('/readyz')).text).toMatch(/the disk is full.*free some space/);
      expect(hub.running.printed().stderr).toMatch(/"level":"error".*the disk is full/);
      expect(await names()).toEqual([...kept].sort());

      rmSync(full);
      await write(1000);
      await eventually('the hub is ready again', 45_000, async () => (await hub.get('/readyz')).status === 200);
      await hub.stop();
      hub = await start();
      expect(await names()).toEqual([...kept].sort());
    } finally {
      await dispatcher.destroy();
      await hub.stop();
      holder.kill('SIGKILL');
    }
  });
});
