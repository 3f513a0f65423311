/** What a peer's reader asks of a mesh etcd, of the real one: the connection is Isthmus's own, the roles are those that Cilium makes. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { etcdConnector } from '../../../controller/adapters/etcd/connect.ts';
import { type EtcdConnection, EtcdError, prefixEnd } from '../../../mesh/ports/etcd.ts';
import { newProfiles, type Profiles } from '../../identity/profiles.ts';
import { missingAssets } from '../apiserver.ts';
import { type MeshEtcd, type Pair, startMeshEtcd } from './mesh-etcd.ts';

const missing = missingAssets() ?? (existsSync(join(process.env['KUBEBUILDER_ASSETS'] ?? '', 'etcdctl')) ? undefined : 'KUBEBUILDER_ASSETS has no etcdctl');
const signal = new AbortController().signal;
const NODES = 'cilium/state/nodes/v1/oslo/';

describe.skipIf(missing !== undefined)(`a reader of a real mesh etcd${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  let profiles: Profiles;
  let etcd: MeshEtcd;
  let admin: Pair;
  const put = (key: string, value: string): void => { expect(etcd.ask(admin, ['put', key, value])).toMatchObject({ ok: true }); };
  const open = ({ keyPem, chainPem }: Pair, endpoint = etcd.url): Promise<EtcdConnection> => etcdConnector().open({ endpoint, caPem: profiles.rootPem, certPem: chainPem, keyPem }, signal);
  const refusal = async (work: Promise<unknown>): Promise<string> => {
    const error = await work.then(() => undefined, (thrown: unknown) => thrown);
    return error instanceof EtcdError ? error.reason : `not refused: ${String(error)}`;
  };
  beforeAll(async () => {
    profiles = await newProfiles();
    admin = profiles.mesh('admin', 'oslo');
    etcd = await startMeshEtcd('oslo', profiles.mesh('server', 'oslo'), admin, profiles.rootPem, ['berlin']);
    for (const name of ['n1', 'n2', 'n3']) put(`${NODES}${name}`, '{}');
  });
  afterAll(() => etcd?.stop());

  test('a remote reads what it may, counts without hearing, and hears no more than it asked for', async () => {
    const reader = await open(profiles.mesh('remote', 'berlin'));
    expect((await reader.range({ key: 'cilium/cluster-config/oslo' })).entries).toMatchObject([{ key: 'cilium/cluster-config/oslo', value: '{"id":1,"capabilities":{}}' }]);
    expect(await reader.range({ key: NODES, rangeEnd: prefixEnd(NODES), countOnly: true })).toMatchObject({ count: 3, entries: [] });
    const first = await reader.range({ key: NODES, rangeEnd: prefixEnd(NODES), limit: 1, keysOnly: true });
    expect([first.count, first.entries.map(({ key, value }) => [key, value])]).toEqual([3, [[`${NODES}n1`, '']]]);
    expect((await reader.range({ key: 'cilium/state/none' })).entries).toEqual([]);
    expect(reader.server.notAfter).toBeGreaterThan(Date.now());
    reader.close();
  });

  test('it may not read what its cluster has of others, nor write; asking writes nothing', async () => {
    const reader = await open(profiles.mesh('remote', 'berlin'));
    expect(await refusal(reader.range({ key: 'cilium/cache/', rangeEnd: prefixEnd('cilium/cache/'), countOnly: true }))).toBe('PermissionDenied');
    const before = await reader.range({ key: 'cilium/.heartbeat' });
    expect(await reader.mayWrite('cilium/.heartbeat')).toBe(false);
    const root = await open(admin);
    expect(await root.mayWrite('cilium/.heartbeat')).toBe(true);
    expect(await reader.range({ key: 'cilium/.heartbeat' })).toEqual(before);
    for (const connection of [reader, root]) connection.close();
  });

  test('who is no user is told so; whose certificate is of another root is not let in; an answer beyond the bound is not taken', async () => {
    const stranger = await open(profiles.mesh('remote', 'rome'));
    expect(await refusal(stranger.range({ key: 'cilium/.heartbeat' }))).toBe('PermissionDenied');
    stranger.close();
    const other = await newProfiles();
    expect(await refusal(open(other.mesh('remote', 'berlin')))).toBe('ClientCertificateRefused');
    for (const index of Array.from({ length: 11 }).keys()) put(`cilium/state/large/${index}`, 'x'.repeat(100_000));
    const reader = await open(profiles.mesh('remote', 'berlin'));
    const all = { key: 'cilium/state/large/', rangeEnd: prefixEnd('cilium/state/large/') };
    expect((await reader.range({ ...all, limit: 10 })).entries.length).toBe(10);
    expect(await refusal(reader.range(all))).toBe('TooLarge');
  });
});
