/** Why a revocation replaces pods: a mesh etcd turns away a user that is gone, and goes on telling the watch that the user had opened before. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newProfiles, type Profiles } from '../../identity/profiles.ts';
import { missingAssets } from '../apiserver.ts';
import { type MeshEtcd, startMeshEtcd } from './mesh-etcd.ts';

const program = (name: string): string => join(process.env['KUBEBUILDER_ASSETS'] ?? '', name);
const missing = missingAssets() ?? (existsSync(program('etcdctl')) ? undefined : 'KUBEBUILDER_ASSETS has no etcdctl');
const KEY = 'cilium/cluster-config/oslo';
const PATIENCE = { timeout: 75_000, interval: 50 };

describe.skipIf(missing !== undefined)(`the mesh etcd of a peer${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  let profiles: Profiles;
  let etcd: MeshEtcd;
  const peered = (peers: readonly string[]): Promise<MeshEtcd> => startMeshEtcd('oslo', profiles.mesh('server', 'oslo'), profiles.mesh('admin', 'oslo'), profiles.rootPem, peers);
  beforeAll(async () => {
    profiles = await newProfiles();
    etcd = await peered(['berlin', 'virginia']);
  });
  afterAll(() => etcd?.stop());

  test('a user that is removed gets nothing new, but keeps the watch that it has, until the pod is another one', async () => {
    const [admin, berlin, virginia] = [profiles.mesh('admin', 'oslo'), profiles.mesh('remote', 'berlin'), profiles.mesh('remote', 'virginia')];
    const file = (name: string, content: string): string => {
      writeFileSync(join(etcd.directory, name), content, { mode: 0o600 });
      return join(etcd.directory, name);
    };
    const watch = spawn(program('etcdctl'), [`--endpoints=${etcd.url}`, `--cacert=${file('watch.ca', profiles.rootPem)}`, `--cert=${file('watch.crt', berlin.chainPem)}`, `--key=${file('watch.key', berlin.keyPem)}`, 'watch', KEY], { stdio: ['ignore', 'pipe', 'pipe'] });
    let seen = '';
    watch.stdout.on('data', (chunk: Buffer) => { seen += chunk.toString(); });
    const put = (text: string): boolean => etcd.ask(admin, ['put', KEY, text]).ok;
    try {
      // The watch may open after the first of these.
      await expect.poll(() => { put('before'); return seen; }, PATIENCE).toContain('before');
      expect(etcd.ask(admin, ['user', 'delete', 'remote-berlin']).ok).toBe(true);
      expect(etcd.ask(berlin, ['get', KEY])).toEqual({ ok: false, said: expect.stringContaining('permission denied') as string });
      expect(put('after')).toBe(true);
      await expect.poll(() => seen, PATIENCE).toContain('after');
    } finally {
      const ended = once(watch, 'exit');
      watch.kill('SIGKILL');
      await ended;
    }
    await etcd.stop();
    etcd = await peered(['virginia']);
    expect(etcd.ask(berlin, ['get', KEY]).said).toContain('permission denied');
    expect(etcd.ask(virginia, ['get', KEY]).ok).toBe(true);
  });
});
