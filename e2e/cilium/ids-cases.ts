/** Somebody gives a cluster the id of another one. */
import { expect, test } from 'vitest';
import type { MatrixCell } from '../../mesh/verify/matrix.ts';
import { ALL, EVERYBODY, othersOf, type Scene } from './scene.ts';
import { PATIENCE } from './world.ts';

const WRONG = { name: 'virginia', id: 3, takes: 2, of: 'oslo' };
const OBJECTS = { 'cilium-kvstoremesh': othersOf, 'cilium-clustermesh': othersOf, 'clustermesh-remote-users': () => ['users.yaml'] };

export function idsCases(scene: () => Scene): void {
  const everything = async (): Promise<readonly unknown[]> => Promise.all(scene().members.flatMap(({ name }) => Object.entries(OBJECTS).flatMap(([object, keys]) => keys(name).map(async (key) => [name, object, key, await scene().text(name, object, key)]))));

  let before: readonly unknown[] = [];

  test('refuses a second cluster with an id before anything is written', async () => {
    const { edit, condition } = scene();
    before = await everything();
    await edit(WRONG.name, 'cilium-config', 'cluster-id', `${WRONG.takes}`);
    await expect.poll(async () => (await condition('Planned'))?.status, PATIENCE).toBe('False');
    const refusal = await condition('Planned');
    console.log(`pre-flight says: ${refusal?.reason}: ${refusal?.message}`);
    expect(refusal?.reason).toMatch(/ClusterId/);
    for (const word of [WRONG.name, WRONG.of, `${WRONG.takes}`]) expect(refusal?.message).toContain(word);
    expect(await everything()).toEqual(before);
  });

  test('which kvstoremesh itself would take up: it looks at names alone', async () => {
    const { member, restart, connected } = scene();
    member(WRONG.name).pods.installWith(WRONG.takes);
    await restart(WRONG.name);
    for (const name of othersOf(WRONG.name)) {
      const read = (cluster: string): Promise<string> => member(name).pods.read(`cilium/cluster-config/${cluster}`);
      await expect.poll(() => read(WRONG.name), PATIENCE).toContain(`"id":${WRONG.takes}`);
      if (name !== WRONG.of) expect(await read(WRONG.of)).toContain(`"id":${WRONG.takes}`);
    }
    await expect.poll(connected, PATIENCE).toEqual(EVERYBODY);
    expect(await everything()).toEqual(before);
  });

  test('and which verify calls red at every reader, and at the one whose id it is as well', async () => {
    const { verify, world } = scene();
    // One that reads both, and neither is itself.
    const [third = ''] = ALL.filter((name) => name !== WRONG.name && name !== WRONG.of);
    const has = ({ reasons }: MatrixCell, ...codes: readonly string[]): boolean => codes.every((wanted) => reasons.some(({ code }) => code === wanted));
    await expect.poll(async () => (await verify()).cells.filter((cell) => has(cell, 'DuplicateId')).map(({ from, to }) => `${from} ${to}`), PATIENCE).toEqual([`${third} ${WRONG.of}`, ...othersOf(WRONG.name).map((from) => `${from} ${WRONG.name}`)].sort());
    const { status, stdout } = await world.outcome('doctor', 'europe', '--to', WRONG.name);
    expect(status).toBe(1);
    expect(stdout).toContain(`RED 2 clusters -> ${WRONG.name}: DuplicateId\n`);
    expect(stdout).toContain(`it runs under id ${WRONG.takes}, planned is ${WRONG.id}`);
  });

  test('and goes on when it has its own again', async () => {
    const { edit, member, restart, condition, connected, world } = scene();
    member(WRONG.name).pods.installWith(WRONG.id);
    await edit(WRONG.name, 'cilium-config', 'cluster-id', `${WRONG.id}`);
    await restart(WRONG.name);
    await expect.poll(async () => (await condition('Planned'))?.status, PATIENCE).toBe('True');
    await expect.poll(connected, PATIENCE).toEqual(EVERYBODY);
    for (const name of othersOf(WRONG.name)) await expect.poll(() => member(name).pods.read(`cilium/cluster-config/${WRONG.name}`), PATIENCE).toContain(`"id":${WRONG.id}`);
    await world.allReady();
  });
}
