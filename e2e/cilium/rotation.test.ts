/**
 * Cilium's own clustermesh-apiserver and kvstoremesh through a rotation of the root, there and back, and through a revocation: with what our agents write into real
 * kube-apiservers, as files of their pods, unmodified.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type CertificateAuthorityObject, FLEET_AUTHORITY } from '../../mesh/api/resources/authority.ts';
import { CertificateAuthority, Mesh, UpdateStrategy } from '../../mesh/api/resources/index.ts';
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import { connectedOf, type Member, MEMBERS, missingWorld, PATIENCE, Service, startWorld, type World } from './world.ts';

const missing = missingWorld();
if (missing !== undefined) console.log(`Cilium's own programs are not taken through a rotation: ${missing}`);

const SETTLE_SECONDS = 2;
/** Marks come twice a second, and are looked for as often as the machine can: nine in ten are seen so long after the one before where nothing else takes the processors. */
const USUAL_MILLISECONDS = 600;
/** A phase that takes fewer usual times is over at once. */
const SHORTEST_TIMES = 3;
/** A kvstoremesh that is turned away stays so for longer; where pods are replaced it is away for a second. */
const LONGEST_SILENCE_TIMES = 16;
const TWO = MEMBERS.slice(0, 2);
const MARKER = { namespace: 'shop', name: 'marker' };

/** A mark that was written in one cluster, and seen in the other's cache. */
interface Arrival { readonly to: string; readonly writtenAt: number; readonly seenAt: number }

