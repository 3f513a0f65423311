import { expect, test } from 'vitest';
import { type Authority, createAuthority } from '../../../certs/index.ts';
import { Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import { KubernetesUnreachable } from '../../../mesh/ports/kubernetes.ts';
import { p256Signer } from '../../adapters/signer.ts';
import { seededRandom, silentLog } from '../../runtime/testing/fakes.ts';
import { manualClock } from '../../runtime/testing/manual-clock.ts';
import { memoryKubernetes } from '../../runtime/testing/memory-kubernetes.ts';
import { secretKeyStore } from './key-store.ts';

const signal = new AbortController().signal;
const namespace = 'isthmus-system';
const PHASES = ['UpdateClients', 'UpdateServers', 'Cleanup', 'Standby'] as const;
const told = (work: Promise<unknown>): Promise<string> => work.then(() => 'done', (error: Error) => error.message);

function world() {
  const kubernetes = memoryKubernetes();
  const clock = manualClock();
  let seed = 0;
  const hub = async (): Promise<Authority> => {
    const authority = createAuthority({ clock, random: seededRandom(++seed), signer: p256Signer, keys: secretKeyStore({ kubernetes, namespace }), trustDomain: 'mesh.example', log: silentLog });
    await authority.open(signal);
    return authority;
  };
  const version = async (): Promise<string | undefined> => (await kubernetes.get<SecretObject>(Secret, { namespace, name: 'isthmus-authority' }, signal))?.metadata.resourceVersion;
  return { kubernetes, hub, version };
}

test('a hub that loses its API at any write of a rotation leaves a whole document, and the next one ends the rotation', async () => {
  const { kubernetes, hub } = world();
  await hub();
  const steps: readonly ((authority: Authority) => Promise<unknown>)[] = [
    (authority) => authority.begin({ id: 'r', of: 'Root', reason: 'x', by: 'ann' }, signal), ...PHASES.map((phase) => (authority: Authority) => authority.move('r', phase, signal)),
  ];
  for (const step of steps) {
    const dying = await hub();
    kubernetes.intercept = (verb, kind) => { if (verb === 'update' && kind === 'Secret') throw new KubernetesUnreachable('connection reset'); };
    expect(await told(step(dying))).toMatch(/connection reset/);
    kubernetes.intercept = () => {};
    const next = await hub();
    expect(next.state()).toEqual(dying.state());
    await step(next);
    // It comes back and has seen nothing: the same order is done already.
    await step(dying);
    expect(dying.state()).toEqual(next.state());
  }
  const last = await hub();
  expect(last.state()).toMatchObject({ finished: { id: 'r' }, roots: [{ generation: 2 }], sequence: 3 });
});

test('two hubs that move one rotation at once do each step once', async () => {
  const { hub, version } = world();
  const [first, second] = [await hub(), await hub()];
  const both = (work: (authority: Authority) => Promise<unknown>): Promise<string[]> => Promise.all([first, second, first].map((authority) => told(work(authority))));
  expect(await both((authority) => authority.begin({ id: 'r', of: 'Root', reason: 'x', by: 'ann' }, signal))).toEqual(['done', 'done', 'done']);
  for (const phase of PHASES) {
    const before = await version();
    expect(await both((authority) => authority.move('r', phase, signal))).toEqual(['done', 'done', 'done']);
    expect(await version()).not.toBe(before);
    expect(first.state()).toEqual(second.state());
  }
  expect(first.state().sequence).toBe(3);
});
