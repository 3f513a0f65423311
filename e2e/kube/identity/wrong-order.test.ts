/** The order of a rotation, kept and broken, before real etcds and clients that read their files as Cilium's programs do. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newProfiles, type Profiles } from '../../identity/profiles.ts';
import { missingAssets } from '../apiserver.ts';
import { createMeshPods, type MeshPods, type Volumes } from './mesh-pods.ts';

const missing = missingAssets();

describe.skipIf(missing !== undefined)(`leaves and roots in a mesh${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  let old: Profiles;
  let next: Profiles;
  let mesh: readonly MeshPods[] = [];
  const volumes = (cluster: string, roots: readonly Profiles[], { clients, servers }: { readonly clients: Profiles; readonly servers: Profiles }, mark = ''): Volumes => {
    const secret = (role: 'server' | 'admin' | 'remote' | 'local'): Readonly<Record<string, string>> => {
      const { chainPem, keyPem } = (role === 'server' ? servers : clients).mesh(role, cluster);
      return { 'tls.crt': chainPem, 'tls.key': keyPem, 'ca.crt': roots.map(({ rootPem }) => rootPem).join('') };
    };
    const peers = Object.fromEntries(['berlin', 'oslo'].filter((name) => name !== cluster).map((name) => [name, `${mark}endpoints:\n- https://${name}.mesh.cilium.io:2379`]));
    return { server: secret('server'), admin: secret('admin'), remote: secret('remote'), local: secret('local'), kvstoremesh: peers, agents: peers };
  };
  const begin = async (): Promise<void> => {
    await Promise.all(mesh.map((pods) => pods.stop()));
    mesh = await Promise.all(['berlin', 'oslo'].map((name) => createMeshPods(name)));
    await Promise.all(mesh.map((pods) => pods.replace(volumes(pods.cluster, [old], { clients: old, servers: old }))));
  };
  /** What was refused of one new connection of everybody. */
  const refused = async (): Promise<readonly string[]> => {
    const before = mesh.map((pods) => pods.attempts().failed.length);
    await Promise.all(mesh.map((pods) => pods.tryAll(mesh.filter((other) => other !== pods))));
    return mesh.flatMap((pods, index) => pods.attempts().failed.slice(before[index]));
  };
  beforeAll(async () => { [old, next] = [await newProfiles(), await newProfiles()]; });
  afterAll(async () => { await Promise.all(mesh.map((pods) => pods.stop())); });

  test('roots, pods, client leaves, server leaves, roots, pods: everybody is let in all the way', async () => {
    await begin();
    const steps: readonly (readonly [readonly Profiles[], { readonly clients: Profiles; readonly servers: Profiles }, string])[] = [
      [[old, next], { clients: old, servers: old }, '# both\n'], [[old, next], { clients: next, servers: old }, '# both\n'], [[old, next], { clients: next, servers: next }, '# both\n'], [[next], { clients: next, servers: next }, '# next\n'],
    ];
    expect(await refused()).toEqual([]);
    let mark = '';
    for (const [roots, leaves, then] of steps) {
      for (const pods of mesh) {
        const now = volumes(pods.cluster, roots, leaves, then);
        pods.project(now);
        expect(await refused()).toEqual([]);
        if (then !== mark) await pods.replace(now);
        expect(await refused()).toEqual([]);
      }
      mark = then;
    }
    expect(mesh.flatMap((pods) => pods.turnedAway())).toEqual([]);
    expect(mesh.every((pods) => pods.attempts().made > 30)).toBe(true);
  });

  test('client leaves before roots: every server turns them away', async () => {
    await begin();
    for (const pods of mesh) pods.project(volumes(pods.cluster, [old], { clients: next, servers: old }));
    expect(await refused()).toHaveLength(6);
    expect(mesh.flatMap((pods) => pods.turnedAway()).join()).toContain('unknown authority');
  });

  test('client leaves after roots, but before pods that have read them: every server turns them away', async () => {
    await begin();
    for (const pods of mesh) pods.project(volumes(pods.cluster, [old, next], { clients: next, servers: old }, '# both\n'));
    expect(await refused()).toHaveLength(6);
  });

  test('server leaves before roots: no client believes them', async () => {
    await begin();
    for (const pods of mesh) pods.project(volumes(pods.cluster, [old], { clients: old, servers: next }));
    expect((await refused()).join('\n').match(/self.signed|unable to (?:get|verify)/giu)).toHaveLength(6);
  });

  test('roots without a change of what Cilium reads of its peers: its agents do not believe new server leaves', async () => {
    await begin();
    for (const pods of mesh) await pods.replace(volumes(pods.cluster, [old, next], { clients: old, servers: old }));
    expect(await refused()).toEqual([]);
    for (const pods of mesh) pods.project(volumes(pods.cluster, [old, next], { clients: old, servers: next }));
    expect(await refused()).toEqual(['berlin', 'oslo'].map((name) => expect.stringContaining(`agents of ${name} at its Service`) as string));
  });

  test('the old root dropped before leaves of the new one: everybody is locked out', async () => {
    await begin();
    for (const pods of mesh) await expect(pods.replace(volumes(pods.cluster, [next], { clients: old, servers: old }))).rejects.toThrow(`a new pod of ${pods.cluster} is never ready`);
  });
});
