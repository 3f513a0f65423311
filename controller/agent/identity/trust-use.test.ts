/** When a cluster says whom it believes: never before all that Cilium's processes read of it has stood for long enough, and never less than it said before. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TrustState } from '../../../mesh/model/desired.ts';
import type { TrustUse } from '../../../mesh/model/trust.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { manualClock } from '../../runtime/testing/manual-clock.ts';
import { createState } from '../state/state.ts';
import { createTrusts, type Trusts } from './trust-use.ts';

const signal = new AbortController().signal;
const OLD = 'issuing CA OLD';
const NEW = 'issuing CA NEW';
const trust = (sequence: number, over: Partial<TrustState> = {}): TrustState => ({ trustDomain: 'mesh.example', sequence, bundlePem: `roots ${sequence}`, ...over });

/** A cluster whose pods are replaced at once, and that is given whatever it asks for when the test says so. */
function cluster(settleSeconds?: number) {
  const clock = manualClock();
  const state = createState('berlin', sha256Hex);
  const held = { bundlePem: 'roots 1', clientIssuers: [OLD] as readonly string[], serverIssuers: [OLD] as readonly string[] };
  const there = { own: OLD, believes: true, adopted: [] as number[], looked: true, held: held as typeof held | undefined, leaves: [OLD, OLD] as readonly [string, string], unmarked: new Map<string, readonly string[]>() };
  const kubernetes = { get: async () => undefined } as unknown as KubernetesClient;
  const make = (): Trusts => createTrusts({
    ports: { kubernetes, clock, digest: sha256Hex }, namespace: 'kube-system', settleSeconds, state,
    identity: { adoptTrust: async () => there.believes, avoid() {}, issuer: () => there.own }, adopted: (told) => there.adopted.push(told.sequence),
    certificates: {
      avoid() {}, inPlace: () => there.held, problems: () => (there.looked ? [] : undefined),
      leaves: () => new Map([['remote', { notBefore: 0, notAfter: 1, issuer: there.leaves[0] }], ['server', { notBefore: 0, notAfter: 1, issuer: there.leaves[1] }]]),
    },
  });
  let trusts = make();
  return {
    clock, there, state,
    restart() { trusts = make(); },
    mark: (asked: TrustState) => trusts.mark(asked),
    look: (asked: TrustState, peered = true) => trusts.carryOut(asked, peered ? { unmarked: () => there.unmarked } : undefined, signal),
    hold(over: Partial<typeof held>) {
      there.held = { ...held, ...there.held, ...over };
      there.leaves = [there.held.clientIssuers.at(-1) ?? '', there.held.serverIssuers.at(-1) ?? ''];
    },
  };
}

const used = (sequence: number, clientIssuers: readonly string[] = [OLD], serverIssuers: readonly string[] = [OLD]): TrustUse => ({ sequence, clientIssuers, serverIssuers });

test('the first bundle of a fleet, and a cluster in no mesh, wait for nothing', async () => {
  const first = cluster();
  expect(await first.look(trust(1))).toEqual({ message: '', settles: '', use: used(1) });
  const alone = cluster();
  expect(await alone.look(trust(4), false)).toEqual({ message: '', settles: '', use: used(4, [OLD], []) });
});

test('roots that the identity does not take are not in use, in a mesh or in none', async () => {
  for (const peered of [true, false]) {
    const { there, look } = cluster();
    await look(trust(1), peered);
    there.believes = false;
    expect(await look(trust(2), peered)).toMatchObject({ message: 'identity: is of issuing CA OLD, which is of none of the roots of bundle 2, so it keeps its own', use: used(1, [OLD], peered ? [OLD] : []) });
    expect(there.adopted).toEqual([1]);
  }
});

describe('a new bundle', () => {
  test('counts 120 seconds after the last that had to be written, and says until when', async () => {
    const { clock, there, look, hold, mark } = cluster();
    await look(trust(1));
    expect(await look(trust(2))).toMatchObject({ message: 'mesh certificates: the roots are not in every Secret yet', settles: '', use: used(1) });
    hold({ bundlePem: 'roots 2' });
    there.unmarked = new Map([['cilium-clustermesh', ['oslo']], ['cilium-kvstoremesh', ['a', 'b', 'c', 'd']]]);
    expect(mark(trust(2))).toBeUndefined();
    expect((await look(trust(2))).message).toBe('Secret kube-system/cilium-clustermesh: what stands there of oslo does not name the roots of now, so Cilium may believe those of before; it is written as soon as nobody else holds it; Secret kube-system/cilium-kvstoremesh: what stands there of a, b, c and 1 more does not name the roots of now, so Cilium may believe those of before; it is written as soon as nobody else holds it');
    expect(mark(trust(2))).toMatch(/^[0-9a-f]{16}$/);
    await clock.advance(500_000);
    expect((await look(trust(2))).use).toEqual(used(1));
    there.unmarked = new Map();
    const until = clock.now() + 120_000;
    expect(await look(trust(2))).toEqual({ message: '', settles: `trust: counts as in use from ${new Date(until).toISOString()} on, when Cilium's processes have read what has changed`, again: until, use: used(1) });
    await clock.advance(119_999);
    expect((await look(trust(2))).use).toEqual(used(1));
    await clock.advance(1);
    expect(await look(trust(2))).toEqual({ message: '', settles: '', use: used(2) });
  });

  test('waits anew after a change, and after a restart; what was said stays said', async () => {
    const { clock, there, look, hold, restart } = cluster();
    await look(trust(1));
    hold({ bundlePem: 'roots 2' });
    await look(trust(2));
    await clock.advance(100_000);
    there.unmarked = new Map([['cilium-clustermesh', ['oslo']]]);
    expect((await look(trust(2))).settles).toBe('');
    there.unmarked = new Map();
    await look(trust(2));
    await clock.advance(100_000);
    restart();
    expect(await look(trust(2))).toMatchObject({ use: used(1), again: clock.now() + 120_000 });
    await clock.advance(120_000);
    expect((await look(trust(2))).use).toEqual(used(2));
    there.held = undefined;
    restart();
    expect((await look(trust(2))).use).toEqual(used(2));
    hold({ bundlePem: 'roots 2' });
    there.unmarked = new Map([['cilium-clustermesh', ['oslo']]]);
    expect(await look(trust(2))).toEqual({ message: '', settles: '', use: used(2) });
  });

  test('is not waited for where the setting says so', async () => {
    const { look, hold } = cluster(0);
    await look(trust(1));
    hold({ bundlePem: 'roots 2' });
    expect((await look(trust(2))).use).toEqual(used(2));
  });
});

