/** What people change by hand in what Cilium reads: Cilium follows, it is told, and nobody writes over it unasked. */
import { expect, test } from 'vitest';
import { said, type Scene } from './scene.ts';
import { connectedOf, PATIENCE } from './world.ts';

const USERS = 'clustermesh-remote-users';
const ENTRIES = 'cilium-kvstoremesh';

export function handsCases(scene: () => Scene): void {
  test('takes access from a peer whose user somebody removes, and gives it back when that is reverted', async () => {
    const { access, edit, text, cluster, member, verify, world } = scene();
    expect(await access('oslo', 'berlin')).toBe('let in');
    const users = await text('berlin', USERS, 'users.yaml') ?? '';
    expect(users).toContain('- name: remote-oslo\n  role: remote\n');
    const edited = users.replace('- name: remote-oslo\n  role: remote\n', '');
    await edit('berlin', USERS, 'users.yaml', edited);
    await expect.poll(() => access('oslo', 'berlin'), PATIENCE).toBe('refused');
    expect(await access('virginia', 'berlin')).toBe('let in');
    // Cilium's watches go on, so that it says nothing of it.
    expect(await connectedOf(member('oslo'))).toContain('berlin');
    expect((await verify('--to', 'berlin')).cells.map(said)).toEqual([expect.stringMatching(/^oslo berlin NoUser/), 'virginia berlin well']);
    await expect.poll(async () => (await cluster('berlin'))?.status?.drift?.map(({ object, path, manager }) => `${object} ${path} ${manager}`), PATIENCE).toEqual([`ConfigMap kube-system/${USERS} .data.users.yaml kubectl-edit`]);
    expect(await text('berlin', USERS, 'users.yaml')).toBe(edited);
    await world.person('drift', 'revert', 'berlin', USERS, '--reason', 'oslo is a peer');
    await expect.poll(() => access('oslo', 'berlin'), PATIENCE).toBe('let in');
    expect(await text('berlin', USERS, 'users.yaml')).toBe(users);
  });

  test('goes on with an entry that somebody has edited, which stays as it is', async () => {
    const { arrives, edit, text, cluster, member, world } = scene();
    const entry = await text('oslo', ENTRIES, 'virginia') ?? '';
    // Of what means the same nothing is said.
    await edit('oslo', ENTRIES, 'virginia', `${entry}\n# by way of the new line\n`);
    const edited = entry.replace('https://virginia.', 'https://Virginia.');
    expect(edited).not.toBe(entry);
    await arrives('virginia', 'oslo');
    expect((await cluster('oslo'))?.status?.drift ?? []).toEqual([]);
    await edit('oslo', ENTRIES, 'virginia', edited);
    await expect.poll(async () => (await cluster('oslo'))?.status?.drift?.map(({ object, path }) => `${object} ${path}`), PATIENCE).toEqual([`Secret kube-system/${ENTRIES} .data.virginia`]);
    await expect.poll(() => connectedOf(member('oslo')), PATIENCE).toEqual(['berlin', 'virginia']);
    await arrives('virginia', 'oslo');
    expect(await text('oslo', ENTRIES, 'virginia')).toBe(edited);
    await world.person('drift', 'revert', 'oslo', ENTRIES, '--reason', 'in small letters');
    await expect.poll(() => text('oslo', ENTRIES, 'virginia'), PATIENCE).toBe(entry);
    await world.allReady();
  });
}
