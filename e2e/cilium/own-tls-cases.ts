/** A cluster whose etcd has certificates of another authority is read with credentials for it alone, from a Secret in each cluster that reads it. */
import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { Secret } from '../../mesh/api/resources/core.ts';
import { Cluster } from '../../mesh/api/resources/index.ts';
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import { type HandMadeAuthority, handMadeAuthority, type Pair } from './hand-made-authority.ts';
import type { CiliumPods } from './pods.ts';
import { EVERYBODY, othersOf, PEER_SECRET, said, type Scene } from './scene.ts';
import { connectedOf, PATIENCE } from './world.ts';

const PEER = 'oslo';
const READERS = othersOf(PEER);
const [LOSING = '', REPLACING = ''] = READERS;
const SECRET = { namespace: 'kube-system', name: PEER_SECRET };
const ENTRIES = 'cilium-kvstoremesh';
const MOUNT = '/var/lib/cilium/clustermesh';
/** By what the Secret calls it. */
const FILES: Readonly<Record<keyof Pair, string>> = { 'ca.crt': `${PEER}.etcd-client-ca.crt`, 'tls.crt': `${PEER}.etcd-client.crt`, 'tls.key': `${PEER}.etcd-client.key` };
/** Agents look every 30 s. */
const UNTIL_LOOKED = { timeout: 90_000, interval: 200 };
const STRANGER = 'certificate signed by unknown authority';

/** As Cilium prints it. */
const serialOf = (pem: string): string => new X509Certificate(pem).serialNumber.toLowerCase().match(/../g)?.join(':') ?? '';