test('leaves of another issuing CA wait as well, below the bundle of before too; the agent\'s own does not', async () => {
  const { clock, there, look, hold } = cluster();
  await look(trust(1));
  const asked = trust(1, { renewClientsOf: [OLD] });
  there.own = NEW;
  expect(await look(asked)).toMatchObject({ message: `mesh certificates: some are of ${OLD}, and are to be issued anew`, use: used(1, [NEW, OLD]) });
  hold({ clientIssuers: [NEW] });
  expect(await look(asked)).toMatchObject({ message: '', settles: expect.stringContaining('in use from'), use: used(1, [NEW, OLD]) });
  await clock.advance(120_000);
  expect((await look(asked)).use).toEqual(used(1, [NEW]));
  there.own = 'issuing CA LATER';
  expect((await look(asked)).use).toEqual(used(1, [NEW, 'issuing CA LATER'].sort()));
});

test('who shows a leaf of another issuing CA says so at once, also where not all are there, and over a restart: a way back must not leave it behind', async () => {
  const { there, look, restart } = cluster();
  await look(trust(1));
  there.held = undefined;
  there.leaves = [NEW, OLD];
  expect((await look(trust(1))).use).toEqual(used(1, [NEW, OLD]));
  there.looked = false;
  restart();
  expect((await look(trust(1))).use).toBeUndefined();
  there.looked = true;
  there.leaves = [NEW, NEW];
  expect((await look(trust(1))).use).toEqual(used(1, [NEW, OLD], [NEW, OLD]));
});

test('nothing is said of Cilium for what was said while the cluster was in no mesh, or at another hub', async () => {
  const joined = cluster();
  await joined.look(trust(4), false);
  joined.hold({ bundlePem: 'roots 4' });
  expect((await joined.look(trust(4))).use).toBeUndefined();
  const moved = cluster(0);
  moved.hold({ bundlePem: 'roots 4' });
  await moved.look(trust(4));
  expect((await moved.look(trust(4, { bundlePem: 'of another hub' }))).use).toBeUndefined();
  expect((await moved.look(trust(3))).use).toBeUndefined();
});

test('whatever happens in whatever order: what is new is said when all of it has stood for the time since it was seen, and nothing is taken back', async () => {
  const event = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('pass' as const), seconds: fc.integer({ min: 1, max: 15 }) }) },
    fc.constantFrom({ kind: 'bundle' as const }, { kind: 'leaf' as const }, { kind: 'mark' as const }, { kind: 'unmark' as const }, { kind: 'restart' as const }, { kind: 'lose' as const }),
  );
  await fc.assert(fc.asyncProperty(fc.array(event, { maxLength: 40 }), async (events) => {
    const { clock, there, look, hold, restart } = cluster(10);
    let asked = trust(1);
    let leaf = 0;
    let last = (await look(asked)).use;
    /** The dumb twin: since when the same has stood without a look in between that found it otherwise. */
    let stood: { readonly what: string; readonly since: number } | undefined;
    for (const one of events) {
      if (one.kind === 'pass') await clock.advance(one.seconds * 1000);
      if (one.kind === 'bundle') { asked = trust(asked.sequence + 1); hold({ bundlePem: asked.bundlePem }); there.unmarked = new Map([['cilium-clustermesh', ['oslo']]]); }
      if (one.kind === 'leaf') hold({ clientIssuers: [`issuing CA ${leaf += 1}`], bundlePem: asked.bundlePem });
      if (one.kind === 'mark') there.unmarked = new Map();
      if (one.kind === 'unmark') there.unmarked = new Map([['cilium-clustermesh', ['oslo']]]);
      if (one.kind === 'restart') { restart(); stood = undefined; }
      if (one.kind === 'lose') there.held = undefined;
      const complete = there.held !== undefined && (asked.sequence === 1 || there.unmarked.size === 0);
      const what = JSON.stringify([asked.sequence, there.held]);
      stood = complete ? (stood?.what === what ? stood : { what, since: clock.now() }) : undefined;
      const { use } = await look(asked);
      expect(use).toBeDefined();
      expect(use?.clientIssuers).toContain(there.leaves[0]);
      const less = last?.clientIssuers.some((issuer) => use?.clientIssuers.includes(issuer) !== true) === true;
      if (less || use?.sequence !== last?.sequence) {
        expect(stood !== undefined && clock.now() - stood.since >= 10_000, JSON.stringify({ last, use, stood, now: clock.now() })).toBe(true);
        expect(use?.sequence).toBe(asked.sequence);
      } else if (stood !== undefined && clock.now() - stood.since >= 10_000) {
        // Nothing is said only where there is nothing new.
        expect(use?.sequence).toBe(asked.sequence);
      }
      last = use;
    }
  }), { numRuns: 300 });
});