describe.skipIf(missing !== undefined)('Cilium\'s own programs', () => {
  const phases: { readonly phase: string; readonly at: number }[] = [];
  const arrivals: Arrival[] = [];
  let world: World;
  let members: readonly Member[];

  const authority = async (): Promise<NonNullable<CertificateAuthorityObject['status']>> => (await world.hub.client.get<CertificateAuthorityObject>(CertificateAuthority, { name: FLEET_AUTHORITY }, world.signal))?.status ?? {};
  const connected = (): Promise<readonly (readonly string[])[]> => Promise.all(members.map(connectedOf));
  const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;

  /** A label of a global Service counts up in `from`, and is looked for in what agents of `to` read. */
  function mark(from: Member, to: Member): void {
    const written: number[] = [];
    world.loop(500, async () => {
      await from.api.patch(Service, MARKER, { metadata: { labels: { tick: `${written.length}` } } }, { type: 'merge', fieldManager: 'test' }, world.signal);
      written.push(performance.now());
    });
    let newest = -1;
    world.loop(250, async () => {
      const text = await to.pods.read(`cilium/cache/services/v1/${from.name}/${MARKER.namespace}/${MARKER.name}`).catch(() => '');
      const seen = Number(/"tick":"(\d+)"/.exec(text)?.[1] ?? -1);
      if (seen <= newest) return;
      newest = seen;
      arrivals.push({ to: to.name, writtenAt: written[seen] ?? 0, seenAt: performance.now() });
    });
  }
  /** Longest time in which nothing newer than before arrived at a cluster. */
  const longestSilence = (to: string, since: number): number => {
    const times = [since, ...arrivals.filter((one) => one.to === to && one.seenAt > since).map(({ seenAt }) => seenAt), performance.now()];
    return Math.max(...times.slice(1).map((time, index) => time - (times[index] ?? 0)));
  };
  /** What is usual on this machine, as busy as it is. */
  const usual = (since: number): number => Math.max(USUAL_MILLISECONDS, ...TWO.map(({ name }) => {
    const times = arrivals.filter(({ to, seenAt }) => to === name && seenAt > since).map(({ seenAt }) => seenAt);
    return times.slice(1).map((time, index) => time - (times[index] ?? 0)).sort((one, other) => one - other)[Math.floor((times.length - 1) * 0.9)] ?? 0;
  }));
  const arrives = async (since = performance.now()): Promise<void> => {
    await expect.poll(() => TWO.every(({ name }) => arrivals.some(({ to, writtenAt }) => to === name && writtenAt > since)), PATIENCE).toBe(true);
  };

  beforeAll(async () => {
    world = await startWorld(TWO, { agentWords: ['--trust-settle', `${SETTLE_SECONDS}`] });
    ({ members } = world);
    for (const { api } of members) await api.create(Service, { apiVersion: 'v1', kind: 'Service', metadata: { ...MARKER, annotations: { 'service.cilium.io/global': 'true' } }, spec: { ports: [{ port: 80 }] } } as KubernetesObject, { fieldManager: 'test' }, world.signal);
    await world.make(UpdateStrategy, 'all-at-once', { stages: [{ name: 'all', clusters: {}, maxConcurrency: '100%' }], progressDeadlineSeconds: 60 });
    await world.make(Mesh, 'europe', { clusters: {}, strategy: 'all-at-once' });
    const [berlin, oslo] = members as [Member, Member];
    mark(berlin, oslo);
    mark(oslo, berlin);
    world.loop(100, async () => {
      const { phase } = await authority();
      if (phase !== undefined && phase !== phases.at(-1)?.phase) phases.push({ phase, at: performance.now() });
    });
  });
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') console.log(world.lastLines());
  });
  afterAll(async () => { await world?.stop(); });

  test('connect with what our agents write, and bring over what the other cluster has', async () => {
    await world.allReady();
    await expect.poll(connected, PATIENCE).toEqual([['oslo'], ['berlin']]);
    await arrives();
    expect(world.surprises).toEqual([]);
  });

  /** Phases in which no mark that was written in it was seen, for each cluster that ought to have seen one; but one that was over at once. */
  const silentPhases = (since: number): readonly string[] => phases.slice(1).flatMap(({ phase, at }, index) => {
    const end = phases[index + 2]?.at ?? performance.now();
    if (end - at < SHORTEST_TIMES * usual(since)) return [];
    return TWO.filter(({ name }) => !arrivals.some(({ to, writtenAt, seenAt }) => to === name && writtenAt >= at && seenAt <= end)).map(({ name }) => `${phase} at ${name}`);
  });
  const reportOf = (begun: number): string => [
    phases.map(({ phase, at }) => `${phase} from ${seconds(at - begun)}`).join(', '),
    `longest without a new mark: ${TWO.map(({ name }) => `${name} ${seconds(longestSilence(name, begun))}`).join(', ')}; usual ${seconds(usual(begun))}`,
  ].join('\n');

  test('go through a rotation of the root that is taken back from its last phase but one', async () => {
    const begun = performance.now();
    phases.length = 0;
    await world.person('identity', 'rotate', '--of', 'root', '--why', 'practice', '--id', 'practice', '--strategy', 'all-at-once', '--no-wait');
    await expect.poll(() => phases.at(-1)?.phase, PATIENCE).toBe('UpdateServers');
    // A phase ends when all have done their part, and the way back closes: that takes less time than a command on a busy machine. One that does not answer holds it.
    const [, oslo] = members;
    oslo?.agent.running.child.kill('SIGSTOP');
    const heard = expect.poll(async () => (await authority()).rotation?.back, PATIENCE).toBe(true).finally(() => oslo?.agent.running.child.kill('SIGCONT'));
    const [told] = await Promise.all([world.long('identity', 'rollback', 'practice'), heard]);
    await arrives();
    console.log(told, reportOf(begun));
    expect(silentPhases(begun)).toEqual([]);
    for (const { name } of TWO) expect(longestSilence(name, begun), name).toBeLessThan(LONGEST_SILENCE_TIMES * usual(begun));
    expect(phases.map(({ phase }) => phase)).toEqual(['Standby', 'Init', 'UpdateClients', 'UpdateServers', 'UpdateClients', 'UpdateServers', 'Cleanup', 'Standby']);
    expect(await connected()).toEqual([['oslo'], ['berlin']]);
    expect(world.surprises).toEqual([]);
  });

  test('go through a rotation of the root', async () => {
    const begun = performance.now();
    const before = members.map(({ pods }) => pods.made);
    phases.length = 0;
    const told = await world.long('identity', 'rotate', '--of', 'root', '--why', 'yearly', '--id', 'autumn', '--strategy', 'all-at-once');
    await arrives();
    console.log(told, reportOf(begun));
    expect(silentPhases(begun)).toEqual([]);
    for (const { name } of TWO) expect(longestSilence(name, begun), name).toBeLessThan(LONGEST_SILENCE_TIMES * usual(begun));
    expect(phases.map(({ phase }) => phase)).toEqual(['Standby', 'Init', 'UpdateClients', 'UpdateServers', 'Cleanup', 'Standby']);
    expect(members.map(({ pods }, index) => pods.made - (before[index] ?? 0))).toEqual([2, 2]);
    expect(await connected()).toEqual([['oslo'], ['berlin']]);
    expect(world.surprises).toEqual([]);
  });

  test('lose a cluster that is revoked, which gets nothing more, and take it back when it has joined anew', async () => {
    const [berlin, oslo] = members as [Member, Member];
    const begun = performance.now();
    const told = await world.long('identity', 'revoke', 'berlin', '--why', 'stolen laptop', '-o', 'json');
    expect(JSON.parse(told)).toMatchObject({ done: true, peers: [{ cluster: 'oslo', podsReplacedAt: expect.any(String) as string }] });
    const revoked = performance.now();
    await expect.poll(() => berlin.pods.troubleshoot('oslo'), PATIENCE).toContain('permission denied');
    // What was told it to believe is believed by its own kvstoremesh for some time yet; the peer's forgot it.
    await expect.poll(() => connectedOf(oslo), PATIENCE).toEqual([]);
    expect(arrivals.filter(({ to, writtenAt }) => to === 'berlin' && writtenAt > revoked)).toEqual([]);
    const lost = performance.now();
    await berlin.agent.running.stop();
    berlin.agent = await world.joins(berlin);
    await expect.poll(connected, PATIENCE).toEqual([['oslo'], ['berlin']]);
    await arrives();
    console.log(`revoked after ${seconds(revoked - begun)}, lost after ${seconds(lost - begun)}, back after ${seconds(performance.now() - lost)}`);
    expect(oslo.pods.running).toBe(1);
    expect(world.surprises).toEqual([]);
  });

  test('and nothing was asked for that the chart does not grant', () => {
    expect(world.refused()).toEqual([]);
  });
});