export function ownTlsCases(scene: () => Scene) {
  const authorities: HandMadeAuthority[] = [];
  const authority = (index: number): HandMadeAuthority => authorities[index] as HandMadeAuthority;
  const pods = (of: string): CiliumPods => scene().member(of).pods;
  const given = new Map<string, Pair>();
  let common = '';
  let former: Pair | undefined;

  /** What the peer's etcd shows: a certificate of an authority that nobody in the mesh knows; undefined: the mesh's. Clients of these authorities it takes all the time, for it reads roots at its start alone. */
  function shows(index: number | undefined): void {
    const roots = authorities.map(({ rootPem }) => rootPem).join('');
    const believing = (files: Readonly<Record<string, string>>) => (files['ca.crt'] === undefined ? files : { ...files, 'ca.crt': files['ca.crt'] + roots });
    const shown = index === undefined ? undefined : authority(index).server();
    const own = shown === undefined ? {} : { 'tls.crt': shown['tls.crt'], 'tls.key': shown['tls.key'] };
    pods(PEER).mountAs((volumes) => ({ ...volumes, server: { ...believing(volumes.server), ...own }, admin: believing(volumes.admin), local: believing(volumes.local) }));
  }

  /** Below an authority that the peer's etcd believes; whoever has it believes that one and the mesh. */
  async function pair(reader: string, index: number): Promise<Pair> {
    const made = authority(index).client(`remote-${reader}`);
    return { ...made, 'ca.crt': `${made['ca.crt']}${await scene().text(reader, 'clustermesh-apiserver-remote-cert', 'ca.crt') ?? ''}` };
  }
  const dataOf = (reader: string): object => Object.fromEntries(Object.entries(given.get(reader) ?? {}).map(([key, text]) => [key, Buffer.from(text, 'utf8').toString('base64')]));

  /** Whether this, or what it was given last, stands beside its entry. Keys are not to be printed. */
  const stands = async (reader: string, files = given.get(reader)): Promise<boolean> =>
    (await Promise.all(Object.entries(FILES).map(async ([key, file]) => await scene().text(reader, ENTRIES, file) === files?.[key as keyof Pair]))).every(Boolean);
  const entry = (reader: string): Promise<string | undefined> => scene().text(reader, ENTRIES, PEER);
  const connections = (reader: string): number => pods(reader).log().split('\n').filter((line) => line.includes('Connection to remote cluster established') && line.includes(`=${PEER}`)).length;
  const connectsAnew = (reader: string, before: number): Promise<void> => expect.poll(() => connections(reader), PATIENCE).toBeGreaterThan(before);
  const plan = async (meshEndpoint: object | null): Promise<void> => {
    await scene().world.hub.client.patch(Cluster, { name: PEER }, { spec: { meshEndpoint } }, { type: 'merge', fieldManager: 'test' }, scene().world.signal);
  };
  const everyChangeArrives = async (): Promise<void> => {
    await expect.poll(scene().connected, PATIENCE).toEqual(EVERYBODY);
    for (const reader of READERS) await scene().arrives(PEER, reader);
  };

  return {
    /** Before there is a pod. */
    prepare() {
      authorities.push(handMadeAuthority('Oslo CA 1'), handMadeAuthority('Oslo CA 2'));
      shows(undefined);
    },
    remove() { for (const each of authorities) each.remove(); },

    givenCases() {
      test('reads one with credentials for it alone, where nobody else vouches for its etcd', async () => {
        const { member, access, restart, verify, world } = scene();
        common = await entry(LOSING) ?? '';
        shows(0);
        for (const reader of READERS) {
          given.set(reader, await pair(reader, 0));
          await member(reader).api.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: SECRET, data: dataOf(reader) } as KubernetesObject, { fieldManager: 'kubectl-create' }, world.signal);
        }
        await expect.poll(() => access(LOSING, PEER), PATIENCE).toContain(STRANGER);
        const before = new Map(READERS.map((reader) => [reader, connections(reader)]));
        await plan({ address: `${PEER}.mesh.cilium.io`, port: 2379, tls: { secretName: PEER_SECRET, trust: 'Secret' } });
        for (const reader of READERS) {
          await expect.poll(() => stands(reader), PATIENCE).toBe(true);
          expect(await entry(reader)).toContain([`- https://${PEER}.mesh.cilium.io:2379`, `trusted-ca-file: ${MOUNT}/${FILES['ca.crt']}`, `key-file: ${MOUNT}/${FILES['tls.key']}`, `cert-file: ${MOUNT}/${FILES['tls.crt']}`].join('\n'));
        }
        for (const [reader, count] of before) await connectsAnew(reader, count);
        // For verify the copy must be newer than the entry.
        await restart(REPLACING);
        await everyChangeArrives();
        await expect.poll(async () => (await verify('--from', REPLACING, '--to', PEER)).cells.map(said), PATIENCE).toEqual([`${REPLACING} ${PEER} well`]);
        former = given.get(REPLACING);
        await member(LOSING).api.delete(Secret, SECRET, {}, world.signal);
        given.set(REPLACING, await pair(REPLACING, 1));
        await member(REPLACING).api.patch(Secret, SECRET, { data: dataOf(REPLACING) }, { type: 'merge', fieldManager: 'kubectl-edit' }, world.signal);
      });
    },

    changedCases() {
      test('goes on to read it when the Secret has others, or is gone, and when it is read as all are again', async () => {
        const { access, cluster, member, text, world } = scene();
        // What it has now is of no use before the peer's etcd shows another certificate.
        await expect.poll(async () => (await cluster(REPLACING))?.status?.peering?.waitsFor, UNTIL_LOOKED).toMatchObject([{ peer: PEER, reason: expect.stringContaining('its entry stays as it is until the peer opens itself to the new one') }]);
        expect(await stands(REPLACING, former)).toBe(true);
        expect(await connectedOf(member(REPLACING))).toContain(PEER);
        const connectedBefore = connections(REPLACING);
        shows(undefined);
        await expect.poll(() => stands(REPLACING), PATIENCE).toBe(true);
        await connectsAnew(REPLACING, connectedBefore);
        await expect.poll(async () => (await cluster(LOSING))?.status?.conditions?.find(({ type }) => type === 'Applied')?.message, UNTIL_LOOKED)
          .toContain(`${PEER}: Secret kube-system/${PEER_SECRET}, with which it is to be read, is not there, so its entry stays with the credentials that it has`);
        expect(await stands(LOSING)).toBe(true);
        shows(1);
        await expect.poll(() => access(LOSING, PEER), PATIENCE).toContain(STRANGER);
        const check = await pods(REPLACING).troubleshoot(PEER);
        expect(check).toContain('Etcd connection successfully established');
        expect(check).toContain(serialOf(given.get(REPLACING)?.['tls.crt'] ?? ''));
        shows(undefined);
        const before = new Map(READERS.map((reader) => [reader, connections(reader)]));
        await plan(null);
        for (const reader of READERS) {
          await expect.poll(() => entry(reader), PATIENCE).toBe(common);
          for (const file of Object.values(FILES)) expect(await text(reader, ENTRIES, file)).toBeUndefined();
        }
        for (const [reader, count] of before) await connectsAnew(reader, count);
        await everyChangeArrives();
        await member(REPLACING).api.delete(Secret, SECRET, {}, world.signal);
        await world.allReady();
      });
    },
  };
}
